"""Finds a merge conflict that git has left in a text."""

from __future__ import annotations

import re

# Begin, middle and end; a base's text may stand between the first two. Middles alone underline headings in prose.
_MARKS = re.compile(r"^(?:<{7} |={7}\r?$|>{7} )", re.MULTILINE)


def conflict_line(text: str) -> int | None:
    """The line on which the first conflict begins; None where there is none."""
    start, middle = None, False
    for mark in _MARKS.finditer(text) if "<<<<<<< " in text else ():
        if mark.group().startswith("<"):
            start, middle = mark.start(), False
        elif mark.group().startswith("=") and start is not None:
            middle = True
        elif start is not None and middle:
            return text.count("\n", 0, start) + 1
    return None


def conflict_in(data: bytes) -> int | None:
    """The same for the content of a file."""
    return conflict_line(data.decode("utf-8", errors="replace")) if b"<<<<<<< " in data else None
