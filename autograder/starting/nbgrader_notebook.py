"""Reads a notebook that was made for nbgrader's `source/`: what each of its cells is there for."""

from __future__ import annotations

import base64
import re
import warnings
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any

import nbformat
from nbgrader.nbgraderformat.v3 import MetadataValidatorV3

from autograder.errors import BadInput

NEWEST_SCHEMA = 3
HIDDEN = ("BEGIN HIDDEN TESTS", "END HIDDEN TESTS")
SCHEME = ("BEGIN MARK SCHEME", "END MARK SCHEME")


class CellRole(StrEnum):
    """What nbgrader's metadata make of a cell."""

    TEXT = "text"
    CODE = "code"
    LOCKED = "locked code"
    SOLUTION = "solution"
    TESTS = "tests"
    WRITTEN = "written answer"
    MARKED_CODE = "code that a person marks"
    TASK = "task"


@dataclass(frozen=True)
class NbgraderCell:
    """A cell, counted from 1; `pictures` are what was attached to its text."""

    number: int
    role: CellRole
    id: str
    points: Decimal
    source: str
    pictures: dict[str, bytes] = field(default_factory=dict)

    @property
    def spoken(self) -> str:
        return f"cell {self.number}" + (f" ({self.id})" if self.id else "")


def read_notebook(path: Path) -> tuple[NbgraderCell, ...]:
    """The cells of a notebook with nbgrader's metadata, of whatever version. BadInput where it is none."""
    notebook = _notebook(path)
    language = notebook.metadata.get("kernelspec", {}).get("language", "python")
    if language != "python":
        raise BadInput(f"{path} is written in {language}; only notebooks in Python can be imported")
    cells = tuple(_cell(number, node, path) for number, node in enumerate(notebook.cells, 1))
    if not any(cell.id for cell in cells):
        raise BadInput(
            f"{path} has no cell with nbgrader's metadata: give the instructor's notebook, from nbgrader's source/"
        )
    ids = [cell.id for cell in cells if cell.id]
    if twice := sorted({name for name in ids if ids.count(name) > 1}):
        raise BadInput(f"{path}: the grade_id {twice[0]!r} stands twice; nbgrader refuses that too: rename one")
    return cells


def _notebook(path: Path) -> Any:
    try:
        with warnings.catch_warnings(action="ignore"):  # of cells without ids, and with one id
            text = path.read_text(encoding="utf-8")
            notebook: Any = nbformat.reads(text, as_version=4)  # type: ignore[no-untyped-call]
        for cell in notebook.cells:
            schema = cell.metadata.get("nbgrader", {}).get("schema_version", 0)
            if not isinstance(schema, int) or schema > NEWEST_SCHEMA:
                raise BadInput(f"{path}: nbgrader's schema {schema!r} is newer than {NEWEST_SCHEMA}, the newest known")
        return MetadataValidatorV3().upgrade_notebook_metadata(notebook)
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}") from error
    except BadInput:
        raise
    except Exception as error:  # nbformat and nbgrader have a dozen kinds, KeyError and AttributeError among them
        reason = (str(error).splitlines() or [""])[0][:200]
        raise BadInput(f"{path} is no notebook that can be read ({type(error).__name__}: {reason})") from error


def _cell(number: int, node: Any, path: Path) -> NbgraderCell:
    settings = node.metadata.get("nbgrader", {})
    role = _role(node.cell_type, settings)
    graded = role in (CellRole.TESTS, CellRole.WRITTEN, CellRole.MARKED_CODE, CellRole.TASK)
    try:
        points = Decimal(str(settings.get("points", 0))) if graded else Decimal(0)
    except ArithmeticError as error:
        raise BadInput(f"{path}, cell {number}: its points are {settings.get('points')!r}, no number") from error
    if not points.is_finite() or points < 0:
        raise BadInput(f"{path}, cell {number}: its points are {points}; give it 0 or more")
    source = node.source.replace("\r\n", "\n").rstrip()
    return NbgraderCell(number, role, str(settings.get("grade_id", "")), points, source, _attached(node))


def _role(kind: str, settings: dict[str, Any]) -> CellRole:
    graded, solution = settings.get("grade", False), settings.get("solution", False)
    if kind != "code":
        if settings.get("task", False):
            return CellRole.TASK
        return CellRole.WRITTEN if graded or solution else CellRole.TEXT
    if solution:
        return CellRole.MARKED_CODE if graded else CellRole.SOLUTION
    if graded:
        return CellRole.TESTS
    return CellRole.LOCKED if settings.get("locked", False) else CellRole.CODE


def _attached(node: Any) -> dict[str, bytes]:
    pictures = {}
    for name, kinds in node.get("attachments", {}).items():
        for data in list(kinds.values())[:1]:
            pictures[name] = base64.b64decode("".join(data))
    return pictures


def without(source: str, markers: tuple[str, str]) -> str:
    """The text without its regions, markers included."""
    kept, inside = [], False
    for line in source.split("\n"):
        if markers[0] in line:
            inside = True
        elif markers[1] in line:
            inside = False
        elif not inside:
            kept.append(line)
    return "\n".join(kept).rstrip()


def within(source: str, markers: tuple[str, str]) -> str:
    """What stands in its regions."""
    found, inside = [], False
    for line in source.split("\n"):
        if markers[0] in line or markers[1] in line:
            inside = markers[0] in line
        elif inside:
            found.append(line)
    return re.sub(r"\n{3,}", "\n\n", "\n".join(found)).strip()
