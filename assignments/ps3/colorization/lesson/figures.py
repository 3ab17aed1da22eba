"""The puzzle and the figures of the lesson on colourisation."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.gridspec import GridSpec
from matplotlib.patches import Rectangle
from torch import Tensor

from ps3 import augment, guesses, plots
from ps3.colorization.parts import BINS, CENTRES, SWATCHES
from ps3.data import ImageSet, to_float
from ps3.plots.figure import BLUE, INK, ORANGE, SKY, SOFT, WIDE, Picture, blank, finish, style
from ps3.plots.grids import show_image

plots.register("colourisation", colour=ORANGE, marker="p", line="-")
plots.register("random ResNet (grey)", colour=SKY, marker=">", line=(0, (2, 2)), filled=False)
plots.register("not rebalanced", colour=ORANGE, marker="p", line="--", filled=False)

Convert = Callable[[Tensor], Tensor]
LETTERS = "ABCD"
LIMITS = (-120.0, 120.0)

# --- the opening puzzle -----------------------------------------------------------------------------------------------

PUZZLE_PHOTOS = (48, 9, 44, 29)  # test images
SHOWN = (48, 9, 44, 29, 10, 54, 23, 25)  # those whose colourings are shown


@dataclass(frozen=True)
class Puzzle:
    """Grey photos (n, 3, H, W), four colourings of each (n, 4, 3, H, W), and which of the four is the true one."""

    grey: Tensor
    colourings: Tensor
    right: tuple[int, ...]


def colour_puzzle(pictures: ImageSet, seed: int = 3) -> Puzzle:
    """Each photo, and three with its colours turned by quarters of the colour circle, as bright as before."""
    photos = to_float(pictures.test.images[list(PUZZLE_PHOTOS)])
    turned = torch.stack([_turned(photos, quarters) for quarters in range(4)], dim=1)
    generator = torch.Generator().manual_seed(seed)
    orders = torch.stack([torch.randperm(4, generator=generator) for _ in PUZZLE_PHOTOS])
    shuffled = torch.stack([row[order] for row, order in zip(turned, orders, strict=True)])
    return Puzzle(augment.grey(photos), shuffled, tuple((orders == 0).int().argmax(dim=1).tolist()))


def _turned(photos: Tensor, quarters: int) -> Tensor:
    """Images of the same grey whose colours, seen as a plane across it, are turned by so many quarters."""
    grey = augment.grey(photos)
    red, _, blue = (photos - grey).unbind(dim=1)
    for _ in range(quarters):
        red, blue = -blue, red
    weights = augment.GREY
    green = -(weights[0] * red + weights[2] * blue) / weights[1]
    return (grey + torch.stack([red, green, blue], dim=1)).clamp(0, 1)


def show_puzzle(puzzle: Puzzle) -> Picture:
    """A row for each photo: grey, then its colourings A to D."""
    rows = [torch.cat([grey[None], four]) for grey, four in zip(puzzle.grey, puzzle.colourings, strict=True)]
    names = [f"photo {n}" for n in range(len(rows))]
    message = f"{len(rows)} grey photos, four colourings each; one of the four is true"
    return plots.images(rows, names, columns=["grey", *LETTERS], message=message)


def reveal_colours(puzzle: Puzzle, guess: Any) -> Picture:
    """The true colouring of each photo is ticked; the score counts the letters that name it."""
    read = guesses.names(guess, len(puzzle.right), LETTERS, called="guess_colours")
    hits = sum(letter == LETTERS[right] for letter, right in zip(read, puzzle.right, strict=True))
    score = f"you: {hits} of {len(read)}" if any(read) else "no guess made"
    ticked = [[n == right for n in range(4)] for right in puzzle.right]
    message = (
        f"{score}; guessing finds {len(read) / 4:g} on average; true: {', '.join(LETTERS[n] for n in puzzle.right)}"
    )
    return plots.images(list(puzzle.colourings), columns=LETTERS, ticked=ticked, message=message)


# --- figures ----------------------------------------------------------------------------------------------------------


def architecture() -> Picture:
    """The whole of colourisation, in the small preset's sizes; B photos."""
    Stage = plots.Stage
    return plots.architecture(
        [
            Stage("B photos", "B × 3 × 32 × 32"),
            Stage("rgb_to_lab", "L: B × 1 × 32 × 32 (ab goes to the loss)", "fixed", "yours"),
            Stage("encoder (ResNet8, grey)", "B × 128 × 4 × 4: maps", "trained", "features: mean over places"),
            Stage("colour head", "B × 32 × 16 × 16: logits", "thrown away"),
            Stage("cross-entropy", kind="loss", note="against the true bins of ab, weighted"),
        ],
        title="Colourisation",
    )


