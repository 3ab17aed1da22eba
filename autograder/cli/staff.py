"""Commands of the grading week: grade, rerun, doctor; and verify, which uses the same sandbox."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from autograder.errors import BadInput, NotGraded, Surprise

assignment_argument = click.argument("assignment", metavar="ASSIGNMENT")
workers_option = click.option(
    "--workers", type=click.IntRange(1), default=lambda: os.cpu_count() or 1, show_default="one a core",
    help="How many submissions at once.",
)  # fmt: skip
weak_option = click.option("--allow-weak", is_flag=True, help="Grade even where this machine cannot confine code.")


@contextmanager
def progress(title: str, total: int | None) -> Iterator[Progress]:
    """A bar with counts and time left on a terminal; nothing elsewhere."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("left"),
        TimeRemainingColumn(), TextColumn("{task.fields[last]}", markup=False),
    )  # fmt: skip
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        bar.add_task(title, total=total, last="")
        yield bar


@click.command()
@assignment_argument
@click.argument("folder", metavar="[DIR]", type=click.Path(path_type=Path), default=Path("submitted"))
@click.option("--out", type=click.Path(path_type=Path), default=Path("results"), show_default=True,
              help="Where results go: one JSON file a student.")  # fmt: skip
@workers_option
@click.option("--student", metavar="ID", help="Grade this student alone.")
@click.option("--seed", type=int, metavar="N", help="Draw the tests' inputs from this seed, once.")
@click.option("--new-seed", is_flag=True, help="Draw a new secret seed for this assignment and version.")
@click.option("--force", is_flag=True, help="Grade unchanged submissions again.")
@click.option("--no-gradebook", is_flag=True, help="Leave gradebook.db and autograded/ alone.")
@weak_option
def grade(
    assignment: str, folder: Path, out: Path, workers: int, student: str | None, seed: int | None, new_seed: bool,
    force: bool, no_gradebook: bool, allow_weak: bool,
) -> None:  # fmt: skip
    """Grade DIR/<student>/ASSIGNMENT/ (DIR is submitted/ unless given) into results and nbgrader's gradebook.

    Every exercise runs in a confined process of its own. Unchanged submissions keep their result; a run that was
    stopped goes on where it was. Exit code 8 if anything could not be graded.

    \b
    Examples:
      autograder grade ps3
      autograder grade ps3 --student ada --force
      autograder grade ps3 late/ --out results-late/ --workers 8
    """
    from autograder.assignment.load import load_assignment
    from autograder.grading.grade_class import Done, grade_class, misnamed, submissions
    from autograder.grading.plan import course_seed

    if seed is not None and new_seed:
        raise click.UsageError("--seed and --new-seed exclude each other: take one.")
    if new_seed and student is not None:
        raise click.UsageError("--new-seed draws inputs for everyone: leave --student away.")
    course = load_assignment(assignment)
    folders = submissions(folder, course.name, student)
    seed = course_seed(course, new=new_seed) if seed is None else seed
    counts: Counter[str] = Counter()
    with progress("grading", len(folders)) as bar:

        def on_done(done: Done) -> None:
            counts["graded" if done.fresh else "unchanged"] += 1
            bar.update(bar.task_ids[0], advance=1, last=done.report.student)

        done = grade_class(
            course, folders, out, seed=seed, workers=workers, force=force, allow_weak=allow_weak, on_done=on_done
        )
    if not no_gradebook:
        _to_gradebook(course.name, out, folder, [item.report.student for item in done])
    said = ", ".join(f"{count} {what}" for what, count in sorted(counts.items()))
    level = done[0].report.isolation
    click.echo(f"{course.name}: {said}; isolation {level}; results in {out}/. See: autograder table {course.name}")
    strange = [] if student else misnamed(folder, course.name)
    for name in strange:
        click.echo(f"  {name}: not graded: the folder's name is no UTF-8 text; rename it", err=True)
    incomplete = sorted((d.report for d in done if d.report.status != "graded"), key=lambda report: report.student)
    for report in incomplete:
        click.echo(f"  {report.student}: {report.status}: {report.reason}", err=True)
    if incomplete or strange:
        count = len(incomplete) + len(strange)
        raise NotGraded(f"{count} of {len(done) + len(strange)} submissions could not be graded fully; see above.")


