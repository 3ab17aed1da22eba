"""Which items of two collections have no counterpart, whatever the order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from typing import Any

from kit.plain_values import read

MAX_PAIRED = 150  # items without one that is exactly the same, up to which each is tried with each
MAX_COMPARED = 200_000  # single values that this may take to compare

IsEqual = Callable[[Any, Any], bool]


def unpaired(mine: Sequence[Any], theirs: Sequence[Any], is_equal: IsEqual) -> tuple[list[Any], list[Any]]:
    """The items of each side that the other side does not have, in their order.

    is_equal: within tolerance. It is asked about what is not exactly the same, and of more than MAX_PAIRED such items,
    or larger ones than MAX_COMPARED allows, only where they are numbers.
    """
    extra, missing = _surplus(mine, theirs), _surplus(theirs, mine)
    if not extra or not missing:
        return extra, missing
    if all(map(_has_an_order, (*extra, *missing))):
        return _merged(extra, missing, is_equal)
    compared = len(extra) * len(missing) * max(map(_size, missing))
    if max(len(extra), len(missing)) > MAX_PAIRED or compared > MAX_COMPARED:
        return extra, missing
    taken = _matching([[is_equal(one, other) for one in extra] for other in missing])
    found = set(taken.values())
    return (
        [item for place, item in enumerate(extra) if place not in taken],
        [item for place, item in enumerate(missing) if place not in found],
    )


def counted(items: Sequence[Any]) -> Counter[Hashable]:
    """How often each item is there; 1, 1.0 and True are three different ones."""
    return Counter(map(frozen, items))


def frozen(value: Any) -> Hashable:
    """Something hashable that is the same for the same value of the same kind, and for no other."""
    kind, plain = read(value)
    if kind in ("list", "tuple"):
        return kind, tuple(map(frozen, plain))
    if kind == "generator":
        return kind, tuple(map(frozen, plain.items)), plain.finished
    if kind in ("set", "frozenset"):
        return kind, frozenset(map(frozen, plain))
    if kind == "dict":
        return kind, frozenset((frozen(key), frozen(item)) for key, item in plain.items())
    if kind == "array":
        return kind, str(plain.dtype), tuple(plain.shape), tuple(map(frozen, plain.reshape(-1).tolist()))
    if kind in ("", "tensor"):
        return kind, id(value)
    return kind, _spelled(kind, plain)


def _spelled(kind: str, plain: Any) -> Hashable:
    """Numbers as texts: whoever returns them can choose thousands that have one hash, which no text lets them choose.

    0.0 and -0.0 are one number, and two ranges of the same numbers one range.
    """
    if kind == "int":
        return hex(plain)
    if kind in ("float", "complex"):
        return "nan" if plain != plain else repr(plain + type(plain)())
    if kind == "range":
        return tuple(map(hex, (plain[0], plain[-1], *plain[1:2]))) if plain else ()
    text: Hashable = plain
    return text


def _surplus(mine: Sequence[Any], theirs: Sequence[Any]) -> list[Any]:
    left = counted(theirs)
    found = []
    for item in mine:
        key = frozen(item)
        if left[key] > 0:
            left[key] -= 1
        else:
            found.append(item)
    return found


def _size(value: Any) -> int:
    """How many single values it consists of."""
    kind, plain = read(value)
    if kind in ("list", "tuple", "set", "frozenset"):
        return 1 + sum(map(_size, plain))
    if kind == "dict":
        return 1 + sum(map(_size, plain.values()))
    if kind == "generator":
        return 1 + sum(map(_size, plain.items))
    return int(plain.size) if kind == "array" else 1


def _has_an_order(item: Any) -> bool:
    kind, plain = read(item)
    return kind in ("int", "float") and plain == plain


def _merged(extra: list[Any], missing: list[Any], is_equal: IsEqual) -> tuple[list[Any], list[Any]]:
    """Numbers from the smallest on: who comes first takes the first that is near enough."""
    mine, theirs = sorted(extra, reverse=True), sorted(missing, reverse=True)
    left: list[Any] = []
    lacking: list[Any] = []
    while mine and theirs:
        if is_equal(mine[-1], theirs[-1]):
            mine.pop()
            theirs.pop()
        elif mine[-1] < theirs[-1]:
            left.append(mine.pop())
        else:
            lacking.append(theirs.pop())
    return left + mine[::-1], lacking + theirs[::-1]


def _matching(fits: list[list[bool]]) -> dict[int, int]:
    """As many pairs as there can be: column to row, of a table that says which of them fit."""
    taken: dict[int, int] = {}

    def place(row: int, tried: set[int]) -> bool:
        for column in (column for column, fit in enumerate(fits[row]) if fit and column not in tried):
            tried.add(column)
            if column not in taken or place(taken[column], tried):
                taken[column] = row
                return True
        return False

    for row in range(len(fits)):
        place(row, set())
    return taken
