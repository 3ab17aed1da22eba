"""The fingerprint of everything that decides a score: where it is the same, a result need not be made again.

Nothing is listed by hand but whole packages, so that no limit, deadline or rule can be changed without it.
"""

from __future__ import annotations

import dataclasses
import hashlib
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from functools import cache
from importlib import metadata
from pathlib import Path

import autograder
import kit
from autograder.assignment import test_files
from autograder.assignment.kept_versions import earlier_versions
from autograder.assignment.model import Assignment
from kit.manifest import CellKind, Manifest

DECIDING = (CellKind.EXERCISE, CellKind.GIVEN)  # released cells that are run, or compared with an answer
DIGITS = 12  # enough to tell two versions of one thing apart
ENGINE = Path(autograder.__file__).parent
# The kit, which runs the tests on both sides, and what reads, confines, runs and scores.
PACKAGES = (
    Path(str(kit.__file__)).parent,
    *(ENGINE / name for name in ("submission", "assignment", "sandbox", "grading")),
)


def fingerprint(assignment: Assignment) -> str:
    """The engine's version and a digest of engine, versions, released notebooks, library, tests, answers."""
    digest = hashlib.sha256(assignment.manifest.to_json().encode())
    digest.update(_of_the_engine().encode())
    digest.update(_of_files(_shipped(assignment.library_folder)).encode())
    digest.update(_of_files(path for problem in assignment.problems for path in problem.tests).encode())
    for kept in earlier_versions(assignment):  # by which a submission that was made for one of them is read
        digest.update(kept.manifest.to_json().encode())
    digest.update(_of_files(path for problem in assignment.problems for path in problem.hidden_data).encode())
    for problem in assignment.problems:  # the staff's answers stand in for a student's earlier ones
        digest.update("\0".join(problem.references.values()).encode())
        digest.update(repr(problem.forbidden).encode())
    return f"{autograder.__version__}+{digest.hexdigest()[:16]}"


def made_of(assignment: Assignment) -> dict[str, str]:
    """Digests of the parts of that fingerprint, so that two results can say which of them changed.

    `tests/<exercise>`: its tests, what its problem's tests share, and the staff's answers that may stand beside it.
    """
    parts = {
        "engine": _of_the_code(),
        "installation": _of_text(of_the_installation()),
        "library": _of_files(_shipped(assignment.library_folder)),
        "release": _of_text(_what_decides(assignment.manifest).to_json()),
    }
    for problem in assignment.problems:
        files = [test_files.parts(path) for path in problem.tests]
        for exercise in problem.exercises:
            own = [file.by_exercise.get(exercise.id, "") for file in files]
            answers = [problem.references.get(name, "") for name in assignment.manifest.earlier(exercise.id)]
            parts[f"tests/{exercise.id}"] = _of_text("\0".join([*own, *(file.shared for file in files), *answers]))
    return {name: digest[:DIGITS] for name, digest in parts.items()}


def _what_decides(manifest: Manifest) -> Manifest:
    """Without texts, which decide no score, and what a result says itself: version, points, tests."""
    books = (
        dataclasses.replace(book, cells=tuple(cell for cell in book.cells if cell.kind in DECIDING))
        for book in manifest.notebooks
    )
    exercises = (dataclasses.replace(item, points=0.0, public_tests=0, hidden_tests=0) for item in manifest.exercises)
    return dataclasses.replace(
        manifest, title="", version="", notebooks=tuple(books), exercises=tuple(exercises), answers=()
    )


@cache
def _of_the_engine() -> str:
    return f"{of_the_installation()} {_of_the_code()}"


@cache
def _of_the_code() -> str:
    return _of_files([ENGINE / "results.py", *_sources(PACKAGES)])


def of_the_installation() -> str:
    """Python and every installed package with its version: a student's code may import any, pytest loads plug-ins."""
    folders = sorted({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")})  # tools lengthen sys.path
    installed = {f"{found.name}=={found.version}" for found in metadata.distributions(path=folders)}
    return "\n".join([sys.version, *sorted(installed)])


def _sources(folders: Iterable[Path]) -> Iterator[Path]:
    for folder in folders:
        yield from sorted(folder.rglob("*.py"))


def _shipped(library: Path | None) -> list[Path]:
    return [] if library is None else sorted([*library.rglob("*.py"), *library.rglob("*.json")])


def _of_text(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _of_files(paths: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()
