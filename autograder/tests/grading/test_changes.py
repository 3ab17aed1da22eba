"""What changed since the last grading: whose score, from what to what, by which test."""

from __future__ import annotations

import csv
import dataclasses

import pytest

from autograder.assignment.model import Assignment
from autograder.grading.changes import COLUMNS, ChangeLog, ScoreChange, differences
from autograder.grading.reasons import Reason
from autograder.results import Report
from autograder.tests import marking
from kit.manifest import Manifest

PUBLIC = "test_scale_multiplies_every_entry"


def with_points(report: Report, points: float) -> Report:
    exercises = tuple(
        dataclasses.replace(item, max_score=points) if item.id == "tiny-scale" else item for item in report.exercises
    )
    return dataclasses.replace(report, exercises=exercises)


def without_test(report: Report, name: str) -> Report:
    return dataclasses.replace(report, tests=tuple(test for test in report.tests if name not in test.id))


def changed(manifest: Manifest, before: Report, now: Report) -> list[ScoreChange]:
    return differences(before, now, manifest)


def test_the_same_scores_are_no_change(manifest: Manifest) -> None:
    again = marking.report("ada", engine="another", version="2.0", seed=1)
    assert changed(manifest, marking.report("ada"), again) == []


def test_a_mended_test_is_named_with_what_it_said_before_and_now(manifest: Manifest) -> None:
    before = without_test(marking.report("ada", scale=1.0), "size0")
    (change,) = changed(manifest, before, without_test(marking.report("ada"), "size0"))
    assert change.row == ("ada", "tiny-scale", "1", "3", f"{PUBLIC}: failed → passed", Reason.CHANCE)


def test_a_new_test_and_one_that_is_gone_are_named(manifest: Manifest) -> None:
    before, now = marking.report("ada"), marking.report("ada", scale=1.0)
    (new,) = changed(manifest, without_test(before, "size0"), without_test(now, PUBLIC))
    assert new.because == f"{marking.HIDDEN_NAME}[size0]: new → failed; {PUBLIC}: gone"


@pytest.mark.parametrize(
    ("now", "because"),
    [
        (with_points(marking.report("ada", scale=2.0), 2.0), "points 3 → 2"),
        (marking.report("ada", scale=2.0), "test_scale"),
        (marking.report("ada", submission="sha256:other", scale=2.0), "another submission"),
        (marking.report("ada", scale=None), "the worker ended"),
    ],
)
def test_the_reason_is_given_first(manifest: Manifest, now: Report, because: str) -> None:
    (change,) = changed(manifest, marking.report("ada"), now)
    assert change.because.startswith(because)


def test_where_no_test_and_no_points_differ_it_was_the_weights(manifest: Manifest) -> None:
    before = marking.report("ada", scale=1.0)
    (exercise, other) = before.exercises
    now = dataclasses.replace(before, exercises=(dataclasses.replace(exercise, score=2.0), other))
    assert [change.because for change in changed(manifest, before, now)] == ["the tests' weights"]


def test_what_has_a_score_at_last_says_why_it_had_none(manifest: Manifest) -> None:
    (change,) = changed(manifest, marking.report("ada", scale=None), marking.report("ada"))
    assert change.row[2:5] == ("not graded", "3", "was not graded: the worker ended")
    assert change.difference is None


def test_a_renamed_exercise_is_compared_with_itself(manifest: Manifest) -> None:
    text = marking.report("ada", scale=1.0).to_json().replace('"tiny-scale"', '"tiny-old"')
    book = manifest.notebooks[0]
    cells = tuple(
        dataclasses.replace(cell, was=("tiny-old",)) if cell.id == "tiny-scale" else cell for cell in book.cells
    )
    renamed = dataclasses.replace(manifest, notebooks=(dataclasses.replace(book, cells=cells),))
    (change,) = changed(renamed, Report.from_json(text), marking.report("ada"))
    assert (change.exercise, change.before, change.now) == ("tiny-scale", 1.0, 3.0)


def test_every_change_is_written_down_at_once_run_after_run(tinyset: Assignment) -> None:
    for before, now in ((1.0, 3.0), (3.0, 2.0)):
        results = marking.store(tinyset.root, marking.report("ada", scale=before), marking.report("bob"))
        log = ChangeLog(results, tinyset.manifest, ["ada", "bob", "new"])
        for report in (marking.report("ada", scale=now), marking.report("bob"), marking.report("new")):
            log.compare(report)
        assert [change.student for change in log.changes] == ["ada"]
    header, *rows = csv.reader(log.path.read_text(encoding="utf-8").splitlines())
    assert tuple(header) == COLUMNS
    assert [row[1:5] for row in rows] == [["ada", "tiny-scale", "1", "3"], ["ada", "tiny-scale", "3", "2"]]
    assert {report.student for report in results.all()} == {"ada", "bob"}
