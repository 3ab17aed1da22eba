"""What the runs on context prediction must show: the place of a patch is learned, and features come of it."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from course import reference
from torch import Tensor
from torch.nn import functional as F

from ps3 import data, probes, training
from ps3.context_prediction import parts

LABELS = "10000"
RECIPE: dict[str, Any] = {"batch_size": 256, "lr": 4e-3, "schedule": training.cosine}
TWIN, METHOD = "random trunk", "context prediction"


def run(
    pictures: data.ImageSet, preset: training.Preset, seed: int
) -> Iterator[tuple[str, probes.Features | None, dict[str, Any]]]:
    """The random twin, then a network for each way of cutting pairs; the features are means over nine patches."""
    names = reference("context_prediction")
    for variant, settings in parts.VARIANTS.items():
        torch.manual_seed(seed)
        network = names["ContextNetwork"]()
        if variant == "as it is":
            yield TWIN, _features(network, pictures), {}
        pairs = parts.Pairs(names["cut_pairs"], names["drop_colors"], **settings)
        progress = training.train(
            network,
            _step(network, pairs, pictures),
            pictures.unlabelled,
            steps=preset.steps("context_prediction"),
            seed=seed,
            **RECIPE,
        )
        row = {"steps": progress.step, "loss": round(progress.smooth_loss(), 4), "precision": progress.precision}
        row["measured"] = {"places": _share_in_place(network, pairs, pictures)}
        yield METHOD if variant == "as it is" else f"{METHOD}: {variant}", _features(network, pictures), row


def _features(network: Any, pictures: data.ImageSet) -> probes.Features:
    look = parts.OverNinePatches(network)
    train, test = (probes.features_of(look, pictures, part.images) for part in (pictures.train, pictures.test))
    return train, test


def _step(network: Any, pairs: parts.Pairs, pictures: data.ImageSet) -> Callable[[Tensor], Tensor]:
    def step(batch: Tensor) -> Tensor:
        centres, neighbours, directions = pairs(pictures.normalize(batch))
        return F.cross_entropy(network(centres, neighbours).float(), directions)

    return step


def _share_in_place(network: Any, pairs: parts.Pairs, pictures: data.ImageSet) -> float:
    truth, said = parts.answers(network, pairs, pictures.normalize(pictures.test.images), rounds=2)
    return round((truth == said).double().mean().item(), 4)


Rows = Mapping[str, Mapping[str, Any]]


def _ridge(rows: Rows, name: str) -> float:
    values = rows[name]["ridge"][LABELS]
    return float(sum(values) / len(values))


def _places(rows: Rows, name: str = METHOD) -> float:
    return float(rows[name]["measured"]["places"])


DEMANDS: tuple[tuple[str, Callable[[Rows], float], float], ...] = (
    ("context prediction: test pairs in the right of 8 places", _places, 0.30),
    (
        "context prediction: ridge over the random trunk at 10,000 labels",
        lambda rows: _ridge(rows, METHOD) - _ridge(rows, TWIN),
        0.04,
    ),
)
