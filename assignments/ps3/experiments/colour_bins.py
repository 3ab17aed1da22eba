"""The bins of the lesson on colourisation, as numbers to put into its parts: deterministic k-means of training colours.

Fine cells of the ab plane stand for the pixels in them, each with the square root of its count: common greys would
otherwise take nearly all of the centres.
"""

import torch
from course import reference
from torch import Tensor
from torch.nn import functional as F

from ps3 import data

BINS, IMAGES, CELL, RARE = 32, 5_000, 4.0, 40
LIGHTNESS = 65.0  # at which a bin's colour is drawn


def colours(images: Tensor) -> Tensor:
    """The ab of every 2 x 2 pixels of uint8 images: (n, 2)."""
    to_lab = reference("colorization")["rgb_to_lab"]
    planes = [F.avg_pool2d(to_lab(data.to_float(part))[:, 1:], 2) for part in images.split(500)]
    return torch.cat(planes).permute(0, 2, 3, 1).reshape(-1, 2)


def k_means(points: Tensor, weights: Tensor, count: int) -> Tensor:
    """Centres (count, 2); the first is grey, each next one the point that is worst served."""
    centres = torch.zeros(1, 2)
    while len(centres) < count:
        gaps = torch.cdist(points, centres).amin(dim=1) * weights**0.5
        centres = torch.cat([centres, points[gaps.argmax()][None]])
    for _ in range(100):
        owner = torch.cdist(points, centres).argmin(dim=1)
        centres = torch.stack([_mean(points[owner == q], weights[owner == q]) for q in range(count)])
    return centres


def _mean(points: Tensor, weights: Tensor) -> Tensor:
    return (points * weights[:, None]).sum(dim=0) / weights.sum()


def main() -> None:
    cells, counts = torch.unique((colours(data.load().unlabelled[:IMAGES]) / CELL).round(), dim=0, return_counts=True)
    often = counts >= RARE
    centres = k_means(cells[often] * CELL, counts[often].sqrt(), BINS).round(decimals=1)
    centres = centres[centres.norm(dim=1).argsort()]  # from grey outwards
    lab = torch.cat([torch.full((BINS, 1), LIGHTNESS), centres], dim=1).T.reshape(1, 3, 1, BINS)
    swatches = (reference("colorization")["lab_to_rgb"](lab)[0, :, 0].T * 255).round().int()
    for (a, b), (red, green, blue) in zip(centres.tolist(), swatches.tolist(), strict=True):
        print(f'    ({a:.1f}, {b:.1f}, "#{red:02X}{green:02X}{blue:02X}"),')


if __name__ == "__main__":
    main()
