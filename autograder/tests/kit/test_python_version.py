"""What an older Python cannot read of a cell, and which Python a notebook was made with."""

import tokenize
from tokenize import TokenInfo
from typing import Any

import pytest

from kit import python_version
from kit.python_version import made_with, unreadable

OLDER = (3, 9)


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("match x:\n    case 1: pass", 2),
        ("x = 1\ntry:\n    pass\nexcept* ValueError:\n    pass", 5),
        ("def f():\n    match x:\n        case _: pass", 3),
        ("x = (", 1),
    ],
)
def test_what_an_older_python_cannot_read_is_said_with_the_line_where_it_stopped(source: str, line: int) -> None:
    assert unreadable(source, OLDER).startswith(f"line {line}: ")


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import x\nfrom typing import override", "line 2: typing.override is new in Python 3.12"),
        ("def f():\n    from warnings import deprecated as d", "line 2: warnings.deprecated is new in Python 3.13"),
        ("try:\n    from itertools import chain, batched\nexcept ImportError: pass", "line 2: itertools.batched is"),
    ],
)
def test_a_name_that_an_older_python_lacks_is_said_with_its_line(source: str, said: str) -> None:
    assert unreadable(source, (3, 11)).startswith(said)


def test_a_name_that_this_python_has_and_modules_of_the_same_name_are_readable() -> None:
    assert unreadable("from typing import override", (3, 12)) == ""
    assert unreadable("from .typing import override\nfrom typing import Final, cast", (3, 9)) == ""


@pytest.mark.parametrize("source", ["x = 1", "f'{x!r:>{w}} {y=}'", "def f(a, /, *, b): ...", "x: int = (y := 3)", ""])
def test_what_every_python_reads_is_readable(source: str) -> None:
    assert unreadable(source, OLDER) == ""


def test_a_version_newer_than_this_one_asks_no_more_than_this_one() -> None:
    assert unreadable("match x:\n    case 1: pass", (3, 99)) == ""


START, MIDDLE, END = 901, 902, 903  # tokens of f-strings, as Python has them from 3.12 on


@pytest.fixture
def newer_python(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Tokens as a newer Python would give them, in place of a source."""
    names = {START: "FSTRING_START", MIDDLE: "FSTRING_MIDDLE", END: "FSTRING_END"}
    monkeypatch.setattr(tokenize, "tok_name", tokenize.tok_name | names)
    monkeypatch.setattr(python_version, "RUNNING", (3, 14))

    def read(*tokens: tuple[int, str]) -> str:
        given = [TokenInfo(kind, text, (2, 0), (2, 9), "") for kind, text in tokens]
        monkeypatch.setattr(tokenize, "generate_tokens", lambda readline: iter(given))
        return unreadable("", (3, 11))

    return read


@pytest.mark.parametrize(
    ("inside", "said"),
    [
        ((tokenize.STRING, '"a"'), "the same quotes"),
        ((tokenize.STRING, 'r"a"'), "the same quotes"),
        ((tokenize.STRING, '"""a"""'), "the same quotes"),
        ((START, 'f"'), "the same quotes"),
        ((tokenize.STRING, r"'\n'"), "a backslash"),
        ((tokenize.COMMENT, "# why"), "a comment"),
        ((tokenize.NL, "\n"), "a line break"),
    ],
)
def test_an_f_string_that_only_newer_pythons_read_is_found(newer_python: Any, inside: Any, said: str) -> None:
    assert newer_python((START, 'f"'), inside, (END, '"')).startswith(f"line 2: in an f-string, {said}")


@pytest.mark.parametrize(
    "tokens",
    [
        ((START, 'f"'), (tokenize.STRING, "'a'"), (END, '"')),
        ((START, "f'''"), (tokenize.STRING, "'a'"), (tokenize.NL, "\n"), (END, "'''")),
        ((START, 'f"'), (MIDDLE, "\\n"), (END, '"'), (tokenize.STRING, '"a"'), (tokenize.COMMENT, "# why")),
        ((START, 'f"'), (START, "f'"), (END, "'"), (END, '"')),
    ],
)
def test_an_f_string_that_older_pythons_read_is_not(newer_python: Any, tokens: Any) -> None:
    assert newer_python(*tokens) == ""


@pytest.mark.parametrize(
    ("metadata", "version"),
    [
        ({"language_info": {"version": "3.13.1"}}, (3, 13)),
        ({"language_info": {"version": "3.9"}}, (3, 9)),
        ({"language_info": {"version": "3.14.0rc2"}}, (3, 14)),
        ({"language_info": {"version": "three"}}, None),
        ({"language_info": {"version": 3.13}}, None),
        ({"language_info": {"version": "3"}}, None),
        ({"language_info": ["3.13"]}, None),
        ({"language_info": {}}, None),
        ({}, None),
        ("no mapping", None),
    ],
)
def test_the_python_of_a_notebook_is_what_its_file_says(metadata: Any, version: Any) -> None:
    assert made_with({"metadata": metadata}) == version
    assert made_with(None) is None
