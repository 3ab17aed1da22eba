"""Which exercises another answer concerns, read from the code of the tiny set and of its tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from autograder.assignment.load import load_assignment
from autograder.tests import tiny
from autograder.verify.concerned import concerned

SCALE, SCALER = "tiny-scale", "tiny-scaler"
OTHER_SCALE = "def scale(values, factor):\n    return factor * values\n"
OTHER_SCALER = "class Scaler(ScalerBase):\n    def forward(self, values):\n        return self.factor * values\n"
CALLS_SCALE, ALONE = "scale(values, 1.0) * self.factor.reshape(1, 1)", "values * self.factor.reshape(1, 1)"
BASE = '"""Holds the factor."""'
GROWS = "\n    grow = staticmethod(lambda values: scale(values, 1.0))"
HELPER = "def doubled(student):\n    return student.scale(square(1), 2.0)\n\n\n"
OF_SCALER = 'assert_same(scaler.call("inverse", helpers.square(4)), helpers.square(1), what="inverse of fours")'

Concerned = Callable[..., set[str]]


@pytest.fixture
def of_answer(tmp_path: Path) -> Concerned:
    """The exercises that code for one of them concerns, after edits of the problem's files."""

    def find(exercise: str, code: str, *edits: tuple[str, str, str]) -> set[str]:
        folder = tiny.write(tmp_path)
        for file, old, new in edits:
            tiny.edit(folder, f"{tiny.PROBLEM}/{file}", old, new)
        return concerned(load_assignment(tiny.NAME, tmp_path).problem(tiny.PROBLEM), {exercise: code})

    return find


def test_an_answer_that_nothing_names_concerns_its_exercise_alone(of_answer: Concerned) -> None:
    assert of_answer(SCALER, OTHER_SCALER) == {SCALER}
    assert of_answer(SCALE, OTHER_SCALE, ("notebook.py", CALLS_SCALE, ALONE)) == {SCALE}


def test_an_exercise_that_calls_the_answer_is_concerned(of_answer: Concerned) -> None:
    assert of_answer(SCALE, OTHER_SCALE) == {SCALE, SCALER}


def test_an_exercise_is_concerned_by_way_of_a_given_cell(of_answer: Concerned) -> None:
    edits = [("notebook.py", CALLS_SCALE, ALONE), ("notebook.py", BASE, BASE + GROWS)]
    assert of_answer(SCALE, OTHER_SCALE, *edits) == {SCALE, SCALER}


@pytest.mark.parametrize(
    "edits",
    [
        [("test_hidden.py", OF_SCALER, f"assert student.scale is not None\n    {OF_SCALER}")],
        [
            ("test_hidden.py", OF_SCALER, f"helpers.doubled(student)\n    {OF_SCALER}"),
            ("test_helpers.py", "def square(value):", HELPER + "def square(value):"),
        ],
    ],
    ids=["itself", "through a helper"],
)  # fmt: skip
def test_an_exercise_whose_test_calls_the_answer_is_concerned(
    of_answer: Concerned, edits: list[tuple[str, str, str]]
) -> None:
    assert of_answer(SCALE, OTHER_SCALE, ("notebook.py", CALLS_SCALE, ALONE), *edits) == {SCALE, SCALER}


def test_an_answer_that_defines_anothers_names_anew_concerns_it(of_answer: Concerned) -> None:
    assert of_answer(SCALER, OTHER_SCALER + OTHER_SCALE) == {SCALE, SCALER}


@pytest.mark.parametrize(
    ("line", "concerns"),
    [
        ("import torch\n", {SCALER}),
        ("import numpy as torch\n", {SCALE, SCALER}),
        ("torch.manual_seed(0)\n", {SCALE, SCALER}),
        ("print('here')\n", {SCALE, SCALER}),
        ("def other():\n    torch.set_default_dtype(torch.float64)\n", {SCALE, SCALER}),
        ("count = 0\ndef other():\n    global count\n", {SCALE, SCALER}),
    ],
)
def test_an_answer_that_does_more_than_define_concerns_all(of_answer: Concerned, line: str, concerns: set[str]) -> None:
    assert of_answer(SCALER, line + OTHER_SCALER) == concerns
