"""Fetch STL-10 (96 by 96 pixels: 5,000 training, 8,000 test, 100,000 unlabelled images; Coates, Ng and Lee 2011)."""

import sys
import tarfile
from pathlib import Path
from typing import IO

import numpy as np
from fetching import FetchError, Set, fetch, open_member
from sets import channel_statistics

CLASSES = ("airplane", "bird", "car", "cat", "deer", "dog", "horse", "monkey", "ship", "truck")
SIZE = 96
IMAGES = {"train_X.bin": "train", "test_X.bin": "test", "unlabeled_X.bin": "unlabelled"}
LABELS = {"train_y.bin": "train", "test_y.bin": "test"}
AT_ONCE = 1000


def convert(archive: Path, folder: Path, counts: dict[str, int]) -> dict[str, object]:
    """Write images and labels from the archive into `folder`, a thousand images at a time."""
    found = set()
    with tarfile.open(archive, "r:gz") as tar:
        for member in tar:
            name = Path(member.name).name
            if name in IMAGES:
                write_images(open_member(tar, member), folder / f"{IMAGES[name]}_images.npy", counts[IMAGES[name]])
            elif name in LABELS:
                labels = np.frombuffer(open_member(tar, member).read(), dtype=np.uint8).astype(np.int64) - 1
                np.save(folder / f"{LABELS[name]}_labels.npy", labels)
            else:
                continue
            found.add(name)
    if missing := sorted((IMAGES | LABELS).keys() - found):
        raise FetchError(f"{archive} holds no {missing[0]}")
    mean, std = channel_statistics(np.load(folder / "train_images.npy", mmap_mode="r"))
    return {"classes": CLASSES, "image_size": SIZE, "mean": mean, "std": std}


def write_images(stream: IO[bytes], path: Path, count: int) -> None:
    """Copy `count` images from the binary form, which stores each channel column by column."""
    out = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=(count, 3, SIZE, SIZE))
    for start in range(0, count, AT_ONCE):
        some = min(AT_ONCE, count - start)
        content = stream.read(some * 3 * SIZE * SIZE)
        if len(content) != some * 3 * SIZE * SIZE:
            raise FetchError(f"{path.stem} ends early: fewer than {count} images")
        columns_first = np.frombuffer(content, dtype=np.uint8).reshape(some, 3, SIZE, SIZE)
        out[start : start + some] = columns_first.transpose(0, 1, 3, 2)
    if stream.read(1):
        raise FetchError(f"{path.stem} holds more than {count} images")
    out.flush()


STL10 = Set("stl10", "STL-10", convert)

if __name__ == "__main__":
    sys.exit(fetch(STL10))
