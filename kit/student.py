"""The `student` that a test talks to: every request crosses the wire, whether the code is near or far."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from kit import grading_rules
from kit.callbacks import Recorded, crossing
from kit.far_objects import MAX_TAKEN
from kit.far_side import ERRORS, Service, cell_spoken
from kit.modes import MODES
from kit.objects import Object, RemoteFunction, kind_shown, reference_of
from kit.wire import (
    FLAGS,
    FunctionRef,
    Generated,
    HandleRef,
    Lib,
    ObjectRef,
    RecordedRef,
    SliceRef,
    WireError,
    decode,
    encode,
)


class StudentError(Exception):
    """The student's code raised an exception. `cell` and `line` say where, as far as known.

    kind: its class in `ERRORS`, or the nearest there. shown: what the student calls it. preparing: whether it was
    raised by what a test did to a module before the request that met it.
    """

    kind = "an exception"
    shown = ""
    text = ""
    cell: str | None = None
    line: int | None = None
    trace = ""
    preparing = False

    def __str__(self) -> str:
        return f"{self.shown}: {self.text}" if self.text else self.shown

    def report(self, said: str = "") -> str:
        """One sentence: what was raised and where. The cell `said` is not named again."""
        place = f" in {cell_spoken(self.cell)}" if self.cell else " in your cell" if self.line else ""
        place = "" if said and self.cell == said else place
        return f"{self.shown}{place}{f', line {self.line}' if self.line else ''}{f': {self.text}' if self.text else ''}"


class StudentMissing(StudentError):
    """The student's code does not define what the test asks for; `text` is its name."""

    kind = "NameError"


class StudentTimeout(Exception):
    """No answer within the time allowed."""


class CellTimeout(StudentTimeout):
    """A cell of the notebook took too long when it was loaded; the text says which, and where."""


class StudentCrashed(Exception):
    """The process with the student's code ended; the text says how."""


def _error_class(name: str, base: type[Exception]) -> type[StudentError]:
    doc = f"The student's code raised {name}."
    return type(f"Student{name}", (StudentError, base), {"__doc__": doc, "__module__": __name__, "kind": name})


STUDENT_ERRORS = {name: _error_class(name, base) for name, base in ERRORS.items()}


class Transport(Protocol):
    """Takes one request to the far side and brings back its reply."""

    def exchange(self, frame: bytes, seconds: float) -> bytes:
        """Raises StudentTimeout, StudentCrashed or WireError; after any of these it is of no more use."""
        ...


class LocalTransport:
    """The far side in this very process, under the rules of grading: for notebooks and `pytest` at home."""

    def __init__(self, service: Service) -> None:
        self.service = service

    def exchange(self, frame: bytes, seconds: float) -> bytes:
        with grading_rules.enforced():
            return self.service.answer(frame)


@dataclass(frozen=True)
class State:
    """What a module consists of: tensors by name, and the training flag of every part ('' is the module itself).

    requires_grad, has_gradient: of every parameter. hooks: how many a part or a parameter has, where it has any.
    objects, storages: a number for every parameter and buffer, under each of its names; the same number means the same
    object, or the same memory, in all states and handles of one test.
    """

    parameters: dict[str, Tensor]
    buffers: dict[str, Tensor]
    training: dict[str, bool]
    requires_grad: dict[str, bool]
    has_gradient: dict[str, bool]
    hooks: dict[str, int]
    objects: dict[str, int]
    storages: dict[str, int]


_STATE_PARTS: dict[str, type] = {
    "parameters": Tensor, "buffers": Tensor, "training": bool, "requires_grad": bool, "has_gradient": bool,
    "hooks": int, "objects": int, "storages": int,
}  # fmt: skip


