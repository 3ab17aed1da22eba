"""The class at a glance: a table for the terminal, the same as CSV for a spreadsheet or a campus system."""

from __future__ import annotations

import csv
import io
import statistics
from collections.abc import Iterable, Sequence

from rich.table import Table

from autograder.scores import Score, Standing
from kit.manifest import Manifest

NONE = "–"


def table(manifest: Manifest, standings: Sequence[Standing]) -> Table:
    """Students by exercises, with totals, and the medians of what is graded. A dash: not graded or not marked yet."""
    names = [score.id for score in standings[0].scores]
    made = Table(title=manifest.title, caption=f"{NONE} not graded, or not marked yet; * marked by hand")
    made.add_column("student", overflow="fold")
    for name in names:
        made.add_column(name, justify="right", overflow="fold")
    made.add_column("total", justify="right", no_wrap=True)
    made.add_column("state")
    for standing in standings:
        cells = [_shown(score) + ("" if score.manual is None else "*") for score in standing.scores]
        made.add_row(standing.student, *cells, _total(standing), standing.status)
    made.add_section()
    medians = [_median(standing.scores[place].points for standing in standings) for place in range(len(names))]
    totals = _median(standing.points for standing in standings if standing.status != "not graded")
    made.add_row("median", *medians, totals, "")
    points = [f"{score.max_points:g}" for score in standings[0].scores]
    made.add_row("points", *points, f"{standings[0].max_points:g}", "")
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
    return NONE if score.points is None else f"{score.points:.4g}"


def _total(standing: Standing) -> str:
    return NONE if standing.status == "not graded" else f"{standing.points:.4g}"


def _median(values: Iterable[float | None]) -> str:
    known = [value for value in values if value is not None]
    return f"{statistics.median(known):.4g}" if known else NONE


def _harmless(value: object) -> object:
    # A spreadsheet runs a text that begins like a formula.
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value
