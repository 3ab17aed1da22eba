"""Answers without a method: zeros of the right shape, a table of the public checks' replies, lies about oneself.

They are made of the reference's replies, altered between its worker and the tests: no answer that computes nothing can
know more of shapes, dtypes and refusals. What they earn, no student has to earn by a right answer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from autograder.grading.plan import Plan, answer_code, visibility
from autograder.sandbox.sandbox import Sandbox
from autograder.verify.fills import ANEW, FILLS, NO_NAMES, ZERO, Fill, blank
from kit import figure_facts, scratch
from kit.binding import NotebookBinding
from kit.budget import Budget, FarSide
from kit.check import LOCAL_SEED
from kit.modes import MODES
from kit.outcomes import OutcomeStatus
from kit.runner import Outcome
from kit.wire import FunctionRef, HandleRef, Lib, decode, encode

ZEROS, REPLAY, LIES = "zeros", "replay", "lies"
EMPTY_KINDS = (ZEROS, REPLAY, LIES)
# What each kind may earn, or lies may buy, of a set's points, and of one problem's: some ask more of side properties.
MOST = {ZEROS: 0.03, REPLAY: 0.15, LIES: 8 / 71}
MOST_OF_A_PROBLEM = MOST | {LIES: 1 / 4}
MEANING = {
    ZEROS: "an answer with {values} in the right shape",
    REPLAY: "a table of what the public checks are answered",
    LIES: "a worker that lies about itself",
}
# Requests that tell what the student's code does.
CALLS = ("call", "vjp", "make", "operate", "value", "calls", "observed")
CLAIMS = ("class", "is", "isinstance", "hasattr")  # operators that ask what an object is, not what it does
FLAGS = ["inference", "parameter", "requires_grad", "subclass"]

Way = tuple[str, str]  # kind and name of an answer without a method
Message = dict[str, Any]
Alter = Callable[[Message, Message], Message]  # a request and its true reply: what the test is told


class Unseen:
    """What there is to see of calls that do nothing: arguments and files as the test gave them, and no more."""

    def __init__(self) -> None:
        self.arguments: list[Any] = []
        self.files: Message = scratch.packed({})

    def note(self, request: Message) -> None:
        if "begin" in request:
            self.arguments, self.files = [], scratch.packed({})
        self.files = request.get("lay", {}).get("files", self.files)
        if "args" in request and "kwargs" in request:
            given = {**dict(enumerate(request["args"])), **request["kwargs"]}
            self.arguments = [[place, value] for place, value in given.items()]

    def part(self, name: str) -> Any:
        nothing = {"printed": "", "printed_errors": "", "figures": figure_facts.sent([])}
        return {"arguments": self.arguments, "written": self.files, **nothing}.get(name, [])


@dataclass
class Blanks:
    """Every result of a student's code and every gradient blank. What the library's modules tell stays true.

    Nothing is done to a module: its tensors are as they were before the student's code got it.
    """

    fill: Fill
    names: bool = True  # whether a dict keeps its keys
    handles: list[bool] = field(default_factory=list)  # of every module, whether it is the library's
    unseen: Unseen = field(default_factory=Unseen)

    def __call__(self, request: Message, reply: Message) -> Message:
        if "begin" in request:
            self.handles.clear()
        if "handle" in reply:
            self.handles.append(isinstance(request["target"], Lib))
        self.unseen.note(request)
        if "seen" in reply:
            return reply | {"seen": self.unseen.part(request["part"])}
        if BEFORE in reply:
            as_before: Message = reply[BEFORE]
            return reply | as_before
        if "value" not in reply or self._is_the_librarys(request):
            return reply
        if request.get("name") == "ne" and isinstance(reply["value"], bool):  # of objects that are all equal, or none
            return reply | {"value": not blank(True, self.fill)}
        is_emptied = isinstance(reply["value"], dict) and not self.names
        return reply | {"value": {} if is_emptied else blank(reply["value"], self.fill)}

    def _is_the_librarys(self, request: Message) -> bool:
        target = request.get("target")
        if isinstance(target, HandleRef):
            return self.handles[target.number]
        return isinstance(target, Lib) and not any(isinstance(part, FunctionRef) for part in request["args"])


@dataclass
class Requests:
    """Gives each request a key by which it is known again in another run: modules, arguments, how often before."""

    before: list[bytes] = field(default_factory=list)
    count: Counter[bytes] = field(default_factory=Counter)
    called: bytes = b""  # the last call, of which more may be asked

    def key(self, request: Message) -> tuple[bytes, int]:
        if "begin" in request:
            self.before.clear()
            self.count.clear()
        if first := request.get("first"):
            self.before.append(encode({"first": first}))
        frame = encode({name: part for name, part in request.items() if name not in ("begin", "first")})
        if request["op"] == "build":
            self.before.append(frame)
        if request["op"] == "observed":
            frame = self.called + frame
        elif "args" in request:
            self.called = frame
        key = b"".join([*self.before, frame])
        self.count[key] += 1
        return key, self.count[key]


@dataclass
class Recorder:
    """Changes nothing, and keeps what every request was answered."""

    replies: dict[tuple[bytes, int], Message] = field(default_factory=dict)
    requests: Requests = field(default_factory=Requests)

    def __call__(self, request: Message, reply: Message) -> Message:
        key = self.requests.key(request)
        if request["op"] in CALLS:
            self.replies[key] = reply
        return reply


@dataclass
class Replay:
    """Answers from a table; with zeros where it knows nothing."""

    replies: Mapping[tuple[bytes, int], Message]
    requests: Requests = field(default_factory=Requests)
    otherwise: Blanks = field(default_factory=lambda: Blanks(ZERO))

    def __call__(self, request: Message, reply: Message) -> Message:
        zeros = self.otherwise(request, reply)
        return self.replies.get(self.requests.key(request), zeros)


class BadReports:
    """Right values, and the worst that a worker can say of itself: a test that fails would be bought by a lie.

    Modules are reported as they are until the student's code has run. What it changed in one is its answer, no report.
    """

    def __init__(self) -> None:
        self.has_run = False

    def __call__(self, request: Message, reply: Message) -> Message:
        self.has_run = request["op"] in CALLS or (self.has_run and "begin" not in request)
        if not self.has_run or reply.get("status") != "ok":
            return reply
        if "training" in reply:
            told = {name: part for name, part in reply.items() if name != BEFORE}
            worst = {name: _worst(part) if isinstance(part, dict) else part for name, part in told.items()}
            answers = {name: worst[name] | changed for name, changed in _answers(reply).items()}
            return worst | answers | {"hooks": {"": 1}}
        if request.get("name") in CLAIMS and isinstance(reply["value"], (bool, str)):
            reply = reply | {"value": not reply["value"] if isinstance(reply["value"], bool) else ""}
        reports = {"flags": FLAGS, "unchanged": False} if "flags" in reply else {}
        return reply | reports | {"modes": sorted(MODES)}


def _worst(part: Mapping[str, Any]) -> dict[str, Any]:
    """A part of a module's state, everything in it another."""
    return {name: not value if isinstance(value, bool) else value + 1 for name, value in part.items()}


