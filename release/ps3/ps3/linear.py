"""The puzzle, the table and the figures of the lesson on linear probes that no other lesson needs."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from matplotlib.axes import Axes
from torch import Tensor
from torch.nn import functional as F

from ps3 import augment, plots, probes, training
from ps3.charts import reference_lines
from ps3.data import ImageSet, labelled_subset
from ps3.figure import INK, Picture, blank, finish, method, style
from ps3.frozen import FrozenTransformer
from ps3.resnet import ResNet8

Features = tuple[Tensor, Tensor]  # of the labelled training images, of the test images
Probe = Callable[[Tensor, Tensor, Tensor, Tensor], float]  # train, labels, test, its labels -> accuracy

# --- the opening puzzle -----------------------------------------------------------------------------------------------

QUERIES = (13, 16)  # two images of the test split
LETTERS = "ADCB"  # the feature sets in the order in which they are made


def puzzle(pictures: ImageSet, encoders: Mapping[str, torch.nn.Module], count: int = 4_000) -> dict[str, tuple]:
    """Letter -> (name of the features, the five nearest training images of each query (2, 5)); four letters.

    Pixels, hand-crafted features and the last two encoders, among the first `count` training images.
    """
    near, far = pictures.train.images[:count], pictures.test.images[list(QUERIES)]
    looks: dict[str, Callable[[Tensor], Tensor]] = {"pixels": probes.pixels, "hand-crafted": probes.hand_crafted}
    for name, encoder in list(encoders.items())[-2:]:
        looks[name] = lambda images, encoder=encoder: probes.features_of(encoder, pictures, images)
    found = {}
    for letter, (name, look) in zip(LETTERS, looks.items(), strict=True):
        found[letter] = (name, probes.nearest(look(far), look(near), 5))
    return dict(sorted(found.items()))


def show_puzzle(pictures: ImageSet, puzzle: Mapping[str, tuple], reveal: bool = False, guess: object = None) -> Picture:
    """A row for each feature set: two queries, each followed by its five neighbours; named and ticked to reveal."""
    rows, ticked, names, hits = [], [], [], []
    gap = torch.full_like(pictures.test.images[0], 255)
    for letter, (name, indices) in puzzle.items():
        row, ticks = [], []
        for query, nearest in zip(QUERIES, indices, strict=True):
            row += [gap] * bool(row)
            ticks += [False] * bool(ticks)
            row += [pictures.test.images[query], *pictures.train.images[nearest]]
            ticks += [False, *(pictures.train.labels[nearest] == pictures.test.labels[query]).tolist()]
        rows.append(torch.stack(row))
        ticked.append(ticks)
        names.append(f"{letter}: {name}" if reveal else letter)
        hits.append(f"{letter} ({name}) {sum(ticks)} of 10")
    if not reveal:
        return plots.images(
            rows, names, message="four feature sets; in each row two queries, five neighbours after each"
        )
    message = f"neighbours of the query's class: {', '.join(hits)}; {told(guess)}"
    return plots.images(rows, names, ticked=ticked, message=message)


def told(guess: object) -> str:
    """How a figure speaks of a guess."""
    return "no guess made" if guess is None else f"your guess: {guess}"


# --- figures of the exercises -----------------------------------------------------------------------------------------


def state(encoder: probes.TinyEncoder) -> dict[str, float]:
    """What looking at images may change in an encoder: its running mean, and which parts are training (1) or not."""
    means = {f"mean {number}": value for number, value in enumerate(encoder.norm.running_mean.tolist())}
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
        other, colour = test.detach().double(), method("SimCLR").colour
        axis.plot(other.mean(dim=0), other.std(dim=0), "x", ls="none", mec=colour, ms=5, label="test set")
        circle = {"mfc": "none", "mec": method("MAE").colour, "mew": 2, "ms": 10}
        axis.plot(mean, deviation, "o", ls="none", label="training set", **circle)
        (left, right), (_, top) = axis.get_xlim(), axis.get_ylim()
        axis.set(xlim=(min(left, -0.25), max(right, 0.25)), ylim=(-0.15, max(top, 1.5)))
        axis.set(xlabel="mean afterwards", ylabel="deviation afterwards", title="One mark for each feature")
        figure.legend(loc="outside right upper")
    told = [
        f"{name} {values.min().round(decimals=3) + 0:.3f} to {values.max().round(decimals=3) + 0:.3f}"
        for name, values in (("means", mean), ("deviations", deviation))
    ]
    return finish(figure, f"training set: {', '.join(told)}")


def bowls(weight: Tensor, bias: Tensor, features: Tensor, labels: Tensor, l2: float, lines: int = 20) -> Picture:
    """The objective of the probe along random straight lines through an answer, above its value there."""
    generator = torch.Generator().manual_seed(0)
    weight, bias, features = (part.detach().double() for part in (weight, bias, features))
    steps = torch.linspace(-0.6, 0.6, 61, dtype=torch.float64)

    def objective(weight: Tensor, bias: Tensor) -> float:
        return (F.cross_entropy(features @ weight.T + bias, labels) + l2 / 2 * weight.square().sum()).item()

    here, heights = objective(weight, bias), []
    for _ in range(lines):
        moves = [torch.randn(part.shape, generator=generator, dtype=torch.float64) for part in (weight, bias)]
        length = sum(move.square().sum() for move in moves).sqrt()
        away = [(weight + s * moves[0] / length, bias + s * moves[1] / length) for s in steps]
        heights.append([objective(*place) - here for place in away])
    table = torch.tensor(heights)
    lowest = steps[table.argmin(dim=1)]
    with style():
        figure = blank(6.0, 3.2)
        axis = figure.subplots()
        axis.plot(steps, table.T, color=method("MAE").colour, linewidth=0.9, alpha=0.6)
        axis.plot(lowest, table.min(dim=1).values, "v", color=method("SimCLR").colour, label="lowest point of a line")
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
    chosen = (torch.stack([columns, rows], dim=-1).reshape(-1, 2) @ weight.T + bias).argmax(dim=1).reshape(561, 561)
    wrong = int(((points @ weight.T + bias).argmax(dim=1) != labels).sum())
    with style():
        figure = blank(5.4, 3.4)
        axis = figure.subplots()
        axis.contourf(ticks, ticks, chosen, levels=[-0.5, 0.5, 1.5, 2.5], colors=["#DCE6F2", "#F7E3D6", "#EDEDED"])
        if chosen.min() < chosen.max():  # borders, to be seen in grey too
            axis.contour(ticks, ticks, chosen, levels=[0.5, 1.5], colors=INK, linewidths=1)
        for label, (marker, name) in enumerate(zip("o^s", ("MAE", "SimCLR", "supervised"), strict=True)):
            own = points[labels == label]
            axis.plot(own[:, 0], own[:, 1], marker, ls="none", color=method(name).colour, label=f"class {label}")
        axis.set(xlabel="feature 0", ylabel="feature 1", title="Regions of three classes", aspect="equal")
        axis.grid(False)
        figure.legend(loc="outside right upper")
    return finish(figure, f"{wrong} of {len(points)} points lie in another class's region")


def lifted(accuracy: Callable[[Tensor, Tensor, Tensor, Tensor], float]) -> Picture:
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


def confusion(weight: Tensor, bias: Tensor, test: Tensor, pictures: ImageSet, guess: Sequence[str] | None) -> Picture:
    """How often a classifier takes each class (row) of the test set for which (column)."""
    chosen, classes = (test @ weight.T + bias).argmax(dim=1), len(pictures.classes)
    counts = torch.bincount(pictures.test.labels * classes + chosen, minlength=classes**2).reshape(classes, classes)
    both = (counts + counts.T).triu(1)
    one, two = divmod(int(both.argmax()), classes)
    pair = f"{pictures.classes[one]} and {pictures.classes[two]}, {int(both.max())} times"
    names = list(pictures.classes)
    outline = [(one, two), (two, one)]
    message = f"most often confused: {pair}; {told(guess)}"
    return plots.matrix(
        counts,
        names,
        names,
        outline=outline,
        row_axis="it is",
        column_axis="the probe says",
        message=message,
        title="Which classes are taken for which?",
    )


def templates(weight: Tensor, pictures: ImageSet) -> Picture:
    """Rows of a pixel probe's weight (classes, 3 * 32 * 32) as images: grey is 0."""
    images = weight.detach().reshape(len(weight), *pictures.train.images.shape[1:])
    images = 0.5 + images / (6 * images.flatten(1).std(dim=1).view(-1, 1, 1, 1))
    return plots.images(images, columns=pictures.classes, message="weights of " + ", ".join(pictures.classes))


