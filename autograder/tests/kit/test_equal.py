"""`assert_equal`: what counts as the same, where a difference is said to be, and what a test may not expect."""

from __future__ import annotations

import math
import random
from collections import Counter, OrderedDict
from enum import IntEnum
from typing import Any

import numpy as np
import pytest
import torch

from kit.compare import CheckFailed, expect_number
from kit.equal import MAX_MESSAGE, assert_equal
from kit.plain_values import described, shown
from kit.unordered import frozen, unpaired
from kit.wire import Generated, Unsent


class Colour(IntEnum):
    RED = 1


class Liar(int):
    """A number of a class that says yes to everything."""

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 1

    def __sub__(self, other: Any) -> Any:
        return 0


class LyingList(list[Any]):
    def __eq__(self, other: object) -> bool:
        return True

    def __len__(self) -> int:
        return 3

    def __iter__(self) -> Any:
        return iter([1, 2, 3])


def message(actual: Any, expected: Any, **options: Any) -> str:
    with pytest.raises(CheckFailed) as caught:
        assert_equal(actual, expected, what="f(3)", **options)
    return str(caught.value).removeprefix("f(3): ")


EQUAL: list[tuple[Any, Any]] = [
    (None, None),
    (True, True),
    (3, 3),
    (3, 3.0),
    (0.1 + 0.2, 0.3),
    (1e12 + 1e-4, 1e12),
    (3, 3 + 0j),
    (10**400, 10**400),
    (math.nan, math.nan),
    (-math.inf, -math.inf),
    ("é\n", "é\n"),
    (b"\x00", b"\x00"),
    ([], []),
    ((), ()),
    (set(), set()),
    (range(0, 4, 2), range(0, 3, 2)),
    ({2, 1}, {1, 2}),
    ({0.1 + 0.2, 1}, {1, 0.3}),
    (frozenset({(1, 2)}), frozenset({(1, 2)})),
    ({1: "a", "1": "b", None: "c", (1, 2): []}, {"1": "b", (1, 2): [], None: "c", 1: "a"}),
    (np.int64(3), 3),
    (np.float32(0.5), 0.5),
    (np.bool_(True), True),
    (3, np.int8(3)),
    (np.complex64(1j), 1j),
    (np.str_("a"), "a"),
    (np.array([1.0, math.nan]), np.array([1.0, math.nan])),
    (np.zeros((0, 3)), np.zeros((0, 3))),
    (np.array(["a", "bc"]), np.array(["a", "bc"], dtype="<U9")),
    (np.array(2), np.array(2)),
    (np.ones(2, np.float32) + np.float32(5e-6), np.ones(2, np.float32)),
    (np.arange(6).reshape(2, 3).T, np.arange(6).reshape(2, 3).T),
    ({"a": [(1, {2.0})]}, {"a": [(1, {2.0})]}),
    (Counter("aab"), {"a": 2, "b": 1}),
    (OrderedDict(b=1, a=2), {"a": 2, "b": 1}),
    (Colour.RED, 1),
    (Generated([1, 2]), Generated([1, 2])),
    (Generated([1], False), Generated([1], False)),
    (Generated([1, 2], False), Generated([1], False)),
    (Generated([1, 2]), Generated([1], False)),
    ([((Unsent("Node"),), {})], [((Unsent("Node"),), {})]),
]


@pytest.mark.parametrize(("actual", "expected"), EQUAL, ids=lambda value: shown(value)[:30])
def test_what_is_equal_passes(actual: Any, expected: Any) -> None:
    assert_equal(actual, expected, what="x")


