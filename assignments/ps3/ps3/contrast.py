"""What the contrastive lesson needs beside the common library."""

import torch
from torch import Tensor, nn


def add_noise(images: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Images (B, C, H, W) plus a fresh random number from 0 to 1 at every place."""
    return images + torch.rand(images.shape, dtype=images.dtype, device=images.device, generator=generator)


def add_noise_by_position(pictures: Tensor, source: torch.Generator | None, /) -> Tensor:
    """`add_noise` with other names for its arguments and no default."""
    return add_noise(pictures, source)


def noisy_corner(images: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """`add_noise` to the upper left 2 x 3 pixels: an augmentation that changes the size."""
    return add_noise(images[:, :, :2, :3], generator)


class CountingNoise(nn.Module):
    """`add_noise` that counts its calls and the images in each: buffers `calls` and `images`, int64."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("calls", torch.tensor(0))
        self.register_buffer("images", torch.tensor(0))

    def forward(self, images: Tensor, generator: torch.Generator | None = None) -> Tensor:
        self.calls += 1
        self.images += len(images)
        return add_noise(images, generator)
