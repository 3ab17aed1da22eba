"""Joins the two sources of a grade: results/ (automatic scores) and gradebook.db (marks and comments by people)."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder.errors import BadInput
from autograder.results import GRADED, Report, ResultFolder
from kit.manifest import Manifest

GRADES = """
select submission.student_id, cell.name, grade.auto_score, grade.manual_score, grade.extra_credit,
       grade.needs_manual_grade
from grade
join base_cell cell on cell.id = grade.cell_id
join submitted_notebook notebook on notebook.id = grade.notebook_id
join submitted_assignment submission on submission.id = notebook.assignment_id
join assignment on assignment.id = submission.assignment_id
where assignment.name = ?
"""
COMMENTS = """
select submission.student_id, cell.name, comment.manual_comment
from comment
join base_cell cell on cell.id = comment.cell_id
join submitted_notebook notebook on notebook.id = comment.notebook_id
join submitted_assignment submission on submission.id = notebook.assignment_id
join assignment on assignment.id = submission.assignment_id
where assignment.name = ? and comment.manual_comment is not null and comment.manual_comment <> ''
"""
SUBMISSIONS = """
select submission.student_id from submitted_assignment submission
join assignment on assignment.id = submission.assignment_id where assignment.name = ?
"""


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
    """All scores of one student in the order of the notebooks, and the result file behind them, if there is one."""

    student: str
    scores: tuple[Score, ...]
    result: Report | None

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


def standings(manifest: Manifest, results: ResultFolder, database: Path) -> list[Standing]:
    """Where each student stands, by student; those with a result and those who are only in the gradebook."""
    found = [report for report in results.all() if report.assignment == manifest.assignment]
    by_student: dict[str, Report | None] = {report.student: report for report in found}
    grades, comments = read_gradebook(database, manifest.assignment)
    for student in grades:
        by_student.setdefault(student, None)
    return [
        Standing(student, tuple(_scores(manifest, result, grades[student], comments[student])), result)
        for student, result in sorted(by_student.items())
    ]


def automatic(report: Report) -> dict[str, tuple[float | None, str | None]]:
    """Exercise id to its score, or to None and the reason why there is none."""
    return {
        item.id: (item.score, item.reason)
        if item.status == GRADED and item.score is not None
        else (None, item.reason or report.reason or "no result")
        for item in report.exercises
    }


Grades = Mapping[str, tuple[float | None, float | None, float | None, bool]]


def read_gradebook(database: Path, assignment: str) -> tuple[dict[str, dict[str, Any]], dict[str, dict[str, str]]]:
    """Student to cell to (auto, manual, extra, needs marking), and student to cell to comment; read only."""
    grades: dict[str, dict[str, Any]] = defaultdict(dict)
    comments: dict[str, dict[str, str]] = defaultdict(dict)
    if not database.is_file():
        return grades, comments
    try:
        with closing(sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", uri=True, timeout=30)) as connection:
            for (student,) in connection.execute(SUBMISSIONS, (assignment,)):
                grades[student] = {}
            for student, cell, *values in connection.execute(GRADES, (assignment,)):
                grades[student][cell] = tuple(values)
            for student, cell, comment in connection.execute(COMMENTS, (assignment,)):
                comments[student][cell] = comment
    except sqlite3.Error as error:
        mend = f"restore the newest {database.name}.*.bak"
        mend = f"restore the newest {database.name}.*.bak"
        raise BadInput(f"{database} is no readable gradebook ({error}): {mend}") from error
    return grades, comments


def _scores(manifest: Manifest, result: Report | None, grades: Grades, comments: Mapping[str, str]) -> Iterator[Score]:
    graded = automatic(result) if result is not None else {}
    for notebook in manifest.notebooks:
        for cell in notebook.cells:
            if cell.kind == "exercise":
                exercise = manifest.exercise(cell.id)
                stored, manual, extra, _ = grades.get(f"{cell.id}-check", (None, None, None, True))
                auto, reason = graded.get(cell.id, (stored, None if stored is not None else "no result"))
                comment = comments.get(cell.id)
                yield Score(cell.id, notebook.problem, False, exercise.points, auto, manual, extra, comment, reason)
            elif cell.kind == "answer":
                points = next(answer.points for answer in manifest.answers if answer.id == cell.id)
                auto, manual, extra, _ = grades.get(cell.id, (None, None, None, True))
                yield Score(cell.id, notebook.problem, True, points, auto, manual, extra, comments.get(cell.id))
