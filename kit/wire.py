"""What crosses between a test and a student's code: plain values and tensors, as a JSON header and raw bytes.

A frame is `4-byte header length | header (JSON) | tensor bytes, one after another`. Nothing else is ever read from
the far side: no pickle, no code. Everything is capped and checked before memory is set aside, since whoever writes
the frame may be hostile.

Strides do not cross: a tensor arrives contiguous on either side, and one that shares memory with another arrives as a
copy. A check at home goes the same way as grading, so `.view` on a transposed input works in both, or in neither.
"""

import json
import math
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

MAX_HEADER = 1 << 20
MAX_FRAME = 16 << 20  # problem set 3 needs 0.25 MB
MAX_RANK = 8
MAX_ELEMENTS = 4 << 20  # of all tensors in a message, with or without numbers: tests make tensors of these sizes
MAX_NODES = 8192
FLAGS = ("requires_grad", "parameter", "subclass", "inference")  # what decoding forgets about a tensor
MAX_TEXT = 100_000
MAX_DEPTH = 4  # of a test's or a student's value; a message wraps values in two more
_MESSAGE_DEPTH = MAX_DEPTH + 2

DTYPES = {
    str(dtype).removeprefix("torch."): dtype
    for dtype in (
        torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.complex64, torch.complex128,
        torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.bool,
    )
}  # fmt: skip
_NAMES = {dtype: name for name, dtype in DTYPES.items()}


class WireError(Exception):
    """The far side sent something that is not a well-formed message. Never a ValueError: no test may expect it."""


@dataclass(frozen=True)
class Seed:
    """Stands for `torch.Generator().manual_seed(value)` on the far side."""

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
# Kinds that are sent by their fields, in order.
_EXTRAS: dict[type[Any], str] = {
    ObjectRef: "object", RecordedRef: "recorded", SliceRef: "slice", Generated: "generated", Unsent: "unsent",
}  # fmt: skip
MAX_NAME = 200  # characters of a class's name


def encode(message: dict[str, Any]) -> bytes:
    """One frame for a message. Raises TypeError for a value that cannot cross, naming it and what can."""
    bodies = _Bodies()
    header = json.dumps(_node(message, bodies, _MESSAGE_DEPTH), allow_nan=False, separators=(",", ":")).encode()
    if len(header) > MAX_HEADER:
        raise TypeError("the value has too many parts to be sent: return tensors rather than long lists")
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
    reader.finish()
    if not isinstance(message, dict):
        raise WireError("a message that is not a dict")
    return message


def flags_of(value: Any) -> frozenset[str]:
    """Which of FLAGS hold for a tensor in a value."""
    flags: set[str] = set()
    with torch._C.DisableTorchFunctionSubclass():
        for tensor in tensors_in(value):
            if tensor.requires_grad:
                flags.add("requires_grad")
            if isinstance(tensor, torch.nn.Parameter):
                flags.add("parameter")
            elif type(tensor) is not Tensor:
                flags.add("subclass")
            if tensor.is_inference():
                flags.add("inference")
    return frozenset(flags)


def tensors_in(value: Any) -> Iterator[Tensor]:
    """Every tensor in nested tuples, lists and dicts, in order."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from tensors_in(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from tensors_in(item)


class _Bodies:
    """The bytes of a message's tensors, and how many elements they have."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self.elements = 0

    def expect_room(self, shape: Sequence[int], itemsize: int) -> None:
        """Before anything is copied. Raises TypeError."""
        self.elements += _elements(shape)
        if self.elements > MAX_ELEMENTS or _elements(shape) * itemsize > MAX_FRAME:
            raise TypeError(f"a tensor of shape {tuple(shape)} is too large to be sent")


def _elements(shape: Sequence[int]) -> int:
    """As if no axis were empty: what is made of a shape may leave the empty one out."""
    return math.prod(max(size, 1) for size in shape)


def _is_count(number: int) -> bool:
    return type(number) is int and 0 <= number < 2**31


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} in JSON")


def _node(value: Any, bodies: _Bodies, depth: int) -> Any:
    if depth < 0:
        raise TypeError(f"the value is nested deeper than {MAX_DEPTH} levels")
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        if not -(2**63) <= int(value) < 2**63:
            raise TypeError("an integer beyond 64 bits cannot be sent")
        return int(value)
    if isinstance(value, float):
        number = float(value)
        return number if math.isfinite(number) else {"k": "float", "v": repr(number)}
    if isinstance(value, str):
        if len(value) > MAX_TEXT:
            raise TypeError(f"a text of {len(value)} characters cannot be sent")
        return str(value)
    if isinstance(value, Tensor):
        return _tensor_node(value, bodies)
    if isinstance(value, (tuple, list)):
        kind = "tuple" if isinstance(value, tuple) else "list"
        return {"k": kind, "v": [_node(item, bodies, depth - 1) for item in value]}
    if isinstance(value, dict):
        if not all(isinstance(key, str) for key in value):
            raise TypeError("a dict can be sent only if its keys are texts")
        return {"k": "dict", "v": [[str(key), _node(item, bodies, depth - 1)] for key, item in value.items()]}
    if type(value) in _EXTRAS:
        return {"k": _EXTRAS[type(value)], "v": [_node(part, bodies, depth) for part in vars(value).values()]}
    if type(value) in _REFERENCE_KINDS:
        return {"k": _REFERENCE_KINDS[type(value)], "v": next(iter(vars(value).values()))}
    kind = f"{type(value).__module__}.{type(value).__qualname__}".removeprefix("builtins.")
    raise TypeError(f"a value of type {kind} cannot be graded: use tensors, numbers, texts, tuples, lists and dicts")


