"""The cells of a submitted notebook, matched to the released ones, and what is known of those that run.

Nothing is executed here, and no content makes it fail.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kit.cells import normalise
from kit.global_names import Maker
from kit.imports import Import, missing_at_grading
from kit.manifest import Cell, CellKind, Manifest, Notebook
from kit.matching import RawCell, likeness, match

MAX_BYTES = 50_000_000  # of a file that is handed in: a notebook or a zip file
MAX_SUBMISSION = 100_000_000  # bytes of all its notebooks together
MAX_CELLS = 2_000
MAX_TOTAL = 500_000


@dataclass(frozen=True, slots=True)
class CodeCell:
    """Code that runs at grading. ``label`` names the cell for people; ``exercise`` is set for a solution cell.

    Line numbers in `source` are those of the student's cell. One cell of a student's own may give several.
    """

    label: str
    source: str
    exercise: str | None = None


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A part of the notebook that does not run at grading: where, its first line, and why."""

    label: str
    line: int
    text: str
    why: str


@dataclass(frozen=True, slots=True)
class Extraction:
    """What runs, in order; what is left out; remarks; exercises without a cell, and with an unwritten one.

    redefined: exercises of which a later cell of the student's own defines every name, so that it counts.
    imports: what the cells that run ask for, with the cell's label.
    unmade: names that the notebook makes in code that does not run at grading, and nothing else makes.
    newer: exercises whose code this Python cannot read although the Python that made the notebook may: why.
    """

    cells: tuple[CodeCell, ...]
    left_out: tuple[LeftOut, ...]
    notes: tuple[str, ...]
    missing: frozenset[str]
    stubs: frozenset[str]
    redefined: frozenset[str] = frozenset()
    imports: tuple[tuple[str, Import], ...] = ()
    unmade: Mapping[str, Maker] = field(default_factory=dict)
    newer: Mapping[str, str] = field(default_factory=dict)

    def lacking(self, manifest: Manifest) -> list[tuple[str, Import]]:
        """The imports of what is not among the grader's packages, with the cell's label."""
        found = missing_at_grading([one for _, one in self.imports], manifest.library, manifest.importable)
        return [(label, one) for label, one in self.imports if one in found]


@dataclass(frozen=True, slots=True)
class SubmittedCell:
    """A cell as submitted. ``position`` counts from 1; ``released`` is the released cell it came from, if any.

    by_id: False where no id said from which, but the cell's text or place. is_older: text of the course's, as it was
    in another version.
    """

    position: int
    is_code: bool
    source: str
    released: Cell | None
    by_id: bool = True
    is_older: bool = False

    @property
    def label(self) -> str:
        if self.released is not None and self.released.kind.is_known_to_nbgrader:
            return self.released.id
        return f"cell {self.position}"


def submitted_cells(notebook: Notebook, submitted: Mapping[str, Any] | None) -> tuple[SubmittedCell, ...]:
    """The cells of a notebook file, matched to the released ones by grade_id, by cell id, else by their text.

    Ids of earlier releases count as today's. Whatever has a wrong type is read as empty; cells beyond the first 2,000
    are ignored.
    """
    raw = _raw_cells(submitted)
    submitted_as = []
    for position, (cell, found) in enumerate(zip(raw, match(notebook, raw), strict=True), start=1):
        released = found.released if found is not None else None
        is_older = cell.is_of_the_course and not (found is not None and found.by_id)
        source = renewed(cell.source, released)
        by_id = found is None or found.by_id
        submitted_as.append(SubmittedCell(position, cell.is_code, source, released, by_id, is_older))
    return tuple(submitted_as)


def renewed(source: str, released: Cell | None) -> str:
    """A submitted text whose unwritten parts name the exercise by today's id."""
    if released is not None:
        for old in released.was:
            source = source.replace(f'NotImplementedError("{old}: ', f'NotImplementedError("{released.id}: ')
    return source


def source_of(raw: Mapping[str, Any]) -> str:
    """A raw cell's text, whether it is stored as a string or as a list of lines."""
    source = raw.get("source")
    if isinstance(source, list):
        source = "".join(part for part in source if isinstance(part, str))
    return normalise(source) if isinstance(source, str) else ""


def which_notebook(manifest: Manifest, submitted: Mapping[str, Any] | None) -> Notebook | None:
    """The released notebook that a file came from, judged by its cells' ids, else by their texts; None if by none."""
    raw = _raw_cells(submitted)
    released = [book.by_id.keys() for book in manifest.notebooks]
    counts = [sum(not ids.isdisjoint(cell.ids) for cell in raw) for ids in released]
    if not any(counts):
        counts = [likeness(book, raw) for book in manifest.notebooks]
    best = max(counts, default=0)
    return manifest.notebooks[counts.index(best)] if best else None


def is_written(cell: SubmittedCell) -> bool:
    """Whether the student put something of their own into the cell of an exercise or a written answer."""
    released, text = cell.released, cell.source.strip()
    if released is None or not released.kind.is_solution:
        return False
    if released.kind is CellKind.EXERCISE and not cell.is_code:
        return False
    return bool(text) and text != released.source.strip()


def _cells_of(submitted: object) -> list[dict[str, Any]]:
    cells = submitted.get("cells") if isinstance(submitted, Mapping) else None
    return [cell if isinstance(cell, dict) else {} for cell in cells] if isinstance(cells, list) else []


def _raw_cells(submitted: object) -> list[RawCell]:
    cells = _cells_of(submitted)[:MAX_CELLS]
    return [RawCell(tuple(_ids(cell)), cell.get("cell_type") == "code", source_of(cell)) for cell in cells]


def _ids(raw: Mapping[str, Any]) -> list[str]:
    """The ids that a cell carries: nbgrader's, its own, and the one Colab keeps among the metadata."""
    metadata = raw.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    graded = metadata.get("nbgrader")
    graded = graded if isinstance(graded, dict) else {}
    return [name for name in (graded.get("grade_id"), raw.get("id"), metadata.get("id")) if isinstance(name, str)]
