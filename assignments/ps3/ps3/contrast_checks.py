"""Small parts that the checks of the contrastive problem use."""

import torch
from torch import Tensor, nn

from ps3.probes import noisy_augment


def noisy_by_position(pictures: Tensor, source: torch.Generator | None, /) -> Tensor:
    """`noisy_augment` with other names for its arguments and no default."""
    return noisy_augment(pictures, source)


def noisy_corner(images: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """`noisy_augment` of the upper left 2 x 3 pixels: an augmentation that changes the size."""
    return noisy_augment(images[:, :, :2, :3], generator)


class CountingNoise(nn.Module):
    """`noisy_augment` that counts its calls and the images in them: buffers `calls` and `images`, int64."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("calls", torch.tensor(0))
        self.register_buffer("images", torch.tensor(0))

    def forward(self, images: Tensor, generator: torch.Generator | None = None) -> Tensor:
        self.calls += 1
        self.images += len(images)
        return noisy_augment(images, generator)
