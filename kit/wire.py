"""What crosses between a test and a student's code: plain values, tensors and arrays, as a JSON header and raw bytes.

A frame is `4-byte header length | header (JSON) | bytes of tensors, arrays and long lists, one after another`. Nothing
else is ever read from the far side: no pickle, no code. Everything is capped and checked before memory is set aside,
since whoever writes the frame may be hostile.

Subclasses arrive as what they are made of: an IntEnum's member as an int, a namedtuple as a tuple, an OrderedDict or a
Counter as a dict; `numpy.str_` as a text. Other numpy scalars stay numpy scalars of their dtype.

Strides do not cross: a tensor or array arrives contiguous on either side, and one that shares memory with another
arrives as a copy. A check at home goes the same way as grading, so `.view` on a transposed input works in both, or in
neither.
"""

import json
import math
import re
import struct
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from kit import arrays, tensors
from kit.bodies import (
    MAX_ELEMENTS,
    MAX_EQUAL_HASHES,
    MAX_FRAME,
    MAX_HASHED,
    MAX_NODES,
    Bodies,
    BodyReader,
    WireError,
)
from kit.tensors import FLAGS, flags_of, tensors_in

__all__ = ["FLAGS", "MAX_ELEMENTS", "WireError", "decode", "encode", "flags_of", "tensors_in"]

MAX_HEADER = 2 << 20
MAX_TEXT = 100_000
MAX_KEY = 1_000  # characters of a dict's key
MAX_DEPTH = 16  # of a test's or a student's value; a message wraps values in two more
MAX_INT_BITS = 1 << 18
PACKED_FROM = 32  # a list of so many numbers or texts of one type goes as bytes
_MESSAGE_DEPTH = MAX_DEPTH + 2
_HEX = re.compile("-?0x[0-9a-f]+")
_SPECIAL_FLOATS = ("nan", "inf", "-inf")
_PACKED: dict[type, str] = {int: "q", float: "d", bool: "?", str: "s"}
_LISTS: dict[str, type[Any]] = {"list": list, "tuple": tuple}
_SETS: dict[str, type[Any]] = {"set": set, "frozenset": frozenset}
_BYTES: dict[str, type[Any]] = {"bytes": bytes, "bytearray": bytearray}
_MEMBERS = (type(None), bool, int, float, complex, str, bytes, range)  # tuples and frozensets of them are members too


@dataclass(frozen=True)
class Seed:
    """Stands for a generator seeded with `value` on the far side: of the kind that the fixture `rng` is."""

    value: int


@dataclass(frozen=True)
class Lib:
    """Stands for a function or module class of the shipped library, by its dotted path: `Lib("ps3.probes.name")`."""

    path: str


@dataclass(frozen=True)
class FunctionRef:
    """Stands for a function or class that the student wrote, by name."""

    name: str


@dataclass(frozen=True)
class HandleRef:
    """Stands for a module that lives on the far side."""

    number: int


@dataclass(frozen=True)
class ObjectRef:
    """Stands for an object that is kept on the far side for this test. kind: its class's name, on the way back."""

    number: int
    kind: str = ""


@dataclass(frozen=True)
class SliceRef:
    """Stands for a slice, as in `thing[1:5]`."""

    start: Any
    stop: Any
    step: Any


@dataclass(frozen=True)
class RecordedRef:
    """Stands for a function that the far side makes: what it does, as (word, value), and its name."""

    number: int
    does: tuple[str, Any]
    name: str


@dataclass(frozen=True)
class Generated:
    """What a generator or another iterator gave, as far as it was taken. finished: whether that was all.

    A test may give one as an argument: an iterator over the items arrives.
    """

    items: list[Any]
    finished: bool = True

    def __iter__(self) -> Iterator[Any]:
        yield from self.items
        if not self.finished:
            raise AssertionError(f"it did not end within {len(self.items):,} items")


@dataclass(frozen=True)
class Unsent:
    """Stands in a list of calls for a value that cannot cross. kind: the name of its class."""

    kind: str


_REFERENCES: dict[str, type[Any]] = {"seed": Seed, "lib": Lib, "function": FunctionRef, "handle": HandleRef}
_REFERENCE_KINDS = {cls: kind for kind, cls in _REFERENCES.items()}
# What stands for a value on the other side, and has a form of its own.
_STANDING: dict[type[Any], str] = {
    ObjectRef: "object", RecordedRef: "recorded", SliceRef: "slice", Generated: "generated", Unsent: "unsent",
}  # fmt: skip
MAX_NAME = 200  # characters of a class's name


