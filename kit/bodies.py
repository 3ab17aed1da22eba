"""The bytes behind a message's header, one part after another, and the bounds that hold for both directions."""

from __future__ import annotations

import math
from collections.abc import Sequence

MAX_FRAME = 16 << 20  # problem set 3 needs 0.25 MB
MAX_RANK = 8
MAX_ELEMENTS = 4 << 20  # of all tensors and arrays in a message, with or without numbers: tests make these sizes
MAX_LISTED = 1 << 20  # numbers and texts of all packed lists: each becomes an object, five times as large
MAX_NODES = 1 << 16
# Members of all sets, and keys of all dicts that are no text: whoever chooses them can make their hashes collide, so
# that finding a place takes as many steps as there are members.
MAX_HASHED = 10_000
MAX_EQUAL_HASHES = 100  # members compared in full, whose comparing may be long


class WireError(Exception):
    """The far side sent something that is not a well-formed message. Never a ValueError: no test may expect it."""


class Bodies:
    """What is written behind a header, and how much of everything it holds so far."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self.elements = 0
        self.listed = 0
        self.nodes = 0
        self.hashed = 0

    def expect_room(self, what: str, shape: Sequence[int], itemsize: int) -> None:
        """Before anything is copied. Raises TypeError."""
        self.elements += elements(shape)
        if self.elements > MAX_ELEMENTS or elements(shape) * itemsize > MAX_FRAME:
            raise TypeError(f"{what} of shape {tuple(shape)} is too large to be sent")

    def expect_listed(self, count: int) -> None:
        self.listed += count
        if self.listed > MAX_LISTED:
            raise TypeError(f"lists of more than {MAX_LISTED:,} numbers and texts cannot be sent")


class BodyReader:
    """Gives out the bytes behind a header in turn, never more than there are."""

    def __init__(self, body: memoryview) -> None:
        self.body = body
        self.position = 0
        self.elements = 0
        self.listed = 0

    def finish(self) -> None:
        if self.position != len(self.body):
            raise WireError(f"{len(self.body) - self.position} bytes too many")

    def take(self, size: int) -> memoryview:
        """The next `size` bytes. Raises WireError before anything is copied."""
        if size > len(self.body) - self.position:
            raise WireError("a tensor, array or list larger than its bytes")
        start, self.position = self.position, self.position + size
        return self.body[start : self.position]

    def shape(self, shape: object) -> list[int]:
        """A tensor's or array's shape, if it is possible and there is room for so many elements."""
        if not isinstance(shape, list) or len(shape) > MAX_RANK:
            raise WireError("a tensor or array without a shape, or with too many dimensions")
        if not all(type(size) is int and 0 <= size < 2**40 for size in shape):
            raise WireError("a tensor or array with an impossible shape")
        self.elements += elements(shape)
        if self.elements > MAX_ELEMENTS:
            raise WireError(f"tensors of more than {MAX_ELEMENTS:,} elements")
        return shape

    def size(self, number: object) -> int:
        if type(number) is not int or number < 0:
            raise WireError("bytes of an impossible number")
        return number

    def count(self, number: object) -> int:
        """How long a packed list says it is, if there is room for so many."""
        if type(number) is not int or not 0 <= number <= MAX_LISTED - self.listed:
            raise WireError("a packed list of an impossible length")
        self.listed += number
        return number


def elements(shape: Sequence[int]) -> int:
    """As if no axis were empty: what is made of a shape may leave the empty one out."""
    return math.prod(max(size, 1) for size in shape)
