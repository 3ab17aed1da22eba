"""The puzzle and the figures of the lesson on contrastive learning."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from matplotlib.axes import Axes
from matplotlib.gridspec import GridSpec
from matplotlib.patches import Circle
from matplotlib.ticker import PercentFormatter
from torch import Tensor, nn
from torch.nn import functional as F

from ps3 import augment, guesses, plots
from ps3.data import ImageSet, to_float
from ps3.plots.figure import BLUE, GRID, ORANGE, SOFT, WIDE, Picture, blank, finish, guess_text, style
from ps3.plots.grids import frame, show_image, tick

SIMCLR = plots.register("SimCLR", colour=ORANGE, marker="^", line="-")

# --- the opening puzzle -----------------------------------------------------------------------------------------------

PUZZLE_PHOTOS = 6


@dataclass(frozen=True)
class Puzzle:
    """Two crops of each of six photos, shuffled: crops (12, 3, H, W); crop i and crop partner[i] are of one photo."""

    crops: Tensor
    partner: tuple[int, ...]
    photo: tuple[int, ...]


def pairs_puzzle(pictures: ImageSet, seed: int = 4) -> Puzzle:
    """The puzzle that a seed gives, out of the test images."""
    generator = torch.Generator().manual_seed(seed)
    chosen = torch.randperm(len(pictures.test), generator=generator)[:PUZZLE_PHOTOS]
    photos = to_float(pictures.test.images[chosen])
    crops = torch.cat([augment.cut_and_enlarge(photos, generator) for _ in range(2)])
    order = torch.randperm(2 * PUZZLE_PHOTOS, generator=generator)
    place = order.argsort()
    partner = place[(order + PUZZLE_PHOTOS) % (2 * PUZZLE_PHOTOS)]
    return Puzzle(crops[order], tuple(partner.tolist()), tuple((order % PUZZLE_PHOTOS).tolist()))


def show_puzzle(puzzle: Puzzle) -> Picture:
    """The twelve crops with their numbers."""
    numbers = [str(n) for n in range(len(puzzle.crops))]
    half = len(numbers) // 2
    rows = (puzzle.crops[:half], puzzle.crops[half:])
    return plots.images(rows, labels=(numbers[:half], numbers[half:]), message="twelve crops of six photos, 0 to 11")


def reveal_pairs(puzzle: Puzzle, guess: Any) -> Picture:
    """The pairs below each other; those that were guessed are ticked. What cannot be read counts as not guessed."""
    firsts = [puzzle.photo.index(photo) for photo in range(PUZZLE_PHOTOS)]
    read = guesses.pairs(guess, PUZZLE_PHOTOS, len(puzzle.crops) - 1, called="guess_pairs")
    guessed = {frozenset(pair) for pair in read}
    found = [frozenset((n, puzzle.partner[n])) in guessed for n in firsts]
    score = f"you: {sum(found)} of {len(found)} pairs" if read else "no guess made"
    return plots.images(
        (puzzle.crops[firsts], puzzle.crops[[puzzle.partner[n] for n in firsts]]),
        columns=[f"{n} and {puzzle.partner[n]}" for n in firsts],
        ticked=(found, found),
        message=f"{score}; guessing finds {len(found) / (2 * len(found) - 1):.1f} on average",
    )


# Test images whose neighbours are shown: for pixels, the untrained and the trained network together, as often of the
# right class as those of all test images.
QUERIES = (82, 63, 58, 30, 57, 54)

# Measured by the course with experiments/crops_only.py: small preset, seed 0, crops and flips but no colour changes.
CROPS_ONLY_NEIGHBOURS = torch.tensor(
    [
        [14789, 23788, 22248, 11168, 21702],
        [22926, 15697, 4077, 13566, 21061],
        [4727, 13532, 9490, 15598, 3458],
        [24236, 13732, 18142, 23315, 14757],
        [18087, 11675, 7901, 18838, 13097],
        [18390, 1056, 23855, 7067, 24269],
    ]
)
CROPS_ONLY_RESULT = "crops only, the course's network (one seed): final loss 1.66, k-NN accuracy .362"


# --- figures ----------------------------------------------------------------------------------------------------------


def architecture() -> Picture:
    """The whole of SimCLR, in the small preset's sizes; B photos."""
    Stage = plots.Stage
    return plots.architecture(
        [
            Stage("B photos", "B × 3 × 32 × 32"),
            [
                Stage("view 1", "B × 3 × 32 × 32", "fixed", "crop, flip, colours"),
                Stage("view 2", "B × 3 × 32 × 32", "fixed", "crop, flip, colours"),
            ],
            Stage("encoder (ResNet8)", "2B × 128: the features", "trained", "the same for both views"),
            Stage("projection head", "2B × 64: embeddings z", "thrown away"),
            Stage("NT-Xent", kind="loss", note="who is whose partner?"),
        ],
        title="SimCLR",
    )


