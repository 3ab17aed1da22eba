"""The puzzle and the figures of the lesson on linear probes.

It judges the methods of the other two lessons, and so draws them as those do.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from matplotlib.axes import Axes
from matplotlib.gridspec import GridSpec
from torch import Tensor

from ps3 import guesses, plots, probes
from ps3.contrastive_learning.figures import SIMCLR
from ps3.data import ImageSet
from ps3.linear_probe.parts import TinyEncoder
from ps3.masked_autoencoder.figures import MAE
from ps3.plots.charts import reference_lines
from ps3.plots.figure import INK, SOFT, WIDE, Picture, blank, finish, guess_text, method, style
from ps3.plots.grids import frame, show_image, tick

Accuracy = Callable[[Tensor, Tensor, Tensor, Tensor], float]  # weight, bias, features, labels -> share of the right

# --- the opening puzzle -----------------------------------------------------------------------------------------------

QUERIES = (13, 16)  # two images of the test split
NETWORKS = ("random ResNet", "MAE", "SimCLR", "rotation")  # the last two of these that are there
LETTERS = "ADCB"  # the feature sets in the order in which they are made


def puzzle(features: Mapping[str, probes.Features], count: int = 4_000) -> dict[str, tuple[str, Tensor]]:
    """Letter -> (name of the features, the five nearest training images of each query (2, 5)); four letters.

    Pixels, hand-crafted features and two networks, among the first `count` labelled training images.
    """
    found = {}
    two = [name for name in NETWORKS if name in features][-2:]
    for letter, name in zip(LETTERS, ["pixels", "hand-crafted", *two], strict=True):
        train, test = features[name]
        found[letter] = (name, probes.nearest(test[list(QUERIES)], train[:count], 5))
    return dict(sorted(found.items()))


def show_puzzle(
    known: ImageSet, puzzle: Mapping[str, tuple[str, Tensor]], reveal: bool = False, guess: object = None
) -> Picture:
    """A row for each feature set: two framed queries, each with its five neighbours; named and ticked to reveal."""
    hits = []
    with style():
        figure = blank(WIDE, 0.3 + 0.62 * len(puzzle))
        grid = GridSpec(len(puzzle), len(STRIP), figure, width_ratios=STRIP)
        for r, (letter, (name, indices)) in enumerate(puzzle.items()):
            same = known.train.labels[indices] == known.test.labels[list(QUERIES)].unsqueeze(1)
            hits.append(f"{letter} ({name}) {int(same.sum())} of 10")
            for q, query in enumerate(QUERIES):
                axes = [figure.add_subplot(grid[r, column + 8 * q]) for column in (0, 2, 3, 4, 5, 6)]
                _query_and_nearest(axes, known, query, indices[q], same[q] & reveal)
                if r == 0:
                    axes[0].set_title("query", fontsize=9, pad=2)
                    axes[3].set_title("its five nearest", fontsize=9, pad=2)
                if q == 0:
                    text = f"{letter}: {name}" if reveal else letter
                    axes[0].text(-0.15, 0.5, text, transform=axes[0].transAxes, ha="right", va="center")
    if not reveal:
        return finish(figure, "four feature sets; in each row two queries, framed, and five neighbours after each")
    guess = guesses.one_of(guess, list(puzzle), called="guess_best")
    return finish(figure, f"neighbours of the query's class: {', '.join(hits)}; {guess_text(guess)}")


STRIP = [1, 0.25, 1, 1, 1, 1, 1, 0.6, 1, 0.25, 1, 1, 1, 1, 1]  # widths: query, gap, five neighbours; a gap; again


def _query_and_nearest(axes: Sequence[Axes], known: ImageSet, query: int, nearest: Tensor, ticked: Tensor) -> None:
    for axis in axes:
        axis.axis("off")
    show_image(axes[0], known.test.images[query], None)
    frame(axes[0], known.test.images.shape[1:])
    for axis, index, right in zip(axes[1:], nearest.tolist(), ticked.tolist(), strict=True):
        show_image(axis, known.train.images[index], None)
        if right:
            tick(axis, known.train.images.shape[1:])


def architecture() -> Picture:
    """Where the features come from (left) and what the lesson does with them (right)."""
    Stage = plots.Stage
    return plots.architecture(
        [
            [
                Stage("25,000 images", "3 × 32 × 32", note="without labels"),
                Stage("500 to 10,000 images", "3 × 32 × 32", note="with labels"),
            ],
            [Stage("encoder", "128 features", "trained"), Stage("the same encoder", "128 features", "frozen")],
            [
                Stage("decoder or head", "", "thrown away"),
                Stage("standardise", "128 features", "fixed", note="by the training set"),
            ],
            [Stage("loss without labels", kind="loss"), Stage("linear classifier", kind="trained", note="10 scores")],
        ],
        title="Before this notebook (left), and in it (right)",
    )


# --- figures of the exercises -----------------------------------------------------------------------------------------


def state(encoder: TinyEncoder) -> dict[str, float]:
    """What looking at images may change in an encoder: its running mean, and which parts are training (1) or not."""
    means = {f"mean {number}": value for number, value in enumerate(encoder.state_dict()["norm.running_mean"].tolist())}
    return means | {name or "encoder": float(part.training) for name, part in encoder.named_modules()}


def changes(before: Mapping[str, float], after: Mapping[str, float]) -> Picture:
    """Two states of an encoder, one above the other; what differs is outlined."""
    moved = [name for name in before if before[name] != after[name]]
    table = torch.tensor([list(before.values()), list(after.values())])
    outline = [(1, list(before).index(name)) for name in moved]
    message = f"changed: {', '.join(moved) or 'nothing'}"
    title = "The encoder's state, before and after"
    return plots.matrix(table, ["before", "after"], list(before), outline=outline, title=title, message=message)


CENTRES = torch.tensor([[-1.2, -0.6], [1.2, -0.8], [0.2, 1.3]])


def clouds(counts: Sequence[int] = (70, 35, 15), seed: int = 0) -> tuple[Tensor, Tensor]:
    """Three clouds of points in the plane that overlap, the third is rare: points (N, 2), labels (N,), falling."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(3).repeat_interleave(torch.tensor(counts))
    points = CENTRES[labels] + 0.75 * torch.randn(len(labels), 2, generator=generator)
    return points.flip(0), labels.flip(0)