CARD = {  # what the eye knows: sRGB, and where it lies: L, a, b
    "white": ((1.0, 1.0, 1.0), (100.0, 0.0, 0.0)),
    "red": ((1.0, 0.0, 0.0), (53.2, 80.1, 67.2)),
    "yellow": ((1.0, 1.0, 0.0), (97.1, -21.6, 94.5)),
    "green": ((0.0, 1.0, 0.0), (87.7, -86.2, 83.2)),
    "cyan": ((0.0, 1.0, 1.0), (91.1, -48.1, -14.1)),
    "blue": ((0.0, 0.0, 1.0), (32.3, 79.2, -107.9)),
    "magenta": ((1.0, 0.0, 1.0), (60.3, 98.2, -60.8)),
}
RAMP_RINGS = ((0.0, 0.0), (0.04, 2.74), (0.2, 21.2), (0.5, 53.4), (0.8, 82.0), (1.0, 100.0))


def lab_card(rgb_to_lab: Convert) -> Picture:
    """Seven colours on the ab plane and a ramp of greys over L, as dots; rings where they belong."""
    colours = torch.tensor([number for number, _ in CARD.values()]).T.reshape(1, 3, 1, -1)
    found = rgb_to_lab(colours)[0, :, 0].detach().T.tolist()
    numbers = torch.linspace(0, 1, 21)
    ramp = rgb_to_lab(numbers.view(1, 1, 1, -1).repeat(1, 3, 1, 1))[0, 0, 0].detach().tolist()
    off = [np.hypot(a - right[1], b - right[2]) for (_, a, b), (_, right) in zip(found, CARD.values(), strict=True)]
    with style():
        figure = blank(WIDE, 3.6)
        plane, greys = figure.subplots(1, 2)
        _plane(plane, "seven colours")
        for (name, (number, (_, a, b))), place in zip(CARD.items(), found, strict=True):
            plane.plot(a, b, "o", mfc="none", mec=INK, ms=14, mew=1.2)
            plane.annotate(name, (a, b), (9, 6), textcoords="offset points", fontsize=9)
            plane.plot(*place[1:], "o", color=number, mec=SOFT, ms=8, mew=0.8)
        greys.plot(numbers.tolist(), ramp, "o", color=BLUE, ms=4, mew=0)
        for x, y in RAMP_RINGS:
            greys.plot(x, y, "o", mfc="none", mec=INK, ms=12, mew=1.2)
        greys.set(xlabel="number in the file, the same in R, G, B", ylabel="L", title="greys from black to white")
    worst = int(np.nanargmax(off)) if not np.isnan(off).all() else 0
    text = f"furthest from its ring: {list(CARD)[worst]}, by {off[worst]:.3g}"
    return finish(figure, f"{text}; the grey of .5 has L = {ramp[10]:.4g}, white {ramp[-1]:.4g}")


def planes(lab_to_rgb: Convert, levels: Sequence[float] = (30, 60, 90)) -> Picture:
    """The ab plane as lab_to_rgb paints it, at three lightnesses."""
    texts = []
    with style():
        figure = blank(WIDE, 3.0)
        for axis, level in zip(figure.subplots(1, len(levels), sharey=True, squeeze=False)[0], levels, strict=True):
            lab = torch.cat([torch.full((1, 1, 60, 60), float(level)), _grid(60)], dim=1)
            painted = lab_to_rgb(lab)[0].detach().cpu().float()
            broken = int((~torch.isfinite(painted)).any(dim=0).sum())
            texts.append(f"L = {level:g}: {painted.nan_to_num().min():.3g} to {painted.nan_to_num().max():.3g}")
            texts[-1] += f", {broken} of 3600 places are nan" if broken else ""
            shown = painted.nan_to_num(0.5).clamp(0, 1).permute(1, 2, 0).numpy()
            axis.imshow(shown, extent=(*LIMITS, *LIMITS), origin="lower")
            axis.grid(False)
            axis.set(title=f"L = {level:g}", xlabel="a", xticks=(-100, 0, 100), yticks=(-100, 0, 100))
        figure.axes[0].set_ylabel("b")
    grey = lab_to_rgb(torch.tensor([60.0, 0, 0]).view(1, 3, 1, 1)).flatten().tolist()
    middle = ", ".join(f"{number:.3f}" for number in grey)
    return finish(figure, f"values {'; '.join(texts)}; the middle of L = 60 is {middle}")


