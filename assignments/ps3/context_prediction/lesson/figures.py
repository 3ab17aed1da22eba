"""The puzzle and the figures of the lesson on context prediction."""

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from matplotlib.axes import Axes
from matplotlib.gridspec import GridSpec
from matplotlib.patches import Rectangle
from torch import Tensor, nn
from torch.nn import functional as F

from ps3 import guesses, plots
from ps3.context_prediction.parts import GAP, PATCH, PLACES, STRIDE, nine
from ps3.data import ImageSet, to_float
from ps3.plots.figure import BLUE, INK, LONG_DASHES, SKY, SOFT, WIDE, Picture, blank, finish, guess_text, style
from ps3.plots.grids import show_image
from ps3.probes import standard_error

CONTEXT = plots.register("context prediction", colour=BLUE, marker="P", line=":")
plots.register("random trunk", colour=SKY, marker=">", line=LONG_DASHES, filled=False)

# --- the opening puzzle -----------------------------------------------------------------------------------------------

# Of the test split: image, direction, row and column of the second patch's corner.
PUZZLE = (
    (82, 6, 22, 11),
    (13, 1, 0, 11),
    (7, 4, 11, 22),
    (54, 1, 0, 11),
    (16, 3, 11, 0),
    (10, 7, 22, 22),
    (75, 6, 22, 11),
    (36, 2, 0, 22),
)
MIDDLE = 11  # row and column of the first patch's corner


@dataclass(frozen=True)
class Puzzle:
    """Eight pairs of patches (8, 3, P, P), the photos (8, 3, 32, 32) they are from, and the directions."""

    photos: Tensor
    first: Tensor
    second: Tensor
    directions: tuple[int, ...]


def puzzle(pictures: ImageSet) -> Puzzle:
    """The eight pairs that open the lesson."""
    photos = to_float(pictures.test.images[[row[0] for row in PUZZLE]])
    first = photos[:, :, MIDDLE : MIDDLE + PATCH, MIDDLE : MIDDLE + PATCH]
    second = [photo[:, r : r + PATCH, c : c + PATCH] for photo, (_, _, r, c) in zip(photos, PUZZLE, strict=True)]
    return Puzzle(photos, first, torch.stack(second), tuple(row[1] for row in PUZZLE))


def show_puzzle(puzzle: Puzzle) -> Picture:
    """Pairs below each other, numbered."""
    numbers = [f"pair {n}" for n in range(len(puzzle.first))]
    text = f"{len(numbers)} pairs; the first patch is the middle of a photo"
    return plots.images((puzzle.first, puzzle.second), ("first", "second"), columns=numbers, message=text)


def places_guessed(typed: Any) -> list[int | None]:
    """Eight directions 0 to 7, None where one was not guessed or cannot be read."""
    read = guesses.numbers(typed, len(PUZZLE), 0, 7, called="guess_places")
    return [None if value is None or value != int(value) else int(value) for value in read]


def reveal(puzzle: Puzzle, typed: Any, score: Any = None) -> Picture:
    """Both patches where they belong, the photo below; right guesses are ticked."""
    made = places_guessed(typed)
    right = [guess == truth for guess, truth in zip(made, puzzle.directions, strict=True)]
    yours = ["" if guess is None else PLACES[guess] for guess in made]
    expected = guesses.number(score, 0, 8, called="guess_score")
    text = f"you: {sum(right)} of 8" if any(guess is not None for guess in made) else "no places guessed"
    return plots.images(
        (_two_of(puzzle), puzzle.photos),
        ("in place", "your guess"),
        labels=([PLACES[truth] for truth in puzzle.directions], yours),
        ticked=(right, [False] * 8),
        message=f"{text}, by chance 1 of 8; of the score, {guess_text(None if expected is None else f'{expected:g}')}",
    )


def _two_of(puzzle: Puzzle) -> Tensor:
    """The photos with all but their two patches grey."""
    shown = torch.full_like(puzzle.photos, 0.8)
    for n, (_, _, row, column) in enumerate(PUZZLE):
        for r, c in ((MIDDLE, MIDDLE), (row, column)):
            shown[n, :, r : r + PATCH, c : c + PATCH] = puzzle.photos[n, :, r : r + PATCH, c : c + PATCH]
    return shown


