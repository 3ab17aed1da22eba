"""The class at a glance: a table for the terminal, the same as CSV for a spreadsheet or a campus system."""

from __future__ import annotations

import csv
import io
import statistics
from collections.abc import Iterable, Sequence

from rich import box
from rich.table import Table

from autograder.scores import Score, Standing
from kit.manifest import Manifest

NONE = "–"


def table(manifest: Manifest, standings: Sequence[Standing]) -> Table:
    """Students by exercises, with totals, and the medians of what is graded. A dash: not graded or not marked yet.

    Columns are numbered, so that a set of twenty exercises fits on a screen; the caption tells their names.
    """
    scores = standings[0].scores
    numbers = [str(number) for number in range(1, len(scores) + 1)]
    names = ", ".join(f"{number}={score.id}" for number, score in zip(numbers, scores, strict=True))
    made = Table(
        title=manifest.title, box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), caption_justify="left",
        caption=f"{names}\n{NONE} not graded, or not marked yet; * marked by hand",
    )  # fmt: skip
    made.add_column("student", overflow="fold", min_width=8)
    for number in numbers:
        made.add_column(number, justify="right", no_wrap=True)
    made.add_column("total", justify="right", no_wrap=True)
    made.add_column("state", no_wrap=True)
    for standing in standings:
        cells = [_shown(score) + ("" if score.manual is None else "*") for score in standing.scores]
        made.add_row(standing.student, *cells, _total(standing), standing.status)
    made.add_section()
    medians = [_median(standing.scores[place].points for standing in standings) for place in range(len(scores))]
    totals = _median(standing.points for standing in standings if standing.status != "not graded")
    made.add_row("median", *medians, totals, "")
    made.add_row("points", *[f"{score.max_points:g}" for score in scores], f"{standings[0].max_points:g}", "")
    return made


def as_csv(standings: Sequence[Standing]) -> str:
    """One line a student. An empty field: not graded or not marked yet; ``auto_score`` counts the exercises alone."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = [score.id for score in standings[0].scores]
    writer.writerow(["student", "state", *names, "auto_score", "total", "max_total", "version", "submission", "reason"])
    for standing in standings:
        report = standing.report
        auto = report.auto_score if report else None
        total = None if standing.not_graded else standing.points
        row = [standing.student, standing.status, *(score.points for score in standing.scores), auto, total]
        tail = [report.version, report.submission, report.reason] if report else [None, None, None]
        writer.writerow([_harmless(value) for value in (*row, standing.max_points, *tail)])
    return text.getvalue()


def _shown(score: Score) -> str:
    return NONE if score.points is None else f"{score.points:.3g}"


def _total(standing: Standing) -> str:
    return NONE if standing.status == "not graded" else f"{standing.points:.4g}"


def _median(values: Iterable[float | None]) -> str:
    known = [value for value in values if value is not None]
    return f"{statistics.median(known):.4g}" if known else NONE


def _harmless(value: object) -> object:
    # A spreadsheet runs a text that begins like a formula.
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value
