"""A student's notebooks brought to another version of the set, cell by cell.

Three texts decide: the cell as it was released (base), as the student has it (mine), and as it is released now (new).
What the student left alone becomes new; what only the student changed stays; what both changed stays as well, with the
new text in a cell below. Nothing that a student wrote is dropped.
"""

from __future__ import annotations

import copy
import difflib
import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from kit.checksums import checksum
from kit.manifest import Cell, CellKind, Manifest, Notebook, text_id
from kit.notebooks import renewed, source_of, submitted_cells
from kit.succession import cut

Raw = dict[str, Any]
ALIKE = 0.4  # of the characters: a cell that was reworded
MAX_COMPARED = 4_000  # characters
_START = ""


@dataclass
class Updated:
    """notebooks: released file name to content. conflicts, kept: what to tell the student, a line each."""

    notebooks: dict[str, Raw]
    conflicts: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)


def update(base: Manifest, new: Manifest, mine: Mapping[str, Raw], released: Mapping[str, Raw]) -> Updated:
    """The student's notebooks (by problem) made into the new version's, given as released (by file name)."""
    return _Update(base, new, mine, released).made()


@dataclass(frozen=True)
class Origin:
    """A released cell of the base, and its place there."""

    problem: str
    place: int
    cell: Cell

    @property
    def key(self) -> tuple[str, str]:
        return self.problem, self.cell.id


def origins(base: Manifest, new: Manifest) -> dict[tuple[str, str], Origin]:
    """For each cell of the new version, by problem and id, the one of the base that it goes on from."""
    return _Pairing(base, new).found


class _Pairing:
    def __init__(self, base: Manifest, new: Manifest) -> None:
        self.base = {
            book.problem: [Origin(book.problem, place, cell) for place, cell in enumerate(book.cells)]
            for book in base.notebooks
        }
        self.new = new
        self.found: dict[tuple[str, str], Origin] = {}
        self.used: set[tuple[str, str]] = set()
        self._by_ids()
        self._by_texts(elsewhere=False)
        self._by_texts(elsewhere=True)
        for book in new.notebooks:
            self._reworded(book)

    def _by_ids(self) -> None:
        """Solutions and checks by today's and earlier ids, in whatever notebook; the set-up and the like by theirs."""
        known = {origin.cell.id: origin for cells in self.base.values() for origin in cells if _is_named(origin.cell)}
        fixed = {origin.key: origin for cells in self.base.values() for origin in cells if _is_fixed(origin.cell)}
        for book, cell in self._cells():
            names = (cell.id, *cell.was) if _is_named(cell) else ()
            origin = next((known[name] for name in names if name in known), fixed.get((book.problem, cell.id)))
            if origin is not None and origin.cell.kind is cell.kind:
                self._give(book, cell, origin)

    def _by_texts(self, *, elsewhere: bool) -> None:
        """Cells of the same text; elsewhere: in another notebook, where a passage was moved."""
        same: dict[tuple[str, CellKind, str], list[Origin]] = defaultdict(list)
        for problem, cells in self.base.items():
            for origin in reversed(cells):
                if origin.key not in self.used and not _is_named(origin.cell) and origin.cell.source.strip():
                    same["" if elsewhere else problem, origin.cell.kind, origin.cell.source].append(origin)
        for book, cell in self._free():
            if waiting := same.get(("" if elsewhere else book.problem, cell.kind, cell.source)):
                self._give(book, cell, waiting.pop())

    def _reworded(self, book: Notebook) -> None:
        """Cells of one kind between the same neighbours, the most alike first come."""
        base = self.base.get(book.problem, [])
        for place, cell in enumerate(book.cells):
            if (book.problem, cell.id) in self.found or _is_named(cell):
                continue
            low, high = self._neighbours(book, place, len(base))
            free = [origin for origin in base[low + 1 : high] if origin.key not in self.used]
            alike = [(_likeness(origin.cell, cell), -origin.place, origin) for origin in free]
            best = max((row for row in alike if row[0] >= ALIKE), default=None, key=lambda row: row[:2])
            if best is not None:
                self._give(book, cell, best[2])

    def _neighbours(self, book: Notebook, place: int, end: int) -> tuple[int, int]:
        before = [self._place(book, cell) for cell in book.cells[:place]]
        after = [self._place(book, cell) for cell in book.cells[place + 1 :]]
        low = next((known for known in reversed(before) if known is not None), -1)
        return low, next((known for known in after if known is not None and known > low), end)

    def _place(self, book: Notebook, cell: Cell) -> int | None:
        origin = self.found.get((book.problem, cell.id))
        return origin.place if origin is not None and origin.problem == book.problem else None

    def _cells(self) -> Iterator[tuple[Notebook, Cell]]:
        return ((book, cell) for book in self.new.notebooks for cell in book.cells)

    def _free(self) -> Iterator[tuple[Notebook, Cell]]:
        return (
            (b, cell) for b, cell in self._cells() if (b.problem, cell.id) not in self.found and not _is_named(cell)
        )

    def _give(self, book: Notebook, cell: Cell, origin: Origin) -> None:
        self.found[book.problem, cell.id] = origin
        self.used.add(origin.key)


