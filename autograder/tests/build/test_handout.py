"""The handout tells what is released, and nothing of what is not."""

from pathlib import Path

import pytest

from autograder.assignment.load import load_assignment
from autograder.assignment.model import Assignment
from autograder.build import release_files
from autograder.build.every_problem import with_extras
from autograder.build.handout import handout
from autograder.errors import CourseError
from autograder.tests import tiny

SAID = """title = "Scaling"
time = "about 1 hour"
computing = "a minute"
[alphabet]
B = "batch"
Q = "bins"
[glossary]
scaling = "multiplying"
"""
SAID_BY_THE_EXTRA = """title = "Shifting"
time = "about 2 hours"
[alphabet]
Q = "queue rows"
V = "words"
[glossary]
scaling = "otherwise"
shift = "adding"
"""


@pytest.fixture
def folder(sources: Path) -> Path:
    """The tiny set with a problem `shifting` that is not released; both say something for the handout."""
    tiny.add_problem(sources, "shifting", "second-")
    tiny.edit(sources, f"{tiny.PROBLEM}/problem.toml", 'title = "Scaling"\n', SAID)
    tiny.edit(sources, "shifting/problem.toml", 'title = "Shifting"\n', SAID_BY_THE_EXTRA)
    tiny.edit(sources, "assignment.toml", "extra = []", "extra = []\n")
    path = sources / "assignment.toml"
    path.write_text(path.read_text() + '[alphabet]\nC = "channels"\n[glossary]\nseed = "decides what is drawn"\n')
    return sources


def with_shifting(folder: Path, tmp_path: Path) -> Assignment:
    return with_extras(tiny.NAME, folder.parents[1], tmp_path / "other", ["shifting"])


def lines(assignment: Assignment, part: str) -> list[str]:
    """The rows of a table, without its head."""
    return handout(assignment, f"{{{{{part}}}}}").splitlines()[2:]


def test_time_and_computing_are_told_of_each_released_notebook(folder: Path, tmp_path: Path) -> None:
    scaling = "| Scaling: `1_scaling.ipynb` | about 1 hour | a minute |"
    assert lines(load_assignment(tiny.NAME, folder.parents[1]), "notebooks") == [scaling]
    shifting = "| Shifting: `extra_shifting.ipynb` | about 2 hours |  |"
    assert lines(with_shifting(folder, tmp_path), "notebooks") == [scaling, shifting]


def test_points_are_told_of_each_released_problem(folder: Path, tmp_path: Path) -> None:
    assert not [row for row in lines(load_assignment(tiny.NAME, folder.parents[1]), "points") if "second-" in row]
    assert "| `second-scale` | 3 | checks |" in lines(with_shifting(folder, tmp_path), "points")


def test_a_letter_of_two_problems_is_explained_for_both(folder: Path, tmp_path: Path) -> None:
    alone = ["| `C` | channels |", "| `B` | batch (1) |", "| `Q` | bins (1) |"]
    assert lines(load_assignment(tiny.NAME, folder.parents[1]), "alphabet") == alone
    both = [*alone[:2], "| `Q` | bins (1); queue rows (Shifting) |", "| `V` | words (Shifting) |"]
    assert lines(with_shifting(folder, tmp_path), "alphabet") == both


def test_a_word_is_explained_once_by_the_first_problem_that_has_it(folder: Path, tmp_path: Path) -> None:
    alone = ["| scaling | multiplying (1) |", "| seed | decides what is drawn |"]
    assert lines(load_assignment(tiny.NAME, folder.parents[1]), "glossary") == alone
    assert lines(with_shifting(folder, tmp_path), "glossary") == [*alone, "| shift | adding (Shifting) |"]


@pytest.fixture
def packs(folder: Path) -> Path:
    for name in ("photos", "drawings"):
        (folder / "data" / name).mkdir()
        (folder / "data" / name / "list.txt").write_text(name)
    tiny.edit(folder, f"{tiny.PROBLEM}/problem.toml", "time =", 'data = ["photos"]\ntime =')
    tiny.edit(folder, "shifting/problem.toml", "time =", 'data = ["photos", "drawings"]\ntime =')
    return folder


def test_a_pack_of_data_ships_with_the_problems_that_need_it(packs: Path, tmp_path: Path) -> None:
    released = load_assignment(tiny.NAME, packs.parents[1])
    assert {path for path in release_files.copies(released) if path.startswith("data/")} == {
        "data/SHA256SUMS", "data/numbers.txt", "data/photos/list.txt",
    }  # fmt: skip
    assert release_files.unneeded_packs(released) == ["drawings"]
    both = with_shifting(packs, tmp_path)
    assert "data/drawings/list.txt" in release_files.copies(both) and not release_files.unneeded_packs(both)


def test_a_pack_that_is_not_there_is_named(packs: Path) -> None:
    tiny.edit(packs, f"{tiny.PROBLEM}/problem.toml", '"photos"', '"fotos"')
    with pytest.raises(
        CourseError, match=r"scaling/problem.toml:\d+: data names 'fotos', but there is no .*data/fotos/"
    ):
        load_assignment(tiny.NAME, packs.parents[1])
