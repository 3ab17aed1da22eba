"""The command line: one thin function per verb of the term."""

from __future__ import annotations

import errno
import sys
from pathlib import Path

import click

from autograder import __version__
from autograder.cli import staff
from autograder.errors import AutograderError

assignment_argument = click.argument("assignment", metavar="ASSIGNMENT")
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)

out_option = click.option("--out", type=click.Path(path_type=Path), default=Path("results"), show_default=True,
                          help="Where the results lie.")  # fmt: skip


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
    """Make source and release from assignments/.

    The release is searched for solutions, hidden tests and weights before anything is written.

    \b
    Examples:
      autograder build ps3
      autograder build ps3 --check            (CI: are the committed products fresh?)
      autograder build ps3 --archive out/     (also out/ps3-1.0.zip, for Colab)
    """
    from autograder.build import build as builder

    if check and (force or archive):
        raise click.UsageError("--check writes nothing: leave --force and --archive away.")
    if check:
        builder.check(assignment, Path.cwd())
        click.echo(f"{assignment}: source and release are what assignments/{assignment} builds.")
        return
    made, changes = builder.build(assignment, Path.cwd(), force=force)
    for change in changes:
        done = "removed" if change.path not in made.files else "new" if change.state == "missing" else "changed"
        click.echo(f"  {done:<8} {change.path}")
    count = len(changes)
    click.echo(f"{assignment}: " + ("everything was up to date." if not count else f"built; {count} files changed."))
    if archive:
        click.echo(f"Support archive: {builder.write_archive(made, archive)}")


@commands.command()
@assignment_argument
@out_option
@click.option("--student", "students", metavar="ID", multiple=True, help="This student alone; may be repeated.")
def feedback(assignment: str, out: Path, students: tuple[str, ...]) -> None:
    """Write a page per student, from results and marks.

    \b
    Examples:
      autograder feedback ps3
      autograder feedback ps3 --student adele
    """
    from autograder.assignment.load import load_assignment
    from autograder.marks import feedback_pages
    from autograder.results import ResultFolder

    results = ResultFolder(out)
    with staff.progress("feedback", len(students) or len(results.all())) as bar:
        written = feedback_pages.write(
            load_assignment(assignment), results, students=students or None,
            progress=lambda student: bar.update(bar.task_ids[0], advance=1, last=student),
        )  # fmt: skip
    pages_written = "1 page" if len(written.students) == 1 else f"{len(written.students)} pages"
    click.echo(f"{assignment}: {pages_written} in feedback/<student>/{assignment}/. The class: {written.index}")


@commands.command()
@assignment_argument
@out_option
@click.option("--csv", "as_csv", is_flag=True, help="Comma-separated values, for a spreadsheet.")
def table(assignment: str, out: Path, as_csv: bool) -> None:
    """Show the class at a glance: scores, exercises, not graded.

    \b
    Examples:
      autograder table ps3
      autograder table ps3 --csv > ps3.csv
    """
    from rich.console import Console

    from autograder.assignment.load import load_assignment
    from autograder.marks import class_table
    from autograder.marks.standings import standings
    from autograder.results import ResultFolder

    loaded = load_assignment(assignment)
    everyone = standings(loaded.manifest, ResultFolder(out), loaded.root / "gradebook.db")
    if as_csv:
        click.echo(class_table.as_csv(everyone), nl=False)
    else:
        console = Console(width=None if sys.stdout.isatty() else class_table.WIDE)
        console.print(class_table.table(loaded.manifest, everyone, console.width))


for command in (
    staff.demo,
    staff.doctor,
    staff.grade,
    staff.rerun,
    staff.solve,
    staff.verify,
):
    commands.add_command(command)


def main() -> None:
    """Run a command; an error that its reader can mend prints as a message, with its own exit code."""
    try:
        commands()
    except AutograderError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(error.exit_code)
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        where = f" ({error.filename})" if error.filename else ""
        click.echo(
            f"Error: {error.strerror}{where}. What was finished is whole: make room, then run it again.", err=True
        )
        sys.exit(1)
