"""Given parts of the lesson on language supervision: its two networks, how pictures vary, and what the checks use."""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ps3 import training
from ps3.captions import Emoji
from ps3.networks.resnet import ResNet8

DIM = 64  # width of the space that images and texts share
HELD_OUT = "twitter"  # the vendor whose drawings are not trained on
EVERY = 8  # every so many-th name is trained on by nobody
OFTEN = 2  # a word of the vocabulary occurs in at least so many captions

# Twenty labels that nobody trains on, and the emoji (by their groups in Unicode's list) that they are right for.
CLASSES = {
    "face": ("face-smiling", "face-affection", "face-tongue", "face-hand", "face-neutral-skeptical", "face-sleepy",
             "face-unwell", "face-hat", "face-glasses", "face-concerned"),
    "hand": ("hand-fingers-open", "hand-fingers-partial", "hand-single-finger", "hand-fingers-closed", "hands"),
    "heart": ("heart",),
    "animal": ("animal-mammal",),
    "bird": ("animal-bird",),
    "insect": ("animal-bug",),
    "flower": ("plant-flower",),
    "fruit": ("food-fruit",),
    "vegetable": ("food-vegetable",),
    "dessert": ("food-sweet",),
    "drink": ("drink",),
    "building": ("place-building",),
    "vehicle": ("transport-ground",),
    "boat": ("transport-water",),
    "clock": ("time",),
    "weather": ("sky & weather",),
    "clothes": ("clothing",),
    "sport": ("sport",),
    "music": ("musical-instrument",),
    "tool": ("tool",),
}  # fmt: skip


class Towers(nn.Module):
    """Two networks that end in one space: images (B, 3, H, W) -> (B, 64), bags of words (B, V) -> (B, 64).

    `scale`: what cosines are multiplied by in the loss; it is learned, as its logarithm, and starts at 10.
    """

    def __init__(self, words: int):
        super().__init__()
        self.pixels, self.image_head = ResNet8(), nn.Linear(ResNet8.dim, DIM)
        self.text_head = nn.Linear(words, DIM)
        self.log_scale = nn.Parameter(torch.tensor(math.log(10.0)))

    def encode_images(self, images: Tensor) -> Tensor:
        return self.image_head(self.pixels(images))

    def encode_bags(self, bags: Tensor) -> Tensor:
        return self.text_head(bags)

    @property
    def scale(self) -> Tensor:
        return self.log_scale.exp().clamp(max=100)


def new_towers(words: int, device: torch.device | None = None, seed: int = 0) -> Towers:
    """Untrained towers for a vocabulary of so many words; the same ones for the same seed."""
    torch.manual_seed(seed)
    return Towers(words).to(device)


def names_to_train(emoji: Emoji) -> Tensor:
    """Indices of the names that are trained on: all but every eighth."""
    numbers = torch.arange(len(emoji))
    return numbers[numbers % EVERY != EVERY - 1]


def new_names(emoji: Emoji) -> Tensor:
    """Indices of the names that are kept apart: nobody's drawing of them is trained on, nor their captions."""
    numbers = torch.arange(len(emoji))
    return numbers[numbers % EVERY == EVERY - 1]


def training_drawings(emoji: Emoji) -> Tensor:
    """Drawings (N, 3, 3, 32, 32) uint8 of the names to train on, by the three vendors that are not held out."""
    kept = [n for n, vendor in enumerate(emoji.vendors) if vendor != HELD_OUT]
    return emoji.drawings[names_to_train(emoji)][:, kept]


def usual_words(emoji: Emoji) -> list[str]:
    """The vocabulary, in alphabetical order: words that two or more captions of the names to train on hold."""
    found: Counter[str] = Counter()
    for number in names_to_train(emoji).tolist():
        found.update({*emoji.names[number].split(), *emoji.tags[number]})
    return sorted(word for word, count in found.items() if count >= OFTEN and word.isascii() and word.isalpha())


