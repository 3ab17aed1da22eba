"""Which of several copies of one notebook counts.

1. A copy in which nothing is written never counts while another has something; neither does one out of a backup that
   `kit update` made.
2. The latest counts, where the times of all written copies are known by the same word: a time in the name of the file,
   its archive or its folder (`ps3_2026-11-28T10-00-00`, and what learning platforms and `nbgrader zip_collect` write);
   a timestamp.txt in its folder; the time of saving that a zip or tar file holds for each member. The times of files
   in the submission's folder are not looked at: copying and collecting change them. Neither are two kinds of times
   compared, which may come from two clocks.
3. Else the copy in which more exercises and answers are written.
4. Else the later download ("x (1)" after "x"), then the one with more text of the student's own, then the released
   name, then the last name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any

from autograder.submission.notebook_file import NotebookFile
from autograder.submission.received import shown
from kit import copies
from kit.manifest import Notebook
from kit.notebooks import SubmittedCell
from kit.python_version import made_with
from kit.reading import Reading, read_cells

MAX_NAMED = 5
CLOCKS = ("name", "timestamp.txt", "zip", "tar")
_MOMENT = re.compile(
    r"(?<!\d)(20\d\d)[-_.]?([01]\d)[-_.]?([0-3]\d)"
    r"(?:(?:[T_ .-]|, | at )?([0-2]\d)[-_:.h]?([0-5]\d)(?:[-_:.]?([0-5]\d))?)?(?!\d)"
)


@dataclass(frozen=True)
class Candidate:
    """A file that could be one of the released notebooks. times, archives: as in received.Item. path: empty where no
    such file was handed in, and it is made of what earlier versions had in another.

    agrees_with: the version with whose text it agrees, where it does not say for which it was made.
    """

    path: str
    book: Notebook
    file: NotebookFile
    cells: tuple[SubmittedCell, ...]
    times: Mapping[str, datetime]
    archives: tuple[str, ...] = ()
    agrees_with: str | None = None

    @cached_property
    def reading(self) -> Reading:
        return read_cells(self.book, self.cells, made_with(self.file.raw))

    @cached_property
    def parts(self) -> frozenset[str]:
        return copies.written(self.reading)

    @property
    def written(self) -> int:
        return len(self.parts)

    @cached_property
    def own_text(self) -> int:
        return copies.own_text(self.reading)

    @property
    def is_touched(self) -> bool:
        return self.written > 0 or self.own_text > 0

    @property
    def version(self) -> str | None:
        """The version of the set that the notebook was made for: by its own word, else by its text."""
        version = course_mark(self.file.raw).get("version")
        return version if isinstance(version, str) else self.agrees_with


def course_mark(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the course wrote into the metadata of a released notebook: assignment, problem, version."""
    metadata = raw.get("metadata")
    mark = metadata.get("kit") if isinstance(metadata, dict) else None
    return mark if isinstance(mark, dict) else {}


def choose(candidates: list[Candidate]) -> tuple[Candidate | None, list[str]]:
    """The copy that counts, and notes on the others."""
    if not candidates:
        return None, []
    same = _same(candidates)
    different = [_together(group) for group in same]
    clock = _common_clock(different)
    ranked = sorted(different, key=lambda copy: _rank(copy, clock), reverse=True)
    best = ranked[0]
    notes = [_taken(ranked, clock)] if len(ranked) > 1 else []
    again = [other.path for group in same for other in group if group[0].path == best.path][1:]
    if again:
        notes.append(f"{best.book.file}: {_list(map(shown, again))}: the same as {shown(best.path)}")
    if not notes and best.path != best.book.file and not best.archives:
        notes.append(f"{best.book.file} was found under the name {shown(best.path)}")
    return best, notes


def moment_in(path: str) -> datetime | None:
    """The time in the name of a file, else of the nearest archive or folder; None where there is none."""
    for part in reversed(path.split("/")):
        for match in reversed(list(_MOMENT.finditer(part))):
            try:
                return datetime(*(int(number or 0) for number in match.groups()))  # type: ignore[arg-type]
            except ValueError:
                continue
    return None


def _same(candidates: Iterable[Candidate]) -> list[list[Candidate]]:
    """Groups of equal content, in each the released name first, then what lies outside archives."""
    groups: list[list[Candidate]] = []
    for candidate in sorted(candidates, key=lambda one: (one.path != one.book.file, len(one.archives), one.path)):
        group = next((group for group in groups if group[0].file.kept == candidate.file.kept), None)
        if group is None:
            groups.append([candidate])
        else:
            group.append(candidate)
    return groups


def _together(group: list[Candidate]) -> Candidate:
    """One of equal copies, with the latest of their times."""
    times: dict[str, datetime] = {}
    for copy in group:
        for clock, moment in _times(copy).items():
            times[clock] = max(moment, times.get(clock, moment))
    first = group[0]
    return first if times == dict(first.times) else replace(first, times=times)  # a new one would be read again


def _times(copy: Candidate) -> dict[str, datetime]:
    moment = moment_in(copy.path)
    return {**copy.times, **({"name": moment} if moment is not None else {})}


def _common_clock(candidates: Iterable[Candidate]) -> str | None:
    """By whose word the written copies can be put in order."""
    written = [copy for copy in candidates if copy.written]
    written = [copy for copy in written if not copies.is_backup(copy.path)] or written
    for clock in CLOCKS:
        if all(clock in copy.times for copy in written) and len({copy.times[clock] for copy in written}) > 1:
            return clock
    return None


def _rank(copy: Candidate, clock: str | None) -> tuple[Any, ...]:
    return copies.rank(copy.path, copy.reading, copy.times.get(clock, datetime.min) if clock else datetime.min)


def _taken(ranked: list[Candidate], clock: str | None) -> str:
    best, *others = ranked
    total = sum(cell.kind.is_solution for cell in best.book.cells)
    named = [f"{shown(copy.path)} ({_amount(copy)})" for copy in others]
    text = (
        f"{best.book.file}: {shown(best.path)} was taken ({_why(best, others, clock)}; "
        f"{best.written} of {total} parts written), not {_list(named)}"
    )
    elsewhere = [name for name in _in_order(best.book, others) if name not in best.parts]
    holding = [shown(copy.path) for copy in others if not copy.parts <= best.parts]
    return f"{text}. In {_list(holding)} alone are {_list(elsewhere)} written: look at it" if holding else text


def _in_order(book: Notebook, copies: Iterable[Candidate]) -> list[str]:
    """The parts that are written in some of these copies."""
    written = {name for copy in copies for name in copy.parts}
    return [cell.id for cell in book.cells if cell.id in written]


def _why(best: Candidate, others: list[Candidate], clock: str | None) -> str:
    if not any(copy.is_touched for copy in others):
        return "nothing is written in the others" if best.is_touched else "nothing is written in any"
    written = [copies.is_backup(copy.path) for copy in others if copy.written]
    if written and all(written) and not copies.is_backup(best.path):
        return "the other was kept by an update"
    if clock is not None and any(copy.written for copy in others):
        return f"the latest, {best.times[clock]:%Y-%m-%d %H:%M}"
    if all(best.written > copy.written for copy in others):
        return "more is written in it"
    if all(copies.download(best.path) > copies.download(copy.path) for copy in others):
        return "the later download"
    return "no other has more written"


def _amount(copy: Candidate) -> str:
    return str(copy.written) if copy.is_touched else "untouched"


def _list(names: Iterable[str]) -> str:
    names = list(names)
    more = f" and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else ""
    return ", ".join(names[:MAX_NAMED]) + more
