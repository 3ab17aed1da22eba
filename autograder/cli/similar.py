"""The command that shows which answers are alike."""

from __future__ import annotations

from pathlib import Path

import click

from autograder.cli.json_output import record
from autograder.cli.options import HERE, assignment_argument, counting, workers_option
from autograder.cli.paths import OutFolder
from autograder.cli.screen import say, say_line


@click.command()
@assignment_argument
@click.argument("folder", metavar="[DIR]", type=click.Path(path_type=Path), default=HERE.submitted)
@click.option("--against", metavar="DIR", multiple=True, type=click.Path(path_type=Path),
              help="Compare with these submissions of an earlier class too; may be repeated.")  # fmt: skip
@click.option("--out", type=OutFolder(), default=HERE.similar, show_default=True,
              help="Folder of the report: ASSIGNMENT/index.html and pairs.csv.")  # fmt: skip
@workers_option
def similar(assignment: str, folder: Path, against: tuple[Path, ...], out: Path, workers: int) -> None:
    """Write a page of answers that are alike beyond what the course gave and many have: for a person to judge.

    Names, comments and spacing make no difference. Members of a group (groups.csv) are not compared. Nothing runs.

    \b
    Examples:
      autograder similar ps3
      autograder similar ps3 --against ../2025/submitted
    """
    from autograder.assignment.load import load_assignment
    from autograder.similarity import report
    from autograder.similarity.compare import compared, expected

    course = load_assignment(assignment)
    with counting("reading", expected(course, (folder, *against))) as advance:
        found = compared(course, folder, against, advance, workers=workers)
    page, table = report.write(course, found, out / course.name)
    for name, why in found.left.items():
        say_line(f"{name}: not compared: {why}")
    record(page=page, table=table, submissions=found.students, pairs=len(found.alike), not_compared=found.left)
    count = len(found.alike)
    pairs = "1 pair of answers is" if count == 1 else f"{count} pairs of answers are"
    where = f"for a person to judge: {page} and {table.name}"
    say(f"{course.name}: {found.students} submissions; {pairs} alike, {where}")
