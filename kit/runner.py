"""Runs test files with pytest, in this process, against one student's code, and says what came of each test."""

import gc
import hashlib
import os
import sys
import time
import traceback
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pytest
import torch

from kit.compare import CheckFailed
from kit.exercises import STUB_TEXT, Mark, mark_of
from kit.student import Student, StudentCrashed, StudentError, StudentMissing, StudentTimeout
from kit.wire import WireError

PLAIN_PYTEST = (
    "-c", os.devnull, "--noconftest", "--import-mode=importlib", "--assert=plain", "--capture=no", "-p", "no:terminal",
    "-p", "no:cacheprovider", "-p", "no:unraisableexception", "-p", "no:threadexception", "-p", "no:warnings",
    "-p", "no:logging", "-p", "no:doctest", "-p", "no:pastebin", "-p", "no:setuponly", "-p", "no:setupplan",
    "-p", "no:debugging", "-p", "no:recwarn", "-p", "no:skipping", "-p", "no:subtests", "-p", "no:unittest",
    "-p", "no:legacypath", "-p", "no:python_path", "-p", "no:junitxml", "-p", "no:faulthandler", "-p", "no:stepwise",
)  # fmt: skip

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
class Outcome:
    """What came of one test.

    status: passed, failed, timeout, crashed, missing (not written), blocked (by an earlier exercise), or error: the
    test itself is at fault, or seems so.
    text: what was wrong, in words that may hold inputs and the student's own text. trace: for TAs.
    """

    id: str
    mark: Mark
    status: str
    seconds: float
    text: str = ""
    hint: str = ""
    trace: str = ""
    blocked_by: str = ""


class Binding(Protocol):
    """Where a student's code is reached: a live notebook, saved notebooks, or a worker in the sandbox."""

    def student(self, exercise: str) -> Student:
        """The student's code, ready for a test of this exercise. Raises what a test would report."""
        ...

    def discard(self, exercise: str, *, timeout: bool) -> None:
        """The far side is of no more use: after a timeout, a death, a lie."""
        ...

    def owner(self, name: str) -> str | None:
        """The exercise in which `name` is to be written; None where it is nobody's."""
        ...

    def excuse(self, exercise: str) -> str | None:
        """Why the names of this exercise are missing although its cell was written; None where it was not."""
        ...


def run_tests(
    files: Sequence[TestFile], *, binding: Binding, seed: int, exercises: Collection[str] | None = None, only: str = ""
) -> list[Outcome]:
    """Run the tests of these exercises (all, if None; one test, if `only` is its id), in the files' order."""
    plugin = Plugin(files, binding, seed, exercises, only)
    _session(files, plugin)
    return plugin.outcomes


def list_tests(files: Sequence[TestFile]) -> list[TestInfo]:
    """Every test in these files, without running any. Raises ValueError for a test without a mark or a broken file."""
    plugin = Plugin(files, None, 0, None, "")
    _session(files, plugin, "--collect-only")
    return plugin.listed


def test_generator(seed: int, test_id: str) -> torch.Generator:
    """The generator that a test draws its inputs from: fixed by the run's seed and the test's name."""
    return torch.Generator().manual_seed(_derived(seed, test_id))


test_generator.__test__ = False  # type: ignore[attr-defined]


