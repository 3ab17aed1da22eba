"""Given parts of the lesson on colourisation: constants of colour, the bins, the network, what it sees."""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ps3 import training
from ps3.data import ImageSet, to_float
from ps3.networks.resnet import ResNet8

# Linear sRGB to XYZ, and the white of a screen (D65): IEC 61966-2-1, with the digits of B. Lindbloom's tables.
RGB_TO_XYZ = torch.tensor(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]],
    dtype=torch.float64,
)
WHITE = torch.tensor([0.95047, 1.0, 1.08883], dtype=torch.float64)

# The bins: a, b and, for drawings, their colour at L = 65; from grey outwards. experiments/colour_bins.py made them.
BINS = (
    (-0.5, -0.4, "#9C9E9E"),
    (-5.5, 5.9, "#98A093"),
    (6.8, 4.7, "#AE9996"),
    (6.6, -7.4, "#A49AAB"),
    (-3.6, -10.9, "#8CA1B1"),
    (0.1, 11.6, "#A69D89"),
    (-13.6, -1.4, "#80A5A0"),
    (13.6, 11.6, "#BD958A"),
    (-13.6, 11.9, "#8DA488"),
    (6.9, 18.9, "#B6987C"),
    (4.2, -19.8, "#929DC1"),
    (20.0, -7.0, "#BC92AB"),
    (-6.3, 20.7, "#A1A079"),
    (-17.9, -16.1, "#60A8BA"),
    (2.1, 28.2, "#B39B6B"),
    (27.2, 8.2, "#D18B90"),
    (-7.1, -29.2, "#67A4D1"),
    (-23.6, 21.0, "#7FA877"),
    (17.9, 26.4, "#CB916F"),
    (6.5, -34.4, "#839DDB"),
    (-14.1, 35.5, "#9BA35D"),
    (2.0, 40.8, "#B89A54"),
    (37.4, 20.4, "#E5827B"),
    (18.2, 42.7, "#D19051"),
    (-29.5, 36.8, "#7EAA59"),
    (15.4, -46.3, "#8599F1"),
    (-16.2, 54.2, "#9EA435"),
    (49.2, 31.8, "#F97668"),
    (35.0, 47.9, "#EA8348"),
    (2.6, 60.2, "#BE9A28"),
    (-36.0, 51.3, "#78AD3A"),
    (61.6, 44.9, "#FF6651"),
)
CENTRES = torch.tensor([[a, b] for a, b, _ in BINS])  # (Q, 2)
SWATCHES = tuple(colour for _, _, colour in BINS)

Convert = Callable[[Tensor], Tensor]


