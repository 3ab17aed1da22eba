"""A submission that was made for an earlier version: which one, and its answers where the set has them now.

The version is the notebook's own word; where that is missing, the one with whose released text most of its cells agree.
An exercise that was moved to another notebook or split into several since is looked up in the notebook that the student
had it in: the cells come to where they belong, under today's ids, before anything is read of them.
"""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from autograder.submission.choose import Candidate
from autograder.submission.notebook_file import NotebookFile
from kit.cells import read_python
from kit.global_names import used_names
from kit.manifest import Cell, Manifest, Notebook
from kit.notebooks import SubmittedCell, source_of, submitted_cells
from kit.statements import pieces
from kit.succession import cut, successors

Chosen = Mapping[str, Candidate | None]
MAX_ADOPTED = 200  # cells that come from elsewhere, in one submission


def with_versions(chosen: Chosen, manifest: Manifest, earlier: Sequence[Manifest]) -> dict[str, Candidate | None]:
    """The files that were chosen, each with the version that it was made for as far as that can be told."""
    return {
        file: candidate
        if candidate is None or candidate.version is not None
        else replace(candidate, agrees_with=_agreeing(candidate, manifest, earlier))
        for file, candidate in chosen.items()
    }


def _agreeing(candidate: Candidate, manifest: Manifest, earlier: Sequence[Manifest]) -> str | None:
    """The version whose given cells and texts a notebook holds the most of, where today's has fewer; else None."""
    texts = {cell.source.strip() for cell in candidate.cells}
    counts = {one.version: _agreement(texts, candidate.book, one) for one in (*earlier, manifest)}
    best = max(reversed(list(counts)), key=lambda version: counts[version])
    return best if counts[best] > counts[manifest.version] else None


def _agreement(texts: set[str], book: Notebook, manifest: Manifest) -> int:
    cells = [cell for other in manifest.notebooks if other.problem == book.problem for cell in other.cells]
    return sum(cell.source.strip() in texts for cell in cells if cell.source.strip() and not cell.kind.is_solution)


@dataclass(frozen=True)
class _Adopted:
    """A cell that comes to another place: as it is kept, as it was, and the released one that it stands for now, or, if
    it is code of the student's own, that it serves."""

    cell: Cell
    kept: dict[str, Any]
    raw: dict[str, Any]


def adopted(
    chosen: Chosen, manifest: Manifest, absent: Collection[str] = ()
) -> tuple[dict[str, Candidate | None], list[str]]:
    """The same files with each cell of a moved or split exercise or answer where it belongs now, and notes on that.

    absent: notebooks that were certainly not handed in. What belongs there now makes one that holds nothing else.
    """
    files = dict(chosen)
    stays: dict[str, list[int]] = {}
    comes: dict[str, list[_Adopted]] = defaultdict(list)
    places = _Homes(chosen, manifest, absent)
    notes: list[str] = []
    for file, candidate in chosen.items():
        if candidate is None:
            continue
        stays[file] = []
        leaving: dict[str, list[_Adopted]] = defaultdict(list)
        for place, kept in enumerate(candidate.file.kept["cells"]):
            cells = places.elsewhere(file, kept)
            if not cells or len(notes) + len(cells) > MAX_ADOPTED:
                stays[file].append(place)
                continue
            raw = candidate.file.raw["cells"][place]
            for cell, part in zip(cells, _parts(kept, cells, manifest), strict=True):
                home = places.home[cell.id]
                if not part["source"].strip():
                    continue  # the answer defines nothing of this part
                if cell.kind.is_solution or cell.id not in places.there[home]:
                    leaving[home].append(_Adopted(cell, _under(part, cell.id), _under(raw, cell.id)))
                notes += [_note(cell, file, home, len(cells))] if cell.kind.is_solution else []
        for home, left in leaving.items():
            comes[home] += [*(_called(candidate, stays[file], left) if home != file else ()), *left]
            if files[home] is None:
                files[home] = _with_nothing(candidate, manifest.notebook_of(left[0].cell.id))
    return {file: _with(candidate, stays.get(file), comes[file]) for file, candidate in files.items()}, notes


def _with_nothing(candidate: Candidate, book: Notebook) -> Candidate:
    """A notebook that was not handed in, of the version of this one: the cells that are not the student's to fill."""
    given = [cell for cell in book.cells if not cell.kind.is_solution and not cell.kind.has_points]
    kept = {**candidate.file.kept, "cells": [_as_kept(cell) for cell in given]}
    raw: dict[str, Any] = {"metadata": candidate.file.raw.get("metadata"), "cells": [{"metadata": {}} for _ in given]}
    empty = NotebookFile(raw, kept, (), plain=False)
    return replace(candidate, path="", book=book, file=empty, cells=submitted_cells(book, kept), archives=())


def _as_kept(cell: Cell) -> dict[str, Any]:
    made: dict[str, Any] = {"cell_type": "code" if cell.kind.is_code else "markdown", "id": cell.id, "metadata": {}}
    return {**made, "source": cell.source, **({"outputs": []} if cell.kind.is_code else {})}


