"""The far side's half of objects, callbacks and generators: what is kept, asked, noted and taken there."""

from __future__ import annotations

import builtins
import importlib
import operator
from collections.abc import Callable, ItemsView, Iterator, KeysView, ValuesView
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from torch import Tensor

from kit.callbacks import RAISED_TEXT
from kit.wire import MAX_DEPTH, MAX_NAME, Generated, ObjectRef, Unsent, WireError, decode, encode

MAX_OBJECTS = 100_000  # kept in one test
MAX_NOTED = 1_000  # calls of one recorded function
MAX_TAKEN = 1_000  # items of a generator, unless the test wants another number

_PLAIN = (type(None), bool, int, float, complex, str, bytes, range)
_VIEWS = (KeysView, ItemsView, ValuesView)

# What a test may name besides the course's library: nothing here reaches the machine.
MODULES = frozenset({"operator", "math", "cmath", "itertools"})
NAMES = {
    "builtins": frozenset({
        "abs", "all", "any", "bin", "bool", "bytes", "callable", "chr", "complex", "dict", "divmod", "enumerate",
        "filter", "float", "frozenset", "hash", "hex", "int", "isinstance", "issubclass", "iter", "len", "list", "map",
        "max", "min", "next", "object", "oct", "ord", "pow", "range", "repr", "reversed", "round", "set", "slice",
        "sorted", "str", "sum", "tuple", "type", "zip",
    }),
    "functools": frozenset({"partial", "reduce", "cmp_to_key"}),
    "collections": frozenset({"ChainMap", "Counter", "OrderedDict", "defaultdict", "deque"}),
    "copy": frozenset({"copy", "deepcopy"}),
    "dataclasses": frozenset({"asdict", "astuple", "is_dataclass", "replace"}),
    "decimal": frozenset({"Decimal"}),
    "fractions": frozenset({"Fraction"}),
}  # fmt: skip


def standard(path: str) -> Any:
    """A function of Python itself that a test may name: "operator.add", "math.sqrt", "len". None for another path."""
    module, _, name = path.rpartition(".")
    module = module or "builtins"
    if name.startswith("_") or not (module in MODULES or name in NAMES.get(module, ())):
        return None
    return getattr(builtins if module == "builtins" else importlib.import_module(module), name, None)


class Kept:
    """The objects that a test asked for, each under one number."""

    def __init__(self) -> None:
        self.items: list[Any] = []
        self.numbers: dict[int, int] = {}  # by identity, which holds as long as the object is kept

    def __getitem__(self, number: int) -> Any:
        return self.items[number]

    def keep(self, value: Any) -> ObjectRef:
        number = self.numbers.get(id(value))
        if number is None:
            if len(self.items) >= MAX_OBJECTS:
                raise RuntimeError(f"more than {MAX_OBJECTS:,} objects in one test")
            number = self.numbers[id(value)] = len(self.items)
            self.items.append(value)
        return ObjectRef(number, class_name(value))

    def clear(self) -> None:
        self.items.clear()
        self.numbers.clear()


def class_name(value: Any) -> str:
    name = type(value).__name__
    return name[:MAX_NAME] if type(name) is str else ""


# --- what a result is made of -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Settling:
    """Makes of a result what can cross: iterators are taken up to a bound, a student's objects are kept.

    keep: None where no object may come back. most: items of an iterator; None where it is to be kept as it is.
    """

    keep: Callable[[Any], ObjectRef] | None = None
    most: int | None = MAX_TAKEN

    def settled(self, value: Any, depth: int = MAX_DEPTH) -> Any:
        kind = type(value)
        if kind in _PLAIN or issubclass(kind, Tensor):
            return value
        if depth >= 0 and kind in (list, tuple):
            return value if _are_plain(value) else kind(self.settled(item, depth - 1) for item in value)
        if depth >= 0 and kind is dict:
            plain = _are_plain(value.values())
            return value if plain else {key: self.settled(item, depth - 1) for key, item in value.items()}
        if self.most is not None and self._is_taken(kind):
            return self._taken(iter(value), self.most, depth)
        return value if self.keep is None or not self._is_kept(value, kind) else self.keep(value)

    def _is_taken(self, kind: type) -> bool:
        """Where objects may come back, an iterator of the student's own class is one of these."""
        if issubclass(kind, _VIEWS):
            return True
        return issubclass(kind, Iterator) and (self.keep is None or kind.__module__ in ("builtins", "itertools"))

    def _taken(self, iterator: Iterator[Any], most: int, depth: int) -> Generated:
        items = list(islice(iterator, most))
        finished = len(items) < most or next(iterator, _END) is _END
        return Generated([self.settled(item, depth - 1) for item in items], finished)

    def _is_kept(self, value: Any, kind: type) -> bool:
        """Whether it is no value that crosses: of a class of the student's own, or of a kind that has no plain form."""
        if kind.__module__.split(".")[0] in ("builtins", "numpy", "collections", "enum", "torch"):
            return not _crosses(value)
        return True


