"""What an encoder's features are worth, and a file of them for whoever judges them again."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ps3 import probes, stored
from ps3.data import ImageSet


def by_level(encoders: Mapping[str, Any], known: ImageSet) -> dict[str, probes.Features]:
    """What enters the first block (after its LayerNorm), what leaves each, and `encoder.features`: (levels, N, D).

    For each named encoder two such tensors, of the labelled training images and of the test images. A line is printed
    before each, since it takes a while.
    """
    found = {}
    for name, encoder in encoders.items():
        print(f"{name}: features of {len(known.train) + len(known.test):,} images")
        found[name] = _levels(encoder, known)
    return found


def _levels(encoder: Any, known: ImageSet) -> probes.Features:
    train, test = (
        torch.stack(probes.block_features(encoder.features, known, part.images)) for part in (known.train, known.test)
    )
    return train, test


def accuracy(features: probes.Features, known: ImageSet) -> float:
    """Test accuracy of ridge regression on features (N, D) of the labelled training images and of the test images."""
    train, test = features
    return probes.ridge_accuracy(train, known.train.labels, test, known.test.labels)


def save(path: str | Path, found: Mapping[str, probes.Features], record: stored.Record) -> None:
    """Write what `by_level` found to one file, name -> features, as float16: "NAME/train" and "NAME/test".

    record: of the training that made the encoder.
    """
    tensors: dict[str, Tensor] = {}
    for name, (train, test) in found.items():
        tensors |= {f"{name}/train": train.half(), f"{name}/test": test.half()}
    stored.save_tensors(path, tensors, record)
