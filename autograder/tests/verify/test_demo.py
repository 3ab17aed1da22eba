"""The made class, graded as the demo grades it, on a tiny assignment of two problems."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from autograder.assignment.model import Assignment
from autograder.course_folders import CourseFolders
from autograder.results import ReportStatus, ResultFolder
from autograder.tests import marking, tiny
from autograder.verify import demo
from autograder.verify.demo import Row
from autograder.verify.made_class import Member, class_of, members, texts

pytestmark = pytest.mark.slow

SECOND = "offset"


def write_two_problems(root: Path) -> None:
    """The tiny assignment with a second problem: the first with other ids and the same file names."""
    folder = tiny.write(root)
    tiny.edit(folder, "assignment.toml", f'core = ["{tiny.PROBLEM}"]', f'core = ["{tiny.PROBLEM}", "{SECOND}"]')
    tiny.edit(folder, "assignment.toml", "call_seconds = 2", "call_seconds = 1")
    tiny.add_problem(folder, SECOND, "second-")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, one_thread: None) -> tuple[Assignment, list[Member]]:
    root = tmp_path_factory.mktemp("course")
    write_two_problems(root)
    (root / "demo" / "old").mkdir(parents=True)
    (root / "demo" / "assignments").symlink_to(root / "assignments")  # as an earlier demo left it
    return demo.prepare(root, tiny.NAME, root / "demo")


@pytest.fixture(scope="module")
def graded(made: tuple[Assignment, list[Member]]) -> tuple[list[Row], Path]:
    return demo.run(*made, workers=2, on_done=lambda done: None)


def test_the_folder_is_emptied_first_and_leads_to_the_sources(made: tuple[Assignment, list[Member]]) -> None:
    root = made[0].root
    assert not (root / "old").exists()
    assert (root / "assignments").resolve() == root.parent / "assignments"
    assert (root / "release" / tiny.NAME / tiny.NOTEBOOK).is_file()


def test_every_submission_gets_the_grade_it_must(graded: tuple[list[Row], Path]) -> None:
    assert {row.member.name: row.complaints for row in graded[0] if row.complaints} == {}


def test_the_class_holds_every_kind_of_submission(made: tuple[Assignment, list[Member]]) -> None:
    names = {member.name for member in made[1]}
    assert names >= {
        "reference", "half-way", "untouched", "another-way", "crashes", "endless-loop", "tiny-scale-adds",
        "second-scale-adds", "deleted-cell",
        "duplicated-cell", "renamed-file", "broken-json", "missing-notebook", "hostile-figure", "inflates-points",
        "equals-everything", "leaves-early", "reads-the-tests",
    }  # fmt: skip
    assert len(names) == len(made[1])


def test_each_member_says_what_it_is_and_why_its_grade_is_right(made: tuple[Assignment, list[Member]]) -> None:
    assert all(member.what and member.why for member in made[1])


def test_results_gradebook_and_feedback_stand_in_the_demos_folder(graded: tuple[list[Row], Path]) -> None:
    rows, index = graded
    root = index.parents[1]
    assert index.is_file() and (root / "gradebook.db").is_file()
    students = {row.member.name for row in rows}
    assert {
        report.student for report in ResultFolder(root / "results" / tiny.NAME, CourseFolders(root).state).all()
    } == students
    assert {path.name for path in (root / "feedback").iterdir() if path.is_dir()} >= students


def test_half_an_upload_leaves_the_other_notebook_graded(graded: tuple[list[Row], Path]) -> None:
    report = next(row.report for row in graded[0] if row.member.name == "broken-json")
    assert (report.status, report.auto_score) == ("partly graded", 5.0)


def complaints(member: Member, **report: object) -> list[str]:
    graded = dataclasses.replace(marking.report("ada"), **report)  # type: ignore[arg-type]
    return list(member.complaints(graded, None))  # type: ignore[arg-type]


def test_a_grade_that_differs_from_the_expected_one_is_complained_of() -> None:
    member = Member("ada", "", "", {}, scores={"tiny-scale": 0.0})
    assert complaints(member) == ["tiny-scale got 3.0 of 3.0, not 0.0"]


def test_full_marks_are_complained_of_where_they_must_be_less() -> None:
    member = Member("ada", "", "", {}, below=frozenset({"tiny-scale"}))
    assert complaints(member) == ["tiny-scale got 3.0 of 3.0, which should be less"]


def test_a_state_or_a_note_that_is_missing_is_complained_of() -> None:
    member = Member("ada", "", "", {}, says="appears twice", state=ReportStatus.NOT_GRADED)
    assert complaints(member) == ["is graded (None), not not graded", "no note says 'appears twice'"]


def test_an_ordinary_class_has_every_fourth_right_and_each_other_one_mistake(
    made: tuple[Assignment, list[Member]],
) -> None:
    assignment = made[0]
    reference = next(class_of(assignment, 1))
    right = []
    for number, books in enumerate(class_of(assignment, 9)):
        pairs = [
            (mine, theirs)
            for file in reference
            for mine, theirs in zip(books[file]["cells"], reference[file]["cells"], strict=True)
        ]
        changed = [mine["id"] for mine, theirs in pairs if mine["source"] != theirs["source"]]
        assert len(changed) <= 1
        right += [number] if not changed else []
    assert right == [0, 4, 8]


def test_a_member_without_a_second_problem_has_no_missing_notebook(tmp_path: Path) -> None:
    single = marking.without_gradebook(tmp_path)
    people = {member.name: member for member in members(single)}
    assert "missing-notebook" not in people
    assert people["broken-json"].state == "not graded"
    assert texts(next(class_of(single, 1))).keys() == {tiny.NOTEBOOK}
