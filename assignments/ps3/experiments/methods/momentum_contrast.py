"""MoCo beside SimCLR with the same small batch, and without momentum; then finetuning from their weights."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from course import reference
from torch import Tensor

from ps3 import data, probes, training
from ps3.momentum_contrast import parts

PROBLEM = "momentum_contrast"
SIMCLR_TEMPERATURE = 0.2
Row = dict[str, Any]
Judged = tuple[str, probes.Features | None, Row]


def run(pictures: data.ImageSet, preset: training.Preset, seed: int) -> Iterator[Judged]:
    """MoCo, the same without momentum, SimCLR with the same views, batch, steps and network; then finetuning."""
    names, steps = reference(PROBLEM), preset.steps(PROBLEM)
    online, progress = moco(names, pictures, steps, seed, parts.MOMENTUM)
    yield "MoCo", features_of(online.encoder, pictures), trained(progress)
    rival, progress = simclr(pictures, steps, seed)
    yield "SimCLR, batch 64", features_of(rival.encoder, pictures), trained(progress)
    yield "MoCo, finetuned", None, {"measured": snapshot(online.encoder, pictures, preset, seed)}
    without, progress = moco(names, pictures, steps, seed, 0.0)
    yield "MoCo, m = 0", features_of(without.encoder, pictures), trained(progress)


def moco(
    names: Mapping[str, Any], pictures: data.ImageSet, steps: int, seed: int, momentum: float
) -> tuple[parts.Embedder, training.Progress]:
    """MoCo with the exercises' own functions."""
    online, target = parts.new_networks(seed=seed)
    queue, views = names["Queue"](parts.DIM, parts.QUEUE_SIZE), parts.Views()

    def step(batch: Tensor) -> Tensor:
        one, two = (pictures.normalize(views(data.to_float(batch))) for _ in range(2))
        loss: Tensor = names["moco_step"](online, target, queue, one, two, parts.TEMPERATURE, momentum)
        return loss

    return online, _train([online, target, queue], step, pictures, steps, seed)


def simclr(pictures: data.ImageSet, steps: int, seed: int) -> tuple[parts.Embedder, training.Progress]:
    """SimCLR with the reference of the lesson on contrastive learning."""
    names = reference("contrastive_learning")
    online, views = parts.new_networks(seed=seed)[0], parts.Views()

    def step(batch: Tensor) -> Tensor:
        both = torch.cat(names["two_views"](data.to_float(batch), views))
        one, two = online(pictures.normalize(both)).chunk(2)
        with training.full_precision(one.device):
            loss: Tensor = names["nt_xent"](one, two, SIMCLR_TEMPERATURE)
        return loss

    return online, _train([online], step, pictures, steps, seed)


def _train(
    modules: list[torch.nn.Module], step: Callable[[Tensor], Tensor], pictures: data.ImageSet, steps: int, seed: int
) -> training.Progress:
    return training.train(modules, step, pictures.unlabelled, steps=steps, seed=seed, **parts.RECIPE)


def features_of(encoder: torch.nn.Module, pictures: data.ImageSet) -> probes.Features:
    """Features of the labelled training images and of the test images."""
    train, test = (probes.features_of(encoder, pictures, part.images) for part in (pictures.train, pictures.test))
    return train, test


def trained(progress: training.Progress) -> Row:
    """What is worth keeping of a training."""
    return {"steps": progress.step, "loss": round(progress.smooth_loss(), 4)}


def snapshot(encoder: torch.nn.Module, pictures: data.ImageSet, preset: training.Preset, seed: int) -> dict[str, float]:
    """The lecture's table in small: accuracy on five classes after finetuning, by starting weights and labels."""
    everything = data.load(pictures.name)
    known = parts.supervised(everything, preset, torch.device("cpu"), seed, keep=False)
    starts = {"random ResNet": parts.new_networks(seed=seed + 100)[0].encoder, "supervised": known, "MoCo": encoder}
    rows = parts.finetune_all(starts, everything, preset.steps(PROBLEM, "finetune"), draws=(seed,))
    return {f"{name}, {count}": round(values[0], 4) for (name, count), values in rows.items()}


def _mean(row: Mapping[str, Any], judge: str, count: int) -> float:
    values = row[judge][str(count)]
    return float(sum(values) / len(values))


def _difference(judge: str, count: int) -> Callable[[Mapping[str, dict]], float]:
    return lambda rows: _mean(rows["MoCo"], judge, count) - _mean(rows["SimCLR, batch 64"], judge, count)


def _knn(one: str, other: str) -> Callable[[Mapping[str, dict]], float]:
    return lambda rows: float(rows[one]["knn"]) - float(rows[other]["knn"])


def _finetuned(one: str, other: str) -> Callable[[Mapping[str, dict]], float]:
    def difference(rows: Mapping[str, dict]) -> float:
        measured = rows["MoCo, finetuned"]["measured"]
        return float(measured[one] - measured[other])

    return difference


DEMANDS: tuple[tuple[str, Callable[[Mapping[str, dict]], float], float], ...] = (
    ("ridge: MoCo - SimCLR with a batch of 64 at 10,000 labels (not far behind)", _difference("ridge", 10_000), -0.03),
    ("k-NN: MoCo - SimCLR with a batch of 64 (not far behind)", _knn("MoCo", "SimCLR, batch 64"), -0.03),
    ("k-NN: MoCo over MoCo with m = 0", _knn("MoCo", "MoCo, m = 0"), 0.09),
    ("finetuned, 20 labels a class: supervised over MoCo", _finetuned("supervised, 20", "MoCo, 20"), 0.01),
    ("finetuned, 100 labels a class: MoCo over random", _finetuned("MoCo, 100", "random ResNet, 100"), 0.0),
)
