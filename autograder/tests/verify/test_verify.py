"""Proving tests, with the real sandbox, on the tiny assignment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from autograder.assignment.answers import wrong_answers
from autograder.assignment.library import import_library
from autograder.assignment.load import load_assignment
from autograder.grading.plan import Plan
from autograder.sandbox.sandbox import Sandbox
from autograder.tests import tiny
from autograder.verify.cases import (
    BESIDE,
    NONSENSE,
    RIGHT,
    WRONG,
    Case,
    case_of,
    cases_of,
    nonsense,
    nonsense_values,
)  # fmt: skip
from autograder.verify.proof import Proof, summary
from autograder.verify.verify import plan_from_sources, try_case, verify
from kit.libraries import LARGE

PUBLIC, HIDDEN = f"{tiny.PROBLEM}/test_public.py", f"{tiny.PROBLEM}/test_hidden.py"
INVERSE = f"{HIDDEN}::test_scaler_inverse_undoes_forward"
MULTIPLIES, NEGATIVE = "test_scale_multiplies_every_entry", "test_scale_rejects_negative_factors"
ANY_SIZE = "test_scale_on_drawn_numbers_of_any_size"

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    root = tmp_path_factory.mktemp("course")
    tiny.harden(tiny.write(root))
    return plan_from_sources(load_assignment(tiny.NAME, root), seed=3)


@pytest.fixture
def edited(tmp_path: Path) -> Callable[..., Plan]:
    """The tiny assignment with passages replaced: edited((file, old, new), …)."""

    def make(*edits: tuple[str, str, str]) -> Plan:
        folder = tiny.write(tmp_path)
        for edit in edits:
            tiny.edit(folder, *edit)
        return plan_from_sources(load_assignment(tiny.NAME, tmp_path), seed=3)

    return make


def wrong(plan: Plan, name: str) -> Case:
    (answer,) = (a for a in wrong_answers(plan.assignment.problem(tiny.PROBLEM)) if a.name == name)
    return case_of(WRONG, answer, plan.seed)


def renamed(case: Case, *must_fail: str) -> Case:
    """The case with other names in must_fail."""
    assert case.mistake is not None
    return replace(case, mistake=replace(case.mistake, must_fail=must_fail))


def surprises(case: Case, plan: Plan, sandbox: Sandbox) -> list[str]:
    return list(try_case(case, plan, sandbox).surprises)


@pytest.fixture(scope="module")
def proof(plan: Plan, sandbox: Sandbox) -> Proof:
    return verify(plan, sandbox, seeds=2, workers=2)


def test_good_tests_have_no_surprise(proof: Proof) -> None:
    assert proof.surprises == []


def test_every_kind_of_answer_was_tried_and_counted(proof: Proof) -> None:
    count = len(nonsense_values(LARGE))
    assert summary(proof) == [
        ("tiny-scale", "3", "2", "2", "2/2", "1/1", "1/1", "1/1", "2/2", "0/0", f"{count}/{count}", "0/0"),
        ("tiny-scaler", "2", "1", "1", "2/2", "1/1", "1/1", "1/1", "2/2", "1/1", f"{count}/{count}", "2/2"),
    ]


def test_a_verdict_says_which_tests_caught_the_answer(proof: Proof) -> None:
    (verdict,) = (v for v in proof.verdicts if v.case.name == "inverse-multiplies")
    assert verdict.caught_by == (INVERSE,)


def test_a_wrong_answer_has_its_price_its_failed_tests_and_the_one_that_is_explained(proof: Proof) -> None:
    assert [(c.answer.name, c.points, c.max_points, c.tests, c.failed, c.explained) for c in proof.costs][:2] == [
        ("adds", 3, 3, 4, (MULTIPLIES, NEGATIVE, f"{ANY_SIZE}[size0]", f"{ANY_SIZE}[size1]"), MULTIPLIES),
        ("accepts-negative", 3 / 21, 3, 4, (NEGATIVE,), NEGATIVE),
    ]


def test_a_test_that_catches_no_wrong_answer_is_named(proof: Proof) -> None:
    kept = [v for v in proof.verdicts if v.case.name not in ("inverse-multiplies", "forgets-factor", "adds")]
    found = replace(proof, verdicts=kept).surprises
    assert f"{INVERSE} catches no wrong answer: add one in wrong/, or drop the test" in found
    assert not [line for line in found if "test_scale_rejects_negative_factors" in line]


def test_a_wrong_answer_that_passes_the_test_it_names_is_a_surprise(plan: Plan, sandbox: Sandbox) -> None:
    case = renamed(wrong(plan, "accepts-negative"), "test_scale_multiplies_every_entry")
    assert "test_scale_multiplies_every_entry should catch it, but passes" in surprises(case, plan, sandbox)


def test_must_fail_may_not_name_a_test_that_is_not_there(plan: Plan, sandbox: Sandbox) -> None:
    case = renamed(wrong(plan, "accepts-negative"), "test_scale_rejects_negative_factors", "test_gone")
    assert surprises(case, plan, sandbox) == ["its must_fail names test_gone, but there is no such test"]


def test_must_fail_may_name_one_case_of_a_parametrized_test(plan: Plan, sandbox: Sandbox) -> None:
    name = next(test.id for test in plan.tests if "[" in test.id).split("::")[1]
    case = renamed(wrong(plan, "adds"), "test_scale_multiplies_every_entry", name)
    assert surprises(case, plan, sandbox) == []


def test_a_wrong_answer_that_costs_an_exercise_which_is_not_said_to_build_on_it_is_a_surprise(
    edited: Callable[..., Plan], sandbox: Sandbox
) -> None:
    plan = edited((f"{tiny.PROBLEM}/problem.toml", 'depends = ["tiny-scale"]\n', ""))
    found = surprises(wrong(plan, "adds"), plan, sandbox)
    assert found and all("let tiny-scaler depend on tiny-scale if it calls it" in line for line in found)
    assert any(f"{PUBLIC}::test_scaler_uses_its_factor" in line for line in found)


def test_a_wrong_answer_costs_no_exercise_that_builds_on_it(plan: Plan, sandbox: Sandbox) -> None:
    for name in ("adds", "accepts-negative"):
        verdict = try_case(wrong(plan, name), plan, sandbox)
        assert not verdict.surprises and not [test for test in verdict.caught_by if "test_scaler" in test]


def test_a_test_that_expects_what_a_students_earlier_answer_says_is_a_surprise(
    edited: Callable[..., Plan], sandbox: Sandbox
) -> None:
    """Beside the staff's answers it would pass; on a student's own machine a right answer would fail."""
    plan = edited((PUBLIC, "scaler(helpers.square(1)), helpers.square(3)", "scaler(V), student.scale(V, 3.0)"),
                  (PUBLIC, "scaler_class = exercise", "V = helpers.square(1)\nscaler_class = exercise"))  # fmt: skip
    library = import_library(plan.assignment.release, plan.assignment.library)
    cases = [case for case in cases_of(plan.assignment.problem(tiny.PROBLEM), library, 3, 1) if case.kind == BESIDE]
    found = {case.name: surprises(case, plan, sandbox) for case in cases}
    assert found["scaler-alone beside tiny-scale accepts-negative"] == []
    (line,) = found["scaler-alone beside tiny-scale adds"]
    assert line.startswith(f"{PUBLIC}::test_scaler_uses_its_factor should pass, but is failed")


def test_a_right_answer_that_fails_is_a_surprise(plan: Plan, sandbox: Sandbox) -> None:
    case = replace(wrong(plan, "inverse-multiplies"), kind=RIGHT, mistake=None)
    (found,) = surprises(case, plan, sandbox)
    assert found.startswith(f"{INVERSE} should pass, but is failed: ")


def test_a_test_that_breaks_on_nonsense_is_a_surprise(edited: Callable[..., Plan], sandbox: Sandbox) -> None:
    line = "    assert_same(student.scale(values, 2.0), expected"
    plan = edited((PUBLIC, line, f"    student.scale(values, 2.0).sum()\n{line}"))
    reference = plan.assignment.problem(tiny.PROBLEM).references["tiny-scale"]
    case = Case(NONSENSE, tiny.PROBLEM, "text", 3, "tiny-scale", nonsense(reference, "'text'"))
    (found,) = surprises(case, plan, sandbox)
    assert found.startswith(f"{PUBLIC}::test_scale_multiplies_every_entry breaks instead of failing: AttributeError")
    assert found.endswith("pass what comes back through assert_equal, expect_object or another expect_… first")


def test_nonsense_that_gets_full_marks_is_a_surprise(plan: Plan, sandbox: Sandbox) -> None:
    reference = plan.assignment.problem(tiny.PROBLEM).references["tiny-scale"]
    case = Case(NONSENSE, tiny.PROBLEM, "nearly", 3, "tiny-scale", reference)
    assert surprises(case, plan, sandbox) == ["gets full marks"]


def test_nonsense_keeps_signatures_and_the_constructor() -> None:
    code = "class A(B):\n    def __init__(self):\n        self.x = 1\n    def f(self, y):\n        return y\n"
    made = nonsense(code, "None")
    assert "self.x = 1" in made and "def f(self, y):\n        return None" in made
