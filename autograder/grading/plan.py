"""What is fixed for one grading run: the tests, the seed, and the fingerprint of everything that decides a score."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from autograder.assignment.library import import_library
from autograder.assignment.model import Assignment, Problem
from autograder.errors import CourseError
from autograder.grading.faults import is_ours
from autograder.grading.fingerprint import fingerprint, made_of
from autograder.grading.older_versions import OlderVersion, older_versions
from autograder.results import Stage
from kit.manifest import CellKind, Manifest
from kit.notebooks import CodeCell, Extraction
from kit.runner import CollectedTests, TestFile, TestInfo

TEST_SECONDS = 30.0  # of the grader's own processor time for one test, which takes milliseconds


@dataclass(frozen=True)
class Plan:
    """One run's seed, and its tests, collected once for all submissions that this process grades.

    older: the versions that were released before this one, the oldest first.
    reference_passes: exercise to the tests that its reference answer passes, as far as that was asked (`grade_one`).
    """

    assignment: Assignment
    seed: int
    collected: CollectedTests
    engine: str
    stage: Stage = Stage.FINAL
    made_of: Mapping[str, str] = field(default_factory=dict)
    older: tuple[OlderVersion, ...] = ()
    reference_passes: dict[str, frozenset[str]] = field(default_factory=dict, compare=False, repr=False)

    @property
    def tests(self) -> tuple[TestInfo, ...]:
        """The exact list that must have run at the end."""
        return self.collected.infos

    @classmethod
    def of(cls, assignment: Assignment, seed: int) -> Plan:
        """Collect the tests. CourseError where they do not belong to the assignment's exercises."""
        if assignment.library:
            import_library(assignment.release, assignment.library)  # tests may import the student's library
        files = tuple(file for problem in assignment.problems for file in test_files(problem))
        try:
            collected = CollectedTests(files, seconds=TEST_SECONDS, fatal=is_ours)
        except ValueError as error:
            raise CourseError(str(error)) from error
        known = {exercise.id for exercise in assignment.manifest.exercises}
        unknown = [test.id for test in collected.infos if test.mark.exercise not in known]
        idle = known - {test.mark.exercise for test in collected.infos}
        if unknown or idle:
            raise CourseError(f"tests without an exercise: {unknown}; exercises without a test: {sorted(idle)}")
        return cls(
            assignment,
            seed,
            collected,
            fingerprint(assignment),
            made_of=made_of(assignment),
            older=older_versions(assignment),
        )

    @property
    def earlier(self) -> tuple[Manifest, ...]:
        """What was released before, as a submission may have been made for it."""
        return tuple(one.manifest for one in self.older)

    def drawn(self, seed: int, stage: Stage) -> Plan:
        """The same tests with inputs from another seed."""
        return dataclasses.replace(self, seed=seed, stage=stage)


def test_files(problem: Problem) -> tuple[TestFile, ...]:
    """A problem's public and hidden tests, under the names that results carry."""
    files = (problem.public_tests, problem.hidden_tests) if problem.exercises else ()
    return tuple(TestFile(f"{problem.name}/{path.name}", path) for path in files)


test_files.__test__ = False  # type: ignore[attr-defined]


def visibility(test_id: str) -> str:
    """public or hidden, from a test's id."""
    return "public" if test_id.partition("::")[0].endswith("/test_public.py") else "hidden"


def hidden_share(tests: Iterable[TestInfo], exercise: str) -> float:
    """The part of an exercise's points that its hidden tests hold."""
    own = [test for test in tests if test.mark.exercise == exercise]
    return sum(t.mark.weight for t in own if visibility(t.id) == "hidden") / sum(t.mark.weight for t in own)


def answer_code(problem: Problem, replacing: Mapping[str, str] | None = None) -> Extraction:
    """The problem's given and solution cells as code to load; `replacing` puts another answer for an exercise."""
    replacing = replacing or {}
    cells = tuple(
        CodeCell(cell.name or cell.id, replacing.get(cell.name, cell.source), cell.name or None)
        for cell in problem.cells
        if cell.kind in (CellKind.GIVEN, CellKind.EXERCISE)
    )
    return Extraction(cells, (), (), frozenset(), frozenset())
