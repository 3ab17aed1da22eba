"""Why a score changed: the one thing that differs is named, and nothing that cannot have done it."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from autograder.assignment.load import load_assignment
from autograder.assignment.model import Assignment
from autograder.grading.changes import differences
from autograder.grading.fingerprint import made_of
from autograder.grading.reasons import Reason
from autograder.results import Earlier, Report, Stage
from autograder.tests import marking, tiny
from kit.manifest import Manifest

MADE_OF = {
    name: "1" for name in ("engine", "installation", "library", "release", "tests/tiny-scale", "tests/tiny-scaler")
}


def report(scale: float, **fields: Any) -> Report:
    return marking.report("ada", scale=scale, **{"made_of": MADE_OF} | fields)


def why(manifest: Manifest, now: Report, before: Report | None = None) -> tuple[Reason, ...]:
    (change,) = differences(before or report(1.0), now, manifest)
    return change.reasons


@pytest.mark.parametrize(
    ("fields", "reasons"),
    [
        ({"submission": "sha256:other"}, (Reason.SUBMISSION,)),
        ({"seed": 1}, (Reason.SEED,)),
        ({"stage": Stage.PROVISIONAL}, (Reason.SEED,)),
        ({"version": "2.0"}, (Reason.VERSION,)),
        ({"isolation": "good"}, (Reason.ISOLATION,)),
        ({"made_of": MADE_OF | {"tests/tiny-scale": "2"}}, (Reason.TESTS,)),
        ({"made_of": MADE_OF | {"engine": "2"}, "engine": "2"}, (Reason.ENGINE,)),
        ({"made_of": MADE_OF | {"library": "2"}}, (Reason.LIBRARY,)),
        ({"made_of": MADE_OF | {"installation": "2"}}, (Reason.INSTALLATION,)),
        ({"made_of": MADE_OF | {"release": "2"}}, (Reason.VERSION,)),
        ({"made_of": MADE_OF | {"tests/tiny-scaler": "2"}}, (Reason.CHANCE,)),
        ({}, (Reason.CHANCE,)),
        ({"seed": 1, "made_of": MADE_OF | {"tests/tiny-scale": "2"}}, (Reason.TESTS, Reason.SEED)),
    ],
)
def test_what_is_not_what_it_was_is_the_reason(
    manifest: Manifest, fields: dict[str, Any], reasons: tuple[Reason, ...]
) -> None:
    assert why(manifest, report(3.0, **fields)) == reasons


def test_a_result_that_does_not_say_what_it_was_made_of_leaves_it_open(manifest: Manifest) -> None:
    assert why(manifest, report(3.0, engine="2"), report(1.0, made_of={})) == (Reason.UNTOLD,)


def test_where_every_test_says_the_same_the_points_did_it_whatever_else_changed(manifest: Manifest) -> None:
    now = report(1.0, version="2.0", seed=1)
    (first, *rest) = now.exercises
    now = dataclasses.replace(now, exercises=(dataclasses.replace(first, score=2.0, max_score=6.0), *rest))
    assert why(manifest, now) == (Reason.POINTS,)


def test_another_weight_of_a_test_is_a_matter_of_points(manifest: Manifest) -> None:
    now = report(1.0)
    (first, *rest) = now.exercises
    tests = tuple(dataclasses.replace(test, weight=5.0) for test in now.tests)
    now = dataclasses.replace(now, tests=tests, exercises=(dataclasses.replace(first, score=2.0), *rest))
    assert why(manifest, now) == (Reason.POINTS,)


def test_tests_of_an_earlier_exercise_count_only_where_they_decided_what_stood_beside(manifest: Manifest) -> None:
    changed = MADE_OF | {"tests/tiny-scale": "2"}

    def of(earlier: Earlier, scaler: float, made: dict[str, str]) -> Report:
        made_report = marking.report("ada", scaler=scaler, made_of=made)
        (scale, last) = made_report.exercises
        return dataclasses.replace(made_report, exercises=(scale, dataclasses.replace(last, earlier=earlier)))

    before = of(Earlier.OWN, 1.0, MADE_OF)
    assert why(manifest, of(Earlier.STAFF, 2.0, changed), before) == (Reason.TESTS,)
    assert why(manifest, of(Earlier.OWN, 2.0, changed), before) == (Reason.CHANCE,)


def test_new_and_gone_exercises_are_changes_of_the_version(manifest: Manifest) -> None:
    whole = report(3.0)
    half = dataclasses.replace(whole, exercises=whole.exercises[:1])
    (new,) = differences(half, whole, manifest)
    (gone,) = differences(whole, half, manifest)
    assert (new.exercise, new.before, new.now, new.reasons) == ("tiny-scaler", None, 2.0, (Reason.VERSION,))
    assert (gone.exercise, gone.before, gone.now, gone.reasons) == ("tiny-scaler", 2.0, None, (Reason.VERSION,))


EDITS = {
    "a test of one exercise": ("test_hidden.py", "[3 * number for", "[4 * number for", {"tests/tiny-scale"}),
    "a test of another": ("test_hidden.py", "start=4.0", "start=5.0", {"tests/tiny-scaler"}),
    "what tests share": ("test_helpers.py", "float(value)", "value", {"tests/tiny-scale", "tests/tiny-scaler"}),
    "a comment in a test": ("test_hidden.py", "    values = torch", "    # drawn\n    values = torch", set()),
    "points": ("problem.toml", "points = 3", "points = 4", set()),
    "a text": ("notebook.py", "# Two exercises and a question.", "# Two exercises, a question.", set()),
    "a given cell": ("notebook.py", "start: float = 2.0", "start: float = 3.0", {"release"}),
    "the staff's answer": ("notebook.py", "= values * factor", "= factor * values", {"tests/tiny-scaler"}),
}


@pytest.mark.parametrize("edit", EDITS)
def test_a_result_tells_apart_what_it_was_made_of(tinyset: Assignment, edit: str) -> None:
    file, old, new, parts = EDITS[edit]
    before = made_of(tinyset)
    tiny.edit(tinyset.folder, f"{tiny.PROBLEM}/{file}", old, new)
    after = made_of(load_assignment(tiny.NAME, tinyset.root))
    assert {name for name in before if before[name] != after[name]} == parts
