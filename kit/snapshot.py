"""What a function was called with, to tell afterwards whether it changed its inputs in place."""

from typing import Any

import torch
from torch import Tensor


class Snapshot:
    """A value of nested tensors, lists, tuples and dicts as it is now."""

    def __init__(self, value: Any) -> None:
        self.value = value
        self.content = _content(value)
        self.parts = [Snapshot(part) for part in _parts(value)]

    @property
    def holds(self) -> bool:
        """Whether it still is as it was: the same objects, keys, order and numbers, at every level."""
        parts = _parts(self.value)
        return (
            len(parts) == len(self.parts)
            and all(_is_same(new, old.value) for new, old in zip(parts, self.parts, strict=True))
            and _equal(self.content, self.value)
            and all(part.holds for part in self.parts)
        )


def _parts(value: Any) -> list[Any]:
    if isinstance(value, (list, tuple)):
        return list(value)
    return list(value.values()) if isinstance(value, dict) else []


def _content(value: Any) -> Any:
    """What can change besides the parts: numbers of a tensor, keys of a dict."""
    if isinstance(value, Tensor):
        return value.detach().clone()
    return list(value) if isinstance(value, dict) else None


def _equal(content: Any, value: Any) -> bool:
    if isinstance(value, Tensor):
        return _identical(content, value)
    return not isinstance(value, dict) or content == list(value)


def _is_same(new: Any, old: Any) -> bool:
    """The same object; of numbers and texts an equal one will do."""
    return new is old or (isinstance(old, (bool, int, float, str)) and type(new) is type(old) and new == old)


def _identical(old: Tensor, new: Tensor) -> bool:
    if old.shape != new.shape or old.dtype != new.dtype:
        return False
    if old.is_meta:
        return True
    old, new = old.contiguous().reshape(-1).view(torch.uint8), new.detach().contiguous().reshape(-1).view(torch.uint8)
    return torch.equal(old, new)
