"""Commands of those who write an assignment: build, verify, solve, demo.

The engine is imported where it is used: `--help` and a usage error need no torch.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Column, Table

from autograder.cli.json_output import record
from autograder.cli.options import assignment_argument, counting, progress, weak_option, workers_option
from autograder.cli.paths import OutFolder
from autograder.cli.screen import cell, say
from autograder.errors import Surprise

if TYPE_CHECKING:
    from autograder.assignment.model import Assignment, Problem
    from autograder.build.build import Build
    from autograder.build.on_disk import Difference
    from autograder.verify.demo import Row
    from autograder.verify.verify import Proof, Verdict

SEEDS = 20  # for the reference


@click.command()
@assignment_argument
@click.option("--check", is_flag=True, help="Write nothing; fail when a product is not what the sources build.")
@click.option("--force", is_flag=True, help="Overwrite products that were changed by hand.")
@click.option("--archive", type=OutFolder(), metavar="DIR",
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
    from autograder.assignment.pictures import unshown
    from autograder.build import build as builder
    from autograder.build.release_files import unneeded_packs

    if check and (force or archive):
        raise click.UsageError("--check writes nothing: omit --force and --archive.")
    if check:
        builder.check(assignment, Path.cwd())
        say(f"{assignment}: source and release are what assignments/{assignment} builds.")
        return
    made, changes = builder.build(assignment, Path.cwd(), force=force)
    record(changed=[{"path": change.path, "what": _done(change, made)} for change in changes])
    for change in changes:
        say(f"  {_done(change, made):<8} {change.path}")
    count = len(changes)
    say(f"{assignment}: " + ("everything was up to date." if not count else f"built; {count} files changed."))
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
@click.option("--problem", metavar="NAME", help="Prove this problem's tests alone.")
@click.option("--seeds", type=click.IntRange(1), default=SEEDS, show_default=True, help="Seeds for the reference.")
@click.option("--figures", type=OutFolder(), metavar="DIR",
              help="Instead: draw each figure for the reference and every wrong answer, into DIR.")  # fmt: skip
@click.option("--costs", is_flag=True, help="List also, for every wrong answer, the tests that it fails.")
@click.option("--all", "everything", is_flag=True, help="Prove every problem, released or not, proved already or not.")
@workers_option
@weak_option
def verify(
    assignment: str, problem: str | None, seeds: int, figures: Path | None, costs: bool, everything: bool,
    workers: int, allow_weak: bool,
) -> None:  # fmt: skip
    """Prove that the tests are good: reference, stub, other right answers, wrong ones, nonsense, the library.

    Full marks for the reference over many seeds and for every answer of right/; zero for the stub; every answer of
    wrong/ is caught by the tests it names, by what it answers, costs no other exercise anything, whether that one calls
    it or not, and of its own no more than mistake_limit allows; the failure that is explained is one it names;
    nonsense never breaks a test; every test catches some wrong answer; nothing in the library answers an exercise;
    zeros of the right shape, a replay of the public checks and a worker's lies earn next to nothing, and hidden tests
    hold two thirds of every exercise. Exit code 7 for any surprise. A problem that was proved and has not changed
    since is not proved again.

    \b
    Examples:
      autograder verify ps3
      autograder verify ps3 --all
      autograder verify ps3 --problem masked_autoencoder --seeds 3
      autograder verify ps3 --problem transfer          (an extra, also one that is not released)
      autograder verify ps3 --all --costs     (which tests does each wrong answer fail?)
      autograder verify ps3 --figures sheets/
    """
    course = _course(assignment, problem, everything)
    if figures is not None:
        from autograder.verify.figures import draw_sheets

        for path in draw_sheets(course, figures / course.name, problem=problem):
            say(str(path))
        return
    problems = tested([course.problem(problem)] if problem else course.problems)
    if not problems:
        say(f"{assignment}: no exercise is tested here, so there is nothing to prove; people mark the written answers.")
        return
    if problems := problems if everything else _unproved(course, problems, seeds):
        _report(_prove(course, problems, seeds, workers, allow_weak), costs)


def _course(name: str, problem: str | None, everything: bool) -> Assignment:
    """The assignment as it is released; with every problem where one that is not released is asked for, or all are."""
    from autograder.assignment.load import load_assignment
    from autograder.build.every_problem import with_every_problem

    released = load_assignment(name)
    if everything or (problem and problem not in [item.name for item in released.problems]):
        return with_every_problem(name, Path.cwd())
    return released


def tested(problems: Iterable[Problem]) -> list[Problem]:
    """Those of the problems that have tests to prove."""
    return [problem for problem in problems if problem.exercises]


def prove_all(name: str, workers: int, allow_weak: bool) -> None:
    """What `verify --all` demands, of whatever is not proved as it is now. Surprise where there is one."""
    from autograder.assignment.load import load_assignment
    from autograder.verify.proof_record import ProofRecord

    released, course = load_assignment(name), _course(name, None, everything=True)
    record = ProofRecord(released)
    proved = {item.name for item in released.problems if record.find(item, SEEDS) is not None}
    others = [item for item in tested(course.problems) if item.name not in proved]
    if problems := _unproved(course, others, SEEDS):
        _report(_prove(course, problems, SEEDS, workers, allow_weak), costs=False)


def _unproved(course: Assignment, problems: list[Problem], seeds: int) -> list[Problem]:
    """The problems to prove; says which were proved already."""
    from autograder.verify.proof_record import ProofRecord

    record = ProofRecord(course)
    proved = {problem.name: record.find(problem, seeds) for problem in problems}
    for name, found in proved.items():
        if found is not None:
            say(f"{name}: proved already ({found.date}, {found.seeds} seeds); --all proves it again.")
    return [problem for problem in problems if proved[problem.name] is None]


def _report(proof: Proof, costs: bool) -> None:
    console = Console(width=None if sys.stdout.isatty() else 110)
    console.print(_proof_table(proof))
    console.print(_cost_table(proof, costs))
    console.print(_gift_table(proof))
    for surprise in proof.surprises:
        say(f"  {surprise}", err=True)
    if proof.surprises:
        raise Surprise(f"{len(proof.surprises)} surprises; see above.")
    name, count = proof.assignment.name, len(proof.verdicts)
    say(f"{name}: {count} answers tried on {len(proof.tests)} tests, no surprise.")


def _prove(course: Assignment, problems: list[Problem], seeds: int, workers: int, allow_weak: bool) -> Proof:
    from autograder.grading.grade_one import confined
    from autograder.verify.proof_record import ProofRecord
    from autograder.verify.verify import plan_from_sources
    from autograder.verify.verify import verify as prove

    plan = plan_from_sources(course, seed=0)
    with confined(course, allow_weak) as sandbox, progress("verifying", None) as bar:

        def on_verdict(verdict: Verdict, total: int) -> None:
            bar.update(bar.task_ids[0], advance=1, total=total, last=verdict.case.label[:40])

        proof = prove(plan, sandbox, problems=problems, seeds=seeds, workers=workers, on_verdict=on_verdict)
    record = ProofRecord(course)
    others = {item.name: record.find(item, 1) for item in course.problems if item not in problems}
    proof.lies_elsewhere = {name: found.lies for name, found in others.items() if found is not None}
    for problem in problems:
        if problem.name not in proof.surprising_problems:
            record.add(problem, seeds, proof.lies(problem.name))
    return proof


def _proof_table(proof: Proof) -> Table:
    from autograder.verify.verify import KINDS, summary

    table = Table("exercise", "points", "public", "hidden", *KINDS, box=None)
    for row in summary(proof):
        table.add_row(*row)
    return table


def _gift_table(proof: Proof) -> Table:
    """What is earned without a method, of all problems that were proved."""
    table = Table("without a method", "points", "per cent", "at most", box=None)
    for gift in proof.gifts():
        points = f"{gift.points:.2f}/{gift.max_points:g}"
        table.add_row(gift.what, points, f"{gift.points / gift.max_points:.1%}", f"{gift.allowed:.2f}")
    return table


def _cost_table(proof: Proof, with_tests: bool) -> Table:
    """One row a wrong answer. with_tests: below it also the tests that it fails."""
    told = Column("what the student reads about", overflow="fold")
    table = Table("wrong answer", "costs", "fails", told, box=None)
    for cost in proof.costs:
        tests = "".join(f"\n  {name}" for name in cost.failed if name != cost.explained) if with_tests else ""
        table.add_row(
            f"{cost.answer.exercise} {cost.answer.name}", f"{cost.points:.3g} of {cost.max_points:g}",
            f"{len(cost.failed)} of {cost.tests}", cell(cost.explained + tests),
        )  # fmt: skip
    return table


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
    course = _course(assignment, problem, everything)
    if course.root != Path.cwd().resolve():
        builder.build(assignment, course.root, force=True)
    with progress("executing", None) as bar:

        def on_cell(file: str, done: int, total: int) -> None:
            bar.update(bar.task_ids[0], completed=done, total=total, last=file)

        solved = run_notebooks(course, out / course.name, problem=problem, settings=variables, on_cell=on_cell)
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
    Console(width=None if sys.stdout.isatty() else 150).print(_class_table(rows))
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


def _score(row: Row) -> str:
    from autograder.results import ReportStatus

    if row.report.auto_score is None:
        return "not graded"
    score = f"{round(row.report.auto_score, 2):g}/{row.report.auto_max:g}"
    return f"{score} (partly)" if row.report.status == ReportStatus.PARTLY_GRADED else score
