"""Facts of the figures that a call drew: what a test can ask of a picture without looking at it.

The far side reads them off matplotlib's objects when a test asks, the near side gets plain values: a text of JSON in
which arrays stand by their number, and the arrays. Nothing of matplotlib is imported here: where it is not loaded,
there are no figures.
"""

from __future__ import annotations

import json
import sys
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from importlib.util import find_spec
from types import MappingProxyType
from typing import Any, get_args, get_origin, get_type_hints

from kit.found import Found
from kit.wire import MAX_NAME, Unsent, WireError

if find_spec("numpy"):  # a set that does not name it has no figures either
    import numpy as np

MAX_FIGURES = 8  # of one call
MAX_AXES = 32  # of a figure
MAX_PARTS = 100  # lines, bars, groups of points, images, texts of one pair of axes
MAX_POINTS = 20_000  # of one line, group of points or picture; what is larger has its first ones
MAX_TEXT = 200
MAX_JSON = 90_000


@dataclass(frozen=True)
class DrawnLine:
    """x, y: float64. z: of a line in space, otherwise empty. cut: whether there were more points than are sent."""

    x: np.ndarray
    y: np.ndarray
    z: np.ndarray
    label: str
    color: str
    style: str
    marker: str
    cut: bool


@dataclass(frozen=True)
class Bar:
    """A rectangle, as `bar` and `hist` draw them: its corner, width and height."""

    x: float
    y: float
    width: float
    height: float
    label: str
    color: str


@dataclass(frozen=True)
class Points:
    """What one `scatter` drew. z: in space. sizes: one, or one for each point."""

    x: np.ndarray
    y: np.ndarray
    z: np.ndarray
    sizes: np.ndarray
    label: str
    cut: bool


@dataclass(frozen=True)
class Picture:
    """What `imshow` or `matshow` drew. data: empty where it is larger than MAX_POINTS numbers."""

    shape: tuple[int, ...]
    data: np.ndarray
    cmap: str
    limits: tuple[float, ...]
    extent: tuple[float, ...]


@dataclass(frozen=True)
class Writing:
    """A text within the axes."""

    x: float
    y: float
    text: str


@dataclass(frozen=True)
class Axes:
    """One pair of axes. kind: "rectilinear", "3d", "polar". is_colorbar: whether it explains the colours of another.

    legend: its entries; empty where there is none. errorbars: how many. number_of_artists: lines, patches, collections,
    images, texts and tables together.
    """

    title: str
    kind: str
    is_colorbar: bool
    xlabel: str
    ylabel: str
    zlabel: str
    xlim: tuple[float, ...]
    ylim: tuple[float, ...]
    zlim: tuple[float, ...]
    xscale: str
    yscale: str
    xticks: list[str]
    yticks: list[str]
    legend: list[str]
    has_grid: bool
    position: tuple[float, ...]
    lines: list[DrawnLine]
    bars: list[Bar]
    points: list[Points]
    images: list[Picture]
    texts: list[Writing]
    errorbars: int
    number_of_artists: int


@dataclass(frozen=True)
class Figure:
    """size: width and height in inches."""

    suptitle: str
    size: tuple[float, ...]
    axes: list[Axes]


# --- the far side: which figures -------------------------------------------------------------------------------------


class Noting(OrderedDict):  # type: ignore[type-arg]
    """In place of pyplot's table of open figures: notes each that is made, also one that is closed again."""

    def __init__(self, made: list[Any]) -> None:
        super().__init__()
        self.made = made

    def __setitem__(self, number: Any, manager: Any) -> None:
        super().__setitem__(number, manager)
        note(self.made, getattr(getattr(manager, "canvas", None), "figure", None))


def note(made: list[Any], figure: Any) -> None:
    if figure is not None and len(made) < MAX_FIGURES and all(figure is not one for one in made):
        made.append(figure)


