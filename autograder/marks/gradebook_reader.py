"""Reads scores, marks and comments from nbgrader's gradebook; creates and changes nothing."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from autograder.errors import BadInput

MAX_NAMED = 20  # marks that one message names
_OF_CELL = """
join base_cell cell on cell.id = mine.cell_id
join submitted_notebook notebook on notebook.id = mine.notebook_id
join submitted_assignment submission on submission.id = notebook.assignment_id
join assignment on assignment.id = submission.assignment_id
where assignment.name = :assignment and (:student is null or submission.student_id = :student)
"""
GRADES = f"""
select submission.student_id, cell.name, mine.auto_score, mine.manual_score, mine.extra_credit
from grade mine {_OF_CELL}
"""
COMMENTS = f"""
select submission.student_id, cell.name, mine.manual_comment from comment mine {_OF_CELL}
and mine.manual_comment is not null and mine.manual_comment <> ''
"""


@dataclass(frozen=True)
class CellMarks:
    """What the gradebook holds for one cell of one student. None: nothing."""

    auto: float | None = None
    manual: float | None = None
    extra: float | None = None
    comment: str | None = None

    @property
    def by_people(self) -> list[str]:
        """What a person gave, in words."""
        mark = [] if self.manual is None else [f"a mark of {self.manual:g}"]
        extra = [f"extra credit of {self.extra:g}"] if self.extra else []
        return [*mark, *extra, *(["a comment"] if (self.comment or "").strip() else [])]


UNMARKED = CellMarks()


def read_gradebook(database: Path, assignment: str, student: str | None = None) -> dict[str, dict[str, CellMarks]]:
    """Student to cell to marks; empty where there is no gradebook. BadInput where it cannot be read.

    student: only this one.
    """
    marks: dict[str, dict[str, CellMarks]] = defaultdict(dict)
    if not database.is_file():
        return marks
    only = {"assignment": assignment, "student": student}
    try:
        with closing(sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", uri=True, timeout=30)) as connection:
            for name, cell, *scores in connection.execute(GRADES, only):
                marks[name][cell] = CellMarks(*scores)
            for name, cell, comment in connection.execute(COMMENTS, only):
                marks[name][cell] = replace(marks[name].get(cell, UNMARKED), comment=comment)
    except sqlite3.Error as error:
        fix = f"restore the newest {database.name}.*.bak"
        raise BadInput(f"{database} is no readable gradebook ({error}): {fix}") from error
    return marks
