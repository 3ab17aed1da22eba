"""Text with the pictures that a student pasted into it, drawn anew; what surrounds them is made harmless."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote

from autograder.submission.images import Work, reencode_picture
from autograder.submission.markdown import harmless

MAX_PICTURES = 60  # of one notebook
MAX_TOTAL = 8_000_000  # characters of base64, of one notebook

# References to attachments as editors write them: a link, an <img> with a width, a definition at the end of the text.
_PICTURE = re.compile(
    r"""
    !\[[^\]\n]{0,300}\]\(\s{0,5}<?attachment:(?P<link>(?:[^()<>"\n]|\([^()\n]{0,100}\)){1,200}?)>?
        (?:\s{1,5}["'][^"'\n]{0,200}["'])?\s{0,5}\)
    | <img\b[^<>]{0,500}?\bsrc\s{0,5}=\s{0,5}["']attachment:(?P<tag>[^"'<>\n]{1,200})["'][^<>]{0,300}>
    | ^[ ]{0,3}\[[^\]\n]{1,200}\]:[ \t]{0,5}<?attachment:(?P<definition>[^\s<>]{1,200})>?[^\n]{0,200}$
    """,
    re.VERBOSE | re.MULTILINE,
)


def without_pictures(source: str) -> str:
    """A text without its references to pictures."""
    return _PICTURE.sub("", source) if "attachment:" in source else source


@dataclass
class Pictures:
    """The pictures of one notebook: how many more are shown, and notes on those that are not."""

    count: int = 0
    left: int = MAX_TOTAL
    notes: list[str] = field(default_factory=list)
    work: Work = field(default_factory=Work)

    def drawn(self, source: str, attached: Mapping[str, str], where: str) -> tuple[str, dict[str, dict[str, str]]]:
        """A text, harmless, with its pictures in place or a word instead; and the pictures as a cell's attachments.

        attached: name to base64. where: the cell, for notes.
        """
        if not attached and "attachment:" not in source:
            return harmless(source), {}
        text = ""
        pictures: dict[str, dict[str, str]] = {}
        end = 0
        for match in _PICTURE.finditer(source):
            name = next(part for part in match.groups() if part is not None).strip()
            name = name if name in attached else unquote(name)
            text += harmless(source[end : match.start()]) + self._drawn(attached.get(name), where, pictures)
            end = match.end()
        return text + harmless(source[end:]), pictures

    def _drawn(self, data: str | None, where: str, pictures: dict[str, dict[str, str]]) -> str:
        """A picture in Markdown, or why it is not there. Spaces keep it apart from what could change its meaning."""
        if data is None:
            return self._not_shown("it is not in the notebook, or no picture", where)
        if self.count >= MAX_PICTURES:
            return self._not_shown(f"at most {MAX_PICTURES} are", where)
        self.count += 1
        picture = reencode_picture(data, self.work)
        if picture is None:
            return self._not_shown("it is no picture, or too large", where)
        if len(picture[1]) > self.left:
            return self._not_shown("together they are too large", where)
        self.left -= len(picture[1])
        name = f"picture-{self.count}.{'jpg' if picture[0] == 'image/jpeg' else 'png'}"
        pictures[name] = {picture[0]: picture[1]}
        return f" ![picture {self.count}](attachment:{name}) "

    def _not_shown(self, why: str, where: str) -> str:
        self.notes.append(f"a picture in the text of {where} is not shown: {why}")
        return f" [a picture is not shown: {why}; see the submitted file] "