class Keeping(Settling):
    """Keeps a result whatever it is, but for None, which a function gives that forgot to return."""

    def settled(self, value: Any, depth: int = MAX_DEPTH) -> Any:
        assert self.keep is not None
        return None if value is None else self.keep(value)


_END = object()


def _are_plain(items: Any) -> bool:
    return set(map(type, items)) <= _PLAIN_SET


_PLAIN_SET = frozenset(_PLAIN)


def _crosses(value: Any) -> bool:
    try:
        encode({"value": value})
    except TypeError:
        return False
    return True


# --- operators --------------------------------------------------------------------------------------------------------


def _swallows(context: Any, raises: str, text: str) -> bool:
    error = exception_of(raises)(text)
    try:
        with context:
            raise error
    except BaseException as met:
        if met is error:
            return False
        raise
    return True


def exception_of(name: str) -> type[Exception]:
    """Raises TypeError for a name that is no builtin exception."""
    found = getattr(builtins, name, None)
    if not (isinstance(found, type) and issubclass(found, Exception)):
        raise TypeError(f"{name} is no exception of Python's own")
    return found


def _left(context: Any, name: str | None, text: str) -> None:
    if name is None:
        type(context).__exit__(context, None, None, None)
        return
    error = exception_of(name)(text)
    type(context).__exit__(context, type(error), error, None)


def _is_instance(value: Any, kind: Any) -> bool:
    return kind in type(value).__mro__


def _reflected(name: str) -> dict[str, Callable[..., Any]]:
    word = f"{name}_" if name in ("and", "or") else name
    return {name: getattr(operator, word), f"i{name}": getattr(operator, f"i{name}")}


_BINARY = (
    "add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and", "or", "xor", "lshift", "rshift",
)  # fmt: skip
OPERATIONS: dict[str, Callable[..., Any]] = {
    **{word: function for name in _BINARY for word, function in _reflected(name).items()},
    **{name: getattr(operator, name) for name in ("eq", "ne", "lt", "le", "gt", "ge", "neg", "pos", "abs", "invert")},
    **{name: getattr(operator, name) for name in ("getitem", "setitem", "delitem", "contains")},
    **{kind.__name__: kind for kind in (bool, str, int, float, reversed)},
    **{f.__name__: f for f in (len, repr, iter, next, divmod, round, getattr, setattr, delattr, hasattr)},
    "call": lambda function, *args, **kwargs: function(*args, **kwargs),
    "enter": lambda context: type(context).__enter__(context),
    "left": _left,
    "swallows": _swallows,
    "class": class_name,
    "is": operator.is_,
    "isinstance": _is_instance,
}
_KEPT_AS_IT_IS = ("iter", "reversed")  # the test goes through it step by step
_NOT_TAKEN = ("getattr", "enter")


def settling_of(name: str, keep: Callable[[Any], ObjectRef], most: int) -> Settling:
    """How the result of an operation is settled."""
    if name in _KEPT_AS_IT_IS:
        return Keeping(keep)
    return Settling(keep, None if name in _NOT_TAKEN else most)


# --- callbacks --------------------------------------------------------------------------------------------------------


@dataclass
class Notes:
    """What a recorded function was called with; of more than MAX_NOTED calls, the first ones."""

    calls: list[Any] = field(default_factory=list)  # positions and names of each call in turn
    count: int = 0

    def add(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.count += 1
        if self.count <= MAX_NOTED:
            self.calls += [tuple(map(_noted, args)), {name: _noted(value) for name, value in kwargs.items()}]


def recording(does: tuple[str, Any], name: str, notes: Notes) -> Callable[..., Any]:
    """A function that notes each call, and then does what the test said."""
    word, value = does

    def recorded(*args: Any, **kwargs: Any) -> Any:
        notes.add(args, kwargs)
        if word == "returns":
            return value
        if word == "results":
            if notes.count > len(value):
                raise RuntimeError(f"{name} was called {notes.count} times; {len(value)} calls are expected")
            return value[notes.count - 1]
        if word == "calls":
            return value(*args, **kwargs)
        raise exception_of(value)(RAISED_TEXT)

    recorded.__name__ = recorded.__qualname__ = name
    return recorded


def _noted(value: Any, depth: int = MAX_DEPTH - 1) -> Any:
    """The value as it is at this time; of what cannot cross, the name of its class."""
    if type(value) in _PLAIN:
        return value
    if depth > 0 and type(value) in (list, tuple):
        return type(value)(_noted(item, depth - 1) for item in value)
    if depth > 0 and type(value) is dict:
        return {key: _noted(item, depth - 1) for key, item in value.items()}
    try:
        return decode(encode({"value": value}))["value"]
    except (TypeError, WireError):
        return Unsent(class_name(value))
