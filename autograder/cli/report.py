"""The command `report`: the class on one page."""

from __future__ import annotations

import click

from autograder.cli.json_output import record
from autograder.cli.options import HERE, assignment_argument
from autograder.cli.screen import say, say_line


@click.command()
@assignment_argument
def report(assignment: str) -> None:
    """Write the class report, feedback/ASSIGNMENT.html, from results and marks. For the staff only.

    Distribution, pass rates, frequent failures with their hints, tests that nobody or everybody passes, slow tests,
    what is not graded or waits for a mark, who handed in nothing (with a roster.csv), regrades, and a line a student
    with a link to the feedback page. `autograder feedback` writes it as well.

    \b
    Examples:
      autograder report ps3
    """
    from autograder.build.as_built import load_unless_stale
    from autograder.marks import class_report
    from autograder.result_layout import result_folder

    course = load_unless_stale(assignment)
    path = class_report.write(course, result_folder(HERE.results, course.name, course.course, say_line))
    record(page=path)
    say(f"{assignment}: {path}, for the staff only")
