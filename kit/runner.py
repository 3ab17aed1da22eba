"""Runs test files with pytest, in this process, against one student's code, and gives an outcome for each test."""

import gc
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, Protocol

import pytest

from kit import libraries, seeds
from kit.compare import CheckFailed
from kit.exercises import STUB_TEXT, Mark, mark_of
from kit.far_side import cell_spoken
from kit.outcomes import UNANSWERED, OutcomeStatus
from kit.student import CellTimeout, Student, StudentCrashed, StudentError, StudentMissing, StudentTimeout
from kit.wire import WireError

_UNUSED_PLUGINS = (
    "cacheprovider", "capture", "debugging", "doctest", "faulthandler", "junitxml", "legacypath", "logging", "pastebin",
    "python_path", "recwarn", "setuponly", "setupplan", "skipping", "stepwise", "subtests", "terminal",
    "threadexception", "unittest", "unraisableexception", "warnings",
)  # fmt: skip
MAX_TEXT = 4_000  # characters of what is kept of a test: its text, and of its trace several times as many
MAX_TRACE = 20_000
CLOCK_FACTOR = 30  # a test waits for students' code, which has limits of its own
PLAIN_PYTEST = (
    *("-c", os.devnull, "--noconftest", "--import-mode=importlib", "--assert=plain"),
    *(word for name in _UNUSED_PLUGINS for word in ("-p", f"no:{name}")),
)

UNMARKED = 'no mark: write name = exercise("ID") at the top of the file, and @name("title", hint="…") above the test'


@dataclass(frozen=True)
class TestFile:
    """A file of tests and the name under which its tests are reported."""

    __test__ = False

    prefix: str  # "masked_autoencoder/test_hidden.py"
    path: Path


@dataclass(frozen=True)
class TestInfo:
    """A test, before it runs."""

    __test__ = False

    id: str
    mark: Mark


@dataclass(frozen=True)
class Raised:
    """The exception that the student's code stopped with: no word of it is the student's own.

    error: a class of `kit.far_side.ERRORS`, or "an exception". line: within `cell`; None where it is not known.
    """

    error: str
    cell: str | None
    line: int | None

    @classmethod
    def of(cls, error: StudentError) -> "Raised":
        return cls(error.kind, error.cell, error.line)

    def __str__(self) -> str:
        place = f" in line {self.line}" if self.line else ""
        return f"{self.error}{place}{f' of {cell_spoken(self.cell)}' if self.cell else ''}"


@dataclass(frozen=True)
class Outcome:
    """How one test ended.

    text: what was wrong, in words that may hold inputs and the student's own text. trace: for TAs.
    raised: set where an exception of the student's code ended the test.
    slow_cell: what is said of a cell that ran out of time before the test began, if that is the reason.
    """

    id: str
    mark: Mark
    status: OutcomeStatus
    seconds: float
    text: str = ""
    hint: str = ""
    trace: str = ""
    blocked_by: str = ""
    raised: Raised | None = None
    slow_cell: str = ""


class Binding(Protocol):
    """Where a student's code is reached: a live notebook, saved notebooks, or a worker in the sandbox."""

    @property
    def libraries(self) -> Collection[str]:
        """Those of torch, numpy and matplotlib that the set names."""
        ...

    def student(self, exercise: str) -> Student:
        """The student's code, ready for a test of this exercise. Raises what a test would report."""
        ...

    def record(self, exercise: str, status: OutcomeStatus) -> None:
        """How a test of this exercise ended. After a timeout, a death or a lie the far side is of no more use."""
        ...

    def shares(self, exercise: str) -> bool:
        """Whether its next test would run where another exercise has been tested."""
        ...

    def is_unwritten(self, exercise: str) -> bool:
        """Whether its cell is known to be untouched or gone, before anything runs."""
        ...

    def renew(self, exercise: str) -> None:
        """Let this exercise begin again, on a far side of its own."""
        ...

    def owner(self, name: str) -> str | None:
        """The exercise in which `name` is to be written; None where it is nobody's."""
        ...

    def load_error(self, exercise: str) -> StudentError | None:
        """The exception that its cell stopped with; None where it ran to its end."""
        ...

    def is_unfinished(self, name: str) -> bool:
        """Whether there is an exercise of this id of which a part is not written, as its text shows."""
        ...

    def excuse(self, exercise: str) -> str | None:
        """Why the names of this exercise are missing although its cell was written; None where it was not."""
        ...

    def absence(self, exercise: str, name: str) -> Exception | str | None:
        """Why the code of an exercise misses a name: the error that ended the cell with it, or a reason in words."""
        ...


