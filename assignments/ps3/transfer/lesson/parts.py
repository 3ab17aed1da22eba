"""Given parts of the lesson on transfer: the classifier, and small networks that the checks use."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Classifier(nn.Module):
    """A backbone, images (B, C, H, W) -> features (B, dim), and a linear head: scores (B, num_classes)."""

    def __init__(self, backbone: nn.Module, num_classes: int):
        super().__init__()
        self.backbone = backbone
        self.head = nn.Linear(int(backbone.dim), num_classes)  # type: ignore[arg-type]

    def forward(self, images: Tensor) -> Tensor:
        scores: Tensor = self.head(self.backbone(images))
        return scores


class TinyBackbone(nn.Module):
    """Images (B, C, H, W) -> features (B, dim) through a convolution and BatchNorm: the mode matters."""

    def __init__(self, dim: int, channels: int):
        super().__init__()
        self.dim = dim
        self.conv = nn.Conv2d(channels, dim, 3, padding=1)
        self.norm = nn.BatchNorm2d(dim)

    def forward(self, images: Tensor) -> Tensor:
        return F.relu(self.norm(self.conv(images))).mean(dim=(2, 3))


class NestedBackbone(nn.Module):
    """A backbone whose own parts are called `backbone` and `head`, with a scale and a buffer of its own."""

    def __init__(self, dim: int, channels: int):
        super().__init__()
        self.dim = dim
        self.backbone = TinyBackbone(dim, channels)
        self.head = nn.Linear(dim, dim)
        self.scale = nn.Parameter(torch.tensor(1.0))
        self.register_buffer("shift", torch.zeros(dim))

    def forward(self, images: Tensor) -> Tensor:
        features: Tensor = self.scale * self.head(self.backbone(images)) + self.shift
        return features


class MatricesOnly(nn.Module):
    """A backbone without any parameter of fewer than two axes; one has three."""

    def __init__(self, dim: int, channels: int):
        super().__init__()
        self.dim = dim
        self.mix = nn.Linear(channels, dim, bias=False)
        self.table = nn.Parameter(torch.zeros(1, 2, dim))

    def forward(self, images: Tensor) -> Tensor:
        features: Tensor = self.mix(images.mean(dim=(2, 3))) + self.table.sum(dim=(0, 1))
        return features


class SharedBackbone(nn.Module):
    """A backbone that uses one layer twice, under two names."""

    def __init__(self, dim: int, channels: int):
        super().__init__()
        self.dim = dim
        self.enter = nn.Linear(channels, dim)
        self.first = nn.Linear(dim, dim)
        self.second = self.first

    def forward(self, images: Tensor) -> Tensor:
        features: Tensor = self.second(F.relu(self.first(self.enter(images.mean(dim=(2, 3))))))
        return features


class WatchedBackbone(TinyBackbone):
    """A TinyBackbone that remembers in which modes it and its parts ran."""

    def __init__(self, dim: int, channels: int):
        super().__init__(dim, channels)
        self.modes: list[bool] = []

    def forward(self, images: Tensor) -> Tensor:
        self.modes.append(self.training)
        return super().forward(images)


BACKBONES: dict[str, Callable[[int, int], nn.Module]] = {
    "tiny": TinyBackbone,
    "nested": NestedBackbone,
    "matrices": MatricesOnly,
    "shared": SharedBackbone,
    "watched": WatchedBackbone,
}


def small_classifier(kind: str, dim: int, channels: int, num_classes: int, head_bias: bool = True) -> Classifier:
    """A `Classifier` with one of BACKBONES."""
    network = Classifier(BACKBONES[kind](dim, channels), num_classes)
    if not head_bias:
        network.head = nn.Linear(dim, num_classes, bias=False)
    return network


def half_asleep(kind: str, dim: int, channels: int, num_classes: int) -> Classifier:
    """The same, its backbone's last part and its head in eval mode."""
    network = small_classifier(kind, dim, channels, num_classes)
    network.head.eval()
    list(network.backbone.children())[-1].eval()
    return network


def leave_gradients(network: nn.Module, value: float) -> None:
    """Every parameter has a gradient of this value everywhere, as if somebody had called backward before."""
    for parameter in network.parameters():
        parameter.grad = torch.full_like(parameter, value)


def largest_gradient(network: nn.Module) -> float:
    """The largest number in any gradient that is there; 0 where there is none."""
    found = [parameter.grad.abs().max().item() for parameter in network.parameters() if parameter.grad is not None]
    return max(found, default=0.0)


def watched_modes(network: Classifier) -> list[bool]:
    """The modes in which a `WatchedBackbone` ran so far."""
    assert isinstance(network.backbone, WatchedBackbone)
    return list(network.backbone.modes)


def descend(groups: Callable[..., Any], network: nn.Module, *rates: float) -> None:
    """Plain gradient descent by torch.optim with these groups, where every gradient is 1: one step."""
    optimizer = torch.optim.SGD(groups(network, *rates))
    leave_gradients(network, 1.0)
    optimizer.step()
    optimizer.zero_grad()


def load_and_spoil(load: Callable[..., Any], network: nn.Module, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Load, then add 1 to all the network has, as a training would change it; the state afterwards."""
    load(network, state)
    with torch.no_grad():
        for value in network.state_dict().values():
            value.add_(1)
    return dict(state)
