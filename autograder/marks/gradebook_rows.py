"""The gradebook's rows for the assignment itself, kept as generate_assignment would leave them for this release."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import Any

from nbgrader import api

from autograder.assignment.model import Assignment
from autograder.assignment.released import release_notebook
from autograder.marks.notebook_cells import text_of
from autograder.marks.person_marks import PersonMark, above_points, marks_on, refuse_loss, refuse_other_name
from kit.manifest import Manifest
from kit.succession import split


@dataclass(frozen=True)
class NotebookRow:
    """A notebook's row and the rows of its graded and its commented cells, each as id and name."""

    id: str
    grade_cells: tuple[tuple[str, str], ...]
    solution_cells: tuple[tuple[str, str], ...]


def released(assignment: Assignment) -> dict[str, Mapping[str, Any]]:
    """The release's notebooks by name without .ipynb; BadInput where one is missing."""
    files = [notebook.file for notebook in assignment.manifest.notebooks]
    return {Path(file).stem: release_notebook(assignment, file) for file in files}


def bring_in_line(
    db: Any, course_id: str, assignment: Assignment, notebooks: Mapping[str, Mapping[str, Any]], notes: list[str]
) -> tuple[str, tuple[NotebookRow, ...]]:
    """Make the rows of this assignment those of its release, points from the manifest; marks of other cells stay.

    Marks follow a cell that has another id or notebook now. Runs inside the caller's transaction. BadInput where a
    mark by a person would be lost. `notes` gets a line for each of a cell that was dropped on purpose.
    """
    row = db.query(api.Assignment).filter_by(name=assignment.name).one_or_none()
    if row is None:
        row = _under_earlier_name(db, assignment)
    if row is None:
        row = api.Assignment(name=assignment.name, course_id=course_id)
        db.add(row)
    row.duedate = assignment.due.astimezone(UTC).replace(tzinfo=None) if assignment.due else None
    db.flush()
    rows = {name: _notebook_row(db, row.id, name, notebook) for name, notebook in notebooks.items()}
    lost: list[PersonMark] = []
    _carry_over(db, row.id, assignment.manifest, {name: book.id for name, book in rows.items()})
    for old in db.query(api.Notebook).filter_by(assignment_id=row.id).all():
        if old.name not in notebooks:
            _remove_notebook(db, old, lost, notes)
    points = assignment.manifest.points
    books = tuple(_cells(db, rows[name], notebook, points, lost) for name, notebook in notebooks.items())
    refuse_loss(assignment, lost, notes)
    notes += above_points(db, [cell_id for book in books for cell_id, _ in book.grade_cells])
    return row.id, books


def _under_earlier_name(db: Any, assignment: Assignment) -> Any:
    """The row of a set that has another name now, renamed; None where it had none. BadInput where that is not said."""
    rows = {row.name: row for row in db.query(api.Assignment).all()}
    for name in assignment.was or ():
        if name in rows:
            rows[name].name = assignment.name
            db.flush()
            return rows[name]
    sets = {path.parent.name for path in assignment.course.assignments.glob("*/assignment.toml")}
    for name, row in rows.items() if assignment.was is None else ():
        if name not in sets and (marks := _marks_of(db, row, assignment.manifest)):
            refuse_other_name(assignment, name, marks)
    return None


def _marks_of(db: Any, row: Any, manifest: Manifest) -> list[PersonMark]:
    """What people gave in another set for cells whose ids this one has too."""
    ids = {name for book in manifest.notebooks for name in book.by_id}
    books = db.query(api.Notebook).filter_by(assignment_id=row.id).all()
    cells = [
        cell
        for kind in (api.GradeCell, api.SolutionCell)
        for book in books
        for cell in db.query(kind).filter_by(notebook_id=book.id)
        if cell.name in ids
    ]
    return [mark for cell in cells for mark in marks_on(db, cell)]


def _carry_over(db: Any, assignment_id: str, manifest: Manifest, notebooks: Mapping[str, str]) -> None:
    """Bring cells, with what people gave for them, to the id and the notebook that the release has them under."""
    undecided = split(manifest)
    places = {
        name: (notebooks[Path(book.file).stem], cell.id)
        for book in manifest.notebooks
        for name, cell in book.by_id.items()
        if name not in undecided
    }
    for kind in (api.GradeCell, api.SolutionCell):
        of_assignment = db.query(kind).join(api.Notebook, kind.notebook_id == api.Notebook.id)
        for cell in of_assignment.filter(api.Notebook.assignment_id == assignment_id).all():
            if cell.name in places and places[cell.name] != (cell.notebook_id, cell.name):
                _carry(db, kind, cell, *places[cell.name])


