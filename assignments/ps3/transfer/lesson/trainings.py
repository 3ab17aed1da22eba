"""What the lesson on transfer trains: two tasks of five classes each, a network for the first, the race, the curve."""

import copy
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ps3 import augment, plots, probes, training
from ps3.data import ImageSet, Split
from ps3.networks.resnet import ResNet8
from ps3.transfer.parts import Classifier

FIRST = ("airplane", "cat", "deer", "frog", "truck")
SECOND = ("automobile", "bird", "dog", "horse", "ship")
COUNTS = (20, 100, 500, 2_500)  # labels a class; the pack has 2,500
WAYS = ("from scratch", "finetuned", "frozen")
BATCH = 64
HEAD_RATE, BACKBONE_RATE, DECAY = 2e-3, 1e-3, 1e-4  # of AdamW, for the curve
PLAIN_RATE = 0.1  # of plain gradient descent, for the race
MEASURES, MEASURED_ON = 16, 1_000  # of a race: how often, on how many test images

Groups = Callable[[Classifier, float, float, float], list[dict[str, Any]]]
Load = Callable[[Classifier, dict[str, Tensor]], list[str]]
Step = Callable[[Classifier, Tensor, Tensor, float, float], float]


@dataclass(frozen=True)
class Task:
    """Five classes of a set: their images, uint8 (N, 3, H, W), with labels 0 to 4."""

    classes: tuple[str, ...]
    train: Split
    test: Split


def task(pictures: ImageSet, classes: tuple[str, ...]) -> Task:
    """The images of these classes, numbered anew in this order."""
    return Task(classes, *(_only(split, pictures, classes) for split in (pictures.train, pictures.test)))


def _only(split: Split, pictures: ImageSet, classes: tuple[str, ...]) -> Split:
    number = torch.full((len(pictures.classes),), -1)
    number[[pictures.classes.index(name) for name in classes]] = torch.arange(len(classes))
    labels = number[split.labels]
    return Split(split.images[labels >= 0], labels[labels >= 0])


def new_network(device: torch.device | None = None, seed: int = 0) -> Classifier:
    """An untrained ResNet8 with a head for five classes; the same one for the same seed."""
    torch.manual_seed(seed)
    return Classifier(ResNet8(), len(SECOND)).to(device)


def pretrained(
    pictures: ImageSet, preset: training.Preset, device: torch.device, again: bool = False, seed: int = 0
) -> Classifier:
    """A network trained on the first task, or with the weights of an earlier run. NotFinished where it was stopped."""
    network, first = new_network(device, seed), task(pictures, FIRST)
    run = training.Run("transfer-first-task", preset, pictures, network=network)
    if run.load(again):
        return network

    def step(batch: Tensor, labels: Tensor) -> Tensor:
        return F.cross_entropy(network(pictures.normalize(augment.flip(batch))).float(), labels)

    finished = run.train(
        step,
        first.train.images,
        first.train.labels,
        steps=preset.steps("transfer", "pretrain"),
        batch_size=preset.batch_size,
        weight_decay=DECAY,
        schedule=training.cosine,
        seed=seed,
        watch=plots.Live({"chance": math.log(len(FIRST))}, name="supervised", ylabel="cross-entropy"),
    )
    if not finished:
        raise training.NotFinished("the first task is not finished: run this cell again, and its training goes on")
    return network


def accuracy(network: nn.Module, pictures: ImageSet, split: Split) -> float:
    """The share of the images whose class the network names, in eval mode. A copy looks: the network stays as it is."""
    device, looking = next(network.parameters()).device, copy.deepcopy(network).eval()
    right = 0
    with torch.no_grad():
        for images, labels in zip(split.images.split(250), split.labels.split(250), strict=True):
            scores = looking(pictures.normalize(images.to(device)))
            right += int((scores.argmax(dim=1).cpu() == labels).sum())
    return right / len(split)