def _is_named(cell: Cell) -> bool:
    """Whether the cell's id is a name that its staff gave it."""
    return cell.kind.is_solution or cell.kind.has_points


def _is_fixed(cell: Cell) -> bool:
    """Whether the engine gives the cell one id in every version: the set-up, the closing cells."""
    return not _is_named(cell) and re.fullmatch(r"given-\d+|c-[0-9a-f]{12}.*", cell.id) is None


def _likeness(old: Cell, new: Cell) -> float:
    if old.kind is not new.kind:
        return 0.0
    texts = difflib.SequenceMatcher(None, old.source[:MAX_COMPARED], new.source[:MAX_COMPARED], autojunk=False)
    return texts.ratio() if texts.quick_ratio() >= ALIKE else 0.0


@dataclass
class _Mine:
    """The student's cells of one set: by origin, and the own ones by the cell that they follow."""

    cells: dict[tuple[str, str], Raw] = field(default_factory=dict)
    following: dict[tuple[str, str], list[Raw]] = field(default_factory=lambda: defaultdict(list))


class _Update:
    def __init__(self, base: Manifest, new: Manifest, mine: Mapping[str, Raw], released: Mapping[str, Raw]) -> None:
        self.base, self.new, self.contents, self.released = base, new, mine, released
        self.origins = origins(base, new)
        self.heirs: dict[tuple[str, str], list[Cell]] = defaultdict(list)
        for book in new.notebooks:
            for cell in book.cells:
                if (book.problem, cell.id) in self.origins:
                    self.heirs[self.origins[book.problem, cell.id].key].append(cell)
        self.known = {name for book in new.notebooks for name in book.by_id}
        self.mine = _Mine()
        self.result = Updated({})

    def made(self) -> Updated:
        for book in self.base.notebooks:
            if book.problem in self.contents:
                self._read(book, self.contents[book.problem])
        for book in self.new.notebooks:
            self.result.notebooks[book.file] = self._notebook(book)
        return self.result

    # --- the student's side ---

    def _read(self, book: Notebook, content: Raw) -> None:
        raw = [cell if isinstance(cell, dict) else {} for cell in content["cells"]]
        matched = [cell.released for cell in submitted_cells(book, content)]
        matched += [None] * (len(raw) - len(matched))  # beyond those that are read
        chosen = _chosen(raw, matched)
        stays = any(book.problem == other.problem for other in self.new.notebooks)
        anchor = (book.problem, _START)
        for place, (cell, released) in enumerate(zip(raw, matched, strict=True)):
            if not cell:
                continue  # nothing, or no cell at all
            if released is None or chosen[released.id] != place:
                self.mine.following[anchor].append(self._own(cell))
            elif self.heirs[book.problem, released.id]:
                anchor = (book.problem, released.id)
                self.mine.cells[anchor] = cell
            elif stays and released.source.strip() and _is_changed(cell, released):
                self.mine.following[anchor] += self._removed(cell, released)

    def _own(self, cell: Raw) -> Raw:
        """A cell of the student's own, as it is; of marks of the course's only those that still mean something."""
        own = copy.deepcopy(cell)
        if own.get("id") in self.known:
            del own["id"]  # of two cells with one id it is the chosen one's
        graded = _metadata(own).get("nbgrader")
        if isinstance(graded, dict) and graded.get("grade_id") not in self.known:
            own["metadata"] = {key: value for key, value in own["metadata"].items() if key not in _MARKS}
        return own

    def _removed(self, cell: Raw, released: Cell) -> list[Raw]:
        """What the student wrote into a cell that the new version does not have."""
        if not released.kind.is_solution:
            return [_without_mark(cell)]
        what = "exercise" if released.kind is CellKind.EXERCISE else "question"
        self.result.kept.append(
            f"{released.id} is no longer part of the set: what you wrote is kept as a cell of your own"
        )
        heading = (
            f"**No longer part of the set: `{released.id}`.** Version {self.new.version} does not have this {what}. "
            "What you wrote is kept below and is not graded."
        )
        if released.kind.is_code:
            return [_course_text(heading), _without_mark(cell)]
        return [_without_mark(cell) | _course_text(f"{heading}\n\n{source_of(cell)}", cell.get("metadata"))]

    # --- the new side ---

    def _notebook(self, book: Notebook) -> Raw:
        released = self.released[book.file]
        mine = self.contents.get(book.problem)
        cells = list(self.mine.following.pop((book.problem, _START), []))
        for cell, raw in zip(book.cells, released["cells"], strict=True):
            origin = self.origins.get((book.problem, cell.id))
            cells += self._cell(book, cell, raw, origin)
            if origin is not None:
                cells += self.mine.following.pop(origin.key, [])
        content = copy.deepcopy(released if mine is None else mine)
        metadata = content.get("metadata")
        content["metadata"] = (metadata if isinstance(metadata, dict) else {}) | {"kit": released["metadata"]["kit"]}
        content["nbformat"] = released["nbformat"]
        content["nbformat_minor"] = max(released["nbformat_minor"], _minor(content))
        content["cells"] = list(_with_ids(cells))
        return content

    def _cell(self, book: Notebook, cell: Cell, raw: Raw, origin: Origin | None) -> list[Raw]:
        """The cells that stand for a released one."""
        mine = self.mine.cells.get(origin.key) if origin is not None else None
        if origin is None or mine is None:
            left = origin is not None and book.problem in self.contents and self._was_deleted(cell, origin)
            return [] if left else [copy.deepcopy(raw)]
        if not origin.cell.source.strip():
            return self._set_up(book, cell, raw, mine)
        if len(self.heirs[origin.key]) > 1:
            return self._part(book, cell, raw, origin, mine)
        return self._merged(book, cell, raw, origin, mine)

    def _was_deleted(self, cell: Cell, origin: Origin) -> bool:
        """Whether the student took away a cell that is not graded and has not changed."""
        return (
            origin.problem in self.contents
            and not cell.kind.is_known_to_nbgrader
            and cell.source == origin.cell.source
            and bool(cell.source.strip())
        )

    def _set_up(self, book: Notebook, cell: Cell, raw: Raw, mine: Raw) -> list[Raw]:
        """The new one stands, since a set-up fetches its own version's files. The manifest does not hold its text."""
        made = [_renewed_cell(raw, mine)]
        if source_of(mine) != source_of(raw) and not is_as_released(mine):
            self.result.conflicts.append(f"{book.file}: {cell.id}: the new one stands, and yours as text below")
            made.append(
                _course_text(f"**Your own text of the cell above**, as it was:\n\n{_fenced(source_of(mine), 'python')}")
            )
        return made

    def _part(self, book: Notebook, cell: Cell, raw: Raw, origin: Origin, mine: Raw) -> list[Raw]:
        """One of several cells that an exercise or its check was split into."""
        heirs = self.heirs[origin.key]
        place = heirs.index(cell)
        if not _is_changed(mine, origin.cell):
            return [_renewed_cell(raw, mine if place == 0 else {})]
        if not cell.kind.is_solution:
            return self._merged(book, cell, raw, origin, mine) if place == 0 else [copy.deepcopy(raw)]
        parts = cut(source_of(mine), [self.new.exercise(heir.id).names for heir in heirs])
        if not parts[place].strip():
            return [copy.deepcopy(raw)]
        part = {**mine, "source": parts[place]} | ({"outputs": []} if place and "outputs" in mine else {})
        return self._merged(book, cell, raw, origin, part)

    def _merged(self, book: Notebook, cell: Cell, raw: Raw, origin: Origin, mine: Raw) -> list[Raw]:
        own, before = renewed(source_of(mine), cell), renewed(origin.cell.source, cell)
        if own.strip() in (before.strip(), cell.source.strip()):
            return [_renewed_cell(raw, mine)]
        kept = _kept_cell(raw, mine, own)
        if before.strip() == cell.source.strip():
            return [kept]
        name = cell.id if cell.kind.is_known_to_nbgrader else f"a cell of yours ({_first_line(own)})"
        self.result.conflicts.append(f"{book.file}: {name}")
        return [kept, _course_text(self._comparison(cell, before))]

    def _comparison(self, cell: Cell, before: str) -> str:
        """What to show below a cell that both have changed."""
        diff = "\n".join(
            line
            for line in difflib.unified_diff(before.split("\n"), cell.source.split("\n"), lineterm="", n=2)
            if not line.startswith(("---", "+++"))
        )
        language = "python" if cell.kind.is_code else "markdown"
        return (
            f"**Version {self.new.version} changed the cell above since version {self.base.version}.** Yours was kept "
            "as it is: put into it what you need of this, then delete this cell. "
            f"What changed:\n\n{_fenced(diff, 'diff')}\n\nThe new text, whole:\n\n{_fenced(cell.source, language)}"
        )


