"""Draw docs/pictures/lecture.png: every method of the lecture by what a linear probe reads from its features.

Reads what runs.py measured. A dot is the mean over the seeds, its bar goes from the lowest to the highest seed.
"""

import argparse
import importlib
import json
import pkgutil
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from course import HERE
from matplotlib.axes import Axes
from runs import LABEL_COUNTS

import ps3
from ps3.plots.figure import INK, Method, blank, method, spread, style

PICTURE = HERE.parents[2] / "docs" / "pictures" / "lecture.png"
GAP = 0.021  # between labels, in accuracy
CHANCE = 0.1

Rows = Mapping[str, Mapping[str, Any]]


def curves(results: Mapping[str, Any], names: Sequence[str]) -> dict[str, list[list[float]]]:
    """For each method that was measured: at each number of labels, its accuracy for every seed."""
    seeds: list[Rows] = [{n: r for run in runs.values() for n, r in run.items()} for runs in results["seeds"].values()]
    found = {}
    for name in names:
        rows = [rows[name]["probe"] for rows in seeds if "probe" in rows.get(name, {})]
        if rows and all(str(count) in rows[0] for count in LABEL_COUNTS):
            found[name] = [[statistics.mean(row[str(count)]) for row in rows] for count in LABEL_COUNTS]
    return found


def draw(found: Mapping[str, list[list[float]]], path: Path) -> None:
    """One line a method, named at its end; the best stands on top."""
    with style():
        figure = blank(8, 5.2)
        axis = figure.subplots()
        for number, (name, points) in enumerate(found.items()):
            _line(axis, points, method(name, number))
        axis.axhline(CHANCE, color=INK, linewidth=0.8, linestyle=":")
        axis.annotate("chance", (LABEL_COUNTS[0], CHANCE), xytext=(0, 3), textcoords="offset points")
        axis.set_xscale("log")
        axis.set_xticks(LABEL_COUNTS, [f"{count:,}" for count in LABEL_COUNTS])
        axis.set(
            xlabel="labels that the probe gets (log scale)", ylabel="accuracy of a linear probe", ylim=(0.08, 0.78)
        )
        axis.set_title("What each method's features say about the class", loc="left")
        _names(axis, found)
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=160)


def _line(axis: Axes, points: Sequence[Sequence[float]], look: Method) -> None:
    middle = [statistics.mean(point) for point in points]
    bars = [
        [mean - min(point) for mean, point in zip(middle, points, strict=True)],
        [max(point) - mean for mean, point in zip(middle, points, strict=True)],
    ]
    axis.errorbar(LABEL_COUNTS, middle, bars, color=look.colour, linestyle=look.line, capsize=2, **look.marks)


def _names(axis: Axes, found: Mapping[str, list[list[float]]]) -> None:
    """Right of the axis, apart from each other, each joined to its line's end."""
    ends = {name: statistics.mean(points[-1]) for name, points in found.items()}
    for number, ((name, end), place) in enumerate(zip(ends.items(), spread(list(ends.values()), GAP), strict=True)):
        look = method(name, number)
        arrow = {"arrowstyle": "-", "color": look.colour, "linewidth": 0.8, "relpos": (0, 0.5)}
        axis.annotate(
            f"{name} ({end:.2f})".replace("0.", "."), (LABEL_COUNTS[-1], end), (1.05, place), va="center", color=INK,
            textcoords=axis.get_yaxis_transform(), annotation_clip=False, arrowprops=arrow, fontsize=9.5,
        )  # fmt: skip


SHOWN = (
    "supervised", "hand-crafted", "MAE", "SimCLR", "MoCo", "colourisation", "denoising AE", "autoencoder",
    "context prediction", "CLIP", "random transformer", "random ResNet", "random trunk", "pixels",
)  # fmt: skip


def import_lessons() -> None:
    """Import every lesson: each registers how its methods are drawn."""
    for module in pkgutil.walk_packages(ps3.__path__, "ps3."):
        importlib.import_module(module.name)


def main() -> None:
    """Draw what is there, and say what is not."""
    import_lessons()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, default=HERE / "results-small.json")
    parser.add_argument("--out", type=Path, default=PICTURE)
    options = parser.parse_args()
    found = curves(json.loads(options.results.read_text(encoding="utf-8")), SHOWN)
    draw(found, options.out)
    missing = ", ".join(name for name in SHOWN if name not in found)
    print(f"{options.out}: {len(found)} methods" + (f"; not measured: {missing}" if missing else ""))


if __name__ == "__main__":
    main()
