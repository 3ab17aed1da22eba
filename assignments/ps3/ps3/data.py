"""Image sets: the small CIFAR-10 pack that ships with the problem set, and full sets for whoever has fetched them.

Images stay uint8 in memory, (N, C, H, W). A set is a folder with `set.json` (classes, mean, deviation, counts),
`SHA256SUMS`, and its splits as JPEG grids or as .npy files; `load` reads either in the same way.
"""

import hashlib
import io
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ps3 import training

SMALL = "cifar10_small"
HASH_UP_TO = 256 * 2**20  # bytes; larger files are mapped into memory and only their shape is checked
PACKS = Path(__file__).resolve().parent.parent / "data"


class DataError(Exception):
    """A data file is missing or damaged; the message names the file and what to do."""


@dataclass(frozen=True)
class Split:
    """Images (N, C, H, W) uint8 and their labels (N,) int64."""

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.images)


@dataclass(frozen=True)
class ImageSet:
    """A data set in memory. `unlabelled` holds the images to learn from without labels, uint8 (N, C, H, W).

    digest: of its files, to tell sets of one name apart.
    """

    name: str
    classes: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    train: Split
    test: Split
    unlabelled: Tensor
    digest: str = ""

    def normalize(self, images: Tensor) -> Tensor:
        """Images (B, C, H, W), uint8 or 0 to 1, minus the set's mean over its deviation, per channel."""
        images = to_float(images)
        return (images - per_channel(self.mean, images)) / per_channel(self.std, images)

    def unnormalize(self, images: Tensor) -> Tensor:
        """The inverse of `normalize`: float images (B, C, H, W), 0 to 1 where they came from real ones."""
        return images * per_channel(self.std, images) + per_channel(self.mean, images)

    def with_labels(self, count: int, draw: int = 0) -> "ImageSet":
        """The same set with only `count` labelled training images, balanced; `unlabelled` keeps them all."""
        chosen = labelled_subset(self.train.labels, count, draw)
        return replace(self, train=Split(self.train.images[chosen], self.train.labels[chosen]))


def load(name: str = SMALL) -> ImageSet:
    """Load a set by name: "cifar10_small" (ships with the problem set), "cifar10" or "stl10" (see `set_folder`).

    Of the test images only as many as the preset of $PS3_PRESET asks for.
    """
    pictures, count = load_folder(set_folder(name)), training.preset().test_images
    return replace(pictures, test=Split(pictures.test.images[:count], pictures.test.labels[:count]))


def set_folder(name: str) -> Path:
    """Where a set lies: the small pack beside the library, others under $PS3_DATA (default: ps3-data at home)."""
    shipped = PACKS / name
    if shipped.is_dir() or name == SMALL:
        return shipped
    return full_sets_folder() / name


def full_sets_folder() -> Path:
    """The folder that holds the fetched sets: $PS3_DATA, or ps3-data in the home folder."""
    return Path(os.environ.get("PS3_DATA") or Path.home() / "ps3-data")


def load_folder(folder: Path) -> ImageSet:
    """Load and verify the set in `folder`. Raises DataError naming the first missing or damaged file."""
    sums = read_sums(folder)
    about = json.loads(read_checked(folder, "set.json", sums))
    reader = _read_grids if about["format"] == "jpeg-grids" else _read_arrays
    train, test = (Split(*reader(folder, split, about, sums)) for split in ("train", "test"))
    unlabelled = train.images
    if "unlabelled" in about["counts"]:
        unlabelled = _read_array(folder, "unlabelled_images.npy", about["counts"]["unlabelled"], sums)
    return ImageSet(
        name=about["name"],
        classes=tuple(about["classes"]),
        mean=tuple(about["mean"]),
        std=tuple(about["std"]),
        train=train,
        test=test,
        unlabelled=unlabelled,
        digest=hashlib.sha256((folder / "SHA256SUMS").read_bytes()).hexdigest()[:12],
    )


def labelled_subset(labels: Tensor, count: int, draw: int = 0) -> Tensor:
    """Indices (count,) int64 of a balanced labelled subset of a training split.

    The same for everyone. Within one `draw` smaller subsets are the beginning of larger ones; other draws give other
    images, for error bars. Raises ValueError where `count` cannot be balanced.
    """
    classes = labels.unique()
    each, left = divmod(count, len(classes))
    smallest = int(labels.bincount()[classes].min())
    if left or not 0 < each <= smallest:
        raise ValueError(
            f"{count} labels cannot be balanced over {len(classes)} classes with at least {smallest} images each"
        )
    generator = torch.Generator().manual_seed(draw)
    chosen = []
    for label in classes:
        members = (labels == label).nonzero().flatten()
        chosen.append(members[torch.randperm(len(members), generator=generator)[:each]])
    return torch.stack(chosen, dim=1).flatten()  # one of each class in turn, so that beginnings are balanced


