"""Remembers which problems were proved, so that `verify` proves what changed. The record is this machine's own."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from autograder.assignment.model import Assignment, Problem
from autograder.build.composed_library import composed
from autograder.errors import BadInput
from autograder.files import files_under, write_atomically
from autograder.grading.fingerprint import PACKAGES, of_the_installation


@dataclasses.dataclass(frozen=True)
class Proved:
    """A problem without a surprise: what was proved (a digest), when, and with how many seeds for the reference.

    lies: the points that a worker which lies about itself could buy.
    """

    digest: str
    date: str
    seeds: int
    lies: float = 0.0


class ProofRecord:
    """The problems of an assignment that were proved, in the course's state folder."""

    def __init__(self, assignment: Assignment) -> None:
        self._assignment = assignment
        self._path = assignment.course.state / f"{assignment.name}.proved.json"
        self._proved = self._read()

    def find(self, problem: Problem, seeds: int) -> Proved | None:
        """What was proved of the problem as it is now, with at least so many seeds; None if nothing was."""
        proved = self._proved.get(problem.name)
        if proved is None or proved.seeds < seeds or proved.digest != self._digest(problem):
            return None
        return proved

    def add(self, problem: Problem, seeds: int, lies: float = 0.0) -> None:
        """The problem has just been proved."""
        self._proved[problem.name] = Proved(self._digest(problem), date.today().isoformat(), seeds, lies)
        rows = {name: dataclasses.asdict(proved) for name, proved in sorted(self._proved.items())}
        write_atomically(self._path, (json.dumps(rows, indent=1) + "\n").encode())

    def _read(self) -> dict[str, Proved]:
        try:
            rows = json.loads(self._path.read_text(encoding="utf-8")) if self._path.exists() else {}
            return {name: Proved(**row) for name, row in rows.items()}
        except (ValueError, TypeError, AttributeError) as error:
            raise BadInput(f"{self._path} is damaged ({error}): delete it, and everything is proved again") from error

    def _digest(self, problem: Problem) -> str:
        digest = hashlib.sha256(of_the_installation().encode())
        digest.update(repr((problem.exercises, self._assignment.submission_seconds)).encode())
        for path, data in self._files(problem):
            digest.update(f"\0{path}\0{len(data)}\0".encode() + data)
        return digest.hexdigest()

    def _files(self, problem: Problem) -> Iterator[tuple[str, bytes]]:
        """The problem's folder, the library as it ships, the kit and what of the engine decides."""
        yield from files_under(problem.folder).items()
        yield from composed(self._assignment).items()
        for folder in (*PACKAGES, Path(__file__).parent):
            yield from files_under(folder).items()