# --- the architecture -------------------------------------------------------------------------------------------------


def architecture() -> Picture:
    """Both patches through one trunk, in the small preset's sizes."""
    Stage = plots.Stage
    return plots.architecture(
        [
            Stage("B photos", "B × 3 × 32 × 32"),
            [
                Stage("centre", "B × 3 × 9 × 9", "fixed", "the middle patch"),
                Stage("neighbour", "B × 3 × 9 × 9", "fixed", "one of eight"),
            ],
            Stage("trunk", "B × 128 each: the features", "trained", "the same for both"),
            Stage("side by side, centre first", "B × 256", "fixed"),
            Stage("head", "B × 8: a score for each place", "thrown away"),
            Stage("cross-entropy", kind="loss", note="which of eight places?"),
        ],
        title="Context prediction",
    )


# --- figures of the exercises -----------------------------------------------------------------------------------------

_GLYPHS = {
    "0": "### #.# #.# #.# ###",
    "1": ".#. ##. .#. .#. ###",
    "2": "### ..# ### #.. ###",
    "3": "### ..# ### ..# ###",
    "4": "#.# #.# ### ..# ..#",
    "5": "### #.. ### ..# ###",
    "6": "### #.. ### #.# ###",
    "7": "### ..# .#. .#. .#.",
    "C": "### #.. #.. #.. ###",
}


def _tile(name: str) -> Tensor:
    """A frame of 9 x 9 pixels with a sign in it."""
    tile = torch.full((PATCH, PATCH), 0.85)
    tile[0], tile[-1], tile[:, 0], tile[:, -1] = (torch.full((PATCH,), 0.35),) * 4
    ink = torch.tensor([[float(dot == "#") for dot in row] for row in _GLYPHS[name].split()])
    tile[2:7, 3:6] = 0.85 * (1 - ink)
    return tile


def card() -> Tensor:
    """A test card (1, 1, 36, 42): C in the middle, each direction's number where it lies, frames with gaps of two."""
    image = torch.full((1, 1, 36, 42), 0.6)
    for n, name in enumerate("0123C4567"):
        row, column = 2 + n // 3 * STRIDE, 5 + n % 3 * STRIDE
        image[0, 0, row : row + PATCH, column : column + PATCH] = _tile(name)
    return image


def cut_card(cut_pairs: Callable[..., Any]) -> Picture:
    """What a student's function cuts out of the card in each direction, without and with jitter.

    Jitter is (-1, -2) for directions 0 to 3 and (3, 1) for the others; the centres are those of the call with jitter.
    """
    cards, directions = card().repeat(8, 1, 1, 1), torch.arange(8)
    jitter = torch.tensor([[-1, -2], [3, 1]]).repeat_interleave(4, dim=0)
    _, neighbours = cut_pairs(cards, directions, PATCH, GAP, 0 * jitter)
    centres, moved = cut_pairs(cards, directions, PATCH, GAP, jitter)
    names = "0123C4567"
    tiles = torch.stack([_tile(name) for name in names if name != "C"]).unsqueeze(1)
    right = int((neighbours - tiles).abs().flatten(1).amax(dim=1).lt(1e-6).sum())
    with style():
        figure = blank(WIDE, 2.9)
        left, rest = figure.subfigures(1, 2, width_ratios=(1, 2.3), squeeze=False)[0]
        axis = left.subplots()
        axis.axis("off")
        axis.set_title("the card", fontsize=10)
        show_image(axis, cards[0], None)
        rows = {"centre": centres, "neighbour": neighbours, "with jitter": moved}
        axes = rest.subplots(len(rows), 8)
        for (title, row), line in zip(rows.items(), axes, strict=True):
            for n, axis in enumerate(line):
                axis.axis("off")
                show_image(axis, row[n].detach().float(), None)
            line[0].text(-0.12, 0.5, title, transform=line[0].transAxes, ha="right", va="center", fontsize=10)
        for n, axis in enumerate(axes[0]):
            axis.set_title(str(n), fontsize=10)
    return finish(figure, f"{right} of 8 neighbours show the number of their direction in a whole frame")


