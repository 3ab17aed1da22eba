"""The command that proves an assignment's tests: verify.

The engine is imported where it is used: `--help` and a usage error need no torch.
"""

from __future__ import annotations

import difflib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.table import Column, Table

from autograder.cli import json_output
from autograder.cli.options import assignment_argument, progress, weak_option, workers_option
from autograder.cli.paths import OutFolder
from autograder.cli.screen import cell, say, say_table
from autograder.errors import BadInput, Surprise

if TYPE_CHECKING:
    from autograder.assignment.model import Assignment
    from autograder.grading.plan import Plan
    from autograder.verify.cases import Case
    from autograder.verify.proof import Proof, Verdict
    from autograder.verify.proof_record import ProofRecord

SEEDS = 20  # for the reference
WIDTH = 120  # of tables, where there is no terminal


@click.command()
@assignment_argument
@click.option("--problem", metavar="NAME", help="Prove this problem's tests alone.")
@click.option("--exercise", metavar="ID", help="Prove this exercise's tests, and those of what builds on it, alone.")
@click.option("--seeds", type=click.IntRange(1), default=SEEDS, show_default=True, help="Seeds for the reference.")
@click.option("--figures", type=OutFolder(), metavar="DIR",
              help="Instead: draw each figure for the reference and every wrong answer, into DIR.")  # fmt: skip
@click.option("--costs", is_flag=True, help="List each surprise, and for every wrong answer the tests that it fails.")
@click.option("--all", "everything", is_flag=True, help="Prove every problem, released or not, proved already or not.")
@workers_option
@weak_option
def verify(
    assignment: str, problem: str | None, exercise: str | None, seeds: int, figures: Path | None, costs: bool,
    everything: bool, workers: int, allow_weak: bool,
) -> None:  # fmt: skip
    """Prove that the tests are good: reference, stub, other right answers, wrong ones, nonsense, the library.

    Full marks for the reference over many seeds and for every answer of right/; zero for the stub; every answer of
    wrong/ is caught by the tests it names, by what it answers, costs no other exercise anything, whether that one calls
    it or not, and of its own no more than mistake_limit allows; the failure that is explained is one it names;
    nonsense never breaks a test; every test catches some wrong answer; nothing in the library answers an exercise;
    zeros of the right shape, a replay of the public checks and a worker's lies earn next to nothing, and hidden tests
    hold two thirds of every exercise; no test is another one on another day. Exit code 7 for any surprise, each cause
    told once; of an exercise whose tests fail the reference no other answer is tried. What was proved, and has not
    changed since, is not proved again.

    \b
    Examples:
      autograder verify ps3
      autograder verify ps3 --all
      autograder verify ps3 --problem masked_autoencoder --seeds 3
      autograder verify ps3 --exercise mae-loss --seeds 3
      autograder verify ps3 --problem transfer          (an extra, also one that is not released)
      autograder verify ps3 --all --costs     (which tests does each wrong answer fail?)
      autograder verify ps3 --figures sheets/
    """
    course, names = _chosen(assignment, problem, exercise, everything)
    if figures is not None:
        from autograder.verify.figures import draw_sheets

        for path in draw_sheets(course, figures / course.name, problem=problem):
            say(str(path))
        return
    untidy, left = _untidy(course, names), _unfinished(course, problem)
    if not names:
        say(f"{assignment}: no exercise is tested here, so there is nothing to prove; people mark the written answers.")
    if wanted := names if everything else _unproved(course, names, seeds):
        _report(_prove(course, wanted, seeds, workers, allow_weak), costs)
    _refuse_untidy(untidy)
    _refuse_unfinished(left)


def _unfinished(course: Assignment, problem: str | None = None) -> list[str]:
    """What an import left to a person and is not done; each is said."""
    from autograder.assignment.unfinished import unfinished

    found = [line for item in course.problems if problem in (None, item.name) for line in unfinished(item.folder)]
    for line in found:
        say(f"  {line}", err=True)
    return found


def _refuse_unfinished(left: list[str]) -> None:
    if left:
        raise Surprise(f"{len(left)} things are left to do by hand; see above. Do each, then delete its mark.")


def course_of(name: str, problem: str | None, everything: bool) -> Assignment:
    """The assignment as it is released; with every problem where one that is not released is asked for, or all are."""
    from autograder.assignment.load import load_assignment
    from autograder.build.every_problem import with_every_problem

    released = load_assignment(name)
    if everything or (problem and problem not in [item.name for item in released.problems]):
        return with_every_problem(name, Path.cwd())
    return released


def _chosen(name: str, problem: str | None, exercise: str | None, everything: bool) -> tuple[Assignment, list[str]]:
    """The assignment, and the exercises that are asked for. BadInput for one that is in no problem."""
    from autograder.build.every_problem import with_every_problem

    course = course_of(name, problem, everything and exercise is None)
    known = [item.id for item in course.manifest.exercises]
    if exercise is None:
        problems = [course.problem(problem)] if problem else list(course.problems)
        return course, [item.id for one in problems for item in one.exercises]
    if exercise not in known:
        course = with_every_problem(name, Path.cwd())
        known = [item.id for item in course.manifest.exercises]
    if exercise not in known:
        near = difflib.get_close_matches(exercise, known, n=3) or known
        raise BadInput(
            f"{name} has no exercise {exercise!r}: {'did you mean' if near != known else 'it has'} {_or(near)}"
        )
    if problem not in (None, course.manifest.exercise(exercise).problem):
        raise BadInput(f"{exercise} is no exercise of {problem}: omit --problem")
    return course, [item for item in known if item == exercise or exercise in course.manifest.earlier(item)]


