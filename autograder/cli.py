"""The command line: one thin function per verb of the term."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from autograder import __version__, cli_grading
from autograder.errors import AutograderError

assignment_argument = click.argument("assignment", metavar="ASSIGNMENT")


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__)
def commands() -> None:
    """Build an assignment, prove its tests, grade a class.

    Run every command in the course's top folder (the one that holds assignments/).
    """


@commands.command()
@assignment_argument
@click.option("--check", is_flag=True, help="Write nothing; fail when a product is not what the sources build.")
@click.option("--force", is_flag=True, help="Overwrite products that were changed by hand.")
@click.option("--archive", type=click.Path(path_type=Path, file_okay=False), metavar="DIR",
              help="Also write the support archive that a notebook on its own fetches.")  # fmt: skip
def build(assignment: str, check: bool, force: bool, archive: Path | None) -> None:
    """Make source/ASSIGNMENT and release/ASSIGNMENT from assignments/ASSIGNMENT.

    The release is searched for solutions, hidden tests and weights before anything is written.

    \b
    Examples:
      autograder build ps3
      autograder build ps3 --check            (CI: are the committed products fresh?)
      autograder build ps3 --archive out/     (also out/ps3-1.0.zip, for Colab)
    """
    from autograder import build as builder

    if check and (force or archive):
        raise click.UsageError("--check writes nothing: leave --force and --archive away.")
    if check:
        builder.check(assignment, Path.cwd())
        click.echo(f"{assignment}: source and release are what assignments/{assignment} builds.")
        return
    made, changes = builder.build(assignment, Path.cwd(), force=force)
    for change in changes:
        click.echo(f"  {change.state:<8} {change.path}")
    count = len(changes)
    click.echo(f"{assignment}: " + ("everything was up to date." if not count else f"built; {count} files changed."))
    if archive:
        click.echo(f"Support archive: {builder.write_archive(made, archive)}")


for command in (cli_grading.grade, cli_grading.rerun, cli_grading.doctor, cli_grading.verify):
    commands.add_command(command)


def main() -> None:
    """Run a command; an error that its reader can mend prints as a message, with its own exit code."""
    try:
        commands()
    except AutograderError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(error.exit_code)
