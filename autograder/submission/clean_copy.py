"""The notebook that markers and students see: the staff's copy with the student's answers put in.

Cells that are the student's to fill keep the student's text; every other cell is the staff's. What else the student
wrote follows the staff cell that it stood behind, under a label. All metadata is the staff's. Outputs are figures,
drawn anew, and plain text.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from autograder.submission.images import reencode
from autograder.submission.markdown import harmless, visible
from autograder.submission.read import SubmittedNotebook
from kit.cells import MAX_SOURCE
from kit.manifest import Cell, CellKind
from kit.notebooks import Reading, SubmittedCell, source_of

OWN = "own"
MAX_CELL_TEXT = 10_000
MAX_FIGURES = 60
MAX_OWN = 300
# Characters, for one notebook: what the student wrote as code, as text, printed, and drew.
BUDGETS = {"code": 1_000_000, "text": 100_000, "output": 200_000, "figures": 16_000_000}

_ANSI = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b.")


@dataclass(frozen=True, slots=True)
class CleanCopy:
    """A notebook with nothing active in it, and what was left out of it."""

    notebook: dict[str, Any]
    notes: tuple[str, ...]


def clean_copy(staff: Mapping[str, Any], submitted: SubmittedNotebook) -> CleanCopy:
    """Put a student's work into the staff's copy of a released notebook, given as JSON."""
    return _Copier(staff, submitted.content, submitted.reading).copy()


@dataclass
class _Copier:
    staff: Mapping[str, Any]
    submitted: Mapping[str, Any] | None
    reading: Reading
    left: dict[str, int] = field(default_factory=lambda: dict(BUDGETS))
    figures: int = 0
    shown: int = 0
    notes: dict[str, None] = field(default_factory=dict)

    def copy(self) -> CleanCopy:
        used = self._used()
        own = self._own(used)
        cells: list[dict[str, Any]] = []
        for place, staff_cell in enumerate(self.staff["cells"]):
            if place == 0:
                cells += self._labelled(own.get(None, []))
            name = staff_cell.get("id")
            cells.append(self._filled(staff_cell, used.get(name)))
            cells += self._labelled(own.get(name, []))
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
        taken = {cell.position for cell in used.values()}
        own: dict[str | None, list[SubmittedCell]] = {}
        behind: str | None = None
        for cell in self.reading.cells:
            if cell.released is not None and cell.released.id in staff:
                behind = cell.released.id
            known = {staff.get(behind, "").strip(), cell.released.source.strip()} if cell.released else set()
            if cell.position not in taken and cell.source.strip() and cell.source.strip() not in known:
                own.setdefault(behind, []).append(cell)
        return own

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
        elif self._raw(cell).get("cell_type") == "markdown":
            filled["source"] = self._text(cell, cell.released)
        else:
            filled["source"] = self._verbatim(cell)
        return filled

    def _code(self, cell: SubmittedCell) -> str:
        return self._within("code", visible(cell.source), MAX_SOURCE)

    def _text(self, cell: SubmittedCell, released: Cell | None = None) -> str:
        if released is not None and cell.source == released.source:
            return cell.source
        return self._within("text", harmless(cell.source))

    def _verbatim(self, cell: SubmittedCell) -> str:
        """Text that was not Markdown, as a block of code in Markdown."""
        lines = harmless(cell.source).split("\n")
        return self._within("text", "\n".join("    " + line for line in lines))

    # --- the student's own cells ------------------------------------------------------------------------------------

    def _labelled(self, own: list[SubmittedCell]) -> Iterator[dict[str, Any]]:
        for cell in own:
            self.shown += 1
            if self.shown > MAX_OWN:
                self.notes[f"only the first {MAX_OWN} of the student's own cells are shown"] = None
                return
            kind = self._raw(cell).get("cell_type")
            again = f", another version of {_name(cell.released)}, not graded" if cell.released is not None else ""
            label = f"*The student's own, cell {cell.position}{again}:*"
            if kind == "code":
                yield self._new(cell, "label", "markdown", label)
                yield self._new(cell, "cell", "code", self._code(cell)) | {
                    "outputs": self._outputs(cell),
                    "execution_count": None,
                }
            else:
                text = self._text(cell) if kind == "markdown" else self._verbatim(cell)
                yield self._new(cell, "cell", "markdown", f"{label}\n\n{text}")

    def _new(self, cell: SubmittedCell, part: str, cell_type: str, source: str) -> dict[str, Any]:
        name = f"students-{part}-{cell.position}"
        return {"cell_type": cell_type, "id": name, "metadata": {"kit": {"role": OWN}}, "source": source}

    # --- outputs ----------------------------------------------------------------------------------------------------

    def _outputs(self, cell: SubmittedCell) -> list[dict[str, Any]]:
        outputs: list[dict[str, Any]] = []
        room = MAX_CELL_TEXT
        for output in self._raw(cell).get("outputs", []):
            if "image" in output and (picture := self._figure(output["image"], cell.position)):
                outputs.append({"output_type": "display_data", "data": {"image/png": picture}, "metadata": {}})
            elif output.get("text") and room > 0:
                text = self._within("output", _printed(output["text"]), room)
                room -= len(text)
                outputs.append({"output_type": "stream", "name": "stdout", "text": text})
        return outputs

    def _figure(self, text: str, position: int) -> str | None:
        if not self.left["figures"]:
            return None
        if self.figures >= MAX_FIGURES:
            self.notes[f"at most {MAX_FIGURES} figures are kept"] = None
            return None
        self.figures += 1
        picture = reencode(text)
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

    def _raw(self, cell: SubmittedCell) -> Mapping[str, Any]:
        assert self.submitted is not None
        raw: Mapping[str, Any] = self.submitted["cells"][cell.position - 1]
        return raw

    def _within(self, budget: str, text: str, limit: int | None = None) -> str:
        """The text, cut to what is left of a budget."""
        room = self.left[budget] if limit is None else min(limit, self.left[budget])
        if len(text) > room:
            self.notes[f"the student's {budget} was cut: there is too much of it"] = None
            text = text[:room] + "\n… (cut)"
        self.left[budget] = max(0, self.left[budget] - len(text))
        return text


def _printed(text: str) -> str:
    """What a terminal would show of printed text: no colours, and of a line that was written over the last version."""
    lines = _ANSI.sub("", text).replace("\r\n", "\n").split("\n")
    return visible("\n".join(line.rstrip("\r").rpartition("\r")[2] for line in lines))


def _name(released: Cell) -> str:
    return "the text above" if released.kind is CellKind.TEXT else released.id


def _locked(staff_cell: Mapping[str, Any]) -> bool:
    settings = staff_cell.get("metadata", {}).get("nbgrader", {})
    return bool(settings.get("locked"))
