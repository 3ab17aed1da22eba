"""What a proof tells: each cause once; of an exercise whose tests fail the reference nothing else; some exercises."""

from __future__ import annotations

from pathlib import Path

import pytest

from autograder.assignment.load import load_assignment
from autograder.sandbox.sandbox import Sandbox
from autograder.tests import tiny
from autograder.tests.command_line import exit_code, run
from autograder.verify.cases import BESIDE, FIRST, LIBRARY, NONSENSE, REFERENCE, RIGHT, WRONG, Case
from autograder.verify.empty_answers import ZEROS, Earned
from autograder.verify.proof import Proof, Verdict
from autograder.verify.proof_record import ProofRecord
from autograder.verify.verify import plan_from_sources, to_try, verify

PUBLIC, HIDDEN = f"{tiny.PROBLEM}/test_public.py", f"{tiny.PROBLEM}/test_hidden.py"
MULTIPLIES = f"{PUBLIC}::test_scale_multiplies_every_entry"
NEGATIVE = f"{PUBLIC}::test_scale_rejects_negative_factors"

pytestmark = pytest.mark.usefixtures("one_thread")


def made(tmp_path: Path, *verdicts: Verdict) -> Proof:
    plan = plan_from_sources(load_assignment(tiny.NAME, tiny.harden(tiny.write(tmp_path)).parents[1]), seed=3)
    tests = tuple(test for test in plan.tests if test.id in SCALES)
    return Proof(plan.assignment, tests, list(verdicts), exercises=["tiny-scale"])


def verdict(kind: str, name: str, *surprises: str, caught: tuple[str, ...] = ()) -> Verdict:
    return Verdict(Case(kind, tiny.PROBLEM, name, 3, "tiny-scale"), surprises, caught)


SIZES = [f"{HIDDEN}::test_scale_on_drawn_numbers_of_any_size[size{number}]" for number in range(2)]
SCALES = (MULTIPLIES, NEGATIVE, *SIZES)
CAUGHT = verdict(WRONG, "all", caught=SCALES)


def test_one_cause_is_told_once_with_the_first_answers_and_the_number_of_the_others(tmp_path: Path) -> None:
    breaks = f"{MULTIPLIES} breaks instead of failing: TypeError: number"
    many = [verdict(NONSENSE, f"returns {n}", f"{breaks} {n}") for n in range(9)]
    proof = made(tmp_path, *many, verdict(WRONG, "adds", f"{breaks} 10", "costs 3 of 3 points"), CAUGHT)
    assert proof.told_once == [
        f"nonsense tiny-scale returns 0: {breaks} 0 (likewise nonsense tiny-scale returns 1, nonsense tiny-scale "
        "returns 2, nonsense tiny-scale returns 3 and 6 more)",
        "wrong tiny-scale adds: costs 3 of 3 points",
    ]
    assert len(proof.surprises) == 11


def test_two_tests_that_break_are_two_causes(tmp_path: Path) -> None:
    broken = verdict(
        NONSENSE, "returns 0", *(f"{test} breaks instead of failing: x" for test in (MULTIPLIES, NEGATIVE))
    )
    assert len(made(tmp_path, broken, broken, CAUGHT).told_once) == 2


def test_a_test_that_passes_everything_is_told_once_with_the_answers_that_it_should_catch(tmp_path: Path) -> None:
    name = NEGATIVE.split("::")[1]
    others = tuple(test for test in SCALES if test != NEGATIVE)
    wrong = [verdict(WRONG, n, f"{name} should catch it, but passes", caught=others) for n in ("one", "two")]
    assert made(tmp_path, *wrong).told_once == [
        f"{NEGATIVE} catches no wrong answer: add one in wrong/, or drop the test (by their must_fail it should catch "
        "one, two)"
    ]


