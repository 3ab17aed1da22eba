"""Proves an assignment's tests: on the reference, the stub, other right answers, named wrong ones, and nonsense."""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import as_completed
from dataclasses import dataclass, field
from types import ModuleType

import torch

from autograder.assignment.answers import SampleAnswer, right_answers, wrong_answers
from autograder.assignment.library import import_library
from autograder.assignment.model import Assignment, Problem
from autograder.build import copies
from autograder.grading.exercise_runs import bind, run_exercises
from autograder.grading.plan import Plan, answer_code, hidden_share, visibility
from autograder.grading.processes import forked_pool
from autograder.sandbox.sandbox import Sandbox
from autograder.verify import mistakes
from autograder.verify.concerned import concerned
from autograder.verify.empty_answers import (
    EMPTY_KINDS,
    FILLS,
    LIES,
    MOST,
    MOST_OF_A_PROBLEM,
    ZEROS,
    Earned,
    Gift,
    earned,
)  # fmt: skip
from autograder.verify.library_answers import library_answers
from autograder.verify.mistakes import MistakeCost, cost_of
from kit.check import LOCAL_SEED
from kit.manifest import earlier
from kit.notebooks import Extraction
from kit.outcomes import OutcomeStatus
from kit.runner import Binding, Outcome, TestInfo

REFERENCE, STUB, RIGHT, WRONG, NONSENSE, LIBRARY = "reference", "stub", "right", "wrong", "nonsense", "library"
BESIDE = "beside"  # a right answer that writes its own earlier parts, beside a wrong answer to one of them
KINDS = (REFERENCE, STUB, RIGHT, WRONG, BESIDE, NONSENSE, LIBRARY)
LIBRARY_SECONDS = 1.0
HIDDEN_SHARE = 2 / 3  # of every exercise's points, at least: what public tests ask, anyone can read
NONSENSE_VALUES = (
    "None", "()", "'text'", "0", "float('nan')", "object()", "{'a': 1}", "[None, None, None]", "(None, None)",
    "torch.tensor(float('nan'))", "torch.zeros(0)", "torch.zeros(2, 3, 4, 5, 6)",
    "torch.zeros(2, dtype=torch.complex64)",
    "torch.empty(2, 3, device='meta')", "(torch.zeros(1), torch.zeros(1), torch.zeros(1))",
    "(torch.full((2, 3), float('nan')),) * 2", "torch.ones(2, 3, dtype=torch.bool)",
)  # fmt: skip


@dataclass(frozen=True)
class Case:
    """One answer to try. `exercise` is the one it replaces; empty for the reference and the stub.

    mistake: the staff's wrong answer itself, for one of that kind.
    """

    kind: str
    problem: str
    name: str
    seed: int
    exercise: str = ""
    code: str = ""
    mistake: SampleAnswer | None = None
    beside: tuple[tuple[str, str], ...] = ()  # exercise and code of other answers that are not the reference

    @property
    def label(self) -> str:
        """What it is called in a report."""
        return " ".join(word for word in (self.kind, self.exercise, self.name) if word)


@dataclass(frozen=True)
class Verdict:
    """The outcome of a case: its surprises (none is good), the tests that did not pass, and what a mistake costs."""

    case: Case
    surprises: tuple[str, ...]
    caught_by: tuple[str, ...]
    cost: MistakeCost | None = None
    earned: Earned | None = None


