"""The notebook that markers and students see: the staff's copy with the student's answers put in.

Cells that are the student's to fill keep the student's text; every other cell is the staff's. What else the student
wrote follows the staff cell that it stood behind, under a label, and text near a question is shown with its answer.
All metadata is the staff's. Outputs are figures, drawn anew, and plain text. Where a limit cuts something off, the
text says how much, and a note says it too.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from autograder.submission.images import reencode
from autograder.submission.markdown import MAX_LENGTH, changes, harmless, missing, shortened, visible
from autograder.submission.pictures import Pictures, without_pictures
from autograder.submission.read import SubmittedNotebook
from kit.answers import Outside, outside
from kit.cells import MAX_SOURCE
from kit.manifest import Cell, CellKind
from kit.notebooks import MAX_CELLS, SubmittedCell, is_written, source_of
from kit.reading import Reading

OWN = "own"
MAX_CELL_TEXT = 10_000
MAX_FIGURES = 60
MAX_OWN = 300
MAX_NAMED = 6
MAX_QUOTED = 40  # cells whose text is repeated with one answer
# Characters, for one notebook: what the student wrote as code, as text, printed, and drew.
BUDGETS = {"code": 1_000_000, "text": 100_000, "output": 200_000, "figures": 10_000_000}
MAX_TEXT = MAX_LENGTH - 200
ELSEWHERE = "*Nothing is written in this cell. Text of the student's own that stands near it:*"

_ANSI = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b.")


@dataclass(frozen=True, slots=True)
class CleanCopy:
    """A notebook with nothing active in it, and what was left out of it."""

    notebook: dict[str, Any]
    notes: tuple[str, ...]


def clean_copy(staff: Mapping[str, Any], submitted: SubmittedNotebook) -> CleanCopy:
    """Put a student's work into the staff's copy of a released notebook, given as JSON."""
    return _Copier(staff, submitted.content, submitted.reading, submitted.not_held).copy()


@dataclass
class _Copier:
    staff: Mapping[str, Any]
    submitted: Mapping[str, Any] | None
    reading: Reading
    not_held: Mapping[str, str]  # answers that the submitted version of the set has not, and why
    left: dict[str, int] = field(default_factory=lambda: dict(BUDGETS))
    figures: int = 0
    shown: int = 0
    notes: dict[str, None] = field(default_factory=dict)
    pictures: Pictures = field(default_factory=Pictures)
    long: dict[str, None] = field(default_factory=dict)  # cells whose text is cut
    moved: set[int] = field(default_factory=set)  # positions of cells that are shown with an answer

    def __post_init__(self) -> None:
        self.near = outside(self.reading)
        self.outside = {item.cell.position: item for items in self.near.values() for item in items}
        self.beyond = int((self.submitted or {}).get("cut", 0))

    def copy(self) -> CleanCopy:
        used = self._used()
        # Answers come first: no budget is used up before they are shown.
        answers = {
            name: self._answer(staff_cell, used.get(name))
            for staff_cell in self.staff["cells"]
            if (name := staff_cell.get("id")) in self.near
        }
        own = self._own(used)
        cells: list[dict[str, Any]] = []
        for place, staff_cell in enumerate(self.staff["cells"]):
            if place == 0:
                cells += self._labelled(own.get(None, []))
            name = staff_cell.get("id")
            cells.append(answers.get(name) or self._filled(staff_cell, used.get(name)))
            cells += self._labelled(own.get(name, []))
        cells += self._rest()
        self.notes |= dict.fromkeys(self._cuts())
        notebook = {key: copy.deepcopy(value) for key, value in self.staff.items() if key != "cells"}
        return CleanCopy(notebook | {"cells": cells}, tuple(self.notes))

    # --- which cell goes where --------------------------------------------------------------------------------------

    def _used(self) -> dict[str, SubmittedCell]:
        """Released id to the submitted cell whose text or figures go into it."""
        used = {**self.reading.solutions, **self.reading.answers}
        for cell in self.reading.cells:
            if cell.released is not None and cell.released.kind in (CellKind.SHOW, CellKind.GUESS) and cell.is_code:
                used.setdefault(cell.released.id, cell)
        return used

    def _own(self, used: Mapping[str, SubmittedCell]) -> dict[str | None, list[SubmittedCell]]:
        """What no staff cell holds, by the staff cell that it stood behind."""
        staff = {cell.get("id"): source_of(cell) for cell in self.staff["cells"]}
        taken = {cell.position for cell in used.values()} | self.moved
        taken |= {cell.position for cell in self.reading.cells if cell.is_older}
        own: dict[str | None, list[SubmittedCell]] = {}
        for behind, cell in self._behind():
            known = {staff.get(behind, "").strip(), cell.released.source.strip()} if cell.released else set()
            if cell.position not in taken and cell.source.strip() and cell.source.strip() not in known:
                own.setdefault(behind, []).append(cell)
        return own

    def _behind(self) -> Iterator[tuple[str | None, SubmittedCell]]:
        """Each submitted cell with the staff cell that it is or stands behind."""
        staff = {cell.get("id") for cell in self.staff["cells"]}
        behind: str | None = None
        for cell in self.reading.cells:
            if cell.released is not None and cell.released.id in staff:
                behind = cell.released.id
            yield behind, cell

    # --- written answers --------------------------------------------------------------------------------------------

    def _answer(self, staff_cell: Mapping[str, Any], cell: SubmittedCell | None) -> dict[str, Any]:
        """An answer's cell: what is written in it, and the student's text near it that stands elsewhere.

        Near an answer that is written that is only what stands between the neighbouring exercises and answers, and
        is not shown right behind the answer anyway.
        """
        name = staff_cell["id"]
        written = cell is not None and is_written(cell)
        behind = {cell.position for place, cell in self._behind() if place == name}
        items = [
            item
            for item in self.near[name]
            if not written or (item.beside and item.text and not (item.whole and item.cell.position in behind))
        ]
        filled = self._filled(staff_cell, cell)
        why = "" if written else self.not_held.get(name, "")
        if filled["cell_type"] == "code":
            if not written and (items or why or self.beyond):
                filled["source"] = _code_elsewhere(why, items, self.beyond)
            return filled
        if items or why or (self.beyond and not written):
            source = filled["source"] if written else f"*{visible(why)}*" if why else ELSEWHERE
            parts = [source, *(self._quoted(item, filled) for item in items[:MAX_QUOTED])]
            if len(items) > MAX_QUOTED:
                self.notes[f"of the text near {name} only the first {MAX_QUOTED} cells are shown with it"] = None
                parts.append(missing(len(items) - MAX_QUOTED, "cell") + f" ({_cells(items[MAX_QUOTED:])})")
            parts += [missing(self.beyond, "cell")] if self.beyond and not written else []
            filled["source"] = "\n\n---\n\n".join(parts)
            question = self._question(name)
            self.moved |= {
                item.cell.position
                for place, own in self._behind()
                for item in items[:MAX_QUOTED]
                if item.cell is own and not own.is_code and place in (name, question)
            }
        return filled

    def _question(self, answer: str) -> str | None:
        """The course's text directly before an answer."""
        cells = self.reading.notebook.cells
        return next((one.id for one, next_ in zip(cells, cells[1:], strict=False) if next_.id == answer), None)

    def _quoted(self, item: Outside, filled: dict[str, Any]) -> str:
        if not item.text:
            return f"*Cell {item.cell.position}, {item.how}, is shown where it stands.*"
        label = f"*From cell {item.cell.position}, {item.how}:*"
        if item.cell.is_code:
            return f"{label}\n\n{self._block(item.cell, item.text)}"
        text, pictures = self._drawn(item.cell, item.text)
        if pictures:
            filled["attachments"] = filled.get("attachments", {}) | pictures
        return f"{label}\n\n{text}"

    # --- staff cells ------------------------------------------------------------------------------------------------

    def _filled(self, staff_cell: Mapping[str, Any], cell: SubmittedCell | None) -> dict[str, Any]:
        filled: dict[str, Any] = copy.deepcopy(dict(staff_cell))
        filled["source"] = source_of(staff_cell)
        if filled["cell_type"] == "code":
            filled |= {"outputs": [], "execution_count": None}
        if cell is None or cell.released is None or _locked(staff_cell):
            return filled
        if filled["cell_type"] == "code":
            filled["source"] = self._code(cell)
            filled["outputs"] = self._outputs(cell)
        elif self._is_markdown(cell):
            filled["source"], pictures = self._markdown(cell, cell.released)
            if pictures:
                filled["attachments"] = pictures
        else:
            filled["source"] = self._block(cell, cell.source)
        return filled

    def _is_markdown(self, cell: SubmittedCell) -> bool:
        raw = self._raw(cell)
        return raw.get("cell_type") == "markdown" or "attachments" in raw

    def _markdown(self, cell: SubmittedCell, released: Cell) -> tuple[str, dict[str, dict[str, str]]]:
        return (cell.source, {}) if cell.source == released.source else self._drawn(cell, cell.source)

    def _code(self, cell: SubmittedCell) -> str:
        cut = int(self._raw(cell).get("cut", 0))
        return self._within("code", visible(cell.source), MAX_SOURCE, cut)

    def _drawn(self, cell: SubmittedCell, text: str) -> tuple[str, dict[str, dict[str, str]]]:
        """Markdown of a submitted cell, harmless, and its pictures."""
        raw = self._raw(cell)
        attached = raw.get("attachments", {})
        if "dropped" in raw:
            self.notes[f"of what is attached to the text of {cell.label} not all is shown"] = None
        short = self._shortened(visible(text), cell)
        self.notes |= dict.fromkeys(changes(without_pictures(short)))
        text, pictures = self.pictures.drawn(short, attached, cell.label)
        return self._within("text", text), pictures

    def _block(self, cell: SubmittedCell, text: str) -> str:
        """Text that was not Markdown, as a block of code in Markdown."""
        lines = harmless(self._shortened(visible(text), cell)).split("\n")
        return self._within("text", "\n".join("    " + line for line in lines))

    def _shortened(self, text: str, cell: SubmittedCell) -> str:
        if len(text) > MAX_TEXT:
            self.long[cell.label] = None
        cut = int(self._raw(cell).get("cut", 0))  # the file's text is longer still
        return shortened(text, MAX_TEXT, cut)

    # --- the student's own cells ------------------------------------------------------------------------------------

    def _labelled(self, own: list[SubmittedCell]) -> Iterator[dict[str, Any]]:
        for cell in own:
            kind = self._raw(cell).get("cell_type")
            item = self.outside.get(cell.position)
            typed = cell.released is not None and cell.released.kind is CellKind.TEXT
            if typed and item is None:
                continue  # the course's text, of which something was deleted
            self.shown += 1
            if self.shown > MAX_OWN:
                continue
            label = f"*The student's own, cell {cell.position}{_what(cell)}:*"
            if kind == "code":
                yield self._new(cell, "label", "markdown", label)
                yield self._new(cell, "cell", "code", self._code(cell)) | {
                    "outputs": self._outputs(cell),
                    "execution_count": None,
                }
            else:
                text = item.text if typed and item else cell.source
                text, pictures = self._drawn(cell, text) if self._is_markdown(cell) else (self._block(cell, text), {})
                yield self._new(cell, "cell", "markdown", f"{label}\n\n{text}", pictures)

    def _new(
        self, cell: SubmittedCell, part: str, cell_type: str, source: str, pictures: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        name = f"students-{part}-{cell.position}"
        new = {"cell_type": cell_type, "id": name, "metadata": {"kit": {"role": OWN}}, "source": source}
        return new | {"attachments": pictures} if pictures else new

    def _rest(self) -> Iterator[dict[str, Any]]:
        """A last cell that says how many cells are not shown, if any."""
        hidden = max(0, self.shown - MAX_OWN)
        if hidden:
            self.notes[f"only the first {MAX_OWN} of the student's own cells are shown, not {hidden} more"] = None
        if self.beyond:
            self.notes[f"{self.beyond} cells beyond the first {MAX_CELLS:,} are not read"] = None
        if hidden + self.beyond:
            text = missing(hidden + self.beyond, "cell")
            yield {"cell_type": "markdown", "id": "students-more", "metadata": {"kit": {"role": OWN}}, "source": text}

    # --- outputs ----------------------------------------------------------------------------------------------------

    def _outputs(self, cell: SubmittedCell) -> list[dict[str, Any]]:
        outputs: list[dict[str, Any]] = []
        room, unseen, hidden = MAX_CELL_TEXT, 0, 0
        for output in self._raw(cell).get("outputs", []):
            if "image" in output:
                picture = self._figure(output["image"], cell.position)
                hidden += picture is None
                if picture:
                    outputs.append({"output_type": "display_data", "data": {"image/png": picture}, "metadata": {}})
            elif "text" in output:
                text = _printed(output["text"])
                kept = text[: min(room, self.left["output"])]
                room -= len(kept)
                self.left["output"] -= len(kept)
                unseen += len(text) - len(kept) + output.get("cut", 0)
                outputs += [_stream(kept)] if kept else []
            elif "dropped" in output:
                self.notes["some outputs are not shown: there are too many, or they are no figures"] = None
                hidden += int(output["dropped"])
        if unseen:
            self.notes["the student's output was cut: there is too much of it"] = None
            outputs.append(_stream("\n" + missing(unseen, "character")))
        return [*outputs, _stream(missing(hidden, "output"))] if hidden else outputs

    def _figure(self, text: str, position: int) -> str | None:
        if not self.left["figures"]:
            return None
        if self.figures >= MAX_FIGURES:
            self.notes[f"at most {MAX_FIGURES} figures are kept"] = None
            return None
        self.figures += 1
        picture = reencode(text, self.pictures.work)
        if picture is None:
            self.notes[f"a figure in cell {position} is not kept: it is no picture, or too large"] = None
        elif len(picture) > self.left["figures"]:
            self.notes[f"figures from cell {position} on are not kept: together they are too large"] = None
            self.left["figures"] = 0
            return None
        else:
            self.left["figures"] -= len(picture)
        return picture

    # --- limits -----------------------------------------------------------------------------------------------------

    def _cuts(self) -> Iterator[str]:
        if self.long:
            names = ", ".join(list(self.long)[:MAX_NAMED]) + (" and others" if len(self.long) > MAX_NAMED else "")
            yield f"the student's text was cut to {MAX_TEXT:,} characters a cell: {names}"
        yield from self.pictures.notes[:MAX_NAMED]
        if len(self.pictures.notes) > MAX_NAMED:
            yield f"{len(self.pictures.notes) - MAX_NAMED} more pictures in text are not shown"

    def _raw(self, cell: SubmittedCell) -> Mapping[str, Any]:
        assert self.submitted is not None
        raw: Mapping[str, Any] = self.submitted["cells"][cell.position - 1]
        return raw

    def _within(self, budget: str, text: str, limit: int | None = None, cut: int = 0) -> str:
        """The text, or its beginning within what is left of a budget and a word on the rest. cut: of it already."""
        room = self.left[budget] if limit is None else min(limit, self.left[budget])
        if len(text) > room or cut:
            self.notes[f"the student's {budget} was cut: there is too much of it"] = None
            text = shortened(text, room, cut)
        self.left[budget] = max(0, self.left[budget] - len(text))
        return text


def _stream(text: str) -> dict[str, Any]:
    return {"output_type": "stream", "name": "stdout", "text": text}


def _printed(text: str) -> str:
    """What a terminal would show of printed text: no colours, and of a line that was written over the last version."""
    lines = _ANSI.sub("", text).replace("\r\n", "\n").split("\n")
    return visible("\n".join(line.rstrip("\r").rpartition("\r")[2] for line in lines))


def _what(cell: SubmittedCell) -> str:
    """What a cell is that is shown beside the course's own of its id."""
    released = cell.released
    if released is None:
        return ""
    if released.kind is CellKind.TEXT:
        return ", typed into the text above"
    if released.kind.is_answer:
        return f", which has the id of {released.id} too"
    return f", another version of {released.id}, not graded"


def _code_elsewhere(why: str, items: list[Outside], beyond: int) -> str:
    """Instead of code that is not written: why, or in which cells the student's own stands, each shown in its place."""
    lines = [visible(why)] if why else ["Nothing is written in this cell."]
    lines += [f"Of the student's own near it: {_cells(items[:MAX_QUOTED])}."] if items else []
    lines += [missing(beyond, "cell")] if beyond else []
    return "\n".join(f"# {' '.join(line.split())}" for line in lines)


def _cells(items: Iterable[Outside]) -> str:
    return ", ".join(f"cell {item.cell.position}" for item in items)


def _locked(staff_cell: Mapping[str, Any]) -> bool:
    settings = staff_cell.get("metadata", {}).get("nbgrader", {})
    return bool(settings.get("locked"))
