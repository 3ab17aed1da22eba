import csv

import pytest
from nbgrader import api
from nbgrader.plugins import LateSubmissionPlugin
from traitlets.config import Config

from autograder.cli.nbgrader_export import StatusCsvExport
from autograder.marks import gradebook
from autograder.tests import marking, tiny
from autograder.tests.marks.test_gradebook import mark, submit


class PointADay(LateSubmissionPlugin):  # type: ignore[misc]
    """One point for each day."""

    def late_submission_penalty(self, student_id, score, total_seconds_late):
        return total_seconds_late / 86400


@pytest.fixture
def exported(tmp_path):
    exported = marking.assignment(tmp_path)
    submit(exported, "late", timestamp="2020-01-03 00:00:00 UTC")
    reports = [marking.report("ada"), marking.report("late"), marking.report("part", scaler=None)]
    gradebook.write(exported, marking.store(tmp_path, *reports))
    return exported


def export(exported, **options):
    config = Config({"AssignLatePenalties": {"plugin_class": PointADay}})
    plugin = StatusCsvExport(config=config, to=str(exported.root / "grades.csv"), **options)
    with api.Gradebook(f"sqlite:///{exported.root}/gradebook.db") as book:
        book.add_student("absent")
        plugin.export(book)
        book.remove_student("absent")
    with open(exported.root / "grades.csv", newline="") as file:
        return {row["student_id"]: row for row in csv.DictReader(file)}


def test_every_student_has_a_status(exported):
    mark(exported, "ada", "tiny-why", 1.0)
    found = {student: (row["raw_score"], row["score"], row["status"]) for student, row in export(exported).items()}
    assert found == {
        "absent": ("0.0", "0.0", "no submission"),
        "ada": ("6.0", "6.0", "complete"),
        "late": ("5.0", "3.0", "to be marked"),
        "part": ("", "", "not graded"),
    }


def test_an_extension_counts_at_the_next_export(exported):
    assert export(exported)["late"]["late_submission_penalty"] == "2.0"
    with api.Gradebook(f"sqlite:///{exported.root}/gradebook.db") as book:
        book.grant_extension(tiny.NAME, "late", days=1)
    assert export(exported)["late"]["late_submission_penalty"] == "1.0"


def test_one_student_can_be_exported_alone(exported):
    assert set(export(exported, student=["ada"])) == {"ada"}
    assert export(exported, assignment=["another"]) == {}


def test_names_are_no_formulas_and_scores_stay_numbers(exported):
    with api.Gradebook(f"sqlite:///{exported.root}/gradebook.db") as book:
        book.update_or_create_student("ada", first_name="x;=cmd()", last_name="＝1+1", email="\x1b[2J\u202e@x")
    row = export(exported)["ada"]
    assert (row["first_name"], row["last_name"], row["email"]) == ("x;'=cmd()", "'＝1+1", "\\x1b[2J\\u202e@x")
    assert (row["student_id"], row["score"], row["max_score"]) == ("ada", "5.0", "6.0")
