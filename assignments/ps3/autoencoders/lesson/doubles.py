"""Small models and corruptions that the checks hand to your functions, to see what happens between them."""

import torch
from torch import Tensor, nn


def dimmed(images: Tensor, source: torch.Generator | None, /) -> Tensor:
    """Every number times a share of its own, drawn from the source; both arguments only by position."""
    device = images.device if source is None else source.device
    return images * torch.rand(images.shape, generator=source, device=device).to(images)


def brightened(images: Tensor, source: torch.Generator | None, /) -> Tensor:
    """Everything brighter by 1."""
    return images + 1


def left_black(images: Tensor, source: torch.Generator | None, /) -> Tensor:
    """The left half of each image black, the right half as it is."""
    half = images.clone()
    half[..., : images.shape[3] // 2] = 0
    return half


class CountingDim(nn.Module):
    """`dimmed` that counts its calls and the images in them: buffers `calls` and `images`, int64."""

    calls: Tensor
    images: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("calls", torch.tensor(0))
        self.register_buffer("images", torch.tensor(0))

    def forward(self, images: Tensor, source: torch.Generator | None, /) -> Tensor:
        self.calls += 1
        self.images += len(images)
        return dimmed(images, source)


class Stretching(nn.Module):
    """A model that answers with its images times a learned number, and with codes: the mean of each channel.

    Counts its calls and the images in them: buffers `calls` and `images`, int64.
    """

    calls: Tensor
    images: Tensor

    def __init__(self, by: float = 3.0) -> None:
        super().__init__()
        self.by = nn.Parameter(torch.tensor(by))
        self.register_buffer("calls", torch.tensor(0))
        self.register_buffer("images", torch.tensor(0))

    def forward(self, images: Tensor, /) -> tuple[Tensor, Tensor]:
        self.calls += 1
        self.images += len(images)
        return images * self.by.to(images.dtype), images.mean(dim=(2, 3))
