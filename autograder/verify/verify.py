"""Proves an assignment's tests: on the reference, the stub, other right answers, named wrong ones, and nonsense."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import as_completed

from autograder.assignment.answers import SampleAnswer
from autograder.assignment.library import import_library
from autograder.assignment.model import Assignment, Problem
from autograder.assignment.repeatable import refuse_chance
from autograder.build import copies
from autograder.grading.exercise_runs import bind, run_exercises
from autograder.grading.plan import Plan, answer_code, visibility
from autograder.grading.processes import forked_pool
from autograder.sandbox.sandbox import Sandbox
from autograder.verify import another_time, mistakes
from autograder.verify.cases import (
    AGAIN,
    BESIDE,
    FIRST,
    LIBRARY,
    NONSENSE,
    REFERENCE,
    RIGHT,
    STUB,
    WRONG,
    Case,
    cases_of,
)  # fmt: skip
from autograder.verify.concerned import concerned
from autograder.verify.empty_answers import EMPTY_KINDS, earned
from autograder.verify.mistakes import cost_of
from autograder.verify.proof import UNCAUGHT, Proof, Verdict
from kit import libraries
from kit.notebooks import Extraction
from kit.outcomes import OutcomeStatus
from kit.runner import Binding, Outcome

LIBRARY_SECONDS = 1.0
GUARD = "pass what comes back through assert_equal, expect_object or another expect_… first"


def verify(
    plan: Plan,
    sandbox: Sandbox,
    *,
    problems: Sequence[Problem] | None = None,
    exercises: Collection[str] | None = None,
    seeds: int = 20,
    workers: int = 2,
    on_verdict: Callable[[Verdict, int], None] = lambda verdict, total: None,
    cases: Sequence[Case] | None = None,
) -> Proof:
    """Try every answer of every problem (or of some, or to some exercises), in forked processes.

    The reference comes first: of an exercise whose tests it fails, no other answer is tried. cases: what `to_try` made
    of the same, where that was done before.
    """
    libraries.ready(plan.assignment.libraries)
    problems = plan.assignment.problems if problems is None else problems
    cases = to_try(plan, problems, exercises, seeds) if cases is None else cases
    wanted = {name for item in problems for name in item.references if exercises is None or name in exercises}
    tests = tuple(test for test in plan.tests if test.mark.exercise in wanted)
    proof = Proof(plan.assignment, tests, exercises=wanted)
    _shared[:] = [(plan, sandbox)]
    with forked_pool(workers) as pool:

        def run(some: list[Case], broken: frozenset[str], total: int) -> None:
            for future in as_completed([pool.submit(_try, case, broken) for case in some]):
                proof.verdicts.append(future.result())
                on_verdict(proof.verdicts[-1], total)

        run([case for case in cases if case.kind in FIRST], frozenset(), len(cases))
        broken = _failing_the_reference(proof)
        others = [case for case in cases if case.kind not in FIRST]
        left = [case for case in others if case.exercise not in broken]
        proof.untried = {name: sum(case.exercise == name for case in others) for name in sorted(broken)}
        run(left, broken, len(cases) - len(others) + len(left))
    _shared.clear()
    order = {case: number for number, case in enumerate(cases)}
    proof.verdicts.sort(key=lambda verdict: order[verdict.case])
    return proof


def to_try(plan: Plan, problems: Sequence[Problem], exercises: Collection[str] | None, seeds: int) -> list[Case]:
    """Every answer to try on these problems, or on some of their exercises."""
    assignment = plan.assignment
    library = import_library(assignment.release, assignment.library) if assignment.library else None
    return [
        case for item in problems for case in cases_of(item, library, plan.seed, seeds, exercises, assignment.libraries)
    ]


def _failing_the_reference(proof: Proof) -> frozenset[str]:
    """The exercises with a test that the reference does not pass."""
    failed = {test for verdict in proof.verdicts if verdict.case.kind == REFERENCE for test in verdict.caught_by}
    return frozenset(test.mark.exercise for test in proof.tests if test.id in failed)


def plan_from_sources(assignment: Assignment, seed: int) -> Plan:
    """The plan for the sources as they are now; the release's copies are brought up to them first.

    CourseError for a test that would be another one at its next run.
    """
    refuse_chance(assignment)
    copies.refresh(assignment)
    return Plan.of(assignment, seed)


_shared: list[tuple[Plan, Sandbox]] = []


def _try(case: Case, broken: frozenset[str]) -> Verdict:
    plan, sandbox = _shared[0]
    return try_case(case, plan, sandbox, broken)


def try_case(case: Case, plan: Plan, sandbox: Sandbox, broken: Collection[str] = ()) -> Verdict:
    """Run one answer through the tests that concern it, in confined workers as in grading.

    broken: exercises whose tests fail the reference, so that they say nothing of other answers.
    """
    if case.kind == AGAIN:
        return Verdict(case, tuple(another_time.surprises(case.exercise, plan, sandbox, case.seed)), ())
    if case.kind in EMPTY_KINDS:
        return Verdict(case, (), (), earned=earned(case.kind, case.name, case.exercise, plan, sandbox, case.seed))
    problem = plan.assignment.problem(case.problem)
    if case.kind == STUB:
        replacing = problem.stubs
    else:
        replacing = dict(case.beside) | ({case.exercise: case.code} if case.exercise else {})
    extractions = {problem.name: answer_code(problem, replacing)}
    if case.kind in (BESIDE, LIBRARY):
        outcomes = _with_nothing_of_the_staffs(case, plan, extractions, sandbox)
    else:
        wanted = _worth_running(case, problem, replacing) - set(broken)
        weights = {} if case.kind == STUB else problem.reference_weights
        outcomes = run_exercises(extractions, plan, sandbox, seed=case.seed, exercises=wanted, weights=weights).outcomes
    failed = tuple(outcome.id for outcome in outcomes if outcome.status != OutcomeStatus.PASSED)
    if case.mistake is None:
        remark = _with_public_tests(outcomes) if case.kind == LIBRARY else ""
        return Verdict(case, tuple(_surprises(case, outcomes)), failed, remark=remark)
    surprises = (*_surprises(case, outcomes), *mistakes.surprises(case.mistake, problem, outcomes))
    return Verdict(case, surprises, failed, cost_of(case.mistake, problem, outcomes))


def _worth_running(case: Case, problem: Problem, replacing: Mapping[str, str]) -> set[str]:
    """Of the reference and the stub all exercises; of another answer those that it can change anything in."""
    if case.tests_of is not None:
        return set(case.tests_of)
    if case.kind == NONSENSE:
        return {case.exercise}
    return concerned(problem, replacing) if case.kind in (RIGHT, WRONG) else set(problem.references)


def _with_nothing_of_the_staffs(
    case: Case, plan: Plan, extractions: Mapping[str, Extraction], sandbox: Sandbox
) -> list[Outcome]:
    """As a student's own machine runs it."""
    problem = plan.assignment.problem(case.problem)
    assignment = _impatient(plan.assignment, problem) if case.kind == LIBRARY else plan.assignment
    binding = bind(assignment, extractions, sandbox, seed=case.seed, weights=problem.reference_weights)
    try:
        if case.kind == LIBRARY:
            return _until_half_is_lost(case, plan, binding)
        return plan.collected.run(binding=binding, seed=case.seed, exercises={case.exercise})
    finally:
        binding.close()


