"""Text from outside as it may be shown: nothing in it moves a cursor, hides, or turns the direction of reading.

What comes from a submission (names, messages, tracebacks) passes here before it reaches a terminal, a note or a file.
"""

from __future__ import annotations

import sys
import unicodedata
from typing import TextIO

# Controls (also C1), marks of direction and of no width, lone surrogates, separators of lines and paragraphs.
UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
# Letters, marks and signs that show as nothing at all.
BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0")
MAX_LINE = 2_000
MAX_MARKS = 4  # accents on one letter; more of them cover the lines above
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def visible(text: str) -> str:
    r"""The text on one line, each character that nobody sees written as its escape, such as \x1b or \u202e."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escape(char) if is_unseen(char) else char for char in text)


def is_unseen(char: str) -> bool:
    """Whether a character shows as nothing, or changes how others are shown."""
    return unicodedata.category(char) in UNSEEN or char in BLANK or "\U000e0100" <= char <= "\U000e01ef"


def on_one_line(text: str, limit: int = MAX_LINE) -> str:
    """What is said in a line: `visible`, with few accents on a letter, and cut where it is long."""
    left = len(text) - limit
    shown = visible(_without_towers(text[:limit]))
    return f"{shown}… ({left:,} more characters)" if left > 0 else shown


def for_terminal(text: str) -> str:
    """Several lines, each as `on_one_line`; tabs become blanks."""
    lines = text.replace("\r\n", "\n").split("\n")
    return "\n".join(on_one_line(line.replace("\t", "    ")) for line in lines)


def quoted(text: str) -> str:
    """A student's text under a bar, so that no line of it can be taken for one of ours."""
    return "\n".join(f"  | {line}".rstrip() for line in for_terminal(text).split("\n"))


def say(text: str, file: TextIO | None = None) -> None:
    """Print for a person."""
    print(for_terminal(text), file=file or sys.stdout)


def _without_towers(text: str) -> str:
    if text.isascii():
        return text
    kept: list[str] = []
    marks = 0
    for char in text:
        marks = marks + 1 if unicodedata.category(char) in ("Mn", "Me") else 0
        if marks <= MAX_MARKS:
            kept.append(char)
    return "".join(kept)


def _escape(char: str) -> str:
    number = ord(char)
    if char in _SHORT:
        return _SHORT[char]
    return f"\\x{number:02x}" if number < 0x100 else f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
