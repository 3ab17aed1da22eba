"""Joins the two sources of a grade: results/ (automatic scores) and gradebook.db (marks and comments by people)."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from autograder.errors import BadInput
from autograder.marks.gradebook_reader import MAX_NAMED, UNMARKED, CellMarks, read_gradebook
from autograder.results import Report, ReportStatus, ResultFolder, tested_beside
from autograder.roster.lateness import Lateness
from autograder.roster.term import Term
from kit.manifest import CellKind, Exercise, Manifest, check_id
from kit.succession import split


class StandingStatus(StrEnum):
    """How far one student's grade is."""

    NOT_GRADED = "not graded"
    PARTLY_GRADED = "partly graded"
    TO_BE_MARKED = "to be marked"  # by hand: the written answers
    COMPLETE = "complete"


@dataclass(frozen=True)
class Score:
    """The score of one exercise or written answer of one student. None: not graded yet.

    beside: in plain words, with whose earlier answers it was tested, where these are not the student's own.
    provisional: in place of points, how many hidden tests pass; what a student reads before the deadline.
    """

    id: str
    problem: str
    written: bool
    max_points: float
    auto: float | None = None
    manual: float | None = None
    extra: float | None = None
    comment: str | None = None
    reason: str | None = None
    beside: str = ""
    provisional: str = ""

    @property
    def cell(self) -> str:
        """The id of the cell for which nbgrader keeps the score."""
        return self.id if self.written else check_id(self.id)

    @property
    def points(self) -> float | None:
        """The mark that counts: a person's before the grader's, plus extra credit."""
        base = self.auto if self.manual is None else self.manual
        return None if base is None else base + (self.extra or 0.0)


@dataclass(frozen=True)
class Standing:
    """All scores of one student in the order of the notebooks, and the result behind them, if there is one.

    late: None where the assignment has no policy, or nothing was handed in.
    """

    student: str
    scores: tuple[Score, ...]
    report: Report | None
    late: Lateness | None = None

    @property
    def points(self) -> float:
        """The sum of what is graded so far, before anything is taken off for lateness."""
        return sum(score.points or 0.0 for score in self.scores)

    @property
    def final_points(self) -> float:
        """The same after lateness."""
        return self.points if self.late is None else self.late.after(self.points)

    @property
    def max_points(self) -> float:
        return sum(score.max_points for score in self.scores)

    @property
    def not_graded(self) -> tuple[Score, ...]:
        """Exercises without a result."""
        return tuple(score for score in self.scores if score.points is None and not score.written)

    @property
    def unmarked(self) -> tuple[Score, ...]:
        """Written answers that wait for a person."""
        return tuple(score for score in self.scores if score.points is None and score.written)

    @property
    def status(self) -> StandingStatus:
        if not self.not_graded:
            if not self.unmarked:
                return StandingStatus.COMPLETE
            unread = self.report is not None and self.report.status is ReportStatus.NOT_GRADED
            return StandingStatus.NOT_GRADED if unread else StandingStatus.TO_BE_MARKED
        graded = any(score.points is not None for score in self.scores if not score.written)
        return StandingStatus.PARTLY_GRADED if graded else StandingStatus.NOT_GRADED


def standings(
    manifest: Manifest, results: ResultFolder, database: Path | None, *, student: str | None = None
) -> list[Standing]:
    """The standing of each student, by name; those with a result and those who are only in the gradebook.

    database: None for results whose scores no gradebook holds. student: only this one. BadInput where a file is
    damaged, there is no student, or a person's mark would not be seen.
    """
    reports = results.all(None if student is None else [student])
    students: dict[str, Report | None] = {r.student: r for r in reports if r.assignment == manifest.assignment}
    marks = read_gradebook(database, manifest.assignment, student) if database is not None else {}
    renamed = {name: _renamed(manifest, cells) for name, cells in marks.items()}
    _refuse_lost(manifest, renamed, database)
    students |= {name: None for name in marks if name not in students}
    if not students:
        raise BadInput(f"no result of {manifest.assignment} in {results.path}: run `autograder grade` first")
    return [
        Standing(name, tuple(_scores(manifest, report, renamed.get(name, {}))), report)
        for name, report in sorted(students.items())
    ]


