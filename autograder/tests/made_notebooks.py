"""Notebooks as an instructor makes them for nbgrader, and what they become."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from autograder.starting.imported_problem import ImportedProblem, import_problem
from autograder.starting.nbgrader_notebook import read_notebook
from kit.compare import CheckFailed
from kit.far_side import Service
from kit.student import LocalTransport, Student, StudentError

Cell = dict[str, Any]


def code(source: str, **settings: Any) -> Cell:
    return _cell("code", source, settings) | {"outputs": [], "execution_count": None}


def text(source: str, **settings: Any) -> Cell:
    return _cell("markdown", source, settings)


def solution(source: str, grade_id: str = "work") -> Cell:
    return code(source, grade_id=grade_id, solution=True, grade=False, locked=False)


def graded(source: str, points: float = 1, grade_id: str = "checks") -> Cell:
    return code(source, grade_id=grade_id, solution=False, grade=True, locked=True, points=points)


def written(source: str, points: float = 1, grade_id: str = "why") -> Cell:
    return text(source, grade_id=grade_id, solution=True, grade=True, locked=False, points=points)


def _cell(kind: str, source: str, settings: dict[str, Any]) -> Cell:
    metadata = {"nbgrader": {"schema_version": 3, **settings}} if settings else {}
    return {"cell_type": kind, "source": source, "metadata": metadata, "id": f"c{abs(hash(source)) % 10**8}"}


def write(path: Path, *cells: Cell, **metadata: Any) -> Path:
    notebook = {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": list(cells)}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(notebook))
    return path


def imported(folder: Path, *cells: Cell) -> ImportedProblem:
    path = write(folder / "lab.ipynb", *cells)
    return import_problem("lab", read_notebook(path), {}, frozenset())


def file(problem: ImportedProblem, name: str) -> str:
    return problem.files[name].decode()


def failures(problem: ImportedProblem, students_code: str, name: str = "test_hidden.py") -> list[str]:
    """What the imported tests say of a student's code. They run as a test file's functions do."""
    student = Student(LocalTransport(Service({}, "nothing")))
    student.load_cells([("cell", students_code)])
    space: dict[str, Any] = {}
    exec(compile(file(problem, name), name, "exec"), space)
    said = []
    for function in [one for key, one in space.items() if key.startswith("test_")]:
        student.begin(0)
        try:
            function(student)
        except (CheckFailed, StudentError) as error:
            said.append(str(error))
    return said
