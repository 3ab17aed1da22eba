"""Guesses as they are typed: read leniently. What cannot be read counts as not made, and one line says what was meant.

Every function takes the guess first and, as `called`, the name of its variable for that line.
"""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

OTHER_NAMES = {
    "plane": "airplane",
    "aeroplane": "airplane",
    "aircraft": "airplane",
    "jet": "airplane",
    "car": "automobile",
    "auto": "automobile",
    "lorry": "truck",
    "boat": "ship",
    "toad": "frog",
    "kitten": "cat",
    "puppy": "dog",
    "pony": "horse",
}
YES_NO = {"true": True, "yes": True, "y": True, "false": False, "no": False, "n": False}


def number(
    value: Any,
    low: float | None = None,
    high: float | None = None,
    *,
    choices: Sequence[float] = (),
    words: Sequence[str] = (),
    called: str = "the guess",
) -> Any:
    """A float from low to high (or one of the choices), one of the words, or None.

    "0.4", "0,4", "40 %" and, where high is at most 1, 40 are read as .40.
    """
    if _is_empty(value):
        return None
    if (word := _among(value, words)) is not None:
        return word
    found = _as_number(value)
    if found is not None and high is not None and high <= 1 and 1 < found <= 100:
        print(f"{called}: {_shown(value)} is read as {found / 100:g}")
        found /= 100
    wanted = _wanted(low, high, choices, words)
    if found is None or not _fits(found, low, high, choices):
        _say(called, value, wanted)
        return None
    return found


def one_of(value: Any, choices: Sequence[str], *, called: str = "the guess") -> str | None:
    """The choice that is meant, whatever its capitals and spaces, "car" for "automobile"; or None."""
    if _is_empty(value):
        return None
    found = _among(value, choices)
    if found is None:
        _say(called, value, f"one of {', '.join(choices)}")
    return found


def yes_or_no(value: Any, *, called: str = "the guess") -> bool | None:
    """True or False, also as a word; or None."""
    if _is_empty(value):
        return None
    if (found := YES_NO.get(_squeezed(value))) is None:
        _say(called, value, "True or False")
    return found


def names(values: Any, count: int, choices: Sequence[str], *, called: str = "the guess") -> list[str | None]:
    """So many names: None where one was not guessed or cannot be read. "frog, car, ship" in one text will do."""
    parts = _parts(values, count, f'{count} names such as "{choices[0]}"', called)
    return [one_of(part, choices, called=called) for part in parts]


def numbers(
    values: Any, count: int, low: float | None = None, high: float | None = None, *, called: str = "the guess"
) -> list[float | None]:
    """So many numbers: None where one was not guessed or cannot be read."""
    parts = _parts(values, count, f"{count} numbers", called)
    return [number(part, low, high, called=called) for part in parts]


def by_name(
    values: Any,
    wanted: Sequence[str],
    low: float | None = 0.0,
    high: float | None = 1.0,
    *,
    called: str = "the guess",
) -> dict[str, float | None]:
    """A number for each wanted name. A list is read in the order of the names, one number where one is wanted."""
    if not isinstance(values, Mapping):
        parts = numbers(values, len(wanted), low, high, called=called)
        return dict(zip(wanted, parts, strict=True))
    found: dict[str, float | None] = dict.fromkeys(wanted)
    for key, value in values.items():
        name = _among(key, wanted)
        if name is not None:
            found[name] = number(value, low, high, called=f"{called}, {name}")
        elif not _is_empty(value):
            print(f"{called}: there is no {_shown(key)} here, only {', '.join(wanted)}.")
    return found


def pairs(values: Any, count: int, highest: int, *, called: str = "the guess") -> list[tuple[int, int]]:
    """The pairs of whole numbers from 0 to highest that can be read; a flat list is read two by two."""
    wanted = f"{count} pairs of two different numbers from 0 to {highest}, such as (0, {highest})"
    items = _flat(values)
    if items is None or len(items) % 2:
        _say(called, values, wanted)
        return []
    couples = [tuple(items[n : n + 2]) for n in range(0, len(items), 2)]
    if len(couples) != count:
        _say_count(called, len(couples), count, "pairs")
    found = []
    for couple in couples[:count]:
        if all(map(_is_empty, couple)):
            continue
        one, two = (_whole(part, highest) for part in couple)
        if one is None or two is None or one == two:
            _say(called, couple, "two different numbers from 0 to " + str(highest))
        else:
            found.append((one, two))
    return found


def two_of(values: Any, choices: Sequence[str], *, called: str = "the guess") -> tuple[str, str] | None:
    """Two different choices, or None."""
    if _is_empty(values):
        return None
    items = _listed(values)
    found = [_among(item, choices) for item in items or ()]
    if len(found) != 2 or None in found or found[0] == found[1]:
        if any(not _is_empty(item) for item in items or (values,)):
            _say(called, values, f'two of {", ".join(choices)}, such as ("{choices[0]}", "{choices[-1]}")')
        return None
    return str(found[0]), str(found[1])


