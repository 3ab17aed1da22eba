"""The fingerprint of everything that decides a score: where it is the same, a result need not be made again.

Nothing is listed by hand but whole packages, so that no limit, deadline or rule can be changed without it.
"""

from __future__ import annotations

import hashlib
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from functools import cache
from importlib import metadata
from pathlib import Path

import autograder
import kit
from autograder.assignment.model import Assignment

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
    digest.update(_of_files(path for problem in assignment.problems for path in problem.hidden_data).encode())
    for problem in assignment.problems:  # the staff's answers stand in for a student's earlier ones
        digest.update("\0".join(problem.references.values()).encode())
    return f"{autograder.__version__}+{digest.hexdigest()[:16]}"


@cache
def _of_the_engine() -> str:
    return f"{of_the_installation()} {_of_files([ENGINE / 'results.py', *_sources(PACKAGES)])}"


def of_the_installation() -> str:
    """Python and every installed package with its version: a student's code may import any, pytest loads plug-ins."""
    folders = sorted({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")})  # tools lengthen sys.path
    installed = {f"{found.name}=={found.version}" for found in metadata.distributions(path=folders)}
    return "\n".join([sys.version, *sorted(installed)])


def _sources(folders: Iterable[Path]) -> Iterator[Path]:
    for folder in folders:
        yield from sorted(folder.rglob("*.py"))


def _shipped(library: Path) -> list[Path]:
    return sorted([*library.rglob("*.py"), *library.rglob("*.json")])


def _of_files(paths: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()