def set_aside(made: list[Any]) -> tuple[Any, Any, Any] | None:
    """Before a call: put pyplot's open figures aside, and let those that the call makes be noted in `made`."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is None:
        return None
    table, names = pyplot._pylab_helpers.Gcf, vars(pyplot)
    before = (table, table.figs, names["show"])
    table.figs, names["show"] = Noting(made), _show_nothing
    return before


def put_back(before: tuple[Any, Any, Any] | None) -> None:
    if before is not None:
        table, figures, show = before
        table.figs = figures
        vars(sys.modules["matplotlib.pyplot"])["show"] = show


def _show_nothing(*_: Any, **__: Any) -> None:
    """As at grading, where nobody looks."""


def without_artists(value: Any, made: list[Any], depth: int = 3) -> Any:
    """The result with `Unsent` for each figure, pair of axes and the like; figures among them are noted in `made`."""
    kind = type(value)
    if kind in (list, tuple) and depth and len(value) <= MAX_PARTS:
        parts = [without_artists(part, made, depth - 1) for part in value]
        return value if all(map(_is, parts, value)) else kind(parts)
    if kind is dict and depth and len(value) <= MAX_PARTS:
        return {key: without_artists(part, made, depth - 1) for key, part in value.items()}
    if "numpy" in sys.modules and kind is sys.modules["numpy"].ndarray and value.dtype == object:
        return without_artists(value.tolist(), made, depth)
    return _drawn(value, made) if _is_of_matplotlib(kind) else value


def _is(one: Any, other: Any) -> bool:
    return one is other


def _is_of_matplotlib(kind: type) -> bool:
    """Its own module is looked at first: this is asked of every result."""
    return kind.__module__ not in _OTHERS and any(
        str(base.__module__).split(".")[0] in ("matplotlib", "mpl_toolkits") for base in kind.__mro__
    )


_OTHERS = frozenset({"builtins", "torch", "torch.nn.parameter", "numpy"})


def _drawn(value: Any, made: list[Any]) -> Unsent:
    if hasattr(value, "get_axes") and hasattr(value, "savefig"):
        note(made, value)
    else:
        note(made, getattr(value, "figure", None))
    return Unsent(type(value).__name__[:MAX_NAME])


# --- the far side: their facts ---------------------------------------------------------------------------------------


def sent(figures: Sequence[Any]) -> dict[str, Any]:
    """The facts of these figures as a text and arrays."""
    arrays = _Arrays()
    text = json.dumps([_of_figure(figure, arrays) for figure in figures])
    if len(text) > MAX_JSON:
        raise RuntimeError("the figures have more texts and parts than a test can look at")
    return {"facts": text, "arrays": arrays.found}


class _Arrays:
    """The arrays of one message; in its text each is its number."""

    def __init__(self) -> None:
        self.found: list[Any] = []

    def add(self, values: Any) -> int:
        array = np.ma.filled(np.ma.asarray(values, dtype=np.float64), np.nan)
        self.found.append(_to_wire(array if array.size <= MAX_POINTS else np.empty(0)))
        return len(self.found) - 1

    def first(self, values: Any) -> int:
        return self.add(np.ravel(np.ma.asarray(values, dtype=np.float64))[:MAX_POINTS])


def _of_figure(figure: Any, arrays: _Arrays) -> dict[str, Any]:
    return {
        "suptitle": _said(figure.get_suptitle()),
        "size": _floats(figure.get_size_inches()),
        "axes": [_of_axes(axes, arrays) for axes in figure.axes[:MAX_AXES]],
    }


def _of_axes(axes: Any, arrays: _Arrays) -> dict[str, Any]:
    has_depth = axes.name == "3d"
    legend = axes.get_legend()
    titles = (axes.get_title(), axes.get_title(loc="left"), axes.get_title(loc="right"))
    parts = (axes.lines, axes.patches, axes.collections, axes.images, axes.texts, axes.tables)
    return {
        "title": _said(next(filter(None, titles), "")),
        "kind": _said(axes.name),
        "is_colorbar": axes.get_label() == "<colorbar>",
        "xlabel": _said(axes.get_xlabel()),
        "ylabel": _said(axes.get_ylabel()),
        "zlabel": _said(axes.get_zlabel()) if has_depth else "",
        "xlim": _floats(axes.get_xlim()),
        "ylim": _floats(axes.get_ylim()),
        "zlim": _floats(axes.get_zlim()) if has_depth else [],
        "xscale": _said(axes.get_xscale()),
        "yscale": _said(axes.get_yscale()),
        "xticks": _labels(axes.xaxis),
        "yticks": _labels(axes.yaxis),
        "legend": [_said(text.get_text()) for text in legend.get_texts()[:MAX_PARTS]] if legend is not None else [],
        "has_grid": any(line.get_visible() for line in axes.get_xgridlines()[:1] + axes.get_ygridlines()[:1]),
        "position": _floats(axes.get_position().bounds),
        "lines": [_of_line(line, arrays) for line in list(axes.lines)[:MAX_PARTS]],
        "bars": [_of_bar(bar, label) for bar, label in _bars(axes)][:MAX_PARTS],
        "points": [_of_points(part, arrays) for part in _scattered(axes)][:MAX_PARTS],
        "images": [_of_picture(image, arrays) for image in list(axes.images)[:MAX_PARTS]],
        "texts": [_of_text(text) for text in list(axes.texts)[:MAX_PARTS]],
        "errorbars": sum(type(one).__name__ == "ErrorbarContainer" for one in axes.containers),
        "number_of_artists": sum(map(len, parts)),
    }


def _of_line(line: Any, arrays: _Arrays) -> dict[str, Any]:
    x, y, z = line.get_data_3d() if hasattr(line, "get_data_3d") else (*line.get_data(orig=False), ())
    marker, label = line.get_marker(), _label(line)
    return {
        "x": arrays.first(x),
        "y": arrays.first(y),
        "z": arrays.first(z),
        "label": label,
        "color": _color(line.get_color()),
        "style": _said(line.get_linestyle()),
        "marker": "" if marker in (None, "None", " ", "") else _said(marker),
        "cut": len(x) > MAX_POINTS,
    }


def _bars(axes: Any) -> Iterator[tuple[Any, str]]:
    """Each rectangle, with the label of the `bar` or `hist` that drew it."""
    labels = {id(bar): _label(group) for group in axes.containers for bar in group if hasattr(bar, "get_width")}
    for patch in axes.patches:
        if hasattr(patch, "get_width") and hasattr(patch, "get_xy") and hasattr(patch, "get_height"):
            yield patch, labels.get(id(patch)) or _label(patch)


def _of_bar(bar: Any, label: str) -> dict[str, Any]:
    x, y = bar.get_xy()
    sides = {"x": x, "y": y, "width": bar.get_width(), "height": bar.get_height()}
    return {name: float(side) for name, side in sides.items()} | {"label": label, "color": _color(bar.get_facecolor())}


def _scattered(axes: Any) -> list[Any]:
    return [part for part in axes.collections if hasattr(part, "get_offsets") and hasattr(part, "get_sizes")]


def _of_points(part: Any, arrays: _Arrays) -> dict[str, Any]:
    if hasattr(part, "_offsets3d"):
        x, y, z = part._offsets3d
    else:
        offsets = np.ma.asarray(part.get_offsets(), dtype=np.float64).reshape(-1, 2)
        x, y, z = offsets[:, 0], offsets[:, 1], ()
    return {
        "x": arrays.first(x),
        "y": arrays.first(y),
        "z": arrays.first(z),
        "sizes": arrays.first(part.get_sizes()),
        "label": _label(part),
        "cut": len(x) > MAX_POINTS,
    }


def _of_picture(image: Any, arrays: _Arrays) -> dict[str, Any]:
    data = image.get_array()
    return {
        "shape": [int(size) for size in data.shape],
        "data": arrays.add(data),
        "cmap": _said(image.get_cmap().name),
        "limits": _floats([side for side in image.get_clim() if side is not None]),
        "extent": _floats(image.get_extent()),
    }


def _of_text(text: Any) -> dict[str, Any]:
    x, y = text.get_position()
    return {"x": float(x), "y": float(y), "text": _said(text.get_text())}


def _labels(axis: Any) -> list[str]:
    return [_said(label.get_text()) for label in axis.get_ticklabels()[:MAX_PARTS]]


def _label(artist: Any) -> str:
    """What stands in the legend; matplotlib's own names for parts without a label begin with an underscore."""
    label = _said(artist.get_label())
    return "" if label.startswith("_") else label


