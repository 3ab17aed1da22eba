"""Given parts of the lesson on context prediction: pairs, the nine patches of an image, the features of an image."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from ps3 import guesses

PATCH, GAP = 9, 2  # pixels: three patches and two gaps are 31 of an image's 32
STRIDE = PATCH + GAP
PLACES = ("upper left", "above", "upper right", "left", "right", "lower left", "below", "lower right")
FIRST, LAST = ((0, 1, 2), (0, 3, 5)), ((5, 6, 7), (2, 4, 7))  # directions of the outer rows, of the outer columns


def draw(images: Tensor, patch_size: int, gap: int, most: int) -> tuple[Tensor, Tensor]:
    """A random direction (B,) and jitter (B, 2) for each image (B, C, H, W), such that neighbours stay inside.

    Jitter is drawn from -most to most; where that leads out of the image, it ends at the border.
    """
    count, device = len(images), images.device
    directions = torch.randint(8, (count,), device=device)
    jitter = torch.randint(-most, most + 1, (count, 2), device=device)
    for axis, side in enumerate(images.shape[2:]):
        before = (side - patch_size) // 2 - (patch_size + gap)  # pixels between the outer patch and the border
        after = side - patch_size - 2 * (patch_size + gap) - before
        for outer, limit in ((FIRST[axis], {"min": -before}), (LAST[axis], {"max": after})):
            beyond = torch.isin(directions, torch.tensor(outer, device=device))
            jitter[:, axis] = torch.where(beyond, jitter[:, axis].clamp(**limit), jitter[:, axis])
    return directions, jitter


@dataclass(frozen=True)
class Pairs:
    """Images (B, C, H, W), normalised, to (centres, neighbours, directions), made with a student's two functions.

    drop: the share of pairs that lose their colours, each patch another two channels.
    """

    cut_pairs: Callable[..., Any]
    drop_colors: Callable[..., Tensor]
    gap: int = GAP
    jitter: int = 1
    drop: float = 0.5

    def __call__(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        directions, jitter = draw(images, PATCH, self.gap, self.jitter)
        centres, neighbours = self.cut_pairs(images, directions, PATCH, self.gap, jitter)
        if self.drop:
            grey = (torch.rand(len(images), device=images.device) < self.drop).view(-1, 1, 1, 1)
            centres, neighbours = (torch.where(grey, self._grey(part), part) for part in (centres, neighbours))
        return centres, neighbours, directions

    def _grey(self, patches: Tensor) -> Tensor:
        return self.drop_colors(patches, torch.randint(3, (len(patches),), device=patches.device))


def own_pairs(pairs: Pairs, gap: Any, jitter: Any, drop: Any) -> Pairs:
    """The same with settings of one's own; what was typed wrongly is named, and the usual value taken."""
    return replace(
        pairs,
        gap=guesses.setting(gap, GAP, 0, GAP, called="gap"),
        jitter=guesses.setting(jitter, 1, 0, 1, called="jitter"),
        drop=guesses.setting(drop, 0.5, called="drop"),
    )


VARIANTS: dict[str, dict[str, Any]] = {
    "as it is": {},
    "no gap": {"gap": 0, "jitter": 0},
    "colour kept": {"drop": 0.0},
}


def start(network: Any) -> None:
    """First weights of a network with trunk and head: as large as ReLU needs them, no bias; the last layer answers 0.

    He et al. 2015 (https://arxiv.org/abs/1502.01852), §2.2: signals then neither fade nor grow from layer to layer.
    """
    for layer in network.modules():
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            nn.init.kaiming_normal_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    nn.init.zeros_(network.head[-1].weight)


def nine(images: Tensor) -> Tensor:
    """The nine patches of each image (B, C, 32, 32), without jitter, in reading order: (B, 9, C, P, P)."""
    windows = images.unfold(2, PATCH, STRIDE).unfold(3, PATCH, STRIDE)  # (B, C, 3, 3, P, P)
    return windows.flatten(2, 3).transpose(1, 2)


class OverNinePatches(nn.Module):
    """Images (B, C, 32, 32) to the mean of the features of their nine patches, (B, dim)."""

    def __init__(self, network: Any):
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        patches = nine(images)
        features: Tensor = self.network.features(patches.flatten(0, 1))
        return features.view(len(images), 9, -1).mean(dim=1)


def answers(network: Any, pairs: Pairs, images: Tensor, rounds: int = 1, seed: int = 0) -> tuple[Tensor, Tensor]:
    """True directions and the network's answers for pairs out of normalised images, each used `rounds` times."""
    device = next(network.parameters()).device
    truth, said = [], []
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        for batch in images.repeat(rounds, 1, 1, 1).split(500):
            centres, neighbours, directions = pairs(batch)
            said.append(network(centres.to(device), neighbours.to(device)).argmax(dim=1).cpu())
            truth.append(directions)
    return torch.cat(truth), torch.cat(said)