def bin_map(nearest_bins: Callable[[Tensor, Tensor], Tensor]) -> Picture:
    """Every place of the ab plane in the colour of its bin, by the student's function; centres as dots."""
    size = 150
    found = nearest_bins(_grid(size), CENTRES)[0].detach().cpu().long().clamp(0, len(BINS) - 1)
    colours = torch.tensor([[int(s[n : n + 2], 16) / 255 for n in (1, 3, 5)] for s in SWATCHES])
    own = nearest_bins(CENTRES.T.reshape(1, 2, 1, -1), CENTRES).flatten()
    with style():
        figure = blank(5.0, 4.0)
        axis = figure.subplots()
        _plane(axis, f"{len(BINS)} bins", limits=(-80, 80))
        axis.grid(False)
        axis.imshow(colours[found].numpy(), extent=(*LIMITS, *LIMITS), origin="lower")
        edges = (found[1:, 1:] != found[:-1, 1:]) | (found[1:, 1:] != found[1:, :-1])
        veil = np.zeros((*edges.shape, 4))
        veil[edges.numpy()] = (1, 1, 1, 1)
        axis.imshow(veil, extent=(*LIMITS, *LIMITS), origin="lower")
        axis.plot(*CENTRES.T.tolist(), "o", color=INK, ms=5, mec="white")
    right = int((own == torch.arange(len(BINS))).sum())
    return finish(
        figure, f"{right} of {len(BINS)} centres lie in their own bin; {len(found.unique())} bins have a place"
    )


def bins_by_share(panels: Mapping[str, Tensor]) -> Picture:
    """The bins on the ab plane, as large as their share: one panel for each named (Q,); the line gives the sums."""
    texts = []
    with style():
        figure = blank(WIDE, 3.6)
        for axis, (name, values) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True):
            shares = values.detach().cpu().double()
            _plane(axis, name, limits=(-55, 70))
            sizes = (1200 * shares.clamp(min=0).nan_to_num()).tolist()
            axis.scatter(
                *CENTRES.T.tolist(),
                s=[min(size, 4000) for size in sizes],
                c=list(SWATCHES),
                edgecolors=INK,
                linewidths=0.8,
                zorder=3,
            )
            axis.plot(*CENTRES.T.tolist(), ".", color=INK, ms=2, mew=0)
            texts.append(f"{name}: {shares.min():.2%} to {shares.max():.1%}, in all {shares.sum():.0%}")
    return finish(figure, "; ".join(texts))


def two_bets(annealed_mean: Callable[..., Tensor], temperatures: Sequence[float] = (0.005, 0.38, 1.0)) -> Picture:
    """A pixel that is red for 60 % and blue for 40 %: its colour at several temperatures; rings where they belong."""
    ends = torch.tensor([[50.0, 40.0], [-10.0, -40.0]])
    logits = torch.tensor([0.6, 0.4]).log().view(1, 2, 1, 1) + 2  # what is added to all changes nothing
    rings = {0.005: 1.0, 0.38: 0.744, 1.0: 0.6}  # the share of red
    texts = []
    with style():
        figure = blank(5.0, 3.8)
        axis = figure.subplots()
        _plane(axis, "red 60 %, blue 40 %", limits=(-60, 70))
        axis.plot(*ends.T.tolist(), color=SOFT, linewidth=0.8)
        for (a, b), name, colour in zip(ends.tolist(), ("red", "blue"), (ORANGE, BLUE), strict=True):
            axis.plot(a, b, "s", color=colour, ms=11)
            axis.annotate(name, (a, b), (12, -14), textcoords="offset points")
        for temperature in temperatures:
            place = annealed_mean(logits.clone(), ends, temperature)[0, :, 0, 0].detach().tolist()
            texts.append(f"T = {temperature:g}: a {place[0]:.1f}, b {place[1]:.1f}")
            if temperature in rings:
                share = rings[temperature]
                axis.plot(*(share * ends[0] + (1 - share) * ends[1]).tolist(), "o", mfc="none", mec=INK, ms=15)
            axis.plot(*place, "D", color=INK, ms=6, mec="white")
            if all(np.isfinite(place)):
                axis.annotate(
                    f"T = {temperature:g}", (place[0], place[1]), (-58, 6), textcoords="offset points", fontsize=9
                )
    return finish(figure, "; ".join(texts))