def standardized(train: Tensor, test: Tensor) -> Picture:
    """Mean and deviation of each feature of the training set (N, D), as circles, and of the test set, as crosses."""
    mean, deviation = train.detach().double().mean(dim=0), train.detach().double().std(dim=0)
    with style():
        figure = blank(5.6, 3.6)
        axis = figure.subplots()
        other, colour = test.detach().double(), SIMCLR.colour
        axis.plot(other.mean(dim=0), other.std(dim=0), "x", ls="none", mec=colour, ms=5, label="test set")
        circle: dict[str, Any] = {"mfc": "none", "mec": MAE.colour, "mew": 2, "ms": 10}
        axis.plot(mean, deviation, "o", ls="none", label="training set", **circle)
        (left, right), (_, top) = axis.get_xlim(), axis.get_ylim()
        axis.set(xlim=(min(left, -0.25), max(right, 0.25)), ylim=(-0.15, max(top, 1.5)))
        axis.set(xlabel="mean afterwards", ylabel="deviation afterwards", title="One mark for each feature")
        figure.legend(loc="outside right upper")
    ranges = [
        f"{name} {values.min().round(decimals=3) + 0:.3f} to {values.max().round(decimals=3) + 0:.3f}"
        for name, values in (("means", mean), ("deviations", deviation))
    ]
    return finish(figure, f"training set: {', '.join(ranges)}")


