"""Which code of a submitted notebook runs at grading, and what is left out, with the reason.

The grader, `pytest` in the release and `python -m kit preview` all read a notebook through this file, so what a
student sees before submitting is what the grader does. Nothing is executed here, and no content makes it fail.
"""

from __future__ import annotations

import ast
import dataclasses
import functools
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kit.cells import MAX_SOURCE, Blanked, Python, normalise, one_line, read_python
from kit.manifest import Cell, CellKind, Manifest, Notebook
from kit.statements import FUNCTIONS, Piece, joined, pieces, statements

MAX_BYTES = 50_000_000  # of a file that is handed in: a notebook or a zip file
MAX_SUBMISSION = 100_000_000  # bytes of all its notebooks together
MAX_CELLS = 2_000
MAX_TOTAL = 500_000
MAX_PIECES = 60  # statements of one cell that run apart, so that one that fails spares the others
MAX_LEFT_OUT = 200
NEVER_RUN = {
    CellKind.SHOW: (
        "cells for training and figures do not run at grading: put functions that you need in a cell of your own"
    ),
    CellKind.CHECK: "check cells do not run at grading",
    CellKind.GIVEN: "this cell is given: the course's own text runs in its place",
}


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
    """

    cells: tuple[CodeCell, ...]
    left_out: tuple[LeftOut, ...]
    notes: tuple[str, ...]
    missing: frozenset[str]
    stubs: frozenset[str]
    redefined: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class SubmittedCell:
    """A cell as submitted. ``position`` counts from 1; ``released`` is the released cell it came from, if any."""

    position: int
    is_code: bool
    source: str
    released: Cell | None

    @property
    def label(self) -> str:
        if self.released is not None and self.released.kind.is_known_to_nbgrader:
            return self.released.id
        return f"cell {self.position}"


def submitted_cells(notebook: Notebook, submitted: Mapping[str, Any] | None) -> tuple[SubmittedCell, ...]:
    """The cells of a notebook file, matched to the released ones by grade_id, then by cell id.

    Ids of earlier releases count as today's. Whatever has a wrong type is read as empty; cells beyond the first 2,000
    are ignored.
    """
    released = notebook.by_id
    found = []
    for position, raw in enumerate(_cells_of(submitted)[:MAX_CELLS], start=1):
        known = next((released[name] for name in _ids(raw) if name in released), None)
        source = renewed(source_of(raw), known)
        found.append(SubmittedCell(position, raw.get("cell_type") == "code", source, known))
    return tuple(found)


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
    """The released notebook that a file came from, judged by the ids of its cells; None if by none."""
    ids = [set(_ids(raw)) for raw in _cells_of(submitted)[:MAX_CELLS]]
    counts = [sum(not own.isdisjoint(book.by_id) for own in ids) for book in manifest.notebooks]
    best = max(counts, default=0)
    return manifest.notebooks[counts.index(best)] if best else None


@dataclass(frozen=True, slots=True)
class Reading:
    """One submitted notebook, matched to the released one and read once for everybody who asks.

    solutions: exercise id to the cell that stands for it. answers: id of a written answer to the cell that stands for
    it, of several copies the last in which something is written. Those without a cell are left out of both.
    """

    notebook: Notebook
    cells: tuple[SubmittedCell, ...]
    solutions: Mapping[str, SubmittedCell]
    answers: Mapping[str, SubmittedCell]
    extraction: Extraction


def read_notebook(notebook: Notebook, submitted: Mapping[str, Any] | None) -> Reading:
    """Read a notebook file given as parsed JSON; None for a notebook that was not submitted."""
    return read_cells(notebook, submitted_cells(notebook, submitted))


def read_cells(notebook: Notebook, cells: tuple[SubmittedCell, ...]) -> Reading:
    """Read the cells of a notebook that are matched already."""
    reader = _Extractor(notebook, cells)
    extraction = reader.read()
    solutions = {exercise: cell for exercise, cell in reader.chosen.items() if cell is not None}
    return Reading(notebook, cells, solutions, dict(_answers(notebook, cells)), extraction)


def extract(notebook: Notebook, submitted: Mapping[str, Any] | None) -> Extraction:
    """What of a submitted notebook runs at grading."""
    return read_notebook(notebook, submitted).extraction


def is_written(cell: SubmittedCell) -> bool:
    """Whether the student put something of their own into the cell of an exercise or a written answer."""
    released, text = cell.released, cell.source.strip()
    if released is None or not released.kind.is_solution:
        return False
    if released.kind is CellKind.EXERCISE and not cell.is_code:
        return False
    return bool(text) and text != released.source.strip()


def _answers(notebook: Notebook, cells: Iterable[SubmittedCell]) -> Iterator[tuple[str, SubmittedCell]]:
    copies: dict[str, list[SubmittedCell]] = {}
    for cell in cells:
        if cell.released is not None and cell.released.kind is CellKind.ANSWER:
            copies.setdefault(cell.released.id, []).append(cell)
    for answer, same in copies.items():
        yield answer, ([cell for cell in same if is_written(cell)] or same)[-1]


def _cells_of(submitted: object) -> list[dict[str, Any]]:
    cells = submitted.get("cells") if isinstance(submitted, Mapping) else None
    return [cell if isinstance(cell, dict) else {} for cell in cells] if isinstance(cells, list) else []


def _ids(raw: Mapping[str, Any]) -> list[str]:
    """The ids that a cell carries: nbgrader's, its own, and the one Colab keeps among the metadata."""
    metadata = raw.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    graded = metadata.get("nbgrader")
    graded = graded if isinstance(graded, dict) else {}
    return [name for name in (graded.get("grade_id"), raw.get("id"), metadata.get("id")) if isinstance(name, str)]


