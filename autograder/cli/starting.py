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


@click.command("import")
@click.argument("notebooks", metavar="NOTEBOOK.ipynb...", nargs=-1, required=True,
                type=click.Path(path_type=Path))  # fmt: skip
@click.option("--set", "name", required=True, metavar="SET", help="The problem set, which is made if it is not there.")
@click.option("--problem", default="", metavar="NAME", help="The problem's folder; else named after the notebook.")
def import_(notebooks: tuple[Path, ...], name: str, problem: str) -> None:
    """Bring instructor notebooks that were made for nbgrader (its source/) into a problem set, one problem each.

    Solutions become exercises, asserts become tests over the wire where that is safe, manually graded cells and tasks
    become answers with a rubric; points stay what they were. What a person must finish is listed, and stands in the
    files as "TODO by hand"; `autograder verify` names it until it is done.

    \b
    Examples:
      autograder import source/ps1/problem1.ipynb source/ps1/problem2.ipynb --set ps1
      autograder import lab.ipynb --set ps1 --problem sorting
    """
    from autograder.starting.import_set import import_notebooks

    if problem and len(notebooks) > 1:
        raise click.UsageError("--problem names one problem: import the notebooks one by one.")
    made = import_notebooks(Path.cwd(), name, notebooks, problem)
    record(problems=made)
    for item in made:
        counts = f"{len(item.exercises)} exercises, {len(item.answers)} answers, {item.points.normalize():f} points"
        say(f"assignments/{name}/{item.name}: {counts}")
        for note in item.notes:
            say(f"  note      {note}")
        for line in item.to_do:
            say(f"  by hand   {line}")
    left = sum(len(item.to_do) for item in made)
    say(f"{left} things to finish by hand, marked TODO in the tests and rubrics." if left else "All of it came over.")
    say(f"Then write wrong answers (docs/instructor.md), and run: autograder build {name}, autograder verify {name}")
