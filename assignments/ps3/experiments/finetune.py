"""A linear head on frozen features against all weights free to move, over several seeds: what the third lesson shows.

Hand-crafted features can only have the head; a random encoder with all weights free is a network trained from scratch.
Both see the same labels, and every network makes the same number of steps. The learned encoders are those that the
first two notebooks left in their folder weights/; a seed decides the labels, the random weights and the batches.
"""

import argparse
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from course import ASSIGNMENT, HERE, reference
from runs import LABELLED, softmax_probe, spread
from torch import Tensor, nn

from ps3 import data, probes, stored, training
from ps3.linear_probe import networks
from ps3.networks.resnet import ResNet8

LABELS = 1_000
STARTS = ("hand-crafted", "random transformer", "MAE", "random ResNet", "SimCLR")
Found = dict[str, float]  # "linear head" or "all weights" -> accuracy


class Features(nn.Module):
    """A transformer as what maps images to features (B, D)."""

    def __init__(self, encoder: Any):
        super().__init__()
        self.encoder = encoder

    def forward(self, images: Tensor) -> Tensor:
        features: Tensor = self.encoder.features(images)
        return features


def linear_head(near: Tensor, far: Tensor, labels: Tensor, known: data.ImageSet) -> float:
    """Accuracy of the notebook's probe on features of the labelled and of the test images."""
    return round(softmax_probe()(near, labels, far, known.test.labels), 4)


def all_weights(
    encoder: nn.Module, images: Tensor, labels: Tensor, known: data.ImageSet, steps: int, seed: int
) -> float:
    """Accuracy of the encoder with a linear layer, trained together."""
    precision = None if isinstance(encoder, Features) else "float32"  # transformers gain from bfloat16 on most machines
    network = networks.finetuned(encoder, 128, known, images, labels, steps, seed, precision)
    return round(probes.share_right(probes.features_of(network, known, known.test.images), known.test.labels), 4)


def random_encoder(name: str, seed: int) -> nn.Module:
    """A new encoder of that name's architecture, images -> features (B, 128)."""
    torch.manual_seed(seed)
    return (
        ResNet8() if name in ("random ResNet", "SimCLR") else Features(reference("masked_autoencoder")["MAEEncoder"]())
    )


def learned_encoder(name: str, known: data.ImageSet, preset: training.Preset, folder: Path) -> nn.Module:
    """What a notebook left. SystemExit where it is not there."""
    encoder, path = random_encoder(name, 0), stored.path_of(name.lower(), preset.name, known, folder)
    if not stored.load(path, known, encoder=getattr(encoder, "encoder", encoder)):
        raise SystemExit(f"no {path}: run the first two notebooks, or name their folder with --weights")
    return encoder


def measure(name: str, known: data.ImageSet, preset: training.Preset, folder: Path, seed: int) -> Found:
    """One start, used in the ways in which it can be used; the seed decides which images have labels."""
    own = data.labelled_subset(known.train.labels, LABELS, seed)
    images, labels = known.train.images[own], known.train.labels[own]
    if name == "hand-crafted":
        near, far = (probes.hand_crafted(part) for part in (images, known.test.images))
        return {"linear head": linear_head(near, far, labels, known)}
    random = name.startswith("random")
    encoder = random_encoder(name, seed) if random else learned_encoder(name, known, preset, folder)
    near, far = (probes.features_of(encoder, known, part) for part in (images, known.test.images))
    steps = preset.steps("linear_probe", "finetune")
    return {
        "linear head": linear_head(near, far, labels, known),
        "all weights": all_weights(encoder, images, labels, known, steps, seed),
    }


def report(seeds: Mapping[str, Mapping[str, Found]]) -> None:
    """Print what was found, from the lowest to the highest seed."""
    print(f"| Start | Trained | {LABELS:,} labels | seeds |\n|---|---|---|---|")
    rows: dict[tuple[str, str], list[float]] = {}
    for found in seeds.values():
        for name, ways in found.items():
            for way, value in ways.items():
                rows.setdefault((name, way), []).append(value)
    for (name, way), values in rows.items():
        print(f"| {name} | {way} | {spread(values)} | {len(values)} |")


def main() -> None:
    """Measure what is not yet in the file of results, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", default="small", choices=list(training.PRESETS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--weights", type=Path, default=ASSIGNMENT.release / "weights", help="(%(default)s)")
    parser.add_argument("--only", nargs="+", choices=STARTS, default=STARTS)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, default=HERE / "results-finetune.json")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    training.ALL_THREADS = options.threads
    preset, known = training.preset(options.preset), data.load().with_labels(LABELLED)
    found = json.loads(options.out.read_text()) if options.out.exists() else {}
    for seed in options.seeds:
        for name in options.only:
            done = found.setdefault(str(seed), {})
            if name in done:
                continue
            print(f"--- {name}, seed {seed}", flush=True)
            done[name] = measure(name, known, preset, options.weights, seed)
            part = options.out.with_suffix(".part")
            part.write_text(json.dumps(found, indent=1) + "\n")
            os.replace(part, options.out)
    report(found)


if __name__ == "__main__":
    main()
