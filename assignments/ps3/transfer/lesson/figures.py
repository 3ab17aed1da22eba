"""The puzzle and the figures of the lesson on transfer."""

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from matplotlib.axes import Axes
from torch import Tensor, nn

from ps3 import guesses, plots, probes
from ps3.data import ImageSet
from ps3.plots.charts import YOUR_GUESS, reference_lines
from ps3.plots.figure import BLACK, GRID, INK, ORANGE, SKY, SOFT, WIDE, Picture, blank, finish, method, spread, style
from ps3.transfer import trainings
from ps3.transfer.parts import Classifier, TinyBackbone

plots.register("from scratch", colour=SKY, marker="v", line=":", filled=False)
plots.register("finetuned", colour=BLACK, marker="8", line="-")
plots.register("frozen", colour=ORANGE, marker="s", line="--")

CHANCE = 1 / len(trainings.SECOND)

# --- the opening puzzle -----------------------------------------------------------------------------------------------

# Accuracies in a race of the course's (seed 0), every fifteen steps; one of the two had learned other classes before.
RACE_STEPS = range(0, 241, 15)
CURVES = {
    "A": (
        0.203, 0.528, 0.569, 0.654, 0.713, 0.679, 0.741, 0.744, 0.735,
        0.750, 0.753, 0.749, 0.604, 0.670, 0.745, 0.708, 0.729,
    ),
    "B": (
        0.189, 0.305, 0.488, 0.512, 0.489, 0.653, 0.563, 0.557, 0.655,
        0.652, 0.643, 0.631, 0.563, 0.706, 0.657, 0.644, 0.688,
    ),
}  # fmt: skip
PRETRAINED = "A"


def two_curves() -> Picture:
    """Two networks that learn the same classes, without their names; the course's."""
    return plots.curve(
        RACE_STEPS,
        CURVES,
        reference={"chance": CHANCE},
        xlabel="steps on the second task",
        ylabel="accuracy",
        message="two networks of the same kind learned the same five classes from the same photos; chance is .20",
    )


def reveal(guess: Any) -> None:
    """Which curve it was, and whether the guess was right."""
    read = guesses.one_of(guess, list(CURVES), called="guess_pretrained")
    right = "" if read is None else " (right)" if read == PRETRAINED else " (not this one)"
    print(f"curve {PRETRAINED} had seen other animals before; {plots.guess_text(read)}{right}")


def two_tasks(pictures: ImageSet, each: int = 2) -> Picture:
    """Test images of the first task's classes above, of the second's below."""
    rows, names = [], []
    for classes in (trainings.FIRST, trainings.SECOND):
        part = trainings.task(pictures, classes).test
        chosen = [(part.labels == n).nonzero().flatten()[:each] for n in range(len(classes))]
        rows.append(part.images[torch.cat(chosen)])
        names.append([name if not n else "" for name in classes for n in range(each)])
    message = f"first: {', '.join(trainings.FIRST)}; then: {', '.join(trainings.SECOND)}"
    return plots.images(tuple(rows), ("first", "then"), labels=tuple(names), message=message)


# --- few_labels -------------------------------------------------------------------------------------------------------


def chosen_places(draws: Sequence[Tensor], labels: Tensor) -> Picture:
    """Which of the labels (N,) some draws chose: a panel a draw, a row a class, a dot for each chosen place."""
    with style():
        figure = blank(WIDE, 2.4)
        axes = figure.subplots(1, len(draws), sharey=True, squeeze=False)[0]
        for number, (axis, places) in enumerate(zip(axes, draws, strict=True)):
            places = places.detach().cpu().long().clamp(0, len(labels) - 1)
            axis.plot(range(len(labels)), labels.tolist(), "|", mec=SOFT, markersize=12, ls="none")
            axis.plot(places.tolist(), labels[places].tolist(), "o", color=INK, markersize=8, ls="none")
            axis.set(title=f"draw {number + 1}", xlabel="place", yticks=sorted(set(labels.tolist())))
            axis.margins(y=0.2)
        axes[0].set_ylabel("class")
    classes = sorted(set(labels.tolist()))
    counts = [", ".join(str(int((labels[p.long()] == c).sum())) for c in classes) for p in draws]
    return finish(figure, "; ".join(f"draw {n + 1}: {text} of each class" for n, text in enumerate(counts)))