def _answers(state: Message) -> dict[str, dict[str, Any]]:
    """Of a module's state, the parameters and the buffers that the student's code changed."""
    before = state.get(BEFORE, {})
    return {
        part: {n: v for n, v in state[part].items() if n in old and not _identical(old[n], v)}
        for part, old in before.items()
    }


def _identical(one: Any, other: Any) -> bool:
    return one.shape == other.shape and (one.is_meta or other.is_meta or bool((one == other).all()))


BEFORE = "before"  # entry of a module's state: its tensors as they were when the student's code first got it


@dataclass
class Touched:
    """Remembers what modules held before the student's code got them, for exercises whose answer is a change."""

    ask: Callable[[Message], Message]
    states: dict[int, Message] = field(default_factory=dict)

    def note(self, request: Message) -> Message:
        """To be called with each request before it is passed on; returns what is left to be passed on."""
        if "begin" in request:
            self.states.clear()
        for fields in request.get("first", ()):
            self.states.pop(fields["handle"], None)  # the test itself changes it
        if request["op"] not in CALLS:
            return request
        for number in sorted(set(_handles([request.get(part) for part in ("target", "args", "kwargs")]))):
            if number not in self.states:
                opening = {name: request.pop(name) for name in ("begin", "first") if name in request}
                reply = self.ask(opening | {"op": "module", "handle": number, "action": "state", "value": None})
                if reply.get("status") != "ok":
                    return request | opening  # the error is met again, and told
                self.states[number] = {name: reply[name] for name in ("parameters", "buffers")}
        return request

    def add(self, request: Message, reply: Message) -> Message:
        before = self.states.get(request.get("handle", -1))
        return reply | {BEFORE: before} if before is not None and "training" in reply else reply


def _handles(value: Any) -> list[int]:
    if isinstance(value, HandleRef):
        return [value.number]
    if isinstance(value, dict):
        value = list(value.values())
    return [number for part in value for number in _handles(part)] if isinstance(value, (list, tuple)) else []


