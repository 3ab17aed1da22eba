"""Which code of a submitted notebook runs at grading, and what is left out, with the reason.

The grader, `pytest` in the release and `python -m kit preview` all read a notebook through this file, so what a
student sees before submitting is what the grader does. Nothing is executed here, and no content makes it fail.
"""

from __future__ import annotations

import ast
import dataclasses
import functools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from kit.cells import MAX_SOURCE, Blanked, Python, defined_names, one_line, read_python
from kit.global_names import MAX_NAMES, Maker, is_builtin, names_by_their_look, used_names
from kit.imports import Import, imports
from kit.manifest import Cell, CellKind, Notebook
from kit.notebooks import MAX_CELLS, MAX_TOTAL, CodeCell, Extraction, LeftOut, SubmittedCell
from kit.python_version import RUNNING, Version, is_newer
from kit.statements import Piece, bound_names, joined, pieces
from kit.stubs import stub_raises, unwritten

MAX_PIECES = 60  # statements of one cell that run apart, so that one that fails spares the others
MAX_LEFT_OUT = 200
NEVER_RUN = {
    CellKind.SHOW: (
        "cells for training and figures do not run at grading: put functions that you need in a cell of your own"
    ),
    CellKind.CHECK: "check cells do not run at grading",
    CellKind.GIVEN: "this cell is given: the course's own text runs in its place",
}


