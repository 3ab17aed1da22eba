"""What kind of value came back, and the value as a message shows it: short, on one line, bounded.

Nothing of a value's own class is asked: what derives from a builtin class is read by that class's methods, and of
anything else only the name of its class is said. numpy is looked at only where something has imported it.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable
from typing import Any

from kit.objects import Object, kind_shown
from kit.text import on_one_line
from kit.wire import Generated, Unsent

MAX_SHOWN = 80  # characters of a value
MAX_TEXT = 60  # characters of a text in it
FEW = 5  # items of a collection
MAX_DIGITS = 40  # of an integer that is written out
_DIGITS_A_BIT = math.log10(2)

# From the narrowest class: True is an int to Python.
_READ: dict[type, Callable[[Any], Any]] = {
    bool: lambda value: value,
    int: int.__pos__,
    float: float.__pos__,
    complex: complex.__pos__,
    str: str.__str__,
    bytes: lambda value: b"".join((bytes.__getitem__(value, slice(None)),)),
    list: lambda value: [*list.__iter__(value)],
    tuple: lambda value: (*tuple.__iter__(value),),
    set: lambda value: [*set.__iter__(value)],
    frozenset: lambda value: [*frozenset.__iter__(value)],
    dict: lambda value: dict(dict.items(value)),
    range: lambda value: value,
}
SCALARS = ("bool", "int", "float", "complex")


def read(value: Any) -> tuple[str, Any]:
    """A value's kind and its plain form: ("int", 3) for numpy's int64 as well; a set's items come as a list.

    Kinds: None, bool, int, float, complex, str, bytes, list, tuple, set, frozenset, dict, range, array, generator,
    unsent, tensor, and "" for everything else.
    """
    if value is None:
        return "None", None
    for base, plain in _READ.items():
        if issubclass(type(value), base):
            return base.__name__, plain(value)
    if (found := _of_numpy(value)) is not None:
        return found
    torch = sys.modules.get("torch")
    if torch is not None and issubclass(type(value), torch.Tensor):
        return "tensor", value
    if type(value) is Unsent:
        return "unsent", value.kind
    return ("generator", value) if type(value) is Generated else ("", value)


def described(value: Any) -> str:
    """What a value is, in a few words: "a list of 3", "None", "the int 3", "an array of shape (2, 3), float32"."""
    kind, plain = read(value)
    if kind in (*SCALARS, "range"):
        return f"the {kind} {shown(plain)}"
    if kind == "str" and len(plain) <= 20:
        return f"the str {shown(plain)}"
    if kind in ("str", "bytes"):
        return f"a {kind} of {_count(plain, 'character' if kind == 'str' else 'byte')}"
    if kind in ("array", "tensor"):
        dtype = str(plain.dtype).removeprefix("torch.")
        return f"{'an' if kind == 'array' else 'a'} {kind} of shape {tuple(plain.shape)}, {dtype}"
    if kind == "generator":
        return f"a generator of {_count(plain.items, 'item')}{'' if plain.finished else ' or more'}"
    if kind == "unsent":
        return f"a value of type {on_one_line(plain, 40)}, which cannot cross"
    if kind in ("", "None"):
        return "None" if kind else _unknown(value)
    return f"a {kind} of {len(plain)}"


def shown(value: Any, limit: int = MAX_SHOWN) -> str:
    """A value as Python writes it, cut where it is long."""
    return on_one_line(_written(value, limit, 3), limit)


def few(values: Iterable[Any]) -> str:
    """Some of several values: "1, 2, 3, 4, 5 and 7 more"."""
    items = list(values)
    more = f" and {len(items) - FEW} more" if len(items) > FEW else ""
    return ", ".join(shown(item, 40) for item in items[:FEW]) + more


def number(value: Any) -> str:
    """A number with the digits that a person reads: 0.3333, 12, 1.5e+08."""
    if type(value) is float and math.isfinite(value) and value != int(value):
        return f"{value:.4f}" if 1e-3 <= abs(value) < 1e5 else f"{value:.4g}"
    return _written(value, MAX_SHOWN, 0)


def _of_numpy(value: Any) -> tuple[str, Any] | None:
    numpy = sys.modules.get("numpy")
    if numpy is None:
        return None
    if issubclass(type(value), numpy.ndarray):
        return "array", numpy.ndarray.view(value, numpy.ndarray)
    for base, kind in ((numpy.bool_, bool), (numpy.integer, int), (numpy.floating, float)):
        if issubclass(type(value), base):
            return kind.__name__, kind(value)
    return ("complex", complex(value)) if issubclass(type(value), numpy.complexfloating) else None


def _unknown(value: Any) -> str:
    if issubclass(type(value), Object):
        return kind_shown(value)
    return f"a value of type {on_one_line(type(value).__name__, 40)}"


def _written(value: Any, room: int, depth: int) -> str:
    kind, plain = read(value)
    if kind == "int":
        return _integer(plain)
    if kind == "range":
        return f"range({', '.join(map(_integer, (plain.start, plain.stop, plain.step)))})".replace(", 1)", ")")
    if kind in ("None", "bool", "float", "complex"):
        return repr(plain)
    if kind in ("str", "bytes"):
        return repr(plain) if len(plain) <= MAX_TEXT else f"{plain[:MAX_TEXT]!r}…"
    if kind in ("", "array", "tensor", "generator", "unsent") or depth == 0:
        return f"<{described(value)}>"
    return _collection(kind, plain, room, depth)


def _collection(kind: str, plain: Any, room: int, depth: int) -> str:
    opened, closed = {"list": "[]", "tuple": "()", "frozenset": ("frozenset({", "})")}.get(kind, "{}")
    parts: list[str] = []
    for item in plain:
        if sum(map(len, parts)) + 2 * len(parts) > room - 20 or len(parts) == 2 * FEW:
            parts.append(f"… {len(plain)} in all")
            break
        value = f": {_written(plain[item], room // 2, depth - 1)}" if kind == "dict" else ""
        parts.append(_written(item, room // 2, depth - 1) + value)
    if not parts and "set" in kind:
        return f"{kind}()"
    return f"{opened}{', '.join(parts)}{',' if kind == 'tuple' and len(parts) == 1 else ''}{closed}"


def _integer(value: int) -> str:
    """Python refuses to write integers of thousands of digits."""
    digits = int(abs(value).bit_length() * _DIGITS_A_BIT) + 1
    if digits <= MAX_DIGITS:
        return str(value)
    first, last = abs(value) // 10 ** (digits - 10), abs(value) % 10**10
    return f"{'-' if value < 0 else ''}{first}…{last:010} (about {digits:,} digits)"


def _count(items: Any, what: str) -> str:
    return f"{len(items):,} {what}{'' if len(items) == 1 else 's'}"
