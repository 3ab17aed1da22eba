"""Why a score is another than before: which of the things that decide it have changed since."""

from __future__ import annotations

from enum import StrEnum

from autograder.results import ExerciseResult, Report
from kit.manifest import Manifest


class Reason(StrEnum):
    """What a changed score may come from; several may hold."""

    SUBMISSION = "submission"
    TESTS = "tests"
    POINTS = "points"  # of the exercise, or the tests' weights
    ENGINE = "engine"
    LIBRARY = "library"
    INSTALLATION = "installation"  # Python, or a package
    VERSION = "version"  # the assignment's, or its released code
    SEED = "seed"
    ISOLATION = "isolation"
    UNTOLD = "engine, library or tests (the earlier result does not tell them apart)"
    CHANCE = "nothing that is known to decide it: a limit of time, or a fault of the grader"


_OF_THE_RUN = {
    Reason.ENGINE: "engine",
    Reason.LIBRARY: "library",
    Reason.INSTALLATION: "installation",
    Reason.VERSION: "release",
}


def reasons(
    old: ExerciseResult, new: ExerciseResult, before: Report, now: Report, manifest: Manifest
) -> tuple[Reason, ...]:
    """What the change of an exercise's score may come from, the most telling first.

    Where every test says what it said before, points alone; else each thing that is not what it was.
    """
    points = old.max_score != new.max_score or _weights_differ(_weights(before, old.id), _weights(now, new.id))
    if points and statuses(before, old.id) == statuses(now, new.id) and None not in (old.score, new.score):
        return (Reason.POINTS,)
    differs = {
        Reason.SUBMISSION: before.submission != now.submission,
        Reason.TESTS: _tests_differ(old, new, before, now, manifest),
        Reason.POINTS: points,
        Reason.VERSION: before.version != now.version,
        Reason.SEED: (before.seed, before.stage) != (now.seed, now.stage),
        Reason.ISOLATION: before.isolation != now.isolation,
        Reason.UNTOLD: before.engine != now.engine and not before.made_of,
    }
    for reason, part in _OF_THE_RUN.items():
        differs[reason] = differs.get(reason, False) or _part_differs(before, now, part)
    return tuple(reason for reason in Reason if differs.get(reason)) or (Reason.CHANCE,)


def statuses(report: Report, exercise: str) -> dict[str, str]:
    """The exercise's tests by their names, without their files."""
    return {test.id.rpartition("::")[2]: test.status for test in report.tests if test.exercise == exercise}


def _weights(report: Report, exercise: str) -> dict[str, float]:
    return {test.id.rpartition("::")[2]: test.weight for test in report.tests if test.exercise == exercise}


def _weights_differ(before: dict[str, float], now: dict[str, float]) -> bool:
    return any(before[name] != now[name] for name in before.keys() & now.keys())


def _tests_differ(old: ExerciseResult, new: ExerciseResult, before: Report, now: Report, manifest: Manifest) -> bool:
    """Its own tests, or those of what it builds on where these have decided whose earlier answers stood beside it."""
    if _part_differs(before, now, f"tests/{old.id}", f"tests/{new.id}"):
        return True
    return old.earlier != new.earlier and any(
        _part_differs(before, now, f"tests/{name}") for name in manifest.earlier(new.id)
    )


def _part_differs(before: Report, now: Report, part: str, part_now: str | None = None) -> bool:
    """Whether both results say what they were made of, and not the same."""
    was, is_now = before.made_of.get(part), now.made_of.get(part_now or part)
    return None not in (was, is_now) and was != is_now
