"""How selective units are, layer by layer, with and without labels and training; how smooth first filters become."""

import contextlib
import tempfile
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from course import reference
from torch import nn

from ps3 import data, probes, stored, training
from ps3.visualizing_units import figures, networks, parts

TOP = 16
LAST = "blocks.2"

Row = dict[str, Any]


def run(
    pictures: data.ImageSet, preset: training.Preset, seed: int
) -> Iterator[tuple[str, probes.Features | None, Row]]:
    """Rows "units, ..." with the mean share of the commonest class by layer, and "first layer" with its smoothness."""
    everything, device = data.load(pictures.name), torch.device("cpu")
    twin = networks.random_twin(device, seed)
    yield "units, random ResNet", None, {"measured": selectivity(twin, pictures)}
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        supervised = networks.supervised(everything, preset, device, seed)
        yield "units, supervised", None, _kept("supervised", preset, pictures) | _measured(supervised, pictures)
        _, turned = networks.self_supervised(everything, preset, device, seed)
        yield "units, rotation", None, _kept("units-rotation", preset, pictures) | _measured(turned, pictures)
        filters: dict[str, nn.Module] = {"random": networks.random_filters(device, seed)}
        for name, labels in (("supervised", True), ("rotation", False)):
            filters[name] = networks.large_filters(everything, preset, device, labels=labels, seed=seed)
        about = _kept("units-first-layer", preset, pictures)
    smooth = {name: round(figures.smoothness(figures.first_weight(net)), 3) for name, net in filters.items()}
    yield "first layer", None, about | {"measured": smooth}


def selectivity(network: nn.Module, pictures: data.ImageSet) -> dict[str, float]:
    """Of each layer, the mean share of the commonest class among the TOP test images that excite a unit most."""
    names, labels = reference("visualizing_units"), pictures.test.labels
    inputs = pictures.normalize(pictures.test.images)
    found = {}
    for layer in parts.LAYERS:
        peaks = names["activations"](network, layer, inputs).amax(dim=(2, 3))
        shares = [names["class_share"](unit, labels, TOP)[0] for unit in peaks.T]
        found[layer] = round(sum(shares) / len(shares), 4)
    return found


def _measured(network: nn.Module, pictures: data.ImageSet) -> Row:
    return {"measured": selectivity(network, pictures)}


def _kept(name: str, preset: training.Preset, pictures: data.ImageSet) -> Row:
    """Steps and last loss of a training that was finished here."""
    found = stored.read(stored.path_of(name, preset.name, pictures))
    return {"steps": found.record.steps, "loss": round(found.record.loss, 4)} if found else {}


def _share(rows: Mapping[str, Row], method: str, layer: str = LAST) -> float:
    return float(rows[f"units, {method}"]["measured"][layer])


def _smooth(rows: Mapping[str, Row]) -> float:
    """By how much the trained filters that are less smooth exceed random ones."""
    measured = rows["first layer"]["measured"]
    return float(min(measured["supervised"], measured["rotation"]) - measured["random"])


DEMANDS: tuple[tuple[str, Callable[[Mapping[str, Row]], float], float], ...] = (
    ("units: supervised, mean share of the commonest class, last block", lambda rows: _share(rows, "supervised"), 0.55),
    ("units: how far the random twin stays below .40", lambda rows: 0.40 - _share(rows, "random ResNet"), 0.0),
    (
        "units: supervised over its random twin, last block",
        lambda rows: _share(rows, "supervised") - _share(rows, "random ResNet"),
        0.30,
    ),
    (
        "units: rotation over its random twin, last block",
        lambda rows: _share(rows, "rotation") - _share(rows, "random ResNet"),
        0.05,
    ),
    (
        "units: supervised, last block over the one before",
        lambda rows: _share(rows, "supervised") - _share(rows, "supervised", "blocks.1"),
        0.20,
    ),
    ("first layer: neighbouring pixels of trained filters more alike than of random ones", _smooth, 0.70),
)