class ColourHead(nn.Module):
    """From the encoder's maps to logits of the bins, half as high and wide as the image: (B, Q, H / 2, W / 2)."""

    def __init__(self, bins: int = len(BINS), dim: int = ResNet8.dim):
        super().__init__()
        self.grow = nn.ConvTranspose2d(dim, 64, 4, stride=2, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(64)
        self.paint = nn.ConvTranspose2d(64, bins, 4, stride=2, padding=1)

    def forward(self, maps: Tensor) -> Tensor:
        logits: Tensor = self.paint(F.relu(self.norm(self.grow(maps))))
        return logits


class Colorizer(nn.Module):
    """Lightness (B, 1, H, W), 0 to 100 -> logits of the bins (B, Q, H / 2, W / 2): a grey ResNet8 and a head."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.head = ResNet8(channels=1), ColourHead()

    def maps(self, lightness: Tensor) -> Tensor:
        """What leaves the last block, (B, 128, H / 8, W / 8)."""
        encoder = self.encoder
        maps: Tensor = encoder.blocks(encoder.stem(lightness / 50 - 1))
        return maps

    def forward(self, lightness: Tensor) -> Tensor:
        logits: Tensor = self.head(self.maps(lightness))
        return logits


class GreyFeatures(nn.Module):
    """What a colorizer's encoder makes of normalised colour images (B, 3, H, W), of which it sees L alone: (B, 128)."""

    def __init__(self, colorizer: Colorizer, rgb_to_lab: Convert, pictures: ImageSet):
        super().__init__()
        self.colorizer, self.rgb_to_lab = colorizer, rgb_to_lab
        self.mean, self.std = (nn.Buffer(torch.tensor(v).view(3, 1, 1)) for v in (pictures.mean, pictures.std))

    def forward(self, images: Tensor) -> Tensor:
        with training.full_precision(images.device):
            lightness = self.rgb_to_lab((images.float() * self.std + self.mean).clamp(0, 1))[:, :1]
        return self.colorizer.maps(lightness).mean(dim=(2, 3))


def new_colorizer(device: torch.device | None = None, seed: int = 0) -> Colorizer:
    """An untrained network; the same one for the same seed."""
    torch.manual_seed(seed)
    return Colorizer().to(device)


def lightness_and_colour(images: Tensor, rgb_to_lab: Convert) -> tuple[Tensor, Tensor]:
    """Of uint8 images (N, 3, H, W): L (N, 1, H, W), and ab as the mean of 2 x 2 pixels, (N, 2, H / 2, W / 2)."""
    parts = [rgb_to_lab(to_float(part)) for part in images.split(500)]
    return torch.cat([lab[:, :1] for lab in parts]), torch.cat([F.avg_pool2d(lab[:, 1:], 2) for lab in parts])


def flip(lightness: Tensor, bins: Tensor) -> tuple[Tensor, Tensor]:
    """Mirror every second image, on average, with its bins."""
    chosen = torch.rand(len(bins), device=bins.device) < 0.5
    mirrored = torch.where(chosen.view(-1, 1, 1, 1), lightness.flip(3), lightness)
    return mirrored, torch.where(chosen.view(-1, 1, 1), bins.flip(2), bins)


def painted(lightness: Tensor, ab: Tensor, lab_to_rgb: Convert) -> Tensor:
    """Images (B, 3, H, W) with this lightness (B, 1, H, W) and colours (B, 2, h, w), enlarged."""
    large = F.interpolate(ab, lightness.shape[2:], mode="bilinear")
    return lab_to_rgb(torch.cat([lightness, large], dim=1))


def loss_lines(counts: Tensor, weights: Tensor) -> dict[str, float]:
    """Reference lines of a loss with these weights of mean 1: all bins alike, and the best without looking."""
    shares = counts.double() * weights.double()
    shares = shares / shares.sum()
    return {"alike": math.log(len(shares)), "how often": torch.special.entr(shares).sum().item()}


def run_quietly(network: Colorizer, lightness: Tensor) -> Tensor:
    """Logits of a network in eval mode, without gradients, on the CPU."""
    device = next(network.parameters()).device
    with torch.no_grad():
        return torch.cat([network.eval()(part.to(device)).float().cpu() for part in lightness.split(250)])


TOP = 16


def strongest(network: Colorizer, lightness: Tensor, count: int = TOP) -> tuple[Tensor, Tensor]:
    """The images that drive each unit of the last block most, and where: two of (units, count) int64.

    The place is a number from 0 to 15, row by row, on the map of 4 x 4 places; an image counts once.
    """
    device = next(network.parameters()).device
    with torch.no_grad():
        maps = torch.cat([network.eval().maps(part.to(device)).flatten(2).cpu() for part in lightness.split(250)])
    values, places = maps.max(dim=2)  # (N, units)
    images = values.topk(count, dim=0).indices
    return images.T, places.gather(0, images).T


def majority_shares(images: Tensor, labels: Tensor) -> Tensor:
    """For each unit the share of the commonest class among its images (units, count): (units,)."""
    classes = F.one_hot(labels[images])  # (units, count, classes)
    return classes.sum(dim=1).amax(dim=1) / images.shape[1]
