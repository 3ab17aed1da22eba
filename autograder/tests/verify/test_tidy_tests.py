"""What ruff finds in a course's tests is said in words, with what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from autograder.errors import Surprise
from autograder.tests import tiny
from autograder.tests.command_line import exit_code
from autograder.verify.tidy_tests import complaints, of_assignment

TEST = "def test_it(student, rng):\n    "


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (f"{TEST}assert student", "1: asks for rng and does not use it: leave it out of the test's arguments (ARG001)"),
        ("import torch", "1: imports torch and does not use it"),
        (f"{TEST}student(rng) == 3", "2: compares and throws the outcome away: put assert before it"),
        (f"{TEST}student, rng", "2: computes a value and throws it away"),
        (f"{TEST}found = student(rng)", "2: gives found a value and does not use it"),
        (f"{TEST}assert student(rng) == wanted", "2: uses wanted, which is defined nowhere"),
        (f"{TEST}assert (student(rng), 'text')", "2: asserts a tuple, which always holds"),
        (f"{TEST}assert student(rng) == None", "2: compares with None by =="),
        (f"{TEST}for a, b in zip(student, rng):\n        assert a == b", "2: zip stops at the shorter one"),
        (f"{TEST}for i in rng:\n        student(lambda: i)", "3: uses i of the loop after it has changed: bind it"),
        (f"{TEST}assert student(rng)\n\n\n{TEST}assert student(rng)", "5: defines test_it again"),
        ("x = '" + "x" * 130 + "'", "1: is longer than 120 characters"),
        ("def", "1: Expected"),
    ],
)
def test_a_rule_is_told_in_words_with_its_place(tmp_path: Path, code: str, said: str) -> None:
    path = tmp_path / "test_public.py"
    path.write_text(f"{code}\n")
    assert complaints([path], tmp_path)[0].startswith(f"test_public.py:{said}")


def test_tests_as_they_should_be_have_nothing_said_of_them(sources: Path) -> None:
    root = sources.parents[1]
    paths = of_assignment(tiny.NAME, root)
    assert len(paths) == 3 and complaints(paths, root) == []


def test_verify_says_it_and_ends_with_7_also_where_all_is_proved(
    sources: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny.edit(sources, f"{tiny.PROBLEM}/test_public.py", "every_entry(student)", "every_entry(student, rng)")
    monkeypatch.chdir(sources.parents[1])
    monkeypatch.setattr("autograder.cli.proving._unproved", lambda *_: [])
    assert exit_code(monkeypatch, "verify", tiny.NAME) == Surprise.exit_code
    said = capsys.readouterr().err
    assert "assignments/tinyset/scaling/test_public.py:12: asks for rng and does not use it" in said
    assert "1 line of the tests to change; see above" in said