DIFFERENT: list[tuple[Any, Any, str]] = [
    (8, 9, "off by 1: yours 8, expected 9"),
    (True, 1, "expected the int 1, got the bool True"),
    (1, True, "expected the bool True, got the int 1"),
    (False, True, "another value: yours False, expected True"),
    (1.0, 1, "expected the int 1, got the float 1.0"),
    (np.bool_(True), 1, "expected the int 1, got the bool True"),
    ("1", 1, "expected the int 1, got the str '1'"),
    (None, 0, "expected the int 0, got None"),
    (0, None, "expected None, got the int 0"),
    (2.00001, 2.0, "off by 1e-05: yours 2.0000, expected 2.0"),
    (0.5 + 1e-8, 0.5, "off by 1e-08: yours 0.50000001, expected 0.5"),
    (math.nan, 2.0, "the result is nan: expected 2.0"),
    (-math.inf, math.inf, "off by inf: yours -inf, expected inf"),
    (2.0, math.inf, "off by inf: yours 2.0, expected inf"),
    (10**400, 10**400 + 1, "off by 1: yours 1000000000…0000000000 (about 401 digits)"),
    (10**400, 1.0, "off by inf"),
    (2**63 + 1, 2**63, "yours 9223372036854775809, expected 9223372036854775808"),
    (1j, 1 + 0j, "off by 1.41: yours 1j, expected (1+0j)"),
    ("hello wrld", "hello world", "another text: character 8: yours 'hello wrld', expected 'hello world'"),
    ("a\nb\nc", "a\nb\nd", "another text: line 3, character 1: yours 'c', expected 'd'"),
    ("a\nb", "a\nb\nd", "another text: expected 3 lines, got 2 lines: missing is line 3, 'd'"),
    ("a\n", "a", "another text: expected 1 line, got 2 lines: not expected is line 2, ''"),
    ("abc ", "abc", "(only the spaces at the end differ)"),
    (" a\t", "a", "(only the spaces at the beginning and the end differ)"),
    ("a  b", "a b", "(only the spaces differ)"),
    ("Abc", "abc", "(only upper and lower case differ)"),
    ("x" * 1000, "x" * 500 + "y", "character 501"),
    (b"abc", b"abd", "other bytes: byte 3: yours b'c', expected b'd'"),
    (b"ab", b"abd", "expected 3 bytes, got 2: the first 2 are right"),
    ([1, 2, 3], [1, 2, 4], "off by 1 at [2]: yours 3, expected 4; 1 of 3 items differ"),
    ([3, 1, 2], [1, 2, 3], "the same items in another order: the first that differs is [0], yours 3, expected 1"),
    ([1, 2], [1, 2, 3], "expected 3 items, got 2: missing at the end 3"),
    ([1, 2, 3], [1], "expected 1 item, got 3: too many at the end 2, 3"),
    ([2, 3], [1, 2, 3], "expected 3 items, got 2: the first that differs is [0], yours 2, expected 1"),
    ((1, 2), [1, 2], "expected a list of 2, got a tuple of 2"),
    ([1], {1}, "expected a set of 1, got a list of 1"),
    ({1}, frozenset({1}), "expected a frozenset of 1, got a set of 1"),
    ({1, 2, 5}, {1, 2, 3, 4}, "2 items are missing and 1 item is not expected: missing 3, 4; not expected 5"),
    ({True}, {1}, "(yours is the bool True, expected the int 1)"),
    (set(range(20)), set(), "20 items are not expected: not expected 0, 1, 2, 3, 4 and 15 more"),
    ({"1": 2}, {1: 2}, "missing 1; not expected '1' (yours is the str '1', expected the int 1)"),
    ({"a": 1}, {"a": 1, "b": 2}, "1 key is missing: missing 'b'"),
    (
        {"a": 1, "c": [1, 2]},
        {"a": 1, "c": [1, 3]},
        "off by 1 at ['c'][1]: yours 2, expected 3; the values of 1 of 2 keys differ",
    ),
    ({"a": 1, "b": 5}, {"a": 2, "b": 6}, "off by 1 at ['a']: yours 1, expected 2; the values of 2 of 2 keys differ"),
    ([{"k": (1, "x")}], [{"k": (1, "y")}], "another text at [0]['k'][1]: character 1"),
    (range(3), range(4), "another value: yours range(0, 3), expected range(0, 4)"),
    (range(10**30), range(4), "another value: yours range(0, 1000000000000000000000000000000)"),
    (np.array([1.0, 2.0]), np.array([1.0, 4.5]), "off by 2.5 at [1]: yours 2.0, expected 4.5000; 1 of 2 values differ"),
    (np.array([1, 2]), np.array([1.0, 2.0]), "expected an array of float64, got int64"),
    (np.zeros((2, 3)), np.zeros((3, 2)), "expected shape (3, 2), got (2, 3)"),
    (np.array([1, 2**62]), np.array([1, 2]), "off by 4611686018427387902 at [1]"),
    (np.array([math.nan, 2.0]), np.array([1.0, 2.0]), "1 of 2 values are NaN or infinite"),
    (np.array([1.0, 2.0]), np.array([math.nan, 2.0]), "yours 1.0, expected nan"),
    (np.array([True, False]), np.array([True, True]), "another value at [1]: yours False, expected True"),
    (np.array([["a"]]), np.array([["b"]]), "another value at [0, 0]: yours 'a', expected 'b'"),
    (np.array(1.0), np.array(2.0), "off by 1: yours 1.0, expected 2.0"),
    ([1], np.array([1]), "expected an array of shape (1,), int64, got a list of 1"),
    (np.array([1, 2]), [1, 2], "expected a list of 2, got an array of shape (2,), int64"),
    ({"a": np.zeros(2)}, {"a": np.ones(2)}, "off by 1 at ['a'][0]: yours 0.0, expected 1.0; 2 of 2 values differ"),
    (torch.ones(3), [1.0], "expected a list of 1, got a tensor of shape (3,), float32"),
    (object(), 3, "expected the int 3, got a value of type object"),
    (Generated([1, 2], False), [1, 2], "expected a list of 2, got a generator of 2 items or more"),
    (Generated([1, 3]), Generated([1, 2]), "off by 1 at [1]"),
    (Generated([1], False), Generated([1]), "the first 1 items are right, and then it should end"),
    (Generated([1]), Generated([1], False), "the first 1 items are right, and then it should go on"),
    (Generated([]), Generated([1], False), "expected 1 item, got 0"),
    ([0, 1], Generated([0, 1]), "expected a generator of 2 items, got a list of 2"),
    (Unsent("Node"), Unsent("Leaf"), "another value: yours 'Node', expected 'Leaf'"),
    (Liar(3), 4, "off by 1: yours 3, expected 4"),
    (LyingList([9]), [1, 2, 3], "expected 3 items, got 1"),
]


