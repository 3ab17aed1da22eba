"""How a submitted notebook differs from the released one beyond the answers: what a marker should know.

Nothing here decides a score: the course's own points, tests, settings and given cells are used whatever it finds.
What happens to an exercise's cell stands in the notes of its `kit.notebooks.Extraction`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from autograder.submission.notebook_file import MAX_ATTACHED, NotebookFile
from kit.answers import outside
from kit.checksums import checksum
from kit.manifest import Cell, CellKind, Manifest, Notebook, check_id
from kit.notebooks import SubmittedCell, is_written, source_of
from kit.reading import Reading

MAX_NAMED = 6


@dataclass(frozen=True, slots=True)
class Alterations:
    """notes: for people. of_structure: nbgrader itself would stumble, or grade something else."""

    notes: tuple[str, ...]
    of_structure: bool


@dataclass(frozen=True)
class _Course:
    """What the course gave a student: the version for which the notebook was made, as far as that is known.

    base: that version, where it is an earlier one that is kept. is_known: it is that, or today's.
    """

    manifest: Manifest
    base: Manifest | None
    is_known: bool

    def versions_of(self, cell: Cell) -> list[Cell]:
        """The cell as released: today, and in the base."""
        then = self.base.notebooks if self.base is not None else ()
        return [cell, *(old for book in then for old in book.cells if old.id in (cell.id, *cell.was))]

    def points_of(self, cell: Cell) -> list[float | None]:
        before = self.base.points if self.base is not None else {}
        return [self.manifest.points.get(cell.id), *(before[old] for old in (cell.id, *cell.was) if old in before)]

    def released(self, raw: Mapping[str, Any], cell: Cell | None) -> bool:
        """Whether type and settings are those of some version: nbgrader's checksum, which is the course's, says so."""
        settings = _settings_of(raw)
        known = self.versions_of(cell) if cell is not None else []
        sources = {source_of(raw), *(one.source for one in known)}
        names = {str(settings.get("grade_id")), *(one.id for one in known), *(cell.was if cell is not None else ())}
        stated = settings.get("checksum")
        return isinstance(stated, str) and any(
            stated == checksum(source, raw.get("cell_type"), {**settings, "grade_id": name})
            for source in sources
            for name in names
        )

    def blames(self, raw: Mapping[str, Any], cell: Cell) -> bool:
        """Whether a difference from what is known must be the student's.

        Of an unknown version that is so where a checksum is of nothing that is there: in a cell that is not to be
        filled in.
        """
        return self.is_known or not cell.kind.is_solution and isinstance(_settings_of(raw).get("checksum"), str)


def compare(
    reading: Reading,
    manifest: Manifest,
    file: NotebookFile,
    not_held: Collection[str] = (),
    base: Manifest | None = None,
    version: str | None = None,
) -> Alterations:
    """Compare a submitted file, which has been read, with the released notebook.

    not_held: exercises and answers that were added after the version which the file was made for.
    version: that version, as far as the file or its text says. base: the same, where it is an earlier one that is kept.
    What the course changed since then, the student did not; nor, where nobody knows the version, what may be so.
    """
    book, cells = reading.notebook, reading.cells
    course = _Course(manifest, base, is_known=base is not None or version == manifest.version)
    raw = _whole_cells(file)
    structure = [
        *_settings(book, raw, course),
        *_copies(book, cells),
        *_missing(book, cells, not_held),
        *_types(cells, raw, course),
        *_order(book, cells, course),
    ]
    notes = [*structure, *_given(cells, raw, course), *_empty_answers(reading), *_dropped(file.kept)]
    counts = Counter(cell.released.id for cell in cells if cell.released is not None)
    gone = any(counts[cell.id] != 1 for cell in book.cells if cell.kind is CellKind.EXERCISE)
    other = gone or _any_without_settings(cells, raw) or _any_of_another_version(book, raw, course)
    return Alterations(tuple(notes), bool(structure) or other)


def _whole_cells(file: NotebookFile) -> list[Mapping[str, Any]]:
    """Each cell's type and text as kept, its metadata as handed in."""
    kept = [*file.kept["cells"], *({} for _ in file.raw["cells"][len(file.kept["cells"]) :])]
    metadata = [cell.get("metadata") if isinstance(cell, dict) else None for cell in file.raw["cells"]]
    return [{**cell, "metadata": own} for cell, own in zip(kept, metadata, strict=True)]


def _any_without_settings(cells: Iterable[SubmittedCell], raw: Sequence[Mapping[str, Any]]) -> bool:
    """Whether nbgrader would not know a cell of its own, since its settings are gone."""
    return any(
        "nbgrader" not in (raw[cell.position - 1].get("metadata") or {})
        for cell in cells
        if cell.released is not None and cell.released.kind.is_known_to_nbgrader
    )


