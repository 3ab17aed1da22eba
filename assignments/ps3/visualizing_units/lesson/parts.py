"""Given parts of the lesson on units: the layers of its networks, and small networks that its checks look into."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

# Of a ResNet8, from the image on: (kernel, stride, padding) of all that looks at neighbours, up to each part's end.
STEM = [(3, 1, 1), (2, 2, 0)]
BLOCKS = ([(3, 1, 1), (3, 1, 1)], [(3, 2, 1), (3, 1, 1)], [(3, 2, 1), (3, 1, 1)])
LAYERS: dict[str, list[tuple[int, int, int]]] = {
    "stem": STEM,
    "blocks.0": STEM + BLOCKS[0],
    "blocks.1": STEM + BLOCKS[0] + BLOCKS[1],
    "blocks.2": STEM + BLOCKS[0] + BLOCKS[1] + BLOCKS[2],
}


class Scale(nn.Module):
    """Multiplies by a number."""

    def __init__(self, factor: float):
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        return self.factor * x


class Shift(nn.Module):
    """Adds a number."""

    def __init__(self, by: float):
        super().__init__()
        self.by = by

    def forward(self, x: Tensor) -> Tensor:
        return x + self.by


class Arithmetic(nn.Module):
    """Doubles every pixel (`first`), adds 3 (`second`), turns the sign (`third`): (B, C, H, W) to the same."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.third = Scale(2), Shift(3), Scale(-1)

    def forward(self, images: Tensor) -> Tensor:
        return self.third(self.second(self.first(images)))

    def modes(self) -> dict[str, bool]:
        """Whether each part is in training mode."""
        return {name: part.training for name, part in self.named_modules()}

    def listeners(self) -> int:
        """How many hooks listen to its parts."""
        return sum(len(part._forward_hooks) + len(part._forward_pre_hooks) for part in self.modules())


class HalfFrozen(Arithmetic):
    """In training mode, but for its first part, which somebody froze."""

    def __init__(self) -> None:
        super().__init__()
        self.first.eval()


class Watched(Arithmetic):
    """Somebody else has put a hook on its second part."""

    def __init__(self) -> None:
        super().__init__()
        self.second.register_forward_hook(look_on)


def look_on(module: nn.Module, inputs: object, output: Tensor) -> None:
    """A hook that changes nothing."""


class Picky(nn.Module):
    """Turns the sign of small images, and raises RuntimeError where a pixel is above 100."""

    def forward(self, x: Tensor) -> Tensor:
        if bool((x > 100).any()):
            raise RuntimeError("a pixel is too bright")
        return -x


class Fragile(HalfFrozen):
    """Half frozen, and its last part raises RuntimeError where twice a pixel plus 3 is above 100."""

    def __init__(self) -> None:
        super().__init__()
        self.third = Picky()  # type: ignore[assignment]


class Circumstances(nn.Module):
    """Puts out, in place of an image, how it was called: (B, 3, 1, 2), see `forward`."""

    def forward(self, images: Tensor) -> Tensor:
        """Channel 0: how many images came together. 1: whether in training mode. 2: whether gradients were on."""
        values = torch.tensor([len(images), self.training, torch.is_grad_enabled()], dtype=torch.float32)
        return values.view(1, 3, 1, 1).expand(len(images), 3, 1, 2)


class Reporter(nn.Module):
    """Its part `report` puts out how it was called (`Circumstances`)."""

    def __init__(self) -> None:
        super().__init__()
        self.report = Circumstances()

    def forward(self, images: Tensor) -> Tensor:
        return self.report(images)


class WhereFrom(nn.Module):
    """Puts out 5, 6, ... 10, on the CPU, for images on the device "meta", and zeros for others: (B, 1, 2, 3)."""

    def forward(self, images: Tensor) -> Tensor:
        return torch.arange(5.0, 11.0).view(1, 1, 2, 3).repeat(len(images), 1, 1, 1) * images.is_meta