def _color(color: Any) -> str:
    """As "#rrggbbaa", so that "r" and "red" are the same."""
    colors = sys.modules["matplotlib.colors"]
    try:
        return str(colors.to_hex(color, keep_alpha=True))
    except (TypeError, ValueError):
        return ""


def _said(text: Any) -> str:
    return str(text)[:MAX_TEXT]


def _floats(values: Any) -> list[float]:
    return [float(value) for value in values]


# --- the near side ---------------------------------------------------------------------------------------------------


def received(value: Any) -> Found:
    """Raises WireError for anything but figures within the bounds."""
    text, arrays = (value.get("facts"), value.get("arrays")) if isinstance(value, dict) else (None, None)
    if not isinstance(text, str) or len(text) > MAX_JSON or not isinstance(arrays, list):
        raise WireError("figures that are no text and arrays")
    try:
        facts = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise WireError("facts of figures that are not JSON") from error
    if not isinstance(facts, list) or len(facts) > MAX_FIGURES:
        raise WireError("too many figures")
    found = [_from_wire(array) for array in arrays]
    return Found([_built(Figure, figure, found) for figure in facts], "figures of the call")


def _built(kind: type, facts: Any, arrays: list[np.ndarray]) -> Any:
    """An instance of a class of facts, each field of it checked."""
    hints = _hints(kind)
    if not isinstance(facts, dict) or set(facts) != set(hints):
        raise WireError(f"facts that are no {kind.__name__}")
    return kind(**{name: _checked(hint, facts[name], arrays, name) for name, hint in hints.items()})


