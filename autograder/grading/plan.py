"""What is fixed for one grading run: the tests, the seed, and the digest of everything that decides a score."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import autograder
import kit
from autograder.assignment.library import import_library
from autograder.assignment.model import Assignment, Problem
from autograder.errors import BadInput, CourseError
from autograder.files import write_atomically
from kit.manifest import CellKind
from kit.notebooks import CodeCell, Extraction
from kit.runner import CollectedTests, TestFile, TestInfo

# Packages beside the kit that decide what a result or its rebuilt notebook holds.
_DECIDING = ("submission", "sandbox", "grading")


@dataclass(frozen=True)
class Plan:
    """One run's seed, and its tests, collected once for all submissions that this process grades."""

    assignment: Assignment
    seed: int
    collected: CollectedTests
    engine: str

    @property
    def tests(self) -> tuple[TestInfo, ...]:
        """The exact list that must have run at the end."""
        return self.collected.infos

    @classmethod
    def of(cls, assignment: Assignment, seed: int) -> Plan:
        """Collect the tests. CourseError where they do not belong to the assignment's exercises."""
        import_library(assignment.release, assignment.library)  # tests may import the student's library
        files = tuple(file for problem in assignment.problems for file in test_files(problem))
        try:
            collected = CollectedTests(files)
        except ValueError as error:
            raise CourseError(str(error)) from error
        known = {exercise.id for exercise in assignment.manifest.exercises}
        strange = [test.id for test in collected.infos if test.mark.exercise not in known]
        idle = known - {test.mark.exercise for test in collected.infos}
        if strange or idle:
            raise CourseError(f"tests without an exercise: {strange}; exercises without a test: {sorted(idle)}")
        return cls(assignment, seed, collected, engine_digest(assignment))


def test_files(problem: Problem) -> tuple[TestFile, TestFile]:
    """A problem's public and hidden tests, under the names that results carry."""
    return (
        TestFile(f"{problem.name}/test_public.py", problem.public_tests),
        TestFile(f"{problem.name}/test_hidden.py", problem.hidden_tests),
    )


test_files.__test__ = False  # type: ignore[attr-defined]


def visibility(test_id: str) -> str:
    """public or hidden, from a test's id."""
    return "public" if test_id.partition("::")[0].endswith("/test_public.py") else "hidden"


def answer_code(problem: Problem, replacing: Mapping[str, str] | None = None) -> Extraction:
    """The problem's given and solution cells as code to load; `replacing` puts another answer for an exercise."""
    replacing = replacing or {}
    cells = tuple(
        CodeCell(cell.name or cell.id, replacing.get(cell.name, cell.source), cell.name or None)
        for cell in problem.cells
        if cell.kind in (CellKind.GIVEN, CellKind.EXERCISE)
    )
    return Extraction(cells, (), (), frozenset(), frozenset())


def engine_digest(assignment: Assignment) -> str:
    """Version and digest of all that decides a score: far side and runner, library, tests, released notebooks."""
    digest = hashlib.sha256(assignment.manifest.to_json().encode())
    for path in _deciding_files(assignment):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return f"{autograder.__version__}+{digest.hexdigest()[:16]}"


def _deciding_files(assignment: Assignment) -> Iterable[Path]:
    engine = Path(autograder.__file__).parent
    packages = [engine / name for name in _DECIDING]
    for folder in (Path(str(kit.__file__)).parent, *packages, assignment.library_folder):
        yield from sorted(folder.rglob("*.py"))
    for problem in assignment.problems:
        yield from (problem.public_tests, problem.hidden_tests)


def course_seed(assignment: Assignment, *, new: bool = False) -> int:
    """The secret seed of this course, assignment and version: drawn once, then the same for everyone."""
    path = assignment.course.state / "seeds.json"
    key = f"{assignment.name} {assignment.version}"
    try:
        seeds = json.loads(path.read_text()) if path.exists() else {}
        stored = seeds.get(key)
        if stored is not None and not new:
            return int(stored)
    except (ValueError, AttributeError, TypeError) as error:
        raise BadInput(f"{path} is damaged ({error}): restore it, or delete it to draw new seeds") from error
    seeds[key] = secrets.randbits(48)
    write_atomically(path, (json.dumps(seeds, indent=1) + "\n").encode())
    return int(seeds[key])
