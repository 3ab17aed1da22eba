"""The puzzle and the figures of the lesson on units."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from matplotlib.axes import Axes
from matplotlib.gridspec import GridSpec
from matplotlib.patches import Rectangle
from torch import Tensor, nn
from torch.nn import functional as F

from ps3 import guesses, plots
from ps3.data import ImageSet
from ps3.plots.figure import BLUE, INK, ORANGE, SOFT, WIDE, Picture, blank, finish, guess_text, method, style
from ps3.plots.grids import show_image, tick
from ps3.visualizing_units import parts

Box = Callable[[list[tuple[int, int, int]], int, int], Sequence[int]]

# --- the opening puzzle -----------------------------------------------------------------------------------------------

# Test images, of the first 2,000, that excite two units of the last block most: unit 24 of the random twin, and unit 89
# of a supervised network of the course's (seed 0).
PUZZLE: dict[str, tuple[int, ...]] = {
    "A": (1613, 959, 1155, 1970, 92, 941, 114, 1861, 1732, 1301, 1677, 1467, 1747, 1321, 1098, 1701),
    "B": (1849, 1073, 1119, 60, 934, 858, 628, 1842, 1647, 620, 1198, 1537, 1426, 662, 1535, 48),
}
TRAINED = "B"


def puzzle(pictures: ImageSet) -> Picture:
    """Sixteen images for each of two units, in two rows of eight."""
    rows = [pictures.test.images[list(images[at : at + 8])] for images in PUZZLE.values() for at in (0, 8)]
    titles = [text for letter in PUZZLE for text in (f"unit {letter}", "")]
    return plots.images(rows, titles, message="two units, A and B; for each the sixteen images that excite it most")


def reveal(pictures: ImageSet, trained: object, share: object) -> Picture:
    """The same with the most frequent class of each unit ticked, and the guesses."""
    rows, ticked, texts = [], [], []
    for letter, images in PUZZLE.items():
        labels = pictures.test.labels[list(images)]
        label = int(labels.mode().values)
        hits = labels == label
        for at in (0, 8):
            rows.append(pictures.test.images[list(images[at : at + 8])])
            ticked.append(hits[at : at + 8].tolist())
        texts.append(f"unit {letter}: {pictures.classes[label]}, {int(hits.sum())} of 16 = {hits.float().mean():.2f}")
    made = guesses.one_of(trained, list(PUZZLE), called="guess_trained")
    number = guesses.number(share, 0, 1, called="guess_share_of_B")
    message = f"{'; '.join(texts)}. Trained: {TRAINED}, {guess_text(made)}; share of B, {guess_text(number)}"
    titles = [text for letter in PUZZLE for text in (f"unit {letter}", "")]
    return plots.images(rows, titles, ticked=ticked, message=message)


def architecture() -> Picture:
    """The ResNet, the names of its parts, and the maps that they put out."""
    Stage = plots.Stage
    return plots.architecture(
        [
            Stage("images", "3 × 32 × 32"),
            Stage("stem", "16 maps of 16 × 16", "trained", note="3 × 3 convolution, pool"),
            Stage("blocks.0", "32 maps of 16 × 16", "trained", note="two 3 × 3 convolutions"),
            Stage("blocks.1", "64 maps of 8 × 8", "trained", note="two more, the first with stride 2"),
            Stage("blocks.2", "128 maps of 4 × 4", "trained", note="the same once more"),
            Stage("mean over places", "128 features", "fixed"),
            Stage("linear layer", "scores", "thrown away"),
            Stage("cross-entropy", kind="loss"),
        ],
        title="Where we put the electrode: names, and what comes out",
    )


# --- figures of the exercises -----------------------------------------------------------------------------------------


def contours(images: Tensor, maps: Tensor) -> Picture:
    """Images (N, 1, H, W), below them what a part of `Contours` is said to put out: grey is 0, white 1, black -1."""
    shades = 0.5 + maps.detach().float().cpu() / 2
    channels = shades.unbind(dim=1) if shades.ndim == 4 else ()
    rows = [images, *(channel.unsqueeze(1) for channel in channels[:2])]
    names = ["image", "channel 0", "channel 1"][: len(rows)]
    low, high = maps.min().item(), maps.max().item()
    return plots.images(rows, names, message=f"{len(maps)} maps of {len(images)} images, from {low:.2g} to {high:.2g}")


def before_and_after(activations: Callable[..., Tensor], layer: str = "bright") -> Picture:
    """Training flags and hooks of `Contours` before a look into it, after it, and after one that failed half-way."""
    network, images = parts.Contours(), parts.moving_squares()
    states = {"before": network.state()}
    activations(network, layer, images, 3)
    states["after"] = network.state()
    images[5] = torch.nan
    try:
        activations(network, layer, images, 3)
    except RuntimeError:
        states["after a failure"] = network.state()
    else:
        states["no failure"] = network.state()
    table = torch.tensor([list(state.values()) for state in states.values()])
    moved = [(row, column) for row, column in (table != table[0]).nonzero().tolist()]
    names = list(states["before"])
    text = ", ".join(f"{names[column]} {list(states)[row]}" for row, column in moved) or "nothing"
    title = "Is it training (1)? How many hooks listen?"
    return plots.matrix(table, list(states), names, outline=moved, title=title, message=f"changed: {text}")


CHAIN, CHAIN_SIZE = [(3, 1, 1), (2, 2, 0), (3, 2, 1)], (16, 24)
UNITS = ((1, 3), (0, 0), (3, 5))


def fields(receptive_field: Box) -> Picture:
    """Three units of a chain of three layers: the pixels that move them, as dots, and the box said to hold them."""
    texts = []
    with style():
        figure = blank(WIDE, 2.5)
        for axis, (row, column) in zip(figure.subplots(1, 3), UNITS, strict=True):
            seen = _pixels_that_move(row, column)
            top, left, bottom, right = (float(side) for side in receptive_field(list(CHAIN), row, column))
            axis.add_patch(Rectangle((0, 0), CHAIN_SIZE[1], CHAIN_SIZE[0], facecolor="#EFEFEF", edgecolor=SOFT))
            axis.plot(seen[:, 1] + 0.5, seen[:, 0] + 0.5, ".", color=BLUE, ms=4, mew=0, ls="none")
            axis.add_patch(
                Rectangle((left, top), right - left, bottom - top, fill=False, edgecolor=ORANGE, linewidth=2)
            )
            axis.set(xlim=(-7, 31), ylim=(22, -7), aspect="equal", title=f"unit ({row}, {column})")
            axis.grid(False)
            inside = ((seen >= torch.tensor([top, left])) & (seen < torch.tensor([bottom, right]))).all(dim=1).sum()
            size = f"{bottom - top:.0f} × {right - left:.0f}"
            texts.append(f"unit ({row}, {column}): {int(inside)} of {len(seen)} dots in a box of {size}")
    return finish(figure, "; ".join(texts))


def _pixels_that_move(row: int, column: int) -> Tensor:
    """Pixels (count, 2) of an image of CHAIN_SIZE that move one unit when they change: where its slope is not 0."""
    image = torch.ones(1, 1, *CHAIN_SIZE, requires_grad=True)
    x: Tensor = image
    for kernel, stride, padding in CHAIN:
        x = F.conv2d(x, torch.ones(1, 1, kernel, kernel), stride=stride, padding=padding)
    (slope,) = torch.autograd.grad(x[0, 0, row, column], image)
    return slope[0, 0].nonzero()


def ranking(strongest: Callable[[Tensor, int], Sequence[Tensor]], k: int = 4) -> Picture:
    """Six made-up maps (above), and the k strongest (below) in the order found, the place that is named in a ring."""
    maps = parts.maps_to_rank()
    images, rows, columns = (part.tolist() for part in strongest(maps.clone(), k))
    texts = []
    with style():
        figure = blank(WIDE, 2.4)
        axes = figure.subplots(2, len(maps))
        for n, axis in enumerate(axes[0]):
            _map(axis, maps[n], f"map {n}")
        for axis in axes[1]:
            axis.axis("off")
        for place, (image, row, column) in enumerate(zip(images, rows, columns, strict=True)):
            if place < len(maps):
                _map(axes[1, place], maps[int(image)], f"{place + 1}: map {image:g}")
                axes[1, place].plot(column, row, "o", mfc="none", mec=ORANGE, mew=2, ms=13, ls="none", clip_on=False)
            texts.append(f"map {image:g} at row {row:g}, column {column:g}")
    return finish(figure, f"yours, from the strongest on: {'; '.join(texts)}")


def _map(axis: Axes, values: Tensor, title: str) -> None:
    axis.axis("off")
    axis.imshow(values.numpy(), vmin=-1, vmax=1)
    axis.grid(False)
    axis.set_title(title, fontsize=9, pad=2)


COLOURS = ("red", "green", "blue")


def colours(patches: Sequence[Tensor]) -> Picture:
    """For a unit that likes red, one for green and one for blue: eight patches (8, 3, side, side), 0 to 1."""
    rows = [cut[:8] for cut in patches]
    right = [int((cut.mean(dim=(2, 3)).argmax(dim=1) == n).sum()) for n, cut in enumerate(rows)]
    text = ", ".join(f"{name} {count} of {len(cut)}" for name, count, cut in zip(COLOURS, right, rows, strict=True))
    titles = [f"likes {name}" for name in COLOURS]
    return plots.images(rows, titles, message=f"patches that have most of the unit's colour: {text}")


# --- first filters ----------------------------------------------------------------------------------------------------


def filters(named: Mapping[str, Tensor], guess: object = None) -> Picture:
    """Filters (24, 3, h, w) of some first layers as images, grey is 0; the same order, each on its own scale."""
    rows, titles, texts = [], [], []
    for name, weight in named.items():
        weight = weight.detach().float().cpu()
        shown = 0.5 + weight / (2 * weight.abs().amax(dim=(1, 2, 3), keepdim=True))
        rows += [shown[:12], shown[12:24]]
        titles += [name, ""]
        texts.append(f"{name} {smoothness(weight):.2f}")
    made = guesses.number(guess, -1, 1, called="guess_alike")
    text = f"how alike neighbouring pixels of a filter are: {', '.join(texts)}; {guess_text(made)}"
    return plots.images(rows, titles, message=text)


def smoothness(weight: Tensor) -> float:
    """Correlation of neighbouring values of filters (N, C, h, w), across and down: 0 for noise, at most 1."""
    w = weight - weight.mean(dim=(2, 3), keepdim=True)
    pairs = ((w[..., 1:], w[..., :-1]), (w[..., 1:, :], w[..., :-1, :]))
    return sum(((a * b).sum() / (a.square().sum() * b.square().sum()).sqrt()).item() for a, b in pairs) / 2


# --- top images and patches -------------------------------------------------------------------------------------------


def beside_each_other(
    found: Mapping[str, Sequence[tuple[int, Tensor]]], pictures: ImageSet, label_of: Callable[[Tensor], int]
) -> Picture:
    """For two networks, units with their sixteen images: name -> [(unit, images (16,)), ...]; as many for each.

    Images of the class that label_of names are ticked.
    """
    texts, count = [], max(map(len, found.values()))
    with style():
        figure = blank(WIDE, 1.18 * count + 0.2)
        figure.set_layout_engine("constrained", w_pad=0.01, h_pad=0.01, wspace=0, hspace=0)
        grid = GridSpec(
            3 * count, 17, figure, width_ratios=[1] * 8 + [0.6] + [1] * 8, height_ratios=[0.45, 1, 1] * count
        )
        for side, (name, units) in enumerate(found.items()):
            for r, (unit, images) in enumerate(units):
                labels = pictures.test.labels[images]
                label = label_of(images)
                hits = labels == label
                text = f"{name}, unit {unit}: {pictures.classes[label]}, {int(hits.sum())} of {len(images)}"
                _heading(figure, grid[3 * r, 9 * side : 9 * side + 8], text)
                texts.append(text)
                for n, (image, hit) in enumerate(zip(images.tolist(), hits.tolist(), strict=True)):
                    axis = figure.add_subplot(grid[3 * r + 1 + n // 8, 9 * side + n % 8])
                    axis.axis("off")
                    show_image(axis, pictures.test.images[image], None)
                    if hit:
                        tick(axis, pictures.test.images.shape[1:])
    return finish(figure, "; ".join(texts))


def _heading(figure: Picture, place: Any, text: str) -> None:
    axis = figure.add_subplot(place)
    axis.axis("off")
    axis.text(0, 0.1, text, ha="left", va="bottom", fontsize=9.5)


def layer_by_layer(rows: Mapping[str, Sequence[Tensor]], sizes: Mapping[str, int]) -> Picture:
    """Patches by layer: name of the layer -> for each unit shown, (8, C, side, side); two units beside each other."""
    with style():
        figure = blank(WIDE, 0.5 * sum(len(units) for units in rows.values()) / 2 + 0.25 * len(rows))
        figure.set_layout_engine("constrained", w_pad=0.01, h_pad=0.01, wspace=0, hspace=0)
        heights = [height for units in rows.values() for height in [0.45] + [1] * (len(units) // 2)]
        grid = GridSpec(len(heights), 17, figure, width_ratios=[1] * 8 + [0.6] + [1] * 8, height_ratios=heights)
        line = 0
        for name, units in rows.items():
            size = sizes[name]
            _heading(figure, grid[line, :], f"{name}: a unit sees {size} × {size} pixels")
            line += 1
            for n, cut in enumerate(units):
                for c, image in enumerate(cut):
                    axis = figure.add_subplot(grid[line + n // 2, 9 * (n % 2) + c])
                    axis.axis("off")
                    show_image(axis, image, None)
            line += len(units) // 2
    text = ", ".join(f"{name} {size} × {size}" for name, size in sizes.items())
    return finish(figure, f"eight patches for each unit, grey outside the image; a unit sees {text} pixels")


# --- selectivity ------------------------------------------------------------------------------------------------------


def sorted_shares(shares: Mapping[str, Tensor], chance: float) -> Picture:
    """Shares of all units of some networks, each sorted from its most selective unit on, over their rank."""
    with style():
        figure = blank(7.0, 3.4)
        axis = figure.subplots()
        for number, (name, values) in enumerate(shares.items()):
            look = method(name, number)
            ranks = range(1, len(values) + 1)
            axis.plot(ranks, values.sort(descending=True).values, color=look.colour, linestyle=look.line,
                      markevery=16, label=name, **look.marks)  # fmt: skip
        axis.axhline(chance, color=SOFT, linestyle="--", linewidth=1.2)
        axis.annotate(f"sixteen drawn at random: {chance:.2f}", (1, chance), (0, -12), textcoords="offset points",
                      color=SOFT, fontsize=9)  # fmt: skip
        axis.set(xlabel="rank of the unit", ylabel="share of its commonest class", ylim=(0, 1.03))
        axis.set_title("How selective are the units of the last block?")
        axis.legend(loc="upper right")
    texts = [f"{name}: best {v.max():.2f}, middle {v.median():.2f}" for name, v in shares.items()]
    return finish(figure, "; ".join(texts) + f"; by chance {chance:.2f}")


def selectivity_by_layer(
    found: Mapping[str, Sequence[Tensor]], layers: Sequence[str], chance: float, guess: object = None
) -> Picture:
    """Mean share by layer for some networks; bars: two standard errors over the units of the layer."""
    with style():
        figure = blank(6.5, 3.2)
        axis = figure.subplots()
        for number, (name, values) in enumerate(found.items()):
            look, means = method(name, number), [float(v.mean()) for v in values]
            bars = [2 * float(v.std()) / len(v) ** 0.5 for v in values]
            axis.errorbar(range(len(means)), means, bars, color=look.colour, linestyle=look.line, capsize=3, label=name,
                          **look.marks)  # fmt: skip
        axis.axhline(chance, color=SOFT, linestyle="--", linewidth=1.2)
        axis.annotate("sixteen at random", (0.01, chance), (0, -12), axis.get_yaxis_transform(), "offset points",
                      color=SOFT, fontsize=9)  # fmt: skip
        axis.set(ylabel="mean share", ylim=(0, 1), title="How selective are units, layer by layer?")
        axis.set_xticks(range(len(layers)), layers)
        made = guesses.number(guess, 0, 1, called="guess_mean_share")
        if made is not None:
            axis.plot(len(layers) - 1, made, "D", mfc="none", mec=INK, mew=1.5, ms=9, ls="none", label="your guess")
        figure.legend(loc="outside right upper")
    texts = [f"{name} {' '.join(f'{float(v.mean()):.2f}' for v in values)}" for name, values in found.items()]
    return finish(figure, f"mean share by layer: {'; '.join(texts)}; by chance {chance:.2f}; {guess_text(made)}")


def first_weight(network: nn.Module) -> Tensor:
    """The weight of a network's first convolution."""
    return next(part.weight for part in network.modules() if isinstance(part, nn.Conv2d))
