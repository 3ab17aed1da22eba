"""Random transformations of image batches (B, C, H, W), floats from 0 to 1.

Each takes the images and an optional torch.Generator, draws anew for every image, and leaves its input as it was.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

Augmentation = Callable[[Tensor, torch.Generator | None], Tensor]
GREY = (0.299, 0.587, 0.114)  # how bright red, green and blue look


def uniform(like: Tensor, low: float, high: float, generator: torch.Generator | None = None) -> Tensor:
    """One number from low to high for each image of the batch `like`, (B,), on its device."""
    device = like.device if generator is None else generator.device
    draw = torch.rand(len(like), generator=generator, device=device)
    return (low + (high - low) * draw).to(device=like.device, dtype=like.dtype)


def random_boxes(
    images: Tensor, scale: tuple[float, float] = (0.2, 1.0), generator: torch.Generator | None = None
) -> Tensor:
    """A box inside each image, (B, 4): top, left, height, width as fractions of the image.

    The area is uniform in `scale`, the ratio of the sides is between 3:4 and 4:3 where that fits.
    """
    area = uniform(images, *scale, generator)
    stretch = torch.exp(uniform(images, math.log(3 / 4), math.log(4 / 3), generator) / 2)
    height, width = ((area.sqrt() * side).clamp(max=1) for side in (stretch, 1 / stretch))
    top = (1 - height) * uniform(images, 0, 1, generator)
    left = (1 - width) * uniform(images, 0, 1, generator)
    return torch.stack([top, left, height, width], dim=1)


def flip(images: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Mirror left and right, every second image on average. Works on uint8 too."""
    chosen = uniform(images.new_empty(len(images), dtype=torch.float32), 0, 1, generator) < 0.5
    return torch.where(chosen.view(-1, 1, 1, 1), images.flip(3), images)


def colour_jitter(images: Tensor, strength: float = 0.5, generator: torch.Generator | None = None) -> Tensor:
    """Change brightness, contrast, saturation and hue of four images in five; `strength` as in SimCLR's code."""
    return _recolour(images, strength, 0.0, generator)


def grey(images: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Drop the colour: three equal channels."""
    weights = torch.tensor(GREY, dtype=images.dtype, device=images.device).view(3, 1, 1)
    return (images * weights).sum(dim=1, keepdim=True).expand_as(images).clone()


def rotate(images: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Turn by a quarter, a half or three quarters."""
    quarters = uniform(images, 1, 4, generator).long().clamp(max=3)
    turned = [image.rot90(int(k), dims=(1, 2)) for image, k in zip(images, quarters, strict=True)]
    if images.shape[2] != images.shape[3]:
        turned = [F.interpolate(image[None], images.shape[2:], mode="bilinear")[0] for image in turned]
    return torch.stack(turned)


def cutout(images: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Paint a square grey, half as wide as the image's shorter side."""
    height, width = images.shape[2:]
    side = min(height, width) // 2
    top = (uniform(images, 0, 1, generator) * (height - side + 1)).long().view(-1, 1, 1, 1)
    left = (uniform(images, 0, 1, generator) * (width - side + 1)).long().view(-1, 1, 1, 1)
    row = torch.arange(height, device=images.device).view(-1, 1)
    column = torch.arange(width, device=images.device)
    inside = (row >= top) & (row < top + side) & (column >= left) & (column < left + side)
    return images.masked_fill(inside, 0.5)


def noise(images: Tensor, generator: torch.Generator | None = None, deviation: float = 0.1) -> Tensor:
    """Add Gaussian noise."""
    device = images.device if generator is None else generator.device
    drawn = torch.randn(images.shape, generator=generator, device=device).to(images)
    return (images + deviation * drawn).clamp(0, 1)


def blur(images: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Gaussian blur, the same for all: deviation 1.2 pixels."""
    x = torch.arange(-3, 4, dtype=images.dtype, device=images.device)
    bell = torch.exp(-(x**2) / (2 * 1.2**2))
    bell = (bell / bell.sum()).expand(images.shape[1], 1, 1, 7)
    padded = F.pad(images, (3, 3, 3, 3), mode="replicate")
    across = F.conv2d(padded, bell, groups=images.shape[1])
    return F.conv2d(across, bell.transpose(2, 3), groups=images.shape[1])


def sobel(images: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Strength of the edges of the grey image: three equal channels."""
    across, down = image_gradients(images)
    strength = (across**2 + down**2).sqrt()
    return strength.clamp(0, 1).expand_as(images).clone()


def image_gradients(images: Tensor) -> tuple[Tensor, Tensor]:
    """Sobel gradients of the grey images: across and down, each (B, 1, H, W)."""
    kernel = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]], dtype=images.dtype, device=images.device) / 4
    padded = F.pad(grey(images)[:, :1], (1, 1, 1, 1), mode="replicate")
    return F.conv2d(padded, kernel[None, None]), F.conv2d(padded, kernel.T[None, None])


