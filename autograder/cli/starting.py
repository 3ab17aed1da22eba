"""Commands that start a problem set: from nothing, and from notebooks that were made for nbgrader."""

from __future__ import annotations

from pathlib import Path

import click

from autograder.cli.json_output import record
from autograder.cli.screen import say


@click.command()
@click.argument("name", metavar="SET")
def new(name: str) -> None:
    """Write the skeleton of a problem set into assignments/SET: one problem, one exercise, one of each kind of file.

    It builds and is proved as it stands; put your own in the place of its parts. In an empty folder the course begins
    with it: nbgrader's settings are written too. Nothing that is there is touched.

    \b
    Examples:
      autograder new ps4
    """
    from autograder.starting.new_set import write_skeleton

    folder = write_skeleton(Path.cwd(), name)
    files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    record(folder=f"assignments/{folder.name}", files=files)
    for file in files:
        say(f"  new      assignments/{folder.name}/{file}")
    say(f"Open assignments/{folder.name}/smoothing/notebook.py, then run:")
    for command in ("build", "verify", "demo"):
        say(f"  autograder {command} {folder.name}")
