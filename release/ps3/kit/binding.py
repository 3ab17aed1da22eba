"""A student's notebooks as tests reach them: cells run once for each exercise, on a far side of its own."""

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from kit.far_side import Service, cell_spoken
from kit.manifest import Manifest
from kit.notebooks import CodeCell, Extraction
from kit.student import LocalTransport, Student, StudentCrashed, StudentTimeout, Transport
from kit.wire import WireError

LOAD_SECONDS = 10.0
PATIENCE = 2  # timeouts of one exercise before its other tests are not tried any more


class FarSide(Transport, Protocol):
    """A transport that can be ended."""

    def close(self) -> None: ...


class LocalFarSide(LocalTransport):
    """An empty namespace in this process."""

    def __init__(self, library: str) -> None:
        super().__init__(Service({"__name__": "__main__"}, library))

    def close(self) -> None:
        self.service.namespace.clear()


@dataclass(frozen=True)
class LoadProblem:
    """A cell that did not run to its end: how, and the error that a test of its exercise meets."""

    label: str
    exercise: str | None
    error: Exception
    note: str


class NotebookBinding:
    """Tests on extracted notebooks, for `pytest` in the release (local) and for grading (sandboxed workers).

    open_far_side: makes a fresh, empty far side. seconds: limit for the whole submission.
    A cell that kills or blocks its far side is left out from then on, so that it costs no other exercise.
    """

    def __init__(
        self,
        manifest: Manifest,
        extractions: Mapping[str, Extraction],
        open_far_side: Callable[[], FarSide],
        *,
        seconds: float,
    ) -> None:
        self.manifest = manifest
        self.extractions = extractions  # by problem
        self.open_far_side = open_far_side
        self.seconds = seconds
        self.started = time.monotonic()
        self.current: tuple[str, FarSide, Student] | None = None
        self.broken: dict[tuple[str, int], LoadProblem] = {}  # cells that end or block a far side
        self.failed: dict[tuple[str, int], LoadProblem] = {}  # cells that raise
        self.timeouts: dict[str, int] = {}
        self.owners = {name: exercise.id for exercise in manifest.exercises for name in exercise.names}

    def student(self, exercise: str) -> Student:
        """Raises StudentTimeout where time is used up, or what stopped the exercise's own cell."""
        if time.monotonic() - self.started > self.seconds:
            raise StudentTimeout(f"the {self.seconds:g} seconds for the whole submission were used up")
        if self.timeouts.get(exercise, 0) >= PATIENCE:
            raise StudentTimeout(f"not tried: {PATIENCE} earlier tests of this exercise did not finish")
        if self.current is None or self.current[0] != exercise:
            self.close()
            self._load(exercise)
        assert self.current is not None
        for problem in self.broken.values():
            if problem.exercise == exercise:
                raise problem.error
        return self.current[2]

    def discard(self, exercise: str, *, timeout: bool) -> None:
        if timeout:
            self.timeouts[exercise] = self.timeouts.get(exercise, 0) + 1
        self.close()

    def owner(self, name: str) -> str | None:
        return self.owners.get(name)

    def excuse(self, exercise: str) -> str | None:
        """What an exception stopped its cell with, if its names are missing for that reason."""
        return next((p.note for p in self.failed.values() if p.exercise == exercise), None)

    @property
    def notes(self) -> tuple[str, ...]:
        """One remark for each cell that did not run to its end."""
        problems = {**self.failed, **self.broken}
        return tuple(problems[key].note for key in sorted(problems))

    def close(self) -> None:
        if self.current is not None:
            self.current[1].close()
            self.current = None

    def _load(self, exercise: str) -> None:
        entry = self.manifest.exercise(exercise)
        cells = dict(enumerate(self.extractions[entry.problem].cells))
        usable = {number: cell for number, cell in cells.items() if (entry.problem, number) not in self.broken}
        opened = self._opened(exercise)
        if not self._load_together(opened[1], entry.problem, usable):
            opened[0].close()
            opened = self._load_one_by_one(exercise, entry.problem, usable)
        opened[1].call_seconds = entry.call_seconds
        self.current = (exercise, *opened)

    def _opened(self, exercise: str) -> tuple[FarSide, Student]:
        far_side = self.open_far_side()
        student = Student(far_side, call_seconds=LOAD_SECONDS)
        student.begin(int.from_bytes(hashlib.sha256(exercise.encode()).digest()[:3]))
        return far_side, student

    def _load_together(self, student: Student, problem: str, cells: Mapping[int, CodeCell]) -> bool:
        """Whether the far side is still of use; if not, one of these cells has ended or blocked it."""
        try:
            self._run(student, problem, cells)
        except (StudentTimeout, StudentCrashed, WireError):
            return False
        return True

    def _load_one_by_one(self, exercise: str, problem: str, cells: Mapping[int, CodeCell]) -> tuple[FarSide, Student]:
        """Find the cells that end or block the far side, and load the others."""
        opened = self._opened(exercise)
        loaded: dict[int, CodeCell] = {}
        for number, cell in cells.items():
            try:
                self._run(opened[1], problem, {number: cell})
                loaded[number] = cell
            except (StudentTimeout, StudentCrashed, WireError) as error:
                self._note_broken((problem, number), cell, error)
                opened[0].close()
                opened = self._opened(exercise)
                if not self._load_together(opened[1], problem, loaded):
                    break  # it behaves differently each time: every test of this far side will say so
        return opened

    def _run(self, student: Student, problem: str, cells: Mapping[int, CodeCell]) -> None:
        errors = student.load_cells([(cell.label, cell.source) for cell in cells.values()])
        for (number, cell), error in zip(cells.items(), errors, strict=True):
            if error is not None:
                note = f"{cell_spoken(cell.label)} stopped with {error.report(said=cell.label)}"
                self.failed[problem, number] = LoadProblem(cell.label, cell.exercise, error, note)

    def _note_broken(self, key: tuple[str, int], cell: CodeCell, error: Exception) -> None:
        slow = isinstance(error, StudentTimeout)
        how = f"did not finish within {LOAD_SECONDS:g} s" if slow else f"ended the process: {error}"
        note = f"{cell_spoken(cell.label)} {how}"
        met = StudentTimeout(note) if slow else StudentCrashed(note)
        self.broken[key] = LoadProblem(cell.label, cell.exercise, met, note)
