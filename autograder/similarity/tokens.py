"""An answer as a sequence of tokens in which names, comments, docstrings and spacing make no difference."""

from __future__ import annotations

import io
import keyword
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass

_LAYOUT = {
    tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER,
    tokenize.ENCODING,
}  # fmt: skip
_BROKEN = re.compile(r"[^\W\d]\w*|\d[\w.]*|[^\w\s]")  # of code that Python does not read
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Token:
    """text: as it is compared. line: of the answer, from 1."""

    text: str
    line: int


def code_tokens(source: str) -> list[Token]:
    """A cell's code. One name is as good as another, but for those that are called or belong to something."""
    raw = list(_read(source))
    made = {after[1] for (_, before, _), after in zip(raw, [(t, s) for t, s, _ in raw[1:]], strict=False)
            if before in ("def", "class")}  # fmt: skip
    made |= {name for (kind, name, _), (_, following, _) in zip(raw, raw[1:], strict=False)
             if kind == tokenize.NAME and following == "="}  # fmt: skip
    tokens = []
    for place, (kind, text, line) in enumerate(raw):
        if kind == tokenize.NAME and not keyword.iskeyword(text):
            called = place + 1 < len(raw) and raw[place + 1][1] == "("
            member = place > 0 and raw[place - 1][1] == "."
            text = text if (member or called) and not (called and not member and text in made) else "n"
        elif kind == tokenize.STRING:
            text = "s"
        tokens.append(Token(text, line))
    return tokens


def word_tokens(text: str) -> list[Token]:
    """A written answer's words."""
    return [
        Token(word.casefold(), number)
        for number, line in enumerate(text.splitlines(), start=1)
        for word in _WORD.findall(line)
    ]


def _read(source: str) -> Iterator[tuple[int, str, int]]:
    """Kind, text and line of each token; by a rough rule where Python finds none."""
    try:
        found = list(tokenize.generate_tokens(io.StringIO(source).readline))
    except (tokenize.TokenError, SyntaxError, ValueError):
        yield from _roughly(source)
        return
    begins = True  # of a statement: a string alone there is a docstring
    for place, token in enumerate(found):
        alone = begins and token.type == tokenize.STRING and found[place + 1].type in (tokenize.NEWLINE, tokenize.NL)
        if token.type not in _LAYOUT and not alone:
            yield token.type, token.string, token.start[0]
        if token.type != tokenize.COMMENT and token.type != tokenize.NL:
            begins = token.type in _LAYOUT


def _roughly(source: str) -> Iterator[tuple[int, str, int]]:
    for number, line in enumerate(source.splitlines(), start=1):
        for text in _BROKEN.findall(line.split("#")[0]):
            yield (tokenize.NAME if text.isidentifier() else tokenize.OP), text, number
