"""Everything of the kit that knows torch: a set that does not name torch never loads it.

Torch counts as there once it is loaded: before that, no value can be a tensor and no mode of torch can change.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, TypeGuard

from kit.bodies import MAX_RANK, Bodies, BodyReader, WireError

if TYPE_CHECKING:
    from torch import Tensor, nn

FLAGS = ("requires_grad", "parameter", "subclass", "inference")  # what decoding forgets about a tensor
DTYPES = (
    "float16", "bfloat16", "float32", "float64", "complex64", "complex128",
    "uint8", "int8", "int16", "int32", "int64", "bool",
)  # fmt: skip
_NAMES = {f"torch.{name}": name for name in DTYPES}
_NO_FLAGS: frozenset[str] = frozenset()


class _Torch:
    """The module once it was seen: a student's code may put another in its place."""

    module: Any = None


def loaded() -> Any:
    """The module torch; None where nothing has loaded it."""
    if _Torch.module is None:
        _Torch.module = sys.modules.get("torch")
    return _Torch.module


def is_tensor(value: object) -> TypeGuard[Tensor]:
    torch = loaded()
    return torch is not None and isinstance(value, torch.Tensor)


def is_module(value: object) -> TypeGuard[nn.Module]:
    torch = loaded()
    return torch is not None and isinstance(value, torch.nn.Module)


def short(dtype: object) -> str:
    """How messages name a dtype: float32."""
    return str(dtype).removeprefix("torch.")


def use_one_thread() -> None:
    """As at grading. Threads only slow small inputs down, and a process that has started some cannot fork safely."""
    if (torch := loaded()) is not None:
        torch.set_num_threads(1)


def put_back(after: ExitStack) -> None:
    """At the end of `after`: the random state, threads, default dtype and gradient mode as they are now."""
    if (torch := loaded()) is None:
        return
    after.callback(torch.set_rng_state, torch.get_rng_state())
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        after.callback(torch.cuda.set_rng_state_all, torch.cuda.get_rng_state_all())
    if torch.backends.mps.is_available():
        after.callback(torch.mps.set_rng_state, torch.mps.get_rng_state())
    after.callback(torch.set_num_threads, torch.get_num_threads())
    after.callback(torch.set_default_dtype, torch.get_default_dtype())
    after.callback(torch.set_grad_enabled, torch.is_grad_enabled())


def seed(number: int) -> None:
    """Seed torch's generator. (torch.manual_seed also formats a stack for each GPU library.)"""
    if (torch := loaded()) is not None:
        torch.default_generator.manual_seed(number)


def flags_of(value: Any) -> frozenset[str]:
    """Which of FLAGS hold for a tensor in a value."""
    torch = loaded()
    if torch is None:
        return _NO_FLAGS
    flags: set[str] = set()
    with torch._C.DisableTorchFunctionSubclass():
        for tensor in tensors_in(value):
            if tensor.requires_grad:
                flags.add("requires_grad")
            if isinstance(tensor, torch.nn.Parameter):
                flags.add("parameter")
            elif type(tensor) is not torch.Tensor:
                flags.add("subclass")
            if tensor.is_inference():
                flags.add("inference")
    return frozenset(flags)


def tensors_in(value: Any) -> Iterator[Tensor]:
    """Every tensor in nested tuples, lists and dicts, in order."""
    if is_tensor(value):
        yield value
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from tensors_in(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from tensors_in(item)


def node_of(tensor: Tensor, bodies: Bodies) -> dict[str, Any]:
    """What the header says of a tensor. Raises TypeError for one that cannot cross."""
    with loaded()._C.DisableTorchFunctionSubclass():  # a subclass has no say in what is read of it
        return _plain_node(loaded(), tensor, bodies)


def _plain_node(torch: Any, tensor: Any, bodies: Bodies) -> dict[str, Any]:
    name = _NAMES.get(str(tensor.dtype))
    if tensor.layout != torch.strided or tensor.is_quantized or name is None:
        raise TypeError(f"a tensor of layout {tensor.layout} and dtype {tensor.dtype} cannot be graded: make it dense")
    plain = tensor.detach().as_subclass(torch.Tensor)
    if plain.dim() > MAX_RANK:
        raise TypeError(f"a tensor of {plain.dim()} dimensions cannot be graded: at most {MAX_RANK}")
    bodies.expect_room("a tensor", plain.shape, plain.element_size())
    node = {"k": "tensor", "d": name, "s": list(plain.shape)}
    if plain.is_meta:
        return node | {"meta": True}
    plain = plain.cpu().resolve_conj().resolve_neg().contiguous()
    if plain.numel():
        bodies.parts.append(plain.reshape(-1).view(torch.uint8).numpy().tobytes())
    return node


def read(node: dict[str, Any], body: BodyReader) -> Tensor:
    """The tensor of a header's node. Raises WireError, also where there is no torch."""
    torch, name = imported(), node.get("d")
    if not isinstance(name, str) or name not in DTYPES:
        raise WireError("a tensor with an unknown dtype")
    shape, dtype = body.shape(node.get("s")), getattr(torch, name)
    if node.get("meta") is True:
        return torch.empty(shape, dtype=dtype, device="meta")  # type: ignore[no-any-return]
    part = body.take(math.prod(shape) * dtype.itemsize)
    if not part:
        return torch.empty(shape, dtype=dtype)  # type: ignore[no-any-return]
    raw = torch.frombuffer(bytearray(part), dtype=torch.uint8)
    return (raw != 0 if dtype is torch.bool else raw.view(dtype)).reshape(shape)  # type: ignore[no-any-return]


def imported() -> Any:
    """Torch, loaded if need be. Raises WireError where there is none."""
    if loaded() is not None:
        return loaded()
    try:
        import torch
    except ImportError as error:
        raise WireError("a tensor, where there is no torch") from error
    return torch


def are_identical(old: Tensor, new: Tensor) -> bool:
    """The same shape, dtype and bits."""
    if old.shape != new.shape or old.dtype != new.dtype:
        return False
    return old.is_meta or bool(loaded().equal(bits(old), bits(new)))


def bits(tensor: Tensor) -> Tensor:
    """What the tensor holds, byte by byte."""
    return tensor.detach().contiguous().reshape(-1).view(loaded().uint8)


def gradients(total: Tensor | None, sources: Sequence[Tensor]) -> list[Tensor | None]:
    """Of a weighted sum with respect to each source; None where none arrives."""
    if total is None or not total.requires_grad:
        return [None] * len(sources)
    return list(loaded().autograd.grad(total, sources, allow_unused=True))
