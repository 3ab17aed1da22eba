"""From sources to products: assignments/<name> to source/<name> and release/<name>."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from autograder.assignment.load import load_assignment
from autograder.assignment.model import Assignment
from autograder.assignment.notebook_source import SETUP_ID
from autograder.assignment.repeatable import refuse_chance
from autograder.build import instructor_notebook, leaks, needs, release_files, student_notebook
from autograder.build.as_built import MANIFEST
from autograder.build.canaries import shared_canary
from autograder.build.on_disk import BY_HAND, Difference, DifferenceKind, Products
from autograder.build.released_content import require_version
from autograder.course_folders import CourseFolders
from autograder.errors import AutograderError, CourseError, EditedByHand, Leak, Stale
from autograder.files import write_atomically
from kit.manifest import Manifest

_STAMP = re.compile(r"\A# \S+: not to be published\n")


@dataclass(frozen=True)
class Build:
    """Everything a build makes. ``files``: path under the course's root to content; ``archive``: the support zip.

    ``copies``: which of the files stand elsewhere as well, so that git ignores them.
    """

    assignment: Assignment
    files: dict[str, bytes]
    copies: frozenset[str]
    archive: bytes

    @property
    def released(self) -> dict[str, bytes]:
        """What students get: path in the release to content."""
        prefix = f"{self.assignment.release.relative_to(self.assignment.root).as_posix()}/"
        return {path.removeprefix(prefix): data for path, data in self.files.items() if path.startswith(prefix)}


def make(assignment: Assignment) -> Build:
    """Build in memory, and search the release for leaks. Nothing is written.

    CourseError where another set has the canary, or a name or package is missing that the release uses,
    or a test is left to chance.
    """
    if (shared := shared_canary(assignment)) is not None:
        raise CourseError(shared)
    refuse_chance(assignment)
    copied = release_files.copies(assignment)
    release = copied | release_files.written(assignment)
    if missing := needs.complaints(assignment, release):
        raise CourseError("\n".join(missing))
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

    EditedByHand, with the difference, where a product was changed since it was built, unless `force` or by git, which
    has merged it or left a conflict in it.
    """
    assignment = load_assignment(name, root)
    stamp_hidden_tests(assignment)
    made = make(assignment)
    require_version(assignment, made.released)
    products = Products(assignment)
    changes = products.differences(made.files)
    edited = [change.path for change in changes if change.kind in BY_HAND]
    if edited and not force:
        shown = "\n".join(products.diff(path, made.files) for path in edited)
        raise EditedByHand(
            f"{shown}\n{_count(edited)} changed by hand since the build: {', '.join(edited)}. "
            f"Put the change into assignments/{name}, then run: autograder build {name} --force"
        )
    if changes:
        products.swap(made.files)
    return made, changes


def built_before(name: str, root: Path) -> Manifest | None:
    """The manifest that the last build wrote; None where there is none that can be read."""
    try:
        return Manifest.read(CourseFolders(root).release / name / MANIFEST)
    except (OSError, ValueError):
        return None


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
    """Write the canary as the first line of every hidden test file that lacks it, in place of another set's."""
    for path in unstamped_tests(assignment):
        text = _STAMP.sub("", path.read_text(encoding="utf-8"))
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
    if change.kind == DifferenceKind.CONFLICT:
        return f"{change.path} holds a merge conflict. Run: autograder build {name}, then git add {change.path}"
    if change.kind in BY_HAND:
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