def bowls(weight: Tensor, bias: Tensor, features: Tensor, labels: Tensor, l2: float, lines: int = 20) -> Picture:
    """The objective of the probe along random straight lines through an answer, above its value there."""
    generator = torch.Generator().manual_seed(0)
    weight, bias, features = (part.detach().double() for part in (weight, bias, features))
    steps = torch.linspace(-0.6, 0.6, 61, dtype=torch.float64)

    def objective(weight: Tensor, bias: Tensor) -> float:
        scores = features @ weight.T + bias
        losses = scores.logsumexp(dim=1) - scores[range(len(labels)), labels]
        return (losses.mean() + l2 / 2 * weight.square().sum()).item()

    here, heights = objective(weight, bias), []
    for _ in range(lines):
        moves = [torch.randn(part.shape, generator=generator, dtype=torch.float64) for part in (weight, bias)]
        length = torch.cat([move.flatten() for move in moves]).norm()
        away = [(weight + s * moves[0] / length, bias + s * moves[1] / length) for s in steps]
        heights.append([objective(*place) - here for place in away])
    table = torch.tensor(heights)
    lowest = steps[table.argmin(dim=1)]
    with style():
        figure = blank(6.0, 3.2)
        axis = figure.subplots()
        axis.plot(steps, table.T, color=MAE.colour, linewidth=0.9, alpha=0.6)
        axis.plot(lowest, table.min(dim=1).values, "v", color=SIMCLR.colour, label="lowest point of a line")
        axis.plot(0, 0, "o", mfc="none", mec=INK, mew=1.5, ms=14, ls="none", label="your answer")
        axis.set(xlabel="distance from your answer", ylabel="objective, above yours", title="Twenty straight lines")
        axis.legend(loc="upper center")
    at_home, deeper = int((lowest.abs() < 0.03).sum()), max(0.0, -table.min().item())
    return finish(
        figure, f"{at_home} of {lines} lines are lowest at your answer; the lowest point is {deeper:.2g} deeper"
    )


def plane(weight: Tensor, bias: Tensor, points: Tensor, labels: Tensor) -> Picture:
    """Points of three classes in the plane, and the regions in which a linear classifier chooses each."""
    weight, bias = weight.detach().float().cpu(), bias.detach().float().cpu()
    ticks = torch.linspace(-3.5, 3.5, 561)
    rows, columns = torch.meshgrid(ticks, ticks, indexing="ij")
    ahead = leads(torch.stack([columns, rows], dim=-1) @ weight.T + bias)  # (561, 561, 3)
    wrong = int((leads(points @ weight.T + bias)[range(len(points)), labels] < 0).sum())
    with style():
        figure = blank(5.4, 3.4)
        axis = figure.subplots()
        for lead, shade in zip(ahead.unbind(dim=2), ("#DCE6F2", "#F7E3D6", "#EDEDED"), strict=True):
            if lead.max() > 0:
                axis.contourf(ticks, ticks, lead, levels=[0, float(lead.max()) + 1], colors=[shade])
            if lead.min() < 0 < lead.max():  # borders, to be seen in grey too
                axis.contour(ticks, ticks, lead, levels=[0], colors=INK, linewidths=1)
        for label, (marker, name) in enumerate(zip("o^s", ("MAE", "SimCLR", "supervised"), strict=True)):
            own = points[labels == label]
            axis.plot(own[:, 0], own[:, 1], marker, ls="none", color=method(name).colour, label=f"class {label}")
        axis.set(xlabel="feature 0", ylabel="feature 1", title="Regions of three classes", aspect="equal")
        axis.grid(False)
        figure.legend(loc="outside right upper")
    return finish(figure, f"{wrong} of {len(points)} points lie in another class's region")


def leads(scores: Tensor) -> Tensor:
    """By how much each of three scores (..., 3) exceeds the higher of the other two."""
    return scores - torch.stack([scores[..., others].amax(dim=-1) for others in ([1, 2], [0, 2], [0, 1])], dim=-1)


