import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from torch import nn

from autograder.assignment.library import import_library
from autograder.assignment.load import load_assignment
from autograder.grading.grade_one import confined
from autograder.grading.plan import Plan
from autograder.sandbox.sandbox import Sandbox
from autograder.tests import tiny
from autograder.verify.cases import LIBRARY, Case
from autograder.verify.library_answers import Offer, library_answers
from autograder.verify.proof import Proof
from autograder.verify.verify import plan_from_sources, try_case

ANSWERS = '''

def stretched(numbers, by=1.0, loudly=False):
    """An answer to tiny-scale under another name, with an argument more."""
    if by < 0:
        raise ValueError("negative")
    return numbers * by


class Stretcher:
    """The same as a method."""

    def apply(self, numbers, by):
        return stretched(numbers, by)


class Machine(nn.Module):
    """An answer to tiny-scaler whose methods have other names."""

    def __init__(self, start=1.0):
        super().__init__()
        self.by = start

    def run(self, numbers):
        return numbers * self.by

    def undo(self, numbers):
        return numbers / self.by


class Half(nn.Module):
    """Does a part of what tiny-scaler asks for: no hidden test passes."""

    def __init__(self, start=1.0):
        super().__init__()
        self.by = start

    def forward(self, numbers):
        return numbers * self.by


def of_one_row(numbers, by):
    """Answers the public tests, which have one row, and a part of the hidden ones."""
    if by < 0 or len(numbers) > 1:
        raise ValueError("negative, or too many")
    return numbers * by


def endless(numbers, by):
    """Never returns."""
    while True:
        pass
'''


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory, one_thread: None) -> Plan:
    """The tiny set with a library that answers its exercises."""
    root = tmp_path_factory.mktemp("course")
    shapes = tiny.write(root) / tiny.LIBRARY / "shapes.py"
    shapes.write_text(shapes.read_text() + ANSWERS)
    return plan_from_sources(load_assignment(tiny.NAME, root), seed=3)


@pytest.fixture(scope="module")
def sandbox(plan: Plan) -> Iterator[Sandbox]:
    with confined(plan.assignment, allow_weak=True) as started:
        yield started


def cases(plan: Plan, name: str) -> list[Case]:
    """The ways in which something of the library can stand for an exercise's answer."""
    problem = plan.assignment.problem(tiny.PROBLEM)
    library = import_library(plan.assignment.release, plan.assignment.library)
    return [
        Case(LIBRARY, problem.name, answer.name, plan.seed, answer.exercise, answer.code)
        for answer in library_answers(problem, library)
        if answer.name == f"tinylib.shapes.{name}"
    ]


def answered(plan: Plan, sandbox: Sandbox, name: str) -> set[str]:
    """The exercises that it answers, as the surprises say."""
    return {case.exercise for case in cases(plan, name) if try_case(case, plan, sandbox).surprises}


@pytest.mark.parametrize(
    ("name", "exercise"),
    [("stretched", "tiny-scale"), ("Stretcher().apply", "tiny-scale"), ("Machine", "tiny-scaler")],
)
def test_an_answer_under_another_name_is_found(plan: Plan, sandbox: Sandbox, name: str, exercise: str) -> None:
    assert answered(plan, sandbox, name) == {exercise}


def test_the_surprise_names_what_to_take_out(plan: Plan, sandbox: Sandbox) -> None:
    (case,) = [case for case in cases(plan, "stretched") if case.exercise == "tiny-scale"]
    assert try_case(case, plan, sandbox).surprises == (
        "the shipped library answers 100% of tiny-scale's hidden tests: take tinylib.shapes.stretched out of it",
    )


def test_what_answers_the_public_tests_and_half_of_the_hidden_ones_is_remarked(plan: Plan, sandbox: Sandbox) -> None:
    (case,) = [case for case in cases(plan, "of_one_row") if case.exercise == "tiny-scale"]
    verdict = try_case(case, plan, sandbox)
    assert verdict.surprises == () and "the shipped library answers 80% of the tests" in verdict.remark
    proof = Proof(plan.assignment, (), [verdict])
    assert [line for line in proof.remarks if "tinylib.shapes.of_one_row" in line]


