"""What a function was called with, to tell afterwards whether it changed its inputs in place."""

from typing import Any

from kit import arrays, tensors

_PLAIN = (type(None), bool, int, float, complex, str, bytes)  # which nothing can change


class Snapshot:
    """A value of nested tensors, arrays, lists, tuples, sets and dicts as it is now."""

    def __init__(self, value: Any) -> None:
        self.value = value
        self.content = _content(value)
        self.items = _parts(value)
        self.parts = [Snapshot(item) for item in self.items if type(item) not in _PLAIN]

    @property
    def holds(self) -> bool:
        """Whether it still is as it was: the same objects, keys, order and numbers, at every level."""
        items = _parts(self.value)
        return (
            len(items) == len(self.items)
            and all(map(_is_same, items, self.items))
            and _equal(self.content, self.value)
            and all(part.holds for part in self.parts)
        )


def _parts(value: Any) -> list[Any]:
    if isinstance(value, (list, tuple)):
        return list(value)
    return list(value.values()) if isinstance(value, dict) else []


def _content(value: Any) -> Any:
    """What can change besides the parts: numbers of a tensor or an array, keys of a dict, members, bytes."""
    if tensors.is_tensor(value):
        return value.detach().clone()
    if arrays.is_array(value) or isinstance(value, (set, bytearray)):
        return value.copy()
    return list(value) if isinstance(value, dict) else None


def _equal(content: Any, value: Any) -> bool:
    if tensors.is_tensor(value):
        return tensors.are_identical(content, value)
    if arrays.is_array(value):
        return arrays.are_identical(content, value)
    if isinstance(value, set):
        return bool(content == value) and set(map(type, content)) == set(map(type, value))
    if isinstance(value, dict):
        return bool(content == list(value))
    return not isinstance(value, bytearray) or content == value


def _is_same(new: Any, old: Any) -> bool:
    """The same object; of numbers and texts an equal one will do."""
    return new is old or (isinstance(old, (bool, int, float, str)) and type(new) is type(old) and new == old)