# --- networks ---------------------------------------------------------------------------------------------------------


def learned(pictures: ImageSet, preset: training.Preset, device: torch.device) -> dict[str, torch.nn.Module]:
    """The encoders that notebooks 1 and 2 saved, "MAE" and "SimCLR"; where neither is there, "rotation" in their place.

    Says what it found and what it does.
    """
    found: dict[str, torch.nn.Module] = {}
    for number, name, network in ((1, "MAE", FrozenTransformer()), (2, "SimCLR", ResNet8())):
        path = f"weights/{name.lower()}-{preset.name}.npz"
        if training.load(path, encoder=network.to(device)):
            found[name] = network
            print(f"{name}: from {path}")
        else:
            print(f"{name}: no {path}, so its row stays empty; notebook {number} makes that file")
    return found or {"rotation": rotation(pictures, preset, device)}


def rotation(pictures: ImageSet, preset: training.Preset, device: torch.device) -> ResNet8:
    """A ResNet8 that has learned by how many quarter turns an image was turned: no label is used."""

    def step(classifier: torch.nn.Module, encoder: ResNet8, batch: Tensor, labels: Tensor) -> Tensor:
        parts = batch.chunk(4)
        turned = torch.cat([part.rot90(turns, dims=(2, 3)) for turns, part in enumerate(parts)])
        turns = torch.cat([torch.full((len(part),), turns) for turns, part in enumerate(parts)]).to(batch.device)
        return F.cross_entropy(classifier(encoder(pictures.normalize(turned))).float(), turns)

    return _trained("rotation", step, 4, pictures, preset, device)