def dropped(patches: Tensor, drop_colors: Callable[..., Tensor]) -> Picture:
    """Six patches (6, 3, P, P), what a student's function leaves of them, and its noise, made visible.

    Patches 0 and 3 keep channel 0, 1 and 4 channel 1, 2 and 5 channel 2.
    """
    keep = torch.arange(6) % 3
    noise = torch.randn(patches.shape, generator=torch.Generator().manual_seed(0))
    result = drop_colors(patches, keep, noise).detach().float()
    kept = F.one_hot(keep, 3).bool()[:, :, None, None].expand_as(patches)
    spread = patches[kept].view(6, 1, -1).std(dim=2, keepdim=True).unsqueeze(-1)
    raised = torch.where(kept, torch.full_like(patches, 0.5), 0.5 + 0.15 * result / (0.01 * spread))
    names = [f"keep {'red green blue'.split()[n]}" for n in keep.tolist()]
    rows = {"patch": patches, "dropped": result, "noise, raised": raised}
    strengths = [float((result[n][~kept[n]] / (0.01 * spread[n])).std()) for n in range(6)]
    given = [float(noise[n][~kept[n]].std()) for n in range(6)]
    text = ", ".join(f"{one:.2f} ({two:.2f})" for one, two in zip(strengths, given, strict=True))
    same = bool(torch.equal(result[kept], patches[kept]))
    return plots.images(
        list(rows.values()),
        list(rows),
        columns=names,
        message=f"kept channels are {'' if same else 'NOT '}unchanged; deviation of what replaces the others, over "
        f"0.01 x that of the kept channel (and of the noise given): {text}",
    )


class _MeanColour(nn.Module):
    """A trunk that answers with the mean of each channel."""

    def forward(self, patches: Tensor) -> Tensor:
        return patches.mean(dim=(2, 3))


def what_the_head_reads(network: nn.Module) -> Picture:
    """A student's network with a trunk that answers with mean colours and a head that passes on what it reads.

    Drawn for a red centre and a blue neighbour, with the gradient at each: does it flow?
    """
    rigged: Any = copy.deepcopy(network)
    rigged.trunk, rigged.head = _MeanColour(), nn.Identity()
    centre, neighbour = torch.zeros(1, 3, PATCH, PATCH), torch.zeros(1, 3, PATCH, PATCH)
    centre[:, 0], neighbour[:, 2] = 1.0, 0.5
    both = [centre.requires_grad_(), neighbour.requires_grad_()]
    read = rigged(*both).float()
    flows = torch.autograd.grad(read.sum(), both, allow_unused=True) if read.requires_grad else (None, None)
    numbers = read.detach().flatten()[:12]
    with style():
        figure = blank(6.4, 1.9)
        axis = figure.subplots()
        axis.imshow(numbers[None].numpy(), cmap="Greys", vmin=-1, vmax=1.3, aspect="auto")
        axis.grid(False)
        names = [f"{which}\n{colour}" for which in ("first", "second") for colour in ("red", "green", "blue")]
        axis.set_xticks(range(len(numbers)), (names + ["?"] * len(numbers))[: len(numbers)])
        axis.set_yticks([])
        axis.set_title("What the head reads of a red centre and a half-blue neighbour")
        for n, value in enumerate(numbers.tolist()):
            axis.text(n, 0, f"{value:.1f}", ha="center", va="center", color="white" if value > 0.6 else INK)
    words = [
        f"{name}: {'a gradient arrives' if flow is not None and float(flow.abs().max()) > 0 else 'NO gradient arrives'}"
        for name, flow in zip(("centre", "neighbour"), flows, strict=True)
    ]
    return finish(figure, f"the head reads {[round(value, 2) for value in numbers.tolist()]}; {'; '.join(words)}")


