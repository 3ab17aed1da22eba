"""The networks that the lesson on linear probes judges: what other notebooks left, and what it trains itself."""

import copy
import math
from collections.abc import Callable, Container, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ps3 import augment, plots, probes, stored, training
from ps3.data import ImageSet
from ps3.networks.resnet import ResNet8
from ps3.plots.figure import ORANGE

plots.register("rotation", colour=ORANGE, marker="^", line="-", filled=False)


def stored_features(preset: training.Preset, known: ImageSet) -> dict[str, probes.Features]:
    """The features that the notebook on masked autoencoders left: "random transformer" and "MAE", or nothing.

    For each (levels, N, D) of the labelled training images and of the test images; the last level is what its encoder
    gives. Says what was found.
    """
    path, names = stored.path_of("mae-features", preset.name, known), ("random transformer", "MAE")
    try:
        if (content := stored.read(path)) is None:
            print(f"MAE: {_missing(path, 'mae', 'What is behind the grey squares?')}")
            return {}
        stored.check_images(content.record, known)
        tensors = content.tensors
        found = {name: (tensors[f"{name}/train"].float(), tensors[f"{name}/test"].float()) for name in names}
        if any(
            (train.shape[1], test.shape[1]) != (len(known.train), len(known.test)) for train, test in found.values()
        ):
            raise ValueError("it holds features of other images")
    except (ValueError, KeyError) as error:
        print(f"MAE: {path} is not used: {error}; its row stays empty")
        return {}
    print(f"MAE: features of {content.record.sentence()}")
    return found


def learned(
    pictures: ImageSet, preset: training.Preset, device: torch.device, stored_rows: Mapping[str, probes.Features]
) -> dict[str, ResNet8]:
    """The encoder that the notebook on contrastive learning saved, "SimCLR"; or, with nothing stored, "rotation".

    Says what it found and what it does.
    """
    path, network = stored.path_of("simclr", preset.name, pictures), ResNet8().to(device)
    if stored.load(path, pictures, encoder=network):
        return {"SimCLR": network}
    print(f"SimCLR: {_missing(path, 'simclr', 'Which two belong together?')}")
    return {} if stored_rows else {"rotation": rotation(pictures, preset, device)}


def _missing(path: Path, training_name: str, notebook: str) -> str:
    """What to do about a row that stays empty, also where its training was stopped half-way."""
    if path.exists():
        return f"its row stays empty until the notebook {notebook!r} has made {path} anew"
    stopped = f"; its training {training_name} was not finished, and goes on there"
    there = stored.stopped_paths(path.with_name(path.name.replace("mae-features", "mae")))
    return f"no {path}, so its row stays empty; the notebook {notebook!r} makes that file{stopped if there else ''}"


def features_of_all(
    encoders: Mapping[str, nn.Module], pictures: ImageSet, sets: tuple[Tensor, Tensor]
) -> dict[str, probes.Features]:
    """Features of labelled and of test images by each encoder, a printed line for each."""
    found = {}
    for name, network in encoders.items():
        print(f"{name}: features of {sum(map(len, sets)):,} images")
        found[name] = (
            probes.features_of(network, pictures, sets[0]),
            probes.features_of(network, pictures, sets[1]),
        )
    return found


def learned_and_twin(names: Container[str]) -> tuple[str, str]:
    """Of the rows of the table, one learned without labels, and the random one of the same architecture."""
    pairs = (("SimCLR", "random ResNet"), ("MAE", "random transformer"), ("rotation", "random ResNet"))
    return next(pair for pair in pairs if pair[0] in names)


def up_to_block(network: ResNet8, count: int) -> nn.Module:
    """The network's stem and so many of its blocks, averaged over places: images (B, C, H, W) -> (B, channels)."""
    return nn.Sequential(network.stem, network.blocks[:count], nn.AdaptiveAvgPool2d(1), nn.Flatten())


def rotation(pictures: ImageSet, preset: training.Preset, device: torch.device) -> ResNet8:
    """A ResNet8 that has learned by how many quarter turns an image was turned: no label is used."""

    def step(classifier: nn.Module, encoder: ResNet8, batch: Tensor, labels: Tensor) -> Tensor:
        parts = batch.chunk(4)
        turned = torch.cat([part.rot90(turns, dims=(2, 3)) for turns, part in enumerate(parts)])
        turns = torch.cat([torch.full((len(part),), turns) for turns, part in enumerate(parts)]).to(batch.device)
        return F.cross_entropy(classifier(encoder(pictures.normalize(turned))).float(), turns)

    return _trained("rotation", step, 4, pictures, preset, device)


def supervised(pictures: ImageSet, preset: training.Preset, device: torch.device) -> ResNet8:
    """A ResNet8 trained with all labels, or with the weights of an earlier run."""

    def step(classifier: nn.Module, encoder: ResNet8, batch: Tensor, labels: Tensor) -> Tensor:
        return F.cross_entropy(classifier(encoder(pictures.normalize(augment.flip(batch)))).float(), labels)

    return _trained("supervised", step, len(pictures.classes), pictures, preset, device)


def finetuned(
    encoder: nn.Module,
    dim: int,
    pictures: ImageSet,
    images: Tensor,
    labels: Tensor,
    steps: int,
    seed: int = 0,
    precision: str | None = "float32",
) -> nn.Module:
    """A copy of the encoder (features (B, dim)) with a linear layer on top, all weights trained with these labels.

    Images are uint8. Returns what maps normalised images (B, C, H, W) to scores (B, classes); `encoder` stays as it is.
    precision: None tries which is the faster, which takes longer than it gains in a hundred steps of a small network.
    """
    torch.manual_seed(seed)
    device = next(encoder.parameters()).device
    network = nn.Sequential(copy.deepcopy(encoder), nn.Linear(dim, len(pictures.classes)).to(device))
    network.requires_grad_(True)

    def step(batch: Tensor, labels: Tensor) -> Tensor:
        return F.cross_entropy(network(pictures.normalize(augment.flip(batch))).float(), labels)

    training.train(
        network,
        step,
        images,
        labels,
        steps=steps,
        lr=1e-3,
        schedule=training.cosine,
        seed=seed,
        precision=precision,
        watch=lambda progress: None,
    )
    return network


def _trained(
    name: str,
    step: Callable[[nn.Module, ResNet8, Tensor, Tensor], Tensor],
    classes: int,
    pictures: ImageSet,
    preset: training.Preset,
    device: torch.device,
) -> ResNet8:
    """A ResNet8 trained by `step`, with a linear layer for so many classes on top, or loaded from an earlier run."""
    torch.manual_seed(0)
    encoder, classifier = ResNet8().to(device), nn.Linear(ResNet8.dim, classes).to(device)
    run = training.Run(name, preset, pictures, encoder=encoder, classifier=classifier)
    if run.load():
        return encoder
    steps = preset.steps("linear_probe", name)
    print(f"{name}: training, {steps:,} steps")
    finished = run.train(
        lambda batch, labels: step(classifier, encoder, batch, labels),
        pictures.train.images,
        pictures.train.labels,
        steps=steps,
        batch_size=preset.batch_size,
        schedule=training.cosine,
        watch=plots.Live({"chance": math.log(classes)}, name=name, ylabel="cross-entropy"),
    )
    if not finished:
        raise training.NotFinished(f"{name} is not finished: run this cell again, and its training goes on")
    return encoder
