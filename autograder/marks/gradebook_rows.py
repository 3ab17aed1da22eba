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

    Runs inside the caller's transaction. `notes` gets a line for marks that are deleted with a cell.
    """
    row = db.query(api.Assignment).filter_by(name=assignment.name).one_or_none()
    if row is None:
        row = api.Assignment(name=assignment.name, course_id=course_id)
        db.add(row)
    row.duedate = assignment.due.astimezone(UTC).replace(tzinfo=None) if assignment.due else None
    db.flush()
    for old in db.query(api.Notebook).filter_by(assignment_id=row.id).all():
        if old.name not in notebooks:
            _remove_notebook(db, old, notes)
    points = assignment.manifest.points
    books = tuple(_book(db, row.id, name, notebook, points, notes) for name, notebook in notebooks.items())
    return row.id, books


def _book(
    db: Any,
    assignment_id: str,
    name: str,
    notebook: Mapping[str, Any],
    points: Mapping[str, float],
    notes: list[str],
) -> NotebookRow:
    row = db.query(api.Notebook).filter_by(name=name, assignment_id=assignment_id).one_or_none()
    if row is None:
        row = api.Notebook(name=name, assignment_id=assignment_id)
        db.add(row)
    row.kernelspec = json.dumps(notebook["metadata"].get("kernelspec", {}))
    db.flush()
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
    _sync(db, api.SourceCell, row.id, source, notes)
    return NotebookRow(
        row.id,
        _sync(db, api.GradeCell, row.id, grade, notes),
        _sync(db, api.SolutionCell, row.id, solution, notes),
    )


def _sync(
    db: Any, kind: Any, notebook_id: str, wanted: Mapping[str, Mapping[str, Any]], notes: list[str]
) -> tuple[tuple[str, str], ...]:
    rows = {row.name: row for row in db.query(kind).filter_by(notebook_id=notebook_id)}
    for name in rows.keys() - wanted.keys():
        _remove_cell(db, rows[name], notes)
    for name, fields in wanted.items():
        if name not in rows:
            rows[name] = kind(name=name, notebook_id=notebook_id, **fields)
            db.add(rows[name])
        for attribute, value in fields.items():
            if getattr(rows[name], attribute) != value:
                setattr(rows[name], attribute, value)
    db.flush()
    return tuple((rows[name].id, name) for name in wanted)


def _remove_cell(db: Any, cell: Any, notes: list[str]) -> None:
    for kind, attribute in ((api.Grade, "manual_score"), (api.Comment, "manual_comment")):
        rows = db.query(kind).filter_by(cell_id=cell.id).all()
        lost = sum(getattr(row, attribute) is not None for row in rows)
        if lost:
            notes.append(f"cell {cell.name} is no longer part of the release: {lost} {attribute} values were deleted")
        for row in rows:
            db.delete(row)
    db.delete(cell)
    db.flush()


def _remove_notebook(db: Any, notebook: Any, notes: list[str]) -> None:
    for kind in (api.GradeCell, api.SolutionCell, api.TaskCell, api.SourceCell):
        _sync(db, kind, notebook.id, {}, notes)
    for row in db.query(api.SubmittedNotebook).filter_by(notebook_id=notebook.id).all():
        db.delete(row)
    db.flush()
    db.delete(notebook)
    db.flush()
    notes.append(f"notebook {Path(notebook.name).name} is no longer part of the release: removed from the gradebook")