def setting(value: Any, default: Any, low: float = 0.0, high: float = 1.0, *, called: str = "the setting") -> Any:
    """What a student's own experiment is run with: True or False, a whole number or a share, as the default is.

    What cannot be read, or lies outside, is replaced by the default; a line says so.
    """
    found: float | None
    if isinstance(default, bool):
        found, wanted = YES_NO.get(_squeezed(value)), "True or False"
    elif isinstance(default, int):
        found, wanted = _whole(value, int(high)), f"a whole number from {low:g} to {high:g}"
    else:
        found, wanted = _as_share(value), f"a number from {low:g} to {high:g}"
    if found is None or not low <= found <= high:
        print(f"{called}: {_shown(value)} cannot be used; expected {wanted}. Here it is {default}.")
        return default
    return found


# --- what was typed -------------------------------------------------------------------------------------------------


def _is_empty(value: Any) -> bool:
    """None, an empty text or list, the ellipsis that some write for "later"."""
    if value is None or value is ...:
        return True
    return isinstance(value, (str, Sequence, Mapping)) and len(value) == 0


def _squeezed(value: Any) -> str:
    return re.sub(r"[\s_-]+", " ", str(value)).strip(" .\"'").lower()


def _among(value: Any, choices: Sequence[str]) -> str | None:
    """The choice that a text, or a list of one text, means."""
    if isinstance(value, (list, tuple)) and len(value) == 1:
        value = value[0]
    if not isinstance(value, str):
        return None
    text = _squeezed(value)
    known = {_squeezed(choice): choice for choice in choices}
    for form in (text, text.removesuffix("s"), OTHER_NAMES.get(text), OTHER_NAMES.get(text.removesuffix("s"))):
        if form in known:
            return known[form]
    return None


def _as_number(value: Any) -> float | None:
    """A finite number from a number, a text of one, a list of one, or (0, 4) for 0,4 with a decimal comma."""
    if isinstance(value, (list, tuple)):
        if isinstance(value, tuple) and len(value) == 2 and all(type(part) is int and part >= 0 for part in value):
            value = f"{value[0]}.{value[1]}"
        elif len(value) == 1:
            value = value[0]
    text = str(value).strip().rstrip("%").replace(",", ".").strip()
    try:
        found = float(text)
    except ValueError:
        return None
    if isinstance(value, bool) or not math.isfinite(found):
        return None
    return found / 100 if "%" in str(value) else found


def _as_share(value: Any) -> float | None:
    """A number; from 2 on a percentage."""
    found = _as_number(value)
    return found / 100 if found is not None and 2 <= found <= 100 else found


def _whole(value: Any, highest: int) -> int | None:
    found = _as_number(value)
    return int(found) if found is not None and found == int(found) and 0 <= found <= highest else None


def _fits(found: float, low: float | None, high: float | None, choices: Sequence[float]) -> bool:
    if choices:
        return any(math.isclose(found, choice) for choice in choices)
    return (low is None or found >= low) and (high is None or found <= high)


def _listed(values: Any) -> list[Any] | None:
    """A list of what was typed: a list, a tuple, a set, or one text with commas; None for anything else."""
    if isinstance(values, str):
        return [part for part in re.split(r"\s*[,;]\s*", values.strip()) if part]
    if isinstance(values, (list, tuple)):
        return list(values)
    return sorted(values, key=str) if isinstance(values, (set, frozenset)) else None


def _flat(values: Any) -> list[Any] | None:
    """What stands in a list, or in the lists in it."""
    if _is_empty(values):
        return []
    items = list(values.items()) if isinstance(values, Mapping) else _listed(values)
    if items is None:
        return None
    inner = [_listed(item) if isinstance(item, (list, tuple, set)) else [item] for item in items]
    return [part for parts in inner for part in parts or ()]


def _parts(values: Any, count: int, wanted: str, called: str) -> list[Any]:
    """Exactly so many parts, filled up with None; says so where it was another number, or no list."""
    if _is_empty(values):
        return [None] * count
    items = _flat(values)
    if items is None and count == 1:
        return [values]
    if items is None:
        _say(called, values, wanted)
        return [None] * count
    if len(items) != count:
        _say_count(called, len(items), count, wanted.split(" ", 1)[1])
    return (items + [None] * count)[:count]


# --- what is said ---------------------------------------------------------------------------------------------------


def _wanted(low: float | None, high: float | None, choices: Sequence[float], words: Sequence[str]) -> str:
    if choices:
        text = "one of " + ", ".join(f"{choice:g}" for choice in choices)
    elif low is not None and high is not None:
        text = f"a number from {low:g} to {high:g}"
    else:
        text = "a number" + (f" of at least {low:g}" if low is not None else "")
        text += f" of at most {high:g}" if high is not None else ""
    return " or ".join([text, *(f'"{word}"' for word in words)])


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _say(called: str, value: Any, wanted: str) -> None:
    print(f"{called}: {_shown(value)} cannot be read; expected {wanted}. The notebook goes on without it.")


def _say_count(called: str, found: int, count: int, what: str) -> None:
    rest = "the others count as not guessed" if found < count else f"only the first {count} count"
    print(f"{called}: {found} in place of {count} {what}; {rest}.")
