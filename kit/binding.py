"""A student's notebooks as tests reach them: the cells of one run on a far side, where its exercises are tested."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from kit import seeds
from kit.cells import read_python
from kit.far_side import ERRORS, OutOfTime, Service, cell_spoken
from kit.manifest import Manifest
from kit.notebooks import CodeCell, Extraction
from kit.outcomes import OutcomeStatus
from kit.statements import pieces
from kit.stubs import is_unfinished
from kit.student import (
    CellTimeout,
    LocalTransport,
    Student,
    StudentCrashed,
    StudentError,
    StudentTimeout,
    Transport,
)
from kit.wire import WireError

LOAD_SECONDS = 10.0
ALARM = 0.9  # the part of it after which a cell that is alone is interrupted, to learn its line
PATIENCE = 2  # timeouts of one exercise before its other tests are not tried any more
CLOCK_FACTOR = 5  # how much longer a submission may take on the clock than in processor time


class FarSide(Transport, Protocol):
    """A transport that can be ended."""

    @property
    def processor_seconds(self) -> float:
        """What it has used so far."""
        ...

    def close(self) -> None: ...


class LocalFarSide(LocalTransport):
    """An empty namespace in this process."""

    def __init__(self, library: str) -> None:
        super().__init__(Service({"__name__": "__main__"}, library, strict=True))

    @property
    def processor_seconds(self) -> float:
        return 0.0  # nobody counts at home

    def close(self) -> None:
        self.service.namespace.clear()


class Budget:
    """The time of one submission: processor time, and CLOCK_FACTOR times as much on the clock.

    No exercise may use more than half of what is left when its turn comes: a slow one leaves time for the others.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.started = time.monotonic()
        self.closed = 0.0  # processor time of the far sides that are closed
        self.open: list[FarSide] = []
        self.limit = self.clock_limit = 0.0

    @property
    def used(self) -> float:
        return self.closed + sum(far_side.processor_seconds for far_side in self.open)

    def begin(self) -> None:
        """The next exercise's turn."""
        used, elapsed = self.used, time.monotonic() - self.started
        self.limit = used + (self.seconds - used) / 2
        self.clock_limit = elapsed + (CLOCK_FACTOR * self.seconds - elapsed) / 2

    def check(self) -> None:
        """Raises StudentTimeout where the exercise has used its share."""
        if self.used > self.limit:
            raise StudentTimeout(f"no more time: it used half of what was left of {self.seconds:g} seconds")
        if time.monotonic() - self.started > self.clock_limit:
            clock = CLOCK_FACTOR * self.seconds
            raise StudentTimeout(f"no more time: it used half of what was left of {clock:g} seconds on the clock")

    def end(self, far_side: FarSide) -> None:
        self.open.remove(far_side)
        self.closed += far_side.processor_seconds
        far_side.close()


@dataclass(frozen=True)
class LoadProblem:
    """A cell that did not run to its end: how, and the error that a test of its exercise meets.

    note: in words of ours alone. text: with those of the student's code. names: what it was to define.
    """

    label: str
    exercise: str | None
    error: Exception
    note: str
    text: str
    names: frozenset[str]


@dataclass
class _Loaded:
    """A far side that holds the cells of one notebook, and the exercise that was tested there last."""

    problem: str
    far_side: FarSide
    student: Student
    exercise: str = ""


