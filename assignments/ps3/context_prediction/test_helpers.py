"""What the public and the hidden tests of the problem on context prediction share."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from kit import CheckFailed, assert_same, expect_tensor, expect_tuple

STEPS = ((-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1))  # down and right, by direction
ROW, COLUMN, IMAGE = 0, 1, 2  # channels of `places`


# --- cut_pairs --------------------------------------------------------------------------------------------------------


def places(rng: torch.Generator, batch: int, height: int, width: int) -> Tensor:
    """Images (B, 3, H, W) that hold the row, the column, and the number of the image, of each pixel.

    To all of them one whole number is added, 10 or more, so that no table of answers helps.
    """
    images = torch.empty(batch, 3, height, width)
    images[:, ROW] = torch.arange(height).float()[:, None]
    images[:, COLUMN] = torch.arange(width).float()
    images[:, IMAGE] = torch.arange(batch).float()[:, None, None]
    return images + torch.randint(10, 10_000, (), generator=rng)


@dataclass(frozen=True)
class Corners:
    """Where patches were cut: (B, 2), row and column of the upper left corners, and the image of each, (B,)."""

    corners: Tensor
    images: Tensor


def cut(
    student: Any, images: Tensor, directions: Sequence[int], patch_size: int, gap: int, jitter: Sequence[Sequence[int]]
) -> tuple[Corners, Corners]:
    """Where a student's centres and neighbours of `places` images begin; in a tuple or a list, in any float dtype."""
    given = images, torch.tensor(directions), patch_size, gap, torch.tensor(jitter)
    pair = both_of(student.cut_pairs(*given))
    shape = (len(images), 3, patch_size, patch_size)
    start = float(images[0, 0, 0, 0])
    return _corners(pair[0], shape, start, "centres"), _corners(pair[1], shape, start, "neighbours")


def both_of(pair: Any) -> tuple[Any, ...]:
    """Centres and neighbours, also from a list or from one tensor: their container is another test's business."""
    if isinstance(pair, Tensor) and pair.dim() == 5 and 2 in pair.shape[:2]:
        pair = pair.unbind(0 if pair.shape[0] == 2 and pair.shape[1] != 2 else 1)
    return expect_tuple(pair, 2, what="cut_pairs")


def _corners(patches: Any, shape: tuple[int, ...], start: float, what: str) -> Corners:
    patches = expect_tensor(patches, what=what, shape=shape, dtype="floating").float() - start
    assert not patches.is_meta, f"{what} have a shape but no numbers"
    assert bool((patches == patches.round()).all()), f"{what} hold numbers that no pixel of the images has"
    across = patches[:, :2].amax(dim=(2, 3)) - patches[:, :2].amin(dim=(2, 3))
    assert bool((across == shape[2] - 1).all()), f"{what} are not {shape[2]} x {shape[2]} pixels from one place"
    return Corners(patches[:, :2].amin(dim=(2, 3)), patches[:, IMAGE].amin(dim=(1, 2)))


def none(count: int) -> list[list[int]]:
    """No jitter."""
    return [[0, 0]] * count


def assert_moved(moved: Tensor, right: Sequence[Sequence[int]], *, what: str) -> None:
    """How far corners lie from where they would be, (B, 2)."""
    assert_same(moved, torch.tensor(right).float(), what=f"{what}, in rows and columns")


# --- drop_colors ------------------------------------------------------------------------------------------------------


def dropped(student: Any, patches: Tensor, keep: Sequence[int], noise: Tensor | None = None) -> Tensor:
    """A student's patches without colour, in float64, of whatever floating dtype."""
    given = [patches, torch.tensor(keep)] + ([] if noise is None else [noise])
    result = expect_tensor(
        student.drop_colors(*given), what="drop_colors", shape=tuple(patches.shape), dtype="floating"
    )
    assert not result.is_meta, "drop_colors gives patches that have a shape but no numbers"
    return result.double()


def others(keep: int) -> list[int]:
    """The two channels that go."""
    return [channel for channel in range(3) if channel != keep]


def deviation(values: Tensor) -> float:
    """Of all numbers of a tensor, divided by their number less one."""
    numbers = values.double().flatten().tolist()
    mean = sum(numbers) / len(numbers)
    return float((sum((number - mean) ** 2 for number in numbers) / (len(numbers) - 1)) ** 0.5)


# --- network ----------------------------------------------------------------------------------------------------------