# --- load_backbone ----------------------------------------------------------------------------------------------------

STAND = ("as it was", "as in the state", "neither")


def small_pair() -> tuple[Classifier, Classifier]:
    """Two small classifiers of the same sizes, all of whose entries differ."""
    torch.manual_seed(0)
    pair = Classifier(TinyBackbone(4, 3), 3), Classifier(TinyBackbone(4, 3), 3)
    for n, network in enumerate(pair):
        for value in network.state_dict().values():
            value.copy_(torch.rand(value.shape) + n + 1 if value.is_floating_point() else torch.tensor(n + 3))
    return pair


def loaded(load: trainings.Load) -> Picture:
    """Where each entry of a small network stands after loading, who is named in the answer, and what is refused."""
    network, other = small_pair()
    before, state = copy.deepcopy(network.state_dict()), other.state_dict()
    answer = load(network, state)
    named = set(answer) if isinstance(answer, (list, tuple)) else set()
    after, names = network.state_dict(), list(before)
    columns = [_stands(after[name], before[name], state[name]) for name in names]
    with style():
        figure = blank(6.5, 3.4)
        axis = figure.subplots()
        for row, (name, column) in enumerate(zip(names, columns, strict=True)):
            axis.plot(column, row, "o", color=INK, ls="none", markersize=7)
            if name in named:
                axis.plot(column, row, "o", mfc="none", mec=INK, mew=1.5, ls="none", markersize=15)
        axis.set(xlim=(-0.5, 2.5), ylim=(len(names) - 0.5, -0.5), title="Where each entry stands; ringed if named")
        axis.set_xticks(range(3), STAND)
        axis.set_yticks(range(len(names)), names)
    counts = ", ".join(f"{columns.count(n)} {STAND[n]}" for n in range(3))
    return finish(figure, f"{counts}; {len(named)} named. {_refusals(load)}")


def _stands(now: Tensor, before: Tensor, given: Tensor) -> int:
    if now.shape == before.shape and torch.equal(now, before):
        return 0
    return 1 if now.shape == given.shape and torch.equal(now, given) else 2


def _refusals(load: trainings.Load) -> str:
    texts = []
    for what in ("lacks its last entry", "has an entry too many", "has another shape at the end"):
        network, other = small_pair()
        before, state = copy.deepcopy(network.state_dict()), dict(other.state_dict())
        last = "backbone.norm.num_batches_tracked"
        if what.startswith("lacks"):
            del state[last]
        else:
            state |= {last: torch.ones(2)} if "shape" in what else {"backbone.more": torch.ones(2)}
        try:
            load(network, state)
            how = "accepted"
        except ValueError:
            how = "refused"
        except Exception as error:  # whatever an unfinished function raises is what the figure tells
            how = type(error).__name__
        changed = sum(not torch.equal(before[n], v) for n, v in network.state_dict().items())
        texts.append(f"a state that {what}: {how}, {changed or 'no'} entries changed")
    return "; ".join(texts)


# --- parameter_groups -------------------------------------------------------------------------------------------------


