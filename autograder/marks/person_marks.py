"""What people gave in the gradebook, and the refusal to lose any of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from nbgrader import api

from autograder.assignment.model import Assignment
from autograder.errors import BadInput
from autograder.marks.gradebook_reader import MAX_NAMED
from kit.manifest import exercise_of_check


@dataclass(frozen=True)
class PersonMark:
    """What a person gave one student for one cell: a mark, extra credit, or a comment."""

    student: str
    cell: str
    what: str

    @property
    def graded(self) -> str:
        """The exercise or answer that it was given for."""
        return exercise_of_check(self.cell) or self.cell


def marks_on(db: Any, cell: Any) -> list[PersonMark]:
    found = []
    for kind in (api.Grade, api.Comment):
        for row in db.query(kind).filter_by(cell_id=cell.id).all():
            found += [PersonMark(_student(db, row), cell.name, what) for what in _given(row)]
    return found


def _given(row: Any) -> list[str]:
    """What a person put into a row."""
    if isinstance(row, api.Comment):
        return ["a comment"] if (row.manual_comment or "").strip() else []
    mark = [] if row.manual_score is None else [f"a mark of {row.manual_score:g}"]
    return [*mark, *([f"extra credit of {row.extra_credit:g}"] if row.extra_credit else [])]


def refuse_loss(assignment: Assignment, lost: list[PersonMark], notes: list[str]) -> None:
    """BadInput naming every mark that would go with its cell, and how to say where it belongs."""
    notes += [f"{mark.student}: {mark.what} for {mark.graded}, which was dropped" for mark in lost
              if mark.graded in assignment.dropped]  # fmt: skip
    kept = [mark for mark in lost if mark.graded not in assignment.dropped]
    if not kept:
        return
    lines = [f"  {mark.student}: {mark.graded} has {mark.what}" for mark in kept[:MAX_NAMED]]
    lines += [f"  and {len(kept) - MAX_NAMED} more"] if len(kept) > MAX_NAMED else []
    names = ", ".join(dict.fromkeys(mark.graded for mark in kept))
    first = kept[0].graded
    fix = (
        f'If it has another id now, write was = "{first}" below that id in its problem.toml. If it is gone for good, '
        f'marks included, write dropped = ["{first}"] in assignment.toml. Then build. Nothing was changed'
    )
    title = f"these marks by people would be lost, since {assignment.name} has no {names} any more:"
    raise BadInput("\n".join([title, *lines, fix]))


def refuse_other_name(assignment: Assignment, name: str, marks: list[PersonMark]) -> None:
    """BadInput naming the marks that stay with a set's earlier name, where it seems to have another one now."""
    lines = [f"  {mark.student}: {mark.graded} has {mark.what}" for mark in marks[:MAX_NAMED]]
    lines += [f"  and {len(marks) - MAX_NAMED} more"] if len(marks) > MAX_NAMED else []
    title = f"the gradebook has marks by people for {name}, of which {assignment.name} has the ids, and there is no "
    fix = (
        f'If {assignment.name} is what {name} was, write was = "{name}" in assignments/{assignment.name}/'
        "assignment.toml, and they are carried; if not, write was = []. Nothing was changed"
    )
    raise BadInput("\n".join([f"{title}assignments/{name}/ any more:", *lines, fix]))


def above_points(db: Any, grade_cells: Iterable[str]) -> list[str]:
    """Marks that are higher than their cell's points are now. grade_cells: the ids of their rows."""
    found = []
    for cell_id in grade_cells:
        cell = db.get(api.GradeCell, cell_id)
        for grade in db.query(api.Grade).filter(api.Grade.cell_id == cell_id, api.Grade.manual_score > cell.max_score):
            mark = f"{_student(db, grade)}: {cell.name} has a mark of {grade.manual_score:g} by a person"
            found.append(f"{mark}, but only {cell.max_score:g} points now: look at it")
    return found


def _student(db: Any, row: Any) -> str:
    """Whose grade or comment a row is."""
    return str(db.get(api.SubmittedNotebook, row.notebook_id).assignment.student_id)
