import json

import pytest

from autograder.submission.notebook_file import NotANotebook, parse
from autograder.submission.received import shown


def test_the_depth_that_is_allowed_is_parsed():
    assert parse(b"[" * 60 + b"]" * 60) is not None
    with pytest.raises(NotANotebook, match="levels deep"):
        parse(b"[" * 61 + b"]" * 61)


def test_brackets_inside_strings_are_no_depth():
    value, _ = parse(json.dumps(["[" * 200, '"' * 5 + "{" * 200, "\\", "{" * 200]).encode())
    assert value[0] == "[" * 200


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_text_in_usual_encodings_is_read(encoding):
    assert parse('{"é": "✓"}'.encode(encoding)) == ({"é": "✓"}, False)


def test_numbers_out_of_range_become_none():
    text = f"[NaN, Infinity, 1e999, {'9' * 5_000}, 0.{'1' * 5_000}, 12, 1.5]"
    assert parse(text.encode())[0] == [None, None, None, None, None, 12, 1.5]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("1_mae (2).ipynb", "1_mae (2).ipynb"),
        ("übung.py", "übung.py"),
        ("<b>&\"'`$|;\n\t\x1b\u202e[red]", "?b" + "?" * 13 + "red?"),
        ("\udcff", "?"),
        ("a" * 90, "a" * 40 + "…" + "a" * 19),
    ],
)
def test_file_names_are_shown_without_anything_active(name, expected):
    assert shown(name) == expected
