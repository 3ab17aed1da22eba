"""`assert_equal`: whether a plain value is the expected one, and if not, where the first difference is.

For everything that is not a tensor: numbers, texts, bytes, lists, tuples, sets, dicts, ranges, None, numpy's arrays and
scalars, what a generator gave, and any of these within each other. Only kinds that are known are looked into, so that
no method of a student's class has a say.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from kit.compare import CheckFailed
from kit.differences import Tolerance, ValueDifference, off_by, pair
from kit.plain_values import SCALARS, described, few, read, shown
from kit.text import on_one_line
from kit.text_difference import bytes_difference, text_difference
from kit.unordered import counted, frozen, unpaired

MAX_MESSAGE = 600
_FORGOTTEN = "does every way through your function end in a return?"
_SEQUENCES = ("list", "tuple", "range", "generator")
_SETS = ("set", "frozenset")
_ALSO = {"float": {"int"}, "complex": {"int", "float"}}  # what may stand for another kind: 3 for 3.0
_ALIKE = ({"int", "float", "complex"}, {*_SEQUENCES, "array"}, set(_SETS))


def assert_equal(
    actual: Any,
    expected: Any,
    *,
    what: str,
    atol: float | None = None,
    rtol: float | None = None,
    any_order: bool = False,
    any_kind: bool = False,
    hint: str | None = None,
) -> None:
    """Fail unless `actual` is `expected`: the same kinds, lengths, keys and values, all the way down.

    An int may stand for a float (3 for 3.0); a float for an int may not, and True is never 1. numpy's scalars count as
    Python's numbers. NaN equals NaN. Texts are compared character by character, dicts without regard to order.
    `Generated([0, 1], finished=False)` is what gives 0 and 1 and then goes on.

    atol, rtol: a float may be off by atol + rtol * |expected|; by default 1e-9 (1e-5 in arrays of float32) and 1e-9.
    Whole numbers have to be exact, unless one of these is given.
    any_order: the items of the value itself, a list or tuple, may stand in any order; those of its items may not.
    any_kind: numbers of any kind, any of list, tuple, range, array and finished generator, either kind of set.
    """
    __tracebackhide__ = True
    _refuse(expected, any_order)
    comparison = _Comparison(Tolerance(atol, rtol), any_kind)
    found = comparison.difference(actual, expected, any_order=any_order)
    if found is not None:
        message = on_one_line(f"{what}: {found.told()}", MAX_MESSAGE)
        raise CheckFailed(message, _FORGOTTEN if actual is None else hint)


def _refuse(expected: Any, any_order: bool) -> None:
    """A mistake in the test itself. Raises TypeError."""
    if any_order and read(expected)[0] not in _SEQUENCES:
        raise TypeError(f"any_order is for an expected list or tuple, not for {described(expected)}")
    for item in _leaves(expected):
        kind, plain = read(item)
        if kind == "tensor":
            raise TypeError("assert_equal is for what is no tensor: compare tensors with assert_same, one by one")
        if not kind or (kind == "array" and plain.dtype.kind not in "biufcUS"):
            raise TypeError(f"assert_equal does not know how to compare {described(item)}: expect plain values")


def _leaves(value: Any) -> Iterator[Any]:
    kind, plain = read(value)
    if kind == "dict":
        plain = [*plain, *plain.values()]
    elif kind == "generator":
        plain = plain.items
    elif kind not in ("list", "tuple", *_SETS):
        yield value
        return
    for item in plain:
        yield from _leaves(item)


@dataclass(frozen=True)
class _Comparison:
    tolerance: Tolerance
    any_kind: bool

    def difference(self, actual: Any, expected: Any, path: str = "", any_order: bool = False) -> ValueDifference | None:
        """The first difference; None where there is none."""
        wanted, theirs = read(expected)
        kind, mine = read(actual)
        if kind != wanted and not self._may_stand_for(kind, wanted, mine):
            return ValueDifference(path, f"expected {described(expected)}, got {described(actual)}")
        if wanted in SCALARS:
            return self._number(kind, mine, wanted, theirs, path)
        if wanted == "dict":
            return self._dict(mine, theirs, path)
        if wanted in _SETS or any_order:
            right = _items(wanted, theirs)
            return self._missing(_items(kind, mine, len(right) + 1), right, "item", path)
        if kind == wanted == "array":
            from kit.array_difference import array_difference  # needs numpy, which not every set has

            return array_difference(mine, theirs, path, self.tolerance, self.any_kind)
        if kind == wanted and kind not in ("list", "tuple", "generator"):
            return _other(kind, mine, theirs, path)
        right = _items(wanted, theirs)
        own = _items(kind, mine, len(right) + 1)
        goes_on = wanted == "generator" and not theirs.finished
        found = self._sequence(own[: len(right)] if goes_on else own, right, path)
        return found or (_ending(mine, theirs, path) if kind == wanted == "generator" else None)

    def _may_stand_for(self, kind: str, wanted: str, mine: Any) -> bool:
        if kind == "generator" and not mine.finished:
            return False
        return kind in _ALSO.get(wanted, ()) or (self.any_kind and any({kind, wanted} <= kinds for kinds in _ALIKE))

    def _number(self, kind: str, mine: Any, wanted: str, theirs: Any, path: str) -> ValueDifference | None:
        if mine == theirs or (mine != mine and theirs != theirs):
            return None
        if kind == "bool":
            return ValueDifference(path, "another value", f"yours {mine}, expected {theirs}")
        if not _is_finite(mine) and _is_finite(theirs):
            return ValueDifference(path, f"the result is {mine}", f"expected {shown(theirs)}")
        gap = _gap(mine, theirs)
        if gap <= self._allowed("int" if kind == wanted == "int" else "float", theirs):
            return None
        return ValueDifference(path, off_by(gap), pair(mine, theirs))

    def _allowed(self, kind: str, theirs: Any) -> float:
        atol, rtol = self.tolerance.of(kind)
        try:
            return atol + rtol * float(abs(theirs)) if rtol and _is_finite(theirs) else atol
        except OverflowError:  # an integer larger than any float
            return atol

    def _sequence(self, mine: list[Any], theirs: list[Any], path: str) -> ValueDifference | None:
        found: dict[int, ValueDifference] = {}
        for place, (own, other) in enumerate(zip(mine, theirs, strict=False)):
            if (one := self.difference(own, other, f"{path}[{place}]")) is not None:
                found[place] = one
        if len(mine) != len(theirs):
            return _another_length(mine, theirs, path, next(iter(found), None))
        if not found:
            return None
        if len(found) > 1 and counted(mine) == counted(theirs):
            return ValueDifference(
                path, "the same items in another order", _first_pair(mine, theirs, next(iter(found)))
            )
        share = f"{len(found)} of {len(theirs)} items differ" if len(theirs) > 1 else ""
        return next(iter(found.values())).with_share(share)

    def _dict(self, mine: dict[Any, Any], theirs: dict[Any, Any], path: str) -> ValueDifference | None:
        if (found := self._missing(list(mine), list(theirs), "key", path)) is not None:
            return found
        exact = {frozen(key): key for key in mine}
        wrong = []
        for key, value in theirs.items():
            own = exact[frozen(key)] if frozen(key) in exact else self._near(key, mine)
            if (one := self.difference(mine[own], value, f"{path}[{shown(key, 40)}]")) is not None:
                wrong.append(one)
        share = f"the values of {len(wrong)} of {len(theirs)} keys differ" if len(theirs) > 1 else ""
        return wrong[0].with_share(share) if wrong else None

    def _near(self, key: Any, mine: dict[Any, Any]) -> Any:
        return next(own for own in mine if self.difference(own, key) is None)

    def _missing(self, mine: list[Any], theirs: list[Any], what: str, path: str) -> ValueDifference | None:
        """Items, or keys, that are not there, and that should not be there, whatever their order."""
        extra, missing = unpaired(mine, theirs, lambda own, other: self.difference(own, other) is None)
        sides = [(missing, "missing"), (extra, "not expected")]
        said = [f"{len(side)} {what}{' is' if len(side) == 1 else 's are'} {how}" for side, how in sides if side]
        details = [f"{how} {few(side)}" for side, how in sides if side]
        return ValueDifference(path, " and ".join(said), "; ".join(details) + _alike(extra, missing)) if said else None


def _other(kind: str, mine: Any, theirs: Any, path: str) -> ValueDifference | None:
    if mine == theirs:
        return None
    if kind == "str":
        return ValueDifference(path, "another text", text_difference(mine, theirs))
    if kind == "bytes":
        return ValueDifference(path, "other bytes", bytes_difference(mine, theirs))
    return ValueDifference(path, "another value", pair(mine, theirs))


def _ending(mine: Any, theirs: Any, path: str) -> ValueDifference | None:
    is_at_its_end = mine.finished and len(mine.items) == len(theirs.items)
    if is_at_its_end == theirs.finished:
        return None
    end = "end there" if theirs.finished else "go on"
    return ValueDifference(path, f"the first {len(theirs.items)} items are right, and then it should {end}")


def _items(kind: str, plain: Any, most: int | None = None) -> list[Any]:
    """most: how many of a range are looked at, since it may be longer than any list."""
    if kind == "range":
        return list(plain[:most])
    if kind == "generator":
        return list(plain.items)
    if kind == "array":
        return list(plain.tolist()) if plain.ndim else [plain.item()]
    return list(plain)


def _another_length(mine: list[Any], theirs: list[Any], path: str, differs: int | None) -> ValueDifference:
    """differs: the first place at which the items that both have are not the same."""
    said = f"expected {len(theirs)} item{'' if len(theirs) == 1 else 's'}, got {len(mine)}"
    if differs is not None:
        return ValueDifference(path, said, _first_pair(mine, theirs, differs))
    right = min(len(mine), len(theirs))
    end = "missing at the end" if len(mine) < len(theirs) else "too many at the end"
    return ValueDifference(path, said, f"{end} {few((mine if len(mine) > right else theirs)[right:])}")


def _first_pair(mine: list[Any], theirs: list[Any], at: int) -> str:
    return f"the first that differs is [{at}], yours {shown(mine[at], 60)}, expected {shown(theirs[at], 60)}"


def _alike(extra: list[Any], missing: list[Any]) -> str:
    """What a reader overlooks: 1 is no "1", and True is no 1."""
    for own in extra[:20]:
        for other in missing[:20]:
            (kind, mine), (wanted, theirs) = read(own), read(other)
            plain = {kind, wanted} <= {*SCALARS, "str"} and kind != wanted
            if plain and (mine == theirs or shown(mine).strip("'") == shown(theirs).strip("'")):
                return f" (yours is {described(own)}, expected {described(other)})"
    return ""


def _gap(mine: Any, theirs: Any) -> float | int:
    try:
        gap: float | int = abs(mine - theirs)
    except OverflowError:
        return math.inf
    return math.inf if gap != gap else gap


def _is_finite(value: Any) -> bool:
    return type(value) is int or abs(value) < math.inf