class Student:
    """A student's code as a test sees it.

    `student.patchify(images, 4)` calls a function; `student["run"]` is one whose name means something here.
    `student.make("Stack")` calls a class or a function and keeps what it returns (`kit.objects`), `student.value("x")`
    is a variable, `student.calls(recorded)` what a function of the test's was called with (`kit.callbacks`).
    `student.build("MAEEncoder", dim=64)` makes a module and returns a handle. `student.run(Lib("ps3.x.y"), …)` calls a
    function of the shipped library or of Python's own there. `student.vjp(…)` asks for gradients.
    After a call, `student.unchanged_inputs` tells whether its tensors, lists and dicts are as they were, and
    `student.flags` which of requires_grad, parameter, subclass, inference its result carried. After any request,
    `student.changed_modes` tells which of torch's modes (grad, inference, default dtype, threads) it left changed.
    A generator's items are taken until `student.most_items`.
    find_file: what was handed in beside the notebooks, by name. measured, accuracies: see `kit.probe`.
    """

    def __init__(self, transport: Transport, *, call_seconds: float = 5.0) -> None:
        self._transport = transport
        self._seed: int | None = None
        self._test = 0  # which object belongs to which test
        self._recorded: list[Recorded] = []  # the functions that this test gave away
        self._waiting: list[dict[str, Any]] = []  # what is to be done to modules before the next request
        self.find_file: Callable[[str], bytes | None] = lambda name: None
        self.measured: dict[object, float] = {}  # what several tests ask for, on this far side
        self.accuracies: dict[str, float] = {}
        self.call_seconds = call_seconds
        self.most_items = MAX_TAKEN
        self.unchanged_inputs = True
        self.flags: frozenset[str] = frozenset()
        self.changed_modes: frozenset[str] = frozenset()

    def __getattr__(self, name: str) -> RemoteFunction:
        if name.startswith("_"):
            raise AttributeError(f'{name}: a name that begins with an underscore is student["{name}"]')
        return self[name]

    def __getitem__(self, name: str) -> RemoteFunction:
        """A function or class of any name."""
        return RemoteFunction(self, FunctionRef(name))

    def value(self, name: str) -> Any:
        """A variable of the student's notebook, if it is a plain value."""
        reply = self.request("value", target=FunctionRef(name), args=(), kwargs={})
        if "value" not in reply:
            raise WireError("a variable without a value")
        return reply["value"]

    def make(self, target: "str | Object | Lib", *args: Any, **kwargs: Any) -> Object:
        """Call a class or a function there, and keep what it returns.

        AssertionError where that is None: a function that forgot to return it.
        """
        fields = self._arguments(target, args, kwargs)
        made = self._near_side(self._result(self._asked({"op": "make"} | fields, objects=True)))
        if made is None:
            raise AssertionError(f"{_name_of(target)} returned None: does every way through it end in a return?")
        if not isinstance(made, Object):
            raise WireError("something made that is no object")
        return made

    def calls(self, recorded: Recorded) -> list[tuple[tuple[Any, ...], dict[str, Any]]]:
        """What a recorded function was called with: positions and names of each call.

        Values are as they were at that time; one that cannot cross is `Unsent`. AssertionError for too many calls.
        """
        if all(one is not recorded for one in self._recorded):
            return []
        reply = self.request("calls", number=self._number(recorded))
        flat, count = reply.get("calls"), reply.get("count")
        if not isinstance(flat, list) or type(count) is not int:
            raise WireError("calls that are no list")
        args, names = flat[::2], flat[1::2]
        if len(args) != len(names) or not all(
            type(a) is tuple and type(n) is dict for a, n in zip(args, names, strict=True)
        ):
            raise WireError("calls that are not positions and names")
        if count != len(args):
            raise AssertionError(f"{recorded.name} was called more than {len(args):,} times")
        return list(zip(args, names, strict=True))

    def build(self, target: "str | RemoteFunction | Lib", *args: Any, **kwargs: Any) -> "Handle":
        """Make a module there. Raises StudentError if its constructor does."""
        reply = self.request("build", **self._arguments(target, args, kwargs))
        number = reply.get("handle")
        if type(number) is not int:
            raise WireError("a module without a number")
        return Handle(self, number)

    def run(self, target: Lib, *args: Any, **kwargs: Any) -> Any:
        """Call a function of the shipped library there."""
        return self._call(target, None, args, kwargs)

    def vjp(
        self,
        target: "str | RemoteFunction | Handle | BoundMethod | Lib",
        args: Sequence[Any],
        cotangents: Any = None,
        *,
        wrt: Sequence[int | str] | str,
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Gradients of sum(output * cotangent).

        cotangents: None for a scalar output, else a tensor, or a tuple with None where nothing flows in.
        wrt: argument positions and parameter names -> list of tensor or None (no gradient arrives);
        "parameters" -> dict of every parameter's name to the same.
        """
        method = target.name if isinstance(target, BoundMethod) else None
        owner = target.handle if isinstance(target, BoundMethod) else target
        reply = self.request(
            "vjp",
            **self._arguments(owner, tuple(args), kwargs or {}),
            method=method,
            cotangents=cotangents,
            wrt=wrt if isinstance(wrt, str) else list(wrt),
        )
        return _gradients(reply.get("value"), wrt)

    def begin(self, seed: int) -> None:
        """Before each test: forget what is kept there, seed random generators. Travels with the next request."""
        self._seed = seed
        self._test += 1
        self._recorded = []
        self.most_items = MAX_TAKEN
        self._waiting.clear()

    def load_cells(
        self, cells: Sequence[tuple[str, str]], *, packages: Sequence[str] = (), seconds: float | None = None
    ) -> list[StudentError | None]:
        """Run cells (label, source) of the student's notebook there; each one's error, if it stopped with one.

        packages: what the assignment names, for messages. seconds: after which a cell is interrupted, with OutOfTime.
        """
        given = {"cells": [list(cell) for cell in cells], "packages": list(packages), "seconds": seconds}
        errors = self.request("load", **given).get("errors")
        if not isinstance(errors, list) or len(errors) != len(cells):
            raise WireError("not one outcome for each cell")
        return [_rebuilt(error) if isinstance(error, dict) else None for error in errors]

    def load_cell(self, label: str, source: str) -> None:
        """Run one cell there. Raises StudentError if it stops with one."""
        for error in self.load_cells([(label, source)]):
            if error is not None:
                raise error

    def request(self, op: str, **fields: Any) -> dict[str, Any]:
        """One exchange. Raises StudentError for the student's exceptions, WireError for nonsense."""
        return self._asked({"op": op} | fields)

    def _asked(self, message: dict[str, Any], *, objects: bool = False) -> dict[str, Any]:
        """objects: whether the reply may hold objects that are kept there."""
        if self._waiting:
            message["first"], self._waiting = self._waiting, []
        if self._seed is not None:
            message["begin"], self._seed = self._seed, None
        reply = decode(self._transport.exchange(encode(message), self.call_seconds), objects=objects)
        self.changed_modes = _names_among(MODES, reply.get("modes"))
        if reply.get("status") == "ok":
            return reply
        error = reply.get("error")
        if not isinstance(error, dict):
            raise WireError("a reply that is neither a result nor an error")
        raise _rebuilt(error)

    def later(self, **fields: Any) -> None:
        """Do this to a module before the next request: an exchange costs more than most of what is done there."""
        self._waiting.append(fields)

    def _call(self, target: Any, method: str | None, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        fields = self._arguments(target, args, kwargs) | {"method": method}
        return self._result(self.request("call", **fields))

    def _operate(self, name: str, operands: tuple[Any, ...], kwargs: dict[str, Any] | None = None) -> Any:
        """An operator on objects. What it gives may hold objects."""
        fields = self._arguments(operands[0], operands[1:], kwargs or {}) | {"name": name}
        return self._near_side(self._result(self._asked({"op": "operate"} | fields, objects=True)))

    def _left(self, context: Object, error: BaseException | None) -> None:
        """Tell an object that the block of its `with` ended, with which exception: of the test's own, no word."""
        if isinstance(error, (StudentTimeout, StudentCrashed, WireError)) or not isinstance(error, Exception | None):
            return
        kind = next((cls.__name__ for cls in type(error).__mro__ if ERRORS.get(cls.__name__) is cls), "Exception")
        try:
            self._operate("left", (context, kind if error else None, getattr(error, "text", "")))
        except StudentError:
            if error is None or isinstance(error, StudentError):
                raise  # else what the test says goes on

    def _arguments(self, target: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        fields = {"target": self._reference(target), "args": self._far_side(args), "kwargs": self._far_side(kwargs)}
        return fields if self.most_items == MAX_TAKEN else fields | {"most": self.most_items}

    def _result(self, reply: dict[str, Any]) -> Any:
        flags, unchanged = reply.get("flags"), reply.get("unchanged")
        if "value" not in reply or not isinstance(unchanged, bool):
            raise WireError("a result that does not tell whether its inputs are as they were")
        self.unchanged_inputs, self.flags = unchanged, _names_among(FLAGS, flags)
        return reply["value"]

    def _reference(self, target: Any) -> Any:
        return FunctionRef(target) if isinstance(target, str) else self._far_side(target)

    def _far_side(self, value: Any) -> Any:
        """Replace what lives on the far side by references to it."""
        if isinstance(value, Object):
            return reference_of(value, self, self._test)
        if isinstance(value, Handle):
            return HandleRef(value.number)
        if isinstance(value, (tuple, list)):
            return type(value)(self._far_side(item) for item in value)
        if isinstance(value, dict):
            return {key: self._far_side(item) for key, item in value.items()}
        if isinstance(value, Recorded):
            word, content = value.does
            return RecordedRef(self._number(value), (word, self._far_side(content)), value.name)
        if isinstance(value, slice):
            return SliceRef(*map(self._far_side, (value.start, value.stop, value.step)))
        if isinstance(value, Generated):
            return Generated(self._far_side(value.items), value.finished)
        if callable(value) and not isinstance(value, Tensor):
            return crossing(value)
        return value

    def _near_side(self, value: Any) -> Any:
        """Replace references by what a test gets for them."""
        if isinstance(value, ObjectRef):
            return Object(self, value, self._test)
        if isinstance(value, (tuple, list)):
            return type(value)(self._near_side(item) for item in value)
        if isinstance(value, dict):
            return {key: self._near_side(item) for key, item in value.items()}
        return Generated(self._near_side(value.items), value.finished) if isinstance(value, Generated) else value

    def _number(self, recorded: Recorded) -> int:
        known = [number for number, one in enumerate(self._recorded) if one is recorded]
        if not known:
            self._recorded.append(recorded)
        return known[0] if known else len(self._recorded) - 1


@dataclass(frozen=True)
class BoundMethod:
    """A method of a module on the far side, for `student.vjp`."""

    handle: "Handle"
    name: str


@dataclass(frozen=True)
class Handle:
    """A module on the far side. Calling it runs its forward."""

    student: Student
    number: int

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.student._call(self, None, args, kwargs)

    def call(self, method: str, *args: Any, **kwargs: Any) -> Any:
        """Call one of its methods."""
        return self.student._call(self, method, args, kwargs)

    def method(self, name: str) -> BoundMethod:
        """One of its methods, not called yet: `student.vjp(handle.method("features"), …)`."""
        return BoundMethod(self, name)

    def load(self, weights: dict[str, Tensor]) -> "Handle":
        """Load parameters and persistent buffers by name, all of them; a misfit is met by the next request."""
        return self._do("load", weights)

    def train(self, mode: bool = True) -> "Handle":
        return self._do("train", mode)

    def eval(self) -> "Handle":
        return self._do("train", False)

    def to(self, dtype: torch.dtype) -> "Handle":
        return self._do("to", str(dtype).removeprefix("torch."))

    def double(self) -> "Handle":
        return self.to(torch.float64)

    def meta(self) -> "Handle":
        """Move it to the meta device: shapes without numbers."""
        return self._do("meta", None)

    def state(self) -> State:
        reply = self.student.request("module", handle=self.number, action="state", value=None)
        return State(**{name: _all_of(kind, reply.get(name)) for name, kind in _STATE_PARTS.items()})

    def _do(self, action: str, value: Any) -> "Handle":
        self.student.later(handle=self.number, action=action, value=value)
        return self


def _name_of(target: Any) -> str:
    if isinstance(target, Object):
        return kind_shown(target)
    return target.path if isinstance(target, Lib) else str(target)


def _gradients(value: Any, wrt: Sequence[int | str] | str) -> Any:
    parts = list(value.values()) if isinstance(value, dict) else value
    if isinstance(value, dict) != (wrt == "parameters") or not isinstance(parts, list):
        raise WireError("gradients that do not fit the question")
    if not isinstance(value, dict) and len(parts) != len(wrt):
        raise WireError("gradients that do not fit the question")
    if not all(part is None or isinstance(part, Tensor) for part in parts):
        raise WireError("gradients that are not tensors")
    return value


def _all_of(kind: type, part: Any) -> Any:
    """A part of a module's state, if it is a dict of this kind alone (bool is no int)."""
    if not isinstance(part, dict):
        raise WireError("a part of a module's state that is no dict")
    if not all(isinstance(value, kind) and isinstance(value, bool) == (kind is bool) for value in part.values()):
        raise WireError(f"a part of a module's state with something else than {kind.__name__}")
    return part


def _names_among(known: Collection[str], names: Any) -> frozenset[str]:
    """Names of a fixed list, of which nothing else is looked at: to turn a value into text may take long."""
    if not isinstance(names, list) or not all(isinstance(name, str) and name in known for name in names):
        raise WireError(f"a reply that does not tell which of {', '.join(known)}")
    return frozenset(names)


def _rebuilt(error: dict[str, Any]) -> StudentError:
    kind, line = error.get("type"), error.get("line")
    if kind == "MissingName":
        rebuilt: StudentError = StudentMissing()
        rebuilt.shown = "NameError"
    else:
        rebuilt = STUDENT_ERRORS.get(kind if isinstance(kind, str) else "", StudentError)()
        rebuilt.shown = _capped(error.get("shown"), 80) or "an exception"
    rebuilt.preparing = error.get("preparing") is True
    rebuilt.text = _capped(error.get("text"), 500)
    rebuilt.cell = _capped(error.get("cell"), 100) or None
    rebuilt.line = line if type(line) is int and 0 < line < 10**6 else None
    rebuilt.trace = _capped(error.get("trace"), 6000)
    return rebuilt


def _capped(value: Any, size: int) -> str:
    return value[:size] if isinstance(value, str) else ""
