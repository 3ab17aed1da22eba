"""Instructor notebooks: what nbgrader calls source, made from a problem's cells."""

from __future__ import annotations

import json
from typing import Any

import nbformat

from autograder.assignment.model import Assignment, Problem
from autograder.assignment.notebook_source import BEGIN, END, SETUP_ID, SourceCell, whole_notebook
from kit.manifest import CellKind

KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
LANGUAGE = {
    "codemirror_mode": {"name": "ipython", "version": 3},
    "file_extension": ".py",
    "mimetype": "text/x-python",
    "name": "python",
    "nbconvert_exporter": "python",
    "pygments_lexer": "ipython3",
    "version": "3.11",
}


def notebook(assignment: Assignment, problem: Problem, setup: str) -> str:
    """One problem's instructor notebook as JSON text; `setup` is the text of its first code cell."""
    cells = [_notebook_cell(assignment, problem, cell) for cell in whole_notebook(problem.cells, setup)]
    metadata = {
        "kernelspec": KERNEL,
        "language_info": LANGUAGE,
        "kit": {"assignment": assignment.name, "problem": problem.name, "version": assignment.version},
    }
    text = json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": cells})
    node = nbformat.reads(text, as_version=4)  # type: ignore[no-untyped-call]
    return str(nbformat.writes(node)) + "\n"  # type: ignore[no-untyped-call]


def with_canary(source: str, canary: str) -> str:
    """The source with the canary as the first line of every solution region, numbered."""
    lines, count = [], 0
    for line in source.split("\n"):
        lines.append(line)
        if BEGIN in line:
            count += 1
            lines.append(f"{line[: len(line) - len(line.lstrip())]}# {canary}:{count}")
    return "\n".join(lines)


def _notebook_cell(assignment: Assignment, problem: Problem, cell: SourceCell) -> dict[str, Any]:
    points = {exercise.id: exercise.points for exercise in problem.exercises}
    points |= {answer.id: answer.points for answer in problem.answers}
    canary = f"{assignment.canary}:{cell.name}"
    if cell.kind == CellKind.EXERCISE:
        return _cell(cell.id, "code", with_canary(cell.source, canary), _graded(cell.id, solution=True))
    if cell.kind == CellKind.CHECK:
        return _cell(cell.id, "code", cell.source, _graded(cell.id, points=points[cell.name], locked=True))
    if cell.kind == CellKind.ANSWER:
        source = with_canary(cell.source, canary)
        if cell.regions and BEGIN not in cell.source:
            source = with_canary(f"### {BEGIN}\n{source}\n### {END}", canary)
        return _cell(cell.id, "markdown", source, _graded(cell.id, points=points[cell.name], solution=True))
    if cell.kind == CellKind.CODE_ANSWER:
        graded = _graded(cell.id, points=points[cell.name], solution=True)
        return _cell(cell.id, "code", with_canary(cell.source, canary), graded)
    if cell.kind == CellKind.GIVEN or cell.id == SETUP_ID:
        return _cell(cell.id, "code", cell.source, _graded(cell.id, locked=True))
    if cell.kind == CellKind.TEXT:
        return _cell(cell.id, "markdown", cell.source, {})
    return _cell(cell.id, "code", cell.source, {"tags": [cell.kind]})


def _graded(
    grade_id: str, *, points: float | None = None, solution: bool = False, locked: bool = False
) -> dict[str, Any]:
    """nbgrader's metadata, schema 3."""
    data: dict[str, Any] = {
        "grade": points is not None,
        "grade_id": grade_id,
        "locked": locked,
        "schema_version": 3,
        "solution": solution,
        "task": False,
    }
    return {"nbgrader": data if points is None else data | {"points": points}}


def _cell(cell_id: str, cell_type: str, source: str, metadata: dict[str, Any]) -> dict[str, Any]:
    cell = {"id": cell_id, "cell_type": cell_type, "metadata": metadata, "source": source}
    return cell | {"outputs": [], "execution_count": None} if cell_type == "code" else cell
