"""`autograder export gradescope`."""

from __future__ import annotations

import os
from pathlib import Path

import click

from autograder.cli.json_output import record
from autograder.cli.options import assignment_argument
from autograder.cli.paths import refuse_file
from autograder.cli.screen import say
from autograder.errors import BadInput

MEGABYTE = 1_000_000


@click.command()
@assignment_argument
@click.option("--out", "--to", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE.zip",
              help="Write here  [default: gradescope-ASSIGNMENT.zip]")  # fmt: skip
@click.option("--minutes", type=click.IntRange(2, 40), default=10, show_default=True,
              help="The time limit that is set for the autograder in Gradescope.")  # fmt: skip
def gradescope(assignment: str, out: Path | None, minutes: int) -> None:
    """Write the zip that Gradescope takes as an assignment's autograder (docs/gradescope.md).

    It holds hidden tests, reference solutions and seeds: whoever may edit the assignment in Gradescope can read it.

    \b
    Examples:
      autograder export gradescope ps3                     (to gradescope-ps3.zip)
      autograder export gradescope ps3 --minutes 20 --out ps3.zip
    """
    from autograder.build import copies
    from autograder.build.as_built import load_built
    from autograder.exports.gradescope.package import autograder_zip

    out = out or Path(f"gradescope-{assignment}.zip")
    refuse_file(out, "--out")
    course = load_built(assignment)
    copies.restore(course)
    needed = course.library_folder or course.release
    if not needed.is_dir():
        raise BadInput(f"{needed} is missing: run `autograder build {assignment}`")
    data = autograder_zip(course, minutes)
    _write_for_its_owner(out, data)
    record(file=out, bytes=len(data), minutes=minutes)
    say(f"{out}: {len(data) / MEGABYTE:.1f} MB, with hidden tests and seeds: for Gradescope and nobody else.")
    say(f"In Gradescope: Configure Autograder > upload it, and set the time limit to {minutes} minutes.")


def _write_for_its_owner(path: Path, data: bytes) -> None:
    """Whole or not at all, and readable by nobody else."""
    part = path.with_name(f".writing-{path.name}")
    part.unlink(missing_ok=True)
    try:
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(data)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
