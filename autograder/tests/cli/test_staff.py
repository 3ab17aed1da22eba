"""The commands of the grading week as a person types them, on the tiny assignment, with their exit codes."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from autograder.assignment.load import load_assignment
from autograder.build import copies
from autograder.cli.changes_table import MAX_CHANGES
from autograder.errors import BadInput, NotGraded
from autograder.grading.plan import Plan
from autograder.tests import marking, released, tiny
from autograder.tests.command_line import exit_code, run


def submit(root: Path, student: str, assignment: str = tiny.NAME, **answers: str) -> Path:
    folder = root / "submitted" / student / assignment
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
    assert json.loads((root / "results" / tiny.NAME / "ada.json").read_text())["auto_score"] == 5
    again = run("grade", tiny.NAME, "--no-gradebook")
    assert "2 unchanged" in again.output
    one = run("rerun", tiny.NAME, "ben", "test_scale_multiplies_every_entry")
    assert one.exit_code == 0, one.output
    assert "FAILED" in one.output and "Hint: Which entries should change?" in one.output
    many = run("rerun", tiny.NAME, "ada", "test_scale_on_drawn_numbers_of_any_size")
    assert many.output.count("PASSED") == 2


def second_set(root: Path) -> None:
    """The tiny set under another name, with its release."""
    for part in ("assignments", "release"):
        shutil.copytree(root / part / tiny.NAME, root / part / "other")
    tiny.edit(root / "assignments" / "other", "assignment.toml", "A tiny set", "Another set")
    marking.rebuild(root, "other")
    copies.refresh(load_assignment("other", root))


def test_two_sets_in_one_course_keep_apart_and_are_not_graded_again(root: Path) -> None:
    second_set(root)
    submit(root, "ada", tiny_scale=released.SCALE, tiny_scaler=released.SCALER)
    other = submit(root, "ada", "other", tiny_scale=released.SCALE)
    first = run("grade", tiny.NAME, "--workers", "1")
    assert first.exit_code == 0 and "1 graded" in first.output
    assert "1 graded" in run("grade", "other", "--workers", "1").output
    for name in (tiny.NAME, "other", f"{tiny.NAME}/", "./other", f"assignments/{tiny.NAME}"):
        done = run("grade", name, "--workers", "1")
        assert done.exit_code == 0 and "1 unchanged" in done.output
    scores = {name: json.loads((root / "results" / name / "ada.json").read_text()) for name in (tiny.NAME, "other")}
    assert {name: (data["assignment"], data["auto_score"]) for name, data in scores.items()} == {
        tiny.NAME: (tiny.NAME, 5), "other": ("other", 3)
    }  # fmt: skip
    assert run("table", tiny.NAME, "--csv").output.splitlines()[1].startswith("ada,complete,3.0,2.0,")
    assert run("table", "other", "--csv").output.splitlines()[1].startswith("ada,complete,3.0,0.0,")
    assert "Another set" in run("table", "other/").output
    for name in (tiny.NAME, "other"):
        assert run("feedback", f"{name}/").exit_code == 0
    pages = {name: (root / "feedback" / "ada" / name / "index.html").read_text() for name in (tiny.NAME, "other")}
    assert "A tiny set" in pages[tiny.NAME] and "Another set" in pages["other"]
    assert "MISSING" in run("rerun", "other", "ada", "test_scaler_uses_its_factor").output
    assert sorted(path.name for path in (root / "results").iterdir()) == ["other", tiny.NAME]
    assert other.exists()


def test_results_from_before_are_moved_with_a_word_and_table_shows_them(graded: Path) -> None:
    for path in (graded / "results" / tiny.NAME).iterdir():
        path.rename(graded / "results" / path.name)
    first, again = run("table", tiny.NAME), run("table", tiny.NAME)
    assert "3 results of tinyset moved" in first.output and "moved" not in again.output
    assert all(name in again.output for name in ("ada", "bob", "cy"))


def test_results_elsewhere_stay_out_of_the_gradebook(root: Path) -> None:
    submit(root, "ada", tiny_scale=released.SCALE)
    before = (root / "gradebook.db").read_bytes()
    refused = run("grade", tiny.NAME, "--out", "trial/", "--workers", "1")
    assert isinstance(refused.exception, BadInput)
    assert "add --no-gradebook to grade into trial, or omit --out" in str(refused.exception)
    assert not (root / "trial").exists()
    done = run("grade", tiny.NAME, "--out", "trial/", "--no-gradebook", "--workers", "1")
    assert f"See: autograder table {tiny.NAME} --out trial\n" in done.output
    assert done.exit_code == 0 and (root / "trial" / tiny.NAME / "ada.json").exists()
    assert (root / "gradebook.db").read_bytes() == before and not (root / "autograded").exists()


@pytest.mark.parametrize("out", ["results", "results/", "./results", "submitted/../results"])
def test_the_courses_own_results_may_be_named(root: Path, out: str) -> None:
    submit(root, "ada", tiny_scale=released.SCALE)
    assert run("grade", tiny.NAME, "--out", out, "--workers", "1").exit_code == 0


def test_table_joins_no_marks_to_results_that_are_not_the_gradebooks(root: Path) -> None:
    submit(root, "ada", tiny_scale=released.SCALE)
    run("grade", tiny.NAME, "--workers", "1")
    with closing(sqlite3.connect(root / "gradebook.db")) as connection, connection:
        connection.execute("update grade set manual_score = 0.25")
    run("grade", tiny.NAME, "--out", "trial", "--no-gradebook", "--workers", "1")
    assert "0.25" in run("table", tiny.NAME).output
    assert "0.25" not in run("table", tiny.NAME, "--out", "trial").output
    pages = run("feedback", tiny.NAME, "--out", "trial")
    assert isinstance(pages.exception, BadInput) and "omit --out" in str(pages.exception)


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


BAD_NAMES = {os.fsdecode(b"bad\xff"): "bad\\udcff", ".dot": ".dot", "x" * 252: "too long", "two\nlines": "two\\nlines"}


def test_a_folder_whose_name_stands_for_nobody_is_named_and_stops_nobody_else(root: Path) -> None:
    submit(root, "zoe", tiny_scale=released.SCALE)
    for name in BAD_NAMES:
        submit(root, name)
    done = run("grade", tiny.NAME, "--workers", "1")
    assert isinstance(done.exception, NotGraded) and "4 of 5 submissions" in str(done.exception)
    assert all(shown in done.output for shown in BAD_NAMES.values()) and done.output.count("rename it") == 4
    assert [path.name for path in (root / "results" / tiny.NAME).glob("*.json")] == ["zoe.json"]


def test_a_class_of_bad_names_alone_is_told_too(root: Path) -> None:
    submit(root, ".ada")
    for more in ((), ("--student", ".ada")):
        done = run("grade", tiny.NAME, *more)
        assert isinstance(done.exception, NotGraded) and "begins with a dot" in done.output


def test_scores_that_a_mended_test_or_other_points_changed_are_listed(root: Path) -> None:
    names = [f"s{number:02}" for number in range(MAX_CHANGES + 2)]
    for name in names:
        submit(root, name, tiny_scale=released.SCALE)
    assert "scores changed" not in run("grade", tiny.NAME).output
    tiny.edit(root / "assignments" / tiny.NAME, "scaling/test_hidden.py", "[3 * number for", "[4 * number for")
    done = run("grade", tiny.NAME)
    assert f"{len(names)} scores changed since the last grading:" in done.output
    assert "s00" in done.output and "test_scale_on_drawn_numbers_of_any_size[size0]: passed → failed" in done.output
    assert names[-1] not in done.output and f"and 2 more; all of them: results/{tiny.NAME}/changes.csv" in done.output
    assert names[-1] in (root / "results" / tiny.NAME / "changes.csv").read_text()
    assert "scores changed" not in run("grade", tiny.NAME).output
    tiny.edit(root / "assignments" / tiny.NAME, "scaling/problem.toml", "points = 3", "points = 30")
    marking.rebuild(root)
    assert "points 3 → 30" in run("grade", tiny.NAME, "--student", "s00").output


def test_marks_that_would_be_lost_stop_the_grading_before_it_begins(root: Path) -> None:
    submit(root, "ada", tiny_scale=released.SCALE, tiny_why="Autograd.")
    run("grade", tiny.NAME, "--workers", "1")
    before = (root / "results" / tiny.NAME / "ada.json").read_bytes()
    with closing(sqlite3.connect(root / "gradebook.db")) as connection, connection:
        connection.execute("update grade set manual_score = 1")
        connection.execute("update base_cell set name = 'tiny-old' where name = 'tiny-why'")
    done = run("grade", tiny.NAME, "--workers", "1", "--force")
    assert isinstance(done.exception, BadInput) and "ada: tiny-old has a mark of 1" in str(done.exception)
    assert (root / "results" / tiny.NAME / "ada.json").read_bytes() == before
    assert run("grade", tiny.NAME, "--workers", "1", "--no-gradebook").exit_code == 0


def test_an_emptied_gradebook_stops_the_grading_before_it_begins(root: Path) -> None:
    submit(root, "ada", tiny_scale=released.SCALE)
    run("grade", tiny.NAME, "--workers", "1")
    (root / "gradebook.db").write_bytes(b"")
    done = run("grade", tiny.NAME, "--workers", "1", "--force")
    assert isinstance(done.exception, BadInput) and "emptied or replaced" in str(done.exception)
    assert (root / "gradebook.db").read_bytes() == b""


STRANGE = ("Ada L", "José", "details", "notebooks", "李明", "o'neil", "a[1]", "a*", "a⁄b", "back\\slash", "=1+1",
           "{id}", "%s", "-rf", "<b>", "x" * 250)  # fmt: skip


def test_strange_names_go_through_every_command(root: Path) -> None:
    for name in STRANGE:
        submit(root, name, tiny_scale=released.SCALE)
    done = run("grade", tiny.NAME, "--workers", "1")
    assert done.exit_code == 0, done.output
    again = run("grade", tiny.NAME, "--workers", "1")
    assert f"{len(STRANGE)} unchanged" in again.output and again.exit_code == 0
    assert run("feedback", tiny.NAME).exit_code == 0
    assert run("table", tiny.NAME, "--csv").output.count("\n") == len(STRANGE) + 1
    for name in STRANGE:
        assert (root / "results" / tiny.NAME / f"{name}.json").is_file()
        assert (root / "feedback" / name / tiny.NAME / "index.html").is_file()


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


def result(root: Path, student: str = "ada") -> dict[str, Any]:
    return dict(json.loads((root / "results" / tiny.NAME / f"{student}.json").read_text()))


def test_before_the_deadline_each_has_inputs_of_its_own_and_after_it_all_are_graded_again(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for student, answer in (("ada", released.SCALE), ("bob", released.SCALE + "\n"), ("cy", released.SCALE)):
        submit(root, student, tiny_scale=answer)
    monkeypatch.setattr("autograder.clock.now", lambda: datetime(2019, 12, 1, tzinfo=UTC))
    assert "3 graded (provisional, before the deadline)" in run("grade", tiny.NAME, "--workers", "1").output
    assert "3 unchanged" in run("grade", tiny.NAME, "--workers", "1").output
    seeds = [result(root, name)["seed"] for name in ("ada", "bob", "cy")]
    assert seeds[0] != seeds[1] and seeds[0] == seeds[2] and result(root)["stage"] == "provisional"
    assert "PASSED" in run("rerun", tiny.NAME, "ada", "test_scale_multiplies_every_entry").output
    monkeypatch.setattr("autograder.clock.now", lambda: datetime(2020, 1, 2, tzinfo=UTC))
    assert "3 graded; isolation" in run("grade", tiny.NAME, "--workers", "1").output
    assert len({result(root, name)["seed"] for name in ("ada", "bob", "cy")} - set(seeds)) == 1
    assert result(root)["stage"] == "final"
    extended = run("grade", tiny.NAME, "--student", "bob", "--before-due", "--workers", "1")
    assert "1 graded (provisional" in extended.output and result(root, "bob")["seed"] == seeds[1]


def test_an_edited_result_is_refused_by_all_and_graded_again_with_a_word(root: Path) -> None:
    submit(root, "ada", tiny_scale=released.SCALE)
    run("grade", tiny.NAME, "--workers", "1")
    path = root / "results" / tiny.NAME / "ada.json"
    path.write_text(path.read_text().replace('"score": 0.0', '"score": 2.0'))
    for command in (("table",), ("feedback",), ("rerun", "ada", "test_scale_multiplies_every_entry")):
        refused = run(command[0], tiny.NAME, *command[1:])
        assert isinstance(refused.exception, BadInput) and "ada.json was changed" in str(refused.exception)
    again = run("grade", tiny.NAME, "--workers", "1")
    assert "ada: its stored result was changed after the grader wrote it: graded again" in again.output
    assert "1 graded" in again.output and result(root)["auto_score"] == 3
    assert run("table", tiny.NAME).exit_code == 0