class _Extractor:
    """One extraction. Entries are submitted cells, or given cells of the release, in the order in which they run."""

    def __init__(self, notebook: Notebook, cells: tuple[SubmittedCell, ...]) -> None:
        self.submitted = cells
        self.released = {cell.id: cell for cell in notebook.cells}
        self.rank = {cell.id: number for number, cell in enumerate(notebook.cells)}
        self.exercises = [cell for cell in notebook.cells if cell.kind is CellKind.EXERCISE]
        self.names = {cell.id: _defined(cell.source) for cell in self.exercises}
        self.python: dict[int, Python] = {}
        self.cells: list[CodeCell] = []
        self.left_out: list[LeftOut] = []
        self.notes: list[str] = []
        self.missing: set[str] = set()
        self.stubs: set[str] = set()
        self.redefined: set[str] = set()
        self.own: list[tuple[int, int, set[str]]] = []  # cell index, position, names: what the student's cells define

    def read(self) -> Extraction:
        self._limit()
        self.chosen = {cell.id: self._choose(cell) for cell in self.exercises}
        self.place: dict[str, int] = {}
        for entry in self._order():
            if isinstance(entry, Cell):
                self._add_given(entry)
            elif entry.released is not None and self.chosen.get(entry.released.id) is entry:
                self._add_exercise(entry, entry.released)
            else:
                self._add_other(entry)
        for cell in self.exercises:
            self._look_elsewhere(cell.id)
        notes = tuple(self.notes) if self.submitted else ()  # nothing to say of each cell where there is no notebook
        sets = (frozenset(names) for names in (self.missing, self.stubs, self.redefined))
        return Extraction(tuple(self.cells), tuple(self.left_out), notes, *sets)

    def _limit(self) -> None:
        """Which cells are not read, since the code before them is too long already."""
        total = 0
        for cell in self.submitted:
            total += len(cell.source) if cell.is_code else 0
            if cell.is_code and total > MAX_TOTAL:
                error = f"the code before it is {MAX_TOTAL:,} characters long"
                self.python[cell.position] = Python("", (), None, error)
        if len(self.submitted) == MAX_CELLS:
            self.notes.append(f"only the first {MAX_CELLS:,} cells are read")

    def _python(self, cell: SubmittedCell) -> Python:
        """The cell as Python, parsed once and only where it is asked for."""
        if cell.position not in self.python:
            self.python[cell.position] = read_python(cell.source)
        return self.python[cell.position]

    # --- which cell stands for an exercise ------------------------------------------------------------------------

    def _choose(self, released: Cell) -> SubmittedCell | None:
        """Of several copies: the last that is written, among those that define the exercise's names."""
        same = [cell for cell in self.submitted if cell.released is released]
        copies = [cell for cell in same if cell.is_code]
        if not copies:
            what = "is not a code cell any more" if same else "is not in the notebook"
            self.notes.append(f"the cell of {released.id} {what}")
            return None
        defining = [cell for cell in copies if self.names[released.id] & self._names(cell)] or copies
        written = [cell for cell in defining if not self._is_stub(cell, released)] or defining
        if len(copies) > 1:
            times = "twice" if len(copies) == 2 else f"{len(copies)} times"
            which = "the later one" if written[-1] is copies[-1] else f"cell {written[-1].position}"
            self.notes.append(f"cell {released.id} appears {times}: {which} is graded")
        return written[-1]

    def _names(self, cell: SubmittedCell) -> set[str]:
        tree = self._python(cell).tree
        return {name for piece in pieces(tree) for name in piece.names} if tree is not None else _defined(cell.source)

    def _is_stub(self, cell: SubmittedCell, released: Cell) -> bool:
        return cell.source.strip() == released.source.strip() or 0 < _unwritten(released) <= self._unwritten(
            cell, released
        )

    def _unwritten(self, cell: SubmittedCell, released: Cell) -> int:
        tree = self._python(cell).tree
        if tree is None or "NotImplementedError" not in cell.source:
            return 0
        return _stub_raises(tree, released.id)

    # --- in which order -------------------------------------------------------------------------------------------

    def _order(self) -> list[SubmittedCell | Cell]:
        """The student's order; a given cell that is gone or stands too late is put before what follows it."""
        entries: list[SubmittedCell | Cell] = []
        for cell in self.submitted:
            if cell.is_code and cell.released is not None and cell.released.kind is CellKind.GIVEN:
                self._compare_given(cell, cell.released)
                if cell.released not in entries:
                    entries.append(cell.released)
            elif cell.is_code:
                entries.append(cell)
        for given in (cell for cell in self.released.values() if cell.kind is CellKind.GIVEN):
            later = next(
                (at for at, entry in enumerate(entries) if self._rank(entry) > self.rank[given.id]), len(entries)
            )
            if given not in entries:
                self.notes.append(f"the given cell {given.id} is not in the notebook: it was put back")
                entries.insert(later, given)
            elif entries.index(given) > later:
                entries.remove(given)
                entries.insert(later, given)
        return entries

    def _rank(self, entry: SubmittedCell | Cell) -> int:
        released = entry if isinstance(entry, Cell) else entry.released
        return self.rank[released.id] if released is not None and released.kind.is_code else -1

    def _compare_given(self, cell: SubmittedCell, released: Cell) -> None:
        if cell.source.strip() != released.source.strip():
            self._leave_out(LeftOut(released.id, 1, one_line(cell.source), NEVER_RUN[CellKind.GIVEN]))

    # --- what runs ------------------------------------------------------------------------------------------------

    def _add_given(self, released: Cell) -> None:
        self.cells.append(CodeCell(released.id, _given_code(released.source)))

    def _add_exercise(self, cell: SubmittedCell, released: Cell) -> None:
        python = self._python(cell)
        self._leave_out_blanked(released.id, python.blanked)
        if len(cell.source) > MAX_SOURCE or not python.source and python.tree is None:
            self._leave_out(LeftOut(released.id, 1, one_line(cell.source), python.error))
            self.missing.add(released.id)
            return
        self.place[released.id] = len(self.cells)
        self.cells.append(CodeCell(released.id, python.source, released.id))
        left = self._unwritten(cell, released)
        if self._is_stub(cell, released):
            self.stubs.add(released.id)
            if cell.source.strip() != released.source.strip():
                self.notes.append(f"{released.id} still raises NotImplementedError: delete that line")
        elif left:
            self.notes.append(f"{released.id}: {left} of {_unwritten(released)} parts still to write")

    def _add_other(self, cell: SubmittedCell) -> None:
        released = cell.released
        if released is not None and released.kind in NEVER_RUN:
            if cell.source.strip() != released.source.strip() != "":
                why = NEVER_RUN[released.kind]
                self._leave_out(LeftOut(f"cell {cell.position}", 1, one_line(cell.source), why))
            return
        if released is not None and released.kind is CellKind.EXERCISE and self._is_stub(cell, released):
            return
        python, label = self._python(cell), f"cell {cell.position}"
        self._leave_out_blanked(label, python.blanked)
        if python.tree is None:
            self._leave_out(LeftOut(label, python.line, _line(cell.source, python.line), python.error))
            return
        parts, lines = list(_merged(pieces(python.tree))), python.source.split("\n")
        for piece in parts:
            if piece.why:
                self._leave_out(LeftOut(label, piece.line, one_line(piece.text(lines)), piece.why))
        kept = [piece for piece in parts if not piece.why]
        for group in [[piece] for piece in kept] if len(kept) <= MAX_PIECES else [kept]:
            self.own.append((len(self.cells), cell.position, {name for piece in group for name in piece.names}))
            self.cells.append(CodeCell(label, joined(group, lines)))

    def _leave_out(self, item: LeftOut) -> None:
        if len(self.left_out) < MAX_LEFT_OUT:
            self.left_out.append(item)
        elif len(self.left_out) == MAX_LEFT_OUT:
            self.left_out.append(LeftOut(item.label, item.line, "…", "and more; the list ends here"))

    def _leave_out_blanked(self, label: str, blanked: Iterable[Blanked]) -> None:
        for item in blanked:
            self._leave_out(LeftOut(label, item.line, one_line(item.text), item.why))

    # --- exercises written outside their cell -----------------------------------------------------------------------

    def _look_elsewhere(self, exercise: str) -> None:
        """Later definitions of an exercise's names count, as they do in the notebook."""
        wanted, after = self.names[exercise], self.place.get(exercise, -1)
        later = [
            (index, position, names & wanted) for index, position, names in self.own if index > after and names & wanted
        ]
        found = {name for _, _, names in later for name in names}
        if self.chosen[exercise] is None or exercise in self.missing:
            self.missing.add(exercise)
            if not wanted or found != wanted:
                return
            self.missing.remove(exercise)
            index = later[-1][0]
            self.cells[index] = dataclasses.replace(self.cells[index], exercise=exercise)
            self.notes.append(f"{exercise} is taken from cell {later[-1][1]}, which defines {_and(found)}")
        elif found:
            if found == wanted:
                self.stubs.discard(exercise)
                self.redefined.add(exercise)
            self.notes.append(f"cell {later[-1][1]} defines {_and(found)} again: that one is graded for {exercise}")


