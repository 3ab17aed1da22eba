"""numpy arrays and scalars as they cross the wire. numpy is loaded only where something has brought an array."""

from __future__ import annotations

import math
import sys
from typing import Any

from kit.bodies import MAX_RANK, Bodies, BodyReader, WireError

# Every dtype that crosses: a fixed number of bytes for an element, and no object behind it.
DTYPES = frozenset(
    (
        "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
        "float16", "float32", "float64", "complex64", "complex128",
    )
)  # fmt: skip
TEXTS, TEXT_BYTES = "str", 4  # an array of texts holds each as so many characters of four bytes
MAX_WIDTH = 100_000
_LAST_CHARACTER = 0x10FFFF
_FIXES = {
    "O": "give it one dtype, such as values.astype(float), or return a list: values.tolist()",
    "M": "turn the dates into texts: values.astype(str)",
    "m": 'turn the spans into numbers: values / numpy.timedelta64(1, "s")',
    "V": "return its columns as a dict of arrays: {name: values[name] for name in values.dtype.names}",
    "S": "decode its bytes: numpy.char.decode(values)",
    "f": "a narrower one crosses: values.astype(float)",
    "c": "a narrower one crosses: values.astype(complex)",
}


class _Numpy:
    """The module once it was seen: a student's code may put another in its place."""

    module: Any = None


def loaded() -> Any:
    """The module numpy; None where nothing has loaded it."""
    if _Numpy.module is None:
        _Numpy.module = sys.modules.get("numpy")
    return _Numpy.module


def is_array(value: object) -> bool:
    """Whether it is numpy's, an array or a scalar."""
    numpy = loaded()
    return numpy is not None and isinstance(value, (numpy.ndarray, numpy.generic))


def seed(number: int) -> None:
    """Seed numpy's generator, where it is loaded."""
    if (numpy := loaded()) is not None:
        numpy.random.seed([number % 2**32, number >> 32])


def node_of(value: Any, bodies: Bodies) -> dict[str, Any]:
    """What the header says of an array or a scalar. Raises TypeError, naming the fix, for one that cannot cross."""
    np = loaded()
    if isinstance(value, np.ma.MaskedArray):
        raise TypeError("a masked array cannot be graded: fill what is masked, as in values.filled(0)")
    kind = "array" if isinstance(value, np.ndarray) else "scalar"
    plain = np.ndarray.view(value, np.ndarray) if kind == "array" else np.asarray(value)
    name = TEXTS if plain.dtype.kind == "U" else plain.dtype.name
    if name not in DTYPES and name != TEXTS:
        raise TypeError(_refusal(kind, plain.dtype))
    if plain.ndim > MAX_RANK:
        raise TypeError(f"an array of {plain.ndim} dimensions cannot be graded: at most {MAX_RANK}")
    bodies.expect_room("an array", plain.shape, max(plain.dtype.itemsize, 1))
    node = {"k": kind, "d": name, "s": list(plain.shape)}
    if name == TEXTS:
        node["w"] = _width(plain.dtype)
        plain = plain.astype(f"<U{node['w']}")
    if plain.size:
        bodies.parts.append(plain.astype(plain.dtype.newbyteorder("<"), copy=False).tobytes())
    return node


def _width(dtype: Any) -> int:
    width = max(dtype.itemsize // TEXT_BYTES, 1)
    if width > MAX_WIDTH:
        raise TypeError(f"an array of texts of {width:,} characters cannot be graded: at most {MAX_WIDTH:,}")
    return int(width)


def _refusal(kind: str, dtype: Any) -> str:
    what = "an array" if kind == "array" else "a number"
    return f"{what} of dtype {dtype} cannot be graded: {_FIXES.get(dtype.kind, 'give it another dtype')}"[:300]


def read(node: dict[str, Any], body: BodyReader) -> Any:
    """The array or scalar of a header's node. Raises WireError, also where there is no numpy."""
    np, name = _numpy(), node.get("d")
    shape = body.shape(node.get("s"))
    if node["k"] == "scalar" and (shape or name == TEXTS):
        raise WireError("a scalar with a shape")
    if name == TEXTS:
        return _texts(np, shape, node.get("w"), body)
    if not isinstance(name, str) or name not in DTYPES:
        raise WireError("an array with an unknown dtype")
    dtype = np.dtype(name)
    raw = bytearray(body.take(math.prod(shape) * dtype.itemsize))
    made = np.frombuffer(raw, np.uint8) != 0 if name == "bool" else np.frombuffer(raw, dtype.newbyteorder("<"))
    made = made.astype(dtype, copy=False).reshape(shape)
    return made if node["k"] == "array" else made[()]


def _texts(np: Any, shape: list[int], width: object, body: BodyReader) -> Any:
    if type(width) is not int or not 1 <= width <= MAX_WIDTH:
        raise WireError("an array of texts of an impossible width")
    raw = bytearray(body.take(math.prod(shape) * width * TEXT_BYTES))
    characters = np.frombuffer(raw, "<u4")
    if characters.size and int(characters.max()) > _LAST_CHARACTER:
        raise WireError("an array of texts with a character that there is not")
    made = np.frombuffer(raw, f"<U{width}") if raw else np.empty(0, f"<U{width}")
    return made.astype(f"=U{width}", copy=False).reshape(shape)


def _numpy() -> Any:
    if loaded() is not None:
        return loaded()
    try:
        import numpy
    except ImportError as error:
        raise WireError("an array, where there is no numpy") from error
    return numpy


def are_identical(old: Any, new: Any) -> bool:
    """The same shape, dtype and bits, whatever the strides."""
    if old.shape != new.shape or old.dtype != new.dtype:
        return False
    return bool((old == new).all()) if old.dtype.hasobject else bool(old.tobytes() == new.tobytes())
