"""The answers that a proof tries: which there are of each kind."""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from types import ModuleType

from autograder.assignment.answers import SampleAnswer, right_answers, wrong_answers
from autograder.assignment.model import Problem
from autograder.verify.concerned import concerned, leaves_nothing
from autograder.verify.empty_answers import EMPTY_KINDS, ZEROS
from autograder.verify.fills import FILLS
from autograder.verify.library_answers import library_answers
from kit.check import LOCAL_SEED
from kit.libraries import LARGE
from kit.manifest import earlier

REFERENCE, STUB, RIGHT, WRONG, NONSENSE, LIBRARY = "reference", "stub", "right", "wrong", "nonsense", "library"
BESIDE = "beside"  # a right answer that writes its own earlier parts, beside a wrong answer to one of them
AGAIN = "again"  # the reference at another time, with the same seed
KINDS = (REFERENCE, STUB, AGAIN, RIGHT, WRONG, BESIDE, NONSENSE, LIBRARY)
FIRST = (REFERENCE, STUB, AGAIN)  # where the reference fails a test, no other answer tells anything
NONSENSE_VALUES = (
    "None", "()", "'text'", "0", "float('nan')", "object()", "{'a': 1}", "[None, None, None]", "(None, None)",
)  # fmt: skip
NONSENSE_OF = {  # by the libraries that a set names, the first of which counts
    "torch": (
        "torch.tensor(float('nan'))", "torch.zeros(0)", "torch.zeros(2, 3, 4, 5, 6)",
        "torch.zeros(2, dtype=torch.complex64)",
        "torch.empty(2, 3, device='meta')", "(torch.zeros(1), torch.zeros(1), torch.zeros(1))",
        "(torch.full((2, 3), float('nan')),) * 2", "torch.ones(2, 3, dtype=torch.bool)",
    ),
    "numpy": (
        "__import__('numpy').zeros(0)", "__import__('numpy').full((2, 3), float('nan'))",
        "__import__('numpy').array(['a'])", "__import__('numpy').int64(0)",
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Case:
    """One answer to try. `exercise` is the one it replaces; empty for the reference and the stub.

    mistake: the staff's wrong answer itself, for one of that kind. tests_of: exercises whose tests are run; None: all
    that the answer can change anything in.
    """

    kind: str
    problem: str
    name: str
    seed: int
    exercise: str = ""
    code: str = ""
    mistake: SampleAnswer | None = None
    beside: tuple[tuple[str, str], ...] = ()  # exercise and code of other answers that are not the reference
    tests_of: frozenset[str] | None = None

    @property
    def label(self) -> str:
        """What it is called in a report."""
        return " ".join(word for word in (self.kind, self.exercise, self.name) if word)


def cases_of(
    problem: Problem,
    library: ModuleType | None,
    seed: int,
    seeds: int,
    exercises: Collection[str] | None = None,
    libraries: Sequence[str] = LARGE,
) -> list[Case]:
    """Everything to try on one problem, or on some of its exercises. libraries: what the set names."""
    wanted = [exercise for exercise in problem.references if exercises is None or exercise in exercises]
    tests_of = None if exercises is None else frozenset(wanted)
    cases = [Case(REFERENCE, problem.name, f"seed {n}", seed + n, tests_of=tests_of) for n in range(seeds)]
    cases.append(Case(STUB, problem.name, "untouched notebook", seed, tests_of=tests_of))
    cases += [Case(AGAIN, problem.name, "at another time", seed, exercise) for exercise in wanted]
    right, wrong = right_answers(problem), wrong_answers(problem)
    cases += [case_of(RIGHT, answer, seed) for answer in right]
    cases += _wrong_cases(problem, wrong, seed)
    cases += _cases_beside(problem, right, wrong, seed)
    for exercise in wanted:
        for value in nonsense_values(libraries):
            code = nonsense(problem.references[exercise], value)
            cases.append(Case(NONSENSE, problem.name, f"returns {value}", seed, exercise, code))
    cases += _empty_cases(problem, seed)
    answers = library_answers(problem, library) if library is not None else ()
    cases += [Case(LIBRARY, problem.name, item.name, seed, item.exercise, item.code) for item in answers]
    return [case for case in cases if case.exercise in ("", *wanted)]


def _wrong_cases(problem: Problem, wrong: Sequence[SampleAnswer], seed: int) -> Iterator[Case]:
    """Every wrong answer; the first to an exercise is run with all that builds on it.

    An exercise that builds on another runs beside the staff's answer to that. Where nothing of a wrong answer is left
    then, it is the reference's own run, and one of them is enough to show that it is.
    """
    seen = set[str]()
    for answer in wrong:
        case = case_of(WRONG, answer, seed)
        alone = leaves_nothing(answer.code, problem.references[answer.exercise]) and _names_own_tests(answer, problem)
        if answer.exercise in seen and alone:
            building = {item.id for item in problem.exercises if answer.exercise in _earlier(problem, item.id)}
            reached = concerned(problem, {answer.exercise: answer.code})
            case = dataclasses.replace(case, tests_of=frozenset(reached - building))
        seen.add(answer.exercise)
        yield case


def nonsense_values(libraries: Sequence[str]) -> tuple[str, ...]:
    """What is returned in place of an answer, as code."""
    return NONSENSE_VALUES + next((values for name, values in NONSENSE_OF.items() if name in libraries), ())


def _empty_cases(problem: Problem, seed: int) -> Iterator[Case]:
    """Seeds differ from that of checks at home: nobody knows beforehand what grading draws."""
    ways = [(kind, name) for kind in EMPTY_KINDS for name in (FILLS if kind == ZEROS else [""])]
    for exercise in problem.references:
        for kind, name in ways:
            yield Case(kind, problem.name, name, LOCAL_SEED + 1 + seed, exercise)


def _cases_beside(
    problem: Problem, right: Sequence[SampleAnswer], wrong: Sequence[SampleAnswer], seed: int
) -> Iterator[Case]:
    """Right answers that use nothing of earlier exercises, each beside every wrong answer to one of these.

    Where neither the answer nor its tests name anything of the wrong one, one pair for two exercises is enough.
    """
    seen = set[tuple[str, str]]()
    for answer in right:
        before = earlier(problem.exercises, answer.exercise)
        if not _names_in(answer.code) & {name for item in before for name in item.names}:
            notebook = _with_answer(problem, answer)
            for other in (other for other in wrong if other.exercise in {item.id for item in before}):
                pair = answer.exercise, other.exercise
                if pair in seen and answer.exercise not in concerned(notebook, {other.exercise: other.code}):
                    continue
                seen.add(pair)
                name = f"{answer.name} beside {other.exercise} {other.name}"
                code = ((other.exercise, other.code),)
                yield Case(BESIDE, problem.name, name, seed, answer.exercise, answer.code, beside=code)


def _names_own_tests(answer: SampleAnswer, problem: Problem) -> bool:
    """Whether the tests that are to catch it are all its own exercise's."""
    own = {test.name for test in (*problem.public_cases, *problem.hidden_cases) if test.exercise == answer.exercise}
    return {name.partition("[")[0] for name in answer.must_fail} <= own


def _with_answer(problem: Problem, answer: SampleAnswer) -> Problem:
    """The problem as if this answer were its reference."""
    cells = tuple(
        dataclasses.replace(cell, source=answer.code) if cell.name == answer.exercise else cell
        for cell in problem.cells
    )
    return dataclasses.replace(problem, cells=cells)


def _earlier(problem: Problem, exercise: str) -> set[str]:
    return {item.id for item in earlier(problem.exercises, exercise)}


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
