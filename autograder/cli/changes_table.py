"""Changed scores on the terminal: the first of them, and where the others stand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from autograder.cli.json_output import record
from autograder.cli.screen import cell, say, say_table

if TYPE_CHECKING:
    from autograder.grading.changes import ScoreChange

MAX_CHANGES = 30  # rows on the screen


def say_changes(changes: Sequence[ScoreChange], path: Path) -> None:
    """path: the file that holds all of them."""
    from rich.table import Table

    table = Table("student", "exercise", "before", "now", "because", "why", box=None, pad_edge=False)
    for change in changes[:MAX_CHANGES]:
        table.add_row(*map(cell, change.row))
    say_table(table, 180)
    record(changes=list(changes), changes_file=path)
    left = len(changes) - MAX_CHANGES
    say(f"  and {left} more; all of them: {path}" if left > 0 else f"  (also in {path})")
