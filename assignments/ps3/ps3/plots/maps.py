"""Figures of features: a map of them in two dimensions, and who is nearest to whom."""

from collections.abc import Mapping, Sequence

import torch
from matplotlib.axes import Axes
from matplotlib.gridspec import GridSpec
from torch import Tensor

from ps3.guesses import setting
from ps3.plots.figure import BLUE, INK, ORANGE, SKY, SOFT, WIDE, Picture, blank, finish, style
from ps3.plots.grids import frame, show_image, tick
from ps3.probes import nearest, share_of_variance, two_directions

MARKERS = "o^sDvPX<>p"
SHADES = (BLUE, ORANGE, SKY, INK, SOFT)


def feature_map(
    features: Mapping[str, Tensor], labels: Tensor, classes: Sequence[str], *, title: str = "", message: str = ""
) -> Picture:
    """Named features (N, D) of the same images, each as a map: the two directions in which they vary most.

    Every class has its marker; a large one stands at the middle (median) of its images. The printed line says what the
    map leaves out: the share of the variance that it shows, and how often the nearest image is of the same class, on
    the map and in all dimensions.
    """
    texts = []
    with style():
        figure = blank(WIDE, 4.6)
        figure.suptitle(title, fontsize=11)
        for (name, found), axis in zip(
            features.items(), figure.subplots(1, len(features), squeeze=False)[0], strict=True
        ):
            found = found.detach().cpu().float()
            flat = two_directions(found)
            _cloud(axis, flat, labels, classes)
            axis.set(title=name, xlabel="first direction", ylabel="second direction", xticks=[], yticks=[])
            axis.grid(False)
            texts.append(f"{name}: {_left_out(found, flat, labels)}")
        figure.legend(*axis.get_legend_handles_labels(), loc="outside lower center", ncols=5, markerscale=0.7)
    return finish(figure, message or "; ".join(texts))


def _cloud(axis: Axes, flat: Tensor, labels: Tensor, classes: Sequence[str]) -> None:
    for label, name in enumerate(classes):
        own = flat[labels == label]
        if not len(own):
            continue
        colour = SHADES[label % len(SHADES)]
        axis.plot(*own.T.tolist(), MARKERS[label % len(MARKERS)], color=colour, ms=4, mew=0, alpha=0.45, ls="none")
        middle = own.median(dim=0).values.reshape(2, 1).tolist()
        axis.plot(
            *middle,
            MARKERS[label % len(MARKERS)],
            color=colour,
            ms=12,
            mec="white",
            mew=1.5,
            ls="none",
            zorder=4,
            label=name,
        )


def _left_out(features: Tensor, flat: Tensor, labels: Tensor) -> str:
    return (
        f"the map shows {share_of_variance(features):.0%} of the variance; the nearest image is of the same class for"
        f" {_agree(flat, labels):.0%} on the map, {_agree(features, labels):.0%} in all dimensions"
    )


def _agree(features: Tensor, labels: Tensor) -> float:
    """How often the nearest other image is of the same class (Euclidean distance)."""
    distances = torch.cdist(features.double(), features.double())
    distances.fill_diagonal_(torch.inf)
    return (labels[distances.argmin(dim=1)] == labels).double().mean().item()


def neighbours(
    query: int,
    spaces: Mapping[str, Tensor],
    images: Tensor,
    labels: Tensor,
    classes: Sequence[str],
    *,
    k: int = 7,
    message: str = "",
) -> Picture:
    """The k images nearest to one of `images` (N, C, H, W), one row for each named set of features (N, D).

    The query stands first, framed and apart, and is never its own neighbour. A neighbour of its class is ticked.
    """
    query = setting(query, 0, 0, len(images) - 1, called="query")
    found = {name: _others(features, query, k) for name, features in spaces.items()}
    names = [classes[label] for label in labels.tolist()]
    with style():
        figure = blank(WIDE, 0.2 + 0.95 * len(found))
        grid = GridSpec(len(found), k + 2, figure, width_ratios=[1, 0.35, *[1] * k])
        for r, (name, others) in enumerate(found.items()):
            first = figure.add_subplot(grid[r, 0])
            _shown(first, images[query], names[query])
            frame(first, images.shape[1:])
            first.text(-0.12, 0.5, name, transform=first.transAxes, ha="right", va="center")
            for c, other in enumerate(others):
                axis = figure.add_subplot(grid[r, 2 + c])
                _shown(axis, images[other], names[other])
                if labels[other] == labels[query]:
                    tick(axis, images.shape[1:])
    right = {name: int((labels[others] == labels[query]).sum()) for name, others in found.items()}
    text = f"query {query}, {names[query]}; neighbours of its class, of {k}: "
    return finish(figure, message or text + ", ".join(f"{name} {count}" for name, count in right.items()))


def _shown(axis: Axes, image: Tensor, name: str) -> None:
    axis.axis("off")
    show_image(axis, image, None)
    axis.set_title(name, fontsize=9, pad=2)


def _others(features: Tensor, query: int, k: int) -> list[int]:
    features = features.detach().cpu().float()
    best = nearest(features[query : query + 1], features, k + 1)[0].tolist()
    return [n for n in best if n != query][:k]
