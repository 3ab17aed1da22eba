"""What `verify` demands of a wrong answer besides being caught, on the tiny assignment with the real sandbox."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from autograder.assignment.answers import wrong_answers
from autograder.assignment.load import load_assignment
from autograder.sandbox.sandbox import Sandbox
from autograder.tests import tiny
from autograder.verify.cases import WRONG, case_of
from autograder.verify.verify import plan_from_sources, try_case
from kit.exercises import STUB_TEXT

pytestmark = pytest.mark.usefixtures("one_thread")

MULTIPLIES, NEGATIVE = "test_scale_multiplies_every_entry", "test_scale_rejects_negative_factors"
ANY_SIZE = "test_scale_on_drawn_numbers_of_any_size"


@pytest.fixture
def surprises(tmp_path: Path, sandbox: Sandbox) -> Callable[..., list[str]]:
    """What verify says of a wrong answer to tiny-scale: surprises(put, must_fail, more lines of its table)."""

    def find(
        put: str, *must_fail: str, more: str = "", edit: tuple[str, str] = ("Public tests", "Public tests")
    ) -> list[str]:
        folder = tiny.write(tmp_path)
        table = f"[it]\nabout = 'x'\nput = {put}\nmust_fail = {list(must_fail)}\n{more}\n"
        (folder / tiny.PROBLEM / "wrong" / "tiny-scale.toml").write_text(table)
        tiny.edit(folder, f"{tiny.PROBLEM}/test_public.py", *edit)
        plan = plan_from_sources(load_assignment(tiny.NAME, tmp_path), seed=3)
        (answer,) = (a for a in wrong_answers(plan.assignment.problem(tiny.PROBLEM)) if a.name == "it")
        return list(try_case(case_of(WRONG, answer, plan.seed), plan, sandbox).surprises)

    return find


Surprises = Callable[..., list[str]]
STUB = STUB_TEXT.format(exercise="tiny-scale")
ALL = 'costs_all = "why"'
BUT_FOR_ONE = '{"values * factor" = "values * (factor + (factor != 1))"}'  # costs four of five


def test_a_mistake_in_what_is_answered_is_no_surprise(surprises: Surprises) -> None:
    assert surprises('{"values * factor" = "values + factor"}', MULTIPLIES, more=ALL) == []


@pytest.mark.parametrize("crashes", ["", "crashes = true"])
@pytest.mark.parametrize(
    "put",
    [
        '{"values * factor" = "valves * factor"}',
        '{"values * factor" = "values * factor; import nowhere_at_all; nowhere_at_all.it()"}',
    ],
)
def test_a_slip_in_the_code_is_no_mistake_whatever_it_says_of_itself(
    surprises: Surprises, put: str, crashes: str
) -> None:
    found = surprises(put, MULTIPLIES, more=f"{ALL}\n{crashes}")
    assert any("a slip, not a misconception" in line for line in found)


@pytest.mark.parametrize("crashes", ["", "crashes = true"])
@pytest.mark.parametrize(
    "put",
    [
        '{"def scale(" = "def scaled("}',
        f"""{{"return scaled_by_the_reference" = "raise NotImplementedError('{STUB}')"}}""",
    ],
)
def test_the_stub_and_another_name_are_no_mistakes(surprises: Surprises, put: str, crashes: str) -> None:
    assert any("is it the stub, or does it define another name?" in x for x in surprises(put, MULTIPLIES, more=crashes))


@pytest.mark.parametrize(
    "answer",
    ["values.times(factor)", "values * factor * None", "values @ values", "values * [][1]", "values * (1 / 0)"],
)
def test_an_answer_that_only_crashes_has_to_say_so(surprises: Surprises, answer: str) -> None:
    put = f'{{"values * factor" = "{answer}"}}'
    (found,) = surprises(put, MULTIPLIES, more=ALL)
    assert found.startswith(f"no test of its must_fail fails by what it answers; {MULTIPLIES} ended with ")
    assert "in cell tiny-scale, line" in found and found.endswith("Mend it, or say crashes = true")
    assert surprises(put, MULTIPLIES, more=f"{ALL}\ncrashes = true") == []


def test_an_answer_that_says_it_crashes_and_does_not_is_a_surprise(surprises: Surprises) -> None:
    found = surprises('{"values * factor" = "values + factor"}', MULTIPLIES, more=f"{ALL}\ncrashes = true")
    assert found == [f"it says that it crashes, but {MULTIPLIES} fails by what it answers: omit crashes"]


def test_an_exception_of_another_kind_than_the_one_asked_for_is_an_answer(surprises: Surprises) -> None:
    assert surprises('{"raise ValueError" = "raise KeyError"}', NEGATIVE) == []


def test_a_mistake_that_costs_more_than_half_is_a_surprise_unless_it_says_why(surprises: Surprises) -> None:
    (found,) = surprises(BUT_FOR_ONE, MULTIPLIES)
    assert found.startswith("costs 2.4 of 3 points where mistake_limit is 0.5: ") and "costs_all" in found
    (found,) = surprises('{"factor < 0" = "False"}', NEGATIVE, more=ALL)
    assert found == "costs 0.6 of 3 points, no more than mistake_limit allows (0.5): omit costs_all"


@pytest.mark.parametrize(
    ("limits", "expected"), [("0.8", []), ("0.79", ["costs 2.4"]), ("0.9\n[exercise.tiny-scale]", ["costs 2.4"])]
)
def test_the_problem_and_the_exercise_say_how_much_a_mistake_may_cost(
    surprises: Surprises, tmp_path: Path, limits: str, expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    toml = tiny.FILES[f"{tiny.PROBLEM}/problem.toml"].replace(
        '"Scaling"\n', f'"Scaling"\nmistake_limit = {limits[:4]}\n'
    )
    if "exercise" in limits:
        toml = toml.replace("points = 3", "points = 3\nmistake_limit = 0.1")
    monkeypatch.setitem(tiny.FILES, f"{tiny.PROBLEM}/problem.toml", toml)
    found = surprises(BUT_FOR_ONE, MULTIPLIES)
    assert [line[:9] for line in found] == expected


def test_a_failure_that_is_explained_and_not_named_misleads(surprises: Surprises) -> None:
    (found,) = surprises(BUT_FOR_ONE, ANY_SIZE, more=ALL)
    assert found.startswith(f"{MULTIPLIES} is the failure that is explained, and its must_fail does not name it: ")
    assert surprises(BUT_FOR_ONE, ANY_SIZE, more=ALL, edit=("weight=2)", "weight=2, broad=True)")) == []
