"""Colourisation: the small run that its lesson makes, and what it must show."""

import statistics
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from course import reference
from torch import Tensor

from ps3 import data, probes, training
from ps3.colorization import parts

LABELLED = 10_000
RANDOM, LEARNED, PLAIN = "random ResNet (grey)", "colourisation", "colourisation, not rebalanced"
RECIPE: dict[str, Any] = {"lr": 3e-3, "weight_decay": 1e-4, "schedule": training.cosine}

Row = dict[str, Any]


def run(pictures: data.ImageSet, preset: training.Preset, seed: int) -> Iterator[tuple[str, probes.Features, Row]]:
    """The untrained network, the rebalanced one of the lesson, and one as long without rebalancing."""
    names = reference("colorization")
    lightness, ab = parts.lightness_and_colour(pictures.unlabelled, names["rgb_to_lab"])
    bins = torch.cat([names["nearest_bins"](part, parts.CENTRES) for part in ab.split(500)])
    counts = bins.flatten().bincount(minlength=len(parts.BINS))
    weights = names["rebalancing_weights"](counts)
    for name, weighs in ((RANDOM, None), (LEARNED, weights), (PLAIN, torch.ones_like(weights))):
        network = parts.new_colorizer(seed=seed)
        row: Row = {}
        if weighs is not None:
            steps = preset.steps("colorization")
            progress = training.train(
                network,
                _step(network, weighs, names["colorization_loss"]),
                lightness,
                bins,
                steps=steps,
                batch_size=preset.batch_size,
                seed=seed,
                **RECIPE,
            )
            row = {"steps": progress.step, "loss": round(progress.smooth_loss(), 4)}
        yield name, _features(network, pictures, names["rgb_to_lab"]), row | {"measured": _measured(network, pictures)}


def _step(network: parts.Colorizer, weights: Tensor, loss: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def step(lightness: Tensor, bins: Tensor) -> Tensor:
        lightness, bins = parts.flip(lightness, bins)
        logits = network(lightness).float()
        with training.full_precision(lightness.device):
            return loss(logits, bins, weights)

    return step


def _features(network: parts.Colorizer, pictures: data.ImageSet, rgb_to_lab: parts.Convert) -> probes.Features:
    look = parts.GreyFeatures(network, rgb_to_lab, pictures)
    train, test = (probes.features_of(look, pictures, part.images) for part in (pictures.train, pictures.test))
    return train, test


def _measured(network: parts.Colorizer, pictures: data.ImageSet) -> dict[str, float]:
    """How vivid its colours are beside the true ones, and how much of a class its units are, over test images."""
    names = reference("colorization")
    images = pictures.test.images[:1000]
    lightness, ab = parts.lightness_and_colour(images, names["rgb_to_lab"])
    guessed = names["annealed_mean"](parts.run_quietly(network, lightness), parts.CENTRES)
    vivid, truly = (colours.norm(dim=1).mean().item() for colours in (guessed, ab))
    lightness, _ = parts.lightness_and_colour(pictures.test.images, names["rgb_to_lab"])
    shares = parts.majority_shares(parts.strongest(network, lightness)[0], pictures.test.labels)
    return {
        "chroma over the true one": round(vivid / truly, 4),
        "majority share of a unit's top 16, mean": round(shares.mean().item(), 4),
        "majority share of a unit's top 16, best ten": round(shares.topk(10).values.mean().item(), 4),
    }


def _gain(judge: str, count: int) -> Callable[[Mapping[str, Row]], float]:
    def gain(rows: Mapping[str, Row]) -> float:
        means = [statistics.mean(rows[name][judge][str(count)]) for name in (LEARNED, RANDOM)]
        return means[0] - means[1]

    return gain


def _more(what: str, over: str) -> Callable[[Mapping[str, Row]], float]:
    return lambda rows: rows[LEARNED]["measured"][what] - rows[over]["measured"][what]


DEMANDS: tuple[tuple[str, Callable[[Mapping[str, Row]], float], float], ...] = (
    ("colourisation: ridge over random ResNet (grey) at 10,000 labels", _gain("ridge", LABELLED), 0.10),
    ("colourisation: vividness over that without rebalancing", _more("chroma over the true one", PLAIN), 0.10),
    ("colourisation: class share of units over random", _more("majority share of a unit's top 16, mean", RANDOM), 0.05),
)
