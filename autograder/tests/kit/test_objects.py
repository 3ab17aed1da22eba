"""Objects, callbacks, generators and colliding names, over each of the three bindings; and far sides that lie."""

from __future__ import annotations

import copy
import itertools
import math
import operator
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import numpy as np
import pytest
import torch

from autograder.sandbox.sandbox import Sandbox
from autograder.tests import tiny
from kit import (
    CheckFailed,
    Generated,
    Lib,
    Recorded,
    Unsent,
    assert_equal,
    assert_raises,
    assert_same,
    attribute,
    class_of,
    expect_number,
    expect_object,
    expect_tensor,
    expect_tuple,
    has_attribute,
    is_instance,
    same_object,
    set_attribute,
    swallows,
)
from kit.far_objects import MAX_NOTED, MAX_TAKEN
from kit.far_side import Service
from kit.objects import MAX_STEPS, MisusedObject, Object
from kit.student import LocalTransport, Student, StudentError, StudentMissing
from kit.wire import ObjectRef, WireError, encode

CODE = '''
import functools, itertools
from collections import Counter, deque
from dataclasses import dataclass
from enum import Enum

class Stack:
    """Last in, first out."""
    made = 0

    def __init__(self, items=()):
        self.items, self._secret, self.run = list(items), 7, "a word of its own"
        Stack.made += 1

    def push(self, item):
        self.items.append(item)
        return self

    def pop(self):
        return self.items.pop()

    @property
    def size(self):
        return len(self.items)

    @size.setter
    def size(self, size):
        del self.items[size:]

    @classmethod
    def of(cls, *items):
        return cls(items)

    @staticmethod
    def double(x):
        return 2 * x

    def walk(self):
        yield from self.items

    def halves(self):
        return [Stack(self.items[::2]), {"odd": Stack(self.items[1::2])}]

    def refill(self, items):
        items.append(self.pop())

    def __len__(self): return len(self.items)
    def __bool__(self): return bool(self.items)
    def __iter__(self): return iter(self.items)
    def __reversed__(self): return iter(self.items[::-1])
    def __contains__(self, item): return item in self.items
    def __getitem__(self, key): return self.items[key]
    def __setitem__(self, key, value): self.items[key] = value
    def __delitem__(self, key): del self.items[key]
    def __call__(self, x, *, by=1): return [by * x + item for item in self.items]
    def __str__(self): return f"Stack of {len(self)}"
    def __repr__(self): return f"Stack({self.items})"
    def __format__(self, form): return f"<{form}>"
    def __eq__(self, other): return isinstance(other, Stack) and self.items == other.items
    def __lt__(self, other): return len(self) < len(other)

class Deep(Stack):
    def depth(self): return 3

class Number:
    def __init__(self, value): self.value = value
    def _of(self, other): return other.value if isinstance(other, Number) else other
    def __add__(self, other): return Number(self.value + self._of(other))
    def __radd__(self, other): return Number(other + self.value)
    def __iadd__(self, other): self.value += self._of(other); return self
    def __sub__(self, other): return Number(self.value - self._of(other))
    def __rsub__(self, other): return Number(other - self.value)
    def __mul__(self, other): return Number(self.value * self._of(other))
    __rmul__ = __mul__
    def __truediv__(self, other): return Number(self.value / self._of(other))
    def __floordiv__(self, other): return Number(self.value // self._of(other))
    def __mod__(self, other): return Number(self.value % self._of(other))
    def __pow__(self, other): return Number(self.value ** self._of(other))
    def __matmul__(self, other): return Number(self.value * 100 + self._of(other))
    def __and__(self, other): return Number(self.value & self._of(other))
    def __or__(self, other): return Number(self.value | self._of(other))
    def __xor__(self, other): return Number(self.value ^ self._of(other))
    def __lshift__(self, other): return Number(self.value << self._of(other))
    def __rshift__(self, other): return Number(self.value >> self._of(other))
    def __divmod__(self, other): return divmod(self.value, self._of(other))
    def __neg__(self): return Number(-self.value)
    def __pos__(self): return Number(+self.value)
    def __invert__(self): return Number(~self.value)
    def __abs__(self): return Number(abs(self.value))
    def __round__(self, digits=None): return round(self.value, digits)
    def __int__(self): return int(self.value)
    def __float__(self): return float(self.value)
    def __lt__(self, other): return Number(float(self.value < self._of(other)))

class Node:
    def __init__(self, value, next=None): self.value, self.next = value, next

def total(nodes, extra=None):
    named = extra["node"].value if extra else 0
    return sum(node.value for node in nodes) + named

@dataclass
class Point:
    x: int
    y: int = 0

class Colour(Enum):
    RED = 1

class Timer:
    def __init__(self, keep=False): self.seen, self.keep = [], keep
    def __enter__(self): self.seen.append("in"); return self
    def __exit__(self, kind, error, trace):
        self.seen.append([kind.__name__, str(error)] if kind else "out")
        return self.keep

class Cart:
    def __init__(self): self.items, self.counts = deque([1, 2]), Counter("aab")

class Loud:
    def __init__(self, items): self.items = items; print("made")
    def shout(self, items, other): print(other.items); items.append(3)
    def __str__(self): print("asked"); return ""

def countdown_aloud(n):
    while n:
        print(n)
        yield n
        n -= 1

def forgets(x): y = x

def compose(f, g): return lambda x: f(g(x))
def map_with(f): return lambda items: [f(item) for item in items]
def zip_with(f): return lambda a, b: [f(x, y) for x, y in zip(a, b)]
def fold(f, start): return lambda items: functools.reduce(f, items, start)
def memoize(f):
    known = {}
    @functools.wraps(f)
    def wrapped(*args):
        if args not in known: known[args] = f(*args)
        return known[args]
    return wrapped
def count_up():
    n = 0
    def up():
        nonlocal n
        n += 1
        return n
    return up
def visit(items, f, **kwargs): return [f(item, **kwargs) for item in items]
def tells(f):
    items = [1]
    f(items, {"a": (True, None)}); items.append(2); f(items)
def gives(f): return f(Stack(), lambda: 0, iter([1]), [object()])
def try_it(f):
    try: return f(1)
    except ValueError as error: return f"caught {error}"
def often(f, times):
    for number in range(times): f(number)
def bind(f, x): return functools.partial(f, x)

def countdown(n):
    while n > 0:
        yield n
        n -= 1
def forever(): yield from itertools.count()
def breaks():
    yield 1
    raise ValueError("midway")
def mapped(items): return map(str, items)
def zipped(a, b): return zip(a, b)
def filtered(items): return filter(None, items)
def keys(d): return d.keys()
def values(d): return d.values()
def pairs(d): return d.items()
def listed(items): return iter(items)
def within(n): return {"down": countdown(n), "up": [range(n), iter((1,))]}
def consume(items): return [next(items), list(items)]
class Steps:
    def __init__(self, n): self.n = n
    def __iter__(self): return self
    def __next__(self):
        if self.n == 0: raise StopIteration
        self.n -= 1
        return self.n

def run(): return "the student's run"
_hidden = __dunder__ = lambda: "found"
SIZES, name_of_it, thing = [1, (2, "three")], "x", Stack([5])
'''
BINDINGS = ("saved", "live", "worker")


