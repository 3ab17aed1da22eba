"""How every figure looks, how each method looks in it, and how it reaches the notebook."""

import base64
import io
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

WIDE, TALL = 8.0, 4.0  # inches, the largest figure
GRID, INK, SOFT = "#E6E6E6", "#222222", "#767676"
BLUE, ORANGE, SKY, BLACK = "#0F4C9A", "#C4520B", "#4599D3", "#111111"
SHARPNESS = 2
STYLE: dict[Any, Any] = {
    "font.size": 11,
    "axes.titlesize": 11,
    "axes.labelsize": 11,
    "xtick.labelsize": 10,
    "ytick.labelsize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "lines.linewidth": 2,
    "lines.markersize": 7,
    "lines.markeredgecolor": "white",
    "image.interpolation": "nearest",
    "image.cmap": "gray",
    "legend.frameon": False,
    "figure.dpi": 100,
    "savefig.dpi": 100 * SHARPNESS,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "hatch.linewidth": 0.6,
    "xtick.minor.size": 0,
}


LineStyle = tuple[int, tuple[float, ...]]


@dataclass(frozen=True)
class Method:
    """How a method is drawn in all notebooks: never by its colour alone."""

    colour: str
    marker: str
    line: str | LineStyle
    filled: bool = True

    @property
    def marks(self) -> dict[str, Any]:
        """Marker, its size and its fill, as matplotlib's keywords."""
        fill = (
            {"markerfacecolor": self.colour}
            if self.filled
            else {"markerfacecolor": "white", "markeredgecolor": self.colour}
        )
        return {"marker": self.marker, "markersize": 12 if self.marker == "*" else 7, **fill}


LONG_DASHES, DASH_DOT_DOT = (0, (7, 3)), (0, (4, 1.5, 1, 1.5, 1, 1.5))
METHODS: dict[str, Method] = {}
OTHERS = [Method(c, m, s) for c, m, s in zip((BLUE, ORANGE, SKY, BLACK), "o^vs", ("-", "--", ":", "-."), strict=True)]


def register(name: str, *, colour: str, marker: str, line: str | LineStyle, filled: bool = True) -> Method:
    """Give a method its look in all figures. ValueError where the name has another look already."""
    look = Method(colour, marker, line, filled)
    if METHODS.setdefault(name, look) != look:
        raise ValueError(f"{name!r} is drawn otherwise already: {METHODS[name]}")
    return look


register("supervised", colour=BLACK, marker="*", line="--")
register("hand-crafted", colour="#5A1A5E", marker="D", line="-.")
register("random transformer", colour=SKY, marker="v", line=LONG_DASHES)
register("random ResNet", colour=SKY, marker="<", line=DASH_DOT_DOT, filled=False)
register("pixels", colour="#A3A3A3", marker="s", line=":")


def method(name: str, number: int = 0) -> Method:
    """The look of a registered method; other names take turns."""
    return METHODS.get(name, OTHERS[number % len(OTHERS)])


class Picture(Figure):
    """A figure that a notebook shows once, as PNG with its message as text."""

    message = ""
    shown = False

    def png(self) -> bytes:
        stream = io.BytesIO()
        with style():
            self.savefig(stream, format="png")
        return _with_64_shades(stream) if self._holds_colour_images() else _with_palette(stream)

    def _holds_colour_images(self) -> bool:
        drawn: Any = self.findobj(Axes)  # those inside others, too
        return any(image.get_array().ndim == 3 for axis in drawn for image in axis.images)

    def bundle(self) -> dict[str, str]:
        return {"image/png": base64.b64encode(self.png()).decode(), "text/plain": self.message or "figure"}

    def metadata(self) -> dict[str, dict[str, Any]]:
        """How large the PNG is shown, in points of the page (it has SHARPNESS pixels for each), and what it says.

        "alt" is read where the notebook becomes a page in nbconvert's classic style. JupyterLab 4 gives a PNG no
        alternative text from anywhere: there the message printed below serves.
        """
        width, height = (round(side * STYLE["figure.dpi"]) for side in self.get_size_inches())
        return {"image/png": {"width": width, "height": height, "alt": self.alternative}}

    @property
    def alternative(self) -> str:
        """The figure in words: its titles and its message."""
        drawn: Any = self.findobj(Axes)
        titles = [axis.get_title() for axis in drawn if not axis.images or axis.axison]  # no photograph's
        return ". ".join(dict.fromkeys(part for part in (*titles, self.message) if part))

    def _ipython_display_(self) -> None:
        if not self.shown:
            self.shown = True
            from IPython.display import publish_display_data

            publish_display_data(self.bundle(), self.metadata())


def _with_64_shades(stream: io.BytesIO) -> bytes:
    """A PNG of photographs in 64 shades of each colour: a quarter smaller, and no eye sees it."""
    smaller = io.BytesIO()
    shades = [round(round(value * 63 / 255) * 255 / 63) for value in range(256)]
    Image.open(stream).convert("RGB").point(shades * 3).save(smaller, "PNG")
    return smaller.getvalue()


def _with_palette(stream: io.BytesIO) -> bytes:
    """A drawing's PNG in 256 colours: a third of the size, and lines have no more. Photographs would lose theirs."""
    smaller = io.BytesIO()
    Image.open(stream).convert("RGB").quantize(256, dither=Image.Dither.NONE).save(smaller, "PNG", optimize=True)
    return smaller.getvalue()


def style() -> AbstractContextManager:
    """The course's settings, for as long as the block lasts."""
    return matplotlib.rc_context(STYLE)


def blank(width: float, height: float) -> Picture:
    """An empty figure, at most 8 by 4 inches unless a grid of images needs the height."""
    return Picture(figsize=(min(width, WIDE), height), layout="constrained")


def finish(figure: Picture, message: str) -> Picture:
    """Show the figure where a notebook is running, print its message below it, return it."""
    figure.message = message
    if in_notebook():
        figure._ipython_display_()
    print(message)
    return figure


def guess_text(guess: object) -> str:
    """How a message mentions a guess."""
    return "no guess made" if guess is None else f"your guess: {guess}"


def in_notebook() -> bool:
    """Whether there is a notebook to draw into."""
    if "IPython" not in sys.modules:
        return False
    shell = sys.modules["IPython"].get_ipython()
    return shell is not None and hasattr(shell, "kernel")


def spread(heights: Sequence[float], gap: float) -> list[float]:
    """Move labels apart until neighbours are at least `gap` from each other; their order stays."""
    order = sorted(range(len(heights)), key=heights.__getitem__)
    placed = sorted(heights)
    for _ in range(100):
        for below, above in zip(range(len(placed)), range(1, len(placed)), strict=False):
            if (missing := gap - (placed[above] - placed[below])) > 1e-9:
                placed[below] -= missing / 2
                placed[above] += missing / 2
    result = [0.0] * len(placed)
    for place, index in enumerate(order):
        result[index] = placed[place]
    return result
