"""The commands of the grading week as a person types them, on the tiny assignment, with their exit codes."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from autograder.errors import BadInput, NotGraded
from autograder.grading.plan import Plan
from autograder.tests import marking, released, tiny
from autograder.tests.command_line import exit_code, run


def submit(root: Path, student: str, **answers: str) -> Path:
    folder = root / "submitted" / student / tiny.NAME
    folder.mkdir(parents=True)
    path = folder / tiny.NOTEBOOK
    path.write_bytes((root / "release" / tiny.NAME / tiny.NOTEBOOK).read_bytes())
    released.fill(path, **answers)
    return path


def test_grade_then_rerun_a_test_that_failed(root: Path) -> None:
    submit(root, "ada", tiny_scale=released.SCALE, tiny_scaler=released.SCALER)
    submit(root, "ben", tiny_scale=released.SCALE.replace("* factor", "+ factor"))
    done = run("grade", tiny.NAME, "--workers", "2")
    assert done.exit_code == 0, done.output
    assert "2 graded; isolation" in done.output and f"See: autograder table {tiny.NAME}" in done.output
    assert json.loads((root / "results" / "ada.json").read_text())["auto_score"] == 5
    again = run("grade", tiny.NAME, "--no-gradebook")
    assert "2 unchanged" in again.output
    one = run("rerun", tiny.NAME, "ben", "test_scale_multiplies_every_entry")
    assert one.exit_code == 0, one.output
    assert "FAILED" in one.output and "Hint: Which entries should change?" in one.output
    many = run("rerun", tiny.NAME, "ada", "test_scale_on_drawn_numbers_of_any_size")
    assert many.output.count("PASSED") == 2


def test_rerun_replays_the_seed_of_the_result(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seeds = []

    def run_one(folder: Path, student: str, plan: Plan, *_: object) -> None:
        seeds.append(plan.seed)
        raise BadInput("stop here")

    submit(root, "ada")
    marking.store(root, marking.report("ada"))
    monkeypatch.setattr("autograder.grading.rerun.run_one", run_one)
    run("rerun", tiny.NAME, "ada", "test_scale_multiplies_every_entry")
    assert seeds == [marking.report("ada").seed]


def test_a_submission_that_cannot_be_graded_ends_with_8_and_its_reason(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    submit(root, "ada", tiny_scale=released.SCALE)
    submit(root, "broken").write_text('{"cells": [')
    assert exit_code(monkeypatch, "grade", tiny.NAME, "--workers", "1", "--no-gradebook") == NotGraded.exit_code == 8
    printed = capsys.readouterr()
    assert "broken: not graded: " in printed.err and "1 of 2 submissions could not be graded fully" in printed.err
    assert "ada: " not in printed.err


def test_a_folder_whose_name_is_no_text_is_named_and_stops_nobody_else(root: Path) -> None:
    submit(root, "zoe", tiny_scale=released.SCALE)
    (root / "submitted" / os.fsdecode(b"bad\xff") / tiny.NAME).mkdir(parents=True)
    done = run("grade", tiny.NAME, "--workers", "1")
    assert isinstance(done.exception, NotGraded) and "1 of 2 submissions" in str(done.exception)
    assert "bad\\udcff" in done.output and "rename it" in done.output
    assert (root / "results" / "zoe.json").exists()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("grade", tiny.NAME), "no folder submitted"),
        (("grade", tiny.NAME, "nowhere"), "no folder nowhere"),
        (("rerun", tiny.NAME, "ada", "test_x"), "no folder submitted"),
    ],
)
def test_a_missing_folder_ends_with_10_and_its_name(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...], complaint: str,
) -> None:  # fmt: skip
    assert exit_code(monkeypatch, *arguments) == BadInput.exit_code == 10
    assert complaint in capsys.readouterr().err


def test_rerun_of_an_unknown_test_ends_with_10(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    submit(root, "ada")
    assert exit_code(monkeypatch, "rerun", tiny.NAME, "ada", "test_unknown") == 10
    assert "no test ends in 'test_unknown'" in capsys.readouterr().err


@pytest.fixture
def graded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A course with three results, as the current folder."""
    marking.without_gradebook(tmp_path)
    marking.store(tmp_path, marking.report("ada"), marking.report("bob", scale=1.0), marking.report("cy", scaler=None))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_table_shows_every_student_and_what_is_not_graded(graded: Path) -> None:
    done = run("table", tiny.NAME)
    assert done.exit_code == 0
    assert all(name in done.output for name in ("ada", "bob", "cy"))
    assert "partly graded" in done.output


def test_table_as_csv_has_one_line_a_student(graded: Path) -> None:
    done = run("table", tiny.NAME, "--csv")
    lines = done.output.splitlines()
    assert [line.split(",")[0] for line in lines[1:]] == ["ada", "bob", "cy"]


def test_feedback_writes_a_page_per_student_and_says_where(graded: Path) -> None:
    done = run("feedback", tiny.NAME)
    assert done.exit_code == 0, done.output
    assert "3 pages in feedback/<student>/tinyset/" in done.output
    assert (graded / "feedback" / "ada" / tiny.NAME / "index.html").is_file()


def test_feedback_of_one_student_leaves_the_others(graded: Path) -> None:
    done = run("feedback", tiny.NAME, "--student", "bob")
    assert "1 page in feedback/" in done.output
    assert sorted(path.name for path in (graded / "feedback").iterdir() if path.is_dir()) == ["bob"]
