"""Marks of students who have nothing in the folder of submissions any more: most often it was renamed."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

from autograder.marks.gradebook_reader import read_gradebook
from autograder.results import ResultFolder


def remarks(database: Path, assignment: str, results: ResultFolder, students: Collection[str]) -> Iterator[str]:
    """A sentence for the marks of each student who is none of `students`, with who has handed in the same."""
    marked = {
        name: [f"{cell} has {' and '.join(mark.by_people)}" for cell, mark in cells.items() if mark.by_people]
        for name, cells in read_gradebook(database, assignment).items()
    }
    for name, given in sorted(marked.items()):
        if given and name not in students:
            same = _with_the_same_work(name, results, [other for other in students if not marked.get(other)])
            hint = f"; {same} has handed in the same: give the folder its old name" if same else ""
            yield f"{name}: {', '.join(given)}, kept, but {name}/{assignment}/ is gone: was it renamed?{hint}"


def _with_the_same_work(name: str, results: ResultFolder, others: Collection[str]) -> str | None:
    before = results.read_unchecked(name)
    found = (other for other in others if (now := results.read_unchecked(other)) and before is not None
             and now.submission == before.submission)  # fmt: skip
    return next(found, None)
