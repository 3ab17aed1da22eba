"""Which released cell each cell of a notebook came from: by its ids, else by its text, else by its place.

Editors, converters and version control drop or rewrite ids. A cell of which no id is known is then given to a released
cell that has none yet: the one with the same text, the exercise whose names it defines, the one with most of the same
words, and for a written answer the one whose place it has. The work grows with the length of the notebook alone.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from kit.cells import defined_names
from kit.manifest import Cell, CellKind, Notebook, text_id

MAX_LOOKED_AT = 1_000_000  # characters in which words are looked for, in one notebook
RARE = 4  # a word tells cells apart if no more released cells than these hold it
SIMILAR = 0.6  # of a released cell's rare words
FEW = 5  # rare words, below which only the same text tells
ENOUGH = 3  # cells with the text of a released notebook, to take a file without ids for it
_ASSIGNED = re.compile(r"^(\w+)\s*=(?!=)", re.MULTILINE)
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class RawCell:
    """What matching looks at: the ids that a cell carries, whether it is code, its text."""

    ids: tuple[str, ...]
    is_code: bool
    source: str

    @property
    def is_of_the_course(self) -> bool:
        """Whether it is a text of the course's as it was released in some version: its id says so."""
        return not self.is_code and any(name.startswith(text_id(CellKind.TEXT, self.source)) for name in self.ids)


@dataclass(frozen=True, slots=True)
class Match:
    """The released cell that a cell came from, and whether an id said so."""

    released: Cell
    by_id: bool


def match(notebook: Notebook, cells: Sequence[RawCell]) -> list[Match | None]:
    """For each cell of a submitted notebook the released one it came from; None for the student's own."""
    matching = _Matching(notebook, cells)
    matching.by_ids()
    if matching.free:
        matching.by_text()
        matching.by_guesses()
        matching.by_names()
        matching.by_words()
        matching.by_place()
    return matching.found


def likeness(notebook: Notebook, cells: Sequence[RawCell]) -> int:
    """How many released cells of a notebook stand in a file without ids; 0 where there are too few to tell."""
    matching = _Matching(notebook, [RawCell((), cell.is_code, cell.source) for cell in cells])
    matching.by_text()
    matching.by_names()
    found = sum(one is not None for one in matching.found)
    return found if found >= min(ENOUGH, len(notebook.cells)) else 0


