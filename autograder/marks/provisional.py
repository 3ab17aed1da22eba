"""What a student may know before the deadline: public tests as ever, of the hidden ones only how many pass.

No points either: with the tests' weights they would tell which ones.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from autograder.marks.standings import Score, Standing
from autograder.results import ExerciseResult, Report, Stage, TestResult
from kit.outcomes import OutcomeStatus


def as_students_see(standing: Standing) -> Standing:
    """The standing without what only staff may know; a final one is whole."""
    report = standing.report
    if report is None or report.stage is Stage.FINAL:
        return standing
    scores = tuple(_score(score, report) for score in standing.scores)
    return dataclasses.replace(standing, scores=scores, report=_report(report))


def hidden_passed(report: Report, exercise: str | None = None) -> str:
    """Such as "5 of 8 hidden tests pass", of one exercise or of all."""
    tests = [test for test in _hidden(report.tests) if exercise in (None, test.exercise)]
    passed = sum(test.status is OutcomeStatus.PASSED for test in tests)
    return f"{passed} of {len(tests)} hidden tests pass"


def _score(score: Score, report: Report) -> Score:
    if score.written or score.auto is None:
        return score
    return dataclasses.replace(score, auto=None, beside="", provisional=hidden_passed(report, score.id))


def _report(report: Report) -> Report:
    hidden = {test.id for test in _hidden(report.tests)}
    return dataclasses.replace(
        report,
        auto_score=None,
        exercises=tuple(_exercise(result, hidden) for result in report.exercises),
        tests=tuple(test for test in report.tests if test.id not in hidden),
    )


def _exercise(result: ExerciseResult, hidden: set[str]) -> ExerciseResult:
    explained = None if result.explained in hidden else result.explained
    return dataclasses.replace(result, score=None, explained=explained)


def _hidden(tests: Iterable[TestResult]) -> list[TestResult]:
    return [test for test in tests if test.visibility == "hidden"]
