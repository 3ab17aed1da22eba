"""Drawn architectures: boxes from top to bottom, the shapes written at the arrows.

Narrow enough to be read on a phone; what a box is stands in it in words, so that grey is enough.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch

from ps3.plots.figure import BLUE, INK, SOFT, Picture, blank, finish, style

WIDTH = 4.6  # inches: 390 px of a phone show it nearly at full size
BOX, GAP = 0.46, 0.42  # inches: height of a box, height of an arrow
WORDS = {"trained": "trained", "frozen": "frozen", "thrown away": "trained, then thrown away"}
LOOKS: dict[str, dict[str, Any]] = {
    "data": {"facecolor": "white", "edgecolor": SOFT, "linewidth": 1.0},
    "fixed": {"facecolor": "#EFEFEF", "edgecolor": SOFT, "linewidth": 1.0},
    "trained": {"facecolor": BLUE, "edgecolor": BLUE, "linewidth": 1.5},
    "frozen": {"facecolor": "#D9D9D9", "edgecolor": INK, "linewidth": 1.5},
    "thrown away": {"facecolor": "white", "edgecolor": INK, "linewidth": 1.5, "linestyle": (0, (4, 2))},
    "loss": {"facecolor": INK, "edgecolor": INK, "linewidth": 1.5},
}
ON_DARK = ("trained", "loss")


@dataclass(frozen=True)
class Stage:
    """A box: its name, the shape of what leaves it, and its kind.

    kind: "data", "fixed" (computed, nothing to learn), "trained", "frozen", "thrown away" (trained with the rest, not
    used afterwards) or "loss". note: a second line in the box, in place of the words that name the kind.
    """

    name: str
    shape: str = ""
    kind: str = "data"
    note: str = ""

    def __post_init__(self) -> None:
        if self.kind not in LOOKS:
            raise ValueError(f"no kind of box {self.kind!r}: choose one of {', '.join(LOOKS)}")

    @property
    def lines(self) -> list[str]:
        """What is written in the box."""
        words = ", ".join(part for part in (self.note, WORDS.get(self.kind, "")) if part)
        return [self.name, words] if words else [self.name]


def architecture(rows: Sequence[Stage | Sequence[Stage]], *, title: str = "", message: str = "") -> Picture:
    """Boxes from top to bottom; a row is one Stage, or several side by side.

    Arrows lead from each box to the one below it, or, where the next row has another number of boxes, to all of them.
    """
    levels = [[row] if isinstance(row, Stage) else list(row) for row in rows]
    height = len(levels) * BOX + (len(levels) - 1) * GAP
    with style():
        figure = blank(WIDTH, height + (0.35 if title else 0.1))
        axis = figure.subplots()
        axis.axis("off")
        axis.set(xlim=(0, WIDTH), ylim=(-height - 0.03, 0.03), title=title)
        for number, level in enumerate(levels):
            top = -number * (BOX + GAP)
            for stage, middle in zip(level, _middles(len(level)), strict=True):
                _box(axis, stage, middle, top, WIDTH / len(level) - 0.2 if len(level) > 1 else 3.3)
            if number + 1 < len(levels):
                _arrows(axis, level, len(levels[number + 1]), top - BOX)
    return finish(figure, message or _in_words(levels))


def _middles(count: int) -> list[float]:
    return [WIDTH * (n + 0.5) / count for n in range(count)]


def _box(axis: Axes, stage: Stage, middle: float, top: float, width: float) -> None:
    corner = (middle - width / 2 + 0.04, top - BOX + 0.04)
    shape = FancyBboxPatch(corner, width - 0.08, BOX - 0.08, boxstyle="round,pad=0.04", **LOOKS[stage.kind])
    axis.add_patch(shape)
    colour = "white" if stage.kind in ON_DARK else INK
    lines = stage.lines
    for text, place, size in zip(lines, (0.5,) if len(lines) == 1 else (0.32, 0.74), (11, 9), strict=False):
        axis.text(middle, top - place * BOX, text, ha="center", va="center", fontsize=size, color=colour)


def _arrows(axis: Axes, level: Sequence[Stage], below: int, start: float) -> None:
    sources, targets = _middles(len(level)), _middles(below)
    pairs = zip(sources, targets, strict=True) if len(level) == below else [(s, t) for s in sources for t in targets]
    for source, target in pairs:
        look = {"arrowstyle": "-|>", "color": INK, "linewidth": 1.5, "shrinkA": 0, "shrinkB": 0}
        axis.annotate("", (target, start - GAP + 0.01), (source, start - 0.01), arrowprops=look)
    for stage, source in zip(level, sources, strict=True):
        _shape_at(axis, stage.shape, source, start, fans_out=len(level) < below, fans_in=len(level) > below)


def _shape_at(axis: Axes, text: str, source: float, start: float, *, fans_out: bool, fans_in: bool) -> None:
    """Beside the arrow; under the box where two arrows part, on the outer side where two meet."""
    outer = -1 if fans_in and source <= WIDTH / 2 else 1
    side, place = (0.0, 0.75) if fans_out else (0.12 * outer, 0.35 if fans_in else 0.5)
    align = "center" if fans_out else "left" if outer > 0 else "right"
    axis.text(source + side, start - GAP * place, text, ha=align, va="center", fontsize=9.5, color=INK)


def _in_words(levels: Sequence[Sequence[Stage]]) -> str:
    """The drawing as a sentence, for those who cannot see it."""
    steps = [" and ".join(f"{s.name} ({s.shape})" if s.shape else s.name for s in level) for level in levels]
    gone = [stage.name for level in levels for stage in level if stage.kind == "thrown away"]
    return " → ".join(steps) + (f"; thrown away afterwards: {', '.join(gone)}" if gone else "")