def compass(nearest_neighbours: Callable[..., Tensor]) -> Picture:
    """Nine arrows of various lengths, one of them the query; the four that a student's function finds are numbered."""
    degrees = torch.tensor([30.0, 50.0, 355.0, 75.0, 130.0, 190.0, 250.0, 305.0, 20.0]).deg2rad()
    lengths = torch.tensor([0.35, 1.0, 0.6, 0.25, 1.0, 0.5, 0.9, 0.7, 0.8])
    arrows = lengths[:, None] * torch.stack([degrees.cos(), degrees.sin()], dim=1)
    query = len(arrows) - 1
    found = nearest_neighbours(arrows[query:], arrows, 4, torch.tensor([query]))[0].tolist()
    with style():
        figure = blank(4.6, 3.2)
        axis = figure.subplots()
        for n, (x, y) in enumerate(arrows.tolist()):
            colour = INK if n == query else BLUE if n in found else SOFT
            look = {
                "arrowstyle": "-|>",
                "color": colour,
                "linewidth": 3 if n == query else 2,
                "shrinkA": 0,
                "shrinkB": 0,
            }
            axis.annotate("", (x, y), (0, 0), arrowprops=look)
            names = ["query"] * (n == query) + [str(place) for place, row in enumerate(found, 1) if row == n]
            reach = 1 + (0.24 if n == query else 0.12) / float(lengths[n])
            axis.text(x * reach, y * reach, ", ".join(names), ha="center", va="center", color=colour)
        axis.set(xlim=(-1.15, 1.15), ylim=(-1.05, 1.05), aspect="equal", title="The four nearest, in order")
        axis.axis("off")
    angles = [round(float((degrees[n] - degrees[query]).abs().rad2deg())) for n in found]
    turned = [min(angle, 360 - angle) for angle in angles]
    return finish(figure, f"angles between the query and what is found, in degrees: {turned}")


# --- what came out ----------------------------------------------------------------------------------------------------


def confusions(truth: Tensor, said: Tensor) -> Picture:
    """Where the network puts neighbours from each place: nine small grids, at the places that they are about."""
    shares = torch.stack([(said[truth == place].bincount(minlength=8)[:8]).double() for place in range(8)])
    shares = shares / shares.sum(dim=1, keepdim=True).clamp(min=1)
    right = float((truth == said).double().mean())
    with style():
        figure = blank(6.6, 5.6)
        axes = figure.subplots(3, 3)
        for place, axis in zip([0, 1, 2, 3, None, 4, 5, 6, 7], axes.flat, strict=True):
            axis.grid(False)
            axis.set(xticks=[], yticks=[])
            axis.spines[:].set_visible(False)
            if place is None:
                axis.axis("off")
                axis.text(0.5, 0.5, f"centre\n{right:.0%} right", transform=axis.transAxes, ha="center", va="center")
                continue
            _grid_of_answers(axis, shares[place].tolist(), place)
            axis.set_title(f"{PLACES[place]}: {shares[place, place]:.0%}", fontsize=10)
    mirrored = float(shares.fliplr().diagonal().mean())  # direction d lies opposite of 7 - d
    error = 2 * standard_error(right, len(truth))
    text = f"{right:.3f} ± {error:.3f} of {len(truth):,} right, by chance .125; {mirrored:.3f} put on the opposite side"
    return finish(figure, text)


def _grid_of_answers(axis: Axes, shares: Sequence[float], place: int) -> None:
    cells = torch.tensor([*shares[:4], 0.0, *shares[4:]]).view(3, 3)
    axis.imshow(cells.numpy(), cmap="Greys", vmin=0, vmax=0.8)
    for n, share in enumerate(cells.flatten().tolist()):
        row, column = divmod(n, 3)
        text = "C" if n == 4 else f"{100 * share:.0f}"
        axis.text(column, row, text, ha="center", va="center", fontsize=9, color="white" if share > 0.45 else INK)
    row, column = divmod(place + (place >= 4), 3)
    corner = (column - 0.5, row - 0.5)
    axis.add_patch(Rectangle(corner, 1, 1, fill=False, edgecolor=INK, linewidth=2.5, clip_on=False))


