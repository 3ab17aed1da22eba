"""Functions that a test gives to a student's: made on the far side, they note what they are called with.

What the student writes, and a test of it:

    def visit(items, callback):
        for item in items: callback(item)

    seen = Recorded()
    student.visit([1, 2], seen)
    assert_equal(student.calls(seen), [((1,), {}), ((2,), {})], what="what the callback was called with")
"""

from __future__ import annotations

from collections.abc import Sequence
from types import BuiltinFunctionType, FunctionType, MethodType
from typing import Any

from kit.objects import MisusedObject
from kit.wire import Lib

_KNOWN = {"_operator": "operator", "operator": "operator", "math": "math", "builtins": "builtins"}
RAISED_TEXT = "raised by the function that the test gave"


class Recorded:
    """A function to give to the student's code; `student.calls(recorded)` tells what it was called with.

    It returns None, or: `returns`; one of `results` after another, and past their end a RuntimeError; what the function
    `calls` (a `Lib`, `student.f`, an object) gives for the same arguments. Or it raises `raises`, the name of an
    exception. name: what it is called there.
    """

    __slots__ = ("does", "name")

    def __init__(
        self,
        *,
        returns: Any = None,
        results: Sequence[Any] | None = None,
        raises: str | None = None,
        calls: Any = None,
        name: str = "recorded",
    ) -> None:
        said = {"returns": returns, "results": results, "raises": raises, "calls": calls}
        given = {word: value for word, value in said.items() if value is not None}
        if len(given) > 1:
            raise ValueError(f"a recorded function does one thing, not {' and '.join(given)}")
        if results is not None:
            given = {"results": list(results)}
        self.does: tuple[str, Any] = next(iter(given.items()), ("returns", None))
        self.name = name


def crossing(function: Any) -> Any:
    """A function of Python's own by its name, since no function crosses; what is no function, as it is.

    Raises MisusedObject for a function of the test's.
    """
    module, name = getattr(function, "__module__", None), getattr(function, "__name__", None)
    if module in _KNOWN and isinstance(name, str):
        return Lib(f"{_KNOWN[module]}.{name}")
    if isinstance(function, (FunctionType, BuiltinFunctionType, MethodType, type)):
        raise MisusedObject(
            f"the function {name} of the test cannot cross: name one of the library by Lib(…), or give Recorded(…)"
        )
    return function
