"""Reads a submission: from an untrusted folder to the notebooks that grading may use.

Of several files that could be one notebook the released name wins, unless nothing is written in that file while
another has answers; else the one with the most answers; else the last by name (Copy10 after Copy2). A file belongs to
the notebook whose cells it holds, whatever it is called. A zip file (`python -m kit pack`) is opened only for
notebooks that are not in the folder itself.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from autograder.submission import exchange_files
from autograder.submission.alterations import compare
from autograder.submission.archive import open_archive
from autograder.submission.folder import Received, receive, shown
from autograder.submission.notebook_file import NotANotebook, NotebookFile, parse_notebook
from kit.manifest import Manifest, Notebook
from kit.notebooks import (
    Extraction,
    Reading,
    SubmittedCell,
    is_written,
    read_cells,
    read_notebook,
    submitted_cells,
    which_notebook,
)
from kit.python_version import made_with

MAX_NAMED = 5


@dataclass(frozen=True)
class SubmittedNotebook:
    """One notebook of a submission, read once for grading, for the clean copy and for nbgrader.

    content: the accepted JSON; None where there is no notebook, which reads as one without cells.
    """

    content: dict[str, Any] | None
    reading: Reading


@dataclass(frozen=True)
class Submission:
    """An accepted submission.

    notebooks: by released file name, one for each released notebook.
    problems: released file name to the reason why that notebook cannot be graded. A notebook that was not handed in
    is no problem (its exercises are not written), unless a file that could not be read may have been it.
    digest: of the accepted notebooks, of `problems` and of what is written for a newer Python.
    unchanged: plain nbgrader may take the folder as it is.
    """

    student: str
    notebooks: dict[str, SubmittedNotebook]
    problems: dict[str, str]
    notes: tuple[str, ...]
    digest: str
    unchanged: bool

    @property
    def extractions(self) -> dict[str, Extraction]:
        """What of each notebook runs at grading, by problem."""
        readings = [notebook.reading for notebook in self.notebooks.values()]
        return {reading.notebook.problem: reading.extraction for reading in readings}


@dataclass(frozen=True)
class _Candidate:
    """A file that could be one of the released notebooks."""

    name: str
    file: NotebookFile
    cells: tuple[SubmittedCell, ...]
    archive: str = ""

    @cached_property
    def written(self) -> int:
        """In how many exercises and written answers something is written."""
        return len({cell.released.id for cell in self.cells if cell.released is not None and is_written(cell)})


def read_submission(folder: Path, manifest: Manifest, *, student: str | None = None) -> Submission:
    """Read submitted/<student>/<assignment>.

    Raises FileNotFoundError if there is no such folder. Nothing in it raises: what cannot be accepted is in the
    notes, and in `problems` if a notebook cannot be graded for it.
    """
    received = receive(folder, [book.file for book in manifest.notebooks])
    refused = dict(received.refused)
    candidates = _candidates(received, manifest, refused)
    notes = list(received.notes)
    if not all(candidates[book.file] for book in manifest.notebooks):
        _add_archived(folder, received.archives, manifest, candidates, refused, notes)
    else:
        received.others += [shown(name) for name in received.archives]
    chosen = {book.file: _choose(book, candidates[book.file], notes) for book in manifest.notebooks}
    problems = _problems(manifest, chosen, refused, received)
    notes += _refusals(refused, problems)
    notebooks = {book.file: _submitted(book, chosen[book.file]) for book in manifest.notebooks}
    too_new = {name: why for own in notebooks.values() for name, why in own.reading.extraction.newer.items()}
    unchanged = received.plain and not refused
    for book in manifest.notebooks:
        candidate = chosen[book.file]
        if candidate is not None:
            alterations = compare(notebooks[book.file].reading, manifest, candidate.file)
            notes += [f"{book.file}: {note}" for note in (*candidate.file.remarks, *alterations.notes)]
            unchanged &= candidate.name == book.file and candidate.file.plain and not alterations.of_structure
        elif book.file not in problems:
            notes.append(f"{book.file} was not handed in")
    unchanged &= received.files.keys() <= chosen.keys() and exchange_files.timestamp(folder)[1] is None
    if received.others:
        notes.append(f"not kept: {_list(received.others)}")
    return Submission(
        student if student is not None else folder.absolute().parent.name,
        notebooks,
        problems,
        tuple(notes),
        digest({file: notebook.content for file, notebook in notebooks.items()} | problems | too_new),
        unchanged and any(chosen.values()),
    )


def _submitted(book: Notebook, candidate: _Candidate | None) -> SubmittedNotebook:
    if candidate is None:
        return SubmittedNotebook(None, read_notebook(book, None))
    reading = read_cells(book, candidate.cells, made_with(candidate.file.raw))
    return SubmittedNotebook(candidate.file.kept, reading)


def digest(notebooks: Mapping[str, Any]) -> str:
    """A hash of the accepted content: the same for the same cells, however the files were written or named.

    notebooks: each as accepted, None where it was not handed in, or why it cannot be read.
    """
    text = json.dumps(notebooks, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def _candidates(
    received: Received, manifest: Manifest, refused: dict[str, str], archive: str = ""
) -> dict[str, list[_Candidate]]:
    """Released file name to the files that could be it; what cannot be read goes into `refused`."""
    candidates: dict[str, list[_Candidate]] = {book.file: [] for book in manifest.notebooks}
    for name, data in received.files.items():
        try:
            file = parse_notebook(data)
        except NotANotebook as error:
            refused[name] = str(error)
            continue
        book = _belongs_to(name, file.raw, manifest)
        if book is None:
            received.others.append(f"{shown(name)} (no notebook of {manifest.assignment})")
        else:
            cells = submitted_cells(book, file.kept)
            candidates[book.file].append(_Candidate(name, file, cells, archive))
    return candidates


def _belongs_to(name: str, raw: Mapping[str, Any], manifest: Manifest) -> Notebook | None:
    """By the ids of its cells, else by the course's mark in its metadata, else by its name."""
    if (book := which_notebook(manifest, raw)) is not None:
        return book
    metadata = raw.get("metadata")
    mark = metadata.get("kit") if isinstance(metadata, dict) else None
    if isinstance(mark, dict) and mark.get("assignment") == manifest.assignment:
        for book in manifest.notebooks:
            if book.problem == mark.get("problem"):
                return book
    return next((book for book in manifest.notebooks if book.file == name), None)


