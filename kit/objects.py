"""Objects of the student's classes as a test sees them: each stays on the far side, and every question crosses to it.

    stack = student.make("Stack", [1])
    stack.push(3)
    assert_equal(stack.items, [1, 3], what="items after a push")
    assert_equal(len(stack), 2, what="the length after a push")

The class itself stands in docs/tests.md and not here: this file ships, and with it would what many a set asks for.

Whatever an object says of itself is a claim of the student's code: a method may return anything, and `==` always True.
So nothing here compares an object with a plain value; a test compares what the object holds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, Protocol, TypeVar

from kit.text import on_one_line
from kit.wire import FunctionRef, ObjectRef, WireError

T = TypeVar("T")
MAX_STEPS = 10_000  # items that a loop over an object takes


class MisusedObject(AssertionError):
    """An object meets what only a plain value may meet: the test is not passed, whatever the object would say."""


class Asks(Protocol):
    """What an object needs of the student that it belongs to."""

    def _operate(
        self, name: str, operands: tuple[Any, ...], kwargs: dict[str, Any] | None = None, *, asked: bool = False
    ) -> Any: ...
    def _call(self, target: Any, method: str | None, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any: ...
    def _left(self, context: Object, error: BaseException | None) -> None: ...


Operator = Callable[["Object", Any], Any]


def _operators(name: str) -> tuple[Operator, Operator, Operator]:
    """`a + b` with the object on the left, with it on the right, and `a += b`."""
    return (
        lambda self, other: _meet(name, self, other),
        lambda self, other: _meet(name, other, self),
        lambda self, other: _meet(f"i{name}", self, other),
    )


class Object:
    """An object on the far side. Attributes, methods and operators are its own; it has no public word besides.

    A plain value that it gives arrives as one, an object of the student's as another `Object`. What Python's syntax
    does not reach (names with an underscore, the name of its class) the functions of this module do.

    Only an object that the test asked for (by `student.make`, `expect_object`, or as the result of an operator on one)
    meets plain values in operators. An attribute that should hold a number may hold an object instead, which
    `expected - thing.size` would tell what is expected, and which could answer 0.
    """

    __slots__ = ("__asked", "__reference", "__student", "__test")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, student: Asks, reference: ObjectRef | FunctionRef, test: int = 0, *, asked: bool = True) -> None:
        """test: the number of the test in which it was kept. asked: whether the test asked for an object there."""
        object.__setattr__(self, "_Object__asked", asked)
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

    def __format__(self, form: str) -> str:
        return _of_kind(str, _ask(self, "format", form), "format()")

    def __int__(self) -> int:
        return _of_kind(int, _ask(self, "int"), "int()")

    def __float__(self) -> float:
        return _of_kind(float, _ask(self, "float"), "float()")

    def __contains__(self, item: Any) -> bool:
        return _of_kind(bool, _meet("contains", self, item), "in")

    def __copy__(self) -> Object:
        return _copied(self, "copy")

    def __deepcopy__(self, memo: object) -> Object:
        return _copied(self, "deepcopy")

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
        return _student_of(self)._operate("enter", (self,), asked=is_asked_for(self))

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

    # --- operators: with an object on the left, on the right, and in place ------------------------------------------

    __add__, __radd__, __iadd__ = _operators("add")
    __sub__, __rsub__, __isub__ = _operators("sub")
    __mul__, __rmul__, __imul__ = _operators("mul")
    __truediv__, __rtruediv__, __itruediv__ = _operators("truediv")
    __floordiv__, __rfloordiv__, __ifloordiv__ = _operators("floordiv")
    __mod__, __rmod__, __imod__ = _operators("mod")
    __pow__, __rpow__, __ipow__ = _operators("pow")
    __matmul__, __rmatmul__, __imatmul__ = _operators("matmul")
    __and__, __rand__, __iand__ = _operators("and")
    __or__, __ror__, __ior__ = _operators("or")
    __xor__, __rxor__, __ixor__ = _operators("xor")
    __lshift__, __rlshift__, __ilshift__ = _operators("lshift")
    __rshift__, __rrshift__, __irshift__ = _operators("rshift")
    __divmod__, __rdivmod__ = _operators("divmod")[:2]

    def __neg__(self) -> Any:
        return _meet("neg", self)

    def __pos__(self) -> Any:
        return _meet("pos", self)

    def __abs__(self) -> Any:
        return _meet("abs", self)

    def __invert__(self) -> Any:
        return _meet("invert", self)

    def __round__(self, *digits: Any) -> Any:
        return _ask(self, "round", *digits)

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


def asked_for(thing: Object) -> Object:
    """The same object, as one that the test asked for."""
    reference, test = (object.__getattribute__(thing, f"_Object__{name}") for name in ("reference", "test"))
    return type(thing)(_student_of(thing), reference, test)


def is_asked_for(*things: Any) -> bool:
    """Whether all objects among these are ones that the test asked for."""
    return all(object.__getattribute__(thing, "_Object__asked") for thing in things if isinstance(thing, Object))


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


def _meet(name: str, *operands: Any) -> Any:
    """An operator. Raises MisusedObject where an object that nobody asked for meets a plain value."""
    if not is_asked_for(*operands) and not all(isinstance(operand, Object) for operand in operands):
        odd = next(thing for thing in operands if isinstance(thing, Object))
        raise MisusedObject(
            f"{kind_shown(odd)} meets a plain value where a value was expected, not an object: keep what is to be an "
            "object by student.make(…), or say so first: expect_object(thing.part, what=…)"
        )
    owner = next(thing for thing in operands if isinstance(thing, Object))
    return _student_of(owner)._operate(name, operands, asked=is_asked_for(*operands))


def _of_kind(kind: type[T], value: Any, what: str) -> T:
    if type(value) is not kind:
        raise WireError(f"{what} of an object that is no {kind.__name__}")
    return value


def _copied(thing: Object, name: str) -> Object:
    copied = _student_of(thing)._operate(name, (thing,), asked=is_asked_for(thing))
    return _of_kind(Object, copied, f"{name}()")


def _compared(name: str, one: Object, other: object) -> Any:
    if isinstance(other, Object):
        return _meet(name, one, other)
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