Loss = Callable[[Tensor, Tensor, float], Tensor]
QUERY, KEY = BLUE, ORANGE
TEMPERATURES, TEMPERATURE_LIMITS = (0.05, 0.2, 1.0), (0.001, 1000)
NO_LINES = {"facecolor": "white", "edgecolor": "none", "pad": 0.5}


def coordinates(height: int, width: int) -> Tensor:
    """An image (1, 2, H, W) that holds the place of each pixel's centre: row and column, in pixels from the corner."""
    rows, columns = torch.arange(height) + 0.5, torch.arange(width) + 0.5
    return torch.stack(torch.meshgrid(rows, columns, indexing="ij")).unsqueeze(0)


def profile(pixels: Tensor, values: Tensor) -> Picture:
    """A row of pixels as grey bars, and what was read out of it, from border to border, as dots."""
    values = values.detach().cpu().flatten()
    places = (torch.arange(len(values)) + 0.5) * len(pixels) / len(values)
    with style():
        figure = blank(6.0, 2.8)
        axis = figure.subplots()
        axis.bar([column + 0.5 for column in range(len(pixels))], pixels.tolist(), 0.96, color=GRID)
        axis.plot(places.tolist(), values.tolist(), "o", color=QUERY, markersize=6)
        axis.set(xlabel="place in the row, in pixels", ylabel="value", xlim=(0, len(pixels)))
        axis.set_title("A row of pixels, and what was read")
        axis.axhline(0, color=SOFT, linewidth=0.8)
        axis.margins(y=0.1)
    ends = f"at the borders {values[0]:.1f} and {values[-1]:.1f}"
    return finish(figure, f"{ends}; lowest {values.min():.1f}, highest {values.max():.1f}")


def forces(loss: Loss, queries: Tensor, keys: Tensor, temperature: float, names: tuple[str, str]) -> Picture:
    """Where a step of gradient descent moves points (B, 2) of the plane, and the angle to their radius.

    The title compares how far the loss falls in a small step with what its gradient promises.
    """
    moves = _moves(loss, queries, keys, temperature)
    promised = sum(move.square().sum().item() for move in moves)
    scale = 0.9 / max(1e-9, *(move.norm(dim=1).max().item() for move in moves))
    angles = [_angles(points, move) for points, move in zip((queries, keys), moves, strict=True)]
    with style():
        figure = blank(6.0, 4.0)
        axis = figure.subplots()
        for points, move, name, turns, colour, marker in zip(
            (queries, keys), moves, names, angles, (QUERY, KEY), "os", strict=True
        ):
            for n, (point, arrow) in enumerate(zip(points.tolist(), (scale * move).tolist(), strict=True)):
                off = "" if turns[n] == "90" else f": {turns[n]}" + "°" * turns[n].isdigit()
                axis.plot([0, point[0]], [0, point[1]], linestyle="--", color=SOFT, linewidth=0.8)
                axis.plot(*point, marker, color=colour, linestyle="none")
                _name_outside(axis, f"{name} {n}{off}", point, colour)
                _arrow(axis, point, arrow, colour)
        title = f"Forces at T = {temperature:g}"
        if promised:
            fall = _fall(loss, (queries, keys), temperature, moves) / promised
            title += f": the loss falls by {fall:.0%} of what they promise"
        axis.set(aspect="equal", title=title)
        axis.axis("off")
        axis.margins(0.3, 0.15)
    text = "; ".join(f"{n}: {', '.join(a)}" for n, a in zip(names, angles, strict=True))
    return finish(figure, f"angle between force and radius, in degrees: {text}")