def grouped(groups: trainings.Groups, rates: Sequence[tuple[float, float]] = ((0.01, 0.001), (0.01, 0.0))) -> Picture:
    """For two pairs of rates, which parameter of a small network has which rate; filled where it decays."""
    network, _ = small_pair()
    names = {id(value): name for name, value in network.named_parameters()}
    order, messages = list(names.values()), []
    with style():
        figure = blank(WIDE, 2.9)
        for axis, (head, backbone) in zip(figure.subplots(1, len(rates), sharey=True), rates, strict=True):
            given = groups(network, head, backbone, 0.1)
            seen = _draw_groups(axis, given, names, order)
            title = f"head_rate {head:g}, backbone_rate {backbone:g}"
            axis.set(title=title, xlim=(2e-4, 0.04), xscale="log", xlabel="learning rate")
            axis.set_xticks([3e-4, 1e-3, 1e-2], ["in no group", "0.001", "0.01"])
            axis.minorticks_off()
            axis.set_yticks(range(len(order)), order)
            axis.set_ylim(len(order) - 0.5, -0.5)
            empty = sum(not list(group["params"]) for group in given)
            messages.append(f"{title}: {len(given)} groups ({empty} empty), {seen} of {len(order)} parameters")
    network.head = nn.Linear(4, 3, bias=False)
    sizes = [len(list(group["params"])) for group in groups(network, 0.01, 0.0, 0.1)]
    messages.append(f"without a bias in the head: {len(sizes)} groups ({sizes.count(0)} empty)")
    return finish(figure, "; ".join(messages))


def _draw_groups(axis: Axes, given: Sequence[Mapping[str, Any]], names: Mapping[int, str], order: Sequence[str]) -> int:
    seen: list[str] = []
    for group in given:
        for value in group["params"]:
            if (name := names.get(id(value))) is not None:
                place, again = order.index(name), seen.count(name)
                fill = INK if group["weight_decay"] else "white"
                rate = max(float(group["lr"]), 3e-4)
                axis.plot(rate, place + 0.25 * again, "o", mfc=fill, mec=INK, mew=1.5, ls="none")
                seen.append(name)
    for name in set(order) - set(seen):
        axis.plot(3e-4, order.index(name), "x", color=SOFT, mec=SOFT, ls="none")
    return len(set(seen))


# --- finetune_step ----------------------------------------------------------------------------------------------------

SETTINGS = {"both at .1": (0.1, 0.1), "backbone at .001": (0.1, 0.001), "backbone at 0": (0.1, 0.0)}
MOVING = ("head", "backbone's weights", "running statistics")


def moved(step: trainings.Step, network: Classifier, images: Tensor, labels: Tensor) -> Picture:
    """The largest change of any number in one step, for three settings of the rates; the network stays as it is."""
    rows = []
    for head, backbone in SETTINGS.values():
        tried = copy.deepcopy(network)
        before = copy.deepcopy(tried.state_dict())
        step(tried, images, labels, head, backbone)
        rows.append(_changes(before, tried))
    table = torch.tensor(rows).T
    title = "The largest change of any number in one step"
    text = "; ".join(
        f"{name}: {', '.join(f'{v:.5f}' for v in row)}" for name, row in zip(MOVING, table.tolist(), strict=True)
    )
    return plots.matrix(table, MOVING, list(SETTINGS), title=title, digits=5, message=text)


def _changes(before: Mapping[str, Tensor], network: nn.Module) -> list[float]:
    buffers = {name for name, _ in network.named_buffers()}
    found = dict.fromkeys(MOVING, 0.0)
    for name, value in network.state_dict().items():
        if value.is_floating_point():
            part = MOVING[0] if name.startswith("head.") else MOVING[2 if name in buffers else 1]
            found[part] = max(found[part], (value - before[name]).abs().max().item())
    return list(found.values())


def architecture() -> Picture:
    """The network for the second task: what comes along and what is new; B photos."""
    Stage = plots.Stage
    return plots.architecture(
        [
            Stage("B photos", "B × 3 × 32 × 32"),
            Stage("backbone (ResNet8)", "B × 128: features", "frozen", "from the first task: frozen, or finetuned"),
            Stage("head", "B × 5: scores", "trained", "new: other classes"),
            Stage("cross-entropy", kind="loss"),
        ],
        title="The second task",
    )


# --- the race and the curve -------------------------------------------------------------------------------------------