def network(
    student: Any, rng: torch.Generator, channels: int, patch_size: int, dim: int
) -> tuple[Any, dict[str, Tensor]]:
    """A student's network with random weights, and these."""
    handle = student.build("ContextNetwork", channels=channels, patch_size=patch_size, dim=dim)
    shapes = {
        "trunk.0": (16, channels, 3, 3),
        "trunk.2": (32, 16, 3, 3),
        "trunk.4": (64, 32, 3, 3),
        "trunk.7": (dim, 64 * ((patch_size + 3) // 4) ** 2),
        "head.0": (2 * dim, 2 * dim),
        "head.2": (8, 2 * dim),
    }
    weights = {}
    for name, shape in shapes.items():
        scale = 1.5 / math.prod(shape[1:]) ** 0.5
        weights[f"{name}.weight"] = scale * torch.randn(shape, generator=rng)
        weights[f"{name}.bias"] = 0.3 * torch.randn(shape[:1], generator=rng)
    return handle.load(weights), weights


def trunk(weights: dict[str, Tensor], patches: Tensor) -> Tensor:
    """Features (B, dim) of patches, written out with the weights."""
    x = patches
    for name, stride in (("trunk.0", 1), ("trunk.2", 2), ("trunk.4", 2)):
        x = F.conv2d(x, weights[f"{name}.weight"].to(x), weights[f"{name}.bias"].to(x), stride, padding=1).clamp(min=0)
    flat = x.reshape(len(x), -1)
    return (flat @ weights["trunk.7.weight"].to(x).T + weights["trunk.7.bias"].to(x)).clamp(min=0)


def head(weights: dict[str, Tensor], both: Tensor) -> Tensor:
    """Scores (B, 8) of the features of two patches (B, 2 * dim), written out with the weights."""
    hidden = (both @ weights["head.0.weight"].to(both).T + weights["head.0.bias"].to(both)).clamp(min=0)
    return hidden @ weights["head.2.weight"].to(both).T + weights["head.2.bias"].to(both)


def scores(weights: dict[str, Tensor], centres: Tensor, neighbours: Tensor) -> Tensor:
    """Scores (B, 8), written out with the weights."""
    return head(weights, torch.cat([trunk(weights, centres), trunk(weights, neighbours)], dim=1))


def readings(weights: dict[str, Tensor], centres: Tensor, neighbours: Tensor) -> list[Tensor]:
    """The scores, and what they would be with a mistake in what the head reads, which a test of its own is about."""
    a, b = trunk(weights, centres), trunk(weights, neighbours)
    return [head(weights, torch.cat(both, dim=1)) for both in ((a, b), (b, a), (a, b - a), (a, a), (b, b))]


def assert_close_to_one(actual: Any, right: Sequence[Tensor], *, what: str) -> None:
    """The numbers are those of the first, or of another, which has a mistake that another test is about."""
    tensor = expect_tensor(actual, what=what, shape=tuple(right[0].shape), dtype="floating")
    if not tensor.is_meta and any((tensor.double() - other.double()).abs().max() < 1e-3 for other in right[1:]):
        return
    assert_same(tensor, right[0].to(tensor.dtype), what=what, atol=1e-3)


# --- nearest_neighbours -----------------------------------------------------------------------------------------------


def found(
    student: Any, queries: Tensor, gallery: Tensor, k: int, exclude: Tensor | None = None, *, what: str = "neighbours"
) -> list[list[int]]:
    """A student's indices (M, k) as lists, in whatever whole dtype."""
    extra = [] if exclude is None else [exclude]
    indices = student.nearest_neighbours(queries, gallery, k, *extra)
    indices = expect_tensor(indices, what=what, shape=(len(queries), k), dtype="integer")
    assert not indices.is_meta, f"{what} have a shape but no numbers"
    return [[int(index) for index in row] for row in indices]


def assert_found(
    rows: Sequence[Sequence[int]], right: Sequence[Sequence[int]], *, what: str, excused: Sequence[Any] = ()
) -> None:
    """The rows are right, or have one mistake that another test is about."""
    rows, right = [list(row) for row in rows], [list(row) for row in right]
    if rows != right and rows not in [[list(row) for row in other] for other in excused]:
        at = next(n for n, (one, other) in enumerate(zip(rows, right, strict=True)) if one != other)
        raise CheckFailed(f"{what}: query {at} gets rows {rows[at]}, expected {right[at]}")