def _until_half_is_lost(case: Case, plan: Plan, binding: Binding) -> list[Outcome]:
    """The exercise's tests one by one, until half of the hidden ones' weight and half of all is lost: soon, mostly."""
    tests = [test for test in plan.tests if test.mark.exercise == case.exercise]
    hidden = [test for test in tests if visibility(test.id) == "hidden"]
    public = [test for test in tests if visibility(test.id) != "hidden"]
    left_of_hidden, left = (sum(test.mark.weight for test in some) / 2 for some in (hidden, tests))
    outcomes: list[Outcome] = []
    for test in (*hidden, *public):
        outcomes += plan.collected.run(binding=binding, seed=case.seed, only=test.id)
        lost = 0 if outcomes[-1].status == OutcomeStatus.PASSED else test.mark.weight
        left -= lost
        left_of_hidden -= lost if test in hidden else 0
        if left <= 0 and left_of_hidden <= 0:
            break
    return outcomes


def _impatient(assignment: Assignment, problem: Problem) -> Assignment:
    """The problem alone, with little time for a call: much of a library is not made to be called as an answer."""
    exercises = tuple(dataclasses.replace(item, call_seconds=LIBRARY_SECONDS) for item in problem.exercises)
    return dataclasses.replace(assignment, problems=(dataclasses.replace(problem, exercises=exercises),))


