"""Small encoders that the checks of the linear probe use; images are (B, C, H, W)."""

import torch
from torch import Tensor, nn

from ps3.probes import TinyEncoder


class HalfFrozen(TinyEncoder):
    """In training mode, but for its BatchNorm, which somebody froze."""

    def __init__(self, dim: int = 8, channels: int = 3):
        super().__init__(dim, channels)
        self.norm.eval()


class Elsewhere(nn.Module):
    """Its parameter lives on the device "meta"; remembers the device of each batch, features (B, 2) are zeros."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(2, device="meta"))
        self.devices: list[str] = []

    def forward(self, images: Tensor) -> Tensor:
        self.devices.append(images.device.type)
        return torch.zeros(len(images), 2)

    def seen(self) -> list[str]:
        """The device of each batch so far."""
        return list(self.devices)