class Altered:
    """A far side whose replies are altered on their way to the tests."""

    def __init__(self, inner: FarSide, alter: Alter) -> None:
        self.inner = inner
        self.alter = alter
        self.touched = Touched(self._ask)
        self.seconds = 0.0

    def _ask(self, request: Message) -> Message:
        return decode(self.inner.exchange(encode(request), self.seconds), objects=True)

    @property
    def processor_seconds(self) -> float:
        return self.inner.processor_seconds

    def exchange(self, frame: bytes, seconds: float) -> bytes:
        request, self.seconds = decode(frame, references=True), seconds
        if request["op"] == "load":
            return self.inner.exchange(frame, seconds)
        reply = self.touched.add(request, self._ask(self.touched.note(dict(request))))
        altered = self.alter(request, reply)
        return encode({name: part for name, part in altered.items() if name != BEFORE})

    def close(self) -> None:
        self.inner.close()


@dataclass(frozen=True)
class Earned:
    """What an answer without a method earns of an exercise, or what lies could buy there."""

    points: float
    max_points: float
    tests: tuple[str, ...]


@dataclass(frozen=True)
class Gift:
    """What one way of answering without a method earns of a problem's points, or of all that were proved."""

    kind: str
    name: str
    points: float
    max_points: float
    allowed: float
    tests: tuple[str, ...]

    @classmethod
    def of(cls, kind: str, name: str, rows: Sequence[Earned], share: float) -> Gift:
        """share: of the points of all these exercises, which may be earned."""
        points, most = sum(row.points for row in rows), sum(row.max_points for row in rows)
        return cls(kind, name, points, most, share * most, tuple(test for row in rows for test in row.tests))

    @property
    def is_too_much(self) -> bool:
        return self.points > self.allowed + 1e-9

    @property
    def what(self) -> str:
        return MEANING[self.kind].format(values=self.name)

    def __str__(self) -> str:
        verb = "could buy" if self.kind == LIES else "earns"
        return f"{self.what} {verb} {self.points:.2f} of {self.max_points:g} points, allowed are {self.allowed:.2f}"


def earned(kind: str, name: str, exercise: str, plan: Plan, sandbox: Sandbox, seed: int) -> Earned:
    """Run the exercise's tests on an answer of this kind. name: which values, for `zeros`."""
    ANEW.begin(seed)
    outcomes = _outcomes(kind, name, exercise, plan, sandbox, seed)
    counts = [o for o in outcomes if (o.status is OutcomeStatus.PASSED) is not (kind == LIES)]
    points = plan.assignment.manifest.exercise(exercise).points
    total = sum(outcome.mark.weight for outcome in outcomes)
    share = sum(outcome.mark.weight for outcome in counts) / total
    return Earned(points * share, points, tuple(outcome.id for outcome in counts))


def _outcomes(kind: str, name: str, exercise: str, plan: Plan, sandbox: Sandbox, seed: int) -> list[Outcome]:
    alter: Alter = BadReports()
    if kind == ZEROS:
        alter = Blanks(FILLS[name], names=name != NO_NAMES)
    elif kind == REPLAY:
        alter = Replay(_recorded(exercise, plan, sandbox))
    binding = _binding(exercise, plan, sandbox, alter, seed)
    try:
        return plan.collected.run(binding=binding, seed=seed, exercises={exercise})
    finally:
        binding.close()


def _recorded(exercise: str, plan: Plan, sandbox: Sandbox) -> Mapping[tuple[bytes, int], Message]:
    """What the reference answers the public tests at home."""
    recorder = Recorder()
    binding = _binding(exercise, plan, sandbox, recorder, LOCAL_SEED)
    try:
        for test in plan.tests:
            if test.mark.exercise == exercise and visibility(test.id) == "public":
                plan.collected.run(binding=binding, seed=LOCAL_SEED, only=test.id)
    finally:
        binding.close()
    return recorder.replies


def _binding(exercise: str, plan: Plan, sandbox: Sandbox, alter: Alter, seed: int) -> NotebookBinding:
    assignment = plan.assignment
    problem = assignment.problem(assignment.manifest.exercise(exercise).problem)
    cells = {problem.name: answer_code(problem)}
    budget = Budget(assignment.submission_seconds)
    return NotebookBinding(
        assignment.manifest,
        cells,
        lambda: Altered(sandbox.worker(), alter),
        seed=seed,
        budget=budget,
        find_file=problem.reference_weights.get,
    )
