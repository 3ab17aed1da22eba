"""`autograder leaderboard`."""

from __future__ import annotations

from pathlib import Path

import click

from autograder.cli.json_output import record
from autograder.cli.options import HERE, assignment_argument, results_option
from autograder.cli.screen import say, say_line


@click.command()
@assignment_argument
@results_option
@click.option("--names", is_flag=True, help="Show students' ids. Without it the page names nobody.")
def leaderboard(assignment: str, out: Path, names: bool) -> None:
    """Write a page that compares what submitted weights reach, from stored results.

    For exercises that say `leaderboard` in problem.toml (docs/instructor.md, "Submitted weights").

    \b
    Examples:
      autograder leaderboard ps3              (feedback/ps3-leaderboard.html)
      autograder leaderboard ps3 --names      (for staff)
    """
    from autograder.assignment.load import load_assignment
    from autograder.files import write_atomically
    from autograder.marks.leaderboard import page
    from autograder.result_layout import result_folder

    course = load_assignment(assignment)
    html = page(course, result_folder(out, course.name, course.course, say_line), names=names)
    path = HERE.feedback / f"{course.name}-leaderboard.html"
    write_atomically(path, html.encode())
    record(page=path)
    say(f"{path}")
