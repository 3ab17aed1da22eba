"""The tiny assignment as a student has it: a release folder with notebooks, library, tests and the kit."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import kit
from autograder.assignment.load import load_assignment
from autograder.tests import tiny
from kit.manifest import Cell

KIT = Path(kit.__file__).parent
SCALE = """\
def scale(values: Tensor, factor: float) -> Tensor:
    if factor < 0:
        raise ValueError("negative")
    return values * factor
"""
SCALER = """\
class Scaler(ScalerBase):
    def forward(self, values):
        return scale(values, 1.0) * self.factor

    def inverse(self, values):
        return values / self.factor
"""


def write(root: Path) -> Path:
    """Write the release under `root`; returns its folder."""
    assignment = tiny.write(root)
    release = root / "release"
    tinyset = load_assignment(tiny.NAME, root)
    manifest = tinyset.manifest
    shutil.copytree(KIT / "release_files", release)
    shutil.copytree(KIT, release / "kit", ignore=shutil.ignore_patterns("__pycache__", "release_files"))
    shutil.copytree(assignment / tiny.LIBRARY, release / tiny.LIBRARY)
    (release / "tests" / tiny.PROBLEM).mkdir()
    for path in tinyset.problem(tiny.PROBLEM).shipped_tests:
        shutil.copy(path, release / "tests" / tiny.PROBLEM)
    (release / "tests" / "manifest.json").write_text(manifest.to_json(), encoding="utf-8")
    save(release / tiny.NOTEBOOK, [raw(cell) for cell in manifest.notebooks[0].cells])
    return release


def raw(cell: Cell, **changes: Any) -> dict[str, Any]:
    """A released cell as it stands in a notebook file."""
    kind = "markdown" if cell.kind in ("text", "answer") else "code"
    metadata: dict[str, Any] = {}
    if cell.kind in ("exercise", "check", "answer", "given"):
        metadata["nbgrader"] = {"grade_id": cell.id, "schema_version": 3}
    made: dict[str, Any] = {"cell_type": kind, "id": cell.id, "metadata": metadata, "source": cell.source}
    if kind == "code":
        made |= {"outputs": [], "execution_count": None}
    return made | changes


def code(source: str, **changes: Any) -> dict[str, Any]:
    """A code cell of the student's own."""
    made: dict[str, Any] = {
        "cell_type": "code",
        "metadata": {},
        "source": source,
        "outputs": [],
        "execution_count": None,
    }
    return made | changes


def save(path: Path, cells: list[dict[str, Any]]) -> None:
    """Write a notebook file with these cells."""
    cells = [cell if "id" in cell else cell | {"id": f"own-{number}"} for number, cell in enumerate(cells)]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    content = {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    path.write_text(json.dumps(content, indent=1), encoding="utf-8")


def load(path: Path) -> list[dict[str, Any]]:
    """The cells of a notebook file."""
    cells: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return cells


def fill(path: Path, **sources: str) -> None:
    """Replace cells by id: `fill(path, tiny_scale="…")` writes the cell tiny-scale."""
    cells = load(path)
    for name, source in sources.items():
        next(cell for cell in cells if cell["id"] == name.replace("_", "-"))["source"] = source
    save(path, cells)
