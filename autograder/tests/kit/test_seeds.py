"""What a student's code can read of random seeds: nothing of a test's inputs, nor which exercise is tested."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from kit import seeds
from kit.binding import LocalFarSide, NotebookBinding
from kit.budget import Budget
from kit.manifest import Exercise, Manifest
from kit.notebooks import CodeCell, Extraction
from kit.runner import TestFile, run_tests, test_generator

RUN_SEED = 2**127 + 11
TESTS = """
import torch
from kit import exercise

first, second = exercise("one"), exercise("two")

@first("t", hint="h")
def test_a(student, rng):
    student.one(torch.rand(4, generator=rng))

@first("t", hint="h")
def test_b(student, rng):
    student.one(torch.rand(4, generator=rng))

@second("t", hint="h")
def test_c(student, rng):
    student.two(torch.rand(4, generator=rng))
"""
SEES = """
import random
import numpy as np
import torch

def state():
    return torch.initial_seed(), random.getstate()[1][:4], tuple(np.random.get_state()[1][:4])

at_load = state()
"""
TOLD: list[object] = []  # what the code of `student` saw, in the order of its calls


def seen(path: Path, seed: int) -> list[tuple[int, object, object]]:
    """At load and at each call, for the tests a, b, c."""
    path.write_text(TESTS)
    TOLD.clear()
    tell = f"import sys\nTOLD = sys.modules[{__name__!r}].TOLD\nTOLD.append(state())\n"
    one = f"{SEES}\n{tell}\ndef one(x):\n    TOLD.append(state())\n    return x"
    two = "def two(x):\n    TOLD.append(state())\n    return x"
    cells = (CodeCell("one", one, "one"), CodeCell("two", two, "two"))
    exercises = (Exercise("one", "p", 1, (), ("one",), 2, 0, 5), Exercise("two", "p", 1, (), ("two",), 1, 0, 5))
    manifest = Manifest("demo", "Demo", "1", "torch", (), exercises, (), "", 60)
    extraction = Extraction(cells, (), (), frozenset(), frozenset())
    sides = lambda: LocalFarSide("torch")  # noqa: E731
    binding = NotebookBinding(manifest, {"p": extraction}, sides, seed=seed, budget=Budget(60), share=True)
    outcomes = run_tests([TestFile("p/test_hidden.py", path)], binding=binding, seed=seed)
    assert [outcome.status for outcome in outcomes] == ["passed"] * 3, outcomes
    return list(TOLD)  # type: ignore[arg-type]


@pytest.fixture
def told(tmp_path: Path) -> list[tuple[int, object, object]]:
    return seen(tmp_path / "test_hidden.py", RUN_SEED)


IDS = [f"p/test_hidden.py::test_{name}" for name in "abc"]


def test_no_seed_that_code_can_read_gives_a_tests_inputs(told: list[tuple[int, object, object]]) -> None:
    inputs = {tuple(torch.rand(4, generator=test_generator(RUN_SEED, name)).tolist()) for name in IDS}
    drawn_from = {seeds.for_inputs(RUN_SEED, name) for name in IDS}
    for number, _, _ in told:
        for bits in (64, 63, 56, 48, 32, 31, 24):
            assert not {value % 2**bits for value in drawn_from} & {number % 2**bits, (number >> 1) % 2**bits}
            guess = torch.Generator().manual_seed(number % 2**bits)
            assert tuple(torch.rand(4, generator=guess).tolist()) not in inputs


def test_every_test_and_every_generator_has_a_seed_of_its_own(told: list[tuple[int, object, object]]) -> None:
    assert len(told) == 4
    for states in zip(*told, strict=True):
        assert len(set(states)) == 4


def test_no_seed_can_be_computed_from_what_the_code_knows(
    told: list[tuple[int, object, object]], tmp_path: Path
) -> None:
    other = seen(tmp_path / "test_other.py", RUN_SEED + 1)
    assert not {number for number, _, _ in told} & {number for number, _, _ in other}


def test_the_same_run_gives_the_same_seeds_again(told: list[tuple[int, object, object]], tmp_path: Path) -> None:
    assert seen(tmp_path / "test_hidden.py", RUN_SEED) == told


def test_seeds_of_workers_are_wide_and_cross_the_wire() -> None:
    numbers = {seeds.for_worker(seed, f"test {name}") for seed in range(20) for name in range(20)}
    assert len(numbers) == 400 and max(numbers) < 2**63 and sum(number.bit_length() > 56 for number in numbers) > 350
