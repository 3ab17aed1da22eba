"""How far the third lesson's accuracies move: with other random weights, and a difference between two of its rows."""

import argparse
import itertools
import json
from pathlib import Path

import torch
from course import reference
from runs import LABELLED, RUNS, features_of, kept_file
from torch import Tensor

from ps3 import data, probes
from ps3.linear_probe.table import usual_l2
from ps3.networks.resnet import ResNet8


def right(features: probes.Features, known: data.ImageSet) -> Tensor:
    """Which test images the notebook's probe gets right with all labels: (N,) 0 or 1."""
    names = reference("linear_probe")
    near, far = names["standardize"](*features)
    weight, bias = names["fit_linear_probe"](near, known.train.labels, 10, usual_l2(near.shape[1]))
    return ((far @ weight.T + bias).argmax(dim=1) == known.test.labels).double()


def random_twins(known: data.ImageSet, seeds: int) -> list[float]:
    """Accuracies of the ResNet with random weights, one for each seed."""
    found = []
    for seed in range(seeds):
        torch.manual_seed(seed)
        found.append(right(features_of(ResNet8(), known), known).mean().item())
        print(f"random ResNet, seed {seed}: {found[-1]:.4f}", flush=True)
    return found


def differences(kept: Path, known: data.ImageSet) -> dict[str, float]:
    """Two standard errors of the difference between two methods' accuracies on the same test images."""
    files = [file for run in RUNS if (file := kept_file(kept, run, seed=0)).exists()]
    found = [(name, features) for file in files for name, features, _ in torch.load(file) if features]
    rows = {name: right(features, known) for name, features in found}
    pairs = itertools.combinations(rows.items(), 2)
    return {f"{a} and {b}": 2 * (x - y).std().item() / len(x) ** 0.5 for (a, x), (b, y) in pairs}


def main() -> None:
    """Print both kinds of uncertainty."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--keep", type=Path, help="features that runs.py --keep left, for the differences")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    known = data.load().with_labels(LABELLED)
    values = random_twins(known, options.seeds)
    print(f"random ResNet: {min(values):.3f} to {max(values):.3f} over {len(values)} seeds")
    if options.keep:
        print(json.dumps({pair: round(value, 4) for pair, value in differences(options.keep, known).items()}, indent=1))


if __name__ == "__main__":
    main()