def lifted(accuracy: Accuracy) -> Picture:
    """Accuracy of a classifier of the clouds while the bias of its rare class 2 rises, beside a count of the points."""
    (points, labels), shifts = clouds(), torch.linspace(-6, 8, 29)
    biases = [torch.tensor([0.0, 0.0, shift]) - CENTRES.square().sum(dim=1) / 2 for shift in shifts.tolist()]
    yours = [accuracy(CENTRES.clone(), bias.clone(), points.clone(), labels.clone()) for bias in biases]
    scores = torch.stack([points @ CENTRES.T + bias for bias in biases])
    counted = [sum(max(range(3), key=row.__getitem__) == c for row, c in zip(table, labels.tolist(), strict=True))
               for table in scores.tolist()]  # fmt: skip
    both = {"yours": torch.tensor(yours), "counted": torch.tensor(counted) / len(labels)}
    middle = yours[int(shifts.abs().argmin())]
    message = f"with nothing added: {float(middle):.3f}, a {type(middle).__name__}; counted: {both['counted'][12]:.3f}"
    return plots.scatter(
        shifts, both, xlabel="added to the bias of class 2", ylabel="accuracy", title="One bias rises", message=message
    )


def confusion(
    accuracy: Accuracy, weight: Tensor, bias: Tensor, test: Tensor, known: ImageSet, guess: Sequence[str] | None
) -> Picture:
    """How often a classifier takes each class (row) of the test set for which (column).

    The accuracy tells: of the images of one class, with another class's label.
    """
    labels, names = known.test.labels, list(known.classes)
    counts = torch.zeros(len(names), len(names))
    for row in range(len(names)):
        own = test[labels == row]
        for column in range(len(names)):
            counts[row, column] = round(len(own) * accuracy(weight, bias, own, torch.full((len(own),), column)))
    both = (counts + counts.T).triu(1)
    one, two = divmod(int(both.argmax()), len(names))
    pair = f"{names[one]} and {names[two]}, {int(both.max())} times"
    guessed = [name for name in guesses.names(guess, 2, names, called="guess_confused") if name]
    return plots.matrix(
        counts,
        names,
        names,
        outline=[(one, two), (two, one)],
        row_axis="it is",
        column_axis="the probe says",
        message=f"most often confused: {pair}; {guess_text(' and '.join(guessed) or None)}",
        title="Which classes are taken for which?",
    )


def templates(weight: Tensor, pictures: ImageSet) -> Picture:
    """Rows of a pixel probe's weight (classes, 3 * 32 * 32) as images: grey is 0."""
    images = weight.detach().reshape(len(weight), *pictures.train.images.shape[1:])
    images = 0.5 + images / (6 * images.flatten(1).std(dim=1).view(-1, 1, 1, 1))
    return plots.images(images, columns=pictures.classes, message="weights of " + ", ".join(pictures.classes))


def by_layer(lines: Mapping[str, Sequence[float]], error: float) -> Picture:
    """Probe accuracy after each block of some encoders; 0 is what stands before the first block."""
    with style():
        figure = blank(6.5, 3.2)
        axis = figure.subplots()
        for number, (name, values) in enumerate(lines.items()):
            _line(axis, name, number, values, error)
        reference_lines(axis, {"chance": 0.1})
        axis.set(xlabel="after block", ylabel="probe accuracy", title="A probe after each block", ylim=(0, None))
        axis.set_xticks(range(max(map(len, lines.values()))))
        figure.legend(loc="outside right upper")
    peaks = ", ".join(f"{name} after block {max(range(len(v)), key=v.__getitem__)}" for name, v in lines.items())
    return finish(figure, f"highest dot: {peaks}; bars, ± {error:.3f}: other test images; chance .10")


def _line(axis: Axes, name: str, number: int, values: Sequence[float], error: float) -> None:
    look = method(name, number)
    places = range(len(values))
    axis.errorbar(places, values, error, color=look.colour, linestyle=look.line, capsize=3, label=name, **look.marks)