@dataclass
class Proof:
    """All verdicts of one run. lies_elsewhere: what lies could buy of each problem that was proved before."""

    assignment: Assignment
    tests: tuple[TestInfo, ...]
    verdicts: list[Verdict] = field(default_factory=list)
    lies_elsewhere: Mapping[str, float] = field(default_factory=dict)

    @property
    def idle_tests(self) -> list[str]:
        """Tests that no wrong answer fails: they do not pull their weight."""
        caught = {test for verdict in self.verdicts if verdict.case.kind == WRONG for test in verdict.caught_by}
        return [test.id for test in self.tests if test.id not in caught]

    @property
    def costs(self) -> list[MistakeCost]:
        """What each wrong answer costs, exercise by exercise."""
        return [verdict.cost for verdict in self.verdicts if verdict.cost is not None]

    @property
    def problems(self) -> list[str]:
        """The problems that were tried."""
        return list(dict.fromkeys(verdict.case.problem for verdict in self.verdicts))

    def gifts(self, problem: str = "") -> list[Gift]:
        """What ways of answering without a method earn of one problem's points, or of all that were proved."""
        rows: dict[tuple[str, str], list[Earned]] = {}
        for verdict in self.verdicts:
            if verdict.earned is not None and problem in ("", verdict.case.problem):
                rows.setdefault((verdict.case.kind, verdict.case.name), []).append(verdict.earned)
        most = MOST_OF_A_PROBLEM if problem else MOST
        return [Gift.of(*way, own, most[way[0]]) for way, own in rows.items()]

    @property
    def surprising_problems(self) -> set[str]:
        if list(self._of_the_set()):
            return set(self.problems)
        by_answers = {verdict.case.problem for verdict in self.verdicts if verdict.surprises}
        by_tests = {problem for problem in self.problems if list(self._of_the_tests(problem))}
        return by_answers | by_tests | {test.partition("/")[0] for test in self.idle_tests}

    @property
    def surprises(self) -> list[str]:
        found = [f"{v.case.label}: {text}" for v in self.verdicts for text in v.surprises]
        found += [f"{test} catches no wrong answer: add one in wrong/, or drop the test" for test in self.idle_tests]
        found += [text for problem in self.problems for text in self._of_the_tests(problem)]
        return [*found, *self._of_the_set()]

    def lies(self, problem: str) -> float:
        """The points of a problem that a worker which lies about itself could buy."""
        return sum(gift.points for gift in self.gifts(problem) if gift.kind == LIES)

    def _of_the_set(self) -> Iterator[str]:
        """Of each problem lies may buy more than of the set, so they are summed once all problems are proved."""
        lies = dict(self.lies_elsewhere) | {problem: self.lies(problem) for problem in self.problems}
        if lies.keys() == {problem.name for problem in self.assignment.problems if problem.exercises}:
            points = sum(exercise.points for problem in self.assignment.problems for exercise in problem.exercises)
            gift = Gift(LIES, "", sum(lies.values()), points, MOST[LIES] * points, ())
            if gift.is_too_much:
                yield f"in all, {gift}"

    def _of_the_tests(self, problem: str) -> Iterator[str]:
        """What is to be changed in a problem's tests as a whole."""
        for gift in self.gifts(problem):
            if gift.is_too_much:
                names = ", ".join(test.split("::")[1] for test in gift.tests)
                yield f"{problem}: {gift}: let these tests demand right values, or weigh less: {names}"
        for exercise in self.assignment.problem(problem).exercises:
            if (share := hidden_share(self.tests, exercise.id)) < HIDDEN_SHARE - 1e-9:
                yield (
                    f"{exercise.id}: hidden tests hold {share:.0%} of the points, at least {HIDDEN_SHARE:.0%} are "
                    f"wanted: raise weights in {problem}/test_hidden.py"
                )


def verify(
    plan: Plan,
    sandbox: Sandbox,
    *,
    problems: Sequence[Problem] | None = None,
    seeds: int = 20,
    workers: int = 2,
    on_verdict: Callable[[Verdict, int], None] = lambda verdict, total: None,
) -> Proof:
    """Try every answer of every problem (or of some), in forked processes."""
    torch.set_num_threads(1)  # a process that has started more, as the library may here, cannot fork safely
    problems = plan.assignment.problems if problems is None else problems
    library = import_library(plan.assignment.release, plan.assignment.library) if plan.assignment.library else None
    cases = [case for item in problems for case in cases_of(item, library, plan.seed, seeds)]
    tests = tuple(test for test in plan.tests if any(test.id.startswith(f"{item.name}/") for item in problems))
    proof = Proof(plan.assignment, tests)
    _shared[:] = [(plan, sandbox)]
    with forked_pool(workers) as pool:
        for future in as_completed([pool.submit(_try, case) for case in cases]):
            proof.verdicts.append(future.result())
            on_verdict(proof.verdicts[-1], len(cases))
    _shared.clear()
    order = {case: number for number, case in enumerate(cases)}
    proof.verdicts.sort(key=lambda verdict: order[verdict.case])
    return proof


def plan_from_sources(assignment: Assignment, seed: int) -> Plan:
    """The plan for the sources as they are now; the release's copies are brought up to them first."""
    copies.refresh(assignment)
    return Plan.of(assignment, seed)


def cases_of(problem: Problem, library: ModuleType | None, seed: int, seeds: int) -> list[Case]:
    """Everything to try on one problem."""
    cases = [Case(REFERENCE, problem.name, f"seed {number}", seed + number) for number in range(seeds)]
    cases.append(Case(STUB, problem.name, "untouched notebook", seed))
    cases += [case_of(RIGHT, answer, seed) for answer in right_answers(problem)]
    cases += [case_of(WRONG, answer, seed) for answer in wrong_answers(problem)]
    cases += _cases_beside(problem, seed)
    for exercise, reference in problem.references.items():
        for value in NONSENSE_VALUES:
            code = nonsense(reference, value)
            cases.append(Case(NONSENSE, problem.name, f"returns {value}", seed, exercise, code))
    cases += _empty_cases(problem, seed)
    answers = library_answers(problem, library) if library is not None else ()
    return cases + [Case(LIBRARY, problem.name, item.name, seed, item.exercise, item.code) for item in answers]