@pytest.fixture(scope="module", params=BINDINGS)
def loaded(request: pytest.FixtureRequest) -> Iterator[Student]:
    with ExitStack() as stack:
        if request.param == "worker":
            sandbox: Sandbox = request.getfixturevalue("sandbox")
            student = Student(stack.enter_context(sandbox.worker()), call_seconds=30.0)
            student.load_cell("demo", CODE)
        elif request.param == "saved":
            student = Student(LocalTransport(Service({"__name__": "__main__"}, tiny.LIBRARY)))
            student.load_cell("demo", CODE)
        else:
            namespace: dict[str, Any] = {"__name__": "__main__"}
            exec(compile(CODE, "/tmp/ipykernel_1/2.py", "exec"), namespace)
            student = Student(LocalTransport(Service(namespace, tiny.LIBRARY)))
        yield student


@pytest.fixture
def student(loaded: Student) -> Student:
    loaded.begin(1)
    return loaded


# --- objects ----------------------------------------------------------------------------------------------------------


def test_an_object_has_its_methods_attributes_and_properties(student: Student) -> None:
    stack = student.make("Stack", [1])
    stack.push(3).push(4)
    assert (stack.items, stack.size, stack.pop()) == ([1, 3, 4], 3, 4)
    stack.size = 1
    assert stack.items == [1]
    stack.colour = "red"
    assert stack.colour == "red" and has_attribute(stack, "colour")
    del stack.colour
    assert not has_attribute(stack, "colour")


def test_what_syntax_does_not_reach_has_a_function(student: Student) -> None:
    stack = student.make(student.Deep)
    assert attribute(stack, "_secret") == 7 and attribute(stack, "__doc__") is None
    set_attribute(stack, "_secret", [8])
    assert attribute(stack, "_secret") == [8] and stack.run == "a word of its own"
    with pytest.raises(AttributeError, match=r'attribute\(…, "_secret"\)'):
        stack._secret  # noqa: B018
    assert class_of(stack) == "Deep"
    assert is_instance(stack, student.Stack) and not is_instance(stack, student.Number)
    assert is_instance(stack, Lib("object")) and not same_object(stack, 3)