@pytest.mark.parametrize(("actual", "expected", "said"), DIFFERENT, ids=[said[:60] for *_, said in DIFFERENT])
def test_a_difference_is_told_with_its_place_and_both_values(actual: Any, expected: Any, said: str) -> None:
    assert said in message(actual, expected)


def test_none_asks_whether_every_way_ends_in_a_return() -> None:
    with pytest.raises(CheckFailed) as caught:
        assert_equal(None, [1], what="x", hint="of the test")
    assert caught.value.hint == "does every way through your function end in a return?"


def test_a_hint_of_the_assertion_travels_with_it() -> None:
    with pytest.raises(CheckFailed) as caught:
        assert_equal(2, 1, what="x", hint="of the test")
    assert caught.value.hint == "of the test"


@pytest.mark.parametrize(
    ("actual", "expected", "options"),
    [
        ([3, 1, 2], [1, 2, 3], {"any_order": True}),
        ([[1], {2: 3}, [1]], [[1], [1], {2: 3}], {"any_order": True}),
        ([0.1 + 0.2, 1, 0.1], [0.1, 0.3, 1], {"any_order": True}),
        (((1.00000000001, 2), (0, 1)), ((0, 1), (1.0, 2)), {"any_order": True}),
        (1.0, 1, {"any_kind": True}),
        ((1, 2.0), [1, 2], {"any_kind": True}),
        (range(3), [0, 1, 2], {"any_kind": True}),
        (np.arange(3), [0, 1, 2], {"any_kind": True}),
        (np.ones((2, 2), np.float32), np.ones((2, 2)), {"any_kind": True}),
        (Generated([0, 1]), [0, 1], {"any_kind": True}),
        ({1}, frozenset({1}), {"any_kind": True}),
        (2.1, 2.0, {"atol": 0.2}),
        (205, 200, {"rtol": 0.1}),
        (np.array([205]), np.array([200]), {"rtol": 0.1}),
    ],
)
def test_an_option_accepts_what_it_names(actual: Any, expected: Any, options: dict[str, Any]) -> None:
    assert_equal(actual, expected, what="x", **options)
    with pytest.raises(CheckFailed):
        assert_equal(actual, expected, what="x")


