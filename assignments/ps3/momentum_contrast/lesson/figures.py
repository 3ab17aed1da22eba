"""The figures of the lesson on momentum contrast."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from matplotlib.patches import Rectangle
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d

from ps3 import guesses, plots
from ps3.data import ImageSet, to_float
from ps3.momentum_contrast import parts
from ps3.plots.figure import INK, ORANGE, SOFT, WIDE, Picture, blank, finish, guess_text, method, style
from ps3.probes import standard_error

MOCO = plots.register("MoCo", colour=ORANGE, marker=">", line="-")
# Measured by the course on three seeds (experiments/methods): k-NN of SimCLR with the lesson's views, batch and steps,
# the mean; and accuracy after finetuning from the supervised start, by labels a class.
SIMCLR_KNN = 0.480
SUPERVISED = {20: (0.494, 0.533, 0.530), 100: (0.600, 0.625, 0.628)}

SIMCLR = plots.register("SimCLR, batch 64", colour=ORANGE, marker="^", line="--", filled=False)

Update = Callable[[nn.Module, nn.Module, float], object]


# --- the opening ------------------------------------------------------------------------------------------------------


def batch(pictures: ImageSet) -> Picture:
    """A batch of 64 photos in eight rows, the first one framed: it is the query."""
    photos = to_float(pictures.test.images[: parts.BATCH])
    with style():
        figure = blank(3.4, 3.4)
        axis = figure.subplots()
        _mosaic(axis, photos, 8)
        side = photos.shape[3]
        axis.add_patch(Rectangle((-0.5, -0.5), side, side, fill=False, edgecolor=INK, linewidth=5))
        axis.add_patch(Rectangle((-0.5, -0.5), side, side, fill=False, edgecolor="white", linewidth=2))
    return finish(figure, f"a batch of {parts.BATCH} photos; the framed one is the query")


def batch_and_queue(pictures: ImageSet, guess: float | None) -> Picture:
    """The same batch beside as many photos as the queue holds keys, at the same scale."""
    photos = avg_pool2d(to_float(pictures.unlabelled[: parts.QUEUE_SIZE]), 8)  # each 4 x 4: more cannot be seen
    with style():
        figure = blank(6.4, 4.0)
        left, right = figure.subplots(1, 2, width_ratios=(8, 64))
        for axis, some, across, name in ((left, photos[: parts.BATCH], 8, "batch"), (right, photos, 64, "queue")):
            _mosaic(axis, some, across)
            axis.set_title(f"{name}: {len(some):,}")
    others = 2 * (parts.BATCH - 1)
    text = f"{others} negatives in the batch, two views of {parts.BATCH - 1} photos; {parts.QUEUE_SIZE:,} in the queue"
    return finish(figure, f"{text}; {guess_text(guess if guess is None else f'{guess:g}')}")


def _mosaic(axis: Any, photos: Tensor, across: int) -> None:
    count, channels, height, width = photos.shape
    tiles = photos.view(count // across, across, channels, height, width).permute(0, 3, 1, 4, 2)
    axis.imshow(tiles.reshape(count // across * height, across * width, channels).numpy(), vmin=0, vmax=1)
    axis.axis("off")


def architecture() -> Picture:
    """The whole of MoCo, in the small preset's sizes; B photos."""
    Stage = plots.Stage
    return plots.architecture(
        [
            Stage("B photos", "B × 3 × 32 × 32"),
            [Stage("view 1", "B × 3 × 32 × 32", "fixed"), Stage("view 2", "B × 3 × 32 × 32", "fixed")],
            [
                Stage("online", "B × 64", "trained", "encoder and head"),
                Stage("target", "B × 64", "frozen", "follows online slowly"),
            ],
            [
                Stage("queries", "B × 64"),
                Stage("own keys and queue", "B + 4,096 keys", "fixed", "keys join the queue last"),
            ],
            Stage("loss", kind="loss", note="which key is mine?"),
        ],
        title="MoCo",
        message=(
            "B photos → view 1 to the online network (trained), view 2 to the target (follows it) → queries and keys → "
            "loss against the 4,096 keys of the queue; then the keys join the queue. Kept: online's encoder, "
            "B × 128 features; its projection head is thrown away"
        ),
    )


# --- following --------------------------------------------------------------------------------------------------------


def following(update: Update, momenta: Sequence[float] = (0.5, 0.9, 0.99, 0.999), updates: int = 200) -> Picture:
    """How far a target at 0 comes that follows a leader who stands at 1, by momentum."""
    lines = {f"m = {momentum:g}": _walk(update, momentum, updates) for momentum in momenta}
    after = "; ".join(f"{name}: {line[100]:.2f}" for name, line in lines.items())
    return plots.curve(
        range(updates + 1),
        lines,
        reference={"1 - 1/e": 0.632},
        xlabel="updates",
        ylabel="target",
        title="A target at 0 follows an online network at 1",
        message=f"after 100 updates {after}",
    )