class NotebookBinding:
    """Tests on extracted notebooks, for `pytest` in the release (local) and for grading (sandboxed workers).

    open_far_side: makes a fresh, empty far side. seed: the run's, from which code that is loaded gets one of its own.
    budget: the submission's time, which several bindings may share.
    share: whether the exercises of a notebook may be tested on one far side, one after the other.
    A cell that kills or blocks its far side is left out from then on, so that it costs no other exercise.
    """

    def __init__(
        self,
        manifest: Manifest,
        extractions: Mapping[str, Extraction],
        open_far_side: Callable[[], FarSide],
        *,
        seed: int,
        budget: Budget,
        share: bool = False,
    ) -> None:
        self.manifest = manifest
        self.extractions = extractions  # by problem
        self.open_far_side = open_far_side
        self.seed = seed
        self.budget = budget
        self.share = share
        self.turn = ""  # the exercise that the budget's share is for
        self.loaded: _Loaded | None = None
        self.broken: dict[tuple[str, int], LoadProblem] = {}  # cells that end or block a far side
        self.failed: dict[tuple[str, int], LoadProblem] = {}  # cells that raise
        self.timeouts: dict[str, int] = {}
        self.unfinished: dict[str, bool] = {}  # as far as it was asked
        self.owners = {name: exercise.id for exercise in manifest.exercises for name in exercise.names}

    def student(self, exercise: str) -> Student:
        """Raises StudentTimeout where time is used up, or what stopped the exercise's own cell."""
        self._check_time(exercise)
        self._expect_whole_cell(exercise)
        if self.timeouts.get(exercise, 0) >= PATIENCE:
            raise StudentTimeout(f"not tried: {PATIENCE} earlier tests of this exercise did not finish")
        entry = self.manifest.exercise(exercise)
        if self.loaded is None or not (self.loaded.exercise == exercise or self.shares(exercise)):
            self.close()
            self.loaded = self._load(entry.problem)
            self._expect_whole_cell(exercise)
        self.loaded.exercise = exercise
        self.loaded.student.call_seconds = entry.call_seconds
        return self.loaded.student

    def shares(self, exercise: str) -> bool:
        at_hand = self.loaded
        return (
            self.share
            and at_hand is not None
            and at_hand.exercise != exercise
            and at_hand.problem == self.manifest.exercise(exercise).problem
        )

    def is_unwritten(self, exercise: str) -> bool:
        extraction = self.extractions[self.manifest.exercise(exercise).problem]
        return exercise in extraction.stubs or exercise in extraction.missing

    def renew(self, exercise: str) -> None:
        self.timeouts.pop(exercise, None)
        self.close()

    def record(self, exercise: str, status: OutcomeStatus) -> None:
        if status is OutcomeStatus.TIMEOUT:
            self.timeouts[exercise] = self.timeouts.get(exercise, 0) + 1
        if status in (OutcomeStatus.TIMEOUT, OutcomeStatus.CRASHED):
            self.close()

    def owner(self, name: str) -> str | None:
        return self.owners.get(name)

    def load_error(self, exercise: str) -> StudentError | None:
        found = (problem.error for problem in self.failed.values() if problem.exercise == exercise)
        return next((error for error in found if isinstance(error, StudentError)), None)

    def is_unfinished(self, name: str) -> bool:
        if name not in self.unfinished:
            known = next((exercise for exercise in self.manifest.exercises if exercise.id == name), None)
            extraction = self.extractions.get(known.problem) if known is not None else None
            found = known is not None and extraction is not None and is_unfinished(extraction, known)
            self.unfinished[name] = found
        return self.unfinished[name]

    def excuse(self, exercise: str) -> str | None:
        """What an exception stopped its cell with, if its names are missing for that reason: for staff, and at home."""
        return next((p.text for p in self.failed.values() if p.exercise == exercise), None)

    def absence(self, exercise: str, name: str) -> Exception | str | None:
        """Why the code of an exercise misses a name: the error that ended the cell with it, or a reason in words."""
        problem = self.manifest.exercise(exercise).problem
        for (where, _), broken in self.broken.items():
            if where == problem and name in broken.names:
                return broken.error
        maker = self.extractions[problem].unmade.get(name)
        return f"{name}, which {maker}" if maker is not None else None

    @property
    def notes(self) -> tuple[str, ...]:
        """One remark for each cell that did not run to its end."""
        problems = {**self.failed, **self.broken}
        return tuple(problems[key].note for key in sorted(problems))

    def close(self) -> None:
        if self.loaded is not None:
            self.budget.end(self.loaded.far_side)
            self.loaded = None

    def _expect_whole_cell(self, exercise: str) -> None:
        for problem in self.broken.values():
            if problem.exercise == exercise:
                raise problem.error

    def _check_time(self, exercise: str) -> None:
        if exercise != self.turn:
            self.turn = exercise
            self.budget.begin()
        self.budget.check()

    def _load(self, problem: str) -> _Loaded:
        cells = dict(enumerate(self.extractions[problem].cells))
        usable = {number: cell for number, cell in cells.items() if (problem, number) not in self.broken}
        opened = self._opened(problem)
        if self._load_together(opened.student, problem, usable):
            return opened
        self.budget.end(opened.far_side)
        return self._load_one_by_one(problem, usable)

    def _opened(self, problem: str) -> _Loaded:
        far_side = self.open_far_side()
        self.budget.open.append(far_side)
        student = Student(far_side, call_seconds=LOAD_SECONDS)
        student.begin(seeds.for_worker(self.seed, problem))
        return _Loaded(problem, far_side, student)

    def _load_together(self, student: Student, problem: str, cells: Mapping[int, CodeCell]) -> bool:
        """Whether the far side is still of use; if not, one of these cells has ended or blocked it."""
        try:
            self._run(student, problem, cells)
        except (StudentTimeout, StudentCrashed, WireError):
            return False
        return True

    def _load_one_by_one(self, problem: str, cells: Mapping[int, CodeCell]) -> _Loaded:
        """Find the cells that end or block the far side, and load the others."""
        opened = self._opened(problem)
        loaded: dict[int, CodeCell] = {}
        for number, cell in cells.items():
            try:
                self._run(opened.student, problem, {number: cell}, seconds=ALARM * LOAD_SECONDS)
                loaded[number] = cell
            except (StudentTimeout, StudentCrashed, WireError) as error:
                self._note_broken((problem, number), cell, error)
                self.budget.end(opened.far_side)
                opened = self._opened(problem)
                if not self._load_together(opened.student, problem, loaded):
                    break  # it behaves differently each time: every test of this far side will say so
        return opened

    def _run(self, student: Student, problem: str, cells: Mapping[int, CodeCell], seconds: float | None = None) -> None:
        """Load these cells. Raises CellTimeout for one that took more than `seconds`, if they are given."""
        sources = [(cell.label, cell.source) for cell in cells.values()]
        errors = student.load_cells(sources, packages=self.manifest.packages, seconds=seconds)
        for (number, cell), error in zip(cells.items(), errors, strict=True):
            if error is not None and error.shown == OutOfTime.__name__:
                raise CellTimeout(_too_slow(cell, error.line if error.cell == cell.label else None))
            if error is not None:
                text = f"{cell_spoken(cell.label)} stopped with {error.report(said=cell.label)}"
                note = _stopped(cell, error, self.extractions[problem].cells)
                self.failed[problem, number] = LoadProblem(cell.label, cell.exercise, error, note, text, _names(cell))

    def _note_broken(self, key: tuple[str, int], cell: CodeCell, error: Exception) -> None:
        met: Exception
        if isinstance(error, CellTimeout):
            met = error
        elif isinstance(error, StudentTimeout):
            met = CellTimeout(_too_slow(cell, None))
        else:
            met = StudentCrashed(f"{cell_spoken(cell.label)} ended the process: {error}")
        note = str(met) if isinstance(met, CellTimeout) else f"{cell_spoken(cell.label)} ended the process that ran it"
        self.broken[key] = LoadProblem(cell.label, cell.exercise, met, note, str(met), _names(cell))


def _stopped(cell: CodeCell, error: StudentError, cells: Iterable[CodeCell]) -> str:
    """What is said of a cell that an exception stopped: one of the known classes, and a line that one of these has."""
    kind = error.kind if error.kind in ERRORS else "an error"
    lines = max((one.source.count("\n") + 1 for one in cells if one.label == error.cell), default=0)
    where = f" of {cell_spoken(error.cell)}" if error.cell and error.cell != cell.label else ""
    place = f" in line {error.line}{where}" if error.line is not None and error.line <= lines else ""
    return f"{cell_spoken(cell.label)} stopped with {kind}{place}"


def _too_slow(cell: CodeCell, line: int | None) -> str:
    """What is said of a cell that takes too long. line: where it was at the time, if that is known."""
    lines = cell.source.split("\n")
    first = next((number for number, text in enumerate(lines, 1) if text.strip()), 1)
    at = line if line is not None and first <= line <= len(lines) else first
    return f"{cell_spoken(cell.label)} ran out of time in line {at}: it did not finish within {LOAD_SECONDS:g} s"


def _names(cell: CodeCell) -> frozenset[str]:
    tree = read_python(cell.source).tree
    return frozenset(name for piece in pieces(tree) for name in piece.names) if tree is not None else frozenset()