@pytest.mark.parametrize(
    ("actual", "expected", "options", "said"),
    [
        ([3, 1, 1], [1, 3, 3], {"any_order": True}, "1 item is missing and 1 item is not expected: missing 3; not"),
        ([(2, 1)], [(1, 2)], {"any_order": True}, "missing (1, 2); not expected (2, 1)"),
        (3, [3], {"any_order": True}, "expected a list of 1, got the int 3"),
        (True, 1, {"any_kind": True}, "expected the int 1, got the bool True"),
        ("12", ["1", "2"], {"any_kind": True}, "expected a list of 2, got the str '12'"),
        (Generated([0, 1], False), [0, 1], {"any_kind": True}, "got a generator of 2 items or more"),
        (range(10**30), [0, 1], {"any_kind": True}, "expected 2 items, got 3"),
        (1.5, 1, {"any_kind": True}, "off by 0.5"),
        (np.array([True]), np.array([1]), {"any_kind": True}, "expected an array of int64, got bool"),
    ],
)
def test_an_option_accepts_nothing_else(actual: Any, expected: Any, options: dict[str, Any], said: str) -> None:
    assert said in message(actual, expected, **options)


@pytest.mark.parametrize(
    ("expected", "options", "said"),
    [
        (torch.ones(2), {}, "assert_same"),
        ({"loss": torch.ones(2)}, {}, "assert_same"),
        (object(), {}, "does not know how to compare a value of type object"),
        ([np.array([object()])], {}, "does not know how to compare an array of shape (1,), object"),
        ({1, 2}, {"any_order": True}, "any_order is for an expected list or tuple, not for a set of 2"),
    ],
)
def test_a_test_that_expects_what_cannot_be_compared_is_told(expected: Any, options: Any, said: str) -> None:
    with pytest.raises(TypeError) as caught:
        assert_equal(expected, expected, what="x", **options)
    assert said in str(caught.value)


def test_many_floats_in_another_order_are_paired_within_the_tolerance() -> None:
    random.seed(0)
    expected = [random.random() for _ in range(2_000)]
    actual = [number + 1e-12 for number in reversed(expected)]
    assert_equal(actual, expected, what="x", any_order=True)
    assert "1 item is missing and 1 item is not expected" in message([*actual[1:], 7.0], expected, any_order=True)


@pytest.mark.parametrize(
    "hostile", ["a\x1b[2J" * 900, ["\u202e" * 9_000] * 900, {"\n" * 9_000: 1}, [[["x" * 70]] * 90] * 90]
)
@pytest.mark.parametrize("expected", ["b", ["b"], {"b": 1}, [[["b"]]]])
def test_a_message_is_one_short_line_in_which_nothing_moves_the_cursor(hostile: Any, expected: Any) -> None:
    text = message(hostile, expected)
    assert text.isprintable()
    assert len(text) < MAX_MESSAGE + 50


@pytest.mark.parametrize(
    ("value", "kind"),
    [(3, int), (np.int64(3), int), (np.float32(3), float), (np.bool_(True), bool), (np.complex64(3), complex)],
)
def test_a_number_of_numpy_counts_as_pythons(value: Any, kind: type) -> None:
    assert type(expect_number(value, what="x", kind=kind)) is kind