def shuffled(count: int, size: int, seed: int) -> Iterator[Tensor]:
    """Endless batches of places among so many, drawn without replacement in each round."""
    generator, size = torch.Generator().manual_seed(seed), min(size, count)
    while True:
        yield from torch.randperm(count, generator=generator)[: count // size * size].split(size)


def begun(way: str, network: Classifier, load: Load, seed: int) -> Classifier:
    """Where a way begins: a new network, with the backbone of `network` unless it trains from scratch."""
    fresh = new_network(next(network.parameters()).device, seed + 1)
    if way != "from scratch":
        load(fresh, network.state_dict())
    return fresh


# --- the curve over labels --------------------------------------------------------------------------------------------


def finetune(
    network: Classifier, groups: Groups, pictures: ImageSet, labelled: Split, steps: int, *, freeze: bool, seed: int = 0
) -> None:
    """Train by AdamW in these groups, half a cosine in time; a frozen backbone makes its features once."""
    torch.manual_seed(seed)
    device = next(network.parameters()).device
    optimizer = torch.optim.AdamW(
        groups(network, HEAD_RATE * (5 if freeze else 1), 0 if freeze else BACKBONE_RATE, DECAY)
    )
    rates = [group["lr"] for group in optimizer.param_groups]
    network.train()
    known = probes.features_of(network.backbone.eval(), pictures, labelled.images).to(device) if freeze else None
    for n, chosen in zip(range(steps), shuffled(len(labelled), BATCH, seed), strict=False):
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            group["lr"] = rate * training.cosine((n + 1) / (steps + 1))
        if known is None:
            scores = network(pictures.normalize(augment.flip(labelled.images[chosen].to(device))))
        else:
            scores = network.head(known[chosen])
        optimizer.zero_grad()
        F.cross_entropy(scores, labelled.labels[chosen].to(device)).backward()
        optimizer.step()


def measure_curve(
    found: dict[tuple[str, int], float],
    network: Classifier,
    few_labels: Callable[..., Tensor],
    load: Load,
    groups: Groups,
    pictures: ImageSet,
    preset: training.Preset,
    seed: int = 0,
) -> bool:
    """Accuracies on the second task by (way, labels a class), equal steps; adds to `found` what is not there yet.

    Prints a line for each number of labels. Whether it was finished: a stop keeps what was found, and the next call
    goes on.
    """
    second, steps = task(pictures, SECOND), preset.steps("transfer", "finetune")
    try:
        for count in COUNTS:
            places = few_labels(second.train.labels, count, torch.Generator().manual_seed(seed))
            labelled = Split(second.train.images[places], second.train.labels[places])
            for way in WAYS:
                if (way, count) not in found:
                    trained = begun(way, network, load, seed)
                    finetune(trained, groups, pictures, labelled, steps, freeze=way == "frozen", seed=seed)
                    found[way, count] = accuracy(trained, pictures, second.test)
            print(f"{count:,} labels a class: " + ", ".join(f"{way} {found[way, count]:.3f}" for way in WAYS))
    except KeyboardInterrupt:
        print(f"stopped: {len(found)} of {len(COUNTS) * len(WAYS)} are measured; run this cell again to go on")
        return False
    return True


# --- the race ---------------------------------------------------------------------------------------------------------


def race(
    way: str,
    network: Classifier,
    step: Step,
    load: Load,
    pictures: ImageSet,
    steps: int,
    seed: int = 0,
) -> dict[int, float]:
    """Accuracy on the second task by steps done, with all its labels and plain gradient descent at a constant rate.

    Measured on MEASURED_ON test images, the same ones for every way.
    """
    second, racer = task(pictures, SECOND), begun(way, network, load, seed)
    torch.manual_seed(seed)
    device, every = next(racer.parameters()).device, max(steps // MEASURES, 1)
    judges = Split(second.test.images[:MEASURED_ON], second.test.labels[:MEASURED_ON])
    found = {0: accuracy(racer, pictures, judges)}
    for n, chosen in zip(range(1, steps + 1), shuffled(len(second.train), BATCH, seed), strict=False):
        images = pictures.normalize(augment.flip(second.train.images[chosen].to(device)))
        step(racer, images, second.train.labels[chosen].to(device), PLAIN_RATE, 0.0 if way == "frozen" else PLAIN_RATE)
        if n % every == 0:
            found[n] = accuracy(racer, pictures, judges)
    return found


def race_all(
    found: dict[str, dict[int, float]],
    network: Classifier,
    step: Step,
    load: Load,
    pictures: ImageSet,
    preset: training.Preset,
    seed: int = 0,
) -> bool:
    """A race for every way that `found` has not yet, a line for each; whether all are there. A stop keeps the rest."""
    steps = preset.steps("transfer", "race")
    try:
        for way in WAYS:
            if way not in found:
                found[way] = race(way, network, step, load, pictures, steps, seed)
            print(f"{way}: {end_of(found[way]):.3f} at the end of {steps} steps")
    except KeyboardInterrupt:
        print(f"stopped: {len(found)} of {len(WAYS)} races are run; run this cell again to go on")
        return False
    return True


def end_of(line: dict[int, float], over: int = 4) -> float:
    """What a race ends with: the mean of its last measures."""
    last = list(line.values())[-over:]
    return sum(last) / len(last)


def steps_to(line: dict[int, float], height: float) -> int | None:
    """The first measure at which a line is as high, and so is the mean of it and the next; None where it never is."""
    measures = list(line.items())
    for (steps, value), (_, following) in zip(measures, [*measures[1:], measures[-1]], strict=True):
        if value >= height and (value + following) / 2 >= height:
            return steps
    return None
