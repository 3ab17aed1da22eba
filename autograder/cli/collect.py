"""The command that takes bulk downloads of course systems into submitted/."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from autograder.cli.json_output import record
from autograder.cli.options import HERE, assignment_argument, progress
from autograder.cli.screen import line, say, say_line

if TYPE_CHECKING:
    from autograder.collecting.collect import Collected, CollectedRow

MAX_SHOWN = 30  # of a kind; the report has all


@click.command()
@assignment_argument
@click.argument("archives", metavar="[ARCHIVE]...", nargs=-1, type=click.Path(path_type=Path))
@click.option("--dry-run", is_flag=True, help="Say what would be done, and write nothing.")
def collect(assignment: str, archives: tuple[Path, ...], dry_run: bool) -> None:
    """Take the bulk downloads of Canvas, Moodle or Gradescope, or folders, into submitted/<student>/ASSIGNMENT/.

    ARCHIVE is a zip file or a folder. Hand-ins find their student by roster.csv; what could not be matched is listed
    and left. Every attempt is kept in attempts/ASSIGNMENT/<student>/; in submitted/ lies the one that counts by
    [policy] in assignment.toml. Without ARCHIVE: bring submitted/ in line after an extension.

    \b
    Examples:
      autograder collect ps3 submissions.zip --dry-run
      autograder collect ps3 submissions.zip late.zip
      autograder collect ps3                             (after a change in extensions.csv)
    """
    from autograder.assignment.load import load_assignment
    from autograder.collecting.collect import COLUMNS, REPORT
    from autograder.collecting.collect import collect as taken
    from autograder.roster.term import course_term

    load_assignment(assignment)
    with progress("collecting", None) as bar:
        collected = taken(
            course_term(HERE), assignment, archives, dry=dry_run,
            on_hand_in=lambda label: bar.update(advance=1, last=line(label, 60)),
        )  # fmt: skip
    record(rows=[dict(zip(COLUMNS, row.cells, strict=True)) for row in collected.rows], written=not dry_run)
    _print(collected)
    where = "" if dry_run or not archives else f" All of it: {HERE.attempts / assignment / REPORT}"
    say(f"{assignment}: {_counts(collected)}.{' Nothing was written (--dry-run).' if dry_run else ''}{where}")


def _print(collected: Collected) -> None:
    """Everything that a person has to look at."""
    from autograder.collecting.collect import NO_TIME, RowStatus

    new = collected.of(RowStatus.NEW)
    for status in (RowStatus.NOT_MATCHED, RowStatus.AMBIGUOUS, RowStatus.UNDECIDED, RowStatus.LEFT_OUT):
        _print_rows(status, collected.of(status))
    loosely = [row for row in new if "name" in row.by or "beginning" in row.by]
    _print_rows("look at it", loosely)
    _print_rows("new attempt", [row for row in new if row.note not in ("", NO_TIME) and row not in loosely])
    if undated := sum(NO_TIME in row.note for row in new):
        say_line(f"{undated} of {len(new)} new attempts have no time: it can be written into timestamp.txt of each")
    replaced = [row for row in collected.of(RowStatus.COUNTS) if " of " in row.note]
    _print_rows(RowStatus.COUNTS, replaced)
    _print_rows(RowStatus.MISSING, collected.of(RowStatus.MISSING))


def _print_rows(title: str, rows: list[CollectedRow]) -> None:
    for row in rows[:MAX_SHOWN]:
        who = row.person.id if row.person is not None else row.called
        called = f" (called {row.called}, by {row.by})" if row.person is not None and row.called else ""
        say_line(f"{title}: {who}{called}{f': {row.note}' if row.note else ''}")
    if len(rows) > MAX_SHOWN:
        say_line(f"{title}: and {len(rows) - MAX_SHOWN} more")


def _counts(collected: Collected) -> str:
    from autograder.collecting.collect import RowStatus

    several = {RowStatus.NEW: "new attempts", RowStatus.COUNTS: "count now"}
    counts = [(status, len(collected.of(status))) for status in RowStatus]
    shown = (f"{count} {several.get(status, status) if count > 1 else status}" for status, count in counts if count)
    return ", ".join(shown) or "nothing to do"