def _is_none(error: BaseException) -> bool:
    return False


class CollectedTests:
    """The tests of some files, collected once and run any number of times, each time on another student's code.

    Raises ValueError for a broken file or a test without a mark.
    """

    def __init__(
        self, files: Sequence[TestFile], *, seconds: float = 0.0, fatal: Callable[[BaseException], bool] = _is_none
    ) -> None:
        """seconds: processor time of this process for one test, over which it breaks; 0: no
        limit. fatal: whether an error stops a run and is raised, since it says nothing of any test."""
        self._plugin = Plugin(files, seconds=seconds, fatal=fatal)
        _collect(files, self._plugin)
        self.items = tuple(self._plugin.collected)
        self.infos = tuple(info for info, _ in self.items)

    def run(
        self, *, binding: Binding, seed: int, exercises: Collection[str] | None = None, only: str = ""
    ) -> list[Outcome]:
        """Run the tests of these exercises (all, if None; one test, if `only` is its id), an exercise at a time.

        An exercise that loses points where another one has been tested runs again, from its first test, on a far side
        of its own, and only that run counts: what one exercise leaves behind costs no other one anything.
        """
        wanted = [row for row in self.items if only in ("", row[0].id)]
        outcomes: list[Outcome] = []
        with _undisturbed_by_garbage():
            for exercise, rows in groupby(wanted, key=lambda row: row[0].mark.exercise):
                if exercises is None or exercise in exercises:
                    outcomes += self._run_exercise(exercise, [item for _, item in rows], binding, seed)
        return outcomes

    def _run_exercise(self, exercise: str, items: list[pytest.Item], binding: Binding, seed: int) -> list[Outcome]:
        shared = binding.shares(exercise)
        self._plugin.begin(binding, seed)
        for item in items:
            outcome = self._run_test(item)
            if shared and _is_doubtful(outcome, binding):
                binding.renew(exercise)
                return self._run_exercise(exercise, items, binding, seed)
        return self._confirmed(exercise, items, list(self._plugin.outcomes), binding)

    def _run_test(self, item: pytest.Item) -> Outcome:
        item.ihook.pytest_runtest_protocol(item=item, nextitem=None)
        if self._plugin.fatal_error is not None:
            raise self._plugin.fatal_error
        if self._plugin.outcomes[-1].status is not OutcomeStatus.PASSED:
            gc.collect()  # the test's frames, and pytest's, are in a circle with its exception
        return self._plugin.outcomes[-1]

    def _confirmed(
        self, exercise: str, items: list[pytest.Item], outcomes: list[Outcome], binding: Binding
    ) -> list[Outcome]:
        """These outcomes; tests without an answer have run once more, each alone, before that counts.

        Once a timeout has come again, the exercise's other timeouts are believed, and so are crashes.
        """
        believed: set[OutcomeStatus] = set()
        for number, (item, before) in enumerate(zip(items, outcomes, strict=True)):
            if before.status in UNANSWERED and before.status not in believed:
                binding.renew(exercise)
                again = self._run_test(item)
                if again.status in UNANSWERED:
                    believed.add(before.status)
                else:
                    outcomes[number] = again
        return outcomes


def _is_doubtful(outcome: Outcome, binding: Binding) -> bool:
    """Whether what was tested before on the same far side may be the reason why points are lost."""
    if outcome.status in (OutcomeStatus.MISSING, OutcomeStatus.BLOCKED):
        return not binding.is_unwritten(outcome.blocked_by or outcome.mark.exercise)
    return outcome.status is not OutcomeStatus.PASSED


