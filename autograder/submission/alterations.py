"""How a submitted notebook differs from the released one beyond the answers: what a marker should know.

Nothing here decides a score: the course's own points, tests, settings and given cells are used whatever it finds.
What happens to an exercise's cell stands in the notes of its `kit.notebooks.Extraction`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from autograder.submission.notebook_file import MAX_ATTACHED, NotebookFile
from kit.answers import outside
from kit.manifest import Cell, CellKind, Manifest, Notebook, check_id
from kit.notebooks import SubmittedCell, is_written
from kit.reading import Reading

MAX_NAMED = 6


@dataclass(frozen=True, slots=True)
class Alterations:
    """notes: for people. of_structure: nbgrader itself would stumble, or grade something else."""

    notes: tuple[str, ...]
    of_structure: bool


def compare(
    reading: Reading,
    manifest: Manifest,
    file: NotebookFile,
    not_held: Collection[str] = (),
    base: Manifest | None = None,
) -> Alterations:
    """Compare a submitted file, which has been read, with the released notebook.

    not_held: exercises and answers that were added after the version which the file was made for.
    base: that version, where it is an earlier one and known: what the course changed since, the student did not.
    """
    book, cells = reading.notebook, reading.cells
    settings = list(_settings(book, manifest, file.raw, base))
    structure = [
        *settings,
        *_copies(book, cells),
        *_missing(book, cells, not_held),
        *_types(cells),
        *_order(book, cells),
    ]
    notes = [*structure, *_given(cells, base), *_empty_answers(reading), *_dropped(file.kept)]
    counts = Counter(cell.released.id for cell in cells if cell.released is not None)
    gone = any(counts[cell.id] != 1 for cell in book.cells if cell.kind is CellKind.EXERCISE)
    return Alterations(tuple(notes), bool(structure) or gone or _any_without_settings(cells, file.raw))


def _any_without_settings(cells: Iterable[SubmittedCell], raw: Mapping[str, Any]) -> bool:
    """Whether nbgrader would not know a cell of its own, since its settings are gone."""
    return any(
        "nbgrader" not in (raw["cells"][cell.position - 1].get("metadata") or {})
        for cell in cells
        if cell.released is not None and cell.released.kind.is_known_to_nbgrader
    )


def _settings(book: Notebook, manifest: Manifest, raw: Mapping[str, Any], base: Manifest | None) -> Iterator[str]:
    """nbgrader's settings in the metadata: points, and what may be edited."""
    points = manifest.points
    before = base.points if base is not None else {}
    was_there = {cell.id for known in base.notebooks for cell in known.cells} if base is not None else set()
    released = book.by_id
    odd, strange = [], 0
    for raw_cell in raw["cells"]:
        metadata = raw_cell.get("metadata") if isinstance(raw_cell, dict) else None
        settings = metadata.get("nbgrader") if isinstance(metadata, dict) else None
        if settings is None:
            continue
        name = settings.get("grade_id") if isinstance(settings, dict) else None
        cell = released.get(name) if isinstance(name, str) else None
        if cell is None:
            strange += not isinstance(name, str) or name not in was_there
        elif cell.kind.is_known_to_nbgrader and not any(
            _as_released(cell, settings, known)
            for known in (points.get(cell.id), *(before[old] for old in (cell.id, *cell.was) if old in before))
        ):
            odd.append(cell.id)
    if odd:
        yield f"nbgrader's settings of {_list(odd)} were changed: the course's own points and settings are used"
    if strange:
        yield f"{strange} cells claim to be graded but are not of this notebook: they count for nothing"


def _as_released(cell: Cell, settings: Mapping[str, Any], points: float | None) -> bool:
    expected: dict[str, object] = {
        "grade": cell.kind.has_points,
        "solution": cell.kind.is_solution,
        "locked": cell.kind.is_locked,
        "task": False,
        "schema_version": 3,
    }
    if cell.kind.has_points:
        expected["points"] = points
    return all(settings.get(key) == value and type(settings.get(key)) is not str for key, value in expected.items())


def _copies(book: Notebook, cells: Iterable[SubmittedCell]) -> Iterator[str]:
    counts = Counter(cell.released.id for cell in cells if cell.released is not None)
    for cell in book.cells:
        if counts[cell.id] > 1 and cell.kind is not CellKind.EXERCISE:
            times = "twice" if counts[cell.id] == 2 else f"{counts[cell.id]} times"
            which = ": what is written in each is shown" if cell.kind.is_answer else ""
            yield f"cell {cell.id} appears {times}{which}"


def _missing(book: Notebook, cells: Iterable[SubmittedCell], not_held: Collection[str]) -> Iterator[str]:
    present = {cell.released.id for cell in cells if cell.released is not None}
    present |= {*not_held, *map(check_id, not_held)}
    gone = [cell.id for cell in book.cells if cell.kind.has_points and cell.id not in present]
    if gone:
        yield f"deleted cells: {_list(gone)}"


def _types(cells: Iterable[SubmittedCell]) -> Iterator[str]:
    turned = [
        cell.released.id
        for cell in cells
        if cell.released is not None
        and cell.released.kind.is_known_to_nbgrader
        and cell.released.kind is not CellKind.EXERCISE
        and cell.is_code != cell.released.kind.is_code
    ]
    if turned:
        yield f"cells of another type than released: {_list(turned)}"


def _order(book: Notebook, cells: Iterable[SubmittedCell]) -> Iterator[str]:
    rank = {cell.id: place for place, cell in enumerate(book.cells) if cell.kind.is_known_to_nbgrader}
    ranks = [rank[cell.released.id] for cell in cells if cell.released is not None and cell.released.id in rank]
    seen = list(dict.fromkeys(ranks))
    if seen != sorted(seen):
        yield "cells stand in another order than released: they are shown in the course's order"


def _given(cells: Iterable[SubmittedCell], base: Manifest | None) -> Iterator[str]:
    before = {cell.source.strip() for book in base.notebooks for cell in book.cells} if base is not None else set()
    altered = [
        cell.released.id
        for cell in cells
        if cell.released is not None
        and cell.released.kind.is_locked
        and cell.source.strip() not in {cell.released.source.strip(), *before}
    ]
    if altered:
        yield f"locked cells were altered: {_list(list(dict.fromkeys(altered)))}; the course's own text is used"


def _empty_answers(reading: Reading) -> Iterator[str]:
    texts = outside(reading)
    for name, items in texts.items():
        cell = reading.answers.get(name)
        cells = _list([f"cell {item.cell.position}" for item in items if item.text])
        if cells and not (cell is not None and is_written(cell)):
            yield f"the written answer {name} is empty, and text of the student's own stands near it: {cells}"
        elif cell is not None and not cell.source.strip():
            yield f"the written answer {name} is empty"


def _dropped(kept: Mapping[str, Any]) -> Iterator[str]:
    attached = [place for place, cell in enumerate(kept["cells"], start=1) if cell.get("dropped")]
    if attached:
        places = _list([str(place) for place in attached])
        yield f"of what is attached to text {MAX_ATTACHED} pictures a cell are kept, and nothing else: cell {places}"
    active = [
        str(place)
        for place, cell in enumerate(kept["cells"], start=1)
        if any("active" in output for output in cell.get("outputs", ()))
    ]
    if active:
        yield f"outputs that could run in a browser were dropped: cell {_list(active)}"


def _list(names: list[str]) -> str:
    more = f" and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else ""
    return ", ".join(names[:MAX_NAMED]) + more
