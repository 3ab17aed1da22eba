"""Objects of the student's classes as a test sees them: each stays on the far side, and every question crosses to it.

What the student writes, and a test of it:

    class Stack:
        def __init__(self, items=()): self.items = list(items)
        def push(self, item): self.items.append(item)
        def __len__(self): return len(self.items)

    stack = student.make("Stack", [1])
    stack.push(3)
    assert_equal(stack.items, [1, 3], what="items after a push")
    assert_equal(len(stack), 2, what="the length after a push")

Whatever an object says of itself is a claim of the student's code: a method may return anything, and `==` always True.
So nothing here compares an object with a plain value; a test compares what the object holds.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType
from typing import Any, NoReturn, Protocol, TypeVar

from kit.text import on_one_line
from kit.wire import FunctionRef, ObjectRef, WireError

T = TypeVar("T")
MAX_STEPS = 10_000  # items that a loop over an object takes


class MisusedObject(Exception):
    """The test does with an object what proves nothing. Never one of the exceptions that a test may expect."""


class Asks(Protocol):
    """What an object needs of the student it belongs to."""

    def _operate(self, name: str, operands: tuple[Any, ...], kwargs: dict[str, Any] | None = None) -> Any: ...
    def _call(self, target: Any, method: str | None, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any: ...
    def _left(self, context: Object, error: BaseException | None) -> None: ...


class Object:
    """An object on the far side. Attributes, methods and operators are its own; it has no public word besides.

    A plain value that it gives arrives as one, an object of the student's as another `Object`. What Python's syntax
    does not reach (names with an underscore, the name of its class) the functions of this module do.
    """

    __slots__ = ("__reference", "__student", "__test")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, student: Asks, reference: ObjectRef | FunctionRef, test: int = 0) -> None:
        """test: the number of the test that asked for it."""
        object.__setattr__(self, "_Object__student", student)
        object.__setattr__(self, "_Object__reference", reference)
        object.__setattr__(self, "_Object__test", test)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(f'{name} is not asked for by itself: write attribute(…, "{name}")')
        return _ask(self, "getattr", name)

    def __setattr__(self, name: str, value: Any) -> None:
        _ask(self, "setattr", name, value)

    def __delattr__(self, name: str) -> None:
        _ask(self, "delattr", name)

    def __dir__(self) -> list[str]:
        return []

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return _student_of(self)._operate("call", (self, *args), kwargs)

    # --- what has to come back as Python demands it -----------------------------------------------------------------

    def __len__(self) -> int:
        return _of_kind(int, _ask(self, "len"), "len()")

    def __bool__(self) -> bool:
        return _of_kind(bool, _ask(self, "bool"), "bool()")

    def __str__(self) -> str:
        return _of_kind(str, _ask(self, "str"), "str()")

    def __repr__(self) -> str:
        return _of_kind(str, _ask(self, "repr"), "repr()")

    def __int__(self) -> int:
        return _of_kind(int, _ask(self, "int"), "int()")

    def __float__(self) -> float:
        return _of_kind(float, _ask(self, "float"), "float()")

    def __contains__(self, item: Any) -> bool:
        return _of_kind(bool, _ask(self, "contains", item), "in")

    # --- loops ------------------------------------------------------------------------------------------------------

    def __iter__(self) -> Iterator[Any]:
        """Item by item, as far as the test takes them. AssertionError where there are more than MAX_STEPS."""
        return _items(_ask(self, "iter"))

    def __next__(self) -> Any:
        return _ask(self, "next")

    def __reversed__(self) -> Iterator[Any]:
        return _items(_ask(self, "reversed"))

    # --- with -------------------------------------------------------------------------------------------------------

    def __enter__(self) -> Any:
        return _ask(self, "enter")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """An exception in the block goes on whatever the object says: see `swallows`."""
        _student_of(self)._left(self, error)

    # --- items ------------------------------------------------------------------------------------------------------

    def __getitem__(self, key: Any) -> Any:
        return _ask(self, "getitem", key)

    def __setitem__(self, key: Any, value: Any) -> None:
        _ask(self, "setitem", key, value)

    def __delitem__(self, key: Any) -> None:
        _ask(self, "delitem", key)

    # --- comparisons ------------------------------------------------------------------------------------------------

    def __eq__(self, other: object) -> Any:
        return _compared("eq", self, other)

    def __ne__(self, other: object) -> Any:
        return _compared("ne", self, other)

    def __lt__(self, other: object) -> Any:
        return _compared("lt", self, other)

    def __le__(self, other: object) -> Any:
        return _compared("le", self, other)

    def __gt__(self, other: object) -> Any:
        return _compared("gt", self, other)

    def __ge__(self, other: object) -> Any:
        return _compared("ge", self, other)


class RemoteFunction(Object):
    """A function or class that the student wrote: call it, pass it to another, ask for its attributes.

    A call brings back plain values only; `student.make` keeps an object.
    """

    __slots__ = ()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return _student_of(self)._call(self, None, args, kwargs)


BINARY = (
    "add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and", "or", "xor", "lshift", "rshift",
)  # fmt: skip
UNARY = ("neg", "pos", "abs", "invert")


def _add_operators() -> None:
    """`a + b` with an object on either side, `a += b`, `-a`, `divmod` and `round`."""

    def two(name: str) -> Any:
        return lambda self, other: _ask(self, name, other)

    def turned(name: str) -> Any:
        return lambda self, other: _student_of(self)._operate(name, (other, self))

    def one(name: str) -> Any:
        return lambda self: _ask(self, name)

    for name in BINARY:
        setattr(Object, f"__{name}__", two(name))
        setattr(Object, f"__r{name}__", turned(name))
        setattr(Object, f"__i{name}__", two(f"i{name}"))
    for name in UNARY:
        setattr(Object, f"__{name}__", one(name))
    setattr(Object, "__divmod__", two("divmod"))  # noqa: B010 - mypy knows no such method
    setattr(Object, "__round__", lambda self, *digits: _ask(self, "round", *digits))  # noqa: B010


_add_operators()


# --- what syntax does not reach ---------------------------------------------------------------------------------------


def attribute(owner: Object, name: str) -> Any:
    """An attribute of any name, as `owner.name` gives it: also "_items" and "__doc__"."""
    return _ask(owner, "getattr", name)


def set_attribute(owner: Object, name: str, value: Any) -> None:
    """Set an attribute of any name."""
    _ask(owner, "setattr", name, value)


def has_attribute(owner: Object, name: str) -> bool:
    """Whether an object has an attribute or method of this name."""
    return _of_kind(bool, _ask(owner, "hasattr", name), "hasattr()")


def class_of(thing: Object) -> str:
    """The name of an object's class."""
    return on_one_line(_of_kind(str, _ask(thing, "class"), "the name of a class"), 80)


