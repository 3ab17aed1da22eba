"""The command that releases a version of an assignment."""

from __future__ import annotations

from pathlib import Path

import click

from autograder.cli.json_output import record
from autograder.cli.options import assignment_argument, weak_option, workers_option
from autograder.cli.paths import OutFolder
from autograder.cli.proving import prove_all
from autograder.cli.screen import say


@click.command()
@assignment_argument
@click.option("--version", required=True, metavar="VERSION", help="As in assignment.toml: to be sure which one it is.")
@click.option("--notes", required=True, type=click.Path(path_type=Path), metavar="FILE",
              help="What students are to read about it, in Markdown.")  # fmt: skip
@click.option("--out", type=OutFolder(), default=Path("out"), show_default=True,
              help="Folder for the zip file.")  # fmt: skip
@workers_option
@weak_option
def release(assignment: str, version: str, notes: Path, out: Path, workers: int, allow_weak: bool) -> None:
    """Release a version: one zip file for students, with CHANGES.md.

    Refused where a product is not what the sources build, something of the staff's would get out, the proof of every
    problem (verify --all) has a surprise, or the version was released before with other content. What the version was
    is kept in assignments/ASSIGNMENT/releases/VERSION.json: commit that file. The same sources give the same bytes.

    \b
    Examples:
      autograder release ps3 --version 1.1 --notes notes.md
      autograder release ps3 --version 1.1 --notes notes.md --out handouts/
    """
    from autograder.publish.release import check_out, prepare, write

    check_out(assignment, Path.cwd(), out)
    prepared = prepare(assignment, Path.cwd(), version, notes)
    prove_all(assignment, workers, allow_weak)
    files = write(prepared, out)
    record(version=version, files=list(files), again=prepared.again, changes=prepared.changes)
    for path in files:
        say(f"  {path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path}")
    say(f"{assignment} {version}: " + ("as it was released before." if prepared.again else "released. Students read:"))
    if not prepared.again:
        say(prepared.changes)
        say(f"Commit assignments/{assignment}/releases/{version}.json: grading knows older submissions by it.")
