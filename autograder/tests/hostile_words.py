"""Names and texts that try to move a cursor, hide, turn the direction of reading, or forge a line of the grader."""

from __future__ import annotations

import unicodedata

WORDS = {
    "colour": "\x1b[31mred\x1b[0m",
    "clear screen": "\x1b[2J\x1b[H",
    "title": "\x1b]0;all passed\x07",
    "link": "\x1b]8;;https://evil.example\x1b\\here\x1b]8;;\x1b\\",
    "8-bit CSI": "\x9b31mred",
    "8-bit OSC": "\x9d0;title\x9c",
    "device control": "\x1bP$q\x1b\\ \x90q\x9c",
    "next line": "a\x85ada: graded",
    "carriage return": "ada: 0\rada: 71",
    "backspace": "71\x08\x080",
    "newline": "x\nada: graded",
    "line separator": "x\u2028ada: graded\u2029",
    "vertical tab": "x\x0bada\x0cgraded",
    "null": "x\x00y",
    "delete": "x\x7f\x7fy",
    "override": "\u202etxt.exe\u202c",
    "embedding": "\u202aa\u202bb\u202db\u202c",
    "isolate": "\u2066a\u2067b\u2068c\u2069",
    "direction": "\u200ea\u200fb\u061cc",
    "no width": "a\u200bb\u200cc\u200dd\u2060e\ufefff",
    "soft hyphen": "pass\u00aded",
    "tags": "a\U000e0041\U000e007fb",
    "selectors": "a\U000e0100b",
    "fillers": "a\u3164b\u115fc\u1160d\uffa0e\u2800f",
    "surrogate": "a\udc9b31m",
    "interlinear": "a\ufff9b\ufffac\ufffb",
}
FORBIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}


def raw(text: str, *, lines: bool = True) -> set[str]:
    """The characters of a text that no terminal should get. lines: whether it may have several."""
    allowed = "\n" if lines else ""
    return {char for char in text if unicodedata.category(char) in FORBIDDEN and char not in allowed}