def _called(candidate: Candidate, stays: Iterable[int], left: Sequence[_Adopted]) -> list[_Adopted]:
    """The student's own code that cells which leave use a name of, and what that uses: it goes along, in its order."""
    makes = {place: made for place in stays if (made := _made_by_own_code(candidate.cells[place]))}
    taken: set[int] = set()
    sources = [one.kept["source"] for one in left]
    while sources:
        source = sources.pop()
        for place in makes.keys() - taken:
            if used_names(source, makes[place]):
                taken.add(place)
                sources.append(candidate.cells[place].source)
    kept, raw = candidate.file.kept["cells"], candidate.file.raw["cells"]
    return [_Adopted(left[0].cell, kept[place], raw[place]) for place in sorted(taken)]


def _made_by_own_code(cell: SubmittedCell) -> set[str]:
    if cell.released is not None or not cell.is_code or cell.is_older:
        return set()
    tree = read_python(cell.source).tree
    return {name for piece in pieces(tree) for name in piece.names} if tree is not None else set()


class _Homes:
    """Where cells of exercises and answers belong, and which of them are in each file."""

    def __init__(self, chosen: Chosen, manifest: Manifest, absent: Collection[str]) -> None:
        self.home = {cell.id: book.file for book in manifest.notebooks for cell in book.cells}
        self.there = {
            file: {name for cell in candidate.file.kept["cells"] for name in _ids(cell)}
            if candidate is not None
            else set()
            for file, candidate in chosen.items()
        }
        self._heirs = successors(manifest)
        self._chosen = chosen
        self._can_take = {file for file, candidate in chosen.items() if candidate is not None or file in absent}
        self._version = manifest.version

    def elsewhere(self, file: str, kept: Mapping[str, Any]) -> tuple[Cell, ...]:
        """The released cells that a cell of this file stands for now; none where it stays where and what it is."""
        cells = next((self._heirs[name] for name in _ids(kept) if name in self._heirs), ())
        candidate = self._chosen[file]
        if (
            candidate is None
            or candidate.version == self._version
            or len(cells) == 1
            and self.home[cells[0].id] == file
        ):
            return ()
        return cells if all(self.home[cell.id] in self._can_take for cell in cells) else ()


def _parts(kept: dict[str, Any], cells: Sequence[Cell], manifest: Manifest) -> list[dict[str, Any]]:
    """A kept cell cut into one for each of the released cells that it stands for."""
    names = {exercise.id: exercise.names for exercise in manifest.exercises}
    if len(cells) == 1 or not all(cell.id in names for cell in cells):
        return [kept for _ in cells]
    return [{**kept, "source": text} for text in cut(source_of(kept), [names[cell.id] for cell in cells])]


def _under(cell: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The cell under another id."""
    renamed = copy.deepcopy(dict(cell)) | {"id": name}
    metadata = renamed.get("metadata")
    if isinstance(metadata, dict) and isinstance(metadata.get("nbgrader"), dict):
        metadata["nbgrader"]["grade_id"] = name
    return renamed


def _note(cell: Cell, file: str, now: str, count: int) -> str:
    if count > 1:
        return (
            f"{cell.id} was part of {' or '.join(cell.was)} in the version of this submission: its part of that counts"
        )
    return f"{cell.id} was read from {file}, where it stood in the version of this submission; it is in {now} now"


def _with(candidate: Candidate | None, stays: list[int] | None, comes: list[_Adopted]) -> Candidate | None:
    """The file without what has left it, and with what comes, each before the first cell of its own place or later.

    stays: places of cells; None: all.
    """
    if candidate is None:
        return None
    stays = list(range(len(candidate.file.kept["cells"]))) if stays is None else stays
    if len(stays) == len(candidate.file.kept["cells"]) and not comes:
        return candidate
    rank = {name: place for place, cell in enumerate(candidate.book.cells) for name in (*cell.was, cell.id)}
    cells = [(candidate.file.kept["cells"][place], candidate.file.raw["cells"][place]) for place in stays]
    for one in comes:
        later = (at for at, (kept, _) in enumerate(cells) if _rank(kept, rank) >= rank[one.cell.id])
        cells.insert(next(later, len(cells)), (one.kept, one.raw))
    kept = {**candidate.file.kept, "cells": [kept for kept, _ in cells]}
    raw = {**candidate.file.raw, "cells": [raw for _, raw in cells]}
    file: NotebookFile = replace(candidate.file, kept=kept, raw=raw)
    return replace(candidate, file=file, cells=submitted_cells(candidate.book, kept))


def _rank(kept: Mapping[str, Any], rank: Mapping[str, int]) -> int:
    return max((rank.get(name, -1) for name in _ids(kept)), default=-1)


def _ids(kept: Mapping[str, Any]) -> Iterator[str]:
    for name in (kept["metadata"].get("nbgrader", {}).get("grade_id"), kept.get("id")):
        if isinstance(name, str):
            yield name
