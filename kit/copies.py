"""Which of several copies of one notebook has more in it: the same rule in the preview and at grading."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from kit.manifest import CellKind
from kit.notebooks import is_written
from kit.reading import Reading


def written(reading: Reading) -> frozenset[str]:
    """The exercises and written answers in which something is written."""
    extraction = reading.extraction
    exercises = {cell.id for cell in reading.notebook.cells if cell.kind is CellKind.EXERCISE}
    answers = {name for name, cell in reading.answers.items() if is_written(cell)}
    return frozenset(exercises - extraction.missing - extraction.stubs | answers)


def own_text(reading: Reading) -> int:
    """How many characters stand in cells that are not as released."""
    released = {cell.source.strip() for cell in reading.notebook.cells}
    return sum(
        len(cell.source.strip())
        for cell in reading.cells
        if cell.source.strip() not in released and (cell.released is None or cell.released.source)
    )


def download(path: str) -> int:
    """The number that a browser gives a second download of the same name; 0 for the first."""
    return max((int(number) for number in re.findall(r" ?\((\d{1,3})\)", path, re.ASCII)), default=0)


def backup_stem(assignment: str, version: str) -> str:
    """How the names of the backups begin that an update of a version makes; a number and .zip follow."""
    return f"{assignment}-{version}-backup"


def is_backup(path: str) -> bool:
    """Whether it lies in a backup that an update made, packed or unpacked: the student has gone on from it."""
    return any(re.search(r"-backup-\d{1,6}\b", part, re.ASCII) for part in path.split("/"))


def rank(path: str, reading: Reading, moment: datetime = datetime.min) -> tuple[Any, ...]:
    """What copies are ordered by: the highest counts; a backup only where nothing else is written.

    moment: where the times of all written copies are known.
    """
    count = len(written(reading))
    names = [_by_name(part) for part in path.split("/")]
    return (
        count > 0,
        not is_backup(path),
        moment,
        count,
        download(path),
        own_text(reading),
        path == reading.notebook.file,
        names,
    )


def _by_name(name: str) -> list[tuple[bool, int, str]]:
    """A key that sorts names as people do: numbers by their value."""
    stem, _, suffix = name.rpartition(".")
    parts = [*re.findall(r"\d{1,18}|\D+", stem, re.ASCII), suffix]
    return [(part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in parts]
