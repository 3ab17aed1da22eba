"""Helpers of the checks of the masked autoencoder."""

import math
from typing import Any

import torch
from torch import Tensor

from kit import assert_same, expect_tensor

MOST_WEIGHTS = 100_000


def assert_same_numbers(actual: Any, expected: Tensor, *, what: str, batch: int | None = None) -> None:
    """Fail unless `actual` holds the numbers of `expected`, in whatever order, shape and floating dtype.

    For tests whose business is none of these. batch: how long the first axis should be, where that matters.
    """
    __tracebackhide__ = True
    tensor = expect_tensor(actual, what=what, dtype="floating")
    assert tensor.numel() == expected.numel() and tensor.dim(), (
        f"{what}: expected {expected.numel()} numbers, got shape {tuple(tensor.shape)}"
    )
    assert batch is None or len(tensor) == batch, f"{what}: expected a batch of {batch}, got {tuple(tensor.shape)}"
    in_order = expected.flatten().sort().values
    assert_same(tensor.flatten().sort().values, in_order, what=f"{what}, sorted", any_float=True)


def load_random_weights(module: Any, rng: torch.Generator, positions: tuple[int, int]) -> dict[str, Tensor]:
    """Give a student's module random weights, small ones in its blocks, and a random pos_embed (1, 1 + N, D)."""
    shapes = {name: tuple(value.shape) for name, value in module.state().parameters.items()}
    count = sum(math.prod(shape) for shape in shapes.values())
    assert count <= MOST_WEIGHTS, f"the module has {count:,} weights, far more than its constructor makes"
    shapes["pos_embed"] = (1, *positions)
    scales = {name: 0.3 if "blocks" in name or "patch" in name else 1.0 for name in shapes}
    weights = {name: scales[name] * torch.randn(shape, generator=rng) for name, shape in shapes.items()}
    module.load(weights)
    return weights


def patch_rows(predictions: Any, shape: tuple[int, int, int]) -> Tensor:
    """A decoder's predictions (B, N, P*P*C) of patches, in float64, if they tell anything apart.

    A row too many, which stands in front where the class token's was not dropped, is another test's business.
    """
    __tracebackhide__ = True
    batch, count, length = shape
    rows = expect_tensor(predictions, what="predictions", dtype="floating")
    if tuple(rows.shape) == (batch, 1 + count, length):
        rows = rows[:, 1:]
    rows = expect_tensor(rows, what="predictions", shape=shape).double()
    assert float((rows - rows.mean()).abs().max()) > 1e-6, "all predictions are the same number"
    return rows


def loss_value(loss: Any) -> Tensor:
    """A loss as one number in float64, however it comes: that it is a scalar tensor is another test's business."""
    __tracebackhide__ = True
    if isinstance(loss, float):
        loss = torch.tensor(loss)
    loss = expect_tensor(loss, what="loss", dtype="floating")
    assert 0 < loss.numel() <= 100 and not loss.is_meta, f"loss: expected a scalar, got shape {tuple(loss.shape)}"
    return loss.double().mean()
