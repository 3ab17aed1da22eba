"""What a release demands of the proof: every problem, released or not, but nothing twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from autograder.assignment.load import load_assignment
from autograder.build.every_problem import with_every_problem
from autograder.cli import proving as command
from autograder.errors import Surprise
from autograder.tests import tiny
from autograder.verify.proof_record import ProofRecord

SCALING, SHIFTING = ["tiny-scale", "tiny-scaler"], ["second-scale", "second-scaler"]


@pytest.fixture
def proving(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A course with a second problem that is not released, as the current folder; the exercises that were proved."""
    folder = tiny.write(tmp_path)
    tiny.add_problem(folder, "shifting", "second-")
    monkeypatch.chdir(tmp_path)
    proved: list[str] = []
    monkeypatch.setattr(command, "_prove", lambda course, exercises, *more: proved.extend(exercises))
    monkeypatch.setattr(command, "_report", lambda proof, costs: None)
    return proved


def prove() -> None:
    command.prove_all(tiny.NAME, workers=1, allow_weak=True)


def test_every_problem_is_proved_also_one_that_is_not_released(proving: list[str]) -> None:
    prove()
    assert proving == [*SCALING, *SHIFTING]


def test_what_is_proved_already_is_not_proved_again(proving: list[str]) -> None:
    released = load_assignment(tiny.NAME)
    ProofRecord(released).add(command.SEEDS, dict.fromkeys(SCALING, {}))
    prove()
    assert proving == SHIFTING
    course = with_every_problem(tiny.NAME, Path.cwd())
    ProofRecord(course).add(command.SEEDS, dict.fromkeys(SHIFTING, {}))
    prove()
    assert proving == SHIFTING


def test_a_proof_with_fewer_seeds_does_not_do(proving: list[str]) -> None:
    released = load_assignment(tiny.NAME)
    ProofRecord(released).add(command.SEEDS - 1, dict.fromkeys(SCALING, {}))
    prove()
    assert proving == [*SCALING, *SHIFTING]


def test_a_surprise_ends_it(proving: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def surprised(proof: object, costs: bool) -> None:
        raise Surprise("1 surprises; see above.")

    monkeypatch.setattr(command, "_report", surprised)
    with pytest.raises(Surprise):
        prove()