def to_float(images: Tensor) -> Tensor:
    """Images as floats from 0 to 1: uint8 is divided by 255, floats are returned as they are."""
    return images.float() / 255 if images.dtype == torch.uint8 else images


def per_channel(values: Sequence[float], like: Tensor) -> Tensor:
    """A value for each channel as a tensor (C, 1, 1) that fits images (B, C, H, W) in dtype and device."""
    return torch.tensor(values, dtype=like.dtype, device=like.device).view(-1, 1, 1)


def _remedy(folder: Path) -> str:
    if folder.parent == PACKS:
        return "unpack the release again, so that its data folder is complete"
    return (
        f"{folder.name} does not come with the problem set. Ask the course for it and set PS3_DATA to the folder that "
        f"holds {folder.name}/, or use data.load(), the set that comes with it"
    )


def read_sums(folder: Path) -> dict[str, str]:
    """The digests of a folder's files by name. Raises DataError where the list is missing or damaged."""
    path = folder / "SHA256SUMS"
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
        return {name: digest for digest, name in (line.split("  ", 1) for line in lines if line)}
    except FileNotFoundError:
        raise DataError(f"{path} is missing: {_remedy(folder)}") from None
    except ValueError:
        raise DataError(f"{path} is damaged: {_remedy(folder)}") from None


def read_checked(folder: Path, name: str, sums: dict[str, str]) -> bytes:
    """The content of a file. Raises DataError where it is missing or has another digest than its list says."""
    path = folder / name
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise DataError(f"{path} is missing: {_remedy(folder)}") from None
    if hashlib.sha256(content).hexdigest() != sums.get(name):
        raise DataError(f"{path} is damaged (its checksum is not the one in SHA256SUMS): {_remedy(folder)}")
    return content


def tiles_of(grid: bytes, size: int) -> Tensor:
    """The square images (N, 3, size, size) uint8 of an image file that holds them row by row."""
    from PIL import Image

    with Image.open(io.BytesIO(grid)) as picture:
        pixels = torch.from_numpy(np.array(picture))  # (rows * size, columns * size, C)
    rows, columns = pixels.shape[0] // size, pixels.shape[1] // size
    tiles = pixels.view(rows, size, columns, size, 3).permute(0, 2, 4, 1, 3)
    return tiles.reshape(rows * columns, 3, size, size)


def _read_grids(folder: Path, split: str, about: dict, sums: dict[str, str]) -> tuple[Tensor, Tensor]:
    labels = read_checked(folder, f"{split}_labels.txt", sums).translate(None, b"\n")
    size, count = about["image_size"], about["counts"][split]
    parts = []
    for name in sorted(name for name in sums if name.startswith(f"{split}_") and name.endswith(".jpg")):
        parts.append(tiles_of(read_checked(folder, name, sums), size))
    digits = torch.frombuffer(bytearray(labels), dtype=torch.uint8).long() - ord("0")
    return torch.cat(parts)[:count], digits


def _read_arrays(folder: Path, split: str, about: dict, sums: dict[str, str]) -> tuple[Tensor, Tensor]:
    count = about["counts"][split]
    images, labels = (_read_array(folder, f"{split}_{what}.npy", count, sums) for what in ("images", "labels"))
    return images, labels


def _read_array(folder: Path, name: str, count: int, sums: dict[str, str]) -> Tensor:
    path = folder / name
    try:
        if path.stat().st_size <= HASH_UP_TO:
            array = np.load(io.BytesIO(read_checked(folder, name, sums)), allow_pickle=False)
        else:
            array = np.load(path, mmap_mode="c", allow_pickle=False)
    except FileNotFoundError:
        raise DataError(f"{path} is missing: {_remedy(folder)}") from None
    except ValueError:
        raise DataError(f"{path} is damaged: {_remedy(folder)}") from None
    if len(array) != count:
        raise DataError(f"{path} is damaged ({len(array)} entries in place of {count}): {_remedy(folder)}")
    return torch.from_numpy(array)
