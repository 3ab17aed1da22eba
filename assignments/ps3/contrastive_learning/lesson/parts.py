"""Given parts of the lesson on contrastive learning: its networks, its rehearsal, and what the checks use."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ps3 import training
from ps3.data import ImageSet
from ps3.networks.resnet import ProjectionHead, ResNet8


def new_networks(device: torch.device | None = None, seed: int = 0) -> tuple[ResNet8, ProjectionHead]:
    """An untrained encoder and its projection head; the same ones for the same seed."""
    torch.manual_seed(seed)
    return ResNet8().to(device), ProjectionHead().to(device)


def rehearse(
    modules: Sequence[nn.Module], step: Callable[[Tensor], Tensor], pictures: ImageSet, steps: int, **recipe: Any
) -> list[float]:
    """A short training on batches of 64, without a word; the losses."""
    options: dict[str, Any] = {"batch_size": 64, "precision": "float32", "watch": lambda progress: None} | recipe
    return training.train(modules, step, pictures.unlabelled, steps=steps, **options).losses


def noisy_augment(images: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """The images plus noise drawn from the generator: two calls give two results."""
    device = images.device if generator is None else generator.device
    return images + torch.randn(images.shape, generator=generator, device=device).to(images)


def noisy_by_position(pictures: Tensor, source: torch.Generator | None, /) -> Tensor:
    """`noisy_augment` with other names for its arguments and no default."""
    return noisy_augment(pictures, source)


def noisy_corner(images: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """`noisy_augment` of the upper left 2 x 3 pixels: an augmentation that changes the size."""
    return noisy_augment(images[:, :, :2, :3], generator)


class CountingNoise(nn.Module):
    """`noisy_augment` that counts its calls and the images in them: buffers `calls` and `images`, int64."""

    calls: Tensor
    images: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("calls", torch.tensor(0))
        self.register_buffer("images", torch.tensor(0))

    def forward(self, images: Tensor, generator: torch.Generator | None = None) -> Tensor:
        self.calls += 1
        self.images += len(images)
        return noisy_augment(images, generator)