def _refuse_lost(manifest: Manifest, marks: Mapping[str, Mapping[str, CellMarks]], database: Path | None) -> None:
    """BadInput where the gradebook has a person's marks for what the assignment has no more: no sum would hold them."""
    known = {cell.id for book in manifest.notebooks for cell in book.cells} | set(split(manifest))
    lost = [
        f"  {student}: {cell} has {' and '.join(what)}"
        for student, cells in sorted(marks.items())
        for cell, mark in cells.items()
        if cell not in known and (what := mark.by_people)
    ]
    if lost:
        more = [f"  and {len(lost) - MAX_NAMED} more"] if len(lost) > MAX_NAMED else []
        title = f"{database} has marks by people for what {manifest.assignment} does not have (any more):"
        fix = f"run `autograder grade {manifest.assignment}`: it carries them, or says what to declare"
        raise BadInput("\n".join([title, *lost[:MAX_NAMED], *more, fix]))


def with_lateness(standings: Iterable[Standing], term: Term, assignment: str) -> list[Standing]:
    """Each standing with how late its work is, as policy and extensions are now."""
    return [
        standing
        if standing.report is None
        else dataclasses.replace(
            standing, late=term.lateness(assignment, standing.student, standing.report.handed_in_by)
        )
        for standing in standings
    ]


def automatic(report: Report) -> dict[str, tuple[float | None, str | None]]:
    """Exercise id to its score, or to None and the reason why there is none."""
    return {
        item.id: (item.score, item.reason)
        if item.status == ReportStatus.GRADED and item.score is not None
        else (None, item.reason or report.reason or "no result")
        for item in report.exercises
    }


def _renamed(manifest: Manifest, marks: Mapping[str, CellMarks]) -> dict[str, CellMarks]:
    """Marks by the cells' ids of today: the gradebook has earlier ones until the next grading."""
    undecided = split(manifest)
    cells = [(old, cell) for book in manifest.notebooks for old, cell in book.by_id.items()]
    now = {old: cell.id for old, cell in cells if old not in undecided}
    return {now.get(name, name): mark for name, mark in marks.items()}


def _scores(manifest: Manifest, report: Report | None, marks: Mapping[str, CellMarks]) -> Iterator[Score]:
    graded = automatic(report) if report is not None else {}
    answers = {answer.id: answer for answer in manifest.answers}
    for book in manifest.notebooks:
        for cell in book.cells:
            if cell.kind is CellKind.EXERCISE:
                score = _of_exercise(manifest.exercise(cell.id), graded.get(cell.id), marks)
                result = report.exercise(cell.id) if report is not None else None
                yield dataclasses.replace(score, beside=tested_beside(result, manifest)) if result else score
            elif cell.kind.is_answer:
                mark = marks.get(cell.id, UNMARKED)
                yield Score(
                    cell.id, book.problem, True, answers[cell.id].points,
                    mark.auto, mark.manual, mark.extra, mark.comment,
                )  # fmt: skip


def _of_exercise(
    exercise: Exercise, graded: tuple[float | None, str | None] | None, marks: Mapping[str, CellMarks]
) -> Score:
    """The score of the result, else the one that the gradebook holds."""
    mark = marks.get(check_id(exercise.id), UNMARKED)
    auto, reason = graded or (mark.auto, "no result" if mark.auto is None else None)
    comment = marks.get(exercise.id, UNMARKED).comment  # people comment on the code, not on its check
    return Score(exercise.id, exercise.problem, False, exercise.points, auto, mark.manual, mark.extra, comment, reason)