def run_tests(
    files: Sequence[TestFile], *, binding: Binding, seed: int, exercises: Collection[str] | None = None, only: str = ""
) -> list[Outcome]:
    """Collect the tests of these files as they are now, and run them once."""
    return CollectedTests(files).run(binding=binding, seed=seed, exercises=exercises, only=only)


def test_generator(seed: int, test_id: str, named: Collection[str] = libraries.LARGE) -> Any:
    """The generator that a test draws its inputs from: fixed by the run's seed and the test's name.

    named: the libraries that the set names, of which it is one.
    """
    return libraries.generator(named, seeds.for_inputs(seed, test_id))


test_generator.__test__ = False  # type: ignore[attr-defined]


class Plugin:
    """The fixtures `student` and `rng`, and the record of outcomes."""

    def __init__(
        self,
        files: Sequence[TestFile],
        binding: Binding | None = None,
        seed: int = 0,
        *,
        seconds: float = 0.0,
        fatal: Callable[[BaseException], bool] = _is_none,
    ) -> None:
        self.seconds = seconds
        self.fatal = fatal
        self.prefixes = {path: file.prefix for file in files for path in (file.path, file.path.resolve())}
        self.collected: list[tuple[TestInfo, pytest.Item]] = []
        self.ids: dict[str, str] = {}
        self.broken: list[str] = []
        self.started = 0.0
        self.begin(binding, seed)

    def begin(self, binding: Binding | None, seed: int) -> None:
        """Get ready for the code of one student."""
        self.binding = binding
        self.seed = seed
        self.outcomes: list[Outcome] = []
        self.fatal_error: BaseException | None = None

    def test_id(self, item: pytest.Item) -> str:
        if item.nodeid not in self.ids:
            path = item.path if item.path in self.prefixes else item.path.resolve()
            name = item.nodeid.split("::", 1)[-1]
            self.ids[item.nodeid] = f"{self.prefixes.get(path, path.name)}::{name}"
        return self.ids[item.nodeid]

    @pytest.fixture
    def student(self, request: pytest.FixtureRequest) -> Student:
        mark = _required_mark(request.node)
        assert self.binding is not None
        student = self.binding.student(mark.exercise)
        student.begin(seeds.for_worker(self.seed, self.test_id(request.node)))
        return student

    @pytest.fixture
    def rng(self, request: pytest.FixtureRequest) -> Any:
        assert self.binding is not None
        return test_generator(self.seed, self.test_id(request.node), self.binding.libraries)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        marked = []
        for item in items:
            mark = mark_of(getattr(item, "function", None))
            if mark is None:
                self.broken.append(f"{self.test_id(item)}: {UNMARKED}")
            else:
                marked.append((TestInfo(self.test_id(item), mark), item))
        order = list(dict.fromkeys(info.mark.exercise for info, _ in marked))
        self.collected = sorted(marked, key=lambda row: order.index(row[0].mark.exercise))
        items[:] = [item for _, item in self.collected]

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.broken.append(f"{report.nodeid}: {report.longreprtext}")

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        self.started = time.perf_counter()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self) -> Iterator[None]:
        with _limited(self.seconds):
            return (yield)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> pytest.TestReport:
        """In place of pytest's report, whose text costs 10 ms for each test that failed and which nobody reads here."""
        assert call.when != "collect"
        self.record(item, call)
        if call.excinfo is not None:
            _let_go(call.excinfo.value)
        return pytest.TestReport(
            item.nodeid, item.location, {}, "failed" if call.excinfo else "passed", None, call.when
        )

    def record(self, item: pytest.Item, call: pytest.CallInfo[None]) -> Outcome | None:
        """Keep the outcome of a test, once it is known."""
        if call.when != "call" and not (call.when == "setup" and call.excinfo is not None):
            return None
        if call.excinfo is not None and self.fatal(call.excinfo.value):
            self.fatal_error = call.excinfo.value
            return None
        self.outcomes.append(self._outcome(item, call.excinfo.value if call.excinfo else None))
        return self.outcomes[-1]

    def _outcome(self, item: pytest.Item, error: BaseException | None) -> Outcome:
        mark = _required_mark(item)
        error = self._met(mark, error)
        status, text, blocked_by = self._judged(mark, error)
        if self.binding is not None and not isinstance(error, CellTimeout):  # which was before the test
            self.binding.record(mark.exercise, status)
        # Where the code stopped with an exception, that is what to look at, not the test's misconception.
        hint = "" if isinstance(error, StudentError) else getattr(error, "hint", None) or mark.hint
        trace = "" if error is None else _end_of(_trace(error))
        seconds = time.perf_counter() - self.started
        slow = str(error) if isinstance(error, CellTimeout) else ""
        raised = self._raised(mark, status, error)
        return Outcome(
            self.test_id(item), mark, status, seconds, _beginning_of(text), hint, trace, blocked_by, raised, slow
        )

    def _raised(self, mark: Mark, status: OutcomeStatus, error: BaseException | None) -> Raised | None:
        if status is not OutcomeStatus.FAILED or not isinstance(error, StudentError):
            return None
        met_first = (
            self.binding.load_error(mark.exercise) if self.binding and isinstance(error, StudentMissing) else None
        )
        return Raised.of(met_first or error)

    def _met(self, mark: Mark, error: BaseException | None) -> BaseException | None:
        """The error, or for a name that is missing what ended the cell which was to define it."""
        absence = self._absence(mark, error)
        return absence if isinstance(absence, Exception) else error

    def _absence(self, mark: Mark, error: BaseException | None) -> Exception | str | None:
        name = _missing_name(error)
        return self.binding.absence(mark.exercise, name) if self.binding is not None and name else None

    def _judged(self, mark: Mark, error: BaseException | None) -> tuple[OutcomeStatus, str, str]:
        """Status, text, and what blocks it."""
        if error is None:
            return OutcomeStatus.PASSED, "", ""
        if isinstance(error, StudentTimeout):
            return OutcomeStatus.TIMEOUT, str(error), ""
        if isinstance(error, (StudentCrashed, WireError)):
            return OutcomeStatus.CRASHED, str(error), ""
        if isinstance(error, StudentError):
            missing = self._unwritten(error)
            if missing is None:
                return OutcomeStatus.FAILED, self._explained(mark, error), ""
            if missing != mark.exercise:
                return OutcomeStatus.BLOCKED, f"blocked by {missing}: write that first", missing
            return OutcomeStatus.MISSING, f"{missing} is not written yet", ""
        if isinstance(error, (AssertionError, pytest.fail.Exception)):
            return OutcomeStatus.FAILED, str(error) or "the test's condition does not hold", ""
        return OutcomeStatus.ERROR, f"{type(error).__name__}: {error}", ""

    def _explained(self, mark: Mark, error: StudentError) -> str:
        """What the code stopped with, and for a name that is missing why it is."""
        owner = self.binding.owner(_missing_name(error)) if self.binding is not None else None
        excuse = self.binding.excuse(owner) if self.binding is not None and owner is not None else None
        why = self._absence(mark, error)
        return excuse or (f"{error.report()} ({why})" if why else error.report())

    def _unwritten(self, error: StudentError) -> str | None:
        """The exercise whose stub or absence caused this error.

        Messages name it, and its text is the student's to choose: one that only claims to be a stub's, or to miss
        what is written, could carry hidden inputs out.
        """
        if self.binding is None:
            return None
        name = self.binding.owner(_missing_name(error))
        if isinstance(error, NotImplementedError):
            first = error.text.partition(":")[0]
            name = first if error.text == STUB_TEXT.format(exercise=first) else None
        elif name is not None and self.binding.excuse(name):
            return None
        return name if name is not None and self.binding.is_unfinished(name) else None


