"""Given parts of the lesson on autoencoders: the transformer that is trained in three ways, PCA, short trainings."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ps3 import probes, training
from ps3.data import ImageSet, Split
from ps3.networks.transformer import Block, initialize, sincos_positions

PATCH = 4  # pixels: side of the patches that the transformer reads
BETAS = (0.9, 0.95)  # AdamW's, as for masked autoencoders
CODE_LR = 5e-3  # of the short trainings with a narrow code


class PatchTransformer(nn.Module):
    """Reads images (B, C, H, W) in patches, each a token, and paints them again.

    A small decoder of one block stands behind the encoder; features are the encoder's alone.
    """

    places: Tensor
    decoder_places: Tensor

    def __init__(self, image_size=(32, 32), channels=3, dim=96, depth=3, heads=4, decoder_dim=64):
        super().__init__()
        self.grid = image_size[0] // PATCH, image_size[1] // PATCH
        self.embed = nn.Conv2d(channels, dim, PATCH, PATCH)
        self.register_buffer("places", sincos_positions(dim, *self.grid))
        self.blocks = nn.ModuleList(Block(dim, heads) for _ in range(depth))
        self.norm = nn.LayerNorm(dim, eps=1e-6)
        self.narrow = nn.Linear(dim, decoder_dim)
        self.hole = nn.Parameter(0.02 * torch.randn(decoder_dim))  # stands where a patch was hidden
        self.register_buffer("decoder_places", sincos_positions(decoder_dim, *self.grid))
        self.decoder = nn.Sequential(Block(decoder_dim, heads), nn.LayerNorm(decoder_dim, eps=1e-6))
        self.paint = nn.ConvTranspose2d(decoder_dim, channels, PATCH, PATCH)
        initialize(self)

    def forward(self, images: Tensor, hidden: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """(reconstructions (B, C, H, W), codes (B, K, D)); hidden (B, N) bool: patches that the encoder never sees."""
        codes = self.codes(images, hidden)
        tokens = self.narrow(codes)
        if hidden is not None:
            whole = self.hole.to(tokens.dtype).expand(*hidden.shape, -1).clone()  # (B, N, D of the decoder)
            whole[~hidden] = tokens.flatten(0, 1)
            tokens = whole
        tokens = self.decoder(tokens + self.decoder_places)
        return self.paint(tokens.transpose(1, 2).unflatten(2, self.grid)), codes

    def codes(self, images: Tensor, hidden: Tensor | None = None) -> Tensor:
        """(B, K, D): a code for each patch that is not hidden; the same number of them in every image."""
        tokens = self.embed(images).flatten(2).transpose(1, 2) + self.places  # (B, N, D)
        if hidden is not None:
            tokens = tokens[~hidden].unflatten(0, (len(images), -1))
        for block in self.blocks:
            tokens = block(tokens)
        return self.norm(tokens)

    def features(self, images: Tensor) -> Tensor:
        """The mean code of each image, nothing hidden: (B, D)."""
        return self.codes(images).mean(dim=1)


def new_transformer(device: torch.device | None = None, seed: int = 0) -> PatchTransformer:
    """An untrained one; the same for the same seed."""
    torch.manual_seed(seed)
    return PatchTransformer().to(device)


def hide(images: Tensor, share: float = 0.75, generator: torch.Generator | None = None) -> Tensor:
    """Which patches of each image are hidden, (B, N) bool: a random choice, as many in each."""
    count = (images.shape[2] // PATCH) * (images.shape[3] // PATCH)
    draw = torch.rand(len(images), count, generator=generator).to(images.device)
    return draw >= draw.quantile(1 - share, dim=1, keepdim=True)


def as_pixels(hidden: Tensor, images: Tensor) -> Tensor:
    """Hidden patches (B, N) as pixels, (B, 1, H, W): 1 where a pixel is hidden, else 0."""
    grid = hidden.to(images.dtype).unflatten(1, (images.shape[2] // PATCH, -1)).unsqueeze(1)
    return F.interpolate(grid, scale_factor=PATCH, mode="nearest")


def relief(images: Tensor) -> Tensor:
    """What the predicting network paints: every patch without its own mean, over its own deviation."""
    mean, deviation = _light(images)
    return (images - mean) / deviation


def with_relief(images: Tensor, painted: Tensor) -> Tensor:
    """Images with another relief: each patch keeps its own mean and deviation."""
    mean, deviation = _light(images)
    return painted * deviation + mean


def _light(images: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and deviation of each patch of images (B, C, H, W), at its pixels: (B, 1, H, W) both."""
    mean = _over_patches(images)
    return mean, (_over_patches((images - mean).square()) + 1e-6).sqrt()


def _over_patches(images: Tensor) -> Tensor:
    mean = F.avg_pool2d(images, PATCH).mean(dim=1, keepdim=True)
    return F.interpolate(mean, scale_factor=PATCH, mode="nearest")


def quick_training(
    network: nn.Module, step: Callable[[Tensor], Tensor], images: Tensor, steps: int, **recipe: Any
) -> list[float]:
    """A short training without a word, not kept; the losses."""
    settings: dict[str, Any] = {"weight_decay": 0.0, "precision": "float32", "watch": lambda progress: None} | recipe
    return training.train(network, step, images, steps=steps, **settings).losses