def _tensor_node(tensor: Tensor, bodies: _Bodies) -> dict[str, Any]:
    with torch._C.DisableTorchFunctionSubclass():  # a subclass has no say in what is read of it
        return _plain_node(tensor, bodies)


def _plain_node(tensor: Tensor, bodies: _Bodies) -> dict[str, Any]:
    if tensor.layout != torch.strided or tensor.is_quantized or tensor.dtype not in _NAMES:
        raise TypeError(f"a tensor of layout {tensor.layout} and dtype {tensor.dtype} cannot be graded: make it dense")
    plain = tensor.detach().as_subclass(Tensor)
    if plain.dim() > MAX_RANK:
        raise TypeError(f"a tensor of {plain.dim()} dimensions cannot be graded: at most {MAX_RANK}")
    bodies.expect_room(plain.shape, plain.element_size())
    node = {"k": "tensor", "d": _NAMES[plain.dtype], "s": list(plain.shape)}
    if plain.is_meta:
        return node | {"meta": True}
    plain = plain.cpu().resolve_conj().resolve_neg().contiguous()
    if plain.numel():
        bodies.parts.append(plain.reshape(-1).view(torch.uint8).numpy().tobytes())
    return node


class _Reader:
    """Reads the nodes of one header and takes each tensor's bytes from the body in turn."""

    def __init__(self, body: memoryview, references: bool, objects: bool) -> None:
        self.body = body
        self.references = references
        self.objects = objects
        self.position = 0
        self.nodes = 0
        self.elements = 0

    def finish(self) -> None:
        if self.position != len(self.body):
            raise WireError(f"{len(self.body) - self.position} bytes too many")

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
            return self._tensor(node)
        if kind == "float" and content in ("nan", "inf", "-inf"):
            return float(content)
        if kind in ("tuple", "list") and isinstance(content, list):
            items = [self.value(item, depth - 1) for item in content]
            return tuple(items) if kind == "tuple" else items
        if kind == "dict" and isinstance(content, list):
            return {self._key(pair): self.value(pair[1], depth - 1) for pair in content}
        if isinstance(kind, str) and kind in _EXTRAS.values() and isinstance(content, list):
            return self._extra(kind, [self.value(part, depth) for part in content])
        if self.references and isinstance(kind, str) and kind in _REFERENCES:
            return _REFERENCES[kind](content)
        raise WireError(f"a value of unknown kind {kind[:40]!r}" if isinstance(kind, str) else "a value without a kind")

    def _extra(self, kind: str, parts: list[Any]) -> Any:
        """A value that is sent by its fields, each of them decoded already."""
        match kind, parts:
            case "generated", [list() as items, bool() as finished]:
                return Generated(items, finished)
            case "unsent", [str() as name] if len(name) <= MAX_NAME:
                return Unsent(name)
            case "object", [int() as number, str() as name] if self.objects and _is_count(number):
                return ObjectRef(number, self._checked(name, len(name) <= MAX_NAME))
            case "recorded", [int() as number, (str(), _) as does, str() as name] if self.references:
                return RecordedRef(self._checked(number, _is_count(number)), does, name)
            case "slice", [start, stop, step] if self.references:
                return SliceRef(start, stop, step)
        raise WireError(f"a value of the kind {kind} that is not allowed here, or of another form")

    def _checked(self, value: Any, good: bool) -> Any:
        if not good:
            raise WireError("a number or text beyond the limits")
        return value

    def _key(self, pair: Any) -> str:
        if not (isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], str) and len(pair[0]) <= 1000):
            raise WireError("a dict entry that is not a pair with a text key")
        return str(pair[0])

    def _tensor(self, node: dict[str, Any]) -> Tensor:
        name, shape = node.get("d"), node.get("s")
        if not isinstance(name, str) or name not in DTYPES or not isinstance(shape, list) or len(shape) > MAX_RANK:
            raise WireError("a tensor with an unknown dtype or too many dimensions")
        if not all(type(size) is int and 0 <= size < 2**40 for size in shape):
            raise WireError("a tensor with an impossible shape")
        self.elements += _elements(shape)
        if self.elements > MAX_ELEMENTS:
            raise WireError(f"tensors of more than {MAX_ELEMENTS:,} elements")
        dtype = DTYPES[name]
        if node.get("meta") is True:
            return torch.empty(shape, dtype=dtype, device="meta")
        size = math.prod(shape) * dtype.itemsize
        if size > len(self.body) - self.position:
            raise WireError("a tensor larger than its bytes")
        if size == 0:
            return torch.empty(shape, dtype=dtype)
        raw = torch.frombuffer(bytearray(self.body[self.position : self.position + size]), dtype=torch.uint8)
        self.position += size
        return (raw != 0 if dtype is torch.bool else raw.view(dtype)).reshape(shape)
