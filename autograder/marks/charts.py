"""Charts as SVG for a page: drawn for a phone's width, in greys, with every number written out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from markupsafe import Markup, escape

from autograder.marks.class_figures import Bin, ExerciseRate

WIDTH = 360
LEFT = 34  # room for the vertical axis and its label
HEIGHT = 150  # of the bars of a histogram
ROW = 34  # an exercise: its name, and below it the bar
BAR = 12
ROOM = 104  # right of a bar that is full, for its number


def histogram(title: str, x_label: str, y_label: str, bins: Sequence[Bin]) -> Markup:
    """A bar a bin with its count on top; below each bar's left edge where it begins."""
    most = max([1, *(item.students for item in bins)])
    step = (WIDTH - LEFT - 10) / len(bins)
    parts: list[Markup] = []
    for number, item in enumerate(bins):
        x, tall = LEFT + number * step, HEIGHT * item.students / most
        top = 20 + HEIGHT - tall
        middle = x + step / 2
        if item.students:
            parts.append(_rect(x + 1, top, step - 2, tall))
            parts.append(_text(middle, top - 4, str(item.students), "middle"))
        parts.append(_text(x, HEIGHT + 34, f"{item.low:g}", "middle"))
    parts += [
        _text(LEFT + len(bins) * step, HEIGHT + 34, f"{bins[-1].high:g}", "middle"),
        _line(LEFT, HEIGHT + 20, WIDTH - 10, HEIGHT + 20),
        _text((LEFT + WIDTH) / 2, HEIGHT + 52, x_label, "middle"),
        Markup('<text x="12" y="{}" text-anchor="middle" transform="rotate(-90 12 {})">{}</text>').format(
            HEIGHT / 2 + 20, HEIGHT / 2 + 20, y_label
        ),
    ]
    said = "; ".join(f"{item.low:g} to {item.high:g}: {item.students}" for item in bins)
    return _svg(title, said, HEIGHT + 60, parts)


def rates(title: str, x_label: str, exercises: Sequence[ExerciseRate]) -> Markup:
    """A bar an exercise, as long as the share of full points, with share and count beside it."""
    parts: list[Markup] = []
    long = WIDTH - ROOM - 4
    for number, item in enumerate(exercises):
        y = number * ROW + 14
        parts.append(_text(4, y, item.id, "start"))
        share = item.share or 0.0
        parts.append(Markup('<rect class="empty" x="4" y="{}" width="{}" height="{}"/>').format(y + 4, long, BAR))
        parts.append(_rect(4, y + 4, long * share, BAR))
        parts.append(_text(long + 10, y + 14, _rate(item), "start"))
    bottom = len(exercises) * ROW + 8
    parts.append(_line(4, bottom, 4 + long, bottom))
    parts += [_text(4 + long * at / 100, bottom + 14, f"{at}%", anchor) for at, anchor in _TICKS]
    parts.append(_text(4 + long / 2, bottom + 30, x_label, "middle"))
    said = "; ".join(f"{item.id}: {_rate(item)}" for item in exercises)
    return _svg(title, said, bottom + 38, parts)


_TICKS = ((0, "start"), (50, "middle"), (100, "end"))


def _rate(item: ExerciseRate) -> str:
    return "nobody graded" if item.share is None else f"{100 * item.share:.0f}% ({item.full} of {item.graded})"


def _svg(title: str, said: str, height: float, parts: Iterable[Markup]) -> Markup:
    head = Markup('<svg class="chart" role="img" viewBox="0 0 {} {:g}"><title>{}</title><desc>{}</desc>').format(
        WIDTH, height, title, said
    )
    return head + Markup("").join(parts) + Markup("</svg>")


def _rect(x: float, y: float, width: float, height: float) -> Markup:
    return Markup(f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 0):.1f}" height="{max(height, 0):.1f}"/>')


def _line(x: float, y: float, to_x: float, to_y: float) -> Markup:
    return Markup(f'<line x1="{x:.1f}" y1="{y:.1f}" x2="{to_x:.1f}" y2="{to_y:.1f}"/>')


def _text(x: float, y: float, text: str, anchor: str) -> Markup:
    return Markup(f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">') + escape(text) + Markup("</text>")