def encode(message: dict[str, Any]) -> bytes:
    """One frame for a message. Raises TypeError for a value that cannot cross, naming it and what can."""
    bodies = Bodies()
    header = json.dumps(_node(message, bodies, _MESSAGE_DEPTH), allow_nan=False, separators=(",", ":")).encode()
    if len(header) > MAX_HEADER:
        raise TypeError("the value has too many parts to be sent: return tensors, arrays, or lists of numbers alone")
    frame = b"".join((struct.pack(">I", len(header)), header, *bodies.parts))
    if len(frame) > MAX_FRAME:
        raise TypeError(f"the value is too large to be sent: {len(frame) >> 20} MiB, at most {MAX_FRAME >> 20}")
    return frame


def decode(frame: bytes, *, references: bool = False, objects: bool = False) -> dict[str, Any]:
    """The message of one frame. Raises WireError.

    references: whether it may hold what a test alone sends (`Seed`, `Lib`, …). objects: whether it may hold objects
    that are kept on the far side: only where the test asked for one.
    """
    if len(frame) < 4 or len(frame) > MAX_FRAME:
        raise WireError(f"a frame of {len(frame)} bytes")
    (length,) = struct.unpack(">I", frame[:4])
    if length > MAX_HEADER or 4 + length > len(frame):
        raise WireError(f"a header of {length} bytes in a frame of {len(frame)}")
    try:
        root = json.loads(frame[4 : 4 + length], parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise WireError("a header that is not JSON") from error
    reader = _Reader(memoryview(frame)[4 + length :], references, objects or references)
    message = reader.value(root, _MESSAGE_DEPTH)
    reader.body.finish()
    if not isinstance(message, dict):
        raise WireError("a message that is not a dict")
    return message


def _is_count(number: Any) -> bool:
    return type(number) is int and 0 <= number < 2**31


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} in JSON")


def _node(value: Any, bodies: Bodies, depth: int) -> Any:
    bodies.nodes += 1
    if depth < 0:
        raise TypeError(f"the value is nested deeper than {MAX_DEPTH} levels")
    if bodies.nodes > MAX_NODES:
        raise TypeError(f"the value has more than {MAX_NODES:,} parts: return arrays or lists of numbers alone")
    if value is None or isinstance(value, bool):
        return value
    if tensors.is_tensor(value):
        return tensors.node_of(value, bodies)
    if isinstance(value, str):
        return _short_text(value)
    if isinstance(value, (tuple, list)):
        return _list_node(value, bodies, depth)
    if isinstance(value, dict):
        return {"k": "dict", "v": [_entry(key, item, bodies, depth) for key, item in value.items()]}
    if type(value) in _STANDING:
        return _standing_node(value, bodies, depth - 1)
    if type(value) in _REFERENCE_KINDS:
        return {"k": _REFERENCE_KINDS[type(value)], "v": next(iter(vars(value).values()))}
    if arrays.is_array(value) and not isinstance(value, bytes):
        return arrays.node_of(value, bodies)
    return _plain_node(value, bodies, depth)


def _plain_node(value: Any, bodies: Bodies, depth: int) -> Any:
    """Of a number, bytes, a set or a range."""
    if isinstance(value, int):
        return _int_node(int(value))
    if isinstance(value, float):
        return _float_node(float(value))
    if isinstance(value, complex):
        return {"k": "complex", "v": [_float_node(value.real), _float_node(value.imag)]}
    if isinstance(value, (bytes, bytearray)):
        bodies.parts.append(bytes(value))
        return {"k": "bytes" if isinstance(value, bytes) else "bytearray", "n": len(value)}
    if isinstance(value, (set, frozenset)):
        kind = "set" if isinstance(value, set) else "frozenset"
        return {"k": kind, "v": [_member_node(item, bodies, depth - 1) for item in value]}
    if isinstance(value, range):
        bodies.expect_listed(_length(value))
        return {"k": "range", "v": [_int_node(part) for part in (value.start, value.stop, value.step)]}
    raise TypeError(_refusal(value))


def _refusal(value: object) -> str:
    kind = f"{type(value).__module__}.{type(value).__qualname__}".removeprefix("builtins.")
    return (
        f"a value of type {kind} cannot be graded: use numbers, texts, bytes, tuples, lists, sets, dicts, "
        "tensors and arrays"
    )


def _standing_node(value: Any, bodies: Bodies, depth: int) -> dict[str, Any]:
    """Of what stands for a value on the other side and may hold values itself. depth: of these."""
    match value:
        case Generated(items, finished):
            return {"k": "generated", "v": [_node(item, bodies, depth) for item in items], "e": finished}
        case SliceRef(start, stop, step):
            return {"k": "slice", "v": [_node(part, bodies, depth) for part in (start, stop, step)]}
        case RecordedRef(number, (word, content), name):
            return {"k": "recorded", "v": [number, word, _node(content, bodies, depth), name]}
        case ObjectRef(number, kind):
            return {"k": "object", "v": [number, kind]}
    return {"k": "unsent", "v": value.kind}