def _surprises(case: Case, outcomes: list[Outcome]) -> Iterable[str]:
    if case.kind == LIBRARY:
        yield from _library_surprises(case, outcomes)
        return
    for outcome in outcomes:
        if outcome.status == OutcomeStatus.ERROR:
            first = f"; {GUARD}" if case.kind == NONSENSE else ""
            yield f"{outcome.id} breaks instead of failing: {outcome.text}{first}"
    if case.kind in (REFERENCE, RIGHT, BESIDE):
        for outcome in outcomes:
            if outcome.status not in (OutcomeStatus.PASSED, OutcomeStatus.ERROR):
                yield f"{outcome.id} should pass, but is {outcome.status}: {outcome.text}"
    elif case.kind == STUB:
        for outcome in outcomes:
            if outcome.status not in (OutcomeStatus.MISSING, OutcomeStatus.BLOCKED, OutcomeStatus.ERROR):
                yield f"{outcome.id} should find nothing written, but is {outcome.status}: {outcome.text}"
    elif case.kind == NONSENSE:
        if all(outcome.status == OutcomeStatus.PASSED for outcome in outcomes):
            yield "gets full marks"
    elif case.mistake is not None:
        yield from _wrong_surprises(case.mistake, outcomes)


def _wrong_surprises(answer: SampleAnswer, outcomes: list[Outcome]) -> Iterable[str]:
    by_name: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        name = outcome.id.split("::")[1]
        for key in {name, name.partition("[")[0]}:
            by_name.setdefault(key, []).append(outcome)
    for name in answer.must_fail:
        if name not in by_name:
            yield f"its must_fail names {name}, but there is no such test"
        elif all(outcome.status == OutcomeStatus.PASSED for outcome in by_name[name]):
            yield UNCAUGHT.format(test=name)
    for outcome in outcomes:
        if outcome.mark.exercise != answer.exercise and outcome.status not in (
            OutcomeStatus.PASSED,
            OutcomeStatus.ERROR,
        ):
            other = outcome.mark.exercise
            yield (
                f"costs {outcome.id}, a test of {other}: let {other} depend on {answer.exercise} if it calls it, and "
                "take no student's answer for what is expected"
            )


def _library_surprises(case: Case, outcomes: list[Outcome]) -> Iterable[str]:
    if (share := _passed(_hidden(outcomes))) > 1 / 2:
        yield f"the shipped library answers {share:.0%} of {case.exercise}'s hidden tests: take {case.name} out of it"


def _with_public_tests(outcomes: list[Outcome]) -> str:
    """No surprise: what lacks one property may pass half of an exercise, as a mistake may (`mistake_limit`)."""
    share = _passed(outcomes)
    if share <= 1 / 2 or _passed(_hidden(outcomes)) > 1 / 2:
        return ""
    return f"the shipped library answers {share:.0%} of the tests, the public ones among them, as every student can see"


def _hidden(outcomes: list[Outcome]) -> list[Outcome]:
    return [outcome for outcome in outcomes if visibility(outcome.id) == "hidden"]


def _passed(outcomes: list[Outcome]) -> float:
    """The share of these tests' weight that was passed."""
    passed = sum(outcome.mark.weight for outcome in outcomes if outcome.status == OutcomeStatus.PASSED)
    return passed / (sum(outcome.mark.weight for outcome in outcomes) or 1)
