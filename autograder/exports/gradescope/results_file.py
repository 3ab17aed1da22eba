"""A report as Gradescope's results.json: an entry for each exercise, all of it plain text.

Format "text" throughout, which Gradescope escapes: nothing in it can be taken for markup. Before the deadline the
points stand in entries that are shown once grades are published, and while an entry is not shown, neither is the total.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from autograder.marks.outcome_groups import TestGroup, grouped
from autograder.marks.provisional import as_students_see, hidden_passed
from autograder.marks.standings import Standing
from autograder.results import ExerciseResult, Report, Stage, tested_beside
from kit.manifest import Exercise, Manifest
from kit.outcomes import OutcomeStatus
from kit.text import for_terminal

TEXT = "text"
VISIBLE, LATER = "visible", "after_published"
NOT_GRADED_TAG = "not graded"
_UNFINISHED = (
    "THIS RUN HAS NOT FINISHED. What is not graded below was not reached, which is not a zero: "
    "if no other result follows, tell the course staff."
)


@dataclass(frozen=True)
class Showing:
    """What else decides what a student reads.

    seconds: since the start. finished: False for a file that is written on the way. withheld: why nothing is said of
    hidden tests this time; None where it is.
    """

    manifest: Manifest
    seconds: float
    finished: bool = True
    withheld: str | None = None


def results(report: Report, showing: Showing) -> dict[str, Any]:
    """The content of results.json, valid at every stage of a run."""
    final = report.stage is Stage.FINAL
    entries = [entry for one in _numbered(showing.manifest) for entry in _entries(report, *one, showing, final)]
    made = {
        "score": round(report.auto_score or 0.0, 4),
        "execution_time": round(showing.seconds),
        "output": for_terminal("\n".join(_output(report, showing))),
        "output_format": TEXT,
        "test_output_format": TEXT,
        "test_name_format": TEXT,
        "visibility": VISIBLE,
        "stdout_visibility": "hidden",
        "extra_data": _extra(report, showing),
        "tests": entries,
    }
    rows = list(_leaderboard(report, showing))
    return made | ({"leaderboard": rows} if rows else {})


def _leaderboard(report: Report, showing: Showing) -> Iterator[dict[str, Any]]:
    """What submitted weights reach, for exercises that ask for it."""
    for exercise in showing.manifest.exercises:
        result = report.exercise(exercise.id)
        if exercise.leaderboard and result is not None and result.accuracy is not None and showing.withheld is None:
            yield {"name": exercise.leaderboard, "value": result.accuracy, "order": "desc"}


def failed(why: str) -> dict[str, Any]:
    """The file where nothing could be graded at all."""
    output = for_terminal(f"NOT GRADED, which is not a zero: {why}. Tell the course staff.")
    entry = {"name": "grader", "status": "failed", "output": output, "tags": [NOT_GRADED_TAG], "visibility": VISIBLE}
    return {
        "score": 0.0, "output": output, "output_format": TEXT, "test_output_format": TEXT, "test_name_format": TEXT,
        "visibility": VISIBLE, "stdout_visibility": "hidden", "extra_data": {"status": "not graded"}, "tests": [entry],
    }  # fmt: skip


def _numbered(manifest: Manifest) -> Iterator[tuple[str, Exercise]]:
    """Every exercise with its place: notebook, and exercise in it."""
    for book_number, book in enumerate(manifest.notebooks, 1):
        own = [exercise for exercise in manifest.exercises if exercise.problem == book.problem]
        for number, exercise in enumerate(own, 1):
            yield f"{book_number}.{number}", exercise


def _entries(
    report: Report, number: str, exercise: Exercise, showing: Showing, final: bool
) -> Iterator[dict[str, Any]]:
    result = report.exercise(exercise.id)
    assert result is not None, "a report has every exercise of its manifest"
    common = {
        "number": number, "name_format": TEXT, "output_format": TEXT, "tags": [exercise.problem, exercise.id],
        "extra_data": {"exercise": exercise.id},
    }  # fmt: skip
    if result.score is None:
        output = f"NOT GRADED, which is not a zero: {_reason(report, result)}."
        more = {"max_score": result.max_score, "status": "failed", "output": output, "visibility": VISIBLE}
        yield {"name": exercise.id, **common, **more, "tags": [*common["tags"], NOT_GRADED_TAG]}
        return
    if not final:
        yield {"name": exercise.id, **common, **_provisional(report, exercise, showing), "visibility": VISIBLE}
    points = {"score": result.score, "max_score": result.max_score, "status": _status(result.score, result.max_score)}
    name = exercise.id if final else f"{exercise.id}: points"
    output = for_terminal("\n".join(_lines(report, result, showing.manifest)))
    yield {"name": name, **common, **points, "output": output, "visibility": VISIBLE if final else LATER}


def _provisional(report: Report, exercise: Exercise, showing: Showing) -> dict[str, Any]:
    """Public tests whole; of the hidden ones how many pass."""
    seen = as_students_see(Standing(report.student, (), report)).report
    assert seen is not None
    public = [test for test in seen.tests if test.exercise == exercise.id]
    result = seen.exercise(exercise.id)
    assert result is not None
    lines = [*_tests(grouped(public, result.explained)), showing.withheld or f"{hidden_passed(report, exercise.id)}."]
    passed = all(test.status is OutcomeStatus.PASSED for test in public)
    return {"status": "passed" if passed else "failed", "output": for_terminal("\n".join(lines))}


def _lines(report: Report, result: ExerciseResult, manifest: Manifest) -> Iterator[str]:
    beside = tested_beside(result, manifest)
    yield f"{_points(result.score or 0.0)} of {_points(result.max_score)} points{f' ({beside})' if beside else ''}"
    if result.reason:
        yield f"{result.reason}."
    yield from _tests(grouped([test for test in report.tests if test.exercise == result.id], result.explained))


def _tests(groups: list[TestGroup]) -> Iterator[str]:
    """A line for each test, and below those that did not pass what a student may know."""
    for group in groups:
        passed = group.status is OutcomeStatus.PASSED
        yield f"{'passed' if passed else group.status.upper()}: {group.heading}"
        if not passed:
            yield from (f"    {line}" for line in (group.text, *group.titles) if line)


def _reason(report: Report, result: ExerciseResult) -> str:
    """For students: what went wrong in a test may name it, and is for staff."""
    if any(test.exercise == result.id and test.status is OutcomeStatus.ERROR for test in report.tests):
        return "a test of this exercise is at fault; it will be graded again"
    return result.reason or report.reason or "no result"


def _output(report: Report, showing: Showing) -> Iterator[str]:
    waiting = [result.id for result in report.exercises if result.score is None]
    if not showing.finished:
        yield _UNFINISHED
    elif waiting:
        yield (
            f"NOT GRADED: {len(waiting)} of {len(report.exercises)} exercises, which is not a zero: the total counts "
            "the others alone. Their entries say why; the course staff grade them again."
        )
    if report.stage is Stage.PROVISIONAL:
        yield "Before the deadline: public tests in full. Points appear when the course publishes grades."
        yield from [showing.withheld] if showing.withheld else []
    if written := sum(answer.points for answer in showing.manifest.answers):
        yield f"{_points(written)} points are for answers that people mark, and are not in this total."
    if report.notes:
        yield "What the grader noticed:"
        yield from (f"- {note}" for note in report.notes)


def _extra(report: Report, showing: Showing) -> dict[str, Any]:
    """For the staff's records. No seed: students get at what they are shown of earlier submissions."""
    return {
        "assignment": report.assignment, "version": report.version, "engine": report.engine, "stage": report.stage,
        "status": report.status, "isolation": report.isolation, "submission": report.submission,
        "finished": showing.finished,
        "not_graded": [result.id for result in report.exercises if result.score is None],
    }  # fmt: skip


def _status(score: float, max_score: float) -> str:
    return "passed" if score >= max_score else "failed"


def _points(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