def against_you(
    typed: Any, puzzle: Puzzle, said: Sequence[int], accuracy: float, count: int, guess: Any = None
) -> Picture:
    """Accuracies of a student (eight pairs), of the network on the same pairs and on many, with error bars."""
    made = places_guessed(typed)
    yours = sum(one == truth for one, truth in zip(made, puzzle.directions, strict=True)) / 8
    on_eight = sum(one == truth for one, truth in zip(said, puzzle.directions, strict=True)) / 8
    rows = {"network, the same 8 pairs": (on_eight, 8), f"network, {count:,} pairs": (accuracy, count)}
    if any(one is not None for one in made):
        rows = {"you, 8 pairs": (yours, 8)} | rows
    errors = [2 * standard_error(value, number) for value, number in rows.values()]
    guessed = guesses.number(guess, 0, 1, called="guess_accuracy")
    return plots.dots(
        list(rows),
        [value for value, _ in rows.values()],
        errors,
        chance=0.125,
        guesses={f"network, {count:,} pairs": guessed},
        xlabel="share of pairs put in the right place",
        title="Where does the second patch belong?",
    )


# Test images and which of their nine patches are asked for.
QUERIES = ((82, 4), (13, 4), (7, 1), (54, 4), (10, 7), (36, 4))
NEAR = 4


def patch_gallery(pictures: ImageSet, count: int = 1_000) -> Tensor:
    """The nine patches of the first test images, normalised: (9 * count, C, P, P)."""
    return nine(pictures.normalize(pictures.test.images[:count])).flatten(0, 1)


def query_rows() -> Tensor:
    """Where the queries stand in `patch_gallery`."""
    return torch.tensor([9 * image + place for image, place in QUERIES])


def patch_neighbours(pictures: ImageSet, found: Mapping[str, Tensor]) -> Picture:
    """Queries and their nearest patches, name -> rows of `patch_gallery` (6, 4); each patch framed in its photo."""
    rows = query_rows()
    widths = [1, *([0.35, *[1] * NEAR] * len(found))]
    with style():
        figure = blank(WIDE, 0.57 * len(rows) + 0.35)
        figure.set_layout_engine("constrained", w_pad=0.01, h_pad=0.01, wspace=0, hspace=0, rect=(0, 0, 1, 0.94))
        grid = GridSpec(len(rows), len(widths), figure, width_ratios=widths)
        for r, query in enumerate(rows.tolist()):
            axis = _framed(figure, grid[r, 0], pictures, query)
            if r == 0:
                _head(axis, "query")
            for s, (name, indices) in enumerate(found.items()):
                for c, index in enumerate(indices[r].tolist()):
                    axis = _framed(figure, grid[r, 2 + s * (NEAR + 1) + c], pictures, index)
                    if r == 0 and c == 0:
                        _head(axis, name, align="left")
    return finish(figure, "; ".join(f"{name}: {_kinds(pictures, rows, found[name])}" for name in found))


def _head(axis: Axes, name: str, align: str = "center") -> None:
    """A title that moves nothing."""
    place = 0.0 if align == "left" else 0.5
    axis.text(place, 1.06, name, transform=axis.transAxes, fontsize=10, ha=align, va="bottom").set_in_layout(False)