def test_classes_have_attributes_class_methods_and_static_methods(student: Student) -> None:
    before = student.Stack.made
    assert student["Stack"].of(1, 2).items == [1, 2] and student.Stack.made == before + 1
    assert student.Stack.double(4) == 8 and attribute(student.Stack, "__doc__") == "Last in, first out."
    assert student.make("Deep").depth() == 3 and class_of(student.Deep.of(1)) == "Deep"
    assert student.Colour.RED.value == 1 and student.make(student.Stack.of, 5).items == [5]


def test_python_asks_an_object_what_it_asks_any(student: Student) -> None:
    stack = student.make("Stack", [1, 2, 3])
    assert len(stack) == 3 and bool(stack) and not student.make("Stack")
    assert list(stack) == [1, 2, 3] and list(reversed(stack)) == [3, 2, 1]
    assert 2 in stack and 5 not in stack
    assert (stack[0], stack[-1], stack[1:], stack[::2]) == (1, 3, [2, 3], [1, 3])
    stack[0] = 9
    del stack[1:]
    assert stack.items == [9] and stack(1, by=5) == [14]
    assert (str(stack), repr(stack), f"{stack:wide}") == ("Stack of 1", "Stack([9])", "<wide>")
    (only,) = stack
    assert only == 9


@pytest.mark.parametrize(
    "name",
    ["add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and_", "or_", "xor", "lshift", "rshift"],
)
def test_binary_operators_give_objects(student: Student, name: str) -> None:
    two = getattr(operator, name)
    expected = 702 if name == "matmul" else two(7, 2)
    assert two(student.make("Number", 7), 2).value == expected
    assert two(student.make("Number", 7), student.make("Number", 2)).value == expected


def test_other_operators(student: Student) -> None:
    seven = student.make("Number", 7)
    assert ((1 + seven).value, (10 - seven).value, (2 * seven).value) == (8, 3, 14)
    assert ((-seven).value, (+seven).value, (~seven).value, abs(-seven).value) == (-7, 7, -8, 7)
    assert divmod(seven, 2) == (3, 1) and (int(seven), float(seven), round(seven, 1)) == (7, 7.0, 7)
    before = seven
    seven += 3
    assert seven.value == 10 and same_object(seven, before)
    assert sum([seven, seven], start=seven).value == 30
    assert (seven < student.make("Number", 11)).value == 1.0  # what is no bool stays an object


def test_two_objects_are_compared_there(student: Student) -> None:
    one, same, other = (student.make("Stack", items) for items in ([1], [1], [1, 2]))
    assert one == same and one != other and one < other and not other < one
    assert not same_object(one, same) and same_object(one, one.push(0))
    with pytest.raises(TypeError, match="'<=' not supported"):
        one <= other  # noqa: B015
    with pytest.raises(TypeError, match="unhashable"):
        {one}  # noqa: B018


@pytest.mark.parametrize("name", ["eq", "ne", "lt", "le", "gt", "ge"])
def test_an_object_is_never_compared_with_a_plain_value(student: Student, name: str) -> None:
    stack = student.make("Stack")
    for pair in [pair for plain in (3, [1], None, "text") for pair in ((stack, plain), (plain, stack))]:
        with pytest.raises(MisusedObject, match="assert_equal"):
            getattr(operator, name)(*pair)
    with pytest.raises(MisusedObject):
        assert_raises(AssertionError, lambda: stack == 3, what="a comparison")


def test_an_operator_with_a_plain_value_is_asked_by_its_name(student: Student) -> None:
    assert student.run(Lib("operator.eq"), student.make("Stack"), 3) is False
    assert student.make(Lib("operator.lt"), student.make("Number", 2), 3).value == 1.0


def test_objects_are_linked_and_given_in_lists_and_dicts(student: Student) -> None:
    last = student.make("Node", 2)
    first = student.make("Node", 1, next=last)
    assert first.next.value == 2 and same_object(first.next, last) and first.next.next is None
    last.next = first
    assert same_object(first.next.next, first)
    assert student.total([first, last]) == 3 and student.total((first,), extra={"node": last}) == 3


def test_objects_within_a_methods_result_are_objects(student: Student) -> None:
    even, rest = student.make("Stack", [1, 2, 3]).halves()
    assert even.items == [1, 3] and rest["odd"].items == [2] and class_of(rest["odd"]) == "Stack"


