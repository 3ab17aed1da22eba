"""Where two texts differ, as a person would say it: the line, the character, only the spaces, only the case."""

from __future__ import annotations

from kit.text import on_one_line

CONTEXT = 15  # characters shown before the first difference
MAX_PART = 40


def text_difference(actual: str, expected: str) -> str:
    """What tells two different texts apart, on one line."""
    yours, wanted = actual.split("\n"), expected.split("\n")
    number = _first(yours, wanted)
    line = f"line {number + 1}, " if max(len(yours), len(wanted)) > 1 else ""
    if number >= len(yours) or number >= len(wanted):
        lines = f"expected {_lines(len(wanted))}, got {_lines(len(yours))}"
        more = wanted if number < len(wanted) else yours
        which = "missing" if number < len(wanted) else "not expected"
        return f"{lines}: {which} is line {number + 1}, {_quoted(more[number], 0)}"
    mine, theirs = yours[number], wanted[number]
    at = _first(mine, theirs)
    pair = f"yours {_quoted(mine, at)}, expected {_quoted(theirs, at)}"
    return f"{line}character {at + 1}: {pair}{_only(mine, theirs)}"


def bytes_difference(actual: bytes, expected: bytes) -> str:
    """The first byte that differs, or the lengths."""
    at = _first(actual, expected)
    if at == min(len(actual), len(expected)):
        return f"expected {len(expected):,} bytes, got {len(actual):,}: the first {at:,} are right"
    pair = f"yours {actual[at : at + 8]!r}, expected {expected[at : at + 8]!r}"
    return f"byte {at + 1}: {pair}"


def _first(one: str | bytes | list[str], other: str | bytes | list[str]) -> int:
    """The first place at which two sequences differ; the shorter one's length where it begins the other."""
    length = min(len(one), len(other))
    low, high = 0, length
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if one[low:middle] == other[low:middle] else (low, middle - 1)
    return low


def _only(mine: str, theirs: str) -> str:
    if mine.strip() == theirs.strip():
        return _spaces(mine, theirs)
    if "".join(mine.split()) == "".join(theirs.split()):
        return " (only the spaces differ)"
    if mine.casefold() == theirs.casefold():
        return " (only upper and lower case differ)"
    return ""


def _spaces(mine: str, theirs: str) -> str:
    where = [
        name
        for name, one, other in (
            ("beginning", mine[: len(mine) - len(mine.lstrip())], theirs[: len(theirs) - len(theirs.lstrip())]),
            ("end", mine[len(mine.rstrip()) :], theirs[len(theirs.rstrip()) :]),
        )
        if one != other
    ]
    return f" (only the spaces at the {' and the '.join(where)} differ)"


def _quoted(text: str, at: int) -> str:
    start = max(0, at - CONTEXT)
    part = text[start : start + MAX_PART]
    before, after = "…" if start else "", "…" if start + MAX_PART < len(text) else ""
    return on_one_line(f"{before}{part!r}{after}", 4 * MAX_PART)


def _lines(count: int) -> str:
    return f"{count:,} line{'' if count == 1 else 's'}"