class Elsewhere(nn.Module):
    """Its parameter lives on the device "meta"; its part `where` tells where the images were."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(2, device="meta"))
        self.where = WhereFrom()

    def forward(self, images: Tensor) -> Tensor:
        return self.where(images)


class TwoFloors(nn.Module):
    """Images (B, C, H, W) -> (B, 3): `lower` (convolution, BatchNorm, Dropout), then `upper` (convolution, ReLU)."""

    def __init__(self, channels: int = 2, width: int = 4):
        super().__init__()
        self.lower = nn.Sequential(nn.Conv2d(channels, width, 3, padding=1), nn.BatchNorm2d(width), nn.Dropout(0.5))
        self.upper = nn.Sequential(nn.Conv2d(width, 3, 3, stride=2, padding=1), nn.ReLU())

    def forward(self, images: Tensor) -> Tensor:
        return self.upper(self.lower(images)).mean(dim=(2, 3))


class Contours(nn.Module):
    """Images (B, 1, H, W) -> (B, 1, H, W): `edges` finds sides, `drop` is Dropout, `bright` keeps what is above 0,
    `both` adds its two maps and turns the sign.

    Channel 0 is above 0 at left sides of bright things and below 0 at right ones, channel 1 at tops and bottoms.
    """

    def __init__(self) -> None:
        super().__init__()
        self.edges = nn.Conv2d(1, 2, 2, bias=False)
        self.drop, self.bright = nn.Dropout(0.5), nn.ReLU()
        self.both = nn.Conv2d(2, 1, 1, bias=False)
        with torch.no_grad():
            self.edges.weight.copy_(torch.tensor([[[[-0.5, 0.5], [-0.5, 0.5]]], [[[-0.5, -0.5], [0.5, 0.5]]]]))
            self.both.weight.fill_(-1.0)
        self.bright.eval()  # somebody froze it

    def forward(self, images: Tensor) -> Tensor:
        if images.isnan().any():
            raise RuntimeError("an image with holes")
        return self.both(self.bright(self.drop(self.edges(images))))

    def state(self) -> dict[str, float]:
        """Whether each part is in training mode (1 or 0), and how many hooks listen."""
        flags = {name or "network": float(part.training) for name, part in self.named_modules()}
        return flags | {"hooks": float(sum(len(part._forward_hooks) for part in self.modules()))}


COLOUR_LAYERS = [(3, 2, 1), (3, 1, 1)]  # of ColourUnits


class ColourUnits(nn.Module):
    """Images (B, 3, H, W), 0 to 1 -> (B, 3, h, w): `likes` is high where all around is red, green or blue."""

    def __init__(self) -> None:
        super().__init__()
        layers = []
        for kernel, stride, padding in COLOUR_LAYERS:
            layers.append(nn.Conv2d(3, 3, kernel, stride, padding, bias=False))
        self.mean, self.likes = layers
        with torch.no_grad():
            self.mean.weight.copy_((torch.eye(3) / 9)[..., None, None].expand(3, 3, 3, 3))
            self.likes.weight.copy_(((2 * torch.eye(3) - 1) / 9)[..., None, None].expand(3, 3, 3, 3))

    def forward(self, images: Tensor) -> Tensor:
        return self.likes(self.mean(images))


def moving_squares(count: int = 7) -> Tensor:
    """Images (count, 1, 10, 14): a bright square on black that moves down and to the right."""
    images = torch.zeros(count, 1, 10, 14)
    for n in range(count):
        images[n, 0, 1 + n // 2 : 5 + n // 2, 1 + n : 6 + n] = 1.0
    return images


def maps_to_rank() -> Tensor:
    """Six maps (6, 5, 8) of a made-up unit: one bright all over, one with two bright places, one below 0."""
    maps = 0.12 * torch.rand(6, 5, 8, generator=torch.Generator().manual_seed(3))
    for n, row, column, value in ((0, 3, 6, 0.72), (1, 1, 2, 1.0), (1, 4, 7, 0.95), (3, 0, 5, 0.86), (4, 2, 0, 0.55)):
        maps[n, row, column] = value
    maps[2] += 0.36
    maps[5] -= 1.2
    return maps


def patch(image: Tensor, box: Sequence[int]) -> Tensor:
    """The part of an image (C, H, W), 0 to 1, in the box (top, left, bottom, right); grey where the box reaches out.

    A box without any pixel gives one grey pixel.
    """
    top, left, bottom, right = (int(side) for side in box)
    if bottom <= top or right <= left:
        return image.new_full((len(image), 1, 1), 0.5)
    height, width = image.shape[1:]
    out = max(-top, -left, bottom - height, right - width, 0)
    framed = F.pad(image, (out,) * 4, value=0.5)
    return framed[:, top + out : bottom + out, left + out : right + out]


def patches(images: Tensor, boxes: Sequence[Sequence[int]], side: int = 24) -> Tensor:
    """Patches of images (K, C, H, W), each in its own box, enlarged to side x side without mixing pixels."""
    cut = [patch(image, box) for image, box in zip(images, boxes, strict=True)]
    return torch.stack([F.interpolate(part[None], size=(side, side))[0] for part in cut])