# Measured by experiments/finetune.py, three draws of 1,000 labels, one pretraining: a linear head, all weights.
HEAD_OR_ALL: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "hand-crafted": ((0.42, 0.4152, 0.4198), ()),
    "random transformer": ((0.357, 0.3572, 0.3674), (0.3426, 0.3452, 0.3716)),
    "MAE": ((0.466, 0.454, 0.4544), (0.4786, 0.473, 0.4718)),
    "random ResNet": ((0.3022, 0.3086, 0.277), (0.4596, 0.4572, 0.4484)),
    "SimCLR": ((0.4534, 0.4484, 0.447), (0.5104, 0.5164, 0.5032)),
}


def head_or_all(yours: Mapping[str, tuple[float, float]], guessed: object = None) -> Picture:
    """For each start, what a linear head reads (circles) and what all weights reach (squares), with 1,000 labels.

    Filled are the course's ranges; `yours`, name -> both accuracies, are hollow, guesses of the second diamonds.
    """
    names = [*HEAD_OR_ALL, *(name for name in yours if name not in HEAD_OR_ALL)]
    made = {name: value for name, value in guesses.by_name(guessed, list(yours)).items() if value is not None}
    with style():
        figure = blank(7.0, 1.3 + 0.55 * len(names))
        axis = figure.subplots()
        for place, name in enumerate(names):
            colour = method(name).colour
            for marker, values in zip("os", HEAD_OR_ALL.get(name, ()), strict=False):
                _range(axis, values, place - 0.13, marker, colour)
            for marker, value in zip("os", yours.get(name, ()), strict=False):
                _mine(axis, value, place + 0.2, marker, colour)
            if name in made:
                _mine(axis, made[name], place + 0.2, "D", INK)
        _key(axis, bool(made))
        axis.set_yticks(range(len(names)), names)
        axis.set(xlim=(0, None), ylim=(len(names) - 0.4, -0.6))
        axis.set(xlabel="accuracy on the test set, 1,000 labels", title="A linear head, or all weights trained")
        figure.legend(loc="outside lower center", ncols=2)
    numbers = "; ".join(_in_numbers(name, yours.get(name)) for name in names)
    guess = guess_text(", ".join(f"{name} {value:.2f}" for name, value in made.items()) or None)
    return finish(figure, f"head → all weights: {numbers}; {guess}")


def _key(axis: Axes, guessed: bool) -> None:
    """What the marks mean, and chance."""
    marks = [("o", "a linear head, the rest frozen", INK), ("s", "all weights trained", INK), ("o", "yours", "white")]
    for marker, text, face in marks + [("D", "your guess", "white")] * guessed:
        axis.plot([], [], marker, ls="none", color=INK, mfc=face, mec=INK, ms=8, label=text)
    axis.axvline(0.1, color=SOFT, linestyle="--", linewidth=1.2)
    axis.annotate("chance", (0.1, -0.55), (3, -2), textcoords="offset points", color=SOFT, fontsize=9, va="top")


def _mine(axis: Axes, value: float, place: float, marker: str, colour: str) -> None:
    axis.plot(value, place, marker, ls="none", mfc="white", mec=colour, mew=1.5, ms=8)


def _range(axis: Axes, values: Sequence[float], place: float, marker: str, colour: str) -> None:
    """The mean, with a bar from the lowest to the highest; nothing where there are no values."""
    if values:
        low, middle, high = min(values), sum(values) / len(values), max(values)
        reach = [[middle - low], [high - middle]]
        axis.errorbar(middle, place, xerr=reach, color=colour, marker=marker, ms=8, capsize=3)


def _in_numbers(name: str, yours: tuple[float, float] | None) -> str:
    means = [sum(values) / len(values) for values in HEAD_OR_ALL.get(name, ()) if values]
    text = f"{name} " + " → ".join(f"{mean:.3f}" for mean in means)
    return text + (f" (yours {yours[0]:.3f} → {yours[1]:.3f})" if yours else "")