def supervised(pictures: ImageSet, preset: training.Preset, device: torch.device) -> ResNet8:
    """A ResNet8 trained with all labels, or with the weights of an earlier run."""

    def step(classifier: torch.nn.Module, encoder: ResNet8, batch: Tensor, labels: Tensor) -> Tensor:
        return F.cross_entropy(classifier(encoder(pictures.normalize(augment.flip(batch)))).float(), labels)

    return _trained("supervised", step, len(pictures.classes), pictures, preset, device)


def _trained(
    name: str,
    step: Callable[[torch.nn.Module, ResNet8, Tensor, Tensor], Tensor],
    classes: int,
    pictures: ImageSet,
    preset: training.Preset,
    device: torch.device,
) -> ResNet8:
    """A ResNet8 trained by `step`, with a linear layer for so many classes on top, or loaded from an earlier run."""
    torch.manual_seed(0)
    encoder, classifier = ResNet8().to(device), torch.nn.Linear(ResNet8.dim, classes).to(device)
    path = f"weights/{name}-{preset.name}.npz"
    if training.load(path, encoder=encoder, classifier=classifier):
        print(f"{name}: from {path}; delete it to train again")
        return encoder
    print(f"{name}: training, {preset.supervised:,} steps")
    training.train(
        [encoder, classifier],
        lambda batch, labels: step(classifier, encoder, batch, labels),
        pictures.train.images,
        pictures.train.labels,
        steps=preset.supervised,
        batch_size=preset.batch_size,
        schedule=training.cosine,
        watch=plots.Live({"chance": math.log(classes)}, name=name, ylabel="cross-entropy"),
    )
    training.save(path, encoder=encoder, classifier=classifier)
    return encoder


# --- the table --------------------------------------------------------------------------------------------------------


@dataclass
class Table:
    """Accuracies of a probe by method and number of labels; `known` holds the labelled images.

    rows: name -> (D, {labels: accuracies, one for each draw}).
    """

    known: ImageSet
    probe: Probe
    counts: tuple[int, ...] = probes.LABEL_COUNTS
    rows: dict[str, tuple[int, dict[int, list[float]]]] = field(default_factory=dict)

    def add(self, name: str, features: Features) -> None:
        """Judge features: three draws of labels, one where all are needed."""
        train, test = features
        labels, found = self.known.train.labels, {}
        for count in self.counts:
            draws = [labelled_subset(labels, count, draw) for draw in range(3 if count < len(labels) else 1)]
            found[count] = [self.probe(train[own], labels[own], test, self.known.test.labels) for own in draws]
        self.rows[name] = (train.shape[1], found)

    def mean(self, name: str, count: int) -> float:
        """Accuracy over the draws of so many labels."""
        values = self.rows[name][1][count]
        return sum(values) / len(values)

    def error(self, name: str, count: int) -> float:
        """The larger of: two standard errors over the test set, half the range of the draws."""
        values = self.rows[name][1][count]
        return max(self.test_error(name, count), (max(values) - min(values)) / 2)

    def test_error(self, name: str, count: int) -> float:
        return 2 * probes.standard_error(self.mean(name, count), len(self.known.test))

    def show(self, guesses: Mapping[str, float | None] | None = None) -> Picture:
        """The table as text, and its last column as dots with the guesses."""
        print(f"{'features':<20}{'D':>6}" + "".join(f"{count:>10,}" for count in self.counts) + "  labels")
        print(f"{'chance':<20}{'':>6}" + "".join(f"{1 / len(self.known.classes):>10.2f}" for _ in self.counts))
        for name, (dim, _) in self.rows.items():
            print(f"{name:<20}{dim:>6,}" + "".join(f"{self.mean(name, count):>10.3f}" for count in self.counts))
        names, most = list(self.rows), self.counts[-1]
        values, errors = ([how(name, most) for name in names] for how in (self.mean, self.error))
        xlabel = f"probe accuracy, {most:,} labels"
        chance, title = 1 / len(self.known.classes), "The table's last column"
        return plots.dots(names, values, errors, chance=chance, guesses=guesses, xlabel=xlabel, title=title)

    def by_labels(self) -> Picture:
        """Accuracy against the number of labels, a line for each row of the table."""
        lines = {name: [self.mean(name, count) for count in self.counts] for name in self.rows}
        errors = {name: [self.error(name, count) for count in self.counts] for name in self.rows}
        return plots.curve(
            self.counts,
            lines,
            errors=errors,
            reference={"chance": 1 / len(self.known.classes)},
            xlabel="labels (log scale)",
            ylabel="probe accuracy",
            log_x=True,
            title="What more labels buy",
        )


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
    return finish(figure, f"highest dot: {peaks}; error bars are ± {error:.3f}, chance .10")


def _line(axis: Axes, name: str, number: int, values: Sequence[float], error: float) -> None:
    look = method(name, number)
    places = range(len(values))
    axis.errorbar(places, values, error, color=look.colour, linestyle=look.line, capsize=3, label=name, **look.marks)