class _Matching:
    def __init__(self, notebook: Notebook, cells: Sequence[RawCell]) -> None:
        self.by_id = notebook.by_id
        self.released = {cell.id: cell for cell in notebook.cells}
        self.rank = {cell.id: rank for rank, cell in enumerate(notebook.cells)}
        self.cells = cells
        self.found: list[Match | None] = [None] * len(cells)
        self.free = dict(self.released)  # without a cell so far

    def by_ids(self) -> None:
        for place, cell in enumerate(self.cells):
            known = next((self.by_id[name] for name in cell.ids if name in self.by_id), None)
            if known is not None:
                self._give(place, known, by_id=True)

    def by_text(self) -> None:
        """The same text, but for space. Written answers all begin with one text, and are told apart by place."""
        same: dict[tuple[bool, str], list[Cell]] = defaultdict(list)
        for released in reversed(self.free.values()):
            if released.source.strip() and not released.kind.is_answer:
                same[released.kind.is_code, _squeezed(released.source)].append(released)
        for place, cell in self._unknown():
            if waiting := same.get((cell.is_code, _squeezed(cell.source))):
                self._give(place, waiting.pop())

    def by_guesses(self) -> None:
        """Guesses by the names they assign."""
        guesses = {_assigned(cell.source): cell for cell in self.free.values() if cell.kind is CellKind.GUESS}
        for place, cell in self._unknown():
            names = _assigned(cell.source)
            if names and cell.is_code and names in guesses:
                self._give(place, guesses.pop(names))

    def by_names(self) -> None:
        """Exercises by the names they define, where most ids are gone; else such a cell is the student's own."""
        if not self._ids_are_gone():
            return
        defined = {place: defined_names(cell.source) for place, cell in self._unknown() if cell.is_code}
        for exercise in [cell for cell in self.free.values() if cell.kind is CellKind.EXERCISE]:
            wanted = defined_names(exercise.source)
            best = max(defined, key=lambda place: len(defined[place] & wanted), default=None)
            if best is not None and defined[best] & wanted:
                self._give(best, exercise)
                del defined[best]

    def by_words(self) -> None:
        """The released cell of which most rare words are there: an altered one, or one with text typed into it.

        Code must not hold much more than that: taken for the course's, it would not run.
        """
        words = {name: set(_WORD.findall(cell.source)) for name, cell in self.released.items()}
        rare, holders = self._rare(words)
        left = MAX_LOOKED_AT
        for place, cell in self._unknown():
            own = set(_WORD.findall(cell.source[:left]))
            left = max(0, left - len(cell.source))
            shared = Counter(name for word in own for name in holders.get(word, ()) if name in self.free)
            alike = [name for name in shared if self.released[name].kind.is_code == cell.is_code]
            best = max(alike, key=lambda name: shared[name] / rare[name], default=None)
            if best is None or shared[best] < max(FEW, SIMILAR * rare[best]):
                continue
            if not cell.is_code or len(own & words[best]) >= SIMILAR * len(own):
                self._give(place, self.released[best])

    def _rare(self, words: Mapping[str, set[str]]) -> tuple[Counter[str], dict[str, list[str]]]:
        """Free cells by the number of their rare words, and by each of these words."""
        spread = Counter(word for own in words.values() for word in own)
        holders: dict[str, list[str]] = defaultdict(list)
        for name, cell in self.free.items():
            if not cell.kind.is_solution:
                for word in words[name]:
                    if spread[word] <= RARE:
                        holders[word].append(name)
        return Counter(name for names in holders.values() for name in names), holders

    def by_place(self) -> None:
        """What a person marks and the set-up cell, of which no text is known: the cell between the neighbours."""
        for released in list(self.free.values()):
            if released.kind.is_answer or not released.source.strip() and self._ids_are_gone():
                kind = released.kind.is_code
                between = [place for place in self._between(released) if self.cells[place].is_code == kind]
                between = [place for place in between if not self.cells[place].is_of_the_course]
                begun = [place for place in between if self.cells[place].source.startswith(released.source)]
                written = [place for place in between if self.cells[place].source.strip()]
                if places := begun or written or between:
                    self._give(places[0], released)

    def _between(self, cell: Cell) -> Iterator[int]:
        """Places of unknown cells behind the last one that was released before this cell, up to the next known one."""
        rank = self.rank[cell.id]
        ranks = [self.rank[one.released.id] if one is not None else None for one in self.found]
        before = max((known for known in ranks if known is not None and known < rank), default=-1)
        start = max((place for place, known in enumerate(ranks) if known == before), default=-1) + 1
        for place in range(start, len(ranks)):
            if ranks[place] is not None:
                return
            yield place

    def _ids_are_gone(self) -> bool:
        """Whether this is a notebook of the course in which most cells carry no id."""
        known = [one.by_id for one in self.found if one is not None]
        return bool(known) and sum(known) * 2 <= len(self.released)

    def _unknown(self) -> Iterator[tuple[int, RawCell]]:
        return ((place, cell) for place, cell in enumerate(self.cells) if self.found[place] is None)

    def _give(self, place: int, released: Cell, *, by_id: bool = False) -> None:
        self.found[place] = Match(released, by_id)
        self.free.pop(released.id, None)


def _assigned(source: str) -> tuple[str, ...]:
    return tuple(_ASSIGNED.findall(source))


def _squeezed(text: str) -> str:
    return "\n".join(line for line in (line.strip() for line in text.split("\n")) if line)
