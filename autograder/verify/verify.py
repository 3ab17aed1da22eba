"""Proves an assignment's tests: on the reference, the stub, other right answers, named wrong ones, and nonsense."""

from __future__ import annotations

import ast
import multiprocessing
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path

from autograder.assignment.model import Assignment, Problem
from autograder.build import copies
from autograder.errors import CourseError
from autograder.grading.grade_one import bind
from autograder.grading.plan import Plan, answer_code
from autograder.sandbox.sandbox import Sandbox
from kit.manifest import CellKind
from kit.outcomes import OutcomeStatus
from kit.runner import Outcome

REFERENCE, STUB, RIGHT, WRONG, NONSENSE = "reference", "stub", "right", "wrong", "nonsense"
NONSENSE_VALUES = (
    "None", "()", "'text'", "0", "float('nan')", "object()", "{'a': 1}", "[None, None, None]", "(None, None)",
    "torch.tensor(float('nan'))", "torch.zeros(0)", "torch.zeros(2, 3, 4, 5, 6)",
    "torch.zeros(2, dtype=torch.complex64)",
    "torch.empty(2, 3, device='meta')", "(torch.zeros(1), torch.zeros(1), torch.zeros(1))",
    "(torch.full((2, 3), float('nan')),) * 2", "torch.ones(2, 3, dtype=torch.bool)",
)  # fmt: skip