def test_of_an_exercise_whose_tests_fail_the_reference_no_other_answer_is_tried(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    folder = tiny.harden(tiny.write(tmp_path))
    tiny.edit(folder, PUBLIC, "helpers.square(1)), helpers.square(3)", "helpers.square(1)), helpers.sqare(3)")
    proof = verify(plan_from_sources(load_assignment(tiny.NAME, tmp_path), seed=3), sandbox, seeds=2)
    broken = f"{PUBLIC}::test_scaler_uses_its_factor breaks instead of failing: AttributeError: "
    (told,) = proof.told_once
    assert told.startswith(f"reference seed 0: {broken}") and told.endswith(" (likewise reference seed 1)")
    assert {v.case.exercise for v in proof.verdicts if v.case.kind not in FIRST} == {"tiny-scale"}
    (remark,) = proof.remarks
    assert remark.startswith("tiny-scaler: ") and "other answers were not tried: let its tests pass" in remark
    assert proof.surprising_exercises == {"tiny-scaler"}


def test_a_proof_of_one_exercise_tries_the_answers_to_it_and_runs_the_reference_on_its_tests(tmp_path: Path) -> None:
    plan = plan_from_sources(load_assignment(tiny.NAME, tiny.write(tmp_path).parents[1]), seed=3)
    cases = to_try(plan, plan.assignment.problems, ["tiny-scaler"], 2)
    assert {case.exercise for case in cases} == {"", "tiny-scaler"}
    assert {case.tests_of for case in cases if case.kind == REFERENCE} == {frozenset({"tiny-scaler"})}
    everything = to_try(plan, plan.assignment.problems, None, 2)
    kinds = {case.kind for case in everything if case.exercise == "tiny-scaler"}
    assert {case.kind for case in cases if case.exercise} == kinds >= {RIGHT, WRONG, BESIDE, NONSENSE, LIBRARY}


@pytest.mark.parametrize(
    ("new", "alone"),
    [
        ("values + factor", True),
        ("torch.mul(values, factor) + OFFSET\n\n\nOFFSET = 1", False),  # a name that stays
        ("values + factor\n\n\nScalerBase.forward = scale", False),  # a change in another's class
        ("values + factor\n\n\nprint(scale)", False),
        ("values + torch.manual_seed(3).initial_seed()", False),
    ],
)
def test_exercises_that_build_on_another_are_run_with_its_first_wrong_answer_and_those_that_leave_something(
    tmp_path: Path, new: str, alone: bool
) -> None:
    folder = tiny.write(tmp_path)
    code = f"def scale(values: Tensor, factor: float) -> Tensor:\n    return {new}\n"
    header = 'EXERCISE = "tiny-scale"\nMUST_FAIL = ["test_scale_rejects_negative_factors"]\n\n\n'
    (folder / tiny.PROBLEM / "wrong" / "another.py").write_text(f'"""Another."""\n\n{header}{code}')
    plan = plan_from_sources(load_assignment(tiny.NAME, tmp_path), seed=3)
    cases = {case.name: case.tests_of for case in to_try(plan, plan.assignment.problems, None, 1) if case.kind == WRONG}
    assert cases["adds"] is None
    assert cases["another"] == (frozenset({"tiny-scale"}) if alone else None)


@pytest.fixture
def hardened(root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    tiny.harden(root / "assignments" / tiny.NAME)
    monkeypatch.setattr("autograder.verify.cases.NONSENSE_VALUES", ("None",))
    return root


def test_one_exercise_is_proved_with_those_that_build_on_it_and_not_again(hardened: Path) -> None:
    few = ("--seeds", "1", "--workers", "1")
    first = run("verify", tiny.NAME, "--exercise", "tiny-scaler", *few)
    assert first.exit_code == 0, first.output
    assert "tiny-scaler" in first.output and "tiny-scale " not in first.output
    second = run("verify", tiny.NAME, "--exercise", "tiny-scale", *few)  # the other one builds on it
    assert second.exit_code == 0 and second.output.startswith(f"{tiny.PROBLEM}: tiny-scaler: proved already (")
    assert "tiny-scale " in second.output
    third = run("verify", tiny.NAME, *few)
    assert third.output.startswith(f"{tiny.PROBLEM}: proved already (") and "tried" not in third.output
    found = ProofRecord(load_assignment(tiny.NAME)).find("tiny-scaler", 1)
    assert found is not None and {kind for kind, _ in found.earned} == {"zeros", "replay", "lies"}


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("tiny-scalr", "no exercise 'tiny-scalr': did you mean tiny-scaler or tiny-scale"),
        ("width", "no exercise 'width': it has tiny-scale or tiny-scaler"),
    ],
)
def test_an_unknown_exercise_is_refused_with_names_near_it(
    sources: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], typed: str, said: str
) -> None:
    monkeypatch.chdir(sources.parents[1])
    assert exit_code(monkeypatch, "verify", tiny.NAME, "--exercise", typed) == 10
    assert said in capsys.readouterr().err


def test_a_problems_own_limit_is_asked_once_all_its_exercises_are_proved(tmp_path: Path) -> None:
    case = Case(ZEROS, tiny.PROBLEM, "ones", 3, "tiny-scale")
    proof = made(tmp_path, CAUGHT, Verdict(case, (), (), earned=Earned(1.0, 3, (MULTIPLIES,))))
    assert proof.surprises == []
    proof.before = {"tiny-scaler": {(ZEROS, "ones"): Earned(0.0, 2, ())}}
    (told,) = proof.surprises
    assert "an answer with ones in the right shape earns 1.00 of 5 points" in told
    assert proof.surprising_exercises == {"tiny-scale"}
