"""Exports as a TA makes them: only final scores, after lateness, and no formulas."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import pytest

from autograder.assignment.model import Assignment
from autograder.marks import gradebook
from autograder.results import Stage
from autograder.tests import marking, tiny
from autograder.tests.command_line import exit_code, run
from autograder.tests.marks.test_gradebook import mark, submit

HEADER = "Student,ID,SIS User ID,SIS Login ID,Section,Other (1),A tiny set (2),Current Score"
POINTS = "    Points Possible,,,,,10,6,(read only)"
ROWS = {
    "ada": '"Lovelace, Ada",11,001,ada@x,S,-5,,50',
    "bob": '"=HYPERLINK(1)",12,002,bob,S,,3,',
    "eve": '"Eve, E",13,003,eve,S,,,',
    "test": '"Student, Test",99,,abc,S,,,',
}


@pytest.fixture
def course(tinyset: Assignment, monkeypatch: pytest.MonkeyPatch) -> Path:
    """ada complete with 6 of 6, two days late; bob to be marked; cy not graded and without a time."""
    root = tinyset.root
    monkeypatch.chdir(root)
    submit(tinyset, "ada", timestamp="2020-01-02 12:00:00 UTC")
    submit(tinyset, "bob", timestamp="2020-01-01 00:00:00 UTC")
    results = marking.store(root, marking.report("ada"), marking.report("bob"), marking.report("cy", scaler=None))
    gradebook.write(tinyset, results)
    mark(tinyset, "ada", "tiny-why", 1.0)
    (root / "Grades.csv").write_text("\n".join([HEADER, POINTS, *ROWS.values()]) + "\n")
    return root


def with_policy(root: Path, text: str = "percent_a_day = 10") -> None:
    with (root / "assignments" / tiny.NAME / "assignment.toml").open("a") as file:
        file.write(f"\n[policy]\n{text}\n")


def cells(path: Path) -> list[list[str]]:
    with path.open(newline="") as file:
        return list(csv.reader(file))


def canvas(root: Path, *options: str) -> tuple[str, list[list[str]]]:
    done = run("export", "canvas", tiny.NAME, "--gradebook", "Grades.csv", *options)
    assert done.exit_code == 0, done.output
    return done.output, cells(root / f"canvas-{tiny.NAME}.csv")


def nbgrader(root: Path, *options: str) -> dict[str, dict[str, str]]:
    done = run("export", "nbgrader", tiny.NAME, "--to", "grades.csv", *options)
    assert done.exit_code == 0, done.output
    with (root / "grades.csv").open(newline="") as file:
        return {row["student_id"]: row for row in csv.DictReader(file)}


def test_canvas_column_is_filled_and_all_else_stays(course: Path) -> None:
    said, rows = canvas(course)
    before = cells(course / "Grades.csv")
    assert rows[2][6] == "6"
    before[2][6], before[3][0] = "6", "'=HYPERLINK(1)"  # found by its number: the name may be made harmless
    assert rows == before
    assert "bob: left as it was: to be marked" in said and "Eve, E (13) is nobody of ours" in said
    assert "cy: has a result, but no line" in said


def test_canvas_gets_points_after_lateness(course: Path) -> None:
    with_policy(course)
    said, rows = canvas(course)
    assert rows[2][6] == "4.8"
    assert "cy: no time of handing in is known" in said
    (course / "extensions.csv").write_text("student,assignment,days\nada,tinyset,1\n")
    assert canvas(course)[1][2][6] == "5.4"


def test_open_scores_are_numbers_only_when_that_is_said(course: Path) -> None:
    assert canvas(course)[1][3][6] == "3"  # what Canvas had
    assert canvas(course, "--open-as-zero")[1][3][6] == "5"


def test_a_provisional_result_is_open(course: Path, tinyset: Assignment) -> None:
    gradebook.write(tinyset, marking.store(course, marking.report("ada", stage=Stage.PROVISIONAL)))
    said, rows = canvas(course)
    assert rows[2][6] == "" and "ada: left as it was: provisional" in said


def test_the_roster_finds_students_by_canvas_number(course: Path) -> None:
    (course / "roster.csv").write_text("id,name,sid\nada,Ada,13\nbob,Bob,\n")
    (course / "Grades.csv").write_text(f"{HEADER}\n{POINTS}\n" + '"Eve, E",13,,someone@x,S,,,\n')
    assert canvas(course)[1][2][6] == "6"


@pytest.mark.parametrize(
    "change",
    [
        lambda text: "\ufeff" + text.replace("\n", "\r\n"),
        lambda text: "\n".join(";".join(f'"{c}"' for c in row) for row in csv.reader(text.splitlines())),
    ],
)  # fmt: skip
def test_the_way_the_file_was_written_is_kept(course: Path, change: Callable[[str], str]) -> None:
    text = change((course / "Grades.csv").read_text())
    (course / "Grades.csv").write_bytes(text.encode())
    canvas(course)
    written = (course / f"canvas-{tiny.NAME}.csv").read_bytes().decode("utf-8-sig")
    assert ("\r\n" in written, ";" in written) == ("\r\n" in text, ";" in text)


@pytest.mark.parametrize(
    ("text", "options", "why"),
    [
        (f"{HEADER}\n", ["--column", "Nobody"], "no column 'Nobody'"),
        (HEADER.replace("tiny set", "set") + "\n", [], "Give one with --column: 'Other (1)', 'A set (2)'"),
        (HEADER.replace("Other", "A tiny set") + "\n", [], "2 columns"),
        ("a,b\n1,2\n", [], "not Canvas's gradebook"), ("", [], "is empty"), (None, [], "no file"),
        (f"{HEADER}\n", ["--to", "Grades.csv"], "the gradebook itself"),
        (f"{HEADER}\n", ["--to", "no/x.csv"], "no folder"),
    ],
)  # fmt: skip
def test_a_wrong_file_is_refused_and_nothing_written(
    course: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str],
    text: str | None, options: list[str], why: str,
) -> None:  # fmt: skip
    gradebook_file = course / "Grades.csv"
    gradebook_file.unlink() if text is None else gradebook_file.write_text(text)
    assert exit_code(monkeypatch, "export", "canvas", tiny.NAME, "--gradebook", "Grades.csv", *options) == 10
    assert why in capfd.readouterr().err
    assert not (course / f"canvas-{tiny.NAME}.csv").exists()


def test_nbgrader_columns_hold_the_penalty_of_the_policy(course: Path) -> None:
    with_policy(course)
    row = nbgrader(course)["ada"]
    assert [float(row[name]) for name in ("raw_score", "late_submission_penalty", "score")] == pytest.approx(
        [6, 1.2, 4.8]
    )


def test_nbgrader_export_leaves_what_is_open_empty(course: Path) -> None:
    found = {name: (row["score"], row["status"]) for name, row in nbgrader(course).items()}
    assert found == {"ada": ("6.0", "complete"), "bob": ("", "to be marked"), "cy": ("", "not graded")}
    assert {name: row["score"] for name, row in nbgrader(course, "--open-as-zero").items()}["cy"] == "3.0"


def test_a_refused_hand_in_is_zero_and_said(course: Path) -> None:
    with_policy(course, "last_day = 1")
    said, rows = canvas(course)
    assert rows[2][6] == "0" and "ada: 2 days late, after the last day: 0 points" in said


@pytest.mark.parametrize(("gone", "why"), [("gradebook.db", "no gradebook.db"), ("results", "run `autograder grade`")])
def test_an_export_before_grading_says_so_and_makes_nothing(
    course: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], gone: str, why: str
) -> None:
    (course / gone).rename(course / "elsewhere")
    assert exit_code(monkeypatch, "export", "nbgrader", tiny.NAME) == 10
    assert why in capfd.readouterr().err
    assert not (course / gone).exists() and not list(course.glob("grades*"))
