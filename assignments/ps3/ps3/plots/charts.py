"""Figures that are lines, dots and distributions. A guess is read leniently; None is a guess not made."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from torch import Tensor

from ps3 import guesses as read
from ps3.plots.figure import BLUE, GRID, INK, ORANGE, SOFT, WIDE, Picture, blank, finish, method, spread, style

NONE_ASKED = object()
YOUR_GUESS = "your guess"
TRAINING, LAST = 40, 20  # a line of more points is a training: what it ends with is the mean of so many steps


def curve(
    x: Sequence[float] | Tensor,
    y: Sequence[float] | Tensor | Mapping[str, Sequence[float] | Tensor],
    *,
    reference: Mapping[str, float] | None = None,
    errors: Mapping[str, Sequence[float]] | None = None,
    guess: Any = NONE_ASKED,
    band: tuple[float, float] | None = None,
    xlabel: str = "step",
    ylabel: str = "loss",
    log_x: bool = False,
    title: str = "",
    message: str = "",
) -> Picture:
    """Lines over x, each labelled at its end, with dashed reference lines; `band` shades a range of y.

    The end of a training, which jumps from step to step, is the mean of its last 20 values.
    y: one line, or name -> line (methods get their own colour, marker and line). guess: a height, drawn as a diamond.
    """
    lines = {name: numbers(line) for name, line in (y.items() if isinstance(y, Mapping) else [("", y)])}
    x = numbers(x)
    with style():
        figure = blank(7.0, 3.4)
        axis = figure.subplots()
        axis.set(xlabel=xlabel, ylabel=ylabel, title=title)
        if log_x:
            axis.set_xscale("log")
            axis.set_xticks(x, [f"{value:,.0f}" for value in x])
            axis.minorticks_off()
        if band:
            axis.axhspan(*band, color=GRID, label=f"{band[0]:g} to {band[1]:g}")
        for number, (name, line) in enumerate(lines.items()):
            look = method(name, number)
            marks = look.marks if len(line) <= TRAINING else {"linewidth": 1.2}
            around = (errors or {}).get(name)
            axis.errorbar(x[: len(line)], line, around, color=look.colour, linestyle=look.line, capsize=3, **marks)
        reference_lines(axis, reference or {})
        _guess_at(axis, x[-1], guess)
        _end_labels(axis, {name: (x[len(line) - 1], _end(line)) for name, line in lines.items() if name})
    ends = "; ".join(f"{name or ylabel}: {line[0]:.3g} to {_end(line):.3g}" for name, line in lines.items())
    means = f" (mean of the last {LAST})" if any(len(line) > TRAINING for line in lines.values()) else ""
    return finish(figure, message or ends + means)


def dots(
    names: Sequence[str],
    values: Sequence[float],
    errors: Sequence[float] | None = None,
    *,
    chance: float | None = None,
    guesses: Any = None,
    xlabel: str = "accuracy on the test set",
    title: str = "",
) -> Picture:
    """One dot for each method with its error bar, names on the y axis; guesses (name -> share) are hollow diamonds."""
    made = {} if guesses is None else {n: v for n, v in read.by_name(guesses, names).items() if v is not None}
    with style():
        figure = blank(6.5, 0.9 + 0.4 * len(names))
        axis = figure.subplots()
        axis.set(xlabel=xlabel, title=title, ylim=(len(names) - 0.4, -0.6))
        axis.set_yticks(range(len(names)), names)
        for place, (name, value) in enumerate(zip(names, values, strict=True)):
            look = method(name, place)
            around = errors[place] if errors else None
            axis.errorbar(value, place, xerr=around, color=look.colour, capsize=3, clip_on=False, **look.marks)
            axis.annotate(
                f"{value:.3f}".lstrip("0"), (value, place), (0, 7), textcoords="offset points", ha="center", fontsize=9
            )
        for number, (name, guess) in enumerate(made.items()):
            label = YOUR_GUESS if not number else None
            axis.plot(guess, list(names).index(name), "D", mfc="none", mec=INK, mew=1.5, ms=9, ls="none", label=label)
        if chance is not None:
            axis.axvline(chance, color=SOFT, linestyle="--", linewidth=1.2)
            axis.annotate(
                "chance", (chance, -0.55), (3, -2), textcoords="offset points", color=SOFT, fontsize=9, va="top"
            )
        axis.set_xlim(left=min(0.0, *values))
        if made:
            figure.legend(loc="outside upper right")
    text = ", ".join(
        f"{name} {value:.3f}" + (f" ± {errors[n]:.3f}" if errors else "")
        for n, (name, value) in enumerate(zip(names, values, strict=True))
    )
    return finish(figure, text + (f"; chance {chance:g}" if chance is not None else "") + _guesses_text(guesses, made))


def number_line(
    values: Mapping[str, Any], landmarks: Mapping[str, float], *, xlabel: str = "loss", title: str = ""
) -> Picture:
    """Named values as filled dots above a line, named landmarks as ticks below; the title names inf and nan.

    "your guess" among the values is a hollow diamond, and left out where it was not made.
    """
    values = _with_guess_read(values)
    text = "; ".join(f"{name}: {value:.3f}" for name, value in values.items())
    finite = {name: value for name, value in values.items() if np.isfinite(value)}
    if len(finite) < len(values):
        title = "not on the line: " + ", ".join(f"{n} = {v:g}" for n, v in values.items() if n not in finite)
    with style():
        figure = blank(WIDE, 2.9)
        axis = figure.subplots()
        axis.set(title=title, ylim=(-1.7, 1.7), yticks=[])
        axis.set_xlabel(xlabel)
        axis.grid(False)
        axis.spines["left"].set_visible(False)
        axis.axhline(0, color=INK, linewidth=1)
        places = [*finite.values(), *landmarks.values()]
        margin = 0.12 * ((max(places) - min(places)) or 1)
        gap = (max(places) - min(places) + 2 * margin) / 6.5
        labels = spread(list(finite.values()), gap) + spread(list(landmarks.values()), gap)
        room = margin / 2 + gap / 4  # for the outermost labels
        axis.set_xlim(min(min(places) - margin, min(labels) - room), max(max(places) + margin, max(labels) + room))
        above: dict[str, Any] = {"marker": "o", "markersize": 9, "color": BLUE}
        below: dict[str, Any] = {
            "marker": "|",
            "markersize": 16,
            "color": INK,
            "markeredgecolor": INK,
            "markeredgewidth": 1.5,
        }
        for side, named, look in ((1, finite, above), (-1, landmarks, below)):
            at = spread(list(named.values()), gap)
            for number, (name, value) in enumerate(named.items()):
                guess = {"marker": "D", "mfc": "white", "mec": INK, "mew": 1.5} if name == YOUR_GUESS else {}
                axis.plot(value, 0, linestyle="none", zorder=3, **(look | guess))
                axis.annotate(
                    f"{name}\n{value:.3f}",
                    (value, 0),
                    (at[number], side * 0.95),
                    ha="center",
                    va="bottom" if side > 0 else "top",
                    fontsize=9,
                    color=look["color"],
                    arrowprops={"arrowstyle": "-", "color": SOFT, "linewidth": 0.7},
                )
    return finish(figure, text)


def histograms(
    a: Sequence[float] | Tensor,
    b: Sequence[float] | Tensor,
    labels: tuple[str, str],
    *,
    xlabel: str,
    title: str = "",
    bins: int = 40,
) -> Picture:
    """Two distributions as outlines over the same bins, each scaled to an area of 1."""
    one, two = np.asarray(numbers(a)), np.asarray(numbers(b))
    edges = np.linspace(min(one.min(), two.min()), max(one.max(), two.max()), bins + 1).tolist()
    with style():
        figure = blank(6.5, 3.2)
        axis = figure.subplots()
        axis.set(xlabel=xlabel, ylabel="density", title=title)
        for values, label, colour, line in zip((one, two), labels, (BLUE, ORANGE), ("-", "--"), strict=True):
            axis.hist(
                values, edges, density=True, histtype="step", color=colour, linestyle=line, linewidth=2, label=label
            )
        axis.legend(loc="upper left")
    return finish(figure, f"mean of {labels[0]}: {one.mean():.3f}, of {labels[1]}: {two.mean():.3f}")


def scatter(
    x: Tensor,
    y: Mapping[str, Tensor],
    *,
    xlabel: str,
    ylabel: str,
    diagonal: bool = False,
    log: bool = False,
    title: str = "",
    message: str = "",
) -> Picture:
    """Named clouds of points over x; `diagonal` draws the line where both are equal."""
    with style():
        figure = blank(5.0, 3.6)
        axis = figure.subplots()
        axis.set(
            xlabel=xlabel + (" (log scale)" if log else ""),
            ylabel=ylabel + (" (log scale)" if log else ""),
            title=title,
        )
        if log:
            axis.set(xscale="log", yscale="log")
            axis.xaxis.set_major_formatter("{x:g}")
            axis.yaxis.set_major_formatter("{x:g}")
            axis.yaxis.set_minor_formatter("{x:.2g}")
        if diagonal:
            axis.axline((1, 1), slope=1) if log else axis.axline((0, 0), slope=1)
            axis.lines[-1].set(color=SOFT, linestyle="--", linewidth=1.2)
        for (name, points), mark in zip(y.items(), "ox^s", strict=False):
            look = method(name, "ox^s".index(mark))
            hollow: dict[str, Any] = {"mfc": "none"} if mark == "o" else {}
            axis.plot(
                numbers(x),
                numbers(points),
                mark,
                ls="none",
                color=look.colour,
                mec=look.colour,
                ms=6,
                label=name,
                **hollow,
            )
        axis.legend(loc="best")
    gaps = {name: (points.detach().cpu() - x.detach().cpu()).abs().max().item() for name, points in y.items()}
    return finish(
        figure, message or "; ".join(f"{name}: at most {gap:.3g} from the x value" for name, gap in gaps.items())
    )


def numbers(values: Sequence[float] | Tensor) -> list[float]:
    return [float(v) for v in (values.detach().cpu().flatten() if isinstance(values, Tensor) else values)]


def reference_lines(axis: Axes, reference: Mapping[str, float]) -> None:
    for (name, height), line in zip(reference.items(), ("--", ":", "-.") * len(reference), strict=False):
        axis.axhline(height, color=SOFT, linestyle=line, linewidth=1.2)
        label = f"{name}: {height:.3g}"
        axis.annotate(
            label,
            (0.99, height),
            (0, 2),
            axis.get_yaxis_transform(),
            "offset points",
            ha="right",
            color=SOFT,
            fontsize=9,
        )


def _with_guess_read(values: Mapping[str, Any]) -> dict[str, float]:
    guess = read.number(values.get(YOUR_GUESS), called=YOUR_GUESS)
    others = {name: value for name, value in values.items() if name != YOUR_GUESS}
    return others if guess is None else others | {YOUR_GUESS: guess}


def _guess_at(axis: Axes, x: float, guess: Any) -> None:
    if guess is NONE_ASKED:
        return
    guess = read.number(guess, called=YOUR_GUESS)
    if guess is None:
        print("no guess made")
        return
    axis.plot(x, guess, "D", mfc="none", mec=INK, mew=1.5, ms=9, ls="none", label=YOUR_GUESS)
    axis.legend(loc="best")


def _guesses_text(guesses: Any, made: Mapping[str, float]) -> str:
    if guesses is None:
        return ""
    return "; your guess: " + ", ".join(f"{n} {v:.3f}" for n, v in made.items()) if made else "; no guess made"


def _end(line: Sequence[float]) -> float:
    last = line[-LAST:] if len(line) > TRAINING else line[-1:]
    return sum(last) / len(last)


def _end_labels(axis: Axes, ends: Mapping[str, tuple[float, float]]) -> None:
    """Names right of the axes, apart from each other, each joined to the end of its line; ends: name -> (x, y)."""
    if not ends:
        return
    low, high = axis.get_ylim()
    axis.set_ylim(low, high)  # whatever is drawn later: the labels stay where their lines end
    heights = spread([y for _, y in ends.values()], (high - low) / 12)
    for number, (name, place) in enumerate(zip(ends, heights, strict=True)):
        to_line = {
            "arrowstyle": "-",
            "color": method(name, number).colour,
            "linewidth": 0.8,
            "relpos": (0, 0.5),
            "shrinkA": 2,
            "shrinkB": 4,
        }
        axis.annotate(
            name,
            ends[name],
            (1.05, place),
            textcoords=axis.get_yaxis_transform(),
            va="center",
            color=INK,
            annotation_clip=False,
            arrowprops=to_line,
        )