def _empty_cases(problem: Problem, seed: int) -> Iterator[Case]:
    """Seeds differ from that of checks at home: nobody knows beforehand what grading draws."""
    ways = [(kind, name) for kind in EMPTY_KINDS for name in (FILLS if kind == ZEROS else [""])]
    for exercise in problem.references:
        for kind, name in ways:
            yield Case(kind, problem.name, name, LOCAL_SEED + 1 + seed, exercise)


def _cases_beside(problem: Problem, seed: int) -> Iterator[Case]:
    """Right answers that use nothing of earlier exercises, each beside every wrong answer to one of these."""
    wrong = wrong_answers(problem)
    for answer in right_answers(problem):
        before = earlier(problem.exercises, answer.exercise)
        if not _names_in(answer.code) & {name for item in before for name in item.names}:
            for other in (other for other in wrong if other.exercise in {item.id for item in before}):
                name = f"{answer.name} beside {other.exercise} {other.name}"
                code = ((other.exercise, other.code),)
                yield Case(BESIDE, problem.name, name, seed, answer.exercise, answer.code, beside=code)


def _names_in(code: str) -> set[str]:
    return {node.id for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Name)}


def case_of(kind: str, answer: SampleAnswer, seed: int) -> Case:
    mistake = answer if kind == WRONG else None
    return Case(kind, answer.problem, answer.name, seed, answer.exercise, answer.code, mistake)


def nonsense(reference: str, value: str) -> str:
    """The reference cell with every function's body replaced by `return value`."""
    tree = ast.parse(reference)
    answer = ast.parse(f"return {value}").body
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name != "__init__":
            node.body = answer
    return ast.unparse(tree)


_shared: list[tuple[Plan, Sandbox]] = []


def _try(case: Case) -> Verdict:
    plan, sandbox = _shared[0]
    return try_case(case, plan, sandbox)


def try_case(case: Case, plan: Plan, sandbox: Sandbox) -> Verdict:
    """Run one answer through the tests that concern it, in confined workers as in grading."""
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
        wanted = _worth_running(case, problem, replacing)
        weights = {} if case.kind == STUB else problem.reference_weights
        outcomes = run_exercises(extractions, plan, sandbox, seed=case.seed, exercises=wanted, weights=weights).outcomes
    failed = tuple(outcome.id for outcome in outcomes if outcome.status != OutcomeStatus.PASSED)
    if case.mistake is None:
        return Verdict(case, tuple(_surprises(case, outcomes)), failed)
    surprises = (*_surprises(case, outcomes), *mistakes.surprises(case.mistake, problem, outcomes))
    return Verdict(case, surprises, failed, cost_of(case.mistake, problem, outcomes))


def _worth_running(case: Case, problem: Problem, replacing: Mapping[str, str]) -> set[str]:
    """Of the reference and the stub all exercises; of another answer those that it can change anything in."""
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
            return _hidden_until_half_is_lost(case, plan, binding)
        return plan.collected.run(binding=binding, seed=case.seed, exercises={case.exercise})
    finally:
        binding.close()


def _hidden_until_half_is_lost(case: Case, plan: Plan, binding: Binding) -> list[Outcome]:
    """The exercise's hidden tests one by one, until half of their weight is lost: most answers fail at once."""
    hidden = [t for t in plan.tests if t.mark.exercise == case.exercise and visibility(t.id) == "hidden"]
    left = sum(test.mark.weight for test in hidden) / 2
    outcomes: list[Outcome] = []
    for test in hidden:
        outcomes += plan.collected.run(binding=binding, seed=case.seed, only=test.id)
        left -= 0 if outcomes[-1].status == OutcomeStatus.PASSED else test.mark.weight
        if left <= 0:
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
            yield f"{outcome.id} breaks instead of failing: {outcome.text}"
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
            yield f"{name} should catch it, but passes"
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
    passed = sum(outcome.mark.weight for outcome in outcomes if outcome.status == OutcomeStatus.PASSED)
    if (share := passed / sum(outcome.mark.weight for outcome in outcomes)) > 1 / 2:
        yield f"the shipped library answers {share:.0%} of {case.exercise}'s hidden tests: take {case.name} out of it"


def summary(proof: Proof) -> list[tuple[str, ...]]:
    """One row an exercise: points, tests, and how many answers of each kind came out as they should."""
    rows = []
    for exercise in proof.assignment.manifest.exercises:
        mine = [v for v in proof.verdicts if v.case.problem == exercise.problem]
        if not mine:
            continue
        counts = []
        for kind in KINDS:
            tried = [v for v in mine if v.case.kind == kind and v.case.exercise in ("", exercise.id)]
            counts.append(f"{sum(not v.surprises for v in tried)}/{len(tried)}")
        tests = (str(exercise.public_tests), str(exercise.hidden_tests))
        rows.append((exercise.id, f"{exercise.points:g}", *tests, *counts))
    return rows