def _or(names: list[str]) -> str:
    return ", ".join(names[:-1]) + (" or " if names[1:] else "") + names[-1]


def prove_all(name: str, workers: int, allow_weak: bool) -> None:
    """What `verify --all` demands, of whatever is not proved as it is now. Surprise where there is one."""
    from autograder.assignment.load import load_assignment
    from autograder.verify.proof_record import ProofRecord

    released, course = load_assignment(name), course_of(name, None, everything=True)
    record = ProofRecord(released)
    untidy = _untidy(course, [item.id for item in course.manifest.exercises])
    others = [item.id for item in course.manifest.exercises if record.find(item.id, SEEDS) is None]
    _refuse_unfinished(_unfinished(course))
    if wanted := _unproved(course, others, SEEDS):
        _report(_prove(course, wanted, SEEDS, workers, allow_weak), costs=False)
    _refuse_untidy(untidy)


def _untidy(course: Assignment, exercises: list[str]) -> int:
    """Say what a reader of these exercises' tests would stumble over; returns how much."""
    from autograder.verify.tidy_tests import complaints

    problems = {course.manifest.exercise(name).problem for name in exercises}
    paths = [path for problem in course.problems if problem.name in problems for path in problem.tests]
    found = complaints(paths, course.root)
    for text in found:
        say(f"  {text}", err=True)
    return len(found)


def _refuse_untidy(lines: int) -> None:
    if lines:
        raise Surprise(f"{lines} {'line' if lines == 1 else 'lines'} of the tests to change; see above.")


def _unproved(course: Assignment, exercises: list[str], seeds: int) -> list[str]:
    """The exercises to prove; says which were proved already."""
    from autograder.verify.proof_record import ProofRecord

    record = ProofRecord(course)
    left = [name for name in exercises if record.find(name, seeds) is None]
    for problem in course.problems:
        own = [item.id for item in problem.exercises if item.id in exercises]
        proved = [name for name in own if name not in left]
        if proved:
            is_whole = len(proved) == len(problem.exercises)
            what = problem.name if is_whole else f"{problem.name}: {', '.join(proved)}"
            say(f"{what}: proved already ({_when(record, proved, seeds)}); --all proves it again.")
    return left


def _when(record: ProofRecord, proved: list[str], seeds: int) -> str:
    """The day of the latest proof, and the seeds that all have had."""
    found = [one for name in proved if (one := record.find(name, seeds)) is not None]
    return f"{max(one.date for one in found)}, {min(one.seeds for one in found)} seeds"


def _report(proof: Proof, costs: bool) -> None:
    say_table(_proof_table(proof), WIDTH)
    say_table(_cost_table(proof, costs), WIDTH)
    say_table(_gift_table(proof), WIDTH)
    json_output.record(
        exercises=sorted(proof.exercises or ()), answers=len(proof.verdicts), tests=len(proof.tests),
        surprises=proof.surprises, remarks=list(proof.remarks),
    )  # fmt: skip
    told = proof.surprises if costs else proof.told_once
    for text in (*told, *proof.remarks):
        say(f"  {text}", err=True)
    if told:
        count = len(proof.surprises)
        each = f", each told once ({count} in all: --costs lists them)" if len(told) < count else ""
        raise Surprise(f"{len(told)} surprises; see above{each}.")
    name, count = proof.assignment.name, len(proof.verdicts)
    say(f"{name}: {count} answers tried on {len(proof.tests)} tests, no surprise.")


def _prove(course: Assignment, exercises: list[str], seeds: int, workers: int, allow_weak: bool) -> Proof:
    from autograder.assignment.repeatable import refuse_chance
    from autograder.build import copies
    from autograder.grading.grade_one import confined
    from autograder.verify.proof_record import ProofRecord
    from autograder.verify.verify import plan_from_sources, to_try
    from autograder.verify.verify import verify as prove

    problems = [one for one in course.problems if not set(exercises).isdisjoint(item.id for item in one.exercises)]
    record = ProofRecord(course)
    refuse_chance(course)
    copies.refresh(course)

    def prepare() -> tuple[Plan, list[Case]]:
        record.begin(exercises)
        plan = plan_from_sources(course, seed=0)
        return plan, to_try(plan, problems, exercises, seeds)

    with ThreadPoolExecutor(1) as beside:  # the sandbox takes seconds to start, in a process of its own
        preparing = beside.submit(prepare)
        sandbox = confined(course, allow_weak)
    with sandbox, progress("verifying", None) as bar:
        plan, cases = preparing.result()

        def on_verdict(verdict: Verdict, total: int) -> None:
            bar.update(advance=1, total=total, last=verdict.case.label[:40])

        proof = prove(
            plan, sandbox, problems=problems, exercises=exercises, seeds=seeds, workers=workers, on_verdict=on_verdict,
            cases=cases,
        )  # fmt: skip
    proof.before = {item.id: found.earned for item in course.manifest.exercises
                    if item.id not in exercises and (found := record.find(item.id, 1)) is not None}  # fmt: skip
    surprising = proof.surprising_exercises
    record.add(seeds, {name: proof.earned_of(name) for name in exercises if name not in surprising})
    return proof


def _proof_table(proof: Proof) -> Table:
    from autograder.verify.cases import KINDS
    from autograder.verify.proof import summary

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
