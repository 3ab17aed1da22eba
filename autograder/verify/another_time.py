"""Runs the reference twice with the same seed, the second time as if on another day: a test must not notice.

The second run has another date, clock, time zone and other seeds of the libraries' own generators in the process that
tests. What a test asks the student's code for must be the same to the byte, and its verdict as well.
"""

from __future__ import annotations

import datetime
import os
import random
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from autograder.grading.plan import Plan, answer_code
from autograder.sandbox.sandbox import Sandbox
from kit.binding import NotebookBinding
from kit.budget import Budget, FarSide
from kit.outcomes import OutcomeStatus

LATER = 123_456_789.0  # seconds: nearly four years, at another time of the day
ELSEWHERE = "Pacific/Kiritimati"
OTHER_SEED = 271_828
CLOCKS = ("time", "monotonic", "perf_counter")
READ_NOW = ("localtime", "gmtime", "ctime", "strftime")  # of the clock where they are given no time
FIX = "draw from the fixture rng, write times and dates as values, and put sets in order"


def surprises(exercise: str, plan: Plan, sandbox: Sandbox, seed: int) -> Iterator[str]:
    """One line for each test of the exercise that is another one at another time."""
    now = _asked(exercise, plan, sandbox, seed)
    with later(_modules(plan)):
        then = _asked(exercise, plan, sandbox, seed)
    for test, (frames, status) in now.items():
        if then[test][1] != status:
            yield f"{test} is {status} now and {then[test][1]} at another time, with the same seed: {FIX}"
        elif then[test][0] != frames:
            yield f"{test} gives the student's code other inputs at another time, with the same seed: {FIX}"


@dataclass
class _Listener:
    """A far side that keeps what it is asked."""

    inner: FarSide
    frames: list[bytes] = field(default_factory=list)

    @property
    def processor_seconds(self) -> float:
        return self.inner.processor_seconds

    def exchange(self, frame: bytes, seconds: float) -> bytes:
        self.frames.append(bytes(frame))
        return self.inner.exchange(frame, seconds)

    def close(self) -> None:
        self.inner.close()


def _asked(exercise: str, plan: Plan, sandbox: Sandbox, seed: int) -> dict[str, tuple[list[bytes], OutcomeStatus]]:
    """For each test what it asks the reference, and how it ends."""
    problem = plan.assignment.problem(plan.assignment.manifest.exercise(exercise).problem)
    listeners: list[_Listener] = []

    def opened() -> _Listener:
        listeners.append(_Listener(sandbox.worker()))
        return listeners[-1]

    binding = NotebookBinding(
        plan.assignment.manifest,
        {problem.name: answer_code(problem)},
        opened,
        seed=seed,
        budget=Budget(plan.assignment.submission_seconds),
        find_file=problem.reference_weights.get,
    )
    found = {}
    try:
        for test in plan.tests:
            if test.mark.exercise == exercise:
                (outcome,) = plan.collected.run(binding=binding, seed=seed, only=test.id)
                found[test.id] = [frame for one in listeners for frame in one.frames], outcome.status
                for one in listeners:
                    one.frames = []
    finally:
        binding.close()
    return found


def _modules(plan: Plan) -> list[ModuleType]:
    """Where tests have their names from: their files, the helpers, the library."""
    files = {id(item.module): item.module for _, item in plan.collected.items}  # type: ignore[attr-defined]
    helpers = [value for module in files.values() for value in vars(module).values() if isinstance(value, ModuleType)]
    ours = [
        module for module in helpers if (getattr(module, "__file__", None) or "").startswith(str(plan.assignment.root))
    ]
    library = plan.assignment.library
    shipped = [module for name, module in sys.modules.items() if library and name.partition(".")[0] == library]
    return [*files.values(), *ours, *shipped]


@contextmanager
def later(modules: list[ModuleType]) -> Iterator[None]:
    """Another day, in another place, also for what these modules have imported by name.

    Clocks go on as fast as they do, so that limits on time hold.
    """
    changed = _pretended()
    places = [(vars(module), name) for module in (time, datetime) for name in _changed_names(module, changed)]
    places += [(vars(module), name) for module in modules for name in _changed_names(module, changed)]
    before = [(names, name, names[name]) for names, name in places]
    zone = os.environ.get("TZ")
    for names, name, value in before:
        names[name] = changed[id(value)]
    os.environ["TZ"] = ELSEWHERE
    time.tzset()
    try:
        with _other_seeds():
            yield
    finally:
        for names, name, value in before:
            names[name] = value
        os.environ.pop("TZ")
        if zone is not None:
            os.environ["TZ"] = zone
        time.tzset()


@contextmanager
def _other_seeds() -> Iterator[None]:
    """Other seeds of the libraries' own generators, as far as they are loaded."""
    numpy, torch = sys.modules.get("numpy"), sys.modules.get("torch")
    states = [(random.setstate, random.getstate())]
    random.seed(OTHER_SEED)
    if numpy is not None:
        states.append((numpy.random.set_state, numpy.random.get_state()))
        numpy.random.seed(OTHER_SEED)
    if torch is not None:
        states.append((torch.set_rng_state, torch.get_rng_state()))
        torch.manual_seed(OTHER_SEED)
    try:
        yield
    finally:
        for restore, state in states:
            restore(state)


def _changed_names(module: ModuleType, changed: dict[int, Any]) -> list[str]:
    return [name for name, value in vars(module).items() if id(value) in changed]


def _pretended() -> dict[int, Any]:
    """What stands for each clock and each class of dates, by the identity of what it replaces."""
    found: dict[int, Any] = {id(getattr(time, name)): _shifted(getattr(time, name), LATER) for name in CLOCKS}
    found |= {id(getattr(time, f"{name}_ns")): _shifted(getattr(time, f"{name}_ns"), int(LATER) * 10**9)
              for name in CLOCKS}  # fmt: skip
    found |= {id(getattr(time, name)): _read_later(getattr(time, name)) for name in READ_NOW}
    return found | {id(datetime.datetime): _LaterDatetime, id(datetime.date): _LaterDate}


def _shifted(clock: Callable[[], Any], by: Any) -> Callable[[], Any]:
    return lambda: clock() + by


def _read_later(function: Callable[..., Any]) -> Callable[..., Any]:
    now = time.time

    def read(*given: Any) -> Any:
        if function.__name__ == "strftime":
            return function(*given) if len(given) > 1 else function(*given, _LOCALTIME(now() + LATER))
        return function(*given) if given else function(now() + LATER)

    return read


_LOCALTIME = time.localtime
_DATETIME, _DATE = datetime.datetime, datetime.date


class _LaterDatetime(datetime.datetime):
    """Its now is another."""

    @classmethod
    def now(cls, tz: datetime.tzinfo | None = None) -> Any:
        return _DATETIME.now(tz) + datetime.timedelta(seconds=LATER)

    @classmethod
    def utcnow(cls) -> Any:
        return _DATETIME.now(datetime.UTC).replace(tzinfo=None) + datetime.timedelta(seconds=LATER)

    @classmethod
    def today(cls) -> Any:
        return cls.now()


class _LaterDate(datetime.date):
    """Its today is another."""

    @classmethod
    def today(cls) -> Any:
        return _DATE.today() + datetime.timedelta(seconds=LATER)
