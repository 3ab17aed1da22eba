"""The `student` that a test talks to: every request crosses the wire, whether the code is near or far."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from kit import grading_rules, tensors
from kit.far_side import ERRORS, Service, cell_spoken
from kit.modes import MODES
from kit.wire import FLAGS, FunctionRef, HandleRef, Lib, WireError, decode, encode

if TYPE_CHECKING:
    import torch
    from torch import Tensor


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


_STATE_PARTS: dict[str, type | None] = {  # None: tensors
    "parameters": None, "buffers": None, "training": bool, "requires_grad": bool, "has_gradient": bool,
    "hooks": int, "objects": int, "storages": int,
}  # fmt: skip


class Student:
    """A student's code as a test sees it.

    `student.patchify(images, 4)` calls a function. `student.build("MAEEncoder", dim=64)` makes a module and returns a
    handle. `student.run(Lib("ps3.x.y"), …)` calls a function of the shipped library there. `student.vjp(…)` asks for
    gradients. After a call, `student.unchanged_inputs` tells whether its tensors, lists and dicts are as they were, and
    `student.flags` which of requires_grad, parameter, subclass, inference its result carried. After any request,
    `student.changed_modes` tells which of torch's modes (grad, inference, default dtype, threads) it left changed.
    find_file: what was handed in beside the notebooks, by name. measured, accuracies: see `kit.probe`.
    """

    def __init__(self, transport: Transport, *, call_seconds: float = 5.0) -> None:
        self._transport = transport
        self._seed: int | None = None
        self._waiting: list[dict[str, Any]] = []  # what is to be done to modules before the next request
        self.find_file: Callable[[str], bytes | None] = lambda name: None
        self.measured: dict[object, float] = {}  # what several tests ask for, on this far side
        self.accuracies: dict[str, float] = {}
        self.call_seconds = call_seconds
        self.unchanged_inputs = True
        self.flags: frozenset[str] = frozenset()
        self.changed_modes: frozenset[str] = frozenset()

    def __getattr__(self, name: str) -> RemoteFunction:
        if name.startswith("_"):
            raise AttributeError(name)
        return RemoteFunction(self, name)

    def build(self, target: str | RemoteFunction | Lib, *args: Any, **kwargs: Any) -> Handle:
        """Make a module there. Raises StudentError if its constructor does."""
        reply = self.request("build", target=_reference(target), args=_near(args), kwargs=_near(kwargs))
        number = reply.get("handle")
        if type(number) is not int:
            raise WireError("a module without a number")
        return Handle(self, number)

    def run(self, target: Lib, *args: Any, **kwargs: Any) -> Any:
        """Call a function of the shipped library there."""
        return self._call(target, None, args, kwargs)

    def vjp(
        self,
        target: str | RemoteFunction | Handle | BoundMethod | Lib,
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
            target=_reference(owner),
            method=method,
            args=_near(tuple(args)),
            kwargs=_near(kwargs or {}),
            cotangents=cotangents,
            wrt=wrt if isinstance(wrt, str) else list(wrt),
        )
        return _gradients(reply.get("value"), wrt)

    def begin(self, seed: int) -> None:
        """Before each test: modules forgotten there, every random generator seeded. Travels with the next request."""
        self._seed = seed
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
        message = {"op": op} | fields
        if self._waiting:
            message["first"], self._waiting = self._waiting, []
        if self._seed is not None:
            message["begin"], self._seed = self._seed, None
        reply = decode(self._transport.exchange(encode(message), self.call_seconds))
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
        reply = self.request("call", target=_reference(target), method=method, args=_near(args), kwargs=_near(kwargs))
        flags, unchanged = reply.get("flags"), reply.get("unchanged")
        if "value" not in reply or not isinstance(unchanged, bool):
            raise WireError("a result that does not tell whether its inputs are as they were")
        self.unchanged_inputs, self.flags = unchanged, _names_among(FLAGS, flags)
        return reply["value"]


@dataclass(frozen=True)
class RemoteFunction:
    """A function or class that the student wrote: call it, or pass it to another."""

    student: Student
    name: str

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.student._call(self, None, args, kwargs)


@dataclass(frozen=True)
class BoundMethod:
    """A method of a module on the far side, for `student.vjp`."""

    handle: Handle
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

    def load(self, weights: dict[str, Tensor]) -> Handle:
        """Load parameters and persistent buffers by name, all of them; a misfit is met by the next request."""
        return self._do("load", weights)

    def train(self, mode: bool = True) -> Handle:
        return self._do("train", mode)

    def eval(self) -> Handle:
        return self._do("train", False)

    def to(self, dtype: torch.dtype) -> Handle:
        return self._do("to", tensors.short(dtype))

    def double(self) -> Handle:
        return self._do("to", "float64")

    def meta(self) -> Handle:
        """Move it to the meta device: shapes without numbers."""
        return self._do("meta", None)

    def state(self) -> State:
        reply = self.student.request("module", handle=self.number, action="state", value=None)
        return State(**{name: _all_of(kind, reply.get(name)) for name, kind in _STATE_PARTS.items()})

    def _do(self, action: str, value: Any) -> Handle:
        self.student.later(handle=self.number, action=action, value=value)
        return self


def _reference(target: Any) -> Any:
    if isinstance(target, str):
        return FunctionRef(target)
    return _near(target)


def _near(value: Any) -> Any:
    """Replace what lives on the far side by references to it."""
    if isinstance(value, RemoteFunction):
        return FunctionRef(value.name)
    if isinstance(value, Handle):
        return HandleRef(value.number)
    if isinstance(value, (tuple, list)):
        return tuple(map(_near, value)) if isinstance(value, tuple) else list(map(_near, value))
    if isinstance(value, dict):
        return {key: _near(item) for key, item in value.items()}
    return value


def _gradients(value: Any, wrt: Sequence[int | str] | str) -> Any:
    parts = list(value.values()) if isinstance(value, dict) else value
    if isinstance(value, dict) != (wrt == "parameters") or not isinstance(parts, list):
        raise WireError("gradients that do not fit the question")
    if not isinstance(value, dict) and len(parts) != len(wrt):
        raise WireError("gradients that do not fit the question")
    if not all(part is None or tensors.is_tensor(part) for part in parts):
        raise WireError("gradients that are not tensors")
    return value


def _all_of(kind: type | None, part: Any) -> Any:
    """A part of a module's state, if it is a dict of this kind alone (bool is no int)."""
    if not isinstance(part, dict):
        raise WireError("a part of a module's state that is no dict")
    good = tensors.is_tensor if kind is None else lambda value: type(value) is kind
    if not all(map(good, part.values())):
        raise WireError(f"a part of a module's state with something else than {kind.__name__ if kind else 'tensors'}")
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