def is_instance(thing: Object, kind: Any) -> bool:
    """Whether an object's class is this one or derives from it: `student.Shape`, or a class of the library by `Lib`."""
    return _of_kind(bool, _ask(thing, "isinstance", kind), "isinstance()")


def same_object(one: Any, other: Any) -> bool:
    """Whether both are one and the same object there (`is`)."""
    if not (isinstance(one, Object) and isinstance(other, Object)):
        return False
    return _of_kind(bool, _ask(one, "is", other), "is")


def swallows(context: Object, raises: str, text: str = "") -> bool:
    """Whether `with context:` keeps an exception of this class, raised inside the block there, from going on."""
    return _of_kind(bool, _ask(context, "swallows", raises, text), "a with block")


def reference_of(thing: Object, student: Asks, test: int) -> ObjectRef | FunctionRef:
    """What stands for an object in a request of this test. Raises MisusedObject for one of another test or student."""
    reference: ObjectRef | FunctionRef = object.__getattribute__(thing, "_Object__reference")
    its_test = object.__getattribute__(thing, "_Object__test")
    if _student_of(thing) is not student or (isinstance(reference, ObjectRef) and its_test != test):
        raise MisusedObject(f"{kind_shown(thing)} was made in another test: objects are forgotten when a test begins")
    return reference


def kind_shown(thing: Object) -> str:
    """An object in a message: without asking it anything."""
    reference = object.__getattribute__(thing, "_Object__reference")
    name = reference.kind if isinstance(reference, ObjectRef) else ""
    return f"an object of class {on_one_line(name, 80)}" if name else "a function or class of the student's"


def _student_of(thing: Object) -> Asks:
    student: Asks = object.__getattribute__(thing, "_Object__student")
    return student


def _ask(thing: Object, name: str, *others: Any) -> Any:
    return _student_of(thing)._operate(name, (thing, *others))


def _of_kind(kind: type[T], value: Any, what: str) -> T:
    if type(value) is not kind:
        raise WireError(f"{what} of an object that is no {kind.__name__}")
    return value


def _compared(name: str, one: Object, other: object) -> Any:
    if not isinstance(other, Object):
        _refuse_comparison(one)
    return _ask(one, name, other)


def _refuse_comparison(one: Object) -> NoReturn:
    raise MisusedObject(
        f"{kind_shown(one)} is compared with a plain value, where its own operator would decide: compare what it "
        'holds, as in assert_equal(thing.size, 3, what="…"); or ask for it by name: student.run(Lib("operator.lt"), …)'
    )


def _items(iterator: Any) -> Iterator[Any]:
    for _ in range(MAX_STEPS):
        try:
            item = _ask(iterator, "next")
        except StopIteration:
            return
        yield item
    raise AssertionError(f"a loop over {kind_shown(iterator)} did not end within {MAX_STEPS:,} items")
