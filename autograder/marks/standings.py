"""Joins the two sources of a grade: results/ (automatic scores) and gradebook.db (marks and comments by people)."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from autograder.errors import BadInput
from autograder.results import Report, ReportStatus, ResultFolder
from kit.manifest import Manifest

_WHOSE = """
join base_cell cell on cell.id = mine.cell_id
join submitted_notebook notebook on notebook.id = mine.notebook_id
join submitted_assignment submission on submission.id = notebook.assignment_id
join assignment on assignment.id = submission.assignment_id
where assignment.name = :assignment and (:student is null or submission.student_id = :student)
"""
GRADES = f"""
select submission.student_id, cell.name, mine.auto_score, mine.manual_score, mine.extra_credit from grade mine {_WHOSE}
"""
COMMENTS = f"""
select submission.student_id, cell.name, mine.manual_comment from comment mine {_WHOSE}
and mine.manual_comment is not null and mine.manual_comment <> ''
"""

Cell = tuple[float | None, float | None, float | None]
NOTHING: Cell = (None, None, None)


@dataclass(frozen=True)
class Score:
    """What one exercise or written answer of one student got. None: nobody and nothing has graded it yet."""

    id: str
    problem: str
    written: bool
    max_points: float
    auto: float | None = None
    manual: float | None = None
    extra: float | None = None
    comment: str | None = None
    reason: str | None = None

    @property
    def points(self) -> float | None:
        """The mark that counts: a person's before the grader's, plus extra credit."""
        base = self.auto if self.manual is None else self.manual
        return None if base is None else base + (self.extra or 0.0)


@dataclass(frozen=True)
class Standing:
    """All scores of one student in the order of the notebooks, and the result behind them, if there is one."""

    student: str
    scores: tuple[Score, ...]
    report: Report | None

    @property
    def points(self) -> float:
        """The sum of what is graded so far."""
        return sum(score.points or 0.0 for score in self.scores)

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
    def status(self) -> str:
        if self.not_graded:
            return "not graded" if all(s.points is None for s in self.scores if not s.written) else "partly graded"
        return "to be marked" if self.unmarked else "complete"


def standings(
    manifest: Manifest, results: ResultFolder, database: Path, *, student: str | None = None
) -> list[Standing]:
    """Where each student stands, by student; those with a result and those who are only in the gradebook.

    student: only this one. BadInput where a file is damaged or there is nobody.
    """
    reports = results.all() if student is None else [report for report in [results.read(student)] if report]
    found: dict[str, Report | None] = {r.student: r for r in reports if r.assignment == manifest.assignment}
    grades, comments = read_gradebook(database, manifest.assignment, student)
    found |= {name: None for name in grades if name not in found}
    if not found:
        raise BadInput(f"no result of {manifest.assignment} in {results.path}: run `autograder grade` first")
    return [
        Standing(name, tuple(_scores(manifest, report, grades.get(name, {}), comments.get(name, {}))), report)
        for name, report in sorted(found.items())
    ]


def automatic(report: Report) -> dict[str, tuple[float | None, str | None]]:
    """Exercise id to its score, or to None and the reason why there is none."""
    return {
        item.id: (item.score, item.reason)
        if item.status == ReportStatus.GRADED and item.score is not None
        else (None, item.reason or report.reason or "no result")
        for item in report.exercises
    }


def read_gradebook(
    database: Path, assignment: str, student: str | None = None
) -> tuple[dict[str, dict[str, Cell]], dict[str, dict[str, str]]]:
    """Student to cell to (auto, manual, extra), and student to cell to comment; read only, nothing is created."""
    grades: dict[str, dict[str, Cell]] = defaultdict(dict)
    comments: dict[str, dict[str, str]] = defaultdict(dict)
    if not database.is_file():
        return grades, comments
    only = {"assignment": assignment, "student": student}
    try:
        with closing(sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", uri=True, timeout=30)) as connection:
            for name, cell, auto, manual, extra in connection.execute(GRADES, only):
                grades[name][cell] = (auto, manual, extra)
            for name, cell, comment in connection.execute(COMMENTS, only):
                comments[name][cell] = comment
    except sqlite3.Error as error:
        mend = f"restore the newest {database.name}.*.bak"
        raise BadInput(f"{database} is no readable gradebook ({error}): {mend}") from error
    return grades, comments


def _scores(
    manifest: Manifest, report: Report | None, grades: Mapping[str, Cell], comments: Mapping[str, str]
) -> Iterator[Score]:
    graded = automatic(report) if report is not None else {}
    for notebook in manifest.notebooks:
        for cell in notebook.cells:
            if cell.kind == "exercise":
                exercise = manifest.exercise(cell.id)
                stored, manual, extra = grades.get(f"{cell.id}-check", NOTHING)
                auto, reason = graded.get(cell.id, (stored, None if stored is not None else "no result"))
                comment = comments.get(cell.id)
                yield Score(cell.id, notebook.problem, False, exercise.points, auto, manual, extra, comment, reason)
            elif cell.kind == "answer":
                points = next(answer.points for answer in manifest.answers if answer.id == cell.id)
                auto, manual, extra = grades.get(cell.id, NOTHING)
                yield Score(cell.id, notebook.problem, True, points, auto, manual, extra, comments.get(cell.id))