def seconds_a_step(network: nn.Module, step: Callable[[Tensor], Tensor], batch: Tensor) -> float:
    """The shortest time of four steps, forward and backward, in float32; nothing is learned."""
    best = float("inf")
    for _ in range(5):
        started = time.perf_counter()
        step(batch).backward()
        best = min(best, time.perf_counter() - started)
    network.zero_grad()
    return best


# --- compression without a network ------------------------------------------------------------------------------------


class PCA:
    """Principal components: the mean image, and the directions in which images (N, C, H, W) vary most, in order."""

    def __init__(self, images: Tensor, most: int = 128):
        flat = images.flatten(1)
        self.shape, self.mean = images.shape[1:], flat.mean(dim=0)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)  # the search for the directions begins at random places
            self.directions = torch.svd_lowrank(flat - self.mean, q=min(most + 32, len(flat)), niter=4)[2]

    def encode(self, images: Tensor, size: int) -> Tensor:
        """How far each image lies along the first `size` directions: (B, size)."""
        return (images.flatten(1) - self.mean) @ self.directions[:, :size]

    def reconstruct(self, images: Tensor, size: int) -> Tensor:
        """The images out of so many numbers each."""
        flat = self.encode(images, size) @ self.directions[:, :size].T + self.mean
        return flat.unflatten(1, self.shape)


def share_wrong(images: Tensor, reconstructions: Tensor, nothing: Tensor | float = 0.0) -> float:
    """Squared error over that of an answer that holds `nothing` of the image: 0 is perfect, 1 is worthless."""
    return ((images - reconstructions).square().sum() / (images - nothing).square().sum()).item()


# --- what a small window can undo -------------------------------------------------------------------------------------


def repaired(images: Tensor, damaged: Tensor, whole: Tensor | None = None, side: int = 7) -> Tensor:
    """The damaged images after the best linear filter of side x side pixels that can be fitted to undo the damage.

    whole (B, 1, H, W): 1 where a pixel is whole, which the filter is told. It is fitted on the first half of the
    images; what comes back is the second half.
    """
    seen = damaged if whole is None else torch.cat([damaged, whole], dim=1)
    half = len(images) // 2
    windows = _windows(seen, side)  # (B, H * W, numbers in a window)
    wanted = images.flatten(2).transpose(1, 2)
    known, answer = windows[:half, ::7].flatten(0, 1), wanted[:half, ::7].flatten(0, 1)  # every seventh pixel will do
    ridge = 1e-4 * len(known) * torch.eye(known.shape[1])
    filters = torch.linalg.solve(known.T @ known + ridge, known.T @ answer)
    return (windows[half:] @ filters).transpose(1, 2).unflatten(2, images.shape[2:])


def _windows(images: Tensor, side: int) -> Tensor:
    around = side // 2
    padded = F.pad(images, (around, around, around, around), mode="replicate")
    windows = F.unfold(padded, side).transpose(1, 2)
    return torch.cat([windows, torch.ones_like(windows[..., :1])], dim=2)


# --- judging ----------------------------------------------------------------------------------------------------------


def judged(encoders: Mapping[str, Any], known: ImageSet) -> dict[str, tuple[float, float]]:
    """For each named encoder the test accuracies of ridge regression and of k-NN; a printed line for each."""
    found = {}
    for name, encoder in encoders.items():
        train, test = (probes.features_of(encoder, known, part.images) for part in (known.train, known.test))
        found[name] = accuracies(train, test, known)
        print(f"{name}: ridge {found[name][0]:.3f}, k-NN {found[name][1]:.3f}")
    return found


def for_judging(pictures: ImageSet, count: int) -> ImageSet:
    """The same set with only `count` labelled training images and as many test images."""
    known = pictures.with_labels(count)
    return replace(known, test=Split(known.test.images[:count], known.test.labels[:count]))


def accuracies(train: Tensor, test: Tensor, known: ImageSet) -> tuple[float, float]:
    """Test accuracies of ridge regression and of k-NN on features of the labelled training and of the test images."""
    given = train, known.train.labels, test, known.test.labels
    return probes.ridge_accuracy(*given), probes.knn(*given)


def own_error(task: Callable[[Tensor], tuple[Tensor, Tensor]], images: Tensor) -> float:
    """How much of its own task a network gets wrong: 0 is perfect, 1 no better than the mean of all targets.

    task: a function of normalised images (B, C, H, W) that returns the target and the network's answer.
    """
    with torch.no_grad():
        target, answer = task(images)
    return share_wrong(target, answer, target.mean(dim=0))


def codes_by(encode: Callable[[Tensor], Tensor], pictures: ImageSet, sets: Sequence[Tensor]) -> list[Tensor]:
    """What `encode` makes of uint8 images, batch by batch, for each set of them."""
    with torch.no_grad():
        return [torch.cat([encode(pictures.normalize(part)) for part in images.split(500)]) for images in sets]


def judged_codes(encode: Callable[[Tensor], Tensor], known: ImageSet) -> tuple[float, float]:
    """Test accuracies of ridge regression and of k-NN on what `encode` makes of the labelled and the test images."""
    train, test = codes_by(encode, known, (known.train.images, known.test.images))
    return accuracies(train, test, known)