def _carry(db: Any, kind: Any, cell: Any, notebook_id: str, name: str) -> None:
    """Where the new place holds a person's mark already, the cell stays, to be told as lost."""
    there = db.query(kind).filter_by(name=name, notebook_id=notebook_id).one_or_none()
    if there is not None:
        if marks_on(db, there):
            return
        _remove_cell(db, there, [])
    for row in [row for what in (api.Grade, api.Comment) for row in db.query(what).filter_by(cell_id=cell.id)]:
        submission = db.get(api.SubmittedNotebook, row.notebook_id).assignment_id
        row.notebook_id = _submitted_notebook(db, notebook_id, submission).id
    cell.name, cell.notebook_id = name, notebook_id
    db.flush()
    db.expire_all()


def _submitted_notebook(db: Any, notebook_id: str, submission_id: str) -> Any:
    where = {"notebook_id": notebook_id, "assignment_id": submission_id}
    row = db.query(api.SubmittedNotebook).filter_by(**where).one_or_none()
    if row is None:
        row = api.SubmittedNotebook(**where)
        db.add(row)
        db.flush()
    return row


def _notebook_row(db: Any, assignment_id: str, name: str, notebook: Mapping[str, Any]) -> Any:
    row = db.query(api.Notebook).filter_by(name=name, assignment_id=assignment_id).one_or_none()
    if row is None:
        row = api.Notebook(name=name, assignment_id=assignment_id)
        db.add(row)
    row.kernelspec = json.dumps(notebook["metadata"].get("kernelspec", {}))
    db.flush()
    return row


def _cells(
    db: Any, row: Any, notebook: Mapping[str, Any], points: Mapping[str, float], lost: list[PersonMark]
) -> NotebookRow:
    grade: dict[str, dict[str, Any]] = {}
    solution: dict[str, dict[str, Any]] = {}
    source: dict[str, dict[str, Any]] = {}
    for cell in notebook["cells"]:
        tags = cell["metadata"].get("nbgrader", {})
        if not (tags.get("grade") or tags.get("solution") or tags.get("locked")):
            continue
        cell_type = cell["cell_type"]
        source[tags["grade_id"]] = {
            "cell_type": cell_type,
            "locked": not tags.get("solution"),
            "source": text_of(cell),
            "checksum": tags.get("checksum"),
        }
        if tags.get("grade"):
            grade[tags["grade_id"]] = {"cell_type": cell_type, "max_score": points[tags["grade_id"]]}
        if tags.get("solution"):
            solution[tags["grade_id"]] = {}
    _sync(db, api.SourceCell, row.id, source, lost)
    return NotebookRow(
        row.id,
        _sync(db, api.GradeCell, row.id, grade, lost),
        _sync(db, api.SolutionCell, row.id, solution, lost),
    )


def _sync(
    db: Any, kind: Any, notebook_id: str, wanted: Mapping[str, Mapping[str, Any]], lost: list[PersonMark]
) -> tuple[tuple[str, str], ...]:
    rows = {row.name: row for row in db.query(kind).filter_by(notebook_id=notebook_id)}
    for name in rows.keys() - wanted.keys():
        _remove_cell(db, rows[name], lost)
    for name, fields in wanted.items():
        if name not in rows:
            rows[name] = kind(name=name, notebook_id=notebook_id, **fields)
            db.add(rows[name])
        for attribute, value in fields.items():
            if getattr(rows[name], attribute) != value:
                setattr(rows[name], attribute, value)
    db.flush()
    return tuple((rows[name].id, name) for name in wanted)


def _remove_cell(db: Any, cell: Any, lost: list[PersonMark]) -> None:
    lost += marks_on(db, cell)
    for kind in (api.Grade, api.Comment):
        for row in db.query(kind).filter_by(cell_id=cell.id).all():
            db.delete(row)
    db.delete(cell)
    db.flush()


def _remove_notebook(db: Any, notebook: Any, lost: list[PersonMark], notes: list[str]) -> None:
    for kind in (api.GradeCell, api.SolutionCell, api.TaskCell, api.SourceCell):
        _sync(db, kind, notebook.id, {}, lost)
    for row in db.query(api.SubmittedNotebook).filter_by(notebook_id=notebook.id).all():
        db.delete(row)
    db.flush()
    db.delete(notebook)
    db.flush()
    notes.append(f"notebook {Path(notebook.name).name} is no longer part of the release: removed from the gradebook")
