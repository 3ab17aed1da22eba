"""The far side: carries out a test's requests against the namespace in which the student's code lives.

The same class serves a live notebook, saved notebooks and the sandboxed worker. It returns values or errors, and
never lets an exception of the student's out.
"""

from __future__ import annotations

import ast
import importlib
import linecache
import random
import signal
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import zip_longest
from types import CodeType, TracebackType
from typing import TYPE_CHECKING, Any

from kit import arrays, tensors
from kit.far_objects import MAX_TAKEN, OPERATIONS, Keeping, Kept, Notes, Settling, recording, settling_of, standard
from kit.figure_facts import without_artists
from kit.imports import are_all_there, imports, missing_at_grading, with_harmless_imports
from kit.libraries import LARGE, generator
from kit.modes import changed, modes, restore
from kit.module_state import Numbers, state_of
from kit.observed import Observed, streams
from kit.snapshot import Snapshot
from kit.wire import (
    FunctionRef,
    Generated,
    HandleRef,
    Lib,
    ObjectRef,
    RecordedRef,
    Seed,
    SliceRef,
    decode,
    encode,
    flags_of,
)

if TYPE_CHECKING:
    from torch import Tensor, nn

# What an exception may be re-raised as on the test's side.
ERRORS: dict[str, type[Exception]] = {
    cls.__name__: cls
    for cls in (
        ArithmeticError, AssertionError, AttributeError, EOFError, FloatingPointError, ImportError, IndexError,
        KeyError, LookupError, MemoryError, ModuleNotFoundError, NameError, NotImplementedError, OSError, OverflowError,
        PermissionError, RecursionError, RuntimeError, StopIteration, SyntaxError, IndentationError, TypeError,
        UnboundLocalError, ValueError, ZeroDivisionError,
    )
}  # fmt: skip
MAX_ERROR_TEXT = 500
MAX_ERROR_CLASSES = 20  # of one exception, from its own upwards
MAX_CAUSES = 5
MAX_TRACE = 6000
_PLAIN = frozenset({type(None), bool, int, float, str})  # no reference is in them


ALARM_CLOCK_FACTOR = 10  # how much longer a cell may take on the clock than in processor time


class MissingName(Exception):
    """The student's code defines no such name."""


class OutOfTime(BaseException):
    """A cell takes too long: raised in the line that it is at."""