def _to_gradebook(name: str, out: Path, folder: Path, students: list[str]) -> None:
    from autograder.assignment.load import load_assignment
    from autograder.marks import gradebook
    from autograder.results import ResultFolder

    with progress("gradebook", len(students)) as bar:
        summary = gradebook.write(
            load_assignment(name), ResultFolder(out), students=students, submitted=folder,
            progress=lambda student: bar.update(bar.task_ids[0], advance=1, last=student),
        )  # fmt: skip
    for note in summary.notes:
        click.echo(f"  {note}", err=True)
    for change in summary.changed:
        click.echo(
            f"  {change.student}: {change.cell} has a mark of {change.manual:g} by a person, kept; {change.what}",
            err=True,
        )
    if summary.to_mark:
        click.echo(f"Written answers waiting for a mark: {summary.to_mark}. Open them with nbgrader's formgrader.")


@click.command()
@assignment_argument
@click.argument("student", metavar="STUDENT")
@click.argument("test", metavar="TEST")
@click.option("--submitted", "folder", type=click.Path(path_type=Path), default=Path("submitted"), show_default=True)
@click.option("--out", type=click.Path(path_type=Path), default=Path("results"), show_default=True,
              help="Results whose seed is replayed.")  # fmt: skip
@weak_option
def rerun(assignment: str, student: str, test: str, folder: Path, out: Path, allow_weak: bool) -> None:
    """Run one TEST again on STUDENT's submission, with the same inputs, and show everything about it.

    TEST is a test's id, or the end of one. The output holds hidden inputs: it is for staff only.

    \b
    Examples:
      autograder rerun ps3 ada test_patchify_keeps_channels_together_inside_a_patch
      autograder rerun ps3 ada masked_autoencoder/test_hidden.py::test_loss_ignores_visible_patches
    """
    from autograder.assignment.load import load_assignment
    from autograder.grading.grade_class import submissions
    from autograder.grading.grade_one import confined
    from autograder.grading.plan import Plan, course_seed
    from autograder.grading.rerun import run_one
    from autograder.results import ResultFolder

    course = load_assignment(assignment)
    path = submissions(folder, course.name, student)[student]
    report = ResultFolder(out).read(student)
    plan = Plan.of(course, report.seed if report else course_seed(course))
    found = [info.id for info in plan.tests if info.id.endswith(test) or info.id.partition("[")[0].endswith(test)]
    if not found:
        raise BadInput(f"no test ends in {test!r}: results/<student>.json lists every id")
    with confined(course, allow_weak) as sandbox:
        for test_id in found:
            outcome = run_one(path, student, plan, sandbox, test_id)
            click.echo(f"{outcome.id}\n  {outcome.mark.exercise}: {outcome.mark.title}\n  {outcome.status.upper()}")
            click.echo("".join(f"  {line}\n" for line in (outcome.text, f"Hint: {outcome.hint}") if line))
            click.echo(outcome.trace)


@click.command()
@click.option("--assignment", help="Also check this assignment's library in the sandbox.", default=None)
def doctor(assignment: str | None) -> None:
    """Say what this machine can do: sandbox level, torch, device, threads.

    \b
    Examples:
      autograder doctor
      autograder doctor --assignment ps3
    """
    from autograder.cli.doctor import examine

    rows, level = examine(Path.cwd(), assignment)
    table = Table(show_header=False, box=None, pad_edge=False)
    for name, value in rows:
        table.add_row(name, value)
    Console().print(table)
    if level == "weak":
        raise click.exceptions.Exit(9)


@click.command()
@assignment_argument
@click.option("--problem", metavar="NAME", help="Prove this problem's tests alone.")
@click.option("--seeds", type=click.IntRange(1), default=20, show_default=True, help="Seeds for the reference.")
@click.option("--figures", type=click.Path(path_type=Path), metavar="DIR",
              help="Instead: draw each figure for the reference and every wrong answer, into DIR.")  # fmt: skip
