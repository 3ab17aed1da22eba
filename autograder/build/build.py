"""From sources to products: assignments/<name> to source/<name> and release/<name>."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from autograder.assignment.load import load_assignment
from autograder.assignment.model import Assignment
from autograder.assignment.notebook_source import SETUP_ID
from autograder.build import instructor_notebook, leaks, release_files, student_notebook
from autograder.build.on_disk import Difference, DifferenceKind, Products
from autograder.errors import AutograderError, EditedByHand, Leak, Stale
from autograder.files import write_atomically


@dataclass(frozen=True)
class Build:
    """Everything a build makes. ``files``: path under the course's root to content; ``archive``: the support zip.

    ``copies``: which of the files stand elsewhere as well, so that git ignores them.
    """

    assignment: Assignment
    files: dict[str, bytes]
    copies: frozenset[str]
    archive: bytes


def make(assignment: Assignment) -> Build:
    """Build in memory, and search the release for leaks. Nothing is written."""
    copied = release_files.copies(assignment)
    release = copied | release_files.written(assignment)
    archive = release_files.support_archive(release)
    setup = release_files.setup_cell(assignment, archive)
    sources = {p.notebook_file: instructor_notebook.notebook(assignment, p, setup) for p in assignment.problems}
    notebooks = student_notebook.release_notebooks(assignment.name, sources)
    _check_against_manifest(assignment, notebooks)
    release = dict(sorted((release | notebooks).items()))
    if found := leaks.find(assignment, release):
        text = "\n".join(f"release/{assignment.name}/{line}" for line in found)
        raise Leak(
            f"{text}\nNothing was written. Take it out of what is released. A line that may be public "
            f"goes into public_lines in assignments/{assignment.name}/assignment.toml."
        )
    released = assignment.release.relative_to(assignment.root).as_posix()
    source = assignment.source.relative_to(assignment.root).as_posix()
    files = {f"{source}/{file}": text.encode() for file, text in sources.items()}
    files |= {f"{source}/{place}": data for place, data in assignment.pictures.items()}
    files |= {f"{released}/{path}": data for path, data in release.items()}
    copies = frozenset(f"{released}/{path}" for path in copied) | {f"{source}/{place}" for place in assignment.pictures}
    return Build(assignment, files, copies, archive)


def build(name: str, root: Path, *, force: bool = False) -> tuple[Build, list[Difference]]:
    """Bring source/<name> and release/<name> up to date; returns the build and what changed.

    EditedByHand, with the difference, where a product was changed since it was built, unless `force`.
    """
    assignment = load_assignment(name, root)
    stamp_hidden_tests(assignment)
    made = make(assignment)
    products = Products(assignment)
    changes = products.differences(made.files)
    edited = [change.path for change in changes if change.kind in (DifferenceKind.EDITED, DifferenceKind.EXTRA)]
    if edited and not force:
        shown = "\n".join(products.diff(path, made.files) for path in edited)
        raise EditedByHand(
            f"{shown}\n{_count(edited)} changed by hand since the build: {', '.join(edited)}. "
            f"Put the change into assignments/{name}, then run: autograder build {name} --force"
        )
    if changes:
        products.swap(made.files)
    return made, changes


def check(name: str, root: Path) -> Build:
    """The build, where the products are what the sources build; else Stale, naming each file and the repairing command.

    Copies that git ignores may be absent, as in a fresh clone.
    """
    assignment = load_assignment(name, root)
    lines = [_unstamped(assignment, path) for path in unstamped_tests(assignment)]
    made = make(assignment)
    lines += [_verdict(assignment, change) for change in Products(assignment).differences(made.files, made.copies)]
    if lines:
        raise Stale("\n".join(lines))
    return made


def write_archive(made: Build, folder: Path) -> Path:
    """Write the support archive that the set-up cell of a notebook can fetch; returns its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / release_files.archive_name(made.assignment)
    write_atomically(path, made.archive)
    return path


def unstamped_tests(assignment: Assignment) -> list[Path]:
    """Hidden test files without the assignment's canary."""
    files = [problem.hidden_tests for problem in assignment.problems if problem.hidden_tests.is_file()]
    return [path for path in files if assignment.canary not in path.read_text(encoding="utf-8")]


def stamp_hidden_tests(assignment: Assignment) -> None:
    """Write the canary as the first line of every hidden test file that lacks it."""
    for path in unstamped_tests(assignment):
        text = path.read_text(encoding="utf-8")
        write_atomically(path, f"# {assignment.canary}: not to be published\n{text}".encode())


def _check_against_manifest(assignment: Assignment, notebooks: dict[str, bytes]) -> None:
    """The manifest is made without nbgrader: both must agree on every cell."""
    for notebook in assignment.manifest.notebooks:
        released = json.loads(notebooks[notebook.file])["cells"]
        texts = [(cell["id"], "".join(cell["source"])) for cell in released if cell["id"] != SETUP_ID]
        if texts != [(cell.id, cell.source) for cell in notebook.cells if cell.id != SETUP_ID]:
            raise AutograderError(f"{notebook.file}: nbgrader's release differs from the manifest; report this")


def _verdict(assignment: Assignment, change: Difference) -> str:
    name = assignment.name
    if change.kind in (DifferenceKind.EDITED, DifferenceKind.EXTRA):
        done = "was edited by hand" if change.kind == DifferenceKind.EDITED else "is no part of the build"
        return f"{change.path} {done}. Put it into assignments/{name}, then run: autograder build {name} --force"
    part = next((p.name for p in assignment.problems if change.path.endswith(p.notebook_file)), "")
    place = f"assignments/{name}/{part}".rstrip("/")
    state = "is missing" if change.kind == DifferenceKind.MISSING else f"is not what {place} builds"
    return f"{change.path} {state}. Run: autograder build {name}"


def _unstamped(assignment: Assignment, path: Path) -> str:
    return f"{path.relative_to(assignment.root)} lacks its canary line. Run: autograder build {assignment.name}"


def _count(paths: list[str]) -> str:
    return "One product was" if len(paths) == 1 else f"{len(paths)} products were"
