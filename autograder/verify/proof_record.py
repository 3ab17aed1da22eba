"""Remembers which exercises were proved, so that `verify` proves what changed. The record is this machine's own."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import date
from functools import cached_property
from pathlib import Path

from autograder.assignment import test_files
from autograder.assignment.answers import SampleAnswer, right_answers, wrong_answers
from autograder.assignment.model import Assignment, Problem
from autograder.build.composed_library import composed
from autograder.errors import BadInput
from autograder.files import files_under, write_atomically
from autograder.grading.fingerprint import PACKAGES, of_the_installation
from autograder.verify.concerned import concerned
from autograder.verify.empty_answers import Earned, Way
from kit.manifest import CellKind, earlier

_APART = ("notebook.py", "problem.toml", "rubric.md", "right/", "wrong/", "lesson/")  # read below, or of no weight here


@dataclasses.dataclass(frozen=True)
class Proved:
    """An exercise without a surprise: what was proved (a digest), when, and with how many seeds for the reference.

    earned: what ways of answering without a method earn of it; a problem's and the set's limits are on the sums.
    """

    digest: str
    date: str
    seeds: int
    earned: Mapping[Way, Earned]

    def row(self) -> dict[str, object]:
        earned = [[*way, one.points, one.max_points, one.tests] for way, one in self.earned.items()]
        return {"digest": self.digest, "date": self.date, "seeds": self.seeds, "earned": earned}

    @classmethod
    def of(cls, digest: str, date: str, seeds: int, earned: list[tuple[str, str, float, float, list[str]]]) -> Proved:
        """From a row. TypeError, ValueError where it is none."""
        found = {(kind, name): Earned(points, most, tuple(tests)) for kind, name, points, most, tests in earned}
        return cls(digest, date, seeds, found)


class ProofRecord:
    """The exercises of an assignment that were proved, in the course's state folder."""

    def __init__(self, assignment: Assignment) -> None:
        self._assignment = assignment
        self._path = assignment.course.state / f"{assignment.name}.proved-exercises.json"
        self._proved = self._read()
        self._of_problems: dict[str, str] = {}
        self._read_answers: dict[str, tuple[tuple[SampleAnswer, ...], tuple[SampleAnswer, ...]]] = {}
        self._digests: dict[str, str] = {}

    def find(self, exercise: str, seeds: int) -> Proved | None:
        """What was proved of the exercise as it is now, with at least so many seeds; None if nothing was."""
        proved = self._proved.get(exercise)
        if proved is None or proved.seeds < seeds or self._problems.get(exercise) is None:
            return None
        return proved if proved.digest == self._digest(exercise) else None

    def begin(self, exercises: Iterable[str]) -> None:
        """These are about to be proved, as they are at this moment."""
        self._digests |= {name: self._digest_of(name) for name in exercises}

    def add(self, seeds: int, earned: Mapping[str, Mapping[Way, Earned]]) -> None:
        """These exercises have just been proved; with what was earned of them without a method."""
        today = date.today().isoformat()
        self._proved |= {name: Proved(self._digest(name), today, seeds, rows) for name, rows in earned.items()}
        rows = {name: proved.row() for name, proved in sorted(self._proved.items())}
        write_atomically(self._path, (json.dumps(rows, indent=1) + "\n").encode())

    def _read(self) -> dict[str, Proved]:
        try:
            rows = json.loads(self._path.read_text(encoding="utf-8")) if self._path.exists() else {}
            return {name: Proved.of(**row) for name, row in rows.items()}
        except (ValueError, TypeError, AttributeError) as error:
            raise BadInput(f"{self._path} is damaged ({error}): delete it, and everything is proved again") from error

    @cached_property
    def _problems(self) -> dict[str, Problem]:
        """Each exercise's problem."""
        return {item.id: problem for problem in self._assignment.problems for item in problem.exercises}

    def _digest(self, exercise: str) -> str:
        if exercise not in self._digests:
            self._digests[exercise] = self._digest_of(exercise)
        return self._digests[exercise]

    def _digest_of(self, exercise: str) -> str:
        """All that decides about the exercise's proof: what is the same for its problem, and what is its own.

        Its own are the answers to it, and the tests of every exercise in which one of these can change anything.
        """
        problem = self._problems[exercise]
        digest = hashlib.sha256(self._of_the_problem(problem).encode())
        right, wrong = self._answers(problem)
        own = [answer for answer in (*right, *wrong) if answer.exercise == exercise]
        read = {exercise}.union(*(concerned(problem, {exercise: answer.code}) for answer in own))
        entry = next(item for item in problem.exercises if item.id == exercise)
        before = {item.id for item in earlier(problem.exercises, exercise)}
        beside = [answer for answer in wrong if answer.exercise in before]
        limits = problem.mistake_limits[exercise]
        digest.update(repr((entry, limits, own, beside, sorted(read))).encode())
        for path in (problem.public_tests, problem.hidden_tests):
            parts = test_files.parts(path)
            digest.update(repr([parts.shared, *(parts.by_exercise.get(name) for name in sorted(read))]).encode())
        return digest.hexdigest()

    def _answers(self, problem: Problem) -> tuple[tuple[SampleAnswer, ...], tuple[SampleAnswer, ...]]:
        """The right and the wrong answers to its exercises, read once."""
        if problem.name not in self._read_answers:
            self._read_answers[problem.name] = right_answers(problem), wrong_answers(problem)
        return self._read_answers[problem.name]

    def _of_the_problem(self, problem: Problem) -> str:
        """The problem's cells and other files, the library as it ships, the kit and what of the engine decides."""
        if problem.name not in self._of_problems:
            digest = hashlib.sha256(self._of_the_course.encode())
            structure = [
                (item.id, item.depends, item.names, item.call_seconds, item.weights) for item in problem.exercises
            ]
            cells = [(cell.name, cell.source, cell.released) for cell in problem.cells
                     if cell.kind in (CellKind.GIVEN, CellKind.EXERCISE)]  # fmt: skip
            digest.update(repr((structure, cells, problem.forbidden)).encode())
            apart = (*_APART, problem.public_tests.name, problem.hidden_tests.name)
            files = files_under(problem.folder).items()
            _add(digest, ((path, data) for path, data in files if not path.startswith(apart)))
            self._of_problems[problem.name] = digest.hexdigest()
        return self._of_problems[problem.name]

    @cached_property
    def _of_the_course(self) -> str:
        digest = hashlib.sha256(f"{of_the_installation()} {self._assignment.submission_seconds}".encode())
        _add(digest, composed(self._assignment).items())
        for folder in (*PACKAGES, Path(__file__).parent):
            _add(digest, files_under(folder).items())
        return digest.hexdigest()


def _add(digest: hashlib._Hash, files: Iterable[tuple[str, bytes]]) -> None:
    for path, data in files:
        digest.update(f"\0{path}\0{len(data)}\0".encode() + data)