def pushes(loss: Loss, temperatures: Any, guess: Any = None) -> Picture:
    """How hard one query pushes its three wrong keys away, and pulls at the right one, at three temperatures."""
    read = guesses.numbers(temperatures, len(TEMPERATURES), *TEMPERATURE_LIMITS, called="temperatures")
    temperatures = [usual if found is None else found for found, usual in zip(read, TEMPERATURES, strict=True)]
    degrees = torch.tensor([-30.0, 35.0, 75.0, 150.0])
    keys = torch.stack([torch.cos(degrees.deg2rad()), torch.sin(degrees.deg2rad()), torch.zeros(4)], dim=1)
    # Queries 1 to 3 stand at right angles to the plane: within it, only query 0 moves the keys.
    queries = torch.tensor([[1.0, 0.0, 0.0]] + 3 * [[0.0, 0.0, 1.0]])
    shares = []
    with style():
        figure = blank(8.0, 2.7)
        for axis, temperature in zip(figure.subplots(1, len(temperatures)), temperatures, strict=True):
            move = _moves(loss, queries, keys, temperature)[1][:, :2]
            strength = move.norm(dim=1)
            shares.append((100 * strength[1:] / strength[1:].sum().clamp(min=1e-9)).tolist())
            axis.add_patch(Circle((0, 0), 1, fill=False, edgecolor=SOFT, linestyle="--", linewidth=0.8))
            axis.plot(1, 0, "o", color=QUERY, linestyle="none")
            _name_outside(axis, "query", (1.0, 0.0), QUERY)
            for n, (point, arrow) in enumerate(
                zip(keys[:, :2].tolist(), 0.6 * move / strength.max().clamp(min=1e-9), strict=True)
            ):
                axis.plot(*point, "s", linestyle="none", mfc=KEY if n == 0 else "white", mec=KEY)
                _name_outside(axis, f"key {n}" if n else "right key", point, KEY)
                _arrow(axis, point, arrow.tolist(), KEY)
            axis.set(aspect="equal", title=f"T = {temperature:g}", xlim=(-1.9, 1.9), ylim=(-1.1, 1.5))
            axis.axis("off")
    texts = [
        f"T = {temperature:g}: {', '.join(f'{part:.0f} %' for part in share)}"
        for temperature, share in zip(temperatures, shares, strict=True)
    ]
    typed = guess.rstrip("% ") if isinstance(guess, str) else guess  # asked for in percent
    made = guesses.number(typed, 0, 100, called="guess_share_of_key_1")
    guessed = guess_text(None if made is None else f"{made:g} %")
    return finish(figure, f"share of the push on keys 1, 2, 3: {'; '.join(texts)}; {guessed}")


def neighbours(pictures: ImageSet, found: Mapping[str, Tensor]) -> Picture:
    """Neighbours of QUERIES in the training set, name -> indices (6, 5); two queries beside each other.

    Each query stands framed and apart, left of the rows of its neighbours; those of its class are outlined and ticked.
    """
    queries, truth = torch.tensor(QUERIES), pictures.test.labels[list(QUERIES)]
    right = {name: pictures.train.labels[indices] == truth[:, None] for name, indices in found.items()}
    widths = [1.6, 1, 0.25, *[1] * 5, 0.6, 1, 0.25, *[1] * 5]  # names, a query, a gap, five neighbours, a gap, ...
    count, pairs = len(found), len(queries) // 2
    heights = ([1] * count + [0.3]) * pairs
    with style():
        figure = blank(WIDE, 0.58 * sum(heights[:-1]))
        figure.set_layout_engine("constrained", w_pad=0.01, h_pad=0.01, wspace=0, hspace=0)
        grid = GridSpec(len(heights) - 1, len(widths), figure, width_ratios=widths, height_ratios=heights[:-1])
        for n, query in enumerate(queries.tolist()):
            top, start = n // 2 * (count + 1), 1 + n % 2 * 8
            place = grid[top : top + count, start]
            frame(_one_image(figure, place, pictures.test.images[query]), pictures.test.images.shape[1:])
            for r, (name, indices) in enumerate(found.items(), top):
                if start == 1:
                    _name(figure, grid[r, 0], name)
                for c, index in enumerate(indices[n].tolist()):
                    axis = _one_image(figure, grid[r, start + 2 + c], pictures.train.images[index])
                    if right[name][n, c]:
                        tick(axis, pictures.train.images.shape[1:])
    of = 5 * len(queries)
    hits = [f"{name}: {int(ticks.sum())} of {of} of the same class" for name, ticks in right.items()]
    return finish(figure, "; ".join(hits))