def class_labels(emoji: Emoji) -> Tensor:
    """The place in CLASSES of each emoji, (N,) int64; -1 for the others."""
    place = {group: number for number, groups in enumerate(CLASSES.values()) for group in groups}
    return torch.tensor([place.get(group, -1) for group in emoji.groups])


def image_features(towers: Towers, emoji: Emoji, vendor: str = HELD_OUT) -> Tensor:
    """What the towers make of all drawings of a vendor, (N, 64) float32 on the CPU."""
    device = towers.log_scale.device
    with torch.no_grad():
        batches = emoji.by(vendor).split(256)
        return torch.cat([towers.eval().encode_images(emoji.normalize(part.to(device))).cpu() for part in batches])


def bag_features(towers: Towers, bags: Tensor) -> Tensor:
    """What the towers make of bags of words, (B, 64) float32 on the CPU."""
    with torch.no_grad():
        return towers.eval().encode_bags(bags.to(towers.log_scale.device)).cpu()


def one_vendor_each(drawings: Tensor) -> Tensor:
    """Of drawings (B, V, C, H, W) by V vendors one of each name, at random: (B, C, H, W)."""
    rows = torch.arange(len(drawings), device=drawings.device)
    return drawings[rows, torch.randint(drawings.shape[1], (len(drawings),), device=drawings.device)]


def varied(images: Tensor, most: int = 3) -> Tensor:
    """Normalised images (B, C, H, W), half of them mirrored, all moved by up to `most` pixels; the edge repeats."""
    mirrored = torch.rand(len(images), 1, 1, 1, device=images.device) < 0.5
    images = F.pad(torch.where(mirrored, images.flip(-1), images), [most] * 4, mode="replicate")
    size, ways = images.shape[-1] - 2 * most, 2 * most + 1
    down, right = torch.randint(ways, (2, len(images), 1), device=images.device)
    steps = torch.arange(size, device=images.device)
    rows, columns = (down + steps)[:, None, :, None], (right + steps)[:, None, None, :]
    numbers = torch.arange(len(images), device=images.device)[:, None, None, None]
    channels = torch.arange(images.shape[1], device=images.device)[None, :, None, None]
    return images[numbers, channels, rows, columns]


def some_words_dropped(bags: Tensor, share: float = 0.3) -> Tensor:
    """Bags (B, V) with that share of the words forgotten, other ones in each row."""
    return bags * (torch.rand(bags.shape, device=bags.device) >= share)


def rehearse(
    towers: Towers, step: Callable[[Tensor, Tensor], Tensor], images: Tensor, labels: Tensor, steps: int, **recipe: Any
) -> list[float]:
    """A short training, without a word; the losses."""
    options: dict[str, Any] = {"precision": "float32", "watch": lambda progress: None} | recipe
    return training.train(towers, step, images, labels, steps=steps, **options).losses


# --- for the checks ---------------------------------------------------------------------------------------------------


def letter_counts(texts: Sequence[str]) -> Tensor:
    """How often each letter a to z occurs in each text, (n, 26) float32: an encoder of texts that needs no training."""
    if isinstance(texts, str):
        raise TypeError("encode_text takes a list of texts, and was given one text")
    rows = [[float(text.count(chr(ord("a") + n))) for n in range(26)] for text in texts]
    return torch.tensor(rows).reshape(-1, 26)


def letter_counts_in_double(texts: Sequence[str]) -> Tensor:
    """`letter_counts` in float64, with a third added to every number, which float32 would round."""
    return letter_counts(texts).double() + 1 / 3


def letter_counts_elsewhere(texts: Sequence[str]) -> Tensor:
    """`letter_counts` on the device "meta"."""
    return letter_counts(texts).to("meta")


def lists_only(texts: list[str]) -> Tensor:
    """`letter_counts` that refuses anything but a list of texts."""
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise TypeError("encode_text takes a list of str")
    return letter_counts(texts)