@lru_cache
def _hints(kind: type) -> MappingProxyType[str, Any]:
    hints = get_type_hints(kind)
    return MappingProxyType({field.name: hints[field.name] for field in fields(kind)})


def _checked(hint: Any, fact: Any, arrays: list[np.ndarray], name: str) -> Any:
    if hint is np.ndarray:
        if type(fact) is not int or not 0 <= fact < len(arrays):
            raise WireError("an array that is not there")
        return arrays[fact]
    if hint is float:
        return float(_of_type(fact, (int, float)))
    if hint is int:
        return _of_type(fact, (int,))
    if hint in (str, bool):
        if isinstance(fact, str) and len(fact) > MAX_TEXT:
            raise WireError("a text of a figure that is too long")
        return _of_type(fact, (hint,))
    if not isinstance(fact, list) or len(fact) > MAX_PARTS:
        raise WireError("parts of a figure that are no list, or too many")
    part = get_args(hint)[0]
    if hasattr(part, "__dataclass_fields__"):
        return Found([_built(part, one, arrays) for one in fact], name)
    parts = [_checked(part, one, arrays, name) for one in fact]
    return Found(parts, name) if get_origin(hint) is list else tuple(parts)


def _of_type(fact: Any, kinds: tuple[type, ...]) -> Any:
    if type(fact) not in kinds or (type(fact) is int and abs(fact) > 2**53):
        raise WireError("a fact of a figure that is of another type")
    return fact


def _to_wire(array: np.ndarray) -> Any:
    import torch

    return torch.from_numpy(np.ascontiguousarray(array))


def _from_wire(array: Any) -> np.ndarray:
    import torch

    good = isinstance(array, torch.Tensor) and array.dtype == torch.float64 and not array.is_meta
    if not good or array.numel() > MAX_POINTS:
        raise WireError("an array of a figure that is none, or too large")
    found: np.ndarray = array.numpy()
    return found
