"""What transfer must show: five classes first, then the other five, from few labels to all, and how fast."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from course import reference
from torch.nn import functional as F

from ps3 import augment, data, probes, training
from ps3.transfer import trainings

Row = dict[str, Any]


def run(
    pictures: data.ImageSet, preset: training.Preset, seed: int
) -> Iterator[tuple[str, probes.Features | None, Row]]:
    """A row for each way, with its accuracies by labels a class and its race, and one for the first task."""
    names = reference("transfer")
    everything = data.load(pictures.name)
    network, about = first_task(everything, preset, seed)
    yield "transfer: first task", None, about
    found: dict[tuple[str, int], float] = {}
    functions = names["few_labels"], names["load_backbone"], names["parameter_groups"]
    trainings.measure_curve(found, network, *functions, everything, preset, seed)
    steps = preset.steps("transfer", "race")
    races = {
        way: trainings.race(way, network, names["finetune_step"], names["load_backbone"], everything, steps, seed)
        for way in trainings.WAYS
    }
    goal = trainings.end_of(races["from scratch"])
    for way, line in races.items():
        measured = {f"{count} labels a class": round(found[way, count], 4) for count in trainings.COUNTS}
        needed = trainings.steps_to(line, goal)
        measured |= {"race ends with": round(trainings.end_of(line), 4), "race": {str(n): v for n, v in line.items()}}
        measured |= {"goal": round(goal, 4), "steps to the goal": steps * 10 if needed is None else max(needed, 1)}
        yield f"transfer: {way}", None, {"measured": measured, "steps": preset.steps("transfer", "finetune")}


def first_task(pictures: data.ImageSet, preset: training.Preset, seed: int) -> tuple[trainings.Classifier, Row]:
    """The network that has learned the first task, and what is worth keeping of its training."""
    network, first = trainings.new_network(seed=seed), trainings.task(pictures, trainings.FIRST)

    def step(batch: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return F.cross_entropy(network(pictures.normalize(augment.flip(batch))).float(), labels)

    progress = training.train(
        network,
        step,
        first.train.images,
        first.train.labels,
        steps=preset.steps("transfer", "pretrain"),
        batch_size=preset.batch_size,
        weight_decay=trainings.DECAY,
        schedule=training.cosine,
        seed=seed,
    )
    reached = trainings.accuracy(network, pictures, first.test)
    about = {"measured": {"accuracy": round(reached, 4)}, "steps": progress.step, "loss": progress.smooth_loss()}
    return network, about


def accuracy(rows: Mapping[str, Row], way: str, labels: int) -> float:
    return float(rows[f"transfer: {way}"]["measured"][f"{labels} labels a class"])


def gain(rows: Mapping[str, Row], labels: int) -> float:
    """How much better finetuning is than training from scratch."""
    return accuracy(rows, "finetuned", labels) - accuracy(rows, "from scratch", labels)


def times_faster(rows: Mapping[str, Row]) -> float:
    """Steps of the race from scratch over the steps after which the finetuned network is as good."""
    line = rows["transfer: from scratch"]["measured"]["race"]
    return max(map(int, line)) / float(rows["transfer: finetuned"]["measured"]["steps to the goal"])


DEMANDS: tuple[tuple[str, Callable[[Mapping[str, Row]], float], float], ...] = (
    ("transfer: finetuned over scratch at 20 labels a class", lambda rows: gain(rows, 20), 0.06),
    ("transfer: finetuned over scratch at 2,500 labels a class", lambda rows: gain(rows, 2_500), 0.03),
    (
        "transfer: that gain at 20 over the one at 2,500 labels a class",
        lambda rows: gain(rows, 20) - gain(rows, 2_500),
        0.0,
    ),
    (
        "transfer: finetuned over frozen at 2,500 labels a class",
        lambda rows: accuracy(rows, "finetuned", 2_500) - accuracy(rows, "frozen", 2_500),
        0.06,
    ),
    ("transfer: times faster to what scratch ends with", times_faster, 1.5),
)