class Service:
    """Answers requests about one namespace.

    namespace: where the student's functions and classes are looked up, and cells are run.
    library: name of the shipped package; `Lib` paths must lie in it.
    stops: exceptions that pass through (a student's own Ctrl-C in a notebook); in a worker, none do.
    strict: whether cells find only the packages that the grader has, although there may be more here.
    libraries: those of torch, numpy and matplotlib that the set names.
    """

    def __init__(
        self,
        namespace: dict[str, Any],
        library: str,
        stops: tuple[type[BaseException], ...] = (KeyboardInterrupt,),
        *,
        strict: bool = False,
        libraries: Sequence[str] = LARGE,
    ) -> None:
        self.namespace = namespace
        self.library = library
        self.stops = stops
        self.strict = strict
        self.libraries = libraries
        self.modules: dict[int, nn.Module] = {}
        self.kept = Kept()
        self.notes: dict[int, Notes] = {}  # of each recorded function
        self.recorded: dict[int, Callable[..., Any]] = {}
        self.sources: dict[str, list[str]] = {}  # the lines of each cell, by its file name
        self.numbers = Numbers()
        self.observed = Observed()
        self.modes: dict[str, Any] = {}  # as they were before the first test or cell

    def answer(self, frame: bytes) -> bytes:
        """The reply to one request, both as frames. It tells which modes of torch the request left changed."""
        try:
            request = decode(frame, references=True)
            if "begin" in request:
                self.begin(int(request["begin"]))
        except BaseException as error:
            return encode({"status": "error", "error": self._describe(error), "modes": []})
        before = modes()
        reply = self._reply(request)
        try:
            return encode(reply | {"modes": changed(before, modes())})
        except BaseException as error:  # a value that cannot cross
            return encode({"status": "error", "error": self._describe(error), "modes": changed(before, modes())})

    def _reply(self, request: dict[str, Any]) -> dict[str, Any]:
        try:
            if "lay" in request:
                self.observed.lay(request["lay"])
            for fields in request.get("first", ()):
                self.do_module(fields)
        except self.stops:
            raise
        except BaseException as error:
            return {"status": "error", "error": self._describe(error) | {"preparing": True}}
        try:
            operation: Callable[[dict[str, Any]], dict[str, Any]] = getattr(self, f"do_{request['op']}")
            return {"status": "ok"} | operation(request)
        except self.stops:
            raise
        except BaseException as error:
            return {"status": "error", "error": self._describe(error)}

    # --- operations -----------------------------------------------------------------------------------------------

    def do_load(self, request: dict[str, Any]) -> dict[str, Any]:
        """Run cells. Their code keeps the cell's label as its file name, so that errors name cell and line.

        packages: what the assignment names. seconds: where it is given, a cell that takes longer is interrupted.
        """
        packages, seconds = request.get("packages", ()), request.get("seconds")
        self.observed.is_live = False
        with streams():
            return {"errors": [self._load(label, source, packages, seconds) for label, source in request["cells"]]}

    def do_observed(self, request: dict[str, Any]) -> dict[str, Any]:
        """A part of what the last call did besides what it returned."""
        return {"seen": self.observed.part(request["part"])}

    def do_call(self, request: dict[str, Any]) -> dict[str, Any]:
        target = self._target(request["target"], request.get("method"))
        return self._called(target, request, Settling(None, request.get("most", MAX_TAKEN)))

    def do_make(self, request: dict[str, Any]) -> dict[str, Any]:
        """Call something and keep what it returns, whatever it is."""
        target = self._target(request["target"], None)
        return self._called(target, request, Keeping(self.kept.keep))

    def do_operate(self, request: dict[str, Any]) -> dict[str, Any]:
        """An operator on `target` and `args`; objects that it gives are kept."""
        name, operand = request["name"], self._far(request["target"])
        settling = settling_of(name, self.kept.keep, request.get("most", MAX_TAKEN))
        return self._called(partial(OPERATIONS[name], operand), request, settling)

    def do_value(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"value": Settling().settled(self._far(request["target"]))}

    def do_calls(self, request: dict[str, Any]) -> dict[str, Any]:
        notes = self.notes.get(request["number"], Notes())
        return {"value": notes.calls, "count": notes.count}

    def _called(self, target: Callable[..., Any], request: dict[str, Any], settling: Settling) -> dict[str, Any]:
        args, kwargs = self._far(request["args"]), self._far(request["kwargs"])
        before = [Snapshot(part) for part in (*args, *kwargs.values())]
        with self.observed.call(args, kwargs):
            value = settling.settled(without_artists(target(*args, **kwargs), self.observed.figures))
        unchanged = all(snapshot.holds for snapshot in before)
        return {"value": value, "flags": sorted(flags_of(value)), "unchanged": unchanged}

    def do_build(self, request: dict[str, Any]) -> dict[str, Any]:
        target, args, kwargs = (
            self._target(request["target"], None),
            self._far(request["args"]),
            self._far(request["kwargs"]),
        )
        with self.observed.call(args, kwargs):
            module = target(*args, **kwargs)
        if not tensors.is_module(module):
            raise TypeError(f"{_spoken(request['target'])} built a {type(module).__name__}, not an nn.Module")
        self.modules[len(self.modules)] = module
        return {"handle": len(self.modules) - 1}

    def do_module(self, request: dict[str, Any]) -> dict[str, Any]:
        module, action = self.modules[request["handle"]], request["action"]
        if action == "train":
            module.train(request["value"])
        elif action == "to":
            module.to(getattr(tensors.loaded(), request["value"]))
        elif action == "meta":
            module.to(device="meta")
        elif action == "load":
            module.load_state_dict(request["value"], strict=True)
        elif action == "state":
            return state_of(module, self.numbers)
        return {}

    def do_vjp(self, request: dict[str, Any]) -> dict[str, Any]:
        """Gradients of sum(output * cotangent) with respect to arguments and parameters."""
        target = self._target(request["target"], request.get("method"))
        args, kwargs, wrt = list(self._far(request["args"])), self._far(request["kwargs"]), request["wrt"]
        owner = self._far(request["target"])
        parameters = dict(owner.named_parameters()) if tensors.is_module(owner) else {}
        names = list(parameters) if wrt == "parameters" else list(wrt)
        for place in names:
            if isinstance(place, int):
                args[place] = args[place].detach().clone().requires_grad_()
        with tensors.loaded().enable_grad(), self.observed.call(args, kwargs):
            total = _weighted(target(*args, **kwargs), request["cotangents"])
        sources = [args[name] if isinstance(name, int) else parameters[name] for name in names]
        gradients = tensors.gradients(total, sources)
        return {"value": dict(zip(names, gradients, strict=True)) if wrt == "parameters" else gradients}

    # --- helpers --------------------------------------------------------------------------------------------------

    def begin(self, seed: int) -> None:
        """Before a test: forget modules, put torch's modes back, seed every random generator."""
        self.modules.clear()
        self.kept.clear()
        self.notes.clear()
        self.recorded.clear()
        self.observed.begin()
        self.numbers = Numbers()
        if not self.modes:
            self.modes = modes()
        restore(self.modes)
        random.seed(seed)
        arrays.seed(seed)
        tensors.seed(seed)

    def _load(
        self, label: str, source: str, packages: Sequence[str], seconds: float | None = None
    ) -> dict[str, Any] | None:
        try:
            code = self._compiled(cell_filename(label), source, packages)
            with _alarm(seconds):
                exec(code, self.namespace)
        except self.stops:
            raise
        except BaseException as error:
            return self._describe(error)
        return None

    def _compiled(self, filename: str, source: str, packages: Sequence[str]) -> CodeType:
        """A cell's code; its source is kept where `inspect` and TorchScript look for it."""
        self._remember(filename, source)
        packages = list(dict.fromkeys((*self.libraries, *packages)))
        if are_all_there(source) and not self.strict:
            return compile(source, filename, "exec", dont_inherit=True)
        tree = ast.parse(source, filename)
        refused = missing_at_grading(imports(tree), self.library, packages) if self.strict else ()
        harmless = with_harmless_imports(tree, packages, [one.root for one in refused])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they were given for the source already
            return compile(harmless, filename, "exec", dont_inherit=True)

    def _remember(self, filename: str, source: str) -> None:
        """Parts of one cell come one by one, each on its own lines: together they are its source."""
        both = zip_longest(source.splitlines(keepends=True), self.sources.get(filename, ()), fillvalue="")
        self.sources[filename] = [new if new.strip() else old or new for new, old in both]
        linecache.cache[filename] = (len(source), None, self.sources[filename], filename)

    def _target(self, reference: Any, method: str | None) -> Callable[..., Any]:
        thing = self._far(reference)
        if method is not None:
            if not hasattr(thing, method):
                raise MissingName(method)
            thing = getattr(thing, method)
        if not callable(thing):
            raise TypeError(f"{_spoken(reference)} is a {type(thing).__name__}, not something to call")
        found: Callable[..., Any] = thing
        return found

    def _far(self, value: Any) -> Any:
        """Replace references by what they stand for here."""
        if type(value) in _PLAIN:
            return value
        if isinstance(value, (tuple, list)):
            return tuple(map(self._far, value)) if isinstance(value, tuple) else list(map(self._far, value))
        if isinstance(value, dict):
            return {key: self._far(item) for key, item in value.items()}
        if isinstance(value, Seed):
            return generator(self.libraries, value.value)
        if isinstance(value, HandleRef):
            return self.modules[value.number]
        if isinstance(value, FunctionRef):
            if value.name not in self.namespace:
                raise MissingName(value.name)
            return self.namespace[value.name]
        if isinstance(value, Lib):
            return self._named(value.path)
        if isinstance(value, ObjectRef):
            return self.kept[value.number]
        if isinstance(value, RecordedRef):
            return self._recorded(value)
        if isinstance(value, SliceRef):
            return slice(self._far(value.start), self._far(value.stop), self._far(value.step))
        if isinstance(value, Generated):
            return iter(self._far(value.items))
        return value

    def _named(self, path: str) -> Any:
        """What a `Lib` stands for. Raises TypeError for what is neither the library's nor among Python's own."""
        module, _, name = path.rpartition(".")
        if module and module.split(".")[0] == self.library:
            return getattr(importlib.import_module(module), name)
        if (found := standard(path)) is None:
            raise TypeError(
                f"{path} is not part of the library {self.library}, nor one of Python's that a test may name"
            )
        return found

    def _recorded(self, reference: RecordedRef) -> Callable[..., Any]:
        """The function of this number: one and the same for a whole test."""
        if reference.number not in self.recorded:
            notes = self.notes[reference.number] = Notes()
            word, value = reference.does
            does = (word, self._far(value))
            self.recorded[reference.number] = recording(does, reference.name, notes)
        return self.recorded[reference.number]

    def _describe(self, error: BaseException) -> dict[str, Any]:
        """What is told of an error; only its class where the error's own attributes fail."""
        if type(error) is MissingName:
            return {"type": "MissingName", "text": str(error)}
        try:
            return self._described(error)
        except self.stops:
            raise
        except BaseException:
            return {"type": "", "shown": _class_name(type(error))}

    def _described(self, error: BaseException) -> dict[str, Any]:
        classes = [(_class_name(cls), cls) for cls in _MRO(type(error))]
        names = [name for name, cls in classes if ERRORS.get(name) is cls]
        text = _said_by(error)
        cell, line = self._place(error)
        try:
            trace = "".join(traceback.format_exception(error))[-MAX_TRACE:]
        except BaseException:
            trace = ""
        return {
            "type": names[0] if names else "",
            "shown": classes[0][0],
            "classes": [name for name, _ in classes[:MAX_ERROR_CLASSES]],
            "text": text,
            "causes": [[_class_name(type(cause)), _said_by(cause)] for cause in _causes(error)],
            "cell": cell,
            "line": line,
            "trace": trace,
        }

    def _place(self, error: BaseException) -> tuple[str | None, int | None]:
        """Cell and line of the student's code nearest to the error."""
        if isinstance(error, SyntaxError) and error.filename:
            return cell_label(error.filename), error.lineno
        place: tuple[str | None, int | None] = (None, None)
        step: TracebackType | None = error.__traceback__
        while step is not None:
            if step.tb_frame.f_globals is self.namespace:
                place = cell_label(step.tb_frame.f_code.co_filename), step.tb_lineno
            step = step.tb_next
        return place


