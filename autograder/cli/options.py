"""What several commands share: arguments, options, the progress bar."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from autograder.cli.paths import OutFolder
from autograder.cli.screen import line, say_aside, say_line
from autograder.course_folders import CourseFolders
from autograder.names import assignment_name, student_name

if TYPE_CHECKING:
    from autograder.assignment.model import Assignment
    from autograder.results import Report, ResultFolder
    from autograder.roster.term import Term

HERE = CourseFolders(Path())
MAX_LAST = 60  # characters beside a bar
LINE_SECONDS = 10.0  # between two lines about progress, where there is no terminal
LINE_SHARE = 0.1  # of the work, since the last of them
QUIET_SECONDS = 60.0  # after which one comes however little was done

assignment_argument = click.argument(
    "assignment", metavar="ASSIGNMENT", callback=lambda _context, _option, text: assignment_name(text)
)
results_option = click.option(
    "--out", type=OutFolder(is_read=True), default=HERE.results, show_default=True,
    help="Folder of the results: ASSIGNMENT/<student>.json.",
)  # fmt: skip


def student_as_typed(_context: click.Context, _option: click.Parameter, text: str | None) -> str | None:
    """The callback of options and arguments that name a student."""
    return None if text is None else student_name(text)


def students_as_typed(_context: click.Context, _option: click.Parameter, texts: tuple[str, ...]) -> tuple[str, ...]:
    """The same where several may be named."""
    return tuple(map(student_name, texts))


workers_option = click.option(
    "--workers", type=click.IntRange(1), default=lambda: os.cpu_count() or 1, show_default="one a core",
    help="How many submissions at once.",
)  # fmt: skip
weak_option = click.option("--allow-weak", is_flag=True, help="Grade even where this machine cannot confine code.")


def results_of(out: Path, course: Assignment) -> ResultFolder:
    """This assignment's results under --out; what an earlier version left there is moved, and said."""
    from autograder.result_layout import result_folder

    return result_folder(out, course.name, course.course, say_line)


def belongs_to_gradebook(out: Path) -> bool:
    """Whether these are the results whose scores the course's gradebook holds, and nbgrader's commands read."""
    return out.resolve() == HERE.results.resolve()


def say_outdated(term: Term, assignment: str, reports: Iterable[Report | None]) -> None:
    """Say whose graded work is not what counts now: by policy and extensions, or since more was handed in."""
    fix = f"run `autograder grade {assignment}`"
    outdated = {attempt.student: attempt.name for attempt in term.outdated(assignment)}
    for student, name in outdated.items():
        say_line(f"{student}: the attempt {name} counts now, and another was graded: {fix}")
    for report in reports:
        if report is not None and report.student not in outdated and term.is_replaced(report):
            say_line(f"{report.student}: what was graded is no longer what lies in submitted/: {fix}")


class ShownProgress:
    """How far a command is: a bar on a terminal, elsewhere a line now and then on standard error.

    A line comes only when a good part of the work was done since the last one and LINE_SECONDS have passed, so that a
    quick command says nothing and a log stays short; or after QUIET_SECONDS, so that nobody thinks that it hangs.
    """

    def __init__(self, title: str, total: int | None, drawn: Progress | None) -> None:
        self._title, self._total, self._drawn = title, total, drawn
        self._done = self._told = 0
        self._began = self._told_at = time.monotonic()

    def update(
        self, *, advance: int = 0, completed: int | None = None, total: int | None = None, last: str = ""
    ) -> None:
        """So much more is done, or `completed` in all; last: what was done last."""
        self._done = self._done + advance if completed is None else completed
        self._total = total if total is not None else self._total
        if self._drawn is not None:
            self._drawn.update(self._drawn.task_ids[0], completed=self._done, total=self._total, last=last)
        elif self._is_worth_a_line:
            self._told, self._told_at = self._done, time.monotonic()
            count = f"{self._done} of {self._total}" if self._total else str(self._done)
            say_aside(f"{self._title}: {count}, {self._told_at - self._began:.0f} s{f' ({last})' if last else ''}")

    @property
    def _is_worth_a_line(self) -> bool:
        silent = time.monotonic() - self._told_at
        is_far = self._done - self._told >= (self._total or 0) * LINE_SHARE
        return silent >= QUIET_SECONDS or (silent >= LINE_SECONDS and is_far)


@contextmanager
def progress(title: str, total: int | None) -> Iterator[ShownProgress]:
    """A bar with counts and time left on a terminal; elsewhere lines."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("left"),
        TimeRemainingColumn(), TextColumn("{task.fields[last]}", markup=False),
    )  # fmt: skip
    if not console.is_terminal:
        yield ShownProgress(title, total, None)
        return
    with Progress(*columns, console=console, transient=True) as drawn:
        drawn.add_task(title, total=total, last="")
        yield ShownProgress(title, total, drawn)


@contextmanager
def counting(title: str, total: int) -> Iterator[Callable[[str], None]]:
    """A bar that goes one step on with each call of the function it gives, and shows that call's text."""
    with progress(title, total) as bar:
        yield lambda last: bar.update(advance=1, last=line(last, MAX_LAST))