def _framed(figure: Picture, place: Any, pictures: ImageSet, row: int) -> Axes:
    """A photo, paler but for its patch."""
    axis: Axes = figure.add_subplot(place)
    axis.axis("off")
    photo = to_float(pictures.test.images[row // 9])
    top, left = (row % 9) // 3 * STRIDE, row % 3 * STRIDE
    pale = 0.5 + 0.5 * photo
    pale[:, top : top + PATCH, left : left + PATCH] = photo[:, top : top + PATCH, left : left + PATCH]
    show_image(axis, pale, None)
    axis.add_patch(Rectangle((left - 0.5, top - 0.5), PATCH, PATCH, fill=False, edgecolor=INK, linewidth=1.5))
    return axis


def _kinds(pictures: ImageSet, rows: Tensor, found: Tensor) -> str:
    labels = pictures.test.labels
    kind = labels[found // 9] == labels[rows // 9][:, None]
    place = found % 9 == rows[:, None] % 9
    return f"{int(kind.sum())} of {found.numel()} of the same class, {int(place.sum())} from the same place"


def shares_of_neighbours(pictures: ImageSet, rows: Tensor, found: Tensor) -> tuple[float, float]:
    """How often neighbours (M, k) of patches `rows` (M,) are of the same class, and from the same place."""
    labels = pictures.test.labels
    kind = labels[found // 9] == labels[rows // 9][:, None]
    place = found % 9 == rows[:, None] % 9
    return float(kind.double().mean()), float(place.double().mean())


# --- the shortcut -----------------------------------------------------------------------------------------------------


# Measured by the course, three seeds, small preset (experiments/methods/context_prediction.py): share of pairs put in
# the right place, and what ridge regression reads from the features with 10,000 labels.
COURSE: dict[str, dict[str, tuple[float, ...]]] = {
    "as it is": {"places": (0.540, 0.494, 0.460), "features": (0.363, 0.381, 0.379)},
    "no gap": {"places": (0.732, 0.727, 0.727), "features": (0.333, 0.339, 0.340)},
    "colour kept": {"places": (0.538, 0.579, 0.639), "features": (0.401, 0.406, 0.382)},
}


def shortcuts(own: Mapping[str, tuple[float, float]], *guessed: Any) -> Picture:
    """How well each way of cutting pairs is solved, and what its features are worth; name -> both, a student's own.

    guessed: for "no gap" and "colour kept", "better" or "worse" for each panel.
    """
    panels = ("places", "features")
    texts = []
    with style():
        figure = blank(WIDE, 2.9)
        axes = figure.subplots(1, 2, sharey=True)
        for number, (axis, panel) in enumerate(zip(axes, panels, strict=True)):
            for row, (name, results) in enumerate(COURSE.items()):
                values = results[panel]
                axis.plot(values, [row] * len(values), "o", mfc="none", mec=SOFT, mew=1.5, ls="none")
                if name in own:
                    axis.plot(own[name][number], row + 0.25, CONTEXT.marker, ms=10, color=CONTEXT.colour, ls="none")
            axis.set_yticks(range(len(COURSE)), list(COURSE))
            axis.set(ylim=(len(COURSE) - 0.5, -0.5))
        axes[0].set(xlabel="share put in the right place", title="How well is the task solved?")
        axes[1].set(xlabel="accuracy of ridge regression", title="What are the features worth?")
        axes[0].axvline(0.125, color=SOFT, linestyle="--", linewidth=1.2)
        axes[0].set_xlim(left=0)
        axes[1].axvline(COURSE_TWIN, color=SOFT, linestyle="--", linewidth=1.2)
    for name, results in COURSE.items():
        means = [sum(results[panel]) / len(results[panel]) for panel in panels]
        mine = f", yours {own[name][0]:.3f} and {own[name][1]:.3f}" if name in own else ""
        texts.append(f"{name}: {means[0]:.3f} in place, features {means[1]:.3f}{mine}")
    return finish(figure, "; ".join([*texts, *_guessed(guessed)]))


def _guessed(typed: Sequence[Any]) -> list[str]:
    """What was guessed of the two changes, in words."""
    texts = []
    for name, called, pair in zip(
        ("no gap", "colour kept"), ("guess_no_gap", "guess_colour_kept"), typed, strict=False
    ):
        parts = pair if isinstance(pair, (tuple, list)) and len(pair) == 2 else (pair, None)
        read = [guesses.one_of(part, ("better", "worse"), called=called) for part in parts]
        if any(read):
            texts.append(f"your guess for {name}: places {read[0] or '?'}, features {read[1] or '?'}")
    return texts or ["no guess made"]


COURSE_TWIN = 0.317  # the random trunk's features: mean of .311, .321 and .319
