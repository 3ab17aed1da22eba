"""Values without a meaning in the form of right ones: numbers, tensors and arrays filled, everything else emptied."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any, Protocol

from kit import arrays, tensors
from kit.wire import Generated

NO_NAMES = "random numbers and empty dicts"
_EMPTIED = (str, bytes, bytearray, set, frozenset)


class Fill(Protocol):
    """One way of filling."""

    def number(self) -> float:
        """What stands for a single plain number."""
        ...

    def tensor(self, tensor: Any) -> Any:
        """A tensor of the same shape and dtype."""
        ...

    def array(self, array: Any) -> Any:
        """An array of numbers of the same shape and dtype."""
        ...


@dataclass(frozen=True)
class Constant:
    """The same number everywhere."""

    value: float

    def number(self) -> float:
        return self.value

    def tensor(self, tensor: Any) -> Any:
        return tensors.imported().full_like(tensor, self.value)

    def array(self, array: Any) -> Any:
        return arrays.loaded().full_like(array, self.value)


class Mean:
    """The mean everywhere; of a single number, whose mean would be the answer itself, a zero."""

    def number(self) -> float:
        return 0.0

    def tensor(self, tensor: Any) -> Any:
        torch = tensors.imported()
        mean = tensor.to(torch.float64).mean().item() if tensor.numel() > 1 else 0.0
        return torch.full_like(tensor, mean)

    def array(self, array: Any) -> Any:
        mean = array.astype(float).mean() if array.size > 1 and array.dtype.kind != "c" else 0.0
        return arrays.loaded().full_like(array, mean)


class Drawn:
    """Random numbers of a value's shape, dtype and range, the same for the same shape."""

    def number(self) -> float:
        return random.Random(1).random()

    def tensor(self, tensor: Any) -> Any:
        torch = tensors.imported()
        generator = torch.Generator().manual_seed(tensor.numel())
        numbers = torch.rand(tensor.shape, generator=generator, dtype=torch.float64)
        if tensor.is_floating_point() or tensor.is_complex() or not tensor.numel():
            return numbers.to(tensor.dtype)
        return (numbers * (int(tensor.max()) + 1)).to(tensor.dtype)

    def array(self, array: Any) -> Any:
        numbers = arrays.loaded().random.default_rng(array.size).random(array.shape)
        most = int(array.max()) + 1 if array.dtype.kind in "iub" and array.size else 1
        return (numbers * most).astype(array.dtype)


class DrawnAnew:
    """Numbers from 0 to 1, others every time; the same in every process from `begin` on."""

    def __init__(self) -> None:
        self.begin(0)

    def begin(self, seed: int) -> None:
        self.chance = random.Random(seed)

    def number(self) -> float:
        return self.chance.random()

    def tensor(self, tensor: Any) -> Any:
        torch = tensors.imported()
        generator = torch.Generator().manual_seed(self.chance.getrandbits(60))
        return torch.rand(tensor.shape, generator=generator, dtype=torch.float64).to(tensor.dtype)

    def array(self, array: Any) -> Any:
        generator = arrays.loaded().random.default_rng(self.chance.getrandbits(60))
        return generator.random(array.shape).astype(array.dtype)


ZERO, ANEW = Constant(0.0), DrawnAnew()
FILLS: dict[str, Fill] = {
    "zeros": ZERO,
    "ones": Constant(1.0),
    "the mean": Mean(),
    "fixed random numbers": Drawn(),
    "new random numbers": ANEW,
    NO_NAMES: Drawn(),
}


def blank(value: Any, fill: Fill) -> Any:
    """The value with every number in it replaced and every text, set and range emptied, its form kept."""
    if tensors.is_tensor(value):
        return value if value.is_meta else fill.tensor(value)
    if arrays.is_array(value):
        return _blank_array(value, fill)
    if isinstance(value, (bool, int, float, complex)):
        return type(value)(fill.number())
    if isinstance(value, (tuple, list)):
        return type(value)(blank(item, fill) for item in value)
    if isinstance(value, dict):
        return {key: blank(item, fill) for key, item in value.items()}
    if isinstance(value, Generated):
        return Generated(blank(value.items, fill), value.finished)
    if isinstance(value, range):
        return range(0)
    return type(value)() if isinstance(value, _EMPTIED) else value


def _blank_array(value: Any, fill: Fill) -> Any:
    """Of an array or a scalar of numpy's."""
    numpy = arrays.loaded()
    array = numpy.asarray(value)
    made = numpy.zeros_like(array) if array.dtype.kind == "U" else fill.array(array)
    return made if isinstance(value, numpy.ndarray) else made[()]