def _chosen(raw: list[Raw], matched: list[Cell | None]) -> dict[str, int]:
    """Of several copies of one released cell the place of the first that the student changed, else of the first."""
    chosen: dict[str, int] = {}
    for place, (cell, released) in enumerate(zip(raw, matched, strict=True)):
        if released is not None:
            first = chosen.setdefault(released.id, place)
            if _is_changed(cell, released) and not _is_changed(raw[first], released):
                chosen[released.id] = place
    return chosen


def _is_changed(cell: Raw, released: Cell) -> bool:
    return source_of(cell).strip() != released.source.strip() or bool(cell.get("attachments"))


def is_as_released(cell: Raw) -> bool:
    """Whether the text is the one of which nbgrader keeps a checksum in the cell."""
    graded = _metadata(cell).get("nbgrader")
    graded = graded if isinstance(graded, dict) else {}
    return bool(graded) and graded.get("checksum") == checksum(source_of(cell), cell.get("cell_type"), graded)


def _renewed_cell(raw: Raw, mine: Raw) -> Raw:
    """The new cell, with what the student's has beside its text: outputs, metadata of its own."""
    made = copy.deepcopy(raw)
    made["metadata"] = _joined(mine, raw)
    if mine.get("cell_type") == raw["cell_type"]:
        made |= {
            name: copy.deepcopy(mine[name]) for name in ("outputs", "execution_count", "attachments") if name in mine
        }
    return made


