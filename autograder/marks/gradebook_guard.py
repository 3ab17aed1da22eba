"""Whether a gradebook is still the one that was written last: one that was emptied or replaced is not taken for new."""

from __future__ import annotations

from pathlib import Path

from autograder.course_folders import CourseFolders
from autograder.errors import BadInput
from autograder.marks.gradebook_reader import CellMarks, read_gradebook

Marks = dict[str, dict[str, CellMarks]]


def backups(database: Path) -> list[Path]:
    """The backups of a gradebook, the newest last."""
    return sorted(database.parent.glob(f"{database.name}.*.bak"))


def check(database: Path, assignment: str, course: CourseFolders) -> list[str]:
    """Marks of the last backup that are gone, a line for each. BadInput where nobody who was in the gradebook still is.

    Who was in it is told by the backups and by the notebooks that were put beside it for the markers.
    """
    now = _read(database, assignment)
    backup, before = _last(database, assignment)
    known = before.keys() | _with_notebooks(database, assignment, course)
    if known and not known & now.keys():
        raise BadInput(_replaced(database, assignment, len(known), backup))
    return [] if backup is None else _gone(before, now, backup)


def _with_notebooks(database: Path, assignment: str, course: CourseFolders) -> set[str]:
    """Whose notebooks lie in autograded/, where that belongs to this gradebook."""
    if database.resolve() != course.gradebook.resolve():
        return set()
    return {path.parents[1].name for path in course.autograded.glob(f"*/{assignment}/*.ipynb")}


def _last(database: Path, assignment: str) -> tuple[Path | None, Marks]:
    """The newest backup that holds anybody of this assignment."""
    for backup in reversed(backups(database)):
        if marks := _read(backup, assignment):
            return backup, marks
    return None, {}


def _read(database: Path, assignment: str) -> Marks:
    """Nobody, where the file holds no gradebook."""
    try:
        return read_gradebook(database, assignment)
    except BadInput:
        return {}


def _gone(before: Marks, now: Marks, backup: Path) -> list[str]:
    return [
        f"{student}: {cell} had a mark of {mark.manual:g} in {backup.name} and has none now"
        for student, cells in before.items()
        for cell, mark in cells.items()
        if mark.manual is not None and now.get(student, {}).get(cell, CellMarks()).manual is None
    ]


def _replaced(database: Path, assignment: str, count: int, backup: Path | None) -> str:
    who = "1 student" if count == 1 else f"{count} students"
    restore = f"restore {backup}" if backup is not None else "restore it from a copy of yours (there is no backup)"
    return (
        f"{database} holds nothing of the {who} whose scores and marks for {assignment} it held: it was emptied or "
        f"replaced. Nothing was changed: {restore}. To begin a new one, move autograded/ and {database.name}.*.bak away"
    )
