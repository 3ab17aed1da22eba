from pathlib import Path

import pytest

from autograder.assignment.load import load_assignment
from autograder.assignment.model import Assignment
from autograder.errors import BadInput
from autograder.tests import tiny
from autograder.verify.empty_answers import Earned
from autograder.verify.proof_record import ProofRecord

SCALING, SHIFTING = ["tiny-scale", "tiny-scaler"], ["second-scale", "second-scaler"]
EARNED = {("zeros", "ones"): Earned(0.5, 3, ("scaling/test_public.py::test_one",))}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The tiny set with a second problem, both proved with five seeds."""
    folder = tiny.write(tmp_path)
    tiny.add_problem(folder, "shifting", "second-")
    tiny.edit(folder, "assignment.toml", 'core = ["scaling"]', 'core = ["scaling", "shifting"]')
    ProofRecord(load(folder)).add(5, {name: EARNED for name in (*SCALING, *SHIFTING)})
    return folder


def load(folder: Path) -> Assignment:
    return load_assignment(tiny.NAME, folder.parents[1])


def proved(folder: Path, seeds: int = 5) -> list[str]:
    """The exercises that need no new proof."""
    assignment = load(folder)
    record = ProofRecord(assignment)
    return [exercise.id for exercise in assignment.manifest.exercises if record.find(exercise.id, seeds)]


def test_what_was_proved_and_has_not_changed_is_known(folder: Path) -> None:
    found = ProofRecord(load(folder)).find("tiny-scale", 3)
    assert found is not None
    assert found.seeds == 5 and found.earned == EARNED and len(found.date) == len("2026-01-01")


def test_more_seeds_than_were_tried_ask_for_a_new_proof(folder: Path) -> None:
    assert proved(folder, seeds=6) == []


@pytest.mark.parametrize(
    ("change", "left"),
    [
        (("test_hidden.py", "3 * number", "3.0 * number"), ["second-scaler"]),
        (("test_hidden.py", "start=4.0", "start=5.0"), []),  # answers to the first are run with these
        (("test_hidden.py", "scaling = exercise", "\n# a remark\nscaling = exercise"), SHIFTING),
        (("problem.toml", "points = 3", "points = 4"), ["second-scaler"]),
        (("right/einsum.py", "Multiplies with", "Multiplies by"), ["second-scaler"]),
        (("right/scaler_alone.py", "values / self", "values * 1 / self"), ["second-scale"]),
        (("wrong/second-scaler.toml", "values * self", "values + self"), ["second-scale"]),
        (("wrong/second-scale.toml", "values + factor", "values - factor"), []),  # right answers stood beside it
        (("notebook.py", "return scaled_by", "return +scaled_by"), []),
        (("test_helpers.py", "float(value)", "1.0 * value"), []),
        (("notebook.py", "One sentence.", "Two sentences."), SHIFTING),
        (("rubric.md", "Full mark", "All marks"), SHIFTING),
    ],
)
def test_a_change_asks_for_the_proof_of_the_exercises_that_it_concerns_alone(
    folder: Path, change: tuple[str, str, str], left: list[str]
) -> None:
    tiny.edit(folder, f"shifting/{change[0]}", *change[1:])
    assert proved(folder) == [*SCALING, *left]


def test_a_change_in_the_library_asks_for_every_proof(folder: Path) -> None:
    tiny.edit(folder, "tinylib/shapes.py", "return 2 * values", "return 3 * values")
    assert proved(folder) == []


def test_a_lesson_is_a_part_of_the_library(folder: Path) -> None:
    (folder / "scaling" / "lesson").mkdir()
    (folder / "scaling" / "lesson" / "__init__.py").write_text("")
    assert proved(folder) == []


def test_the_time_for_a_call_is_a_part_of_the_proof(folder: Path) -> None:
    tiny.edit(folder, "assignment.toml", "call_seconds = 2", "call_seconds = 4")
    assert proved(folder) == []


def test_another_version_of_torch_asks_for_every_proof(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autograder.verify.proof_record.of_the_installation", lambda: "torch==0.0")
    assert proved(folder) == []


def test_a_proof_of_one_exercise_keeps_that_of_others(folder: Path) -> None:
    tiny.edit(folder, "shifting/test_hidden.py", "3 * number", "3.0 * number")
    ProofRecord(load(folder)).add(5, {"second-scale": EARNED})
    assert proved(folder) == [*SCALING, *SHIFTING]


def test_what_changes_while_it_is_proved_is_not_proved(folder: Path) -> None:
    record = ProofRecord(load(folder))
    record.begin(SHIFTING)
    tiny.edit(folder, "shifting/test_hidden.py", "3 * number", "3.0 * number")
    record.add(5, {name: EARNED for name in SHIFTING})
    assert proved(folder) == [*SCALING, "second-scaler"]


def test_a_damaged_record_is_named(folder: Path) -> None:
    (folder.parents[1] / ".autograder" / f"{tiny.NAME}.proved-exercises.json").write_text("[1]")
    with pytest.raises(BadInput, match=r"tinyset\.proved-exercises\.json is damaged .* delete it"):
        ProofRecord(load(folder))