@pytest.mark.parametrize(
    ("value", "kind"), [(np.int64(3), float), (np.float64(3), int), (np.bool_(True), int), (np.float32("nan"), float)]
)
def test_a_number_of_numpy_of_another_kind_does_not(value: Any, kind: type) -> None:
    with pytest.raises(CheckFailed):
        expect_number(value, what="x", kind=kind)


# --- equal if and only if equal, over drawn values --------------------------------------------------------------------


def drawn(rng: random.Random, depth: int = 3) -> Any:
    """A nested value of any kind."""
    inner = (lambda: drawn(rng, depth - 1)) if depth else (lambda: rng.randint(0, 2))
    makers = [
        lambda: None,
        lambda: rng.random() < 0.5,
        lambda: rng.randint(-2, 2),
        lambda: rng.randint(-2, 2) / 2,
        lambda: rng.choice(["", "a", "1", "a b"]),
        lambda: rng.choice([b"", b"a"]),
        lambda: complex(rng.randint(0, 1), 1),
        lambda: range(rng.randint(0, 3)),
        lambda: np.array([rng.randint(0, 1) for _ in range(rng.randint(0, 2))]),
        lambda: [inner() for _ in range(rng.randint(0, 3))],
        lambda: tuple(inner() for _ in range(rng.randint(0, 3))),
        lambda: {key(rng) for _ in range(rng.randint(0, 3))},
        lambda: {key(rng): inner() for _ in range(rng.randint(0, 3))},
    ]
    return rng.choice(makers if depth else makers[:9])()


def key(rng: random.Random) -> Any:
    return rng.choice([None, "a", "1", 1, 2, 2.5, (1, "a"), (1,)])


def canonical(value: Any) -> str:
    """A text that says kind and value of every part."""
    if isinstance(value, (set, frozenset)):
        return f"{type(value).__name__}{sorted(map(canonical, value))}"
    if isinstance(value, dict):
        return f"dict{sorted((canonical(name), canonical(item)) for name, item in value.items())}"
    if isinstance(value, (list, tuple)):
        return f"{type(value).__name__}{list(map(canonical, value))}"
    if isinstance(value, np.ndarray):
        return f"array{value.dtype}{value.shape}{value.tolist()}"
    return f"{type(value).__name__} {value!r}"


def copied(value: Any) -> Any:
    """The same value in other objects, sets and dicts filled from behind."""
    if isinstance(value, dict):
        return {copied(name): copied(item) for name, item in reversed(value.items())}
    if isinstance(value, (list, tuple, set)):
        return type(value)(map(copied, list(value)[::-1] if isinstance(value, set) else value))
    return value.copy() if isinstance(value, np.ndarray) else value


def altered(value: Any, rng: random.Random) -> Any:
    """The value with one part of it altered, somewhere within."""
    if isinstance(value, (list, tuple)) and len(value) and rng.random() < 0.8:
        at = rng.randrange(len(value))
        return type(value)([*value[:at], altered(value[at], rng), *value[at + 1 :]])
    if isinstance(value, dict) and value and rng.random() < 0.8:
        name = rng.choice(list(value))
        return value | {name: altered(value[name], rng)}
    makers = {
        bool: lambda: not value,
        int: lambda: value + rng.choice([1, 0.5]),
        float: lambda: value + 1e-6,
        str: lambda: value + " ",
        list: lambda: [*value, None],
        tuple: lambda: [*value],
        dict: lambda: {**value, "new": 1},
        set: lambda: {*value, "new"},
        np.ndarray: lambda: np.append(value, 5),
        bytes: lambda: value + b"x",
        complex: lambda: value + 1e-6,
        range: lambda: list(value),
        type(None): lambda: False,
    }
    return makers[type(value)]()


def is_equal(actual: Any, expected: Any) -> bool:
    try:
        assert_equal(actual, expected, what="x")
    except CheckFailed as error:
        assert str(error).isprintable()
        assert len(str(error)) < MAX_MESSAGE + 50
        return False
    return True