def _kept_cell(raw: Raw, mine: Raw, source: str) -> Raw:
    """The student's cell under today's id."""
    kept = copy.deepcopy(mine) | {"id": raw["id"], "metadata": _joined(mine, raw)}
    return kept if source_of(mine) == source else kept | {"source": source}


def _joined(mine: Raw, raw: Raw) -> Raw:
    """The course's metadata over the student's; tags of both."""
    metadata = copy.deepcopy(_metadata(mine)) | copy.deepcopy(raw["metadata"])
    tags = [_metadata(cell).get("tags") for cell in (raw, mine)]
    both = [tag for some in tags if isinstance(some, list) for tag in some if isinstance(tag, str)]
    return {**metadata, "tags": list(dict.fromkeys(both))} if both else metadata


def _metadata(cell: Raw) -> Raw:
    metadata: Any = cell.get("metadata")
    return metadata if isinstance(metadata, dict) else {}


def _without_mark(cell: Raw) -> Raw:
    """A cell of the course's that is the student's own from now on."""
    own = copy.deepcopy(cell)
    own["metadata"] = {key: value for key, value in _metadata(own).items() if key not in _MARKS}
    own.pop("id", None)
    return own


_MARKS = ("nbgrader", "deletable", "editable", "id")


def _course_text(text: str, metadata: object = None) -> Raw:
    """A cell of text of the course's: its id says so, so that nobody takes it for an answer."""
    kept = {key: value for key, value in (metadata if isinstance(metadata, dict) else {}).items() if key not in _MARKS}
    return {"cell_type": "markdown", "id": text_id(CellKind.TEXT, text), "metadata": kept, "source": text}


def _with_ids(cells: Iterable[Raw]) -> Iterator[Raw]:
    """Every cell with an id that no other has; a text of the course's keeps one that says so."""
    taken: set[str] = set()
    for place, cell in enumerate(cells):
        name = cell.get("id")
        if not isinstance(name, str) or not re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", name):
            name = "own-" + hashlib.sha256(f"{place}\n{source_of(cell)}".encode()).hexdigest()[:12]
        if name in taken:
            name = next(f"{name[:50]}-{number}" for number in count(2) if f"{name[:50]}-{number}" not in taken)
        taken.add(name)
        yield cell | {"id": name}


def _minor(content: Raw) -> int:
    minor = content.get("nbformat_minor")
    return minor if isinstance(minor, int) else 0


def _first_line(text: str) -> str:
    line = next((line.strip() for line in text.split("\n") if line.strip()), "empty")
    return line if len(line) <= 40 else line[:39] + "…"


def _fenced(text: str, language: str) -> str:
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"