def cut_and_enlarge(images: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Cut a box of whole pixels out of each image and enlarge it again, one image after the other."""
    height, width = images.shape[2:]
    pieces = []
    for image, box in zip(images, random_boxes(images, (0.2, 0.6), generator).tolist(), strict=True):
        top, left = int(box[0] * height), int(box[1] * width)
        piece = image[:, top : top + max(2, round(box[2] * height)), left : left + max(2, round(box[3] * width))]
        pieces.append(F.interpolate(piece[None], (height, width), mode="bilinear")[0])
    return torch.stack(pieces)


def unchanged(images: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """The images themselves, copied."""
    return images.clone()


def cut_enlarge_and_mirror(images: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """`cut_and_enlarge`, then every image mirrored."""
    return cut_and_enlarge(images, generator).flip(3)


def strong_jitter(images: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """`colour_jitter` that leaves no image out."""
    return _recolour(images, 0.5, 0.0, generator, always=True)


def ten_transformations() -> dict[str, Augmentation]:
    """The lecture's slide: name -> transformation, in its order."""
    return {
        "original": unchanged,
        "crop and resize": cut_and_enlarge,
        "crop, resize, flip": cut_enlarge_and_mirror,
        "colour drop": grey,
        "colour jitter": strong_jitter,
        "rotation": rotate,
        "cutout": cutout,
        "Gaussian noise": noise,
        "Gaussian blur": blur,
        "Sobel": sobel,
    }


class SimCLRViews:
    """SimCLR's augmentation for small images: crop and resize, flip, colour jitter, sometimes grey.

    crop: a function (images, boxes (B, 4), size) -> images (B, C, size, size), that of the contrastive lesson.
    """

    def __init__(
        self,
        crop: Callable[[Tensor, Tensor, int], Tensor],
        size: int = 32,
        scale: tuple[float, float] = (0.2, 1.0),
        jitter: float = 0.5,
        grey: float = 0.2,
    ):
        self.crop, self.size, self.scale, self.jitter, self.grey = crop, size, scale, jitter, grey

    def __call__(self, images: Tensor, generator: torch.Generator | None = None) -> Tensor:
        boxes = random_boxes(images, self.scale, generator)
        views = flip(self.crop(images, boxes, self.size), generator)
        return _recolour(views, self.jitter, self.grey, generator) if self.jitter or self.grey else views


def _recolour(
    images: Tensor, strength: float, grey: float, generator: torch.Generator | None, always: bool = False
) -> Tensor:
    """Jitter, then grey with probability `grey`, as one matrix and one shift of the colours for each image."""
    span, batch = 0.8 * strength, len(images)
    brightness, contrast, saturation = (uniform(images, 1 - span, 1 + span, generator).clamp(min=0) for _ in range(3))
    hue = uniform(images, -0.2 * strength, 0.2 * strength, generator) * 2 * math.pi
    jittered = uniform(images, 0, 1, generator) < (1.0 if always else 0.8)
    greyed = uniform(images, 0, 1, generator) < grey

    weights = torch.tensor(GREY, dtype=images.dtype, device=images.device)
    to_grey = weights.expand(3, 3)  # each row gives the brightness
    identity = torch.eye(3, dtype=images.dtype, device=images.device)
    turn = _hue_turn(hue)
    colour = (saturation.view(-1, 1, 1) * identity + (1 - saturation).view(-1, 1, 1) * to_grey) @ turn
    colour = torch.where(jittered.view(-1, 1, 1), (brightness * contrast).view(-1, 1, 1) * colour, identity)
    shift = torch.where(jittered, brightness * (1 - contrast), 0) * (images.mean(dim=(2, 3)) @ weights)
    colour = torch.where(greyed.view(-1, 1, 1), to_grey @ colour, colour)
    flat = images.reshape(batch, 3, -1)  # colours as columns: (B, 3, H * W)
    return torch.baddbmm(shift.view(-1, 1, 1), colour, flat).clamp_(0, 1).view(images.shape)


def _hue_turn(angle: Tensor) -> Tensor:
    """Matrices (B, 3, 3) that turn colours about the grey axis and keep grey as it is."""
    cos, sin = angle.cos(), angle.sin()
    same, more, less = (1 + 2 * cos) / 3, (1 - cos) / 3 + sin / math.sqrt(3), (1 - cos) / 3 - sin / math.sqrt(3)
    rows = [same, less, more, more, same, less, less, more, same]
    return torch.stack(rows, dim=1).view(-1, 3, 3)
