"""The one writer into nbgrader's gradebook: automatic scores in, marks and comments by people left alone.

nbgrader adds a missing score up as 0. So wherever one is missing the cell is left without a score and marked as
"needs manual grade", its comment says why, and our table, pages and exports show no total that would hold it.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Self, TypeVar

import sqlalchemy
from nbgrader import api
from sqlalchemy.exc import OperationalError

from autograder.assignment.model import Assignment
from autograder.errors import AutograderError, BadInput
from autograder.files import put_interpreter_on_path
from autograder.marks import gradebook_guard, gradebook_rows, marker_notebook
from autograder.marks.notebook_cells import NotebookJson, answer_texts
from autograder.marks.standings import automatic
from autograder.results import Report, ReportStatus, ResultFolder
from autograder.submission import exchange_files
from autograder.submission.markdown import harmless
from kit.manifest import Manifest, exercise_of_check

T = TypeVar("T")

BACKUPS_KEPT = 20  # grading makes two: before the class, and before its scores are written
LOCK_SECONDS = 20
LOCK_ATTEMPTS = 3


@dataclass(frozen=True)
class MissingScore:
    """An exercise for which there is no score, and why."""

    student: str
    exercise: str
    reason: str


@dataclass(frozen=True)
class ChangedMark:
    """A cell whose automatic score or answer has changed since a person marked it. The mark was kept."""

    student: str
    cell: str
    before: float | None
    now: float | None
    manual: float

    @property
    def what(self) -> str:
        """What changed, in words."""
        if self.before == self.now:
            return "the answer was rewritten"
        before, now = ("none" if score is None else f"{score:g}" for score in (self.before, self.now))
        return f"its automatic score went from {before} to {now}"


@dataclass
class Summary:
    """What one run of the writer did. ``to_mark`` counts written answers that wait for a person."""

    students: int = 0
    backup: Path | None = None
    not_graded: list[MissingScore] = field(default_factory=list)
    changed: list[ChangedMark] = field(default_factory=list)
    to_mark: int = 0
    notes: list[str] = field(default_factory=list)


def write(
    assignment: Assignment,
    results: ResultFolder,
    *,
    students: Collection[str] | None = None,
    submitted: Path | None = None,
    database: Path | None = None,
    progress: Callable[[str], None] = lambda student: None,
) -> Summary:
    """Put stored results into the gradebook and their notebooks into autograded/, one transaction per student.

    students: only these. submitted: the folder of <student>/<assignment>/ folders, for the times of handing in.
    progress is called with each student when done. Running it again changes nothing.
    """
    reports = [report for report in results.all(students) if report.assignment == assignment.name]
    with Writer(assignment, submitted=submitted, database=database) as writer:
        for report in reports:
            writer.record(report, results.notebooks(report))
            progress(report.student)
        return writer.summary


def bring_in_line(assignment: Assignment) -> list[str]:
    """Make the gradebook's cells those of the release, before anything is graded; remarks on people's marks.

    BadInput where a mark would be lost or the gradebook is another one than before.
    """
    with Writer(assignment) as writer:
        return writer.summary.notes


class Writer:
    """The gradebook, open for writing. Opening backs it up and brings its cells in line with the release."""

    def __init__(self, assignment: Assignment, *, submitted: Path | None = None, database: Path | None = None) -> None:
        self._assignment = assignment
        self._manifest: Manifest = assignment.manifest
        self._submitted = submitted or assignment.course.submitted
        self._database = (database or assignment.course.gradebook).resolve()
        self._pictures = assignment.pictures
        self._rubrics = marker_notebook.rubrics(assignment)
        self._stubs = {
            cell.id: (cell.source if cell.kind.is_code else harmless(cell.source)).strip()  # as a rebuilt one shows it
            for book in self._manifest.notebooks
            for cell in book.cells
            if cell.kind.is_answer
        }
        notebooks = gradebook_rows.released(assignment)
        gone = gradebook_guard.check(self._database, assignment.name, assignment.course)
        self.summary = Summary(backup=back_up(self._database), notes=gone)
        put_interpreter_on_path()
        with self._errors_that_help():
            self._gradebook = api.Gradebook(f"sqlite:///{self._database}?timeout={LOCK_SECONDS}")
        self._db = self._gradebook.db
        try:
            self._assignment_id, self._books = self._transaction(
                lambda: gradebook_rows.bring_in_line(
                    self._db, self._gradebook.course_id, assignment, notebooks, self.summary.notes
                )
            )
        except BaseException:
            self._gradebook.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._gradebook.close()

    def record(self, report: Report, notebooks: Mapping[str, NotebookJson]) -> None:
        """Store one student's result and, where anything was graded, the notebooks to mark.

        A missing score becomes "needs manual grade", never 0.
        """
        shown = {} if report.status == ReportStatus.NOT_GRADED else notebooks
        folder = self._submitted / (report.handed_in_by or report.student) / self._assignment.name
        marked = self._assignment.course.autograded / report.student / self._assignment.name
        moment, complaint = exchange_files.timestamp(folder)
        if complaint:
            self.summary.notes.append(f"{report.student}: {complaint}")
        lost = report.status != ReportStatus.NOT_GRADED and not notebooks
        if lost:
            self.summary.notes.append(f"{report.student}: the notebooks of this result are gone; grade again")
        answers = self._answers(report, shown)
        changes = self._transaction(lambda: self._store(report, answers, marked, moment))
        if not lost:
            marker_notebook.write(marked, self._files(report, shown, folder, moment), self._pictures)
        self.summary.students += 1
        self.summary.not_graded += changes.not_graded
        self.summary.changed += changes.changed
        self.summary.to_mark += changes.to_mark

    def _answers(self, report: Report, notebooks: Mapping[str, NotebookJson]) -> dict[str, str | None]:
        """Answer id to what was written; None where the notebook is not there, or none of its exercises has a score."""
        graded = {exercise.id for exercise in report.exercises if exercise.score is not None}
        texts = self._texts(notebooks)
        read = {
            cell.id
            for book in self._manifest.notebooks
            if book.file in notebooks and (not book.is_tested or any(cell.id in graded for cell in book.cells))
            for cell in book.cells
        }
        return {answer.id: texts[answer.id] if answer.id in read else None for answer in self._manifest.answers}

    def _texts(self, notebooks: Mapping[str, NotebookJson]) -> dict[str, str]:
        """Answer id to its text; "" where it is missing or as released."""
        texts = answer_texts(notebooks.values(), self._manifest)
        return {name: "" if (text := texts.get(name, "")) == stub else text for name, stub in self._stubs.items()}

    def _files(
        self, report: Report, notebooks: Mapping[str, NotebookJson], folder: Path, moment: datetime | None
    ) -> dict[str, str]:
        files = {}
        for name, notebook in notebooks.items():
            dressed = marker_notebook.dress(notebook, self._manifest, report, self._rubrics)
            files[name] = json.dumps(dressed, ensure_ascii=False, indent=1) + "\n"
        if files and moment:
            files[exchange_files.TIMESTAMP] = moment.strftime("%Y-%m-%d %H:%M:%S.%f UTC")
        if files and (secret := exchange_files.secret(folder)):
            files[exchange_files.SECRET] = secret
        return files

    def _store(
        self, report: Report, answers: Mapping[str, str | None], marked: Path, moment: datetime | None
    ) -> Summary:
        changes = Summary()
        submission = self._submission(report.student)
        submission.timestamp = moment
        scores = automatic(report)
        before = cache(lambda: self._texts(_readable(marked)))  # read only where a person's mark depends on it
        for book in self._books:
            submitted = self._one(api.SubmittedNotebook, notebook_id=book.id, assignment_id=submission.id)
            grades = self._rows(api.Grade, submitted.id, book.grade_cells)
            comments = self._rows(api.Comment, submitted.id, book.solution_cells)
            for name, grade in grades.items():
                rewritten = False
                if name in answers:
                    score, comments[name].auto_comment = _of_answer(answers[name])
                    rewritten = grade.manual_score is not None and answers[name] != before()[name]
                    changes.to_mark += score is None and grade.manual_score is None
                else:
                    exercise = exercise_of_check(name) or name
                    score, reason = scores.get(exercise, (None, "not in the version that was graded"))
                    comments[exercise].auto_comment = f"Not graded: {reason}" if score is None else None
                    if score is None:
                        changes.not_graded.append(MissingScore(report.student, exercise, reason or ""))
                previous = grade.auto_score
                if _set_score(grade, score, rewritten):
                    changes.changed.append(ChangedMark(report.student, name, previous, score, grade.manual_score))
        return changes

    # Rows

    def _submission(self, student: str) -> Any:
        if self._db.get(api.Student, student) is None:
            self._db.add(api.Student(id=student))
            self._db.flush()
        return self._one(api.SubmittedAssignment, assignment_id=self._assignment_id, student_id=student)

    def _one(self, kind: Any, **where: str) -> Any:
        row = self._db.query(kind).filter_by(**where).one_or_none()
        if row is None:
            row = kind(**where)
            self._db.add(row)
            self._db.flush()
        return row

    def _rows(self, kind: Any, notebook_id: str, cells: Iterable[tuple[str, str]]) -> dict[str, Any]:
        rows = {row.cell_id: row for row in self._db.query(kind).filter_by(notebook_id=notebook_id)}
        for cell_id, _ in cells:
            if cell_id not in rows:
                rows[cell_id] = kind(cell_id=cell_id, notebook_id=notebook_id)
                self._db.add(rows[cell_id])
        return {name: rows[cell_id] for cell_id, name in cells}

    # Transactions

    def _transaction(self, work: Callable[[], T]) -> T:
        for _ in range(LOCK_ATTEMPTS - 1):
            try:
                return self._attempt(work)
            except OperationalError as error:
                if "locked" not in str(error.orig):
                    break
        with self._errors_that_help():
            return self._attempt(work)

    def _attempt(self, work: Callable[[], T]) -> T:
        try:
            # IMMEDIATE takes the lock before anything is read: SQLite then waits for it instead of failing half-way.
            self._db.execute(sqlalchemy.text("BEGIN IMMEDIATE"))
            outcome = work()
            self._db.commit()
            return outcome
        except BaseException:
            self._db.rollback()
            raise
        finally:
            self._db.expunge_all()

    @contextmanager
    def _errors_that_help(self) -> Iterator[None]:
        try:
            yield
        except OperationalError as error:
            if "locked" in str(error.orig):
                raise AutograderError(
                    f"{self._database} is in use by another program (formgrader, another grading run). End it and "
                    "run the command again: results are kept, nothing is graded twice"
                ) from error
            backup = f"{self._database.name}.*.bak"
            raise BadInput(
                f"{self._database}: {error.orig}. Run `nbgrader db upgrade`, or restore the newest {backup}"
            ) from error


def _set_score(grade: Any, score: float | None, rewritten: bool) -> bool:
    """Store an automatic score; whether a person who marked the cell has to look at it again."""
    changed = grade.manual_score is not None and (rewritten or grade.auto_score != score)
    if grade.manual_score is None or changed:
        grade.needs_manual_grade = changed or score is None
    grade.auto_score = score
    return changed


def _of_answer(text: str | None) -> tuple[float | None, str | None]:
    """Automatic score and comment of a written answer: an empty one is 0, any other waits for a person."""
    if text is None:
        return None, "Not graded: the notebook could not be read."
    return (0.0, "No response.") if text == "" else (None, None)


def _readable(folder: Path) -> dict[str, NotebookJson]:
    try:
        return marker_notebook.read(folder)
    except BadInput:
        return {}


def back_up(database: Path) -> Path | None:
    """Copy the gradebook to <name>.<time>.bak beside it and keep the newest few; None where there is none yet."""
    if not database.is_file():
        return None
    moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    copy = database.with_name(f"{database.name}.{moment}.bak")
    partial = copy.with_suffix(".part")
    try:
        with (
            closing(sqlite3.connect(database, timeout=LOCK_SECONDS)) as source,
            closing(sqlite3.connect(partial)) as to,
        ):
            source.backup(to)
        os.replace(partial, copy)
    except sqlite3.Error as error:
        partial.unlink(missing_ok=True)
        raise BadInput(
            f"{database} cannot be read ({error}): restore the newest {database.name}.*.bak or move the file away"
        ) from error
    for old in gradebook_guard.backups(database)[:-BACKUPS_KEPT]:
        old.unlink()
    return copy
