"""Commands of those who write an assignment: build, solve, demo; `verify` has a module of its own.

The engine is imported where it is used: `--help` and a usage error need no torch.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.table import Table

from autograder.cli.json_output import record
from autograder.cli.options import assignment_argument, counting, progress, workers_option
from autograder.cli.paths import OutFolder
from autograder.cli.proving import course_of
from autograder.cli.screen import say, say_table
from autograder.errors import Surprise

if TYPE_CHECKING:
    from autograder.build.build import Build
    from autograder.build.on_disk import Difference
    from autograder.verify.demo import Row


@click.command()
@assignment_argument
@click.option("--check", is_flag=True, help="Write nothing; fail when a product is not what the sources build.")
@click.option("--force", is_flag=True, help="Overwrite products that were changed by hand.")
@click.option("--archive", type=OutFolder(), metavar="DIR",
              help="Also write the support archive that a notebook on its own fetches.")  # fmt: skip
def build(assignment: str, check: bool, force: bool, archive: Path | None) -> None:
    """Make source and release from assignments/.

    The release is searched for solutions, hidden tests and weights before anything is written. Where this version was
    released already (`autograder release`) and students would get something else, it names the version to write.

    \b
    Examples:
      autograder build ps3
      autograder build ps3 --check            (CI: are the committed products fresh?)
      autograder build ps3 --archive out/     (also out/ps3-1.0.zip, for Colab)
    """
    from autograder.assignment.pictures import unshown
    from autograder.build import build as builder
    from autograder.build.on_disk import DifferenceKind
    from autograder.build.release_files import unneeded_packs
    from autograder.build.released_content import doubt, require_version

    if check and (force or archive):
        raise click.UsageError("--check writes nothing: omit --force and --archive.")
    if check:
        made = builder.check(assignment, Path.cwd())
        require_version(made.assignment, made.released)
        say(f"{assignment}: source and release are what assignments/{assignment} builds.")
        return
    before = builder.built_before(assignment, Path.cwd())
    made, changes = builder.build(assignment, Path.cwd(), force=force)
    record(changed=[{"path": change.path, "what": _done(change, made)} for change in changes])
    for change in changes:
        say(f"  {_done(change, made):<8} {change.path}")
    count = len(changes)
    say(f"{assignment}: " + ("everything was up to date." if not count else f"built; {count} files changed."))
    if any(change.kind == DifferenceKind.CONFLICT for change in changes):
        say("Merge conflicts in products are gone. Tell git: git add source release")
    if asked := doubt(made.assignment, before):
        say(asked)
    if untold := made.assignment.untold:
        say(f"Empty in assignments/{assignment}/assignment.toml, so the handout cannot say it: {', '.join(untold)}")
    if packs := unneeded_packs(made.assignment):
        say(f"Of data/ not in the release, since no released problem names it under `data`: {', '.join(packs)}")
    if pictures := [path for item in made.assignment.problems for path in unshown(item)]:
        names = ", ".join(str(path.relative_to(made.assignment.folder)) for path in pictures)
        say(f"Pictures that no text of their notebook shows, so they are not in the release: {names}")
    if archive:
        say(f"Support archive: {builder.write_archive(made, archive)}")


def _done(change: Difference, made: Build) -> str:
    from autograder.build.on_disk import DifferenceKind

    if change.path not in made.files:
        return "removed"
    return "new" if change.kind == DifferenceKind.MISSING else "changed"


@click.command()
@assignment_argument
@click.option("--problem", metavar="NAME", help="Run this problem's notebook alone.")
@click.option("--out", type=OutFolder(), default=Path("out"), show_default=True,
              help="Folder of ASSIGNMENT/: pages and executed notebooks. They hold solutions.")  # fmt: skip
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="Set an environment variable for the run.")
@click.option("--all", "everything", is_flag=True, help="Run every problem's notebook, released or not.")
def solve(assignment: str, problem: str | None, out: Path, settings: tuple[str, ...], everything: bool) -> None:
    """Execute the instructor notebooks from top to bottom, and write them with outputs to HTML.

    \b
    Examples:
      autograder solve ps3
      autograder solve ps3 --problem masked_autoencoder --set PS3_PRESET=tiny
      autograder solve ps3 --all                        (also the extras that are not released)
    """
    from autograder.build import build as builder
    from autograder.verify.solve import solve as run_notebooks

    if malformed := [setting for setting in settings if "=" not in setting]:
        raise click.UsageError(f"--set takes NAME=VALUE, not {malformed[0]!r}.")
    variables = dict(setting.split("=", 1) for setting in settings)
    course = course_of(assignment, problem, everything)
    if course.root != Path.cwd().resolve():
        builder.build(assignment, course.root, force=True)
    with progress("executing", None) as bar:

        def on_cell(file: str, done: int, total: int) -> None:
            bar.update(completed=done, total=total, last=file)

        solved = run_notebooks(course, out / course.name, problem=problem, settings=variables, on_cell=on_cell)
    record(pages=[{"page": item.page, "seconds": item.seconds} for item in solved])
    for item in solved:
        say(f"{item.page}: {item.seconds:.0f} s")


@click.command()
@assignment_argument
@click.option("--into", type=OutFolder(), show_default="demo/ASSIGNMENT",
              help="Folder for the made course. One that an earlier demo made is emptied first.")  # fmt: skip
@workers_option
def demo(assignment: str, into: Path | None, workers: int) -> None:
    """Do the whole job on a made class: build, submit, grade, gradebook, feedback, table.

    The class holds right answers of several kinds, misconceptions, crashes, loops, damaged notebooks and cheats.
    Exit code 7 if any of them does not get the grade it must.

    \b
    Examples:
      autograder demo ps3
    """
    from autograder.verify.demo import prepare, run

    into = into or Path("demo", assignment)
    made, people = prepare(Path.cwd(), assignment, into)
    say(f"{made.name}: release built; {len(people)} submissions made in {into}/submitted.")
    with counting("grading", len(people)) as advance:
        rows, index = run(made, people, workers=workers, on_done=lambda done: advance(done.report.student))
    record(page=index, students=[_row(row) for row in rows])
    say_table(_class_table(rows), 150)
    say(f"Isolation of the students' code: {rows[0].report.isolation} (autograder doctor says more).")
    for row in rows:
        for complaint in row.complaints:
            say(f"  {row.member.name}: {complaint}", err=True)
    if surprises := sum(bool(row.complaints) for row in rows):
        raise Surprise(f"{surprises} of {len(rows)} submissions did not get the grade they must; see above.")
    say(f"All {len(rows)} grades are as they must be. Open {index}")


def _class_table(rows: list[Row]) -> Table:
    table = Table("submission", "what it is", "got", "why that is right", "", box=None, pad_edge=False)
    for row in rows:
        table.add_row(
            row.member.name, row.member.what, _score(row), row.member.why, "WRONG" if row.complaints else "ok"
        )
    return table


def _row(row: Row) -> dict[str, object]:
    """One member of the made class, for --json."""
    score, most = row.report.auto_score, row.report.auto_max
    return {"student": row.member.name, "score": score, "max_score": most, "complaints": list(row.complaints)}


def _score(row: Row) -> str:
    from autograder.results import ReportStatus

    if row.report.auto_score is None:
        return "not graded"
    score = f"{round(row.report.auto_score, 2):g}/{row.report.auto_max:g}"
    return f"{score} (partly)" if row.report.status == ReportStatus.PARTLY_GRADED else score
