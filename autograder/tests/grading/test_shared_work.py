"""Groups and several attempts, from the command that grades to the tables and pages."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from autograder.errors import NotGraded
from autograder.tests import released, tiny
from autograder.tests.cli.test_staff import submit
from autograder.tests.command_line import run
from autograder.tests.roster.terms import attempt

WRONG = released.SCALE.replace("* factor", "+ factor")
GOOD = {"tiny_scale": released.SCALE, "tiny_scaler": released.SCALER}


def policy(root: Path, text: str) -> None:
    with (root / "assignments" / tiny.NAME / "assignment.toml").open("a") as file:
        file.write(f"\n[policy]\n{text}\n")


def result(root: Path, student: str) -> dict[str, Any]:
    return json.loads((root / "results" / tiny.NAME / f"{student}.json").read_text())


def table(*options: str) -> dict[str, dict[str, str]]:
    done = run("table", tiny.NAME, "--csv", *options)
    assert done.exit_code == 0, done.output
    return {row["student"]: row for row in csv.DictReader(done.stdout.splitlines())}


def stamp(root: Path, student: str, moment: str) -> None:
    (root / "submitted" / student / tiny.NAME / "timestamp.txt").write_text(f"{moment} UTC\n")


def test_a_group_shares_the_one_submission_in_results_gradebook_table_and_feedback(root: Path) -> None:
    policy(root, "percent_a_day = 10")
    (root / "groups.csv").write_text("group,student\n1,ada\n1,ben\n")
    submit(root, "ada", **GOOD)
    stamp(root, "ada", "2020-01-02 12:00:00")
    done = run("grade", tiny.NAME, "--workers", "1")
    assert done.exit_code == 0, done.output
    assert (result(root, "ben")["handed_in_by"], result(root, "ben")["auto_score"]) == ("ada", 5.0)
    assert "handed in by ada for the group" in result(root, "ben")["notes"]
    (root / "extensions.csv").write_text(f"student,assignment,days\nben,{tiny.NAME},1\n")
    assert {name: (row["percent_off"], row["final"]) for name, row in table().items()} == {
        "ada": ("20.0", "4.0"), "ben": ("10.0", "4.5"),
    }  # fmt: skip
    assert (root / "autograded" / "ben" / tiny.NAME / "timestamp.txt").read_text().startswith("2020-01-02 12:00:00")
    assert run("feedback", tiny.NAME).exit_code == 0
    page = (root / "feedback" / "ben" / tiny.NAME / "index.html").read_text()
    assert "1 day late; 10% off. 5 points before, 4.5 after." in page
    assert "handed in by ada for the group" in page


def test_of_two_members_who_handed_in_the_later_counts_and_without_times_neither(root: Path) -> None:
    (root / "groups.csv").write_text("group,student\n1,ada\n1,ben\n")
    submit(root, "ada", **GOOD)
    submit(root, "ben", tiny_scale=WRONG)
    stamp(root, "ada", "2020-01-02 12:00:00")
    undecided = run("grade", tiny.NAME, "--workers", "1", "--no-gradebook")
    assert isinstance(undecided.exception, NotGraded) and "it cannot be said whose work counts" in undecided.output
    stamp(root, "ben", "2020-01-01 12:00:00")
    decided = run("grade", tiny.NAME, "--workers", "1", "--student", "ben", "--no-gradebook")
    assert decided.exit_code == 0, decided.output
    assert (result(root, "ben")["handed_in_by"], result(root, "ben")["auto_score"]) == ("ada", 5.0)


def test_of_all_attempts_the_best_after_lateness_counts(root: Path) -> None:
    policy(root, 'percent_a_day = 50\nattempts = "best"')
    (root / "roster.csv").write_text("id,name\nada,Ada\n")
    submit(root, "ada", **GOOD)
    for name, moment, answers in (
        ("1", "2019-12-31 12:00:00", {"tiny_scale": released.SCALE}),
        ("2", "2020-01-01 12:00:00", GOOD),
        ("3", "2019-12-30 12:00:00", {"tiny_scale": WRONG}),
    ):
        folder = attempt(root, "ada", tiny.NAME, name, moment)
        shutil.copy(submit(root, f"of-{name}", **answers), folder)
        shutil.rmtree(root / "submitted" / f"of-{name}")
    stamp(root, "ada", "2020-01-01 12:00:00")
    done = run("grade", tiny.NAME, "--workers", "1")
    assert done.exit_code == 0, done.output
    assert "ada: counts now: the attempt 1 of 3" in done.output
    assert result(root, "ada")["auto_score"] == 3.0
    again = run("grade", tiny.NAME, "--workers", "1")
    assert "counts now" not in again.output and "1 unchanged" in again.output
    (root / "extensions.csv").write_text(f"student,assignment,days\nada,{tiny.NAME},3\n")
    said = run("table", tiny.NAME)
    assert "ada: the attempt 2 counts now, and another was graded: run `autograder grade tinyset`" in said.output
    run("grade", tiny.NAME, "--workers", "1")
    assert table()["ada"]["final"] == "5.0"


def test_work_that_was_replaced_after_grading_is_said_until_it_is_graded(root: Path) -> None:
    policy(root, "percent_a_day = 10")
    submit(root, "ada", **GOOD)
    stamp(root, "ada", "2019-12-31 12:00:00")
    run("grade", tiny.NAME, "--workers", "1", "--no-gradebook")
    assert "no longer" not in run("table", tiny.NAME).output
    stamp(root, "ada", "2020-01-01 12:00:00")
    assert "ada: what was graded is no longer what lies in submitted/: run" in run("table", tiny.NAME).output
    run("grade", tiny.NAME, "--workers", "1", "--no-gradebook")
    assert "no longer" not in run("table", tiny.NAME).output


@pytest.mark.parametrize("text", ["", "percent_a_day = 10"])
def test_a_missing_time_is_said_in_the_table(root: Path, text: str) -> None:
    if text:
        policy(root, text)
    submit(root, "ada", **GOOD)
    run("grade", tiny.NAME, "--workers", "1", "--no-gradebook")
    shown = run("table", tiny.NAME).output
    assert ("no time" in shown, "final" in shown) == (bool(text), bool(text))