def _add_archived(
    folder: Path,
    archives: Iterable[str],
    manifest: Manifest,
    candidates: dict[str, list[_Candidate]],
    refused: dict[str, str],
    notes: list[str],
) -> None:
    """Fill what is missing from the folder's zip files; of several, the last by name comes first."""
    missing = [file for file, own in candidates.items() if not own]
    for name in sorted(archives, key=_by_name, reverse=True):
        inside = open_archive(folder, name)
        refused |= inside.refused
        notes += inside.notes
        archived = _candidates(inside, manifest, refused, name)
        used = [file for file in missing if archived[file] and not candidates[file]]
        for file in used:
            candidates[file] = archived[file]
        if used:
            notes.append(f"{_list(used)} read from the archive {shown(name)}")
        elif name not in refused:
            notes.append(f"not used: the archive {shown(name)}")


def _choose(book: Notebook, candidates: list[_Candidate], notes: list[str]) -> _Candidate | None:
    if not candidates:
        return None

    def rank(candidate: _Candidate) -> tuple[bool, bool, int, list[tuple[bool, int, str]]]:
        return candidate.written > 0, candidate.name == book.file, candidate.written, _by_name(candidate.name)

    best = max(candidates, key=rank)
    others = [shown(candidate.name) for candidate in candidates if candidate is not best]
    if others:
        notes.append(f"{book.file}: {shown(best.name)} was taken, not {_list(others)}")
    elif best.name != book.file:
        notes.append(f"{book.file} was found under the name {shown(best.name)}")
    return best


def _by_name(name: str) -> list[tuple[bool, int, str]]:
    """A key that sorts names as people do: numbers by their value, and "x (1).zip", a later download, after "x.zip"."""
    stem, _, suffix = name.rpartition(".")
    parts = [*re.findall(r"\d{1,18}|\D+", stem, re.ASCII), suffix]
    return [(part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in parts]


def _problems(
    manifest: Manifest,
    chosen: Mapping[str, _Candidate | None],
    refused: Mapping[str, str],
    received: Received,
) -> dict[str, str]:
    missing = [book.file for book in manifest.notebooks if chosen[book.file] is None]
    problems = {file: f"{file} cannot be read: {refused[file]}" for file in missing if file in refused}
    strays = [name for name in refused if name not in chosen]
    for file in missing:
        if file not in problems and strays:
            why = "; ".join(f"{shown(name)} cannot be read: {refused[name]}" for name in strays[:MAX_NAMED])
            problems[file] = f"{file} was not found, and {why}"
        elif file not in problems and len(missing) == len(manifest.notebooks):
            beside = f"; there are: {_list(received.others)}" if received.others else ""
            problems[file] = "; ".join([f"{file} was not found", *received.notes]) + beside
    return problems


def _refusals(refused: Mapping[str, str], problems: Mapping[str, str]) -> list[str]:
    notes = [f"{shown(name)} was not read: {why}" for name, why in refused.items()]
    more = [f"{len(notes) - MAX_NAMED} other files were not read"] if len(notes) > MAX_NAMED else []
    return notes[:MAX_NAMED] + more


def _list(names: list[str]) -> str:
    more = f" and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else ""
    return ", ".join(names[:MAX_NAMED]) + more