@pytest.mark.parametrize("name", ["Doubler", "Half", "Doubler.forward"])
def test_what_answers_nothing_is_no_surprise(plan: Plan, sandbox: Sandbox, name: str) -> None:
    assert cases(plan, name)
    assert answered(plan, sandbox, name) == set()


def test_what_never_returns_is_given_up_on(plan: Plan, sandbox: Sandbox) -> None:
    assert answered(plan, sandbox, "endless") == set()


def test_what_cannot_be_called_so_is_not_tried(plan: Plan) -> None:
    assert cases(plan, "width") == []


def test_a_library_may_be_imported_and_offer_nothing_of_others(plan: Plan) -> None:
    problem = plan.assignment.problem(tiny.PROBLEM)
    library = import_library(plan.assignment.release, plan.assignment.library)
    assert {answer.name.split(".")[0] for answer in library_answers(problem, library)} == {tiny.LIBRARY}


def test_the_tiny_library_as_it_is_answers_nothing(tmp_path: Path) -> None:
    tiny.write(tmp_path)
    plan = plan_from_sources(load_assignment(tiny.NAME, tmp_path), seed=3)
    problem = plan.assignment.problem(tiny.PROBLEM)
    library = import_library(plan.assignment.release, plan.assignment.library)
    names = {answer.name for answer in library_answers(problem, library)}
    assert names == {f"tinylib.shapes.{name}" for name in ("Doubler", "Doubler.forward")}


SAYS = {
    "nothing": ("numbers, by", "", True),
    "a tensor": ("numbers: Tensor, by: float", " -> Tensor", True),
    "anything": ("numbers: object, by: Any", " -> Any", True),
    "a tensor or nothing": ("numbers: Tensor | None, by: float", " -> Tensor | None", True),
    "a sequence": ("numbers: Sequence[float], by: float", " -> list[Tensor] | Tensor", True),
    "a name that nobody knows": ("numbers: Unknown, by: float", "", True),
    "a path": ("numbers: str | Path, by: float", " -> Tensor", False),
    "something to call": ("numbers: Callable[[], Tensor], by: float", " -> Tensor", False),
    "nothing as the answer": ("numbers: Tensor, by: float", " -> None", False),
    "a figure as the answer": ("numbers: Tensor, by: float", " -> Path", False),
}


@pytest.mark.parametrize(("arguments", "answer", "tried"), SAYS.values(), ids=SAYS)
def test_what_an_offer_says_of_itself_rules_it_out_only_where_that_is_plain(
    arguments: str, answer: str, tried: bool
) -> None:
    names: dict[str, object] = {}
    head = (
        "from __future__ import annotations\nfrom collections.abc import Callable, Sequence\nfrom pathlib import Path"
    )
    more = "from typing import Any\nfrom torch import Tensor"
    exec(f"{head}\n{more}\ndef offer({arguments}){answer}: ...", names)
    stub = ast.parse("def scale(values: Tensor, factor: float) -> Tensor: ...").body[0]
    assert isinstance(stub, ast.FunctionDef)
    offer = names["offer"]
    assert callable(offer)
    assert (Offer("lib.offer", "lib", offer).fitting(stub) == 2) == tried


def test_a_method_of_a_module_takes_no_tensor_for_its_module() -> None:
    stub = ast.parse("def scale(values: Tensor, factor: float) -> Tensor: ...").body[0]
    method = ast.parse("def forward(self, values: Tensor) -> Tensor: ...").body[0]
    assert isinstance(stub, ast.FunctionDef) and isinstance(method, ast.FunctionDef)
    offer = Offer("nn.Linear.forward", "torch", nn.Linear.forward, nn.Linear)
    assert offer.fitting(stub) is None and offer.fitting(method) == 2