@workers_option
@weak_option
def verify(
    assignment: str, problem: str | None, seeds: int, figures: Path | None, workers: int, allow_weak: bool
) -> None:
    """Prove that the tests are good: reference, stub, other right answers, wrong ones, nonsense.

    Full marks for the reference over many seeds and for every file of right/; zero for the stub; every file of wrong/
    is caught by the tests it names and costs no test of an exercise that does not depend on it; nonsense never breaks
    a test; every test catches some wrong answer. Exit code 7 for any surprise.

    \b
    Examples:
      autograder verify ps3
      autograder verify ps3 --problem masked_autoencoder --seeds 3
      autograder verify ps3 --figures sheets/
    """
    from autograder.assignment.load import load_assignment
    from autograder.grading.grade_one import confined
    from autograder.grading.plan import Plan
    from autograder.verify.verify import Verdict
    from autograder.verify.verify import verify as prove

    course = load_assignment(assignment)
    if figures is not None:
        from autograder.verify.figures import draw_sheets

        for path in draw_sheets(course, figures, problem=problem):
            click.echo(str(path))
        return
    plan = Plan.of(course, seed=0)
    with confined(course, allow_weak) as sandbox, progress("verifying", None) as bar:

        def on_verdict(verdict: Verdict, total: int) -> None:
            bar.update(bar.task_ids[0], advance=1, total=total, last=verdict.case.label[:40])

        proof = prove(plan, sandbox, problem=problem, seeds=seeds, workers=workers, on_verdict=on_verdict)
    Console(width=None if sys.stdout.isatty() else 110).print(_proof_table(proof))
    for surprise in proof.surprises:
        click.echo(f"  {surprise}", err=True)
    if proof.surprises:
        raise Surprise(f"{len(proof.surprises)} surprises; see above.")
    click.echo(f"{course.name}: {len(proof.verdicts)} answers tried on {len(proof.tests)} tests, no surprise.")


def _proof_table(proof: object) -> Table:
    from autograder.verify.verify import Proof, summary

    assert isinstance(proof, Proof)
    table = Table("exercise", "points", "public", "hidden", "reference", "stub", "right", "wrong", "nonsense", box=None)
    for row in summary(proof):
        table.add_row(*row)
    return table


@click.command()
@assignment_argument
@click.option("--into", type=click.Path(path_type=Path), default=Path("demo"), show_default=True,
              help="Folder for the made course; emptied first.")  # fmt: skip
@workers_option
def demo(assignment: str, into: Path, workers: int) -> None:
    """Do the whole job on a made class: build, submit, grade, gradebook, feedback, table.

    The class holds right answers of several kinds, misconceptions, crashes, loops, damaged notebooks and cheats.
    Exit code 7 if any of them does not get the grade it must.

    \b
    Examples:
      autograder demo ps3
    """
    from autograder.verify.demo import prepare, run

    made, people = prepare(Path.cwd(), assignment, into)
    click.echo(f"{made.name}: release built; {len(people)} submissions made in {into}/submitted.")
    with progress("grading", len(people)) as bar:
        rows, index = run(
            made, people, workers=workers,
            on_done=lambda done: bar.update(bar.task_ids[0], advance=1, last=done.report.student),
        )  # fmt: skip
    table = Table("submission", "what it is", "got", "why that is right", "", box=None, pad_edge=False)
    for row in rows:
        score = "not graded" if row.report.auto_score is None else f"{row.report.auto_score:g}/{row.report.auto_max:g}"
        if row.report.status == "partly graded":
            score += " (partly)"
        table.add_row(row.member.name, row.member.what, score, row.member.why, "WRONG" if row.complaints else "ok")
    Console(width=None if sys.stdout.isatty() else 150).print(table)
    click.echo(f"Isolation of the students' code: {rows[0].report.isolation} (autograder doctor says more).")
    for row in rows:
        for complaint in row.complaints:
            click.echo(f"  {row.member.name}: {complaint}", err=True)
    surprises = sum(bool(row.complaints) for row in rows)
    if surprises:
        raise Surprise(f"{surprises} of {len(rows)} submissions did not get the grade they must; see above.")
    click.echo(f"All {len(rows)} grades are as they must be. Open {index}")


@click.command()
@assignment_argument
@click.option("--problem", metavar="NAME", help="Run this problem's notebook alone.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("out"), show_default=True,
              help="Where pages and executed notebooks go. They hold solutions.")  # fmt: skip
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="Set an environment variable for the run.")
def solve(assignment: str, problem: str | None, out: Path, settings: tuple[str, ...]) -> None:
    """Execute the instructor notebooks from top to bottom, and write them with outputs to HTML.

    \b
    Examples:
      autograder solve ps3
      autograder solve ps3 --problem masked_autoencoder --set PS3_PRESET=tiny
    """
    from autograder.assignment.load import load_assignment
    from autograder.verify.solve import solve as run_notebooks

    if wrong := [setting for setting in settings if "=" not in setting]:
        raise click.UsageError(f"--set takes NAME=VALUE, not {wrong[0]!r}.")
    course = load_assignment(assignment)
    with progress("executing", None) as bar:

        def on_cell(file: str, done: int, total: int) -> None:
            bar.update(bar.task_ids[0], completed=done, total=total, last=file)

        solved = run_notebooks(
            course, out, problem=problem, settings=dict(item.split("=", 1) for item in settings), on_cell=on_cell
        )
    for item in solved:
        click.echo(f"{item.page}: {item.seconds:.0f} s")
