"""Weights that a student hands in: safetensors files, written from a module, and read as data that nobody vouches for.

The format: `8-byte length of the header | header (JSON) | the tensors' bytes`, all little-endian
(https://huggingface.co/docs/safetensors). It holds no code, and nothing is believed of it before it is checked.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kit.tensors import bits, imported, is_module, short

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

SUFFIX = ".safetensors"
MAX_WEIGHTS = 15_000_000  # bytes of a file; it crosses to the student's class in one frame (`kit.wire`)
MAX_HEADER = 1 << 18
MAX_TENSORS = 2_000
MAX_RANK = 8
_METADATA = "__metadata__"
_KEYS = {"dtype", "shape", "data_offsets"}
_DTYPES = {
    "F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16", "I64": "int64",
    "I32": "int32", "I16": "int16", "I8": "int8", "U8": "uint8", "BOOL": "bool",
}  # fmt: skip
_NAMES = {dtype: name for name, dtype in _DTYPES.items()}


class WeightsError(ValueError):
    """A file that holds no usable weights; the text says why, in words that hold nothing of the file."""


def save_weights(module: nn.Module | Mapping[str, Tensor], path: str | Path) -> None:
    """Write a module's weights (or a state_dict) as a safetensors file. WeightsError where none could be handed in."""
    state: Mapping[str, Tensor] = module.state_dict() if is_module(module) else module  # type: ignore[assignment]
    data = weights_file(state)
    read_weights(data)
    Path(path).write_bytes(data)


def weights_file(state: Mapping[str, Tensor]) -> bytes:
    """The bytes of a safetensors file."""
    header: dict[str, Any] = {}
    parts, at = [], 0
    for name, value in state.items():
        tensor = value.detach().cpu().contiguous()
        if (dtype := short(tensor.dtype)) not in _NAMES:
            raise WeightsError(f"{name} is {tensor.dtype}, which cannot be handed in")
        part = bits(tensor).numpy().tobytes() if tensor.numel() else b""
        offsets = [at, at + len(part)]
        header[name] = {"dtype": _NAMES[dtype], "shape": list(tensor.shape), "data_offsets": offsets}
        parts.append(part)
        at += len(part)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return b"".join((struct.pack("<Q", len(text)), text, *parts))


def read_weights(data: bytes) -> dict[str, Tensor]:
    """The tensors of a safetensors file by name. Raises WeightsError for anything that is not plainly one."""
    if len(data) > MAX_WEIGHTS:
        raise WeightsError(f"it holds {len(data) / 1e6:.0f} MB, and {MAX_WEIGHTS / 1e6:.0f} MB are read")
    header, body = _split(data)
    entries = sorted((_entry(value) for value in header.items()), key=lambda entry: entry[3])
    end, tensors = 0, {}
    for name, dtype, shape, (start, stop) in entries:
        if start != end:
            raise WeightsError("its tensors overlap, or leave bytes between them")
        tensors[name], end = _tensor(body[start:stop], dtype, shape, stop - start), stop
    if end != len(body):
        raise WeightsError("it holds more or fewer bytes than its header says")
    return {name: tensors[name] for name in header}


def _split(data: bytes) -> tuple[dict[str, Any], memoryview]:
    if len(data) < 8:
        raise WeightsError("it is no safetensors file (shorter than its first field)")
    (length,) = struct.unpack_from("<Q", data)
    if length > min(MAX_HEADER, len(data) - 8):
        raise WeightsError("it is no safetensors file (its header would be longer than any)")
    try:
        header = json.loads(data[8 : 8 + length].decode(), object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        if isinstance(error, WeightsError):
            raise
        raise WeightsError("it is no safetensors file (its header is no JSON)") from None
    if not isinstance(header, dict):
        raise WeightsError("its header names no tensors")
    header.pop(_METADATA, None)
    if not 0 < len(header) <= MAX_TENSORS:
        raise WeightsError(f"it holds {len(header)} tensors, where 1 to {MAX_TENSORS} may be")
    return header, memoryview(data)[8 + length :]


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise WeightsError("its header has the same name twice")
    return made


def _entry(item: tuple[str, Any]) -> tuple[str, torch.dtype, list[int], tuple[int, int]]:
    name, entry = item
    if not isinstance(entry, dict) or entry.keys() != _KEYS:
        raise WeightsError("a tensor in its header has other fields than dtype, shape and data_offsets")
    dtype = _DTYPES.get(entry["dtype"]) if isinstance(entry["dtype"], str) else None
    if dtype is None:
        raise WeightsError("a tensor has a dtype that is not read")
    shape, offsets = _whole(entry["shape"], MAX_RANK), _whole(entry["data_offsets"], 2)
    if len(offsets) != 2 or offsets[0] > offsets[1]:
        raise WeightsError("a tensor's data_offsets are no two numbers in order")
    return name, getattr(imported(), dtype), shape, (offsets[0], offsets[1])


def _whole(value: Any, most: int) -> list[int]:
    """Numbers from 0 on; true is none."""
    if not isinstance(value, list) or len(value) > most or any(type(one) is not int or one < 0 for one in value):
        raise WeightsError("a shape or an offset in its header is no short list of whole numbers")
    return value


def _tensor(part: memoryview, dtype: torch.dtype, shape: list[int], size: int) -> Tensor:
    import torch

    if len(part) != size or math.prod(shape) * dtype.itemsize != size:
        raise WeightsError("a tensor's bytes are not as many as its shape asks for")
    if math.prod(side for side in shape if side) > MAX_WEIGHTS:  # an empty tensor may claim any other sides
        raise WeightsError("a tensor has sides longer than any file")
    if not size:
        return torch.empty(shape, dtype=dtype)
    if dtype is torch.bool and any(byte > 1 for byte in part):
        raise WeightsError("a truth value is neither 0 nor 1")
    tensor = torch.frombuffer(bytearray(part), dtype=dtype).reshape(shape)
    if dtype.is_floating_point and not bool(torch.isfinite(tensor).all()):
        raise WeightsError("a tensor holds NaN or infinity: the training has diverged")
    return tensor
