"""Pictures with captions: the pack of emoji that ships with the problem set, drawn by four vendors."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ps3.data import PACKS, DataError, per_channel, read_checked, read_sums, tiles_of, to_float

EMOJI = "emoji"


@dataclass(frozen=True)
class Emoji:
    """Emoji in memory: drawings (N, V, 3, 32, 32) uint8, one of each of V vendors; a name, a group and tags for each.

    digest: of its files, to tell packs apart.
    """

    name: str
    vendors: tuple[str, ...]
    drawings: Tensor
    names: tuple[str, ...]
    groups: tuple[str, ...]
    tags: tuple[tuple[str, ...], ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    digest: str = ""

    def __len__(self) -> int:
        return len(self.names)

    def by(self, vendor: str) -> Tensor:
        """All drawings of one vendor, (N, 3, 32, 32) uint8."""
        return self.drawings[:, self.vendors.index(vendor)]

    def caption(self, index: int) -> str:
        """The name and the tags of an emoji as one text."""
        return " ".join((self.names[index], *self.tags[index]))

    def normalize(self, images: Tensor) -> Tensor:
        """Images (B, C, H, W), uint8 or 0 to 1, minus the pack's mean over its deviation, per channel."""
        images = to_float(images)
        return (images - per_channel(self.mean, images)) / per_channel(self.std, images)


def load(folder: Path = PACKS / EMOJI) -> Emoji:
    """Load and verify the pack. Raises DataError naming the first missing or damaged file."""
    sums = read_sums(folder)
    about = json.loads(read_checked(folder, "set.json", sums))
    count, vendors = about["counts"]["names"], tuple(about["vendors"])
    rows = [line.split("\t") for line in _lines(folder, "names.tsv", count, sums)]
    tags = [tuple(line.split(",")) if line else () for line in _lines(folder, "openmoji_tags.txt", count, sums)]
    grids = [tiles_of(read_checked(folder, f"{vendor}.webp", sums), about["image_size"]) for vendor in vendors]
    return Emoji(
        name=about["name"],
        vendors=vendors,
        drawings=torch.stack([tiles[:count] for tiles in grids], dim=1),
        names=tuple(name for _, _, name in rows),
        groups=tuple(group for _, group, _ in rows),
        tags=tuple(tags),
        mean=tuple(about["mean"]),
        std=tuple(about["std"]),
        digest=hashlib.sha256((folder / "SHA256SUMS").read_bytes()).hexdigest()[:12],
    )


def _lines(folder: Path, name: str, count: int, sums: dict[str, str]) -> list[str]:
    lines = read_checked(folder, name, sums).decode("utf-8").split("\n")[:-1]
    if len(lines) != count:
        raise DataError(f"{folder / name} is damaged ({len(lines)} lines in place of {count})")
    return lines
