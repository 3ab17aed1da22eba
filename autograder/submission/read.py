"""Reads a submission: from an untrusted folder to the notebooks that grading may use.

A file belongs to the notebook whose cells it holds, whatever it is called and wherever it lies: in the folder, below
it, in an archive (`intake`). Which of several copies counts is decided in `choose`. A notebook that is not there
counts as not handed in only where nothing is left that may be it; else it is a problem, with the file's name.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from autograder.submission import exchange_files, forms, older
from autograder.submission.alterations import compare
from autograder.submission.choose import Candidate, choose, course_mark
from autograder.submission.intake import receive
from autograder.submission.notebook_file import NotANotebook, NotebookFile, Room, parse_notebook
from autograder.submission.received import Leftover, NotebookBytes, Received, shown
from kit.cells import defined_names
from kit.manifest import Cell, CellKind, Manifest, Notebook, check_id
from kit.notebooks import MAX_CELLS, Extraction, source_of, submitted_cells, which_notebook
from kit.reading import Reading, read_notebook
from kit.weights import WeightsError, read_weights

MAX_NAMED = 5


@dataclass(frozen=True)
class SubmittedNotebook:
    """One notebook of a submission, read once for grading, for the clean copy and for nbgrader.

    content: the accepted JSON; None where there is no notebook, which reads as one without cells.
    version: of the set that it was made for, where it says so. not_held: exercises and written answers that were added
    to the set since, each with a sentence that says so.
    """

    content: dict[str, Any] | None
    reading: Reading
    version: str | None = None
    not_held: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Submission:
    """An accepted submission.

    notebooks: by released file name, one for each released notebook.
    problems: released file name to the reason why that notebook cannot be graded. A notebook that was not handed in
    is no problem (its exercises are not written), unless a file that could not be read may have been it.
    digest: of the accepted notebooks, of `problems`, of `not_held`, of what is written for a newer Python, and of
    `weights`: the content of each file of weights that was handed in, as it is, by name.
    lost_weights: of those that are asked for, what cannot be used, each with a sentence that says why.
    unchanged: plain nbgrader may take the folder as it is.
    """

    student: str
    notebooks: dict[str, SubmittedNotebook]
    problems: dict[str, str]
    notes: tuple[str, ...]
    digest: str
    unchanged: bool
    weights: Mapping[str, bytes] = field(default_factory=dict)
    lost_weights: Mapping[str, str] = field(default_factory=dict)

    @property
    def extractions(self) -> dict[str, Extraction]:
        """What of each notebook runs at grading, by problem."""
        readings = [notebook.reading for notebook in self.notebooks.values()]
        return {reading.notebook.problem: reading.extraction for reading in readings}

    @property
    def not_held(self) -> dict[str, str]:
        """Exercises and written answers that were added after the notebook's version, with the reason."""
        return {name: why for notebook in self.notebooks.values() for name, why in notebook.not_held.items()}


def read_submission(
    folder: Path, manifest: Manifest, *, student: str | None = None, earlier: Sequence[Manifest] = ()
) -> Submission:
    """Read submitted/<student>/<assignment>. earlier: versions of the set that were released before, the oldest first.

    Raises FileNotFoundError if there is no such folder. Nothing in it raises: what cannot be accepted is in the
    notes, and in `problems` if a notebook cannot be graded for it.
    """
    received = receive(folder, manifest)
    candidates = _candidates(received, manifest)
    choices = {book.file: choose(candidates[book.file]) for book in manifest.notebooks}
    chosen = older.with_versions({file: one for file, (one, _) in choices.items()}, manifest, earlier)
    absent = set(_absent(chosen, received, manifest))
    chosen, moves = older.adopted(chosen, manifest, absent)
    bases = {base.version: base for base in earlier}
    notebooks = {book.file: _submitted(book, chosen[book.file], manifest, bases) for book in manifest.notebooks}
    problems = _problems(manifest, chosen, received, bases)
    notes = [*received.limits, *(note for _, about in choices.values() for note in about), *_archives(chosen, received)]
    notes += moves
    notes += [*_versions(notebooks, chosen, manifest), *_refusals(received.refused, problems)]
    unchanged = received.plain and not received.refused and not moves
    for book in manifest.notebooks:
        candidate, notebook = chosen[book.file], notebooks[book.file]
        if candidate is not None and candidate.path:
            base = bases.get(notebook.version or manifest.version)
            alterations = compare(notebook.reading, manifest, candidate.file, notebook.not_held, base, notebook.version)
            notes += [f"{book.file}: {note}" for note in (*candidate.file.remarks, *alterations.notes)]
            unchanged &= candidate.path == book.file and candidate.file.plain and not alterations.of_structure
        elif book.file not in problems:
            notes.append(f"{book.file} was not handed in")
    unchanged &= received.files.keys() <= chosen.keys() and exchange_files.timestamp(folder)[1] is None
    weights = {name: next(iter(copies.values())) for name, copies in received.weights.items()}
    lost_weights = dict(_lost_weights(received, manifest))
    notes += [*lost_weights.values(), *_copies_of_weights(received)]
    if received.others:
        notes.append(f"not kept: {_list(received.others)}")
    return Submission(
        student if student is not None else folder.absolute().parent.name,
        notebooks,
        problems,
        tuple(notes),
        _digest(notebooks, problems, weights),
        unchanged and any(chosen.values()),
        weights,
        lost_weights,
    )


