"""One submitted notebook, read once for everybody who asks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kit.extraction import Extractor
from kit.manifest import Notebook
from kit.notebooks import Extraction, SubmittedCell, is_written, submitted_cells
from kit.python_version import Version, made_with


@dataclass(frozen=True, slots=True)
class Reading:
    """One submitted notebook, matched to the released one and read once for everybody who asks.

    solutions: exercise id to the cell that stands for it. answers: id of a written answer to the cell that stands for
    it, of several copies the first in which something is written: `kit.answers` finds the others. Those without a cell
    are left out of both.
    """

    notebook: Notebook
    cells: tuple[SubmittedCell, ...]
    solutions: Mapping[str, SubmittedCell]
    answers: Mapping[str, SubmittedCell]
    extraction: Extraction


def read_notebook(notebook: Notebook, submitted: Mapping[str, Any] | None) -> Reading:
    """Read a notebook file given as parsed JSON; None for a notebook that was not submitted."""
    return read_cells(notebook, submitted_cells(notebook, submitted), made_with(submitted))


def read_cells(notebook: Notebook, cells: tuple[SubmittedCell, ...], python: Version | None = None) -> Reading:
    """Read the cells of a notebook that are matched already. python: the one that the notebook was made with."""
    reader = Extractor(notebook, cells, python)
    extraction = reader.read()
    solutions = {exercise: cell for exercise, cell in reader.chosen.items() if cell is not None}
    return Reading(notebook, cells, solutions, dict(_answers(notebook, cells)), extraction)


def extract(notebook: Notebook, submitted: Mapping[str, Any] | None) -> Extraction:
    """What of a submitted notebook runs at grading."""
    return read_notebook(notebook, submitted).extraction


def _answers(notebook: Notebook, cells: Iterable[SubmittedCell]) -> Iterator[tuple[str, SubmittedCell]]:
    copies: dict[str, list[SubmittedCell]] = {}
    for cell in cells:
        if cell.released is not None and cell.released.kind.is_answer:
            copies.setdefault(cell.released.id, []).append(cell)
    for answer, same in copies.items():
        yield answer, ([cell for cell in same if is_written(cell)] or same)[0]