def _short_text(value: str) -> str:
    if len(value) > MAX_TEXT:
        raise TypeError(f"a text of {len(value)} characters cannot be sent")
    return str(value)


def _int_node(value: int) -> Any:
    if -(2**63) <= value < 2**63:
        return value
    if value.bit_length() > MAX_INT_BITS:
        raise TypeError(f"an integer of {value.bit_length():,} bits cannot be sent: at most {MAX_INT_BITS:,}")
    return {"k": "int", "v": hex(value)}


def _float_node(value: float) -> Any:
    return value if math.isfinite(value) else {"k": "float", "v": repr(value)}


def _length(value: range) -> int:
    """As `len`, which has no number for the longest."""
    return max(0, (value.stop - value.start + value.step - (1 if value.step > 0 else -1)) // value.step)


def _list_node(value: Sequence[Any], bodies: Bodies, depth: int) -> dict[str, Any]:
    kind = "tuple" if isinstance(value, tuple) else "list"
    packed = _packed(value, bodies) if len(value) >= PACKED_FROM else None
    if packed is not None:
        return {"k": kind, "p": packed, "n": len(value)}
    return {"k": kind, "v": [_node(item, bodies, depth - 1) for item in value]}


def _packed(value: Sequence[Any], bodies: Bodies) -> str | None:
    """The code of the one type that all items have, their bytes written; None where they go one by one."""
    kinds = set(map(type, value))
    code = _PACKED.get(kinds.pop()) if len(kinds) == 1 else None
    if code is None:
        return None
    bodies.expect_listed(len(value))
    try:
        bodies.parts.append(_packed_texts(value) if code == "s" else struct.pack(f"<{len(value)}{code}", *value))
    except struct.error:  # an integer beyond 64 bits
        return None
    return code


def _packed_texts(texts: Sequence[str]) -> bytes:
    """The length of each in four bytes, then all of them in UTF-8."""
    parts = [_short_text(text).encode("utf-8", "surrogatepass") for text in texts]
    return b"".join((struct.pack(f"<{len(parts)}I", *map(len, parts)), *parts))


def _entry(key: Any, item: Any, bodies: Bodies, depth: int) -> list[Any]:
    if isinstance(key, str):
        if len(key) > MAX_KEY:
            raise TypeError(f"a dict with a key of {len(key):,} characters cannot be sent")
        return [str(key), _node(item, bodies, depth - 1)]
    return [_member_node(key, bodies, depth - 1), _node(item, bodies, depth - 1)]


def _member_node(member: Any, bodies: Bodies, depth: int) -> Any:
    """Of a set's member or a dict's key."""
    if not _is_member(member):
        raise TypeError(_refusal(member) + "; sets hold, and dicts have as keys, numbers, texts and tuples of these")
    bodies.hashed += not isinstance(member, (str, bytes))
    if bodies.hashed > MAX_HASHED:
        raise TypeError(f"sets and keys of more than {MAX_HASHED:,} numbers and tuples cannot be sent: return a list")
    return _node(member, bodies, depth)


def _is_member(value: Any) -> bool:
    """Whether its hash and its equality are Python's or numpy's own."""
    if isinstance(value, (tuple, frozenset)):
        return all(map(_is_member, value))
    return isinstance(value, _MEMBERS) or (arrays.is_array(value) and value.__hash__ is not None)


class _Reader:
    """Reads the nodes of one header, and takes what lies behind it in turn."""

    def __init__(self, body: memoryview, references: bool, objects: bool) -> None:
        self.body = BodyReader(body)
        self.references = references
        self.objects = objects
        self.nodes = 0
        self.hashed = 0
        self.hashes: Counter[int] = Counter()

    def value(self, node: Any, depth: int) -> Any:
        self.nodes += 1
        if depth < 0 or self.nodes > MAX_NODES:
            raise WireError("a value with too many parts")
        if node is None or isinstance(node, (bool, float)):
            return node
        if isinstance(node, int):
            return self._checked(node, -(2**63) <= node < 2**63)
        if isinstance(node, str):
            return self._checked(node, len(node) <= MAX_TEXT)
        if not isinstance(node, dict):
            raise WireError("a bare JSON array")
        kind, content = node.get("k"), node.get("v")
        if kind == "tensor":
            return tensors.read(node, self.body)
        if not isinstance(kind, str):
            raise WireError("a value without a kind")
        if kind in _STANDING.values():
            return self._standing(node, depth - 1)
        if isinstance(content, list):
            return self._of_parts(kind, content, depth)
        if kind in _LISTS:
            return _LISTS[kind](self._unpacked(node.get("p"), node.get("n")))
        if kind in ("array", "scalar"):
            return arrays.read(node, self.body)
        if kind in _BYTES:
            return _BYTES[kind](self.body.take(self.body.size(node.get("n"))))
        if kind == "float" and content in _SPECIAL_FLOATS:
            return float(content)
        if kind == "int" and isinstance(content, str):
            return self._big_int(content)
        if self.references and kind in _REFERENCES:
            return _REFERENCES[kind](content)
        raise WireError(f"a value of unknown kind {kind[:40]!r}")

    def _of_parts(self, kind: str, content: list[Any], depth: int) -> Any:
        """A value whose node lists what it consists of."""
        if kind in _LISTS:
            return _LISTS[kind](self.value(item, depth - 1) for item in content)
        if kind == "dict":
            return self._distinct({self._key(pair, depth): self.value(pair[1], depth - 1) for pair in content}, content)
        if kind in _SETS:
            return self._distinct(_SETS[kind](self._member(item, depth - 1) for item in content), content)
        if kind == "complex" and len(content) == 2:
            return complex(*(self._number(part, float, depth) for part in content))
        if kind == "range" and len(content) == 3:
            return self._range([self._number(part, int, depth) for part in content])
        raise WireError(f"a value of unknown kind {kind[:40]!r}")

    def _standing(self, node: dict[str, Any], depth: int) -> Any:
        """What stands for a value on the other side. depth: of the values that it holds."""
        match node:
            case {"k": "generated", "v": list(items), "e": bool(finished)}:
                return Generated([self.value(item, depth) for item in items], finished)
            case {"k": "unsent", "v": str(name)} if len(name) <= MAX_NAME:
                return Unsent(name)
            case {"k": "object", "v": [number, str(name)]} if self.objects and _is_count(number):
                return ObjectRef(number, self._checked(name, len(name) <= MAX_NAME))
            case {"k": "recorded", "v": [number, str(word), content, str(name)]} if self.references:
                return RecordedRef(self._checked(number, _is_count(number)), (word, self.value(content, depth)), name)
            case {"k": "slice", "v": [start, stop, step]} if self.references:
                return SliceRef(*(self.value(part, depth) for part in (start, stop, step)))
        raise WireError(f"a value of the kind {node['k']} that is not allowed here, or of another form")

    def _checked(self, value: Any, good: bool) -> Any:
        if not good:
            raise WireError("a number or text beyond the limits")
        return value

    def _distinct(self, made: Collection[Any], content: list[Any]) -> Any:
        if len(made) != len(content):
            raise WireError("a set or dict that has the same member or key twice")
        return made

    def _number(self, node: Any, kind: type, depth: int) -> Any:
        number = self.value(node, depth - 1)
        return self._checked(number, type(number) is kind)

    def _big_int(self, text: str) -> int:
        """The bound comes before the conversion; of hexadecimal digits it takes no longer than reading them."""
        self._checked(text, len(text) <= MAX_INT_BITS // 4 + 3 and _HEX.fullmatch(text) is not None)
        return int(text, 16)

    def _range(self, parts: list[int]) -> range:
        if parts[2] == 0:
            raise WireError("a range without a step")
        made = range(*parts)
        self.body.count(_length(made))
        return made

    def _unpacked(self, code: object, number: object) -> Sequence[Any]:
        count = self.body.count(number)
        if code == "s":
            return self._texts(count)
        if code == "?":
            return [byte != 0 for byte in self.body.take(count)]
        if code in ("q", "d"):
            return struct.unpack(f"<{count}{code}", self.body.take(8 * count))
        raise WireError("a packed list of an unknown type")

    def _texts(self, count: int) -> list[str]:
        sizes = struct.unpack(f"<{count}I", self.body.take(4 * count))
        raw, texts, at = bytes(self.body.take(sum(sizes))), [], 0
        for size in sizes:
            try:
                text = raw[at : at + size].decode("utf-8", "surrogatepass")
            except UnicodeDecodeError as error:
                raise WireError("a text that is no UTF-8") from error
            texts.append(self._checked(text, len(text) <= MAX_TEXT))
            at += size
        return texts

    def _key(self, pair: Any, depth: int) -> Any:
        if not (isinstance(pair, list) and len(pair) == 2):
            raise WireError("a dict entry that is not a pair")
        if isinstance(pair[0], str):
            return self._checked(pair[0], len(pair[0]) <= MAX_KEY)
        return self._member(pair[0], depth - 1)

    def _member(self, node: Any, depth: int) -> Any:
        """A set's member or a dict's key, refused before so many of them can collide that they take long to place."""
        member = self.value(node, depth)
        if not _is_member(member):
            raise WireError(f"a {type(member).__name__} as a set's member or a dict's key")
        if isinstance(member, (str, bytes)):
            return member
        code = hash(member)
        self.hashed += 1
        self.hashes[code] += 1
        if self.hashed > MAX_HASHED or self.hashes[code] > MAX_EQUAL_HASHES:
            raise WireError("sets and dicts with too many members or keys, or with too many of the same hash")
        return member