@contextmanager
def _alarm(seconds: float | None) -> Iterator[None]:
    """Raise OutOfTime in what runs after so many seconds of processor time, or many more on the clock."""
    if seconds is None:
        yield
        return
    timers = {signal.ITIMER_PROF: seconds, signal.ITIMER_REAL: ALARM_CLOCK_FACTOR * seconds}
    for number in (signal.SIGPROF, signal.SIGALRM):
        signal.signal(number, _ring)
    for timer, value in timers.items():
        signal.setitimer(timer, value)
    try:
        yield
    finally:
        for timer in timers:
            signal.setitimer(timer, 0)


def _ring(*_: object) -> None:
    raise OutOfTime


def cell_filename(label: str) -> str:
    """The file name that a cell's code carries in tracebacks."""
    return f"<cell {label}>"


def cell_spoken(label: str) -> str:
    """How messages name a cell: "cell mae-patchify", and "cell 7" for one that has no other name."""
    return label if label.startswith("cell ") else f"cell {label}"


def cell_label(filename: str) -> str | None:
    """The label inside `cell_filename`; None for code of a live notebook, whose file names mean nothing."""
    return filename[6:-1] if filename.startswith("<cell ") and filename.endswith(">") else None


# As `type` tells them: a class of the student's may have a metaclass that answers otherwise, or raises.
_NAME, _MRO = type.__dict__["__name__"].__get__, type.__dict__["__mro__"].__get__


