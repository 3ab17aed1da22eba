"""Helpers of the checks of the masked autoencoder."""

from typing import Any

from torch import Tensor

from kit import assert_same, expect_tensor


def assert_same_numbers(actual: Any, expected: Tensor, *, what: str, shape: tuple[int, ...] | None = None) -> None:
    """Fail unless `actual` holds the numbers of `expected`, in whatever order and floating dtype.

    For tests whose business is not the order. shape: what `actual` should have, by default that of `expected`.
    """
    __tracebackhide__ = True
    tensor = expect_tensor(actual, what=what, shape=shape or tuple(expected.shape), dtype="floating")
    in_order = expected.flatten().sort().values
    assert_same(tensor.flatten().sort().values, in_order, what=f"{what}, sorted", any_float=True)