@pytest.mark.parametrize("seed", range(40))
def test_a_drawn_value_equals_its_copy_and_nothing_that_differs_in_one_part(seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(20):
        value = drawn(rng)
        assert is_equal(copied(value), value), shown(value, 500)
        assert not is_equal(altered(value, rng), value), shown(value, 500)


@pytest.mark.parametrize("seed", range(10))
def test_two_drawn_values_are_equal_exactly_if_all_their_parts_are(seed: int) -> None:
    rng = random.Random(seed)
    values = [drawn(rng, 1) for _ in range(40)]
    for actual in values:
        for expected in values:
            same = canonical(actual) == canonical(expected)
            may_stand = (
                "int" in canonical(actual) and "float" in canonical(expected) or "complex" in canonical(expected)
            )
            assert same <= is_equal(actual, expected), (actual, expected)
            assert may_stand or same == is_equal(actual, expected), (actual, expected)


@pytest.mark.parametrize("seed", range(20))
def test_any_order_accepts_every_order_and_nothing_else(seed: int) -> None:
    rng = random.Random(seed)
    items = [drawn(rng, 2) for _ in range(6)]
    mixed = rng.sample(list(map(copied, items)), len(items))
    assert_equal(mixed, items, what="x", any_order=True)
    mixed[2] = altered(mixed[2], rng)
    with pytest.raises(CheckFailed):
        assert_equal(mixed, items, what="x", any_order=True)


def test_a_description_names_kind_and_size() -> None:
    said = {
        described(value) for value in ([1], "x" * 30, b"ab", np.zeros((2, 1), np.float32), {1: 2}, None, Generated([1]))
    }
    assert said == {
        "a list of 1",
        "a str of 30 characters",
        "a bytes of 2 bytes",
        "an array of shape (2, 1), float32",
        "a dict of 1",
        "None",
        "a generator of 1 item",
    }


SAME_HASH = 2**61 - 1  # integers that differ by it have one hash


@pytest.mark.parametrize(
    "values",
    [
        [5 + n * SAME_HASH for n in range(200)],
        [2.0 ** (61 * n) for n in range(-8, 9)],
        [[-1 - (n >> place & 1) for place in range(8)] for n in range(200)],
        [range(5 + n * SAME_HASH, 6 + n * SAME_HASH) for n in range(200)],
        [complex(5, 2.0 ** (61 * n)) for n in range(-8, 9)],
    ],
    ids=["integers", "floats", "lists", "ranges", "complex"],
)
def test_nobody_can_return_values_that_take_long_to_tell_apart(values: list[Any]) -> None:
    assert len({hash(frozen(value)) for value in values}) == len(values)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (0.0, -0.0, True), (complex(0.0, -0.0), complex(-0.0, 0.0), True), (math.nan, -math.nan, True),
        (range(0), range(3, 1), True), (range(0, 5, 2), range(0, 6, 2), True), (range(1), range(0, 5, 9), True),
        (range(0, 5, 2), range(0, 5, 4), False), (1, True, False), (1, 1.0, False), (10**30, 1e30, False),
        ("1", 1, False), ("0x1", 1, False),
    ],
)  # fmt: skip
def test_only_what_is_exactly_the_same_is_counted_as_one(one: Any, other: Any, same: bool) -> None:
    assert (frozen(one) == frozen(other)) is same


def test_large_items_in_any_order_are_paired_exactly_or_not_at_all() -> None:
    """Each with each within tolerance would take minutes, which near misses could make a grader spend."""

    def never(mine: Any, theirs: Any) -> bool:
        raise AssertionError("two rows were compared")

    rows = [[float(row), *range(400)] for row in range(40)]
    near = [[number + 1e-12 for number in row] for row in rows]
    assert unpaired(near, rows, never) == (near, rows)
    assert unpaired(rows[::-1], rows, never) == ([], [])
