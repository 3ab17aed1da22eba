"""Feedback: static pages per student, with scores, each test's title and hint, marks, comments and the notebook.

feedback/<student>/<assignment>/index.html is the whole; beside it one page per notebook, named as nbgrader names them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from urllib.parse import quote

from autograder.assignment.model import Assignment
from autograder.errors import BadInput
from autograder.files import write_atomically
from autograder.grading import regrade
from autograder.grading.regrade import Regrade
from autograder.marks import class_report, marker_notebook, pages
from autograder.marks.cells_html import cell_html
from autograder.marks.feedback_allowance import Allowance
from autograder.marks.notebook_cells import NotebookJson, grade_id, is_rubric, text_of
from autograder.marks.outcome_groups import TestGroup
from autograder.marks.provisional import as_students_see
from autograder.marks.standings import Score, Standing, standings, with_lateness
from autograder.results import ResultFolder
from autograder.roster.term import course_term
from autograder.submission import exchange_files
from kit.manifest import CellKind, Notebook
from kit.outcomes import OutcomeStatus

INDEX = "index.html"
NEXT = r'(<p class="open" id="next">)[^<]*(</p>)'  # where a page says when the next one comes


@dataclass(frozen=True)
class Revision:
    """Which of a student's results a page shows, made when, and the regrades that it went through."""

    graded_at: str
    number: int
    regrades: tuple[Regrade, ...]


@dataclass(frozen=True)
class Pages:
    """What was written: the class's page and the students who got theirs; waiting: those who had theirs of today."""

    index: Path
    students: tuple[str, ...]
    waiting: tuple[str, ...] = ()


def write(
    assignment: Assignment,
    results: ResultFolder,
    *,
    students: Collection[str] | None = None,
    database: Path | None = None,
    progress: Callable[[str], None] = lambda student: None,
) -> Pages:
    """Write feedback/<student>/<assignment>/ for every student with a result, and feedback/<assignment>.html.

    students: only these; the class page lists everyone. progress is called with each student when done.
    """
    feedback = assignment.course.feedback
    everyone = standings(assignment.manifest, results, database or assignment.course.gradebook)
    everyone = with_lateness(everyone, course_term(assignment.course), assignment.name)
    unknown = set(students or ()) - {standing.student for standing in everyone}
    if unknown:
        raise BadInput(f"no result for {', '.join(sorted(unknown))}: run `autograder grade {assignment.name}` first")
    allowance, waiting, regrades = Allowance(assignment), [], regrade.finished(results)
    for standing in everyone:
        if students is None or standing.student in students:
            folder = feedback / standing.student / assignment.name
            if standing.report is None or allowance.grants(standing.report):
                _write_student(assignment, _revision(results, standing.student, regrades), standing, folder)
            else:
                waiting.append(standing.student)
                _leave_earlier(assignment, standing, folder / INDEX, allowance.sentence)
            progress(standing.student)
    index = class_report.write(assignment, results, everyone)
    wanted = [s.student for s in everyone if students is None or s.student in students]
    return Pages(index, tuple(name for name in wanted if name not in waiting), tuple(waiting))


def notebook_page(assignment: Assignment, results: ResultFolder, database: Path, student: str, path: Path) -> str:
    """One notebook of autograded/ as the page that its student gets; nbgrader's generate_feedback calls this."""
    (standing,) = standings(assignment.manifest, results, database, student=student)
    allowance = Allowance(assignment)
    if standing.report is not None and not allowance.grants(standing.report):
        return _waiting_page(assignment, standing, allowance.sentence)
    book = next(book for book in assignment.manifest.notebooks if book.file == path.name)
    notebook = marker_notebook.read(path.parent)[path.name]
    revised = _revision(results, student, regrade.finished(results))
    return _notebook_page(assignment, standing, book, notebook, revised)


def _leave_earlier(assignment: Assignment, standing: Standing, page: Path, sentence: str) -> None:
    """Say on the page that stands, if one does, that there is more to come."""
    text = page.read_text(encoding="utf-8") if page.is_file() else _waiting_page(assignment, standing, sentence)
    said = re.sub(NEXT, lambda found: found[1] + escape(sentence) + found[2], text, count=1)
    write_atomically(page, said.encode())


