"""The networks whose units are looked at: one trained with labels, one without, one with large first filters."""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ps3 import augment, plots, stored, training
from ps3.data import ImageSet, Split
from ps3.networks.resnet import ResidualBlock, ResNet8
from ps3.plots.figure import ORANGE

plots.register("SimCLR", colour=ORANGE, marker="^", line="-")
plots.register("rotation", colour=ORANGE, marker="^", line="-", filled=False)

Step = Callable[[Tensor, Tensor], Tensor]  # a batch and its labels -> loss


class LargeFilters(nn.Module):
    """Images (B, C, H, W), normalised -> features (B, 128); 24 filters of 7 x 7 pixels look at the image first."""

    dim = 128

    def __init__(self, channels: int = 3):
        super().__init__()
        self.first = nn.Conv2d(channels, 24, 7, stride=2, padding=3, bias=False)
        self.norm = nn.BatchNorm2d(24)
        self.blocks = nn.Sequential(ResidualBlock(24, 64, 2), ResidualBlock(64, 128, 2))
        with torch.no_grad():
            self.first.weight.mul_(0.1)  # so faint that what is learned soon outweighs what was drawn
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # twice as fast on a CPU

    def forward(self, images: Tensor) -> Tensor:
        return self.blocks(F.relu(self.norm(self.first(images)))).mean(dim=(2, 3))


def random_twin(device: torch.device | None = None, seed: int = 0) -> ResNet8:
    """A ResNet8 that has learned nothing; with the seed of the trained ones, what they were before."""
    torch.manual_seed(seed)
    return ResNet8().to(device).eval()


def supervised(pictures: ImageSet, preset: training.Preset, device: torch.device, seed: int = 0) -> ResNet8:
    """A ResNet8 trained with all labels, or with the weights of an earlier run, of whichever notebook."""
    encoder, classifier = _new(ResNet8, len(pictures.classes), device, seed)
    run = training.Run("supervised", preset, pictures, encoder=encoder, classifier=classifier)
    if not run.load():
        _train(
            run, pictures.train, naming_classes(encoder, classifier, pictures), "supervised", seed, weight_decay=0.05
        )
    return encoder


def self_supervised(
    pictures: ImageSet, preset: training.Preset, device: torch.device, seed: int = 0
) -> tuple[str, ResNet8]:
    """A name and a ResNet8 that no label has taught.

    "SimCLR", where the notebook on contrastive learning left its weights; else "rotation": it learns by how many
    quarter turns an image was turned.
    """
    encoder, classifier = _new(ResNet8, 4, device, seed)
    if stored.load(stored.path_of("simclr", preset.name, pictures), pictures, encoder=encoder):
        return "SimCLR", encoder
    run = training.Run("units-rotation", preset, pictures, encoder=encoder, classifier=classifier)
    if not run.load():
        _train(run, pictures.train, naming_turns(encoder, classifier, pictures), "rotation", seed, weight_decay=0.05)
    return "rotation", encoder


def large_filters(
    pictures: ImageSet, preset: training.Preset, device: torch.device, *, labels: bool = True, seed: int = 0
) -> LargeFilters:
    """Trained with all labels, or with quarter turns, by plain descent, which leaves smooth filters; or loaded."""
    encoder, classifier = _new(LargeFilters, len(pictures.classes) if labels else 4, device, seed)
    name = "units-first-layer" if labels else "units-first-layer-turns"
    run = training.Run(name, preset, pictures, encoder=encoder, classifier=classifier)
    if not run.load():
        step = (naming_classes if labels else naming_turns)(encoder, classifier, pictures)
        look = "supervised" if labels else "rotation"
        _train(
            run, pictures.train, step, "first-layer", seed, look=look, lr=0.1, weight_decay=2e-3, descent=training.sgd
        )
    return encoder


def random_filters(device: torch.device | None = None, seed: int = 0) -> LargeFilters:
    """What the network with large filters was before its training."""
    torch.manual_seed(seed)
    return LargeFilters().to(device).eval()


def naming_classes(encoder: nn.Module, classifier: nn.Module, pictures: ImageSet) -> Step:
    """Cross-entropy of an image's class."""

    def step(batch: Tensor, labels: Tensor) -> Tensor:
        return F.cross_entropy(classifier(encoder(pictures.normalize(augment.flip(batch)))).float(), labels)

    return step


def naming_turns(encoder: nn.Module, classifier: nn.Module, pictures: ImageSet) -> Step:
    """Cross-entropy of how many quarter turns an image was turned, a quarter of the batch each; labels are not used."""

    def step(batch: Tensor, labels: Tensor) -> Tensor:
        parts = batch.chunk(4)
        turned = torch.cat([part.rot90(turns, dims=(2, 3)) for turns, part in enumerate(parts)])
        turns = torch.cat([torch.full((len(part),), turns) for turns, part in enumerate(parts)]).to(batch.device)
        return F.cross_entropy(classifier(encoder(pictures.normalize(turned))).float(), turns)

    return step


def _new(kind: type[ResNet8] | type[LargeFilters], classes: int, device: torch.device, seed: int) -> tuple:
    torch.manual_seed(seed)
    encoder = kind().to(device)
    return encoder, nn.Linear(encoder.dim, classes).to(device)


def _train(run: training.Run, known: Split, step: Step, name: str, seed: int, look: str = "", **recipe: object) -> None:
    """Train what a run keeps, with the steps that the preset names; NotFinished where it was stopped."""
    steps = run.preset.steps("visualizing_units", name)
    classes = run.modules["classifier"].out_features
    print(f"{run.name}: training, {steps:,} steps")
    finished = run.train(
        step,
        known.images,
        known.labels,
        steps=steps,
        batch_size=run.preset.batch_size,
        schedule=training.cosine,
        seed=seed,
        watch=plots.Live({f"log {classes}": math.log(classes)}, name=look or name, ylabel="cross-entropy"),
        **recipe,
    )
    if not finished:
        raise training.NotFinished(f"{run.name} is not finished: run this cell again, and its training goes on")
