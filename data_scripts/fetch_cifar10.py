"""Fetch the whole of CIFAR-10 (60,000 images of 32 by 32 pixels, ten classes; Krizhevsky 2009)."""

import io
import pickle
import sys
import tarfile
from pathlib import Path

import numpy as np
from fetching import FetchError, Set, fetch, open_member
from sets import channel_statistics

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
BATCHES = {"train": [f"data_batch_{i}" for i in range(1, 6)], "test": ["test_batch"]}


class PlainUnpickler(pickle.Unpickler):
    """Reads what CIFAR-10's batches hold (dicts, lists, arrays of numbers) and refuses everything else."""

    def find_class(self, module: str, name: str) -> object:
        allowed = {"_reconstruct": np.empty(0).__reduce__()[0], "ndarray": np.ndarray, "dtype": np.dtype}
        if module.startswith("numpy") and name in allowed:
            return allowed[name]
        if (module, name) == ("_codecs", "encode"):
            return super().find_class(module, name)
        raise FetchError(f"a CIFAR-10 batch does not hold {module}.{name}: refused")


def convert(archive: Path, folder: Path, counts: dict[str, int]) -> dict[str, object]:
    """Write train and test images and labels from the archive into `folder`."""
    batches = {}
    with tarfile.open(archive, "r:gz") as tar:
        for member in tar:
            if member.isfile() and Path(member.name).name in sum(BATCHES.values(), []):
                content = io.BytesIO(open_member(tar, member).read())
                batches[Path(member.name).name] = PlainUnpickler(content, encoding="bytes").load()
    for split, names in BATCHES.items():
        if missing := [name for name in names if name not in batches]:
            raise FetchError(f"{archive} holds no {missing[0]}")
        images = np.concatenate([batches[name][b"data"] for name in names]).reshape(-1, 3, 32, 32)
        labels = np.concatenate([batches[name][b"labels"] for name in names]).astype(np.int64)
        if len(images) != counts[split] or len(labels) != counts[split]:
            raise FetchError(f"{archive} holds {len(images)} {split} images, expected {counts[split]}")
        np.save(folder / f"{split}_images.npy", images)
        np.save(folder / f"{split}_labels.npy", labels)
        if split == "train":
            mean, std = channel_statistics(images)
    return {"classes": CLASSES, "image_size": 32, "mean": mean, "std": std}


CIFAR10 = Set("cifar10", "CIFAR-10", convert)

if __name__ == "__main__":
    sys.exit(fetch(CIFAR10))