def _waiting_page(assignment: Assignment, standing: Standing, sentence: str) -> str:
    title = f"{assignment.title}: {standing.student}"
    return pages.render("waiting.html.j2", assignment, title=title, sentence=sentence)


def _write_student(assignment: Assignment, revised: Revision, standing: Standing, folder: Path) -> None:
    standing = as_students_see(standing)
    marked = assignment.course.autograded / standing.student / assignment.name
    notebooks = marker_notebook.read(marked)
    files: dict[str, str] = {}
    linked: dict[str, str] = {}
    for book in assignment.manifest.notebooks:
        if book.file in notebooks:
            name = f"{Path(book.file).stem}.html"
            files[name] = _notebook_page(assignment, standing, book, notebooks[book.file], revised)
            linked[book.file] = quote(name)
    books = [
        (book, [score for score in standing.scores if score.problem == book.problem])
        for book in assignment.manifest.notebooks
    ]
    files[INDEX] = pages.render(
        "student.html.j2", assignment, title=f"{assignment.title}: {standing.student}",
        standing=standing, revised=revised, books=books, pages=linked, tests=_tests(standing),
        missing=list(_missing(standing)), failed=list(_failed(standing)),
    )  # fmt: skip
    for name in (exchange_files.TIMESTAMP, exchange_files.SECRET):
        if (marked / name).is_file():
            files[name] = (marked / name).read_text(encoding="utf-8")
    marker_notebook.write(folder, files)


def _notebook_page(
    assignment: Assignment, standing: Standing, book: Notebook, notebook: NotebookJson, revised: Revision
) -> str:
    standing = as_students_see(standing)
    scores = {score.cell: score for score in standing.scores}
    texts = {cell.id: cell.source.strip() for cell in book.cells if cell.kind is CellKind.TEXT}
    pictures = assignment.pictures
    cells = [
        (
            cell_html(cell, of_the_course=texts.get(cell["id"]) == text_of(cell).strip(), pictures=pictures),
            scores.get(grade_id(cell)),
        )
        for cell in notebook["cells"]
        if not is_rubric(cell)
    ]
    return pages.render(
        "notebook.html.j2", assignment, title=f"{book.title}: {standing.student}",
        standing=standing, revised=revised, book=book, cells=cells, tests=_tests(standing),
    )  # fmt: skip


def _tests(standing: Standing) -> Mapping[str, list[TestGroup]]:
    report = standing.report
    return {score.id: marker_notebook.tests_of(report, score.id) if report else [] for score in standing.scores}


def _missing(standing: Standing) -> Iterator[tuple[Score, str]]:
    """What has no points yet or was not written, and why."""
    tests = _tests(standing)
    for score in standing.scores:
        statuses = {test.status for test in tests[score.id]}
        if score.points is None and not score.provisional:
            yield score, "not marked yet." if score.written else pages.why(score, tests[score.id])
        elif statuses == {OutcomeStatus.MISSING}:
            yield score, "not written."
        elif statuses == {OutcomeStatus.BLOCKED}:
            yield score, f"{score.reason}."


def _failed(standing: Standing) -> Iterator[tuple[Score, list[TestGroup]]]:
    """What was written and lost points: the tests that did not pass."""
    waiting = {score.id for score, _ in _missing(standing)}
    tests = _tests(standing)
    for score in standing.scores:
        lost = [test for test in tests[score.id] if test.status != OutcomeStatus.PASSED]
        if lost and score.id not in waiting:
            yield score, lost


def _revision(results: ResultFolder, student: str, regrades: Iterable[Regrade]) -> Revision:
    path = results.report_path(student)
    if not path.is_file():
        return Revision("", 0, ())
    graded_at = datetime.fromtimestamp(path.stat().st_mtime, UTC).strftime("%Y-%m-%d %H:%M UTC")
    mine = tuple(one for one in regrades if student in one.before)
    return Revision(graded_at, results.number(student), mine)
