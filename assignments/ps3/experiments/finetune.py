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
from runs import LABELLED, features_of, softmax_probe, spread
from torch import Tensor, nn

from ps3 import data, probes, stored, training
from ps3.linear_probe import networks
from ps3.networks.resnet import ResNet8

COUNTS = (1_000,)  # labels
Found = dict[str, dict[str, float]]  # "linear head" or "all weights" -> number of labels -> accuracy


class Features(nn.Module):
    """A transformer as what maps images to features (B, D)."""

    def __init__(self, encoder: Any):
        super().__init__()
        self.encoder = encoder

    def forward(self, images: Tensor) -> Tensor:
        features: Tensor = self.encoder.features(images)
        return features


def linear_head(features: probes.Features, known: data.ImageSet, seed: int) -> dict[str, float]:
    """Accuracies of the notebook's probe by number of labels."""
    judge, labels, found = softmax_probe(), known.train.labels, {}
    for count in COUNTS:
        own = data.labelled_subset(labels, count, seed)
        found[str(count)] = round(judge(features[0][own], labels[own], features[1], known.test.labels), 4)
    return found


def all_weights(encoder: nn.Module, known: data.ImageSet, steps: int, seed: int) -> dict[str, float]:
    """Accuracies of the encoder with a linear layer, trained together, by number of labels."""
    train, found = known.train, {}
    for count in COUNTS:
        own = data.labelled_subset(train.labels, count, seed)
        network = networks.finetuned(encoder, 128, known, train.images[own], train.labels[own], steps, seed)
        scores = probes.features_of(network, known, known.test.images)
        found[str(count)] = round(probes.share_right(scores, known.test.labels), 4)
    return found


def compare(encoder: nn.Module, known: data.ImageSet, steps: int, seed: int) -> Found:
    """Both ways of using one encoder."""
    return {
        "linear head": linear_head(features_of(encoder, known), known, seed),
        "all weights": all_weights(encoder, known, steps, seed),
    }


def hand_crafted(known: data.ImageSet, seed: int) -> Found:
    """There is nothing to finetune."""
    features = tuple(probes.hand_crafted(part.images) for part in (known.train, known.test))
    return {"linear head": linear_head(features, known, seed)}


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


STARTS = ("hand-crafted", "random transformer", "MAE", "random ResNet", "SimCLR")


def measure(name: str, known: data.ImageSet, preset: training.Preset, folder: Path, seed: int) -> Found:
    """One start, used in the ways in which it can be used."""
    if name == "hand-crafted":
        return hand_crafted(known, seed)
    random = name.startswith("random")
    encoder = random_encoder(name, seed) if random else learned_encoder(name, known, preset, folder)
    return compare(encoder, known, preset.steps("linear_probe", "finetune"), seed)


def report(seeds: Mapping[str, Mapping[str, Found]]) -> None:
    """Print what was found, from the lowest to the highest seed."""
    print(f"| Start | Trained | {' | '.join(f'{count:,} labels' for count in COUNTS)} | seeds |")
    print("|---" * (3 + len(COUNTS)) + "|")
    rows: dict[tuple[str, str], list[dict[str, float]]] = {}
    for found in seeds.values():
        for name, ways in found.items():
            for way, values in ways.items():
                rows.setdefault((name, way), []).append(values)
    for (name, way), every in rows.items():
        cells = [spread([values[str(count)] for values in every]) for count in COUNTS]
        print(f"| {name} | {way} | {' | '.join(cells)} | {len(every)} |")


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
