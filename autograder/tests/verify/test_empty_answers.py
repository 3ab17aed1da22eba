"""What answers without a method earn, on the tiny assignment with the real sandbox."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from autograder.assignment.load import load_assignment
from autograder.grading.plan import Plan, hidden_share
from autograder.sandbox.sandbox import Sandbox
from autograder.tests import tiny
from autograder.verify.cases import Case
from autograder.verify.empty_answers import (
    LIES,
    REPLAY,
    ZEROS,
    Alter,
    Altered,
    BadReports,
    Blanks,
    Earned,
    Recorder,
    Replay,
    earned,
)
from autograder.verify.fills import FILLS, ZERO, blank
from autograder.verify.proof import Proof, Verdict
from autograder.verify.verify import plan_from_sources, verify
from kit import Recorded, class_of, has_attribute, is_instance, same_object
from kit.check import LOCAL_SEED
from kit.far_side import Service
from kit.student import LocalTransport, Student

pytestmark = pytest.mark.usefixtures("one_thread")

PUBLIC, HIDDEN = f"{tiny.PROBLEM}/test_public.py", f"{tiny.PROBLEM}/test_hidden.py"
NEGATIVE, MULTIPLIES = f"{PUBLIC}::test_scale_rejects_negative_factors", f"{PUBLIC}::test_scale_multiplies_every_entry"
SCALES = '    assert_same(student.scale(values, 2.0), expected, what="scale of [[1, 2, 3]] by 2")\n'
SIDE_PROPERTIES = {
    "unchanged inputs": "    student.scale(values, 2.0)\n    assert student.unchanged_inputs\n",
    "no flags": "    student.scale(values, 2.0)\n    assert not student.flags\n",
    "torch as it was": "    student.scale(values, 2.0)\n    assert not student.changed_modes\n",
    "no hooks": "    s = student.build('Scaler')\n    s(values)\n    assert not s.state().hooks\n",
    "the mode": "    s = student.build('Scaler')\n    s(values)\n    assert s.state().training == {'': True}\n",
    "the parameters": "    s = student.build('Scaler')\n    s(values)\n    assert 2 in s.state().parameters.values()\n",
}


@pytest.fixture
def asking(tmp_path: Path, sandbox: Sandbox) -> Callable[..., Earned]:
    """What a kind of answer gets of tiny-scale: asking(kind, name, lines that replace the first public test's last)."""

    def ask(kind: str, name: str = "", lines: str = SCALES) -> Earned:
        folder = tiny.harden(tiny.write(tmp_path))
        tiny.edit(folder, PUBLIC, SCALES, lines)
        tiny.edit(folder, PUBLIC, "every_entry(student)", "every_entry(student, rng)")
        plan = plan_from_sources(load_assignment(tiny.NAME, tmp_path), seed=3)
        return earned(kind, name, "tiny-scale", plan, sandbox, LOCAL_SEED + 1)

    return ask


Asking = Callable[..., Earned]


@pytest.mark.parametrize("fill", FILLS)
def test_values_of_the_right_shape_earn_nothing_of_tests_that_demand_values(asking: Asking, fill: str) -> None:
    assert asking(ZEROS, fill).tests == ()


@pytest.mark.parametrize("fill", FILLS)
@pytest.mark.parametrize("kind", ["unchanged inputs", "no flags", "torch as it was"])
def test_a_side_property_without_a_value_is_earned_by_any_numbers(asking: Asking, fill: str, kind: str) -> None:
    assert asking(ZEROS, fill, SIDE_PROPERTIES[kind]).tests == (MULTIPLIES,)


@pytest.mark.parametrize("kind", SIDE_PROPERTIES)
def test_what_a_worker_says_of_itself_is_what_a_lie_could_buy(asking: Asking, kind: str) -> None:
    assert asking(LIES).points == 0
    bought = asking(LIES, lines=SIDE_PROPERTIES[kind])
    assert bought.tests == (MULTIPLIES,)
    assert bought.points == pytest.approx(3 * 2 / 21)


def test_a_replay_earns_the_public_tests_whose_inputs_are_always_the_same(asking: Asking) -> None:
    assert asking(REPLAY).tests == (MULTIPLIES, NEGATIVE)
    drawn = "    values = torch.rand(1, 3, generator=rng)\n"
    drawn += "    assert_same(student.scale(values, 2.0), 2 * values, what='scale')\n"
    assert asking(REPLAY, lines=drawn).tests == (NEGATIVE,)


def test_a_dict_without_its_keys_is_no_gradient(asking: Asking) -> None:
    careless = "    s = student.build('Scaler')\n    grads = student.vjp(s, [values], values, wrt='parameters')\n"
    empty = "random numbers and empty dicts"
    assert asking(ZEROS, empty, f"{careless}    assert all(abs(g) > 0 for g in grads.values())\n").tests
    assert not asking(ZEROS, empty, f"{careless}    assert set(grads) == {{'factor'}}\n").tests


def test_blank_keeps_form_and_dtype_and_no_text() -> None:
    value = {"a": (torch.ones(2, 3, dtype=torch.float64), [1, 2.5]), "b": None, "c": "text"}
    result = blank(value, ZERO)
    assert torch.equal(result["a"][0], torch.zeros(2, 3, dtype=torch.float64))
    assert (result["a"][1], result["b"], result["c"]) == ([0, 0.0], None, "")
    assert blank(torch.empty(2, device="meta"), ZERO).is_meta


NUMPY: dict[str, Any] = {
    "floats": np.ones((2, 3)), "small ints": np.array([3, 1], np.uint8), "bools": np.array([True, False]),
    "texts": np.array(["a", "bc"]), "complex": np.array([1j, 2]), "empty": np.zeros((0, 2)), "scalar": np.float32(2),
}  # fmt: skip


@pytest.mark.parametrize("fill", FILLS)
@pytest.mark.parametrize("name", NUMPY)
def test_blank_keeps_the_form_of_arrays(fill: str, name: str) -> None:
    result = blank(NUMPY[name], FILLS[fill])
    assert type(result) is type(NUMPY[name])
    assert (result.dtype, result.shape) == (NUMPY[name].dtype, NUMPY[name].shape)


@pytest.mark.parametrize(
    "value", [{1, 2}, frozenset({"a"}), b"abc", range(3), "abc", 2j, 2**80, np.arange(3), (1,)], ids=repr
)
def test_no_answer_of_any_kind_is_left_as_it_was(value: Any) -> None:
    result = blank(value, ZERO)
    assert type(result) is type(value)
    assert not np.any(result) if isinstance(result, np.ndarray) else result in ((0,), range(0)) or not result


class Pair(nn.Module):
    """What `lift` changes, and what it leaves alone."""

    def __init__(self) -> None:
        super().__init__()
        self.moved, self.still = nn.Parameter(torch.tensor([3.0])), nn.Parameter(torch.tensor([5.0]))


@torch.no_grad()
def lift(pair: Pair) -> None:
    pair.moved.add_(10)


class Near(LocalTransport):
    """A far side in this process."""

    processor_seconds = 0.0

    def close(self) -> None:
        pass


def lifted(alter: Alter, times: int) -> dict[str, list[float]]:
    """What a module tells of its parameters after `lift`, the student's function, seen through an altered far side."""
    service = Service({"Pair": Pair, "lift": lift}, tiny.LIBRARY)
    student = Student(Altered(Near(service), alter))
    pair = student.build("Pair").load({"moved": torch.tensor([4.0]), "still": torch.tensor([6.0])})
    for _ in range(times):
        student.lift(pair)
    return {name: value.tolist() for name, value in pair.state().parameters.items()}


def test_an_answer_without_a_method_changes_no_module() -> None:
    alter = Blanks(ZERO)
    assert lifted(alter, 0) == lifted(alter, 1) == lifted(alter, 2) == {"moved": [4.0], "still": [6.0]}


def test_what_the_code_changed_in_a_module_is_no_report_of_itself() -> None:
    assert lifted(BadReports(), 2) == {"moved": [24.0], "still": [7.0]}


def announce(values: list[int]) -> None:
    """A student's function whose answer is what it does besides returning."""
    values.append(sum(values))
    print(input("name? "))
    Path("out.txt").write_text("written")


def done_by(alter: Alter, number: int) -> list[object]:
    """What a test sees of `announce`, through an altered far side."""
    service = Service({"announce": announce}, tiny.LIBRARY)
    student = Student(Altered(Near(service), alter))
    student.begin(1)
    student.answers(f"Ann {number}")
    student.files({"in.txt": "given"})
    student.announce([number])
    return [student.printed, student.prompts, student.arguments, student.written, student.warnings, student.figures]


def test_an_answer_without_a_method_prints_and_writes_nothing() -> None:
    assert done_by(Blanks(ZERO), 1) == ["", [], {0: [1]}, {"in.txt": b"given"}, [], []]


def test_a_table_of_replies_knows_what_was_done_by_the_calls_that_it_knows() -> None:
    recorder = Recorder()
    known = done_by(recorder, 1)
    assert known[0] == "Ann 1\n" and known[2] == {0: [1, 1]}
    assert done_by(Replay(recorder.replies), 1) == known
    assert done_by(Replay(recorder.replies), 2) == ["", [], {0: [2]}, {"in.txt": b"given"}, [], []]


def proof_of(plan: Plan, *gifts: tuple[str, float]) -> Proof:
    """A proof in which answers of these kinds earn so many of five points."""
    verdicts = [
        Verdict(Case(kind, tiny.PROBLEM, "", 3, "tiny-scale"), (), (), earned=Earned(points, 5, (MULTIPLIES,)))
        for kind, points in gifts
    ]
    return Proof(plan.assignment, plan.tests, verdicts)


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    tiny.write(tmp_path)
    return plan_from_sources(load_assignment(tiny.NAME, tmp_path), seed=3)


@pytest.mark.parametrize("kind, least", [(ZEROS, 0.15), (REPLAY, 0.75), (LIES, 1.25)])
def test_too_much_is_a_surprise_and_names_the_tests(plan: Plan, kind: str, least: float) -> None:
    def complaints(points: float) -> list[str]:
        return [text for text in proof_of(plan, (kind, points)).surprises if text.startswith(f"{tiny.PROBLEM}: ")]

    assert complaints(least) == []
    (text,) = complaints(least + 0.01)
    assert f"{least + 0.01:.2f} of 5 points, allowed are {least:.2f}" in text
    assert text.endswith("weigh less: test_scale_multiplies_every_entry")


def test_of_the_whole_set_lies_may_buy_less_than_of_one_problem(plan: Plan) -> None:
    found = [text for text in proof_of(plan, (LIES, 1.0)).surprises if " lies " in text]
    assert found == ["in all, a worker that lies about itself could buy 1.00 of 5 points, allowed are 0.56"]


def test_what_lies_buy_is_summed_with_that_of_problems_proved_before(tmp_path: Path) -> None:
    folder = tiny.write(tmp_path)
    tiny.add_problem(folder, "shifting", "second-")
    tiny.edit(folder, "assignment.toml", f'core = ["{tiny.PROBLEM}"]', f'core = ["{tiny.PROBLEM}", "shifting"]')
    proof = proof_of(plan_from_sources(load_assignment(tiny.NAME, tmp_path), seed=3), (LIES, 0.6))

    def found(**elsewhere: float) -> list[str]:
        points = {"second-scale": elsewhere.get("shifting"), "second-scaler": 0.0}
        proof.before = {name: {(LIES, ""): Earned(p, 2.5, ())} for name, p in points.items() if p is not None}
        return [text for text in proof.surprises if text.startswith("in all, ")]

    assert found() == [] and found(shifting=0.5) == []
    assert found(shifting=0.6) == [
        "in all, a worker that lies about itself could buy 1.20 of 10 points, allowed are 1.13"
    ]
    assert proof.surprising_problems == {tiny.PROBLEM}


def test_an_exercise_with_few_points_in_hidden_tests_is_a_surprise(plan: Plan) -> None:
    assert hidden_share(plan.tests, "tiny-scale") == pytest.approx(2 / 5)
    (text,) = (text for text in proof_of(plan, (ZEROS, 0.0)).surprises if text.startswith("tiny-scale: "))
    assert text == (
        "tiny-scale: hidden tests hold 40% of the points, at least 67% are wanted: raise weights in "
        "scaling/test_hidden.py"
    )


def test_every_kind_is_tried_on_every_exercise_and_reported(tmp_path: Path, sandbox: Sandbox) -> None:
    tiny.harden(tiny.write(tmp_path))
    proof = verify(plan_from_sources(load_assignment(tiny.NAME, tmp_path), seed=3), sandbox, seeds=1)
    found = [(gift.kind, gift.name, gift.max_points) for gift in proof.gifts()]
    assert found == [*((ZEROS, fill, 5) for fill in FILLS), (REPLAY, "", 5), (LIES, "", 5)]
    assert proof.surprises == []


class Counter:
    """What a student's class is here: it counts, and calls back."""

    def __init__(self, start: int) -> None:
        self.count = start

    def up(self, tell: Callable[[int], object]) -> Iterator[int]:
        self.count += 1
        tell(self.count)
        return iter([self.count])


def told(alter: Alter) -> dict[str, object]:
    """What a test is told of an object of this class, through an altered far side."""
    student = Student(Altered(Near(Service({"Counter": Counter, "LIMIT": 7}, tiny.LIBRARY)), alter))
    student.begin(1)
    counter, seen = student.make("Counter", 4), Recorded()
    return {
        "items": list(counter.up(seen)),
        "count": counter.count,
        "calls": student.calls(seen),
        "variable": student.value("LIMIT"),
        "is a counter": is_instance(counter, student.Counter),
        "class": class_of(counter),
        "itself": same_object(counter, counter),
        "has": has_attribute(counter, "count"),
    }


CLAIMED = {"is a counter": True, "class": "Counter", "itself": True, "has": True}
DONE = {"items": [5], "count": 5, "calls": [((5,), {})], "variable": 7}


def test_an_answer_without_a_method_knows_nothing_of_objects_callbacks_and_generators() -> None:
    blank_told = told(Blanks(ZERO))
    assert {name: blank_told[name] for name in DONE} == {"items": [0], "count": 0, "calls": [((0,), {})], "variable": 0}
    recorder = Recorder()
    assert told(recorder) == DONE | CLAIMED
    assert told(Replay(recorder.replies)) == DONE | CLAIMED


def test_what_an_object_is_said_to_be_is_a_report_that_a_lie_can_change() -> None:
    lies = told(BadReports())
    assert {name: lies[name] for name in CLAIMED} == {
        "is a counter": False, "class": "", "itself": False, "has": False
    }  # fmt: skip
    assert {name: lies[name] for name in DONE} == DONE


class Alone:
    """An object that equals no other."""

    __eq__ = object.__eq__
    __hash__ = object.__hash__


@pytest.mark.parametrize(("fill", "equal"), [("ones", True), ("zeros", False)])
def test_objects_without_a_method_equal_all_others_or_none(fill: str, equal: bool) -> None:
    service = Service({"Alone": Alone}, tiny.LIBRARY)
    student = Student(Altered(Near(service), Blanks(FILLS[fill])))
    student.begin(1)
    one, other = student.make("Alone"), student.make("Alone")
    assert ((one == other), (one != other)) == (equal, not equal)