def test_dataclasses_enums_and_collections(student: Student) -> None:
    point = student.make("Point", 1, y=2)
    assert (point.x, repr(point)) == (1, "Point(x=1, y=2)") and point == student.make("Point", 1, 2)
    assert student.run(Lib("dataclasses.asdict"), point) == {"x": 1, "y": 2}
    cart = student.make("Cart")
    assert list(cart.items) == [1, 2] and class_of(cart.items) == "deque"
    assert cart.counts == {"a": 2, "b": 1}


def test_a_method_that_changes_its_input_is_noticed(student: Student) -> None:
    stack = student.make("Stack", [1, 2])
    stack.push(1)
    assert student.unchanged_inputs
    stack.refill([])
    assert not student.unchanged_inputs


def test_an_error_of_an_object_is_the_students_and_names_its_line(student: Student) -> None:
    with pytest.raises(IndexError, match="pop from empty list") as caught:
        student.make("Stack").pop()
    assert (
        isinstance(caught.value, StudentError)
        and caught.value.line == CODE[: CODE.index("items.pop()")].count("\n") + 1
    )
    with pytest.raises(AttributeError, match="no attribute 'pusch'"):
        student.make("Stack").pusch(1)
    with pytest.raises(StudentMissing):
        student.make("Queue")
    assert_raises(IndexError, lambda: student.make("Stack").pop(), what="an empty stack")


def test_a_function_that_forgets_to_return_is_told_so(student: Student) -> None:
    with pytest.raises(AssertionError, match="forgets returned None: does every way through it end in a return"):
        student.make("forgets", 1)


def test_an_object_in_a_plain_result_is_the_students_error(student: Student) -> None:
    with pytest.raises(TypeError, match="Stack cannot be graded"):
        student.Stack([1])
    with pytest.raises(TypeError, match="Stack cannot be graded"):
        student.value("thing")


def test_objects_are_forgotten_when_a_test_begins(student: Student) -> None:
    stack, seen = student.make("Stack"), Recorded()
    student.visit([1], seen)
    student.begin(2)
    for use in (lambda: stack.items, lambda: student.total([stack]), lambda: len(stack), lambda: repr(stack)):
        with pytest.raises(MisusedObject, match="made in another test"):
            use()
    assert student.calls(seen) == [] and same_object(student["thing"], student["thing"])


def test_an_object_of_another_student_is_refused(student: Student) -> None:
    other = Student(LocalTransport(Service({"f": abs}, tiny.LIBRARY)))
    with pytest.raises(MisusedObject):
        student.visit([1], other.f)


def test_an_object_is_copied_there(student: Student) -> None:
    stack = student.make("Stack", [[1]])
    shallow, deep = copy.copy(stack), copy.deepcopy(stack)
    stack.push(2)
    stack.items[0].append(3)  # of what arrived, not of the stack
    assert (stack.items, shallow.items, deep.items) == ([[1], 2], [[1], 2], [[1]])


# --- with -------------------------------------------------------------------------------------------------------------


def test_a_context_manager_is_entered_and_left(student: Student) -> None:
    with student.make("Timer") as timer:
        assert timer.seen == ["in"]
    assert timer.seen == ["in", "out"]


@pytest.mark.parametrize("keep", [True, False])
def test_no_context_manager_keeps_an_exception_of_the_block(student: Student, keep: bool) -> None:
    timer = student.make("Timer", keep)
    with pytest.raises(CheckFailed, match="hidden"):
        with timer:
            raise CheckFailed("a hidden value")
    with pytest.raises(IndexError):
        with timer:
            student.make("Stack").pop()
    assert timer.seen == ["in", ["AssertionError", ""], "in", ["IndexError", "pop from empty list"]]
    assert swallows(timer, "ValueError", "no") is keep
    assert timer.seen[-1] == ["ValueError", "no"]


# --- functions --------------------------------------------------------------------------------------------------------


def test_functions_are_given_and_returned(student: Student) -> None:
    assert student.make("compose", Lib("operator.neg"), Lib("math.sqrt"))(4.0) == -2.0
    assert student.make("compose", student.Stack.double, student.make("bind", Lib("pow"), 3))(2) == 18
    assert student.make("map_with", abs)([-1, 2]) == [1, 2]
    assert student.make("zip_with", operator.add)([1, 2], [3, 4]) == [4, 6]
    assert student.make("fold", Lib("operator.mul"), 1)([2, 3, 4]) == 24
    up = student.make("count_up")
    assert (up(), up(), student.make("count_up")()) == (1, 2, 1)
    assert student.make("bind", Lib("pow"), 2)(5) == 32 and class_of(student.make("bind", max, 1)) == "partial"
    assert student.visit([2.5], math.floor) == [2]


