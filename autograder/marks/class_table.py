"""The class at a glance: a table for the terminal, the same as CSV for a spreadsheet or a campus system."""

from __future__ import annotations

import csv
import io
import statistics
from collections.abc import Iterable, Sequence

from rich import box
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from autograder.csv_cells import harmless
from autograder.marks.standings import Score, Standing, StandingStatus
from autograder.results import Stage
from kit.manifest import Manifest
from kit.text import on_one_line

NONE = "–"
BESIDE = "° tested with the course's own earlier answers"
LATE_COLUMNS = ("handed_in", "due", "days_late", "late_days_used", "percent_off", "final")
WIDE = 10_000  # characters: room for any class


def table(manifest: Manifest, standings: Sequence[Standing], width: int = WIDE) -> Table:
    """Students by exercises, with totals, and the medians of what is graded. A dash: not graded or not marked yet.

    Columns are numbered, so that a set of twenty exercises fits on a screen; the caption tells their names. Where even
    that is more than `width` characters, students by problems.
    """
    grid = _table(manifest, standings, [standing.scores for standing in standings])
    roomy = Console(width=WIDE)
    if (needed := Measurement.get(roomy, roomy.options, grid).maximum) > width:
        grid = _table(manifest, standings, [_by_problem(manifest, standing) for standing in standings])
        grid.caption = f"{grid.caption}\nevery exercise: in a window of {needed} columns, or with --csv"
    return grid


def _table(manifest: Manifest, standings: Sequence[Standing], rows: Sequence[Sequence[Score]]) -> Table:
    numbers = [str(number) for number in range(1, len(rows[0]) + 1)]
    names = ", ".join(f"{number}={score.id}" for number, score in zip(numbers, rows[0], strict=True))
    grid = Table(
        title=_title(manifest, standings), box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0),
        caption_justify="left",
        caption=f"{names}\n{NONE} not graded, or not marked yet; * marked by hand; {BESIDE}",
    )  # fmt: skip
    grid.add_column("student", overflow="fold", min_width=8)
    for number in numbers:
        grid.add_column(number, justify="right", no_wrap=True)
    grid.add_column("total", justify="right", no_wrap=True)
    has_policy = any(standing.late is not None for standing in standings)
    if has_policy:
        grid.add_column("late", no_wrap=True)
        grid.add_column("final", justify="right", no_wrap=True)
    grid.add_column("state", no_wrap=True)
    for standing, scores in zip(standings, rows, strict=True):
        cells = [_shown(score) + "*" * (score.manual is not None) + "°" * bool(score.beside) for score in scores]
        late = _late(standing) if has_policy else []
        grid.add_row(Text(on_one_line(standing.student)), *cells, _total(standing), *late, standing.status)
    grid.add_section()
    medians = [_median(score.points for score in column) for column in zip(*rows, strict=True)]
    totals = _median(standing.points for standing in standings if standing.status is not StandingStatus.NOT_GRADED)
    empty = ["", ""] if has_policy else []
    grid.add_row("median", *medians, totals, *empty, "")
    worth = [f"{score.max_points:g}" for score in rows[0]]
    grid.add_row("points", *worth, f"{standings[0].max_points:g}", *empty, "")
    return grid


def _title(manifest: Manifest, standings: Sequence[Standing]) -> str:
    reports = [standing.report for standing in standings if standing.report is not None]
    count = sum(report.stage is Stage.PROVISIONAL for report in reports)
    return f"{manifest.title} ({count} of {len(reports)} provisional: before the deadline)" if count else manifest.title


def _by_problem(manifest: Manifest, standing: Standing) -> list[Score]:
    """A score a problem: what is graded so far, none where an exercise is not graded."""
    sums = []
    for book in manifest.notebooks:
        scores = [score for score in standing.scores if score.problem == book.problem]
        graded = all(score.points is not None for score in scores if not score.written)
        points = sum(score.points or 0.0 for score in scores) if graded else None
        by_hand = points if any(score.manual is not None for score in scores) else None
        worth = sum(score.max_points for score in scores)
        sums.append(Score(book.problem, book.problem, False, worth, auto=points, manual=by_hand))
    return sums


def as_csv(standings: Sequence[Standing]) -> str:
    """One line a student. An empty field: not graded or not marked yet; ``auto_score`` counts the exercises alone."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = [score.id for score in standings[0].scores]
    has_policy = any(standing.late is not None for standing in standings)
    header = [
        "student",
        "state",
        *names,
        "auto_score",
        "total",
        "max_total",
        "version",
        "submission",
        "reason",
        "stage",
    ]
    writer.writerow([*header, *(LATE_COLUMNS if has_policy else ())])
    for standing in standings:
        report = standing.report
        auto = report.auto_score if report else None
        total = None if standing.not_graded else standing.points
        row = [standing.student, standing.status, *(score.points for score in standing.scores), auto, total]
        tail = [report.version, report.submission, report.reason, report.stage] if report else [None] * 4
        late = _late_cells(standing) if has_policy else []
        writer.writerow([harmless(value) for value in (*row, standing.max_points, *tail, *late)])
    return text.getvalue()


def _late(standing: Standing) -> list[str]:
    """How late the work is, and what is left of the total."""
    known = standing.late is not None and standing.status is not StandingStatus.NOT_GRADED
    late = standing.late.short if standing.late is not None else ""
    return [late, f"{standing.final_points:.4g}" if known else NONE]


def _late_cells(standing: Standing) -> list[object]:
    late = standing.late
    if late is None:
        return [None] * len(LATE_COLUMNS)
    final = None if standing.not_graded else standing.final_points
    if not late.is_known:
        return ["not known", late.due.isoformat(), None, None, None, final]
    when = late.handed_in.isoformat() if late.handed_in is not None else None
    return [when, late.due.isoformat(), late.days_late, late.free_days, late.percent, final]


def _shown(score: Score) -> str:
    return NONE if score.points is None else f"{score.points:.3g}"


def _total(standing: Standing) -> str:
    return NONE if standing.status is StandingStatus.NOT_GRADED else f"{standing.points:.4g}"


def _median(values: Iterable[float | None]) -> str:
    known = [value for value in values if value is not None]
    return f"{statistics.median(known):.4g}" if known else NONE