def _missing_name(error: BaseException | None) -> str:
    """The name that the student's code misses; empty where the error is another one or does not say."""
    if isinstance(error, StudentMissing):
        return error.text
    return (
        "".join(error.text.split("'")[1:2]) if isinstance(error, StudentError) and isinstance(error, NameError) else ""
    )


def _collect(files: Sequence[TestFile], plugin: Plugin) -> None:
    """Let pytest find the tests. Their modules are forgotten at once, so that an edited file is read anew next time."""
    if not files:
        return
    before = set(sys.modules)
    # Folders above the tests are not looked through.
    top = os.path.commonpath([os.path.dirname(os.path.abspath(file.path)) for file in files])
    paths = [str(file.path) for file in files]
    try:
        with (
            _undisturbed_by_garbage(),
            _environment("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1"),
            _environment("PYTEST_ADDOPTS", None),
        ):
            code = pytest.main([*PLAIN_PYTEST, "--collect-only", "--confcutdir", top, *paths], plugins=[plugin])
    finally:
        for name in set(sys.modules) - before:
            if Path(getattr(sys.modules[name], "__file__", None) or "").resolve() in plugin.prefixes:
                del sys.modules[name]
    if plugin.broken:
        raise ValueError("; ".join(plugin.broken))
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        raise ValueError(f"pytest could not read {', '.join(paths)}: {code!r}")