class Plugin:
    """The fixtures `student` and `rng`, and the record of outcomes."""

    def __init__(
        self,
        files: Sequence[TestFile],
        binding: Binding | None,
        seed: int,
        exercises: Collection[str] | None,
        only: str,
    ) -> None:
        self.prefixes = {path: file.prefix for file in files for path in (file.path, file.path.resolve())}
        self.binding = binding
        self.seed = seed
        self.exercises = exercises
        self.only = only
        self.listed: list[TestInfo] = []
        self.outcomes: list[Outcome] = []
        self.ids: dict[str, str] = {}
        self.broken: list[str] = []
        self.started = 0.0

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
        student.begin(_derived(self.seed, self.test_id(request.node)) % 2**31)
        return student

    @pytest.fixture
    def rng(self, request: pytest.FixtureRequest) -> torch.Generator:
        return test_generator(self.seed, self.test_id(request.node))

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        kept = []
        for item in items:
            mark = mark_of(getattr(item, "function", None))
            if mark is None:
                self.broken.append(f"{self.test_id(item)}: {UNMARKED}")
            elif self.exercises is None or mark.exercise in self.exercises:
                kept.append((mark.exercise, TestInfo(self.test_id(item), mark), item))
        order = list(dict.fromkeys(exercise for exercise, _, _ in kept))
        kept = [row for row in sorted(kept, key=lambda row: order.index(row[0])) if self.only in ("", row[1].id)]
        self.listed = [info for _, info, _ in kept]
        items[:] = [item for _, _, item in kept]

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.broken.append(f"{report.nodeid}: {report.longreprtext}")

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        self.started = time.perf_counter()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> pytest.TestReport:
        """In place of pytest's report, whose text costs 10 ms for each test that failed and which nobody reads here."""
        assert call.when != "collect"
        self.record(item, call)
        return pytest.TestReport(
            item.nodeid, item.location, {}, "failed" if call.excinfo else "passed", None, call.when
        )

    def record(self, item: pytest.Item, call: pytest.CallInfo[None]) -> Outcome | None:
        """Keep what came of a test, once it is known."""
        if call.when != "call" and not (call.when == "setup" and call.excinfo is not None):
            return None
        self.outcomes.append(self._outcome(item, call.excinfo.value if call.excinfo else None))
        return self.outcomes[-1]

    def _outcome(self, item: pytest.Item, error: BaseException | None) -> Outcome:
        mark = _required_mark(item)
        status, text, blocked_by = self._judged(mark, error)
        if status in ("timeout", "crashed") and self.binding is not None:
            self.binding.discard(mark.exercise, timeout=status == "timeout")
        # Where the code stopped with an exception, that is what to look at, not the test's misconception.
        hint = "" if isinstance(error, StudentError) else getattr(error, "hint", None) or mark.hint
        trace = "" if error is None else _trace(error)
        return Outcome(
            self.test_id(item), mark, status, time.perf_counter() - self.started, text, hint, trace, blocked_by
        )

    def _judged(self, mark: Mark, error: BaseException | None) -> tuple[str, str, str]:
        """Status, text, and what blocks it."""
        if error is None:
            return "passed", "", ""
        if isinstance(error, StudentTimeout):
            return "timeout", str(error), ""
        if isinstance(error, (StudentCrashed, WireError)):
            return "crashed", str(error), ""
        if isinstance(error, StudentError):
            missing = self._unwritten(error)
            if missing is None:
                return "failed", error.report(), ""
            if missing != mark.exercise:
                return "blocked", f"blocked by {missing}: write that first", missing
            excuse = self.binding.excuse(missing) if self.binding and not isinstance(error, NotImplementedError) else ""
            return ("failed", excuse, "") if excuse else ("missing", f"{missing} is not written yet", "")
        if isinstance(error, (AssertionError, pytest.fail.Exception)):
            return "failed", str(error) or "the test's condition does not hold", ""
        return "error", f"{type(error).__name__}: {error}", ""

    def _unwritten(self, error: StudentError) -> str | None:
        """The exercise whose stub or absence caused this error."""
        if isinstance(error, NotImplementedError):
            name, _, rest = error.text.partition(":")
            return name if error.text == STUB_TEXT.format(exercise=name) and rest else None
        if isinstance(error, (StudentMissing, NameError)) and self.binding is not None:
            name = error.text if isinstance(error, StudentMissing) else error.text.split("'")[1:2]
            return self.binding.owner(name if isinstance(name, str) else "".join(name))
        return None


def _session(files: Sequence[TestFile], plugin: Plugin, *options: str) -> None:
    before = set(sys.modules)
    collecting = gc.isenabled()
    gc.disable()
    try:
        with _environment("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1"), _environment("PYTEST_ADDOPTS", None):
            # Folders above the tests are not looked through.
            top = os.path.commonpath([os.path.dirname(os.path.abspath(file.path)) for file in files])
            arguments = [*PLAIN_PYTEST, "--confcutdir", top, *options, *(str(file.path) for file in files)]
            code = pytest.main(arguments, plugins=[plugin])
    finally:
        if collecting:
            gc.enable()
        for name in set(sys.modules) - before:
            if Path(getattr(sys.modules[name], "__file__", None) or "").resolve() in plugin.prefixes:
                del sys.modules[name]
    if plugin.broken:
        raise ValueError("; ".join(plugin.broken))
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED):
        raise ValueError(f"pytest could not run {', '.join(str(file.path) for file in files)}: {code!r}")


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


def _derived(seed: int, test_id: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed}:{test_id}".encode()).digest()[:7])