def _merged(parts: Iterable[Piece]) -> Iterator[Piece]:
    """Neighbouring parts that are left out for the same reason, as one."""
    waiting: Piece | None = None
    for piece in parts:
        if waiting is not None and piece.why == waiting.why:
            continue
        if waiting is not None:
            yield waiting
        waiting = piece if piece.why else None
        if waiting is None:
            yield piece
    if waiting is not None:
        yield waiting


def _line(source: str, number: int) -> str:
    return one_line("\n".join(source.split("\n")[max(number, 1) - 1 :]))


def _and(names: Iterable[str]) -> str:
    return " and ".join(sorted(names))


def _defined(source: str) -> set[str]:
    """Names of the functions and classes that a text defines at its top level, read without Python's parser."""
    return set(re.findall(r"^(?:async\s+def|def|class)\s+(\w+)", source, re.MULTILINE))


@functools.lru_cache(maxsize=256)
def _given_code(source: str) -> str:
    return read_python(source).source


@functools.lru_cache(maxsize=256)
def _unwritten(released: Cell) -> int:
    tree = read_python(released.source).tree
    return _stub_raises(tree, released.id) if tree is not None else 0


def _stub_raises(tree: ast.Module, exercise: str) -> int:
    """How many functions still end in `raise NotImplementedError("ID: …")` and return nothing."""
    functions = [node for node in ast.walk(tree) if isinstance(node, FUNCTIONS)]
    return sum(_is_unwritten(function, exercise) for function in functions)


def _is_unwritten(function: ast.stmt, exercise: str) -> bool:
    inside = list(statements(function))
    returns = any(isinstance(statement, ast.Return) and statement.value is not None for statement in inside)
    raises = any(isinstance(statement, ast.Raise) and _is_stub_error(statement.exc, exercise) for statement in inside)
    return raises and not returns


def _is_stub_error(error: ast.expr | None, exercise: str) -> bool:
    return (
        isinstance(error, ast.Call)
        and isinstance(error.func, ast.Name)
        and error.func.id == "NotImplementedError"
        and bool(error.args)
        and isinstance(error.args[0], ast.Constant)
        and str(error.args[0].value).startswith(f"{exercise}:")
    )
