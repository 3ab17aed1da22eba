"""What several commands share: arguments, options, the progress bar."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from autograder.cli.paths import OutFolder
from autograder.cli.screen import line, say_line
from autograder.course_folders import CourseFolders
from autograder.names import assignment_name, student_name

if TYPE_CHECKING:
    from autograder.assignment.model import Assignment
    from autograder.results import Report, ResultFolder
    from autograder.roster.term import Term

HERE = CourseFolders(Path())
MAX_LAST = 60  # characters beside a bar

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


@contextmanager
def progress(title: str, total: int | None) -> Iterator[Progress]:
    """A bar with counts and time left on a terminal; nothing elsewhere. It holds one task, number 0."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("left"),
        TimeRemainingColumn(), TextColumn("{task.fields[last]}", markup=False),
    )  # fmt: skip
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        bar.add_task(title, total=total, last="")
        yield bar


@contextmanager
def counting(title: str, total: int) -> Iterator[Callable[[str], None]]:
    """A bar that goes one step on with each call of the function it gives, and shows that call's text."""
    with progress(title, total) as bar:
        yield lambda last: bar.update(bar.task_ids[0], advance=1, last=line(last, MAX_LAST))