def _submitted(
    book: Notebook, candidate: Candidate | None, manifest: Manifest, bases: Mapping[str, Manifest]
) -> SubmittedNotebook:
    if candidate is None:
        return SubmittedNotebook(None, read_notebook(book, None))
    not_held = dict(_not_held(candidate, manifest, bases))
    return SubmittedNotebook(candidate.file.kept, candidate.reading, candidate.version, not_held)


def _not_held(candidate: Candidate, manifest: Manifest, bases: Mapping[str, Manifest]) -> Iterator[tuple[str, str]]:
    """What may stand beyond the cells that are read; and of what was made for another version, what is new since."""
    if candidate.file.kept.get("cut"):
        for exercise in sorted(candidate.reading.extraction.missing):
            yield exercise, f"{exercise} is not among the first {MAX_CELLS:,} cells, and no more are read"
    if candidate.version in (None, manifest.version):
        return
    base = bases.get(str(candidate.version))
    known = {cell.id for book in base.notebooks for cell in book.cells} if base is not None else set()
    cells = {cell.released.id for cell in candidate.cells if cell.released is not None}
    missing = candidate.reading.extraction.missing
    for cell in candidate.book.cells:
        is_gone = cell.id in missing and check_id(cell.id) not in cells or cell.kind.is_answer
        if cell.kind.is_solution and cell.id not in cells and is_gone and known.isdisjoint({cell.id, *cell.was}):
            added = "was added since" if base is not None else "may have been added since"
            yield (
                cell.id,
                f"{cell.id} is not in this notebook, which was made for version {shown(str(candidate.version))} "
                f"and not for {manifest.version}: it {added}",
            )
        elif base is not None and (asked := _asked_since(cell, candidate, manifest, base)):
            yield (
                cell.id,
                f"{cell.id} asks for {', '.join(asked)} since version {base.version}, for which this notebook was made",
            )


def _asked_since(cell: Cell, candidate: Candidate, manifest: Manifest, base: Manifest) -> list[str]:
    """The names that an exercise asks for and did not in the base, where the notebook does not define them."""
    if cell.kind is not CellKind.EXERCISE:
        return []
    before = {name for item in base.exercises if item.id in (cell.id, *cell.was) for name in item.names}
    asked = [name for name in manifest.exercise(cell.id).names if name not in before] if before else []
    code = [one.source for one in candidate.cells if one.is_code]
    return asked if asked and not any(set(asked) & defined_names(source) for source in code) else []


def _digest(
    notebooks: Mapping[str, SubmittedNotebook], problems: Mapping[str, str], weights: Mapping[str, bytes]
) -> str:
    not_held = {name: why for notebook in notebooks.values() for name, why in notebook.not_held.items()}
    too_new = {name: why for own in notebooks.values() for name, why in own.reading.extraction.newer.items()}
    contents = {file: notebook.content for file, notebook in notebooks.items()}
    hashes = {name: hashlib.sha256(data).hexdigest() for name, data in weights.items()}
    return digest(contents | dict(problems) | not_held | too_new | hashes)


