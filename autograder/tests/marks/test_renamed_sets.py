"""What people gave is carried, or named, where a set or a student's folder has another name."""

from pathlib import Path

import pytest

from autograder.assignment.load import load_assignment
from autograder.assignment.model import Assignment
from autograder.build import build
from autograder.errors import BadInput
from autograder.marks import gradebook
from autograder.marks.gradebook_reader import read_gradebook
from autograder.marks.standings import standings
from autograder.marks.without_work import remarks
from autograder.results import ResultFolder
from autograder.tests import marking, tiny
from autograder.tests.marks.test_gradebook import mark, write


@pytest.fixture
def marked(tinyset: Assignment) -> Assignment:
    write(tinyset, marking.report("ada"), marking.report("bob"))
    mark(tinyset, "ada", "tiny-why", 1.0, comment="Well put.")
    return tinyset


def renamed(made: Assignment, was: str = "") -> Assignment:
    """The set under another name, built. was: a line for assignment.toml."""
    folder = made.folder.rename(made.course.assignments / "newset")
    if was:
        tiny.edit(folder, "assignment.toml", "extra = []\n", f"extra = []\n{was}\n")
    build.build("newset", made.root)
    return load_assignment("newset", made.root)


def manual(made: Assignment, name: str) -> float | None:
    return read_gradebook(made.course.gradebook, name).get("ada", {})["tiny-why"].manual


def test_a_renamed_set_without_a_word_is_refused_and_names_the_marks(marked: Assignment) -> None:
    made = renamed(marked)
    with pytest.raises(BadInput) as caught:
        gradebook.bring_in_line(made)
    for part in (
        "ada: tiny-why has a mark of 1",
        "ada: tiny-why has a comment",
        'write was = "tinyset" in',
        "was = []",
    ):
        assert part in str(caught.value)
    assert manual(marked, "tinyset") == 1.0


def test_a_set_that_says_what_it_was_keeps_marks_and_comments(marked: Assignment) -> None:
    made = renamed(marked, 'was = "tinyset"')
    gradebook.bring_in_line(made)
    assert manual(made, "newset") == 1.0
    assert read_gradebook(made.course.gradebook, "newset")["ada"]["tiny-why"].comment == "Well put."


def test_a_set_that_says_it_was_none_leaves_the_others_marks_alone(marked: Assignment) -> None:
    made = renamed(marked, "was = []")
    gradebook.bring_in_line(made)
    assert manual(marked, "tinyset") == 1.0
    assert read_gradebook(made.course.gradebook, "newset") == {}


def test_a_mark_of_what_a_set_has_no_more_is_named_before_anything_is_summed_without_it(marked: Assignment) -> None:
    for file in ("problem.toml", "notebook.py", "rubric.md"):
        path = marked.folder / tiny.PROBLEM / file
        path.write_text(path.read_text().replace("tiny-why", "tiny-because"))
    manifest = load_assignment(tiny.NAME, marked.root).manifest
    results = ResultFolder(marked.course.results / tiny.NAME, marked.course.state)
    with pytest.raises(
        BadInput, match=r"ada: tiny-why has a mark of 1 and a comment\n.*run `autograder grade tinyset`"
    ):
        standings(manifest, results, marked.course.gradebook)


def test_a_student_whose_folder_is_gone_keeps_the_mark_and_is_named_with_whose_work_is_the_same(
    marked: Assignment, tmp_path: Path
) -> None:
    results = ResultFolder(tmp_path / "results/tinyset", marked.course.state)
    for name in ("ada", "ada.l"):
        results.write(marking.report(name, submission="sha256:1"), [], {})
    (told,) = remarks(marked.course.gradebook, tiny.NAME, results, ["ada.l", "bob"])
    assert told == (
        "ada: tiny-why has a mark of 1 and a comment, kept, but ada/tinyset/ is gone: was it renamed?; "
        "ada.l has handed in the same: give the folder its old name"
    )
    assert list(remarks(marked.course.gradebook, tiny.NAME, results, ["ada", "bob"])) == []
