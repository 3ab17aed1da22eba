"""A regrade as a person types it, on the tiny assignment: its table, its record, and its earlier results."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from autograder.assignment.load import load_assignment
from autograder.errors import BadInput
from autograder.tests import released, tiny
from autograder.tests.cli.test_staff import submit
from autograder.tests.command_line import run
from autograder.tests.marks.test_gradebook import mark

HIDDEN = "test_scale_on_drawn_numbers_of_any_size"
WHY = "a hidden test multiplied by 3 and not by 4"


def regrade(*more: str) -> str:
    done = run("grade", tiny.NAME, "--workers", "1", "--regrade", "--why", WHY, *more)
    assert done.exit_code == 0, done.output
    return done.output


def rows(root: Path, number: int = 1) -> list[dict[str, str]]:
    table = root / "results" / tiny.NAME / "regrades" / str(number) / "table.csv"
    return list(csv.DictReader(table.read_text(encoding="utf-8").splitlines()))


def mend(root: Path) -> None:
    """The hidden test of tiny-scale asks for something else."""
    tiny.edit(root / "assignments" / tiny.NAME, "scaling/test_hidden.py", "[3 * number for", "[4 * number for")


def test_a_mended_test_is_regraded_told_and_replayed(root: Path) -> None:
    for name in ("ada", "bob"):
        submit(root, name, tiny_scale=released.SCALE, tiny_scaler=released.SCALER)
    run("grade", tiny.NAME, "--workers", "1")
    mark(load_assignment(tiny.NAME, root), "ada", "tiny-scale-check", 2.5)
    mend(root)
    shown = regrade()
    assert "2 scores of 2 students changed" in shown and f"{HIDDEN}[size0]: passed → failed" in shown
    assert "tests: 2 scores of 2 students" in shown
    assert "tiny-scale-check has a mark of 2.5 by a person, kept" in shown
    ada, bob = rows(root)
    assert (ada["student"], ada["exercise"], ada["before"], ada["now"], ada["difference"]) == (
        "ada", "tiny-scale", "3", "1.8", "-1.2",
    )  # fmt: skip
    assert (ada["why"], ada["mark by hand, kept"], bob["mark by hand, kept"]) == ("tests", "2.5", "")
    record = json.loads((root / "results" / tiny.NAME / "regrades" / "1" / "run.json").read_text())
    assert (record["why"], record["before"], record["changed"]) == (WHY, {"ada": 1, "bob": 1}, ["ada", "bob"])
    page = (root / "results" / tiny.NAME / "regrades" / "1" / "index.html").read_text()
    assert WHY in page and "-1.2" in page and "staff only" in page
    first = run("rerun", tiny.NAME, "ada", HIDDEN, "--result", "1")
    assert first.exit_code == 0, first.output
    assert "the tests are no longer those of that result: tiny-scale\n" in first.output
    assert run("rerun", tiny.NAME, "ada", HIDDEN, "--result", "2").output.count("no longer") == 0
    none = run("rerun", tiny.NAME, "ada", HIDDEN, "--result", "3")
    assert isinstance(none.exception, BadInput) and "ada has no result 3: the numbers are 1 to 2" in str(none.exception)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--regrade"], "--regrade and --why TEXT belong together"),
        (["--why", WHY], "--regrade and --why TEXT belong together"),
        (["--regrade", "--why", " . "], "--why is empty"),
        (["--regrade", "--why", "x" * 301], "more than 300 characters"),
        (["--regrade", "--why", WHY], "holds no result to compare with"),
        (["--regrade", "--why", WHY, "--student", "ada"], "holds no result of ada to compare with"),
    ],
)
def test_misuse_is_told_before_anything_is_graded(root: Path, options: list[str], said: str) -> None:
    submit(root, "ada", tiny_scale=released.SCALE)
    done = run("grade", tiny.NAME, *options)
    assert done.exit_code != 0 and said in f"{done.output} {done.exception}"
    assert not list((root / "results").rglob("*.json"))