class Extractor:
    """One extraction. Entries are submitted cells, or given cells of the release, in the order in which they run."""

    def __init__(self, notebook: Notebook, cells: tuple[SubmittedCell, ...], made_with: Version | None) -> None:
        self.submitted = cells
        self.made_with = made_with
        self.released = {cell.id: cell for cell in notebook.cells}
        self.rank = {cell.id: number for number, cell in enumerate(notebook.cells)}
        self.exercises = [cell for cell in notebook.cells if cell.kind is CellKind.EXERCISE]
        self.names = {cell.id: defined_names(cell.source) for cell in self.exercises}
        self.python: dict[int, Python] = {}
        self.cells: list[CodeCell] = []
        self.left_out: list[LeftOut] = []
        self.notes: list[str] = []
        self.missing: set[str] = set()
        self.stubs: set[str] = set()
        self.redefined: set[str] = set()
        self.own: list[_Own] = []
        self.merged: dict[int, list[str]] = {}  # cell index to other exercises that stand in this exercise's cell
        self.made: set[str] = set()
        self.unmade: dict[str, Maker] = {}
        self.unread: dict[str, int] = {}  # names that cells which this Python cannot read seem to make, and the line
        self.imports: dict[tuple[str, Import], None] = {}

    def read(self) -> Extraction:
        self._limit()
        self._note_matches()
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
        self._name_what_is_not_made()
        newer = self._newer() if is_newer(self.made_with) else {}
        self._take_apart()
        notes = tuple(self.notes) if self.submitted else ()  # nothing to say of each cell where there is no notebook
        missing, stubs, redefined = (frozenset(names) for names in (self.missing, self.stubs, self.redefined))
        return Extraction(
            tuple(self.cells),
            tuple(self.left_out),
            notes,
            missing,
            stubs,
            redefined,
            imports=tuple(self.imports),
            unmade=self.unmade,
            newer=newer,
        )

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

    def _note_matches(self) -> None:
        """Which cells were found by their text, for lack of ids."""
        found = [(cell.position, cell.released) for cell in self.submitted if not cell.by_id and cell.released]
        work = [f"{released.id} is cell {position}" for position, released in found if released.kind.is_solution]
        if found:
            these = "1 cell without its id was" if len(found) == 1 else f"{len(found)} cells without their ids were"
            self.notes.append(f"{these} told by text and place" + (f": {', '.join(work)}" if work else ""))

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
        return (
            {name for piece in pieces(tree) for name in piece.names} if tree is not None else defined_names(cell.source)
        )

    def _is_stub(self, cell: SubmittedCell, released: Cell) -> bool:
        return cell.source.strip() == released.source.strip() or 0 < unwritten(released) <= self._unwritten(
            cell, released
        )

    def _unwritten(self, cell: SubmittedCell, released: Cell) -> int:
        tree = self._python(cell).tree
        if tree is None or "NotImplementedError" not in cell.source:
            return 0
        return stub_raises(tree, released.id)

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
            self._lose_all(released.id, self._python(cell))

    # --- what runs ------------------------------------------------------------------------------------------------

    def _add_given(self, released: Cell) -> None:
        self.cells.append(CodeCell(released.id, _given_code(released.source)))
        self.made |= _given_names(released.source)

    def _add_exercise(self, cell: SubmittedCell, released: Cell) -> None:
        python = self._python(cell)
        self._leave_out_blanked(released.id, python.blanked)
        if len(cell.source) > MAX_SOURCE or not python.source and python.tree is None:
            self._leave_out(LeftOut(released.id, 1, one_line(cell.source), python.error))
            self.missing.add(released.id)
            return
        self.place[released.id] = len(self.cells)
        self._add_own(cell.position, pieces(python.tree) if python.tree else (), python, self.names[released.id])
        self.cells.append(CodeCell(released.id, python.source, released.id))
        self._know(released.id, python.tree)
        left = self._unwritten(cell, released)
        if self._is_stub(cell, released):
            self.stubs.add(released.id)
            if cell.source.strip() != released.source.strip():
                self.notes.append(f"{released.id} still raises NotImplementedError: delete that line")
        elif left:
            self.notes.append(f"{released.id}: {left} of {unwritten(released)} parts still to write")

    def _add_other(self, cell: SubmittedCell) -> None:
        released = cell.released
        if released is not None and released.kind in NEVER_RUN:
            if cell.source.strip() != released.source.strip() != "":
                why = NEVER_RUN[released.kind]
                self._leave_out(LeftOut(f"cell {cell.position}", 1, one_line(cell.source), why))
            self._lose_all(f"cell {cell.position}", self._python(cell))
            return
        if released is not None and released.kind is CellKind.EXERCISE and self._is_stub(cell, released):
            return
        for_a_person = released is not None and released.kind is CellKind.CODE_ANSWER
        python, label = self._python(cell), f"cell {cell.position}"
        self._leave_out_blanked(label, python.blanked)
        if python.tree is None:
            self._leave_out(LeftOut(label, python.line, _line(cell.source, python.line), python.error))
            self._lose_all(label, python)
            self.unread |= dict.fromkeys(names_by_their_look(python.source), python.line)
            return
        all_pieces = list(pieces(python.tree))
        self._lose(label, (name for piece in all_pieces if piece.why for name in piece.names))
        parts, lines = list(_merged(all_pieces)), python.source.split("\n")
        for piece in parts:
            if piece.why and not for_a_person:  # who marks it reads what it draws
                self._leave_out(LeftOut(label, piece.line, one_line(piece.text(lines)), piece.why))
        kept = [piece for piece in parts if not piece.why]
        for group in [[piece] for piece in kept] if len(kept) <= MAX_PIECES else [kept]:
            self._add_own(cell.position, group, python)
            self.cells.append(CodeCell(label, joined(group, lines)))
            self._know(label, *(piece.statement for piece in group))

    def _leave_out(self, item: LeftOut) -> None:
        if len(self.left_out) < MAX_LEFT_OUT:
            self.left_out.append(item)
        elif len(self.left_out) == MAX_LEFT_OUT:
            self.left_out.append(LeftOut(item.label, item.line, "…", "and more; the list ends here"))

    def _leave_out_blanked(self, label: str, blanked: Iterable[Blanked]) -> None:
        for item in blanked:
            self._leave_out(LeftOut(label, item.line, one_line(item.text), item.why))
            self._lose(label, names_by_their_look(item.text))

    # --- what the code that runs imports, makes and misses --------------------------------------------------------

    def _know(self, label: str, *parts: ast.AST | None) -> None:
        """Remember what code that runs imports and makes."""
        for part in parts:
            if part is not None:
                self.imports |= {(label, one): None for one in imports(part)}
                body = part.body if isinstance(part, ast.Module) else [part]
                self.made |= {name for one in body if isinstance(one, ast.stmt) for name in bound_names(one)}

    def _lose(self, label: str, names: Iterable[str]) -> None:
        for name in names:
            if len(self.unmade) < MAX_NAMES and not is_builtin(name):
                self.unmade[name] = Maker(label)

    def _lose_all(self, label: str, python: Python) -> None:
        """Nothing of a cell runs."""
        tree = python.tree
        found = names_by_their_look(python.source) if tree is None else (n for p in pieces(tree) for n in p.names)
        self._lose(label, found)

    def _name_what_is_not_made(self) -> None:
        self.unmade = {name: maker for name, maker in self.unmade.items() if name not in self.made}
        told: dict[tuple[str, str], None] = {}
        for cell in self.cells:
            if cell.exercise not in self.stubs:
                told |= {(cell.label, name): None for name in sorted(used_names(cell.source, self.unmade))}
        self.notes += [f"{label} uses {name}, which {self.unmade[name]}" for label, name in list(told)[:MAX_LEFT_OUT]]

    def _newer(self) -> dict[str, str]:
        """Exercises that this Python cannot read, or that use what it cannot read of the student's own cells."""
        found = {}
        for exercise, cell in self.chosen.items():
            python = self._python(cell) if cell is not None else None
            if exercise in self.redefined | self.stubs:
                continue
            if python is not None and python.tree is None:
                found[exercise] = self._too_new(f"line {python.line} of {exercise}")
            elif names := self.names[exercise] & self.unread.keys() or self._reaches(exercise):
                name = min(names)
                found[exercise] = self._too_new(f"line {self.unread[name]} of the cell with {name}")
        return found

    def _reaches(self, exercise: str) -> set[str]:
        """Which names of unread cells an exercise uses, directly or through the student's own cells."""
        among = self.unread.keys() - self.made
        owners = {name: own.index for own in self.own for name in own.names}
        todo = [index for index, cell in enumerate(self.cells) if cell.exercise == exercise]
        found: set[str] = set()
        for index in todo:
            used = used_names(self.cells[index].source, among | owners.keys()) if among else set()
            found |= used & among
            todo += [owners[name] for name in sorted(used & owners.keys()) if owners[name] not in todo]
        return found

    def _too_new(self, place: str) -> str:
        made_with = ".".join(map(str, self.made_with or ()))
        here = ".".join(map(str, RUNNING))
        return f"{place} cannot be read by the grader's Python {here}; the notebook was made with {made_with}"

    # --- exercises written outside their cell -----------------------------------------------------------------------

    def _add_own(self, position: int, group: Iterable[Piece], python: Python, besides: Iterable[str] = ()) -> None:
        """What the next cell that runs defines: unwritten copies of stubs, and names in `besides`, do not count."""
        lines = python.source.split("\n")
        names = {name for piece in group if "NotImplementedError" not in piece.text(lines) for name in piece.names}
        self.own.append(_Own(len(self.cells), position, names.difference(besides)))

    def _look_elsewhere(self, exercise: str) -> None:
        """Other definitions of an exercise's names: later ones count, as in the notebook; earlier ones for a stub."""
        wanted, after = self.names[exercise], self.place.get(exercise, -1)
        others = [own for own in self.own if own.names & wanted and own.index != after]
        later = [own for own in others if own.index > after]
        everywhere = {name for own in others for name in own.names & wanted}
        found = {name for own in later for name in own.names & wanted}
        if self.chosen[exercise] is None or exercise in self.missing:
            self.missing.add(exercise)
            if wanted and found == wanted:
                self.missing.remove(exercise)
                self._take(exercise, later[-1], found)
        elif found != wanted == everywhere and exercise in self.stubs:
            self.cells[after] = dataclasses.replace(self.cells[after], source="", exercise=None)
            self.stubs.discard(exercise)
            self.redefined.add(exercise)
            self._take(exercise, others[-1], everywhere)
        elif found:
            if found == wanted:
                self.stubs.discard(exercise)
                self.redefined.add(exercise)
            self.notes.append(
                f"cell {later[-1].position} defines {_and(found)} again: that one is graded for {exercise}"
            )

    def _take(self, exercise: str, own: _Own, found: set[str]) -> None:
        cell = self.cells[own.index]
        if cell.exercise is None:
            self.cells[own.index] = dataclasses.replace(cell, exercise=exercise)
        else:
            self.merged.setdefault(own.index, []).append(exercise)
        self.notes.append(f"{exercise} is taken from cell {own.position}, which defines {_and(found)}")

    def _take_apart(self) -> None:
        """What an exercise's cell holds of another becomes a cell of its own, behind the given cells that it needs."""
        behind: dict[int, list[CodeCell]] = {}
        for index, exercises in self.merged.items():
            cell = self.cells[index]
            lines, rest, tree = cell.source.split("\n"), cell.source.split("\n"), read_python(cell.source).tree
            parts = list(pieces(tree)) if tree is not None else []
            for exercise in exercises:
                own = [piece for piece in parts if self.names[exercise].intersection(piece.names)]
                for piece in own:
                    rest[piece.line - 1 : piece.end_line] = [""] * (piece.end_line - piece.line + 1)
                moved = CodeCell(cell.label, joined(own, lines), exercise)
                behind.setdefault(max(index, self._last_given(exercise)), []).append(moved)
            self.cells[index] = dataclasses.replace(cell, source="\n".join(rest))
        self.cells = [part for index, cell in enumerate(self.cells) for part in (cell, *behind.get(index, ()))]

    def _last_given(self, exercise: str) -> int:
        """Index of the last given cell that was released before an exercise; -1 where there is none."""
        before = {cell.id for cell in self.released.values() if cell.kind is CellKind.GIVEN}
        before = {name for name in before if self.rank[name] < self.rank[exercise]}
        return max((index for index, cell in enumerate(self.cells) if cell.label in before), default=-1)


@dataclass(frozen=True, slots=True)
class _Own:
    """Which names a cell that runs defines: its index among those, and its position in the notebook."""

    index: int
    position: int
    names: set[str]


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


@functools.lru_cache(maxsize=256)
def _given_code(source: str) -> str:
    return read_python(source).source


@functools.lru_cache(maxsize=256)
def _given_names(source: str) -> frozenset[str]:
    tree = read_python(source).tree
    return frozenset(name for piece in pieces(tree) for name in piece.names) if tree is not None else frozenset()