@contextmanager
def _undisturbed_by_garbage() -> Iterator[None]:
    """Without garbage collection, which takes longer than most tests; a collection inside looks at what is new."""
    collecting = gc.isenabled()
    gc.disable()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
        if collecting:
            gc.enable()


def _let_go(error: BaseException) -> None:
    """Of the frames that an exception holds, and with them of everything that came back from the student's code."""
    todo: list[BaseException | None] = [error]
    while todo:
        met = todo.pop()
        if met is not None:
            traceback.clear_frames(met.__traceback__)
            todo += [met.__cause__, met.__context__]
            met.__traceback__ = met.__cause__ = met.__context__ = None
    for name in ("last_type", "last_value", "last_traceback", "last_exc"):  # pytest's, for a debugger
        vars(sys).pop(name, None)


class TestTookTooLong(BaseException):
    """A test itself did not end. Not an Exception, so that no `except Exception` of the test holds it up."""

    __test__ = False


@contextmanager
def _limited(seconds: float) -> Iterator[None]:
    """A limit on what a block may take: of this process's own time, and CLOCK_FACTOR times that on the clock."""
    if not seconds or threading.current_thread() is not threading.main_thread():  # no other can be interrupted
        yield
        return

    def stop(*_: object) -> None:
        raise TestTookTooLong(f"the test itself did not end within {seconds:g} seconds of processor time")

    timers = {signal.SIGPROF: (signal.ITIMER_PROF, 1), signal.SIGALRM: (signal.ITIMER_REAL, CLOCK_FACTOR)}
    before = {number: signal.signal(number, stop) for number in timers}
    try:
        for timer, factor in timers.values():
            signal.setitimer(timer, factor * seconds, 1.0)  # again each second, should it be caught
        yield
    finally:
        for number, (timer, _) in timers.items():
            signal.setitimer(timer, 0)
            signal.signal(number, before[number])


@contextmanager
def _environment(name: str, value: str | None) -> Iterator[None]:
    before = os.environ.pop(name, None)
    if value is not None:
        os.environ[name] = value
    try:
        yield
    finally:
        os.environ.pop(name, None)
        if before is not None:
            os.environ[name] = before


def _required_mark(item: Any) -> Mark:
    mark = mark_of(item.function)
    if mark is None:
        raise ValueError(f"{item.nodeid}: {UNMARKED}")
    return mark


def _trace(error: BaseException) -> str:
    met = error.__cause__ if isinstance(error, CheckFailed) else error
    far = met.trace if isinstance(met, StudentError) else ""
    near = "" if isinstance(error, CheckFailed) else "".join(traceback.format_exception(error))
    return f"{far}\n{near}" if far else near


def _beginning_of(text: str) -> str:
    return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]} … ({len(text):,} characters, cut here)"


def _end_of(text: str) -> str:
    return text if len(text) <= MAX_TRACE else f"({len(text):,} characters, cut) … {text[-MAX_TRACE:]}"