def _class_name(cls: type) -> str:
    return str(_NAME(cls))[:80]


def _text(error: BaseException) -> str:
    """What the error says; of a SyntaxError without file and line, which are given apart."""
    return str(error.msg if isinstance(error, SyntaxError) and error.filename else error)


def _said_by(error: BaseException) -> str:
    try:
        return _bounded(_text(error))
    except BaseException:
        return ""


def _bounded(text: str) -> str:
    """An error's text; of one that is too long the beginning, and how long it was."""
    if len(text) <= MAX_ERROR_TEXT:
        return text
    cut = f" … (cut: {len(text):,} characters)"
    return text[: MAX_ERROR_TEXT - len(cut)] + cut


def _causes(error: BaseException) -> list[BaseException]:
    """The errors that it was raised from, or while handling, nearest first."""
    found: list[BaseException] = []
    while len(found) < MAX_CAUSES:
        cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        if cause is None:
            break
        found.append(cause)
        error = cause
    return found


def _spoken(reference: Any) -> str:
    return str(getattr(reference, "name", None) or getattr(reference, "path", None) or "the module")


def _weighted(output: Any, cotangents: Any) -> Tensor | None:
    """sum(output * cotangent) over the tensors that have one; None where no gradient can flow."""
    if cotangents is None:
        if not tensors.is_tensor(output) or output.numel() != 1:
            raise TypeError("the result should be a scalar tensor, so that it has a gradient")
        return output.sum()
    outputs = output if isinstance(output, (tuple, list)) else (output,)
    weights = cotangents if isinstance(cotangents, (tuple, list)) else (cotangents,)
    if len(outputs) != len(weights):
        raise TypeError(f"the result has {len(outputs)} parts where {len(weights)} are expected")
    total: Tensor | None = None
    for part, weight in zip(outputs, weights, strict=True):
        if weight is None:
            continue
        if not tensors.is_tensor(part) or part.shape != weight.shape:
            shape = tuple(part.shape) if tensors.is_tensor(part) else type(part).__name__
            raise TypeError(f"part of the result is {shape} where a tensor of shape {tuple(weight.shape)} is expected")
        if part.requires_grad:
            term = (part * weight).sum()
            total = term if total is None else total + term
    return total
