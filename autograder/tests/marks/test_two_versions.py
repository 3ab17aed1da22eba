"""An extra joins a set that is out: everything that students have and staff gave stays."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from nbgrader import api

from autograder.assignment import released as released_notebooks
from autograder.assignment.load import load_assignment
from autograder.build import build
from autograder.grading.class_folder import submissions
from autograder.grading.grade_class import grade_class
from autograder.grading.seed import course_seed
from autograder.marks import gradebook
from autograder.result_layout import result_folder
from autograder.tests import released, tiny

EXTRA = "extra_shifting.ipynb"


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Version 1.0 graded and marked, then version 1.1 with an extra built and graded."""
    before = torch.get_num_threads()
    root = tmp_path_factory.mktemp("course")
    folder = tiny.write(root)
    build.build(tiny.NAME, root)
    shutil.copytree(root / "release", root / "release-1.0")
    hand_in(root, "ada", tiny.NOTEBOOK)
    grade(root)
    mark(root)
    shutil.copytree(root / "autograded", root / "autograded-1.0")
    tiny.add_problem(folder, "shifting", "second-")
    tiny.edit(folder, "assignment.toml", "extra = []", 'extra = ["shifting"]')
    tiny.edit(folder, "assignment.toml", 'version = "1.0"', 'version = "1.1"')
    build.build(tiny.NAME, root)
    hand_in(root, "bob", tiny.NOTEBOOK, EXTRA)
    grade(root)
    yield root
    torch.set_num_threads(before)


def hand_in(root: Path, student: str, *files: str) -> None:
    folder = root / "submitted" / student / tiny.NAME
    folder.mkdir(parents=True)
    for file in files:
        shutil.copy(root / "release" / tiny.NAME / file, folder)
    written = {"tiny_scale": released.SCALE, "tiny_scaler": released.SCALER, "tiny_why": f"{student} thinks so."}
    released.fill(folder / tiny.NOTEBOOK, **written)


def grade(root: Path) -> None:
    """What `autograder grade` does."""
    released_notebooks._read.cache_clear()
    assignment = load_assignment(tiny.NAME, root)
    results = result_folder(assignment.course.results, tiny.NAME, assignment.course)
    folders = submissions(assignment.course.submitted, tiny.NAME, assignment.course).folders
    seed = course_seed(assignment)
    grade_class(assignment, folders, results.path, seed=seed, workers=1, allow_weak=True)
    gradebook.write(assignment, results)


def opened(root: Path) -> Any:
    return api.Gradebook(f"sqlite:///{root}/gradebook.db")


def mark(root: Path) -> None:
    """What formgrader does where a TA types marks and comments."""
    with opened(root) as book:
        grade = book.find_grade("tiny-why", "1_scaling", tiny.NAME, "ada")
        grade.manual_score, grade.needs_manual_grade = 0.75, False
        check = book.find_grade("tiny-scale-check", "1_scaling", tiny.NAME, "ada")
        check.manual_score, check.extra_credit = 2.5, 0.25
        book.find_comment("tiny-why", "1_scaling", tiny.NAME, "ada").manual_comment = "Nearly: say which product."
        book.find_comment("tiny-scale", "1_scaling", tiny.NAME, "ada").manual_comment = "Fine."
        book.db.commit()


def grades_of(root: Path, student: str, notebook: str) -> dict[str, tuple[float | None, float | None, float | None]]:
    with opened(root) as book:
        submitted = book.find_submission_notebook(notebook, tiny.NAME, student)
        return {grade.name: (grade.auto_score, grade.manual_score, grade.extra_credit) for grade in submitted.grades}


def test_every_mark_and_comment_is_still_there(course: Path) -> None:
    assert grades_of(course, "ada", "1_scaling") == {
        "tiny-scale-check": (3.0, 2.5, 0.25),
        "tiny-scaler-check": (2.0, None, None),
        "tiny-why": (None, 0.75, None),
    }
    with opened(course) as book:
        comments = {
            name: book.find_comment(name, "1_scaling", tiny.NAME, "ada").comment for name in ("tiny-why", "tiny-scale")
        }
    assert comments == {"tiny-why": "Nearly: say which product.", "tiny-scale": "Fine."}


def test_no_mark_is_asked_for_again(course: Path) -> None:
    with opened(course) as book:
        waiting = {
            submission["student"]: submission["needs_manual_grade"]
            for submission in book.notebook_submission_dicts("1_scaling", tiny.NAME)
        }
    assert waiting == {"ada": False, "bob": True}


def test_the_extra_has_its_own_notebook_in_the_gradebook(course: Path) -> None:
    with opened(course) as book:
        assert {notebook.name for notebook in book.find_assignment(tiny.NAME).notebooks} == {
            "1_scaling",
            "extra_shifting",
        }
        assert book.find_submission(tiny.NAME, "bob").score == 5.0
    assert set(grades_of(course, "bob", "extra_shifting")) == {
        "second-scale-check",
        "second-scaler-check",
        "second-why",
    }


def test_a_notebook_that_was_not_handed_in_costs_the_one_that_was_nothing(course: Path) -> None:
    with opened(course) as book:
        assert book.find_submission(tiny.NAME, "ada").score == 2.5 + 0.25 + 2.0 + 0.75


def cells_of(path: Path) -> list[dict[str, Any]]:
    """A notebook's cells. Of the set-up, which knows its own version's files, the place and the id alone."""
    return [cell if cell["id"] != "setup" else {"id": cell["id"]} for cell in released.load(path)]


def test_nothing_that_was_out_is_renamed_renumbered_or_given_another_id(course: Path) -> None:
    old = course / "release-1.0" / tiny.NAME
    new = course / "release" / tiny.NAME
    assert {path.name for path in old.rglob("*.ipynb")} < {path.name for path in new.rglob("*.ipynb")}
    assert cells_of(old / tiny.NOTEBOOK) == cells_of(new / tiny.NOTEBOOK)


def test_the_notebook_that_was_marked_is_still_the_one_to_read(course: Path) -> None:
    place = Path("ada", tiny.NAME, tiny.NOTEBOOK)
    assert cells_of(course / "autograded" / place) == cells_of(course / "autograded-1.0" / place)
