"""Figures that are images or tables: photographs, patches, masks, matrices, places on a pixel grid.

Images are (B, C, H, W), uint8 or 0 to 1; give `pictures=` (the image set) where they are normalised.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path
from matplotlib.transforms import Affine2D
from torch import Tensor

from ps3.data import ImageSet, to_float
from ps3.plots.figure import BLUE, INK, ORANGE, SOFT, WIDE, Picture, blank, finish, style

HATCH = "////"


def images(
    rows: Tensor | Sequence[Tensor],
    titles: Sequence[str] = (),
    *,
    columns: Sequence[str] = (),
    labels: Sequence[Sequence[str]] = (),
    ticked: Sequence[Sequence[bool]] = (),
    pictures: ImageSet | None = None,
    message: str = "",
) -> Picture:
    """A grid of images: each row a batch; `titles` name the rows, `columns` stand over (or, for one row, under) it.

    labels: for each row and image what stands over it. ticked: whether it is outlined and ticked.
    """
    rows = [rows] if isinstance(rows, Tensor) else list(rows)
    count = max(len(row) for row in rows)
    side = min(1.1, (WIDE - 1.2 * bool(titles)) / count)
    shape = rows[0].shape
    with style():
        figure = blank(
            side * count + 1.2 * bool(titles),
            side * shape[2] / shape[3] * len(rows) + 0.3 + 0.2 * len(labels) + 0.1 * bool(columns),
        )
        axes = figure.subplots(len(rows), count, squeeze=False)
        figure.set_layout_engine("constrained", w_pad=0.01, h_pad=0.01, wspace=0, hspace=0)
        for r, row in enumerate(rows):
            for c, axis in enumerate(axes[r]):
                axis.axis("off")
                if c < len(row):
                    show_image(axis, row[c], pictures)
                    if len(ticked) > r and ticked[r][c]:
                        tick(axis, row[c].shape)
                    if len(labels) > r:
                        axis.set_title(labels[r][c], fontsize=9, pad=2)
            if len(titles) > r:
                axes[r, 0].text(-0.08, 0.5, titles[r], transform=axes[r, 0].transAxes, ha="right", va="center")
        for c, text in enumerate(columns):
            axes[0, c].set_title(text, fontsize=9)
    many = f"{len(rows)} rows of {count} images" if len(rows) > 1 else f"{count} images"
    return finish(figure, message or f"{many}, {shape[2]} x {shape[3]} pixels")


def patches(image: Tensor, tokens: Tensor, patch_size: int | None = None, *, numbers: Sequence[int] = ()) -> Picture:
    """An image (C, H, W) cut by a grid, and beside it tokens (N, P*P*C), drawn in the order (row, column, channel).

    numbers: what to write over the tokens, in place of 0, 1, 2, ...
    """
    channels, height, width = image.shape
    size = patch_size or round((tokens.shape[1] / channels) ** 0.5)
    count, across = len(tokens), max(width // size, 1)
    numbers = list(numbers) or list(range(count))
    down = -(-count // across)
    with style():
        figure = blank(WIDE, min(4.0, 1.0 + 2.6 * height / width))
        left, right = figure.subfigures(1, 2, width_ratios=(1, 1.3), squeeze=False)[0]
        axis = left.subplots()
        axis.set_title("the image")
        show_image(axis, image, None)
        axis.set(xticks=np.arange(0, width + 1, size) - 0.5, yticks=np.arange(0, height + 1, size) - 0.5)
        axis.tick_params(labelbottom=False, labelleft=False, length=0)
        axis.grid(color="white", linewidth=1.5)
        axis.set_axisbelow(False)
        axis.spines[:].set_visible(False)
        for n, axis in enumerate(right.subplots(down, across, squeeze=False).flat):
            axis.axis("off")
            if n < count:
                token = tokens[n].detach().cpu().reshape(size, size, channels)
                show_image(axis, token.permute(2, 0, 1), None)
                axis.set_title(f"{numbers[n]}", fontsize=9, pad=2)
    return finish(figure, f"{count} tokens of {tokens.shape[1]} numbers, drawn as {size} x {size} x {channels}")


def mask_over(
    batch: Tensor, mask: Tensor, patch_size: int, *, titles: Sequence[str] = (), pictures: ImageSet | None = None
) -> Picture:
    """Images with their removed patches (mask (B, N), 1 = removed) grey and hatched, the number kept under each."""
    kept = (mask.detach() < 0.5).sum(dim=1).tolist()
    with style():
        figure = blank(min(WIDE, 1.35 * len(batch)), 1.35 * batch.shape[2] / batch.shape[3] + 0.5)
        for n, axis in enumerate(figure.subplots(1, len(batch), squeeze=False)[0]):
            axis.axis("off")
            show_image(axis, batch[n], pictures)
            _cover(axis, mask[n], patch_size, batch.shape[3])
            axis.set_title(titles[n] if titles else f"K = {kept[n]}", fontsize=10)
    same = all(torch.equal(mask[0], other) for other in mask[1:]) and len(mask) > 1
    text = "all the same" if same else "not all the same"
    return finish(figure, f"patches kept of {mask.shape[1]}: {', '.join(map(str, kept))}; masks are {text}")


def matrix(
    values: Tensor,
    rows: Sequence[str] | Tensor = (),
    columns: Sequence[str] | Tensor = (),
    *,
    outline: Sequence[tuple[int, int]] = (),
    signed: bool = False,
    title: str = "",
    row_axis: str = "",
    column_axis: str = "",
    digits: int = 2,
    message: str = "",
) -> Picture:
    """A table of values as shades, written in up to 10 x 10; heads are names or images; outlined cells are marked.

    signed: a diverging map fixed at -1 to 1 (similarities); otherwise grey from the smallest to the largest value.
    """
    table = values.detach().cpu().double().numpy()
    down, across = table.shape
    limits = {"cmap": "RdBu_r", "vmin": -1, "vmax": 1} if signed else {"cmap": "Greys"}
    with style():
        side = min(0.75 if down <= 10 else 0.3, 3.6 / down)
        figure = blank(max(3.6, side * across + 2.2), max(2.2, side * down + 1.0))
        axis = figure.subplots()
        shades = axis.imshow(table, **limits)
        axis.grid(False)
        axis.spines[:].set_visible(False)
        axis.set(title=title, xlabel=column_axis, ylabel=row_axis)
        _heads(axis, rows, down, axis.set_yticks, vertical=True)
        _heads(axis, columns, across, axis.set_xticks, vertical=False)
        if down <= 10 and across <= 10:
            for (r, c), value in np.ndenumerate(table):
                shade = float(np.asarray(shades.norm(value)))
                dark = abs(shade - 0.5) > 0.35 if signed else shade > 0.55
                text = f"{value:.{digits}f}" if value != round(value) or signed else f"{value:.0f}"
                axis.text(c, r, text, ha="center", va="center", fontsize=9, color="white" if dark else INK)
        else:
            figure.colorbar(shades, ax=axis, shrink=0.8)
        for r, c in outline:
            axis.add_patch(Rectangle((c - 0.5, r - 0.5), 1, 1, fill=False, edgecolor=INK, linewidth=2.5, clip_on=False))
    return finish(figure, message or f"{down} x {across} values from {table.min():.3g} to {table.max():.3g}")


def where_it_looked(looked: Tensor, box: Sequence[float], image_size: tuple[int, int], *, title: str = "") -> Picture:
    """Places (rows, columns, 2) that were read, as (row, column) in pixels from the corner, over the pixel grid.

    box: top, left, height, width as fractions of an image of `image_size` (H, W).
    """
    height, width = image_size
    points = looked.detach().cpu().reshape(-1, 2)
    top, left, tall, wide = (float(v) * s for v, s in zip(box, (height, width, height, width), strict=True))
    inside = ((points[:, 0] - top).abs() + (points[:, 0] - top - tall).abs() <= tall + 1e-4) & (
        (points[:, 1] - left).abs() + (points[:, 1] - left - wide).abs() <= wide + 1e-4
    )
    with style():
        figure = blank(min(WIDE, 0.45 * width + 1.2), min(4.0, 0.45 * height + 1.0))
        axis = figure.subplots()
        axis.set(xlim=(-0.3, width + 0.3), ylim=(height + 0.3, -0.3), aspect="equal", title=title)
        axis.set(xlabel="column, in pixels", ylabel="row, in pixels")
        axis.set_xticks(range(width + 1), [str(n) if n % 2 == 0 else "" for n in range(width + 1)])
        axis.set_yticks(range(height + 1), [str(n) if n % 2 == 0 else "" for n in range(height + 1)])
        axis.add_patch(Rectangle((0, 0), width, height, fill=False, edgecolor=SOFT, linewidth=1.5))
        axis.add_patch(Rectangle((left, top), wide, tall, fill=False, edgecolor=ORANGE, linewidth=2.5))
        axis.plot(points[:, 1], points[:, 0], "o", color=BLUE, ls="none")
    first = points[0].tolist()
    text = f"the first is row {first[0]:.2f}, column {first[1]:.2f}"
    return finish(figure, f"{int(inside.sum())} of {len(points)} places lie in the box; {text}")


def show_image(axis: Axes, image: Tensor, pictures: ImageSet | None) -> None:
    image = pictures.unnormalize(image) if pictures else to_float(image)
    image = image.detach().cpu().float().clamp(0, 1)
    array = image[0].numpy() if len(image) == 1 else image.permute(1, 2, 0).numpy()
    axis.imshow(array, vmin=0, vmax=1)
    axis.grid(False)


def frame(axis: Axes, shape: Sequence[int]) -> None:
    """A border round an image of that shape (C, H, W)."""
    height, width = shape[1:]
    axis.add_patch(Rectangle((-0.5, -0.5), width, height, fill=False, edgecolor=INK, linewidth=4))
    axis.add_patch(Rectangle((-0.5, -0.5), width, height, fill=False, edgecolor="white", linewidth=1))


def tick(axis: Axes, shape: Sequence[int]) -> None:
    """A border and a tick."""
    frame(axis, shape)
    height, width = shape[1:]
    corner = {"boxstyle": "square,pad=0.15", "facecolor": "white", "edgecolor": INK}
    axis.text(width - 1, height - 1, "\u2713", ha="right", va="bottom", fontsize=9, color=INK, bbox=corner)


def _cover(axis: Axes, mask: Tensor, size: int, width: int) -> None:
    """Grey, hatched squares over removed patches, one path for all: squares of their own would leave seams."""
    removed = (mask.detach().cpu() > 0.5).reshape(-1, width // size)
    layer = torch.zeros(*removed.shape, 4)
    layer[removed] = torch.tensor([0.74, 0.74, 0.74, 1.0])
    down, across = (side * size - 0.5 for side in removed.shape)
    axis.imshow(layer.numpy(), extent=(-0.5, across, down, -0.5))
    corners = [(column * size - 0.5, row * size - 0.5) for row, column in removed.nonzero().tolist()]
    squares = [Path.unit_rectangle().transformed(Affine2D().scale(size).translate(*corner)) for corner in corners]
    if squares:
        look = {"facecolor": "none", "edgecolor": "#8A8A8A", "linewidth": 0}
        axis.add_patch(PathPatch(Path.make_compound_path(*squares), hatch=HATCH, **look))


def _heads(
    axis: Axes, heads: Sequence[str] | Tensor, count: int, set_ticks: Callable[..., object], vertical: bool
) -> None:
    if isinstance(heads, Tensor):
        set_ticks([])
        for n, image in enumerate(heads):
            place = (-0.24, 1 - (n + 1) / count, 0.2, 1 / count) if vertical else (n / count, 1.04, 1 / count, 0.2)
            head = axis.inset_axes(place)
            head.axis("off")
            show_image(head, image, None)
    else:
        set_ticks(range(count) if len(heads) else [], list(heads))
        if not vertical and len(heads) and max(map(len, heads)) > 4:
            axis.tick_params(axis="x", rotation=60)
