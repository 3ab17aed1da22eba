"""Commands that write grades for other systems."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from autograder.cli.gradescope import gradescope
from autograder.cli.json_output import record
from autograder.cli.options import HERE, assignment_argument, say_outdated
from autograder.cli.paths import refuse_file
from autograder.cli.screen import say, say_line
from autograder.errors import BadInput

if TYPE_CHECKING:
    from autograder.assignment.model import Assignment
    from autograder.exports.canvas import Filled
    from autograder.marks.standings import Standing

to_option = click.option("--to", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Write here.")
zero_option = click.option(
    "--open-as-zero", is_flag=True, help="Count what is not graded or not marked yet as 0 points, and export it."
)


@click.group()
def export() -> None:
    """Write grades for nbgrader, Canvas or Gradescope.

    Lateness is taken off here, by [policy] in assignment.toml and by extensions.csv as they are now. What is open (not
    graded, or waiting for a mark) has no number in an export, unless --open-as-zero is said.

    \b
    Examples:
      autograder export nbgrader ps3
      autograder export canvas ps3 --gradebook Grades.csv
      autograder export gradescope ps3
    """


@export.command()
@assignment_argument
@to_option
@zero_option
def nbgrader(assignment: str, to: Path | None, open_as_zero: bool) -> None:
    """Write what `nbgrader export` writes, and a status: one line a student.

    \b
    Examples:
      autograder export nbgrader ps3                       (to grades-ps3.csv)
      autograder export nbgrader ps3 --to term/ps3.csv
    """
    from nbgrader.api import Gradebook

    from autograder.build.as_built import load_unless_stale
    from autograder.cli.nbgrader_export import StatusCsvExport
    from autograder.files import put_interpreter_on_path

    course = load_unless_stale(assignment)
    everyone = _standings(course)
    to = _target(to or Path(f"grades-{assignment}.csv"))
    if not HERE.gradebook.is_file():
        raise BadInput(f"no {HERE.gradebook}: run `autograder grade {assignment}` first, without --no-gradebook")
    put_interpreter_on_path()
    with Gradebook(f"sqlite:///{HERE.gradebook.resolve()}") as book:
        plugin = StatusCsvExport(
            to=str(to), assignment=[assignment], open_scores=open_as_zero, open_as_zero=open_as_zero
        )
        plugin.export(book)
    _print_remarks(everyone)
    record(file=to, students=len(everyone))
    say(f"{assignment}: {len(everyone)} students in {to}")


@export.command()
@assignment_argument
@click.option("--gradebook", type=click.Path(path_type=Path), required=True, metavar="CANVAS.csv",
              help="Canvas's gradebook, as exported there: Grades > Export.")  # fmt: skip
@click.option("--column", metavar="NAME", help="The assignment's column in it, where its name is another one there.")
@to_option
@zero_option
def canvas(assignment: str, gradebook: Path, column: str | None, to: Path | None, open_as_zero: bool) -> None:
    """Fill the assignment's column in Canvas's gradebook, for Grades > Import. Nothing else in it changes.

    \b
    Examples:
      autograder export canvas ps3 --gradebook 2026-12-14_Grades-CS231.csv          (to canvas-ps3.csv)
      autograder export canvas ps3 --gradebook Grades.csv --column "Problem set 3 (98765)" --to upload.csv
    """
    from autograder.build.as_built import load_unless_stale
    from autograder.exports import canvas as canvas_file
    from autograder.exports.scores import final_scores
    from autograder.files import write_atomically
    from autograder.roster.roster import course_roster

    course = load_unless_stale(assignment)
    everyone = _standings(course)
    to = _target(to or Path(f"canvas-{assignment}.csv"))
    if to.resolve() == gradebook.resolve():
        raise BadInput(f"--to {to} is the gradebook itself: give another file, so that Canvas's own stays")
    filled = canvas_file.fill(
        gradebook,
        final_scores(everyone, open_as_zero=open_as_zero),
        course_roster(HERE),
        column=column,
        titles=(course.title, course.name),
        max_points=everyone[0].max_points,
    )
    write_atomically(to, filled.text.encode())
    _print_remarks(everyone)
    _print_filled(filled)
    record(file=to, column=filled.column, written=filled.written, open=filled.open)
    say(f"{assignment}: {filled.written} scores in column {filled.column!r} of {to}. Import it in Canvas's Grades.")


def _standings(course: Assignment) -> list[Standing]:
    from autograder.marks.standings import standings, with_lateness
    from autograder.result_layout import result_folder
    from autograder.roster.term import course_term

    results = result_folder(HERE.results, course.name, course.course, say_line)
    term = course_term(course.course)
    everyone = with_lateness(standings(course.manifest, results, HERE.gradebook), term, course.name)
    say_outdated(term, course.name, [standing.report for standing in everyone])
    return everyone


def _target(to: Path) -> Path:
    refuse_file(to, "--to")
    return to


def _print_remarks(everyone: list[Standing]) -> None:
    from autograder.exports.scores import remarks

    for remark in remarks(everyone):
        say_line(remark)


def _print_filled(filled: Filled) -> None:
    for student, why in filled.open.items():
        say_line(f"{student}: left as it was: {why}")
    for who in filled.unknown:
        say_line(f"{who}: left as it was")
    for student in filled.absent:
        say_line(f"{student}: has a result, but no line in Canvas's gradebook")
    for note in filled.notes:
        say_line(note)


export.add_command(gradescope)