def _any_of_another_version(book: Notebook, raw: Sequence[Mapping[str, Any]], course: _Course) -> bool:
    """Whether nbgrader would find settings that are neither today's nor those of a version that is kept."""
    return any(cell is not None and not _is_expected(cell, one, course) for one, cell in _graded(book, raw))


def _settings(book: Notebook, raw: Sequence[Mapping[str, Any]], course: _Course) -> Iterator[str]:
    """nbgrader's settings in the metadata: points, and what may be edited."""
    then = course.base.notebooks if course.base is not None else ()
    was_there = {cell.id for known in then for cell in known.cells}
    is_there = {cell.id for known in course.manifest.notebooks for cell in known.cells}
    changed: list[str] = []
    other: list[str] = []
    strange = 0
    for raw_cell, cell in _graded(book, raw):
        if cell is None:
            name = str(_settings_of(raw_cell).get("grade_id"))
            is_of_the_course = name in was_there or name not in is_there and course.released(raw_cell, None)
            strange += not is_of_the_course
        elif not _is_expected(cell, raw_cell, course) and not course.released(raw_cell, cell):
            (changed if course.blames(raw_cell, cell) else other).append(cell.id)
    if changed:
        yield f"nbgrader's settings of {_list(changed)} were changed: the course's own points and settings are used"
    if other:
        yield (
            f"nbgrader's settings of {_list(other)} are not those of version {course.manifest.version}, and nobody "
            "knows for which version this notebook was made: the course's own points and settings are used"
        )
    if strange:
        yield f"{strange} cells claim to be graded but are not of this notebook: they count for nothing"


def _graded(book: Notebook, raw: Sequence[Mapping[str, Any]]) -> Iterator[tuple[Mapping[str, Any], Cell | None]]:
    """Each cell with settings of nbgrader, and what it was released as by them; those that have none are left out."""
    released = book.by_id
    for cell in raw:
        metadata = cell["metadata"]
        if isinstance(metadata, dict) and metadata.get("nbgrader") is not None:
            name = _settings_of(cell).get("grade_id")
            known = released.get(name) if isinstance(name, str) else None
            if known is None or known.kind.is_known_to_nbgrader:
                yield cell, known


def _settings_of(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    metadata = raw.get("metadata")
    settings = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    return settings if isinstance(settings, dict) else {}


def _is_expected(cell: Cell, raw: Mapping[str, Any], course: _Course) -> bool:
    settings = _settings_of(raw)
    kinds = {one.kind for one in course.versions_of(cell)}
    return any(_as_released(kind, settings, points) for kind in kinds for points in course.points_of(cell))


def _as_released(kind: CellKind, settings: Mapping[str, Any], points: float | None) -> bool:
    expected: dict[str, object] = {
        "grade": kind.has_points,
        "solution": kind.is_solution,
        "locked": kind.is_locked,
        "task": False,
        "schema_version": 3,
    }
    if kind.has_points:
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


def _types(cells: Iterable[SubmittedCell], raw: Sequence[Mapping[str, Any]], course: _Course) -> Iterator[str]:
    turned = [
        cell.released.id
        for cell in cells
        if cell.released is not None
        and cell.released.kind.is_known_to_nbgrader
        and cell.released.kind is not CellKind.EXERCISE
        and all(cell.is_code != one.kind.is_code for one in course.versions_of(cell.released))
        and not course.released(raw[cell.position - 1], cell.released)
        and course.blames(raw[cell.position - 1], cell.released)
    ]
    if turned:
        yield f"cells of another type than released: {_list(turned)}"


def _order(book: Notebook, cells: Iterable[SubmittedCell], course: _Course) -> Iterator[str]:
    seen = [cell.released for cell in cells if cell.released is not None]
    then = course.base.notebooks if course.base is not None else ()
    if any(_in_order_of(other, seen) for other in (book, *(one for one in then if one.problem == book.problem))):
        return
    than = "released" if course.is_known else f"in version {course.manifest.version}"
    yield f"cells stand in another order than {than}: they are shown in the course's order"


def _in_order_of(book: Notebook, seen: Iterable[Cell]) -> bool:
    rank = {cell.id: place for place, cell in enumerate(book.cells) if cell.kind.is_known_to_nbgrader}
    ranks = [rank[name] for cell in seen for name in (cell.id, *cell.was) if name in rank]
    return (first := list(dict.fromkeys(ranks))) == sorted(first)


def _given(cells: Iterable[SubmittedCell], raw: Sequence[Mapping[str, Any]], course: _Course) -> Iterator[str]:
    then = course.base.notebooks if course.base is not None else ()
    before = {cell.source.strip() for book in then for cell in book.cells}
    altered = [
        cell.released.id
        for cell in cells
        if cell.released is not None
        and cell.released.kind.is_locked
        and cell.source.strip() not in {cell.released.source.strip(), *before}
        and not course.released(raw[cell.position - 1], None)
        and course.blames(raw[cell.position - 1], cell.released)
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