def _walk(update: Update, momentum: float, updates: int) -> list[float]:
    leader, follower = (nn.Linear(1, 1, bias=False) for _ in range(2))
    nn.init.ones_(leader.weight)
    nn.init.zeros_(follower.weight)
    follower.requires_grad_(False)
    places = [0.0]
    for _ in range(updates):
        update(leader, follower, momentum)
        places.append(float(follower.weight))
    return places


def who_moved(update: Update, momentum: float = 0.75) -> Picture:
    """The share of the way to the other that each tensor of online and of target moved in one update."""
    torch.manual_seed(0)
    online, target = parts.Mixed(), parts.Mixed("all")
    with torch.no_grad():
        for value in [*online.norm.parameters(), *list(online.norm.buffers())[:2]]:
            value.copy_(torch.rand(3))
    before = [{name: value.detach().clone() for name, value in one.state_dict().items()} for one in (online, target)]
    flags = _flags(online, target)
    update(online, target, momentum)
    names = [*dict(target.named_parameters()), "norm.running_mean", "norm.running_var"]
    shares = {}
    for number, (which, module) in enumerate((("online", online), ("target", target))):
        own, other = before[number], before[1 - number]
        for name in names:
            way, moved = other[name] - own[name], module.state_dict()[name] - own[name]
            shares[f"{which}: {name}"] = float((way * moved).sum() / way.square().sum())
    with style():
        figure = blank(7.0, 4.0)
        panels = figure.subplots(1, 2, sharex=True, sharey=True)
        for panel, which in zip(panels, ("target", "online"), strict=True):
            values = [shares[f"{which}: {name}"] for name in names]
            panel.plot(values, range(len(names)), "o", color=plots.METHODS["MoCo"].colour)
            panel.axvline(1 - momentum, color=SOFT, linestyle="--", linewidth=1.2)
            panel.set(title=which, xlabel="share of the way moved", xlim=(-0.1, 1.1))
        panels[0].set_yticks(range(len(names)), names)
        panels[0].invert_yaxis()
    moved = [name for name, share in shares.items() if abs(share) > 1e-6]
    kept = "as before" if _flags(online, target) == flags else "changed"
    return finish(figure, f"moved: {', '.join(moved) or 'nothing'}; requires_grad {kept}")


def _flags(*modules: nn.Module) -> list[bool]:
    return [parameter.requires_grad for module in modules for parameter in module.parameters()]


# --- the queue --------------------------------------------------------------------------------------------------------


def queue_over_time(
    kind: Callable[[int, int], Any], size: int = 9, batches: Sequence[int] = (2, 2, 4, 3, 4)
) -> Picture:
    """Which batch's key stands in each row of the queue, after each batch; 0 was there before. Outlined: pointer."""
    queue = kind(1, size)
    queue.keys.zero_()
    columns, pointers = [_rows(queue, size)], [int(queue.pointer)]
    for number, count in enumerate(batches, 1):
        queue.enqueue(torch.full((count, 1), float(number)))
        columns.append(_rows(queue, size))
        pointers.append(int(queue.pointer))
    outline = [(pointer, column) for column, pointer in enumerate(pointers) if pointer < size]
    heads = ["before", *(f"+{count}" for count in batches)]
    return plots.matrix(
        torch.stack(columns, dim=1),
        [f"row {n}" for n in range(size)],
        heads,
        outline=outline,
        title="Whose key stands where?",
        column_axis="keys that arrived",
        digits=0,
        message=f"the pointer: {', '.join(map(str, pointers))}",
    )


def _rows(queue: Any, size: int) -> Tensor:
    rows = torch.full((size,), torch.nan)
    rows[: len(queue.keys)] = queue.keys.detach().float().flatten()[:size]
    return rows


# --- the loss ---------------------------------------------------------------------------------------------------------


def gradients(loss: Callable[..., Tensor]) -> Picture:
    """How long the gradient is that reaches queries, keys and queue."""
    torch.manual_seed(0)
    given = [torch.randn(count, 8).requires_grad_() for count in (4, 4, 16)]
    value = loss(*given, 0.2)
    found: Sequence[Tensor | None] = [None] * 3
    if value.requires_grad:
        found = torch.autograd.grad(value, given, allow_unused=True)
    lengths = [0.0 if gradient is None else float(gradient.norm()) for gradient in found]
    names = ["queries", "keys", "queue"]
    return plots.dots(names, lengths, xlabel="length of the gradient", title="Whom does the loss move?")


# --- the step ---------------------------------------------------------------------------------------------------------


def one_step(step: Callable[..., Tensor], kind: Callable[[int, int], Any]) -> tuple[float, list[float]]:
    """The loss of one step in the plane, and the key that it leaves in the queue.

    online stretches by (3, 1), the target by (1, 1) before it follows at momentum 0.75. View 1 is (1, 0), view 2
    (1, 1), the queue holds (0, 1) and (-1, 0), the temperature is 0.5.
    """
    online, target, queue = parts.Plane(), parts.Plane(frozen=True), kind(2, 2)
    with torch.no_grad():
        online.stretch.copy_(torch.tensor([3.0, 1.0]))
        queue.keys.copy_(torch.tensor([[0.0, 1.0], [-1.0, 0.0]]))
    view1, view2 = torch.tensor([1.0, 0.0]).view(1, 1, 1, 2), torch.tensor([1.0, 1.0]).view(1, 1, 1, 2)
    value = step(online, target, queue, view1, view2, 0.5, 0.75)
    return float(value.detach()), queue.keys[0].tolist()