def _name(figure: Picture, place: Any, text: str) -> None:
    axis = figure.add_subplot(place)
    axis.axis("off")
    axis.text(0.92, 0.5, text, ha="right", va="center")


def _one_image(figure: Picture, place: Any, image: Tensor) -> Axes:
    axis: Axes = figure.add_subplot(place)
    axis.axis("off")
    show_image(axis, image, None)
    return axis


def own_views(
    photo: Any, jitter: Any, grey: Any, crop: Any, networks: Mapping[str, Sequence[nn.Module]], pictures: ImageSet
) -> Picture:
    """Seven views of a test photo with colour changes of one's own, and how similar networks take them to it.

    networks: name -> encoder and head. What was typed wrongly is named, and the usual value taken.
    """
    number = guesses.setting(photo, 12, 0, len(pictures.test) - 1, called="photo")
    jitter, grey = guesses.setting(jitter, 0.5, called="jitter"), guesses.setting(grey, 0.2, called="grey")
    views = augment.SimCLRViews(crop, jitter=jitter, grey=grey)
    others = to_float(pictures.test.images[[n for n in range(257) if n != number][:256]])
    one = to_float(pictures.test.images[[number]])
    seen = views(one.repeat(7, 1, 1, 1), torch.Generator().manual_seed(0))
    labels, texts = [], []
    for name, network in networks.items():
        itself, rest = _cosines(one, seen, network, pictures), _cosines(one, others, network, pictures)
        labels.append(["photo", *(f"{value:.2f}" for value in itself)])
        texts.append(f"{name}: mean cosine {itself.mean():.2f} with its views, {rest.mean():.2f} with other photos")
    with_photo = torch.cat([one, seen])
    return plots.images([with_photo] * len(labels), list(networks), labels=labels, message="; ".join(texts))


def _cosines(one: Tensor, many: Tensor, network: Sequence[nn.Module], pictures: ImageSet) -> Tensor:
    """Of the embedding of one image (1, C, H, W) with those of many: (B,)."""
    device = next(network[0].parameters()).device
    with torch.no_grad():
        images = pictures.normalize(torch.cat([one, many]).to(device))
        embedded = nn.Sequential(*network).eval()(images).float().cpu()
    return F.cosine_similarity(embedded[:1], embedded[1:])


def similarities(
    tables: Mapping[str, Tensor], xlabel: str = "cosine similarity", limits: tuple[float, float] = (-1, 1)
) -> Picture:
    """Tables (B, B) of similarities, a panel for each: the diagonal (same photo) against the rest, as outlines.

    All panels have the same limits; values that would fill a tenth of them only are shown enlarged as well.
    """
    messages = []
    with style():
        figure = blank(WIDE, 3.2)
        axes = figure.subplots(1, len(tables), sharex=True, squeeze=False)[0]
        for axis, (name, table) in zip(axes, tables.items(), strict=True):
            partner = torch.eye(len(table), dtype=torch.bool)
            parts = {"same photo": table[partner], "different photos": table[~partner]}
            _outlines(axis, parts, limits)
            axis.set(title=name, xlabel=xlabel, ylabel="share of pairs", xlim=limits)
            low, high = table.quantile(0.01).item(), table.max().item()
            if high - low < 0.1 * (limits[1] - limits[0]):
                _enlarged(axis, parts, (low, high))
            found = (table.argmax(dim=1) == torch.arange(len(table))).float().mean()
            messages.append(
                f"{name}: mean {table[partner].mean():.2f} for the same photo, {table[~partner].mean():.2f} for others;"
                f" the partner is the most similar of {len(table)} for {found:.0%}"
            )
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return finish(figure, "\n".join(messages))