def colour_spread(named: Mapping[str, Tensor]) -> Picture:
    """Where colours (B, 2, h, w) lie on the ab plane, as shades; the darkest places hold most pixels (log scale)."""
    texts = []
    with style():
        figure = blank(WIDE, 2.9)
        for axis, (name, ab) in zip(figure.subplots(1, len(named), squeeze=False)[0], named.items(), strict=True):
            a, b = (plane.detach().cpu().flatten().numpy() for plane in ab.unbind(dim=1))
            table, *_ = np.histogram2d(b, a, bins=44, range=((-55, 70), (-55, 70)))
            _plane(axis, name, limits=(-55, 70))
            axis.grid(False)
            axis.imshow(np.log1p(table), extent=(-55, 70, -55, 70), origin="lower", cmap="Greys")
            texts.append(f"{name}: {ab.norm(dim=1).mean():.1f} from grey on average")
    return finish(figure, "; ".join(texts))


def units(
    pictures: ImageSet, count: int, found: Mapping[str, tuple[Tensor, Tensor]], shares: Mapping[str, Tensor]
) -> Picture:
    """What drives units most, in colour: eight patches each, a row for each of the `count` best units of each network.

    found: network -> images and places (units, count) of `parts.strongest`; shares: network -> majority shares.
    """
    rows = [(name, unit) for name in found for unit in shares[name].topk(count).indices.tolist()]
    with style():
        figure = blank(WIDE, 0.78 * len(rows) + 0.1)
        grid = GridSpec(len(rows), 9, figure, width_ratios=[2.2, *[1] * 8])
        figure.set_layout_engine("constrained", w_pad=0.01, h_pad=0.01, wspace=0, hspace=0)
        for r, (name, unit) in enumerate(rows):
            head = figure.add_subplot(grid[r, 0])
            head.axis("off")
            text = f"{name}\nunit {unit}, {shares[name][unit]:.0%} one class"
            head.text(0.98, 0.5, text, ha="right", va="center", fontsize=9)
            images, places = (part[unit, :8].tolist() for part in found[name])
            for c, (image, place) in enumerate(zip(images, places, strict=True)):
                axis = figure.add_subplot(grid[r, 1 + c])
                axis.axis("off")
                show_image(axis, _patch(pictures.test.images[image], place), None)
    texts = [f"{name}: mean over all units {share.mean():.2f}" for name, share in shares.items()]
    return finish(figure, f"share of the commonest class among the 16 images of a unit: {'; '.join(texts)}")


def _patch(image: Tensor, place: int, size: int = 20) -> Tensor:
    """The part of an image (C, 32, 32) round one of 4 x 4 places, within it."""
    row, column = divmod(place, 4)
    top, left = (min(max(8 * n + 4 - size // 2, 0), image.shape[-1] - size) for n in (row, column))
    return image[:, top : top + size, left : left + size]


def _grid(size: int) -> Tensor:
    """The ab plane as an image (1, 2, size, size): a grows to the right, b upwards (row 0 lies at the bottom)."""
    line = torch.linspace(*LIMITS, size)
    b, a = torch.meshgrid(line, line, indexing="ij")
    return torch.stack([a, b])[None]


def _plane(axis: Axes, title: str, limits: tuple[float, float] = LIMITS) -> None:
    axis.set(xlim=limits, ylim=limits, aspect="equal", title=title)
    axis.set_xlabel("a: green to red")
    axis.set_ylabel("b: blue to yellow")
    axis.axhline(0, color=SOFT, linewidth=0.8)
    axis.axvline(0, color=SOFT, linewidth=0.8)
    axis.add_patch(Rectangle((-1, -1), 2, 2, color=SOFT))