def digest(notebooks: Mapping[str, Any]) -> str:
    """A hash of the accepted content: the same for the same cells, however the files were written or named.

    notebooks: each as accepted, None where it was not handed in, or why it cannot be read.
    """
    text = json.dumps(notebooks, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


# --- which file is which notebook -----------------------------------------------------------------------------------


def _candidates(received: Received, manifest: Manifest) -> dict[str, list[Candidate]]:
    """Released file name to the files that could be it; what cannot be read goes into `refused`, the rest is left."""
    candidates: dict[str, list[Candidate]] = {book.file: [] for book in manifest.notebooks}
    room = Room()
    for path in list(received.files):
        _sort_in(path, candidates, received, manifest, room)
    _add_checkpoints(candidates, received, manifest, room)
    return candidates


def _sort_in(
    path: str, candidates: dict[str, list[Candidate]], received: Received, manifest: Manifest, room: Room
) -> None:
    """One file. What was read of it goes with this call: one notebook at a time is in memory twice."""
    found = received.files[path]
    received.files[path] = replace(found, data=b"")
    try:
        file = parse_notebook(found.data, room)
    except NotANotebook as error:
        received.refused[path] = forms.unread_bytes(found.data) or str(error)
        return
    book = _belongs_to(path, file, manifest)
    if book is None:
        _leave_strange(path, file, received, manifest)
    else:
        _leave_merged(path, book, file, received, manifest)
        candidates[book.file].append(_candidate(path, book, file, found))


def _candidate(path: str, book: Notebook, file: NotebookFile, found: NotebookBytes) -> Candidate:
    cells = submitted_cells(book, file.kept)
    return Candidate(path, book, file.without_contents(), cells, found.times, found.archives)


def _add_checkpoints(
    candidates: dict[str, list[Candidate]], received: Received, manifest: Manifest, room: Room
) -> None:
    """Where nothing is written in any copy of a notebook: what Jupyter kept of it, if something is written there."""
    lacking = {file for file, copies in candidates.items() if not any(copy.is_touched for copy in copies)}
    for path, found in list(received.checkpoints.items()):
        received.checkpoints[path] = replace(found, data=b"")
        if not lacking:
            continue
        try:
            file = parse_notebook(found.data, room)
        except NotANotebook:
            continue
        book = _belongs_to(path, file, manifest)
        if book is not None and book.file in lacking:
            candidate = _candidate(path, book, file, found)
            candidates[book.file] += [candidate] if candidate.is_touched else []


def _belongs_to(path: str, file: NotebookFile, manifest: Manifest) -> Notebook | None:
    """By the ids of its cells, else by the course's mark in its metadata, its code, its name."""
    if (book := which_notebook(manifest, file.raw)) is not None:
        return book
    mark = course_mark(file.raw)
    if mark.get("assignment") == manifest.assignment:
        for book in manifest.notebooks:
            if book.problem == mark.get("problem"):
                return book
    elif mark:
        return None
    return _by_code(file, manifest) or _by_name(path, manifest)


def _by_code(file: NotebookFile, manifest: Manifest) -> Notebook | None:
    """The notebook of which the most exercises are defined in a file whose ids are gone."""
    code = "\n".join(source_of(cell) for cell in file.kept["cells"] if cell["cell_type"] == "code")
    counts = [len(forms.defined(code, book, manifest)) for book in manifest.notebooks]
    best = max(counts, default=0)
    return manifest.notebooks[counts.index(best)] if best else None


def _by_name(path: str, manifest: Manifest) -> Notebook | None:
    names = forms.named(path.rpartition("/")[2], manifest)
    return next((book for book in manifest.notebooks if {book.file} == names), None)


def _leave_strange(path: str, file: NotebookFile, received: Received, manifest: Manifest) -> None:
    """A notebook that is none of the set's by anything it holds: another set's, or made by the student."""
    received.others.append(f"{shown(path)} (no notebook of {manifest.assignment})")
    if not course_mark(file.raw):
        received.left[path] = Leftover("it is a notebook that holds nothing of the set", frozenset())


def _leave_merged(path: str, book: Notebook, file: NotebookFile, received: Received, manifest: Manifest) -> None:
    """A file that is read as one notebook may hold another one's cells: all notebooks in one."""
    ids = {cell["metadata"].get("nbgrader", {}).get("grade_id") for cell in file.kept["cells"]}
    ids |= {cell.get("id") for cell in file.kept["cells"]}
    merged = {
        other.file
        for other in manifest.notebooks
        if other is not book and any(cell.id in ids for cell in other.cells if cell.kind.is_solution)
    }
    if merged:
        received.left[path] = Leftover(f"it holds several notebooks and counts as {book.file} alone", frozenset(merged))


# --- what is missing ------------------------------------------------------------------------------------------------


def _problems(
    manifest: Manifest, chosen: Mapping[str, Candidate | None], received: Received, bases: Mapping[str, Manifest]
) -> dict[str, str]:
    problems = {}
    for book in manifest.notebooks:
        candidate = chosen[book.file]
        if candidate is None:
            why = _why_not_found(book.file, received, manifest) or _made_before(book, chosen, manifest, bases)
        else:
            why = "" if candidate.is_touched or not candidate.path else _better_one(candidate, received, manifest)
        if why:
            problems[book.file] = why
    for file in chosen:
        if not any(chosen.values()) and file not in problems:
            beside = f"; there are: {_list(received.others)}" if received.others else ""
            problems[file] = f"{file} was not found{beside}"
    return problems


def _why_not_found(file: str, received: Received, manifest: Manifest) -> str:
    """Why a notebook that was not found may have been handed in all the same; empty where nothing is left over."""
    if file in received.refused:
        return f"{file} cannot be read: {received.refused[file]}"
    reasons = [*_may_be(file, received, manifest), *received.limits]
    return f"{file} was not found, and {'; '.join(reasons[:MAX_NAMED])}" if reasons else ""


def _absent(chosen: Mapping[str, Candidate | None], received: Received, manifest: Manifest) -> Iterator[str]:
    """The notebooks that nothing can be. One of an earlier version may hold what is in another since: it is read so."""
    read = {one.path for one in chosen.values() if one is not None and one.version not in (None, manifest.version)}
    rest = replace(received, left={path: left for path, left in received.left.items() if path not in read})
    for file, candidate in chosen.items():
        if candidate is None and not _why_not_found(file, rest, manifest):
            yield file


def _may_be(file: str, received: Received, manifest: Manifest) -> list[str]:
    """The files that were not read and may be this notebook, with the reason."""
    refused = {path: Leftover(why, forms.named(path, manifest)) for path, why in received.refused.items()}
    return [
        f"{shown(path)} cannot be read: {left.why}"
        for path, left in (refused | received.left).items()
        if not left.files or file in left.files
    ]


def _better_one(candidate: Candidate, received: Received, manifest: Manifest) -> str:
    """Where nothing is written in a notebook: what was not read, or not looked at, and may be another copy."""
    reasons = [*_may_be(candidate.book.file, received, manifest), *received.limits]
    untouched = f"nothing is written in {shown(candidate.path)}"
    return f"{untouched}, and {'; '.join(reasons[:MAX_NAMED])}" if reasons else ""


def _made_before(
    book: Notebook, chosen: Mapping[str, Candidate | None], manifest: Manifest, bases: Mapping[str, Manifest]
) -> str:
    """A notebook may have been added since the version that all others were made for."""
    versions = {candidate.version for candidate in chosen.values() if candidate is not None}
    if not versions or not versions.isdisjoint({None, manifest.version}):
        return ""
    known = [base for version, base in bases.items() if version in versions]
    if any(book.problem == one.problem for base in known for one in base.notebooks):
        return ""
    made = ", ".join(sorted(shown(str(version)) for version in versions))
    return (
        f"{book.file} was not found, and the others were made for version {made}, not for {manifest.version}: "
        "it may have been added since"
    )


# --- notes ----------------------------------------------------------------------------------------------------------


def _lost_weights(received: Received, manifest: Manifest) -> Iterator[tuple[str, str]]:
    """Each file of weights that grading cannot use, and why in a sentence."""
    for name in manifest.weights:
        copies = received.weights.get(name, {})
        refused = {path: why for path, why in received.weights_refused.items() if path.rpartition("/")[2] == name}
        why = _unusable(next(iter(copies.values()))) if copies else next(iter(refused.values()), "")
        if why:
            yield name, f"{name} cannot be used: {why}"
        elif not copies:
            yield name, f"{name} was not handed in"


def _copies_of_weights(received: Received) -> Iterator[str]:
    for name, copies in received.weights.items():
        if len(set(copies.values())) > 1:
            yield f"of {len(copies)} different files {name}, {shown(next(iter(copies)))} was taken"


def _unusable(data: bytes) -> str:
    try:
        read_weights(data)
    except WeightsError as error:
        return str(error)
    return ""


def _archives(chosen: Mapping[str, Candidate | None], received: Received) -> Iterator[str]:
    used: dict[str, list[str]] = {}
    for file, candidate in chosen.items():
        if candidate is not None and candidate.archives:
            used.setdefault(candidate.archives[-1], []).append(file)
    for archive, files in used.items():
        yield f"{_list(files)} read from the archive {shown(archive)}"
    for archive in sorted({found.archives[-1] for found in received.files.values() if found.archives}):
        if archive not in used:
            yield f"not used: the archive {shown(archive)}"


def _versions(
    notebooks: Mapping[str, SubmittedNotebook], chosen: Mapping[str, Candidate | None], manifest: Manifest
) -> Iterator[str]:
    for file, notebook in notebooks.items():
        candidate = chosen[file]
        if candidate is not None and candidate.path and notebook.version not in (None, manifest.version):
            yield f"{file} was made for version {shown(str(notebook.version))} of the set; this is {manifest.version}"
        yield from notebook.not_held.values()


def _refusals(refused: Mapping[str, str], problems: Mapping[str, str]) -> list[str]:
    notes = [f"{shown(name)} was not read: {why}" for name, why in refused.items()]
    more = [f"{len(notes) - MAX_NAMED} other files were not read"] if len(notes) > MAX_NAMED else []
    return notes[:MAX_NAMED] + more


def _list(names: Iterable[str]) -> str:
    names = list(names)
    more = f" and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else ""
    return ", ".join(names[:MAX_NAMED]) + more