def _outlines(axis: Axes, parts: Mapping[str, Tensor], limits: tuple[float, float]) -> None:
    """Histograms of named values between the limits, as shares of all of them."""
    edges = torch.linspace(*limits, 31).tolist()
    for (name, values), colour, line in zip(parts.items(), (QUERY, KEY), ("-", "--"), strict=True):
        weights = torch.full_like(values, 1 / len(values)).numpy()
        axis.hist(values.numpy(), edges, weights=weights, label=name, histtype="step", lw=2, color=colour, ls=line)
    axis.yaxis.set_major_formatter(PercentFormatter(1))


def _enlarged(axis: Axes, parts: Mapping[str, Tensor], limits: tuple[float, float]) -> None:
    inside = axis.inset_axes((0.16, 0.3, 0.66, 0.5))
    _outlines(inside, parts, limits)
    inside.set(xlim=limits, xticks=limits)
    inside.set_xticklabels([f"{value:.3f}" for value in limits])
    inside.set_title(f"enlarged: {limits[0]:.3f} to {limits[1]:.3f}", fontsize=9)
    inside.tick_params(labelsize=8)


def colour_similarity(a: Tensor, b: Tensor) -> Tensor:
    """How alike the colours of images (B, 3, H, W) are: overlap (B, B), 0 to 1, of histograms of 4 x 4 x 4 colours."""
    one, two = _colours(a), _colours(b)
    return torch.stack([torch.minimum(row, two).sum(dim=1) for row in one])


def _colours(images: Tensor) -> Tensor:
    bins = (images * 4).long().clamp(0, 3)
    bins = (16 * bins[:, 0] + 4 * bins[:, 1] + bins[:, 2]).flatten(1)
    return torch.stack([row.bincount(minlength=64).float() / len(row) for row in bins])


def _moves(loss: Loss, queries: Tensor, keys: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    one, two = (part.clone().requires_grad_() for part in (queries, keys))
    value = loss(one, two, temperature)
    if not value.requires_grad:
        return torch.zeros_like(queries), torch.zeros_like(keys)
    for_one, for_two = torch.autograd.grad(value, (one, two), allow_unused=True, materialize_grads=True)
    return -for_one, -for_two


def _fall(loss: Loss, points: Sequence[Tensor], temperature: float, moves: Sequence[Tensor]) -> float:
    """How fast the loss falls along the moves."""
    step = 0.01 / max(1e-9, *(move.abs().max().item() for move in moves))
    behind, ahead = (
        loss(points[0] + by * moves[0], points[1] + by * moves[1], temperature).item() for by in (-step, step)
    )
    return (behind - ahead) / (2 * step)


def _angles(points: Tensor, moves: Tensor) -> list[str]:
    cosines = F.cosine_similarity(points, moves, dim=1)
    still = moves.norm(dim=1) < 1e-6
    return ["no force" if s else f"{torch.rad2deg(c.acos()):.0f}" for c, s in zip(cosines, still, strict=True)]


def _name_outside(axis: Axes, name: str, point: Sequence[float], colour: str) -> None:
    """A label beyond the point, seen from the origin."""
    length = (point[0] ** 2 + point[1] ** 2) ** 0.5
    away = 12 * point[0] / length, 12 * point[1] / length
    side = "left" if away[0] > 4 else "right" if away[0] < -4 else "center"
    axis.annotate(
        name,
        (point[0], point[1]),
        away,
        textcoords="offset points",
        ha=side,
        va="center",
        fontsize=9,
        color=colour,
        bbox=NO_LINES,
    )


def _arrow(axis: Axes, start: Sequence[float], by: Sequence[float], colour: str) -> None:
    if not (by[0] ** 2 + by[1] ** 2) ** 0.5 >= 0.02:
        return
    end = (start[0] + by[0], start[1] + by[1])
    axis.annotate(
        "",
        end,
        (start[0], start[1]),
        arrowprops={"arrowstyle": "-|>", "color": colour, "linewidth": 1.5, "shrinkA": 0, "shrinkB": 0},
    )