# --- what came out ----------------------------------------------------------------------------------------------------


def ages(similarity: Mapping[float, Tensor], strangers: Mapping[float, float]) -> Picture:
    """Cosine of stored keys with those that the target would make of the same views now, by age; a panel a momentum.

    strangers: by momentum, the mean cosine of keys of different photos; hatched where an old key falls below it.
    """
    with style():
        figure = blank(WIDE, 3.2)
        panels = figure.subplots(1, len(similarity), sharex=True, sharey=True, squeeze=False)[0]
        for number, (axis, (momentum, line)) in enumerate(zip(panels, similarity.items(), strict=True)):
            name, heights, other = f"m = {momentum:g}", line.tolist(), strangers[momentum]
            look = method(name, number)
            axis.plot(range(len(line)), heights, color=look.colour, linestyle=look.line)
            axis.axhline(other, color=INK, linewidth=1, linestyle=":")
            lost = [height < other for height in heights]
            axis.fill_between(
                range(len(line)), heights, other, where=lost, facecolor="none", edgecolor=SOFT, hatch="//"
            )
            axis.set(title=f"{name}: fresh for {parts.fresh_for(line, other)} steps", xlabel="age of the key, in steps")
        two = next(iter(strangers.values()))
        panels[0].annotate("two photos", (len(line), two), (0, 2), textcoords="offset points", size=9, ha="right")
        panels[0].set(ylabel="cosine with the key of now", ylim=(-0.65, 1.05))
    text = [f"m = {m:g}: {_at_ages(line)}, strangers {strangers[m]:.2f}" for m, line in similarity.items()]
    return finish(figure, "\n".join(text))


def _at_ages(line: Tensor) -> str:
    last = len(line) - 1
    chosen = [age for age in (0, 1, 8) if age < last] + [last]
    return ", ".join(f"{line[age]:.2f} after {age} steps" for age in chosen)


def beside_simclr(accuracies: Mapping[str, float], count: int, guess: Any = None) -> Picture:
    """k-NN accuracies on `count` test images beside that of SimCLR, and the difference that was guessed."""
    shown = {**accuracies, "SimCLR, batch 64": SIMCLR_KNN}
    errors = [2 * standard_error(value, count) for value in shown.values()]
    title = "Do neighbours share a class?"
    picture = plots.dots(list(shown), list(shown.values()), errors, chance=0.1, xlabel="k-NN accuracy", title=title)
    made = guesses.number(guess, -1, 1, called="guess_difference")
    print(f"SimCLR - MoCo: {SIMCLR_KNN - accuracies['MoCo']:+.3f}, give or take .02; {guess_text(made)}")
    return picture


def snapshot(rows: Mapping[tuple[str, int], Sequence[float]], chance: float, guess: Any = None) -> Picture:
    """Accuracy after finetuning, a panel a number of labels; bars: from the lowest draw of labels to the highest.

    A supervised start that is not among the rows is the course's, and hollow.
    guess: the start that was expected to be the best at few labels.
    """
    counts, trained = list(dict.fromkeys(count for _, count in rows)), {name for name, _ in rows}
    starts = ["random ResNet", "supervised", "MoCo"]
    rows = {("supervised", count): SUPERVISED[count] for count in counts} | dict(rows)
    texts = []
    with style():
        figure = blank(WIDE, 3.4)
        for axis, count in zip(figure.subplots(1, len(counts), sharex=True, squeeze=False)[0], counts, strict=True):
            for place, name in enumerate(starts):
                values = rows[name, count]
                mean, look = sum(values) / len(values), plots.METHODS[name]
                around = [[mean - min(values)], [max(values) - mean]]
                marks = (
                    look.marks
                    if name in trained
                    else look.marks | {"markerfacecolor": "white", "markeredgecolor": look.colour}
                )
                axis.errorbar(mean, place, xerr=around, color=look.colour, capsize=3, ls="none", **marks)
                axis.annotate(f"{mean:.3f}"[1:], (mean, place), (0, 8), textcoords="offset points", ha="center", size=9)
                texts.append(f"{name}, {count}: {mean:.3f} ({min(values):.3f} to {max(values):.3f})")
            axis.axvline(chance, color=SOFT, linestyle="--", linewidth=1.2)
            axis.annotate("chance", (chance, -0.5), (3, 0), textcoords="offset points", color=SOFT, size=9, va="top")
            axis.set_yticks(range(len(starts)), starts if count == counts[0] else [""] * len(starts))
            axis.set(
                ylim=(len(starts) - 0.4, -0.6), xlim=(0.15, 0.75), title=f"{count} labels a class", xlabel="accuracy"
            )
    return finish(figure, f"{'; '.join(texts)}; {guess_text(guess)}")