@dataclass(frozen=True)
class Case:
    """One answer to try. `exercise` is the one it replaces; empty for the reference and the stub."""

    kind: str
    problem: str
    name: str
    seed: int
    exercise: str = ""
    code: str = ""
    about: str = ""
    must_fail: tuple[str, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """What came of a case: its surprises (none is good), and the tests that did not pass."""

    case: Case
    surprises: tuple[str, ...]
    caught_by: tuple[str, ...]


@dataclass
class Proof:
    """All verdicts of one run."""

    assignment: Assignment
    tests: tuple[str, ...]
    verdicts: list[Verdict] = field(default_factory=list)

    @property
    def idle_tests(self) -> list[str]:
        """Tests that no wrong answer fails: they do not pull their weight."""
        caught = {test for verdict in self.verdicts if verdict.case.kind == WRONG for test in verdict.caught_by}
        return [test for test in self.tests if test not in caught]

    @property
    def surprises(self) -> list[str]:
        found = [f"{v.case.kind} {v.case.name}: {text}" for v in self.verdicts for text in v.surprises]
        return found + [
            f"{test} catches no wrong answer: add one in wrong/, or drop the test" for test in self.idle_tests
        ]


def verify(
    plan: Plan,
    sandbox: Sandbox,
    *,
    problem: str | None = None,
    seeds: int = 20,
    workers: int = 2,
    on_verdict: Callable[[Verdict, int], None] = lambda verdict, total: None,
) -> Proof:
    """Try every answer of every problem (or of one). The processes are forked: call it before starting threads."""
    problems = [plan.assignment.problem(problem)] if problem else list(plan.assignment.problems)
    cases = [case for item in problems for case in cases_of(item, plan.seed, seeds)]
    tests = tuple(test.id for test in plan.tests if any(test.id.startswith(f"{item.name}/") for item in problems))
    proof = Proof(plan.assignment, tests)
    _shared[:] = [(plan, sandbox)]
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
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


def cases_of(problem: Problem, seed: int, seeds: int) -> list[Case]:
    """Everything to try on one problem."""
    cases = [Case(REFERENCE, problem.name, f"seed {number}", seed + number) for number in range(seeds)]
    cases.append(Case(STUB, problem.name, "untouched notebook", seed))
    cases += [read_answer(RIGHT, problem, path, seed) for path in problem.right]
    cases += [read_answer(WRONG, problem, path, seed) for path in problem.wrong]
    for exercise, reference in problem.references.items():
        for value in NONSENSE_VALUES:
            code = nonsense(reference, value)
            cases.append(Case(NONSENSE, problem.name, f"{exercise} returns {value}", seed, exercise, code))
    return cases


def read_answer(kind: str, problem: Problem, path: Path, seed: int) -> Case:
    """A file of right/ or wrong/: EXERCISE, MUST_FAIL and the cell's code. CourseError for a malformed one."""
    try:
        text = path.read_text(encoding="utf-8")
        tree = ast.parse(text)
        found = {node.targets[0].id: ast.literal_eval(node.value) for node in _headers(tree)}  # type: ignore[attr-defined]
    except (SyntaxError, ValueError) as error:
        raise CourseError(f"{path}: {error}") from error
    about = ast.get_docstring(tree)
    if about is None:
        raise CourseError(f"{path}: begin with a docstring that says what this answer does")
    exercise = found.get("EXERCISE")
    if exercise not in list(problem.references):
        raise CourseError(f"{path}: EXERCISE is {exercise!r}; {problem.name} has {', '.join(problem.references)}")
    names = found.get("MUST_FAIL", [])
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise CourseError(f"{path}: MUST_FAIL is {names!r}; write a list of tests' names")
    must_fail = tuple(names)
    if (kind == WRONG) != bool(must_fail):
        raise CourseError(f"{path}: a wrong answer names in MUST_FAIL the tests that catch it; a right one has none")
    lines = text.split("\n")
    for node in (tree.body[0], *_headers(tree)):
        for number in range(node.lineno - 1, node.end_lineno or node.lineno):
            lines[number] = ""
    return Case(kind, problem.name, path.stem, seed, exercise, "\n".join(lines), about.split("\n\n")[0], must_fail)


def _headers(tree: ast.Module) -> list[ast.Assign]:
    return [
        node
        for node in tree.body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and node.targets[0].id in ("EXERCISE", "MUST_FAIL")
    ]


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
    problem = plan.assignment.problem(case.problem)
    if case.kind == STUB:
        replacing = {cell.name: cell.released for cell in problem.cells if cell.kind == CellKind.EXERCISE}
    else:
        replacing = {case.exercise: case.code} if case.exercise else {}
    binding = bind(plan.assignment, {problem.name: answer_code(problem, replacing)}, sandbox)
    wanted = {case.exercise} if case.kind == NONSENSE else set(problem.references)
    try:
        outcomes = plan.collected.run(binding=binding, seed=case.seed, exercises=wanted)
    finally:
        binding.close()
    failed = tuple(outcome.id for outcome in outcomes if outcome.status != OutcomeStatus.PASSED)
    return Verdict(case, tuple(_surprises(case, problem, outcomes)), failed)


def _surprises(case: Case, problem: Problem, outcomes: list[Outcome]) -> Iterable[str]:
    for outcome in outcomes:
        if outcome.status == OutcomeStatus.ERROR:
            yield f"{outcome.id} breaks instead of failing: {outcome.text}"
    if case.kind in (REFERENCE, RIGHT):
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
    else:
        yield from _wrong_surprises(case, problem, outcomes)


def _wrong_surprises(case: Case, problem: Problem, outcomes: list[Outcome]) -> Iterable[str]:
    by_name: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        name = outcome.id.split("::")[1]
        for key in {name, name.partition("[")[0]}:
            by_name.setdefault(key, []).append(outcome)
    for name in case.must_fail:
        if name not in by_name:
            yield f"MUST_FAIL names {name}, but there is no such test"
        elif all(outcome.status == OutcomeStatus.PASSED for outcome in by_name[name]):
            yield f"{name} should catch it, but passes"
    touched = dependents(problem, case.exercise)
    for outcome in outcomes:
        if outcome.mark.exercise not in touched and outcome.status not in (OutcomeStatus.PASSED, OutcomeStatus.ERROR):
            yield f"costs {outcome.id}, a test of an exercise that does not depend on {case.exercise}"


def dependents(problem: Problem, exercise: str) -> set[str]:
    """The exercise and all that build on it."""
    touched = {exercise}
    for item in problem.exercises:  # in teaching order: an exercise depends on earlier ones only
        if touched & set(item.depends):
            touched.add(item.id)
    return touched


def summary(proof: Proof) -> list[tuple[str, ...]]:
    """One row an exercise: points, tests, and how many answers of each kind came out as they should."""
    rows = []
    for exercise in proof.assignment.manifest.exercises:
        mine = [v for v in proof.verdicts if v.case.problem == exercise.problem]
        if not mine:
            continue
        counts = []
        for kind in (REFERENCE, STUB, RIGHT, WRONG, NONSENSE):
            tried = [v for v in mine if v.case.kind == kind and v.case.exercise in ("", exercise.id)]
            counts.append(f"{sum(not v.surprises for v in tried)}/{len(tried)}")
        tests = (str(exercise.public_tests), str(exercise.hidden_tests))
        rows.append((exercise.id, f"{exercise.points:g}", *tests, *counts))
    return rows