def test_a_students_decorator_is_tried_on_a_recorded_function(student: Student) -> None:
    costly = Recorded(calls=Lib("operator.add"), name="costly")
    quick = student.make("memoize", costly)
    assert (quick(1, 2), quick(1, 2), quick(2, 2)) == (3, 3, 4)
    assert student.calls(costly) == [((1, 2), {}), ((2, 2), {})]
    assert attribute(quick, "__name__") == "costly"


def test_what_a_callback_was_called_with_is_as_it_was_then(student: Student) -> None:
    seen = Recorded()
    student.tells(seen)
    assert student.calls(seen) == [(([1], {"a": (True, None)}), {}), (([1, 2],), {})]
    student.visit([3], seen, by=2)
    assert student.calls(seen)[-1] == ((3,), {"by": 2})


def test_what_cannot_cross_is_noted_by_its_class(student: Student) -> None:
    seen = Recorded(returns=5)
    assert student.gives(seen) == 5
    args, _ = student.calls(seen)[0]
    assert args == (Unsent("Stack"), Unsent("function"), Unsent("list_iterator"), [Unsent("object")])


def test_a_tensor_is_noted_as_it_was(student: Student) -> None:
    seen = Recorded()
    x = torch.ones(2)
    student.visit([x], seen)
    assert torch.equal(student.calls(seen)[0][0][0], x)


def test_what_a_recorded_function_does(student: Student) -> None:
    assert student.visit([1, 2], Recorded()) == [None, None]
    assert student.visit([1, 2], Recorded(returns=[3])) == [[3], [3]]
    assert student.visit([1, 2], Recorded(results=["a", None])) == ["a", None]
    assert student.visit([4], Recorded(calls=student.Stack.double)) == [8]
    assert student.try_it(Recorded(raises="ValueError")) == "caught raised by the function that the test gave"
    with pytest.raises(RuntimeError, match="recorded was called 2 times; 1 calls are expected"):
        student.visit([1, 2], Recorded(results=[1]))
    with pytest.raises(TypeError, match="no exception of Python's own"):
        student.try_it(Recorded(raises="print"))
    with pytest.raises(ValueError, match="returns and raises"):
        Recorded(returns=1, raises="ValueError")


def test_two_recorded_functions_are_not_mixed_up(student: Student) -> None:
    first, second = Recorded(), Recorded()
    student.visit([1], first)
    student.visit([2], second)
    student.visit([3], first)
    assert student.calls(first) == [((1,), {}), ((3,), {})] and student.calls(second) == [((2,), {})]
    assert student.calls(Recorded()) == []


def test_only_so_many_calls_are_noted(student: Student) -> None:
    seen = Recorded()
    student.often(seen, MAX_NOTED)
    assert len(student.calls(seen)) == MAX_NOTED
    student.often(seen, 1)
    with pytest.raises(AssertionError, match=f"recorded was called more than {MAX_NOTED:,} times"):
        student.calls(seen)


@pytest.mark.parametrize("given", [lambda x: x, CheckFailed, Recorded.__init__])
def test_no_function_of_the_test_crosses(student: Student, given: object) -> None:
    with pytest.raises(MisusedObject, match=r"cannot cross: name one of the library by Lib\(…\), or give Recorded"):
        student.visit([1], given)


@pytest.mark.parametrize("path", ["os.getcwd", "builtins.eval", "exec", "operator.__import__", "open", "sys.exit", "x"])
def test_only_what_reaches_no_machine_can_be_named(student: Student, path: str) -> None:
    with pytest.raises(TypeError, match="not part of the library"):
        student.visit([1], Lib(path))


# --- generators -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "args", "items"),
    [
        ("countdown", (3,), [3, 2, 1]),
        ("countdown", (0,), []),
        ("mapped", ([1, 2],), ["1", "2"]),
        ("zipped", ([1, 2], "ab"), [(1, "a"), (2, "b")]),
        ("filtered", ([0, 1],), [1]),
        ("keys", ({"a": 1},), ["a"]),
        ("values", ({"a": 1},), [1]),
        ("pairs", ({"a": 1},), [("a", 1)]),
        ("listed", ([1, None],), [1, None]),
        ("Steps", (2,), [1, 0]),
    ],
)
def test_an_iterator_arrives_as_what_it_gives(student: Student, name: str, args: Any, items: list[Any]) -> None:
    result = student[name](*args)
    assert result == Generated(items, True) and list(result) == items


