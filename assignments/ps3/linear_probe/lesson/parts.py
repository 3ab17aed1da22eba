"""Small encoders that the checks of the linear probe use; images are (B, C, H, W)."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class TinyEncoder(nn.Module):
    """Images (B, C, H, W) -> features (B, dim) through a convolution, BatchNorm and Dropout: mode and mean matter."""

    def __init__(self, dim: int = 8, channels: int = 3):
        super().__init__()
        self.conv = nn.Conv2d(channels, dim, 3, padding=1)
        self.norm = nn.BatchNorm2d(dim)
        self.drop = nn.Dropout(0.5)

    def forward(self, images: Tensor) -> Tensor:
        return self.drop(F.relu(self.norm(self.conv(images)))).mean(dim=(2, 3))


class BatchRecorder(nn.Module):
    """Gives back the images as features (B, C * H * W) and remembers how it was called."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[int, bool, bool]] = []

    def forward(self, images: Tensor) -> Tensor:
        self.calls.append((len(images), self.training, torch.is_grad_enabled()))
        return images.flatten(1)

    def seen(self) -> list[tuple[int, bool, bool]]:
        """For each call: the batch size, whether in training mode, whether gradients were on."""
        return list(self.calls)


class HalfFrozen(TinyEncoder):
    """In training mode, but for its BatchNorm, which somebody froze."""

    def __init__(self, dim: int = 8, channels: int = 3):
        super().__init__(dim, channels)
        self.norm.eval().requires_grad_(False)


class Elsewhere(nn.Module):
    """Its parameter lives on the device "meta"; remembers the device of each batch. Features (B, 2) are 1 and 2."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(2, device="meta"))
        self.devices: list[str] = []

    def forward(self, images: Tensor) -> Tensor:
        self.devices.append(images.device.type)
        return torch.tensor([1.0, 2.0]).repeat(len(images), 1)

    def seen(self) -> list[str]:
        """The device of each batch so far."""
        return list(self.devices)
