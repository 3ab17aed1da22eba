"""Helpers of the checks of the masked autoencoder."""

import math
from collections.abc import Callable
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


def assert_depends(call: Callable[[Tensor], Any], given: Tensor, other: Tensor, *, what: str) -> None:
    """Fail unless a student's tensor is the same for the same input twice, and another for another input.

    For tests whose business the numbers are not: a constant, or anything drawn, is no answer.
    """
    __tracebackhide__ = True
    first, again, changed = (expect_tensor(call(x), what=what, dtype="floating") for x in (given, given.clone(), other))
    assert first.shape == again.shape and not first.is_meta and bool((first - again).abs().max() < 1e-4), (
        f"{what}: the same input gives other numbers the second time"
    )
    assert changed.shape != first.shape or bool((changed - first).abs().max() > 1e-6), (
        f"{what}: another input gives the same numbers"
    )


def plain_images(shape: tuple[int, int, int, int], rng: torch.Generator) -> Tensor:
    """Images (B, C, H, W) of one colour each: which of their patches are seen, and in which order, does not matter."""
    return torch.rand(*shape[:2], 1, 1, generator=rng).expand(shape).contiguous()


def without_positions(encoder: Any, weights: dict[str, Tensor]) -> Any:
    """The student's encoder with these weights in float32, and a pos_embed of zeros."""
    single = {name: weight.float() for name, weight in weights.items()}
    return encoder.load(single | {"pos_embed": torch.zeros_like(single["pos_embed"])})


def assert_features_depend(encoder: Any, weights: dict[str, Tensor], rng: torch.Generator) -> None:
    """Fail unless a student's features of 8x8 images are the same twice, and others for images of another colour.

    For tests whose business neither positions nor the choice of patches are. The encoder ends with its weights.
    """
    __tracebackhide__ = True
    without_positions(encoder, weights)
    images = plain_images((2, 3, 8, 8), rng)
    features = expect_tensor(encoder.call("features", images), what="features of plain images", dtype="floating")
    assert not features.is_meta, "the features have a shape but no numbers"
    assert float(features.std(dim=-1, correction=0).min()) > 1e-4, "all numbers of the features are the same"
    assert_depends(lambda some: encoder.call("features", some), images, 1 - images, what="features of plain images")
    encoder.load({name: weight.float() for name, weight in weights.items()})


def assert_gradients_fit(
    call: Callable[[Tensor], Any], given: Tensor, weight: Tensor, gradient: Any, rng: torch.Generator, *, what: str
) -> None:
    """Fail unless the sum of a student's results times `weight` changes with an input as the gradient says."""
    __tracebackhide__ = True
    step = 1e-3 * torch.randn(given.shape, generator=rng, dtype=given.dtype)
    up, down = (expect_tensor(call(x), what=what, shape=tuple(weight.shape)) for x in (given + step, given - step))
    change = ((up - down) * weight).sum() / 2
    gradient = expect_tensor(gradient, what=f"gradient of {what}", shape=tuple(given.shape))
    assert_same((gradient * step).sum(), change, what=f"{what}: slope along a random direction", atol=1e-5, rtol=5e-2)


def loss_value(loss: Any) -> Tensor:
    """A loss as one number in float64, however it comes: that it is a scalar tensor is another test's business."""
    __tracebackhide__ = True
    if isinstance(loss, float):
        loss = torch.tensor(loss)
    loss = expect_tensor(loss, what="loss", dtype="floating")
    assert 0 < loss.numel() <= 100 and not loss.is_meta, f"loss: expected a scalar, got shape {tuple(loss.shape)}"
    return loss.double().mean()


def loss_gradient(student: Any, arguments: list[Any]) -> Any:
    """The gradient of a student's loss, averaged if there are several, in the predictions, as it comes."""
    shape = tuple(getattr(student.mae_loss(*arguments), "shape", ()))
    assert math.prod(shape) in range(1, 101), f"loss: expected a scalar, got shape {shape}"
    weight = torch.full(shape, 1 / math.prod(shape), dtype=arguments[1].dtype)
    return student.vjp("mae_loss", arguments, weight, wrt=[1])[0]


def assert_loss_depends(
    student: Any, images: Tensor, predictions: Tensor, mask: Tensor, patch_size: int, normalize_targets: bool = True
) -> None:
    """Fail unless a student's loss is another for other predictions and for other images.

    For tests whose business the loss's value is not. Every patch of these images should have several colours.
    """
    __tracebackhide__ = True

    def loss(images: Tensor, predictions: Tensor) -> Tensor:
        return loss_value(student.mae_loss(images, predictions, mask, patch_size, normalize_targets))

    assert_depends(lambda some: loss(images, some), predictions, predictions.flip(2), what="loss of some predictions")
    assert_depends(lambda some: loss(some, predictions), images, images.flip(3), what="loss on some images")