def race(lines: Mapping[str, Mapping[int, float]]) -> Picture:
    """Accuracy by steps for each way, what training from scratch ends with, and where the others reach it."""
    goal = trainings.end_of(dict(lines["from scratch"]))
    error = 2 * probes.standard_error(goal, trainings.MEASURED_ON)
    needed = {way: trainings.steps_to(dict(line), goal) for way, line in lines.items()}
    with style():
        figure = blank(7.5, 3.6)
        axis = figure.subplots()
        axis.axhspan(goal - error, goal + error, color=GRID)
        for way, line in lines.items():
            look = method(way)
            axis.plot(list(line), list(line.values()), color=look.colour, linestyle=look.line, **look.marks)
            if way != "from scratch" and needed[way] is not None:
                axis.axvline(needed[way] or 0, color=look.colour, linestyle=look.line, linewidth=1)
        axis.axhline(goal, color=SOFT, linestyle=":", linewidth=1.2)
        reference_lines(axis, {"chance": CHANCE})
        title = "When is it as good as scratch in the end (grey band)?"
        axis.set(xlabel="steps on the second task", ylabel="accuracy", title=title)
        _names_at_ends(axis, {way: (list(line)[-1], list(line.values())[-1]) for way, line in lines.items()})
    steps = max(lines["from scratch"])
    texts = [f"scratch ends with {goal:.3f} ± {error:.3f} after {steps} steps"]
    for way, found in needed.items():
        if way != "from scratch":
            texts.append(
                f"{way}: {'never' if found is None else f'after {found} ({steps / max(found, 1):.0f} times faster)'}"
            )
    return finish(figure, "; ".join(texts))


def label_curve(found: Mapping[tuple[str, int], float], guessed: Mapping[int, float | None], tested: int) -> Picture:
    """Accuracy against labels a class, the gap between finetuned and from scratch shaded, guessed gains as diamonds."""
    counts = [count for count in trainings.COUNTS if all((way, count) in found for way in trainings.WAYS)]
    lines = {way: [found[way, count] for count in counts] for way in trainings.WAYS}
    gains = [a - b for a, b in zip(lines["finetuned"], lines["from scratch"], strict=True)]
    made = {count: gain for count, gain in guessed.items() if gain is not None and count in counts}
    with style():
        figure = blank(7.5, 3.8)
        axis = figure.subplots()
        axis.fill_between(counts, lines["from scratch"], lines["finetuned"], color=GRID, label="gain")
        for way, values in lines.items():
            look, errors = method(way), [2 * probes.standard_error(value, tested) for value in values]
            axis.errorbar(counts, values, errors, color=look.colour, linestyle=look.line, capsize=3, **look.marks)
        for count, gain in made.items():
            axis.plot(count, found["from scratch", count] + gain, "D", mfc="none", mec=INK, mew=1.5, ms=10, ls="none")
        axis.set(xscale="log", xlabel="labels a class (log scale)", ylabel="accuracy", ylim=(0, 1))
        axis.set_xticks(counts, [f"{count:,}" for count in counts])
        axis.minorticks_off()
        reference_lines(axis, {"chance": CHANCE})
        _names_at_ends(axis, {way: (counts[-1], values[-1]) for way, values in lines.items()})
        if made:
            axis.plot([], [], "D", mfc="none", mec=INK, mew=1.5, ms=10, ls="none", label=YOUR_GUESS)
            axis.legend(loc="lower right")
    blur = 2 * 2**0.5 * probes.standard_error(0.75, tested)
    text = ", ".join(f"{gain:+.3f} at {count:,}" for count, gain in zip(counts, gains, strict=True))
    told = "; ".join(f"your guess at {count:,}: {gain:+.2f}" for count, gain in made.items()) or "no guess made"
    return finish(figure, f"gain of finetuning over scratch: {text} (each ± {blur:.3f} by the test images); {told}")


def _names_at_ends(axis: Axes, ends: Mapping[str, tuple[float, float]]) -> None:
    """Names right of the axes, apart from each other."""
    low, high = axis.get_ylim()
    axis.set_ylim(low, high)
    heights = spread([y for _, y in ends.values()], (high - low) / 12)
    for name, height in zip(ends, heights, strict=True):
        axis.annotate(
            name,
            ends[name],
            (1.04, height),
            textcoords=axis.get_yaxis_transform(),
            va="center",
            color=INK,
            annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": method(name).colour, "linewidth": 0.8, "shrinkB": 4},
        )
