"""What differs between two versions of an assignment, in words for students: no test's name or content is told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from kit.manifest import Answer, Cell, CellKind, Exercise, Manifest
from kit.notebooks import renewed
from kit.three_way import Origin, origins

Tests = Mapping[str, Mapping[str, str]]  # exercise to public and hidden to a hash

_KINDS = {
    "given code": (CellKind.GIVEN,),
    "text": (CellKind.TEXT,),
    "code to run": (CellKind.SHOW, CellKind.GUESS),
}


@dataclass(frozen=True)
class VersionChange:
    """What became of an exercise or written answer (by today's id, a removed one's last), or of something else."""

    what: str
    how: str

    def __str__(self) -> str:
        return f"{self.what}: {self.how}"


def changes(old: Manifest, new: Manifest, old_tests: Tests, new_tests: Tests) -> list[VersionChange]:
    """What concerns exercises and written answers, in teaching order; then what is gone."""
    before = _graded(old)
    heirs: dict[str, list[str]] = {}
    for name, cell in _solutions(new).items():
        for earlier in _known(cell, before):
            heirs.setdefault(earlier, []).append(name)
    found: list[VersionChange] = []
    for name, cell in _solutions(new).items():
        known = next(iter(_known(cell, before)), None)
        if known is None:
            found.append(VersionChange(name, "added"))
        else:
            how = "; ".join(_differences(old, new, known, cell, heirs, old_tests, new_tests))
            found += [VersionChange(name, how)] if how else []
    return found + [VersionChange(name, "removed") for name in before if name not in heirs]


def other_changes(old: Manifest, new: Manifest) -> list[VersionChange]:
    """What changed in notebooks beside the exercises' own cells."""
    pairs = origins(old, new)
    found = []
    for book in new.notebooks:
        for what, kinds in _KINDS.items() if any(book.problem == before.problem for before in old.notebooks) else ():
            cells = [cell for cell in book.cells if cell.kind in kinds]
            if number := sum(_is_other(cell, pairs.get((book.problem, cell.id))) for cell in cells):
                found.append(VersionChange(book.file, f"{what} changed in {number} cell{'s' if number > 1 else ''}"))
    then = {book.problem: book for book in old.notebooks}
    now = {book.problem: book for book in new.notebooks}
    found += [VersionChange(book.file, "new notebook") for problem, book in now.items() if problem not in then]
    found += [
        VersionChange(book.file, "no longer part of the set") for problem, book in then.items() if problem not in now
    ]
    for problem in [problem for problem in now if problem in then]:
        if then[problem].file != now[problem].file:
            found.append(VersionChange(now[problem].file, f"was {then[problem].file}"))
    return found


def _is_other(cell: Cell, origin: Origin | None) -> bool:
    return origin is None or origin.cell.source != cell.source


def _known(cell: Cell, before: Mapping[str, object]) -> list[str]:
    return [name for name in (cell.id, *cell.was) if name in before]


def _solutions(manifest: Manifest) -> dict[str, Cell]:
    return {cell.id: cell for book in manifest.notebooks for cell in book.cells if cell.kind.is_solution}


def _graded(manifest: Manifest) -> dict[str, Exercise | Answer]:
    return {item.id: item for item in manifest.exercises} | {item.id: item for item in manifest.answers}


def _differences(
    old: Manifest,
    new: Manifest,
    known: str,
    cell: Cell,
    heirs: Mapping[str, list[str]],
    old_tests: Tests,
    new_tests: Tests,
) -> Iterator[str]:
    if len(heirs[known]) > 1:
        yield f"split off {known}, which is now {' and '.join(heirs[known])}"
    elif known != cell.id:
        yield f"renamed, was {known}"
    if old.notebook_of(known).problem != new.notebook_of(cell.id).problem:
        yield f"moved to {new.notebook_of(cell.id).file}"
    if renewed(_solutions(old)[known].source, cell) != cell.source:
        yield "text changed"
    before, now = _graded(old)[known].points, _graded(new)[cell.id].points
    if before != now:
        yield f"points {before:g} → {now:g}"
    for visibility in ("public", "hidden"):
        if old_tests.get(known, {}).get(visibility) != new_tests.get(cell.id, {}).get(visibility):
            yield f"{visibility} checks changed"
