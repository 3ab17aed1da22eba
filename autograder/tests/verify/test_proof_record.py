from pathlib import Path

import pytest

from autograder.assignment.load import load_assignment
from autograder.assignment.model import Assignment
from autograder.errors import BadInput
from autograder.tests import tiny
from autograder.verify.proof_record import ProofRecord


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The tiny set with a second problem, both proved with five seeds."""
    folder = tiny.write(tmp_path)
    tiny.add_problem(folder, "shifting", "second-")
    tiny.edit(folder, "assignment.toml", 'core = ["scaling"]', 'core = ["scaling", "shifting"]')
    assignment = load(folder)
    for problem in assignment.problems:
        ProofRecord(assignment).add(problem, 5, lies=0.5)
    return folder


def load(folder: Path) -> Assignment:
    return load_assignment(tiny.NAME, folder.parents[1])


def proved(folder: Path, seeds: int = 5) -> list[str]:
    """The problems that need no new proof."""
    assignment = load(folder)
    record = ProofRecord(assignment)
    return [problem.name for problem in assignment.problems if record.find(problem, seeds)]


def test_what_was_proved_and_has_not_changed_is_known(folder: Path) -> None:
    assignment = load(folder)
    found = ProofRecord(assignment).find(assignment.problem("scaling"), 3)
    assert found is not None
    assert (found.seeds, found.lies) == (5, 0.5) and len(found.date) == len("2026-01-01")


def test_more_seeds_than_were_tried_ask_for_a_new_proof(folder: Path) -> None:
    assert proved(folder, seeds=6) == []


@pytest.mark.parametrize(
    "change",
    [
        ("shifting/test_hidden.py", "(4, 7)", "(4, 8)"),
        ("shifting/problem.toml", "points = 3", "points = 4"),
        ("shifting/right/einsum.py", "Multiplies with", "Multiplies by"),
    ],
)
def test_a_change_in_a_problems_folder_asks_for_its_proof_alone(folder: Path, change: tuple[str, str, str]) -> None:
    tiny.edit(folder, *change)
    assert proved(folder) == ["scaling"]


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


def test_a_proof_of_one_problem_keeps_that_of_others(folder: Path) -> None:
    tiny.edit(folder, "shifting/test_hidden.py", "(4, 7)", "(4, 8)")
    assignment = load(folder)
    ProofRecord(assignment).add(assignment.problem("shifting"), 5)
    assert proved(folder) == ["scaling", "shifting"]


def test_a_damaged_record_is_named(folder: Path) -> None:
    (folder.parents[1] / ".autograder" / f"{tiny.NAME}.proved.json").write_text("[1]")
    with pytest.raises(BadInput, match=r"tinyset\.proved\.json is damaged .* delete it"):
        ProofRecord(load(folder))
