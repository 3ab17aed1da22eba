"""A regrade's table, as CSV for a spreadsheet and as a page: whose score changed, by how much, in which test, and why.

Both lie beside the regrade's record and are for staff only: they name hidden tests.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from autograder.assignment.model import Assignment
from autograder.csv_cells import harmless
from autograder.files import write_atomically
from autograder.grading.changes import ScoreChange
from autograder.grading.regrade import Regrade, folder_of
from autograder.marks import pages
from autograder.marks.gradebook_reader import UNMARKED, read_gradebook
from autograder.results import ResultFolder
from kit.manifest import check_id

COLUMNS = ("student", "exercise", "before", "now", "difference", "why", "in detail", "mark by hand, kept")
TABLE = "table.csv"
PAGE = "index.html"


@dataclass(frozen=True)
class RegradeRow:
    """One exercise of one student. mark: a person's, which counts instead and stays as it is; None: there is none."""

    change: ScoreChange
    mark: float | None


def write(
    assignment: Assignment,
    results: ResultFolder,
    regrade: Regrade,
    changes: Sequence[ScoreChange],
    database: Path | None,
) -> Path:
    """Write table.csv and index.html; returns the page. database: None for results whose scores no gradebook holds."""
    rows = _with_marks(changes, assignment.name, database)
    folder = folder_of(results, regrade)
    write_atomically(folder / TABLE, _csv(rows).encode("utf-8", "backslashreplace"))
    html = pages.render(
        "regrade.html.j2", assignment, title=f"{assignment.title}: regrade {regrade.number}",
        regrade=regrade, rows=rows, reasons=by_reason(changes), up=_students(rows, 1), down=_students(rows, -1),
    )  # fmt: skip
    write_atomically(folder / PAGE, html.encode("utf-8", "backslashreplace"))
    return folder / PAGE


def by_reason(changes: Iterable[ScoreChange]) -> list[tuple[str, int, int]]:
    """Each reason with the scores and the students that it may have changed, the most frequent first."""
    scores = Counter(reason for change in changes for reason in change.reasons)
    students = Counter(reason for reason, _ in {(r, change.student) for change in changes for r in change.reasons})
    return [(reason, count, students[reason]) for reason, count in scores.most_common()]


def _with_marks(changes: Iterable[ScoreChange], assignment: str, database: Path | None) -> list[RegradeRow]:
    marks = read_gradebook(database, assignment) if database is not None else {}
    return [
        RegradeRow(change, marks.get(change.student, {}).get(check_id(change.exercise), UNMARKED).manual)
        for change in changes
    ]


def _students(rows: Iterable[RegradeRow], sign: int) -> int:
    """How many students have more (1) or fewer (-1) automatic points in all than before."""
    sums: Counter[str] = Counter()
    for row in rows:
        sums[row.change.student] += sign * (row.change.difference or 0.0)  # type: ignore[assignment]
    return sum(total > 0 for total in sums.values())


def _csv(rows: Iterable[RegradeRow]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        student, exercise, before, now, because, why = row.change.row
        difference = row.change.difference
        writer.writerow(map(harmless, (student, exercise, before, now, difference, why, because, row.mark)))
    return text.getvalue()
