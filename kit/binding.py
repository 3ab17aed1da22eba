"""A student's notebooks as tests reach them: the cells of one run on a far side, where its exercises are tested."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from kit import seeds
from kit.budget import Budget, BudgetSpent, FarSide, Metered
from kit.cells import read_python
from kit.far_side import ERRORS, OutOfTime, Service, cell_spoken
from kit.libraries import LARGE
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
)
from kit.wire import WireError

LOAD_SECONDS = 10.0
ALARM = 0.9  # the part of it after which a cell that is alone is interrupted, to learn its line
MAX_BROKEN = 10  # cells of one notebook that end or block a far side, before the notebook is given up
PATIENCE = 2  # timeouts of one exercise before its other tests are not tried any more


class LocalFarSide(LocalTransport):
    """An empty namespace in this process."""

    def __init__(self, library: str, libraries: Sequence[str] = LARGE) -> None:
        super().__init__(Service({"__name__": "__main__"}, library, strict=True, libraries=libraries))

    @property
    def processor_seconds(self) -> float:
        return 0.0  # nobody counts at home

    def close(self) -> None:
        self.service.namespace.clear()


@dataclass(frozen=True)
class LoadProblem:
    """A cell that did not run to its end: how, and the error that a test of its exercise meets.

    note: in words of ours alone. text: with those of the student's code. names: what it was to define.
    """

    cell: CodeCell
    error: Exception
    note: str
    text: str
    names: frozenset[str]

    @property
    def exercise(self) -> str | None:
        return self.cell.exercise


@dataclass
class _Loaded:
    """A far side that holds the cells of one notebook, and the exercise that was tested there last."""

    problem: str
    far_side: Metered
    student: Student
    exercise: str = ""


class NotebookBinding:
    """Tests on extracted notebooks, for `pytest` in the release (local) and for grading (sandboxed workers).

    open_far_side: makes a fresh, empty far side. seed: the run's, from which code that is loaded gets one of its own.
    budget: the submission's time, which several bindings may share.
    share: whether the exercises of a notebook may be tested on one far side, one after the other.
    find_file: the content of a file that was handed in beside the notebooks; None where it was not.
    A cell that kills or blocks its far side is left out from then on, so that it costs no other exercise.
    A far side that the submission's budget does not reach for is not loaded, and no cell is blamed for it.
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
        find_file: Callable[[str], bytes | None] = lambda name: None,
    ) -> None:
        self.manifest = manifest
        self.extractions = extractions  # by problem
        self.open_far_side = open_far_side
        self.seed = seed
        self.budget = budget
        self.share = share
        self.find_file = find_file
        self.turn = ""  # the exercise that the budget's share was last asked for
        self.loaded: _Loaded | None = None
        self.broken: dict[tuple[str, int], LoadProblem] = {}  # cells that end or block a far side
        self.failed: dict[tuple[str, int], LoadProblem] = {}  # cells that raise
        self.timeouts: dict[str, int] = {}
        self.accuracies: dict[str, float] = {}  # by file of weights: what a probe on its features reached last
        self.unfinished: dict[str, bool] = {}  # as far as it was asked
        self.owners = {name: exercise.id for exercise in manifest.exercises for name in exercise.names}

    @property
    def libraries(self) -> tuple[str, ...]:
        return self.manifest.libraries

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
            self.loaded.far_side.close()
            self.loaded = None

    def _expect_whole_cell(self, exercise: str) -> None:
        for problem in self.broken.values():
            if problem.exercise == exercise:
                raise problem.error

    def _check_time(self, exercise: str) -> None:
        if exercise != self.turn:
            self.turn = exercise
            self.budget.begin(exercise)
        self.budget.check()

    def _load(self, problem: str) -> _Loaded:
        cells = dict(enumerate(self.extractions[problem].cells))
        usable = {number: cell for number, cell in cells.items() if (problem, number) not in self.broken}
        self._expect_few_broken(problem)
        return self._loaded_together(problem, usable) or self._loaded_one_by_one(problem, usable)

    def _opened(self, problem: str) -> _Loaded:
        far_side = self.budget.opened(self.open_far_side)
        student = Student(far_side, call_seconds=LOAD_SECONDS)
        student.find_file, student.accuracies = self.find_file, self.accuracies
        student.begin(seeds.for_worker(self.seed, problem))
        return _Loaded(problem, far_side, student)

    def _loaded_together(self, problem: str, cells: Mapping[int, CodeCell]) -> _Loaded | None:
        """None where one of these cells ends or blocks the far side. Raises BudgetSpent."""
        opened = self._opened(problem)
        try:
            self._run(opened.student, problem, cells)
            return opened
        except BudgetSpent:
            opened.far_side.close()
            raise
        except (StudentTimeout, StudentCrashed, WireError):
            opened.far_side.close()
            return None

    def _loaded_one_by_one(self, problem: str, cells: Mapping[int, CodeCell]) -> _Loaded:
        """Find the cells that end or block the far side, and load the others.

        Raises BudgetSpent, or StudentCrashed where there are too many of them.
        """
        opened = self._opened(problem)
        loaded: dict[int, CodeCell] = {}
        for number, cell in cells.items():
            try:
                self._run(opened.student, problem, {number: cell}, seconds=ALARM * LOAD_SECONDS)
                loaded[number] = cell
                continue
            except BudgetSpent:
                opened.far_side.close()
                raise
            except (StudentTimeout, StudentCrashed, WireError) as error:
                self._note_broken((problem, number), cell, error)
                opened.far_side.close()
            self._expect_few_broken(problem)
            again = self._loaded_together(problem, loaded)
            if again is None:
                return opened  # it behaves differently each time: every test of this far side will say so
            opened = again
        return opened

    def _expect_few_broken(self, problem: str) -> None:
        if sum(where == problem for where, _ in self.broken) >= MAX_BROKEN:
            raise StudentCrashed(f"{MAX_BROKEN} cells of the notebook ended or blocked the process: no more are tried")

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
                self.failed[problem, number] = LoadProblem(cell, error, note, text, _names(cell))

    def _note_broken(self, key: tuple[str, int], cell: CodeCell, error: Exception) -> None:
        met: Exception
        if isinstance(error, CellTimeout):
            met = error
        elif isinstance(error, StudentTimeout):
            met = CellTimeout(_too_slow(cell, None))
        else:
            met = StudentCrashed(f"{cell_spoken(cell.label)} ended the process: {error}")
        note = str(met) if isinstance(met, CellTimeout) else f"{cell_spoken(cell.label)} ended the process that ran it"
        self.broken[key] = LoadProblem(cell, met, note, str(met), _names(cell))


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