def test_of_an_endless_generator_a_bounded_part_is_taken(student: Student) -> None:
    result = student.forever()
    assert result == Generated(list(range(MAX_TAKEN)), False)
    assert list(itertools.islice(result, 2)) == [0, 1]
    with pytest.raises(AssertionError, match="did not end within 1,000 items"):
        list(result)
    student.most_items = 3
    assert student.forever() == Generated([0, 1, 2], False)
    assert student.countdown(3) == Generated([3, 2, 1], True)
    student.begin(2)
    assert student.most_items == MAX_TAKEN


def test_a_generator_that_raises_midway_is_the_students_error(student: Student) -> None:
    with pytest.raises(ValueError, match="midway"):
        student.breaks()
    steps = student.make("breaks")
    assert next(steps) == 1
    assert_raises(ValueError, lambda: next(steps), what="the second step")


def test_a_generator_can_be_made_and_asked_step_by_step(student: Student) -> None:
    down = student.make("countdown", 3)
    assert (next(down), next(down), class_of(down)) == (3, 2, "generator")
    assert list(down) == [1] and next(down, None) is None
    assert list(itertools.islice(student.make("forever"), 3)) == [0, 1, 2]
    steps = student.make("Steps", 2)
    assert list(steps) == [1, 0]


def test_a_loop_over_an_object_ends(student: Student, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kit.objects.MAX_STEPS", 5)
    with pytest.raises(AssertionError, match="did not end within 5 items"):
        list(student.make("forever"))
    assert MAX_STEPS > 1000


def test_iterators_within_a_result_and_of_methods_arrive(student: Student) -> None:
    assert student.within(2)["down"] == Generated([2, 1]) and student.within(1)["up"][1] == Generated([1])
    stack = student.make("Stack", [1, 2])
    assert stack.walk() == Generated([1, 2])
    lazy = student.make(stack.walk)
    assert next(lazy) == 1


def test_an_iterator_can_be_an_argument(student: Student) -> None:
    assert student.consume(Generated([1, 2, 3])) == [1, [2, 3]]
    assert student.consume(student.make("countdown", 2)) == [2, [1]]


# --- names ------------------------------------------------------------------------------------------------------------


def test_names_with_underscores_and_the_fixtures_own_words_are_reached(student: Student) -> None:
    assert student["run"]() == "the student's run" and student["_hidden"]() == student["__dunder__"]() == "found"
    assert student.run(Lib("abs"), -2) == 2
    with pytest.raises(AttributeError, match=r'student\["_hidden"\]'):
        student._hidden  # noqa: B018
    with pytest.raises(StudentMissing) as caught:
        student["request"]()
    assert caught.value.text == "request"


def test_every_word_of_the_fixture_can_be_a_students_function() -> None:
    words = [word for word in dir(Student(LocalTransport(Service({}, "x")))) if not word.startswith("__")]
    assert {"make", "value", "calls", "most_items", "unchanged_inputs", "build", "_call"} <= set(words)
    namespace = {word: (lambda word=word: word) for word in words}
    student = Student(LocalTransport(Service(namespace, "x")))
    assert [student[word]() for word in words] == words


def test_a_variable_is_read_by_its_name(student: Student) -> None:
    assert student.value("SIZES") == [1, (2, "three")] and student.value("name_of_it") == "x"
    assert student["thing"].items == [5] and len(student["thing"]) == 1
    with pytest.raises(StudentMissing):
        student.value("nothing")
    with pytest.raises(TypeError, match="function cannot be graded"):
        student.value("count_up")


# --- what a method does besides ---------------------------------------------------------------------------------------


def test_what_a_method_prints_and_changes_is_seen(student: Student) -> None:
    loud = student.make("Loud", [1])
    assert student.printed == "made\n"
    items = [2]
    loud.shout(items, loud)
    assert student.printed == "[1]\n"
    assert student.arguments[0] == [2, 3] and not student.unchanged_inputs
    str(loud)
    assert student.printed == "asked\n"
    assert student.countdown_aloud(2) == Generated([2, 1]) and student.printed == "2\n1\n"


# --- objects that lie -------------------------------------------------------------------------------------------------

LIES = """
class Everything:
    '''Equal to all, makes any attribute, is as true as one likes.'''
    def __getattr__(self, name): return Everything()
    def __call__(self, *args, **kwargs): return Everything()
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __lt__(self, other): return True
    __le__ = __gt__ = __ge__ = __lt__
    def __sub__(self, other): return Everything()
    __add__ = __radd__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = __sub__
    def __abs__(self): return 0.0
    def __contains__(self, item): return True
    def __bool__(self): return True
    def __hash__(self): return 0
    def __iter__(self): return self
    def __next__(self): return Everything()
    def __float__(self): return 1.0
    __index__ = __int__ = lambda self: 1
    __class__ = property(lambda self: int)

class Shape:
    pass
Shape.__name__ = "a\\x1b[31m" + "b" * 10000

class Wrong:
    def __len__(self): return 10**30
    def __bool__(self): return "yes"
    def __str__(self): return 3
    def __contains__(self, item): return [item]
    def __iter__(self): return 5

class Negative:
    def __len__(self): return -1

class Meta(type):
    __mro__ = property(lambda cls: [object])
    __name__ = property(lambda cls: 5)
class Odd(metaclass=Meta):
    pass

class Endless:
    def __iter__(self):
        while True:
            yield self

class Expander:
    def __iter__(self): return iter([[self] * 50] * 50)

def plain(): return Everything()
def listed(): return [1, Everything()]
def keyed(): return {"a": Everything()}
def endless(): return iter(Everything())
def ring():
    items = []
    items.append(items)
    return items
"""


@pytest.fixture(scope="module")
def liar() -> Student:
    student = Student(LocalTransport(Service({"__name__": "__main__"}, "x")))
    student.load_cell("lies", LIES)
    return student


@pytest.mark.parametrize("name", ["plain", "listed", "keyed", "endless", "Everything", "ring"])
def test_a_plain_call_never_gives_an_object(liar: Student, name: str) -> None:
    liar.begin(1)
    with pytest.raises(StudentError, match=r"cannot be graded|more than 10,000 items|recursion"):
        liar[name]()


CHECKS: dict[str, Callable[[Any], Any]] = {
    "same": lambda thing: assert_same(thing, torch.ones(1), what="it"),
    "number": lambda thing: expect_number(thing, what="it"),
    "whole number": lambda thing: expect_number(thing, what="it", kind=int),
    "tensor": lambda thing: expect_tensor(thing, what="it"),
    "tuple": lambda thing: expect_tuple(thing, 1, what="it"),
    "equal number": lambda thing: assert_equal(thing, 3, what="it"),
    "equal list": lambda thing: assert_equal([thing], [3], what="it", any_order=True),
    "equal dict": lambda thing: assert_equal({"a": thing}, {"a": 3}, what="it", any_kind=True),
    "equal None": lambda thing: assert_equal(thing, None, what="it"),
    "numpy close": lambda thing: np.testing.assert_allclose(thing, 3.0),
    "numpy equal": lambda thing: np.testing.assert_array_equal(thing, 3),
    "numpy's difference": lambda thing: np.float64(3) - thing,
    "numpy's comparison": lambda thing: np.float64(3) == thing,
    "tensor's difference": lambda thing: torch.tensor(3.0) - thing,
    "tensor's comparison": lambda thing: torch.tensor(3.0) == thing,
    "equal": lambda thing: thing == 3,
    "equal the other way": lambda thing: 3 == thing,
    "in a list": lambda thing: [thing] == [3],
    "a list has it": lambda thing: thing in [3],
    "it has": lambda thing: 3 in thing,
    "at most": lambda thing: thing <= 3,
    "difference": lambda thing: abs(thing - 3) < 1e-6,
    "difference the other way": lambda thing: abs(3 - thing) < 1e-6,
    "approximately": lambda thing: thing == pytest.approx(3),
    "quotient": lambda thing: 3 / thing,
    "sum": lambda thing: sum([thing, thing]),
    "largest": lambda thing: max(3, thing),
}


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("way", ["attribute", "method", "item"])
def test_an_object_where_a_value_is_expected_passes_nothing(liar: Student, check: str, way: str) -> None:
    liar.begin(1)
    owner = liar.make("Everything")
    thing = {"attribute": lambda: owner.size, "method": lambda: owner.count(), "item": lambda: next(owner)}[way]()
    with pytest.raises(AssertionError):
        CHECKS[check](thing)


def test_a_message_names_the_class_of_an_object_that_came_instead(liar: Student) -> None:
    liar.begin(1)
    thing = liar.make("Everything")
    with pytest.raises(CheckFailed, match="it: expected the int 3, got an object of class Everything"):
        assert_equal(thing, 3, what="it")
    with pytest.raises(CheckFailed, match="it: expected a tensor, got an object of class Everything"):
        expect_tensor(thing, what="it")


def test_an_object_that_is_expected_is_one_and_of_its_class(liar: Student) -> None:
    liar.begin(1)
    thing = liar.make("Everything").part
    assert abs(expect_object(thing, what="a part", kind="Everything") - 3) == 0.0  # the test asked for an object
    with pytest.raises(CheckFailed, match="expected an object of class Node, got an object of class Everything"):
        expect_object(thing, what="a part", kind="Node")
    for value in (3, [thing]):
        with pytest.raises(CheckFailed, match="a part: expected an object, got"):
            expect_object(value, what="a part")
    assert not is_instance(thing, Lib("int")) and class_of(thing) == "Everything"


def test_what_python_demands_of_an_object_is_demanded(liar: Student) -> None:
    liar.begin(1)
    wrong = liar.make("Wrong")
    for question in (len, bool, str, list):
        with pytest.raises((StudentError, WireError)):
            question(wrong)
    with pytest.raises(StudentError):
        len(liar.make("Negative"))
    assert (1 in wrong) is True  # Python makes a bool of it
    assert class_of(liar.make("Odd")) in ("Odd", "") and is_instance(liar.make("Odd"), Lib("object"))


def test_a_classs_name_is_cut_and_cleaned(liar: Student) -> None:
    liar.begin(1)
    shape = liar.make("Shape")
    assert len(class_of(shape)) < 150 and "\x1b" not in class_of(shape)
    with pytest.raises(MisusedObject) as caught:
        shape == 3  # noqa: B015
    assert len(str(caught.value)) < 500 and "\x1b" not in str(caught.value)


def test_an_endless_object_ends(liar: Student, monkeypatch: pytest.MonkeyPatch) -> None:
    liar.begin(1)
    monkeypatch.setattr("kit.objects.MAX_STEPS", 20)
    for name in ("Everything", "Endless"):
        with pytest.raises(AssertionError, match="did not end"):
            list(liar.make(name))


class Forger:
    """A far side that answers every request with the same reply."""

    def __init__(self, value: object, **others: object) -> None:
        good = {"status": "ok", "flags": [], "unchanged": True, "modes": []}
        self.reply = encode(good | {"value": value} | others)

    def exchange(self, frame: bytes, seconds: float) -> bytes:
        return self.reply


REF = ObjectRef(0, "Everything")


@pytest.mark.parametrize("value", [REF, [REF], {"a": (REF,)}, Generated([REF])])
def test_a_forged_object_never_arrives_where_none_was_asked_for(value: object) -> None:
    student = Student(Forger(value))
    seen = Recorded()
    student._recorded.append(seen)
    for plain in (
        student.f,
        lambda: student.value("x"),
        lambda: student.run(Lib("abs"), 1),
        lambda: student.calls(seen),
    ):
        with pytest.raises(WireError):
            plain()


@pytest.mark.parametrize("value", [3, [REF], True, "Stack", Generated([1])])
def test_what_is_made_is_an_object_or_nothing(value: object) -> None:
    with pytest.raises(WireError):
        Student(Forger(value)).make("Stack")


def test_forged_answers_to_what_python_asks_are_wire_errors() -> None:
    thing = Object(Student(Forger([1])), REF)
    for question in (len, bool, str, repr, int, float, class_of, lambda it: 1 in it, lambda it: f"{it}"):
        with pytest.raises(WireError):
            question(thing)
    for question in (lambda it: has_attribute(it, "x"), lambda it: is_instance(it, it), lambda it: same_object(it, it)):
        with pytest.raises(WireError):
            question(thing)
    with pytest.raises(WireError):
        list(thing)


@pytest.mark.parametrize(
    "value", [None, 3, [1], [(1,)], [(1,), {}, (1,)], [[1], {}], [(1,), [1]], {"a": 1}, Generated([(1,), {}])]
)
def test_forged_calls_are_wire_errors(value: object) -> None:
    for count in (1, "1", None, True):
        student, seen = Student(Forger(value, count=count)), Recorded()
        student._recorded.append(seen)
        with pytest.raises(WireError):
            student.calls(seen)


ODD_ERRORS = """
class Meta(type):
    __name__ = property(lambda cls: 1 / 0)
    __mro__ = property(lambda cls: (cls, ValueError))

class Claims(Exception, metaclass=Meta): pass
class Renamed(Exception): pass
Renamed.__name__ = "ValueError"
class NoTrace(Exception): __traceback__ = 5
class NoCause(Exception): __cause__ = property(lambda self: 1 / 0)
class BadSyntax(SyntaxError): filename = 5

def fail(name):
    raise globals()[name]("said")
"""


@pytest.mark.parametrize("name", ["Claims", "Renamed", "NoTrace", "NoCause", "BadSyntax"])
def test_an_error_that_lies_about_itself_is_the_students_and_no_value_error(name: str) -> None:
    namespace: dict[str, Any] = {}
    exec(ODD_ERRORS, namespace)
    student = Student(LocalTransport(Service(namespace, tiny.LIBRARY)))
    with pytest.raises(StudentError):
        student.fail(name)
    with pytest.raises(CheckFailed, match="expected a ValueError"):
        assert_raises("ValueError", lambda: student.fail(name), what="a bad call")
