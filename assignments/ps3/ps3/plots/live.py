"""The live figure of a training: one display, updated in place; ten printed lines outside a notebook."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from matplotlib.axes import Axes
from matplotlib.figure import SubFigure
from torch import Tensor

from ps3.data import ImageSet
from ps3.plots.charts import reference_lines
from ps3.plots.figure import SOFT, WIDE, Picture, blank, in_notebook, method, style
from ps3.plots.grids import show_image
from ps3.probes import standard_error
from ps3.training import Progress, print_tenths

SECONDS_BETWEEN = 2.0
UPDATES = 60  # at most, in a long run
PANEL, ROW = 2.9, 0.85  # inches: height of the panel of the loss, of a row of images


class Live:
    """Give it to `train(..., watch=Live(...))`.

    reference: name -> height of a dashed line in the panel of the loss.
    rows: a function that returns rows of images to draw below, (B, C, H, W) each, named by `row_titles`; `pictures`
    where normalised.
    measure: a function that returns an accuracy, called `measures` times in the course of the run and drawn as dots
    in a panel of its own, with bars of two standard errors where it is measured on `measured_on` images; `chance` is
    its reference line.
    """

    def __init__(
        self,
        reference: Mapping[str, float] | None = None,
        *,
        rows: Callable[[], Sequence[Tensor]] | None = None,
        row_titles: Sequence[str] = (),
        pictures: ImageSet | None = None,
        measure: Callable[[], float] | None = None,
        measure_name: str = "k-NN accuracy",
        measures: int = 6,
        measured_on: int = 0,
        chance: float | None = None,
        name: str = "",
        ylabel: str = "loss",
    ):
        self.reference, self.rows, self.pictures = dict(reference or {}), rows, pictures
        self.measure, self.measure_name, self.measures, self.chance = measure, measure_name, measures, chance
        self.look, self.ylabel, self.row_titles = method(name), ylabel, tuple(row_titles)
        self.measured: list[tuple[int, float]] = []
        self.measured_on = measured_on
        self.handle: Any = None
        self.last_time = 0.0

    def __call__(self, progress: Progress) -> None:
        """Called by the training loop after each step, and once more when it is stopped by hand."""
        ended = progress.interrupted or progress.step == progress.steps
        self.measured = progress.measured
        if self.measure and not progress.interrupted:
            before, now = (step * self.measures // progress.steps for step in (progress.step - 1, progress.step))
            if now > before:
                with torch.random.fork_rng(devices=[]):
                    self.measured.append((progress.step, self.measure()))
        if not in_notebook():
            if not progress.interrupted:
                print_tenths(progress)
            return
        if ended or self.handle is None or self._due(progress):
            self.last_time = progress.seconds
            self._publish(self.draw(progress))
        if ended:
            print(self._summary(progress))

    def _due(self, progress: Progress) -> bool:
        whole = progress.seconds + progress.seconds_left
        return progress.seconds - self.last_time >= max(SECONDS_BETWEEN, whole / UPDATES)

    def draw(self, progress: Progress) -> Picture:
        """The figure of this moment."""
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            rows = list(self.rows()) if self.rows else []
        with style():
            figure = blank(WIDE, PANEL + ROW * len(rows))
            halves: Any = figure.subfigures(2, 1, height_ratios=(PANEL, ROW * len(rows))) if rows else [figure]
            panels = halves[0].subplots(1, 2 if self.measure else 1, squeeze=False)[0]
            self._draw_loss(panels[0], progress)
            if self.measure:
                self._draw_measured(panels[1], progress)
            if rows:
                self._draw_rows(halves[1], rows)
        figure.message = self._summary(progress)
        return figure

    def _draw_rows(self, part: SubFigure, rows: Sequence[Tensor]) -> None:
        axes = part.subplots(len(rows), len(rows[0]), squeeze=False)
        for row, line in zip(rows, axes, strict=True):
            for image, axis in zip(row, line, strict=True):
                axis.axis("off")
                show_image(axis, image, self.pictures)
        for title, line in zip(self.row_titles, axes, strict=False):
            line[0].text(-0.08, 0.5, title, transform=line[0].transAxes, ha="right", va="center")

    def _draw_loss(self, axis: Axes, progress: Progress) -> None:
        losses = torch.tensor(progress.losses)
        steps = torch.arange(1, len(losses) + 1)
        axis.plot(steps, losses, color=self.look.colour, linewidth=0.6, alpha=0.35)
        width = max(1, min(25, len(losses) // 8))
        smooth = losses.unfold(0, width, 1).mean(dim=1)
        axis.plot(steps[width // 2 :][: len(smooth)], smooth, color=self.look.colour)
        axis.set(xlim=(0, progress.steps), xlabel="step", ylabel=self.ylabel, title=self._title(progress))
        reference_lines(axis, self.reference)
        seen = [*smooth.tolist(), *self.reference.values()]
        room = 0.12 * ((max(seen) - min(seen)) or 1)
        axis.set_ylim(min(seen) - room, max(seen) + room)  # what counts is where the smooth line runs

    def _draw_measured(self, axis: Axes, progress: Progress) -> None:
        axis.set(xlim=(0, progress.steps), xlabel="step", ylabel=self.measure_name)
        if self.measured:
            steps, values = zip(*self.measured, strict=True)
            bars = [2 * standard_error(v, self.measured_on) for v in values] if self.measured_on else None
            axis.errorbar(
                steps,
                values,
                bars,
                marker=self.look.marker,
                linestyle="none",
                color=self.look.colour,
                capsize=3,
                clip_on=False,
            )
        if self.chance is not None:
            axis.axhline(self.chance, color=SOFT, linestyle="--", linewidth=1.2)
            axis.annotate(
                "chance",
                (0.99, self.chance),
                (0, 2),
                axis.get_yaxis_transform(),
                "offset points",
                ha="right",
                color=SOFT,
                fontsize=9,
            )
        axis.set_ylim(bottom=0)
        axis.margins(y=0.12)

    def _title(self, progress: Progress) -> str:
        state = f"step {progress.step:,} of {progress.steps:,} · loss {progress.smooth_loss():.3f}"
        if progress.interrupted:
            return state + " · stopped"
        if progress.step < progress.steps:
            return state + f" · {progress.seconds_left:.0f} s left"
        return state + f" · {progress.seconds:.0f} s"

    def _summary(self, progress: Progress) -> str:
        losses = progress.losses
        text = f"{progress.step:,} of {progress.steps:,} steps, loss {losses[0]:.3f} to {progress.smooth_loss():.3f}"
        if self.measured:
            text += f", {self.measure_name} {self.measured[0][1]:.3f} to {self.measured[-1][1]:.3f}"
        return text

    def _publish(self, figure: Picture) -> None:
        from IPython.display import display

        if self.handle is None:
            self.handle = display(figure.bundle(), metadata=figure.metadata(), raw=True, display_id=True)
        else:
            self.handle.update(figure.bundle(), metadata=figure.metadata(), raw=True)
