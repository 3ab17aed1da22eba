"""Problems that are written and not released: proved in a course of their own, which leaves the release alone."""

from pathlib import Path

import pytest

from autograder.assignment.model import Assignment
from autograder.build import build, copies
from autograder.build.every_problem import with_every_problem, with_extras
from autograder.errors import CourseError
from autograder.files import files_under
from autograder.tests import tiny


@pytest.fixture
def root(sources: Path) -> Path:
    """A course whose set releases one problem and has two more in its folder."""
    tiny.add_problem(sources, "shifting", "second-")
    tiny.add_problem(sources, "adding", "third-")
    return sources.parent.parent


def names(assignment: Assignment) -> list[str]:
    return [problem.name for problem in assignment.problems]


def test_every_problem_of_the_folder_is_there_the_released_ones_first(root: Path) -> None:
    assignment = with_every_problem(tiny.NAME, root)
    assert names(assignment) == [tiny.PROBLEM, "adding", "shifting"]
    assert [problem.notebook_file for problem in assignment.problems][1:] == [
        "extra_adding.ipynb", "extra_shifting.ipynb",
    ]  # fmt: skip


def test_extras_keep_the_order_in_which_the_set_names_them(root: Path) -> None:
    tiny.edit(root / "assignments" / tiny.NAME, "assignment.toml", "extra = []", 'extra = [\n  "shifting",\n]')
    assert names(with_every_problem(tiny.NAME, root)) == [tiny.PROBLEM, "shifting", "adding"]


def test_nothing_of_the_course_itself_changes(root: Path) -> None:
    build.build(tiny.NAME, root)
    before = {path: data for path, data in files_under(root).items() if not path.startswith(".autograder/")}
    copies.refresh(with_every_problem(tiny.NAME, root))
    after = {path: data for path, data in files_under(root).items() if not path.startswith(".autograder/")}
    assert after == before


def test_the_other_course_follows_what_changes_is_added_and_goes(root: Path, tmp_path: Path) -> None:
    folder = root / "assignments" / tiny.NAME
    with_extras(tiny.NAME, root, tmp_path / "other", ["adding"])
    (folder / "data" / "new.txt").write_text("new")
    (folder / "data" / "numbers.txt").unlink()
    tiny.edit(folder, "adding/problem.toml", 'title = "Adding"', 'title = "Summing"')
    assignment = with_extras(tiny.NAME, root, tmp_path / "other", ["adding"])
    assert assignment.problem("adding").title == "Summing"
    assert {path.name for path in (assignment.folder / "data").iterdir()} == {"SHA256SUMS", "new.txt"}


def test_an_extra_that_is_not_there_is_named(root: Path, tmp_path: Path) -> None:
    with pytest.raises(CourseError, match="names problem 'missing'"):
        with_extras(tiny.NAME, root, tmp_path / "other", ["missing"])
