"""Which folders are a class, which are not, and that no name stops anybody else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from autograder.course_folders import CourseFolders
from autograder.errors import BadInput
from autograder.grading import class_folder
from autograder.grading.class_folder import ClassFolder, sorted_out, submission_of, submissions
from autograder.results import ResultFolder


@pytest.fixture
def course(tmp_path: Path) -> CourseFolders:
    """A course with a release that holds a library of the assignment's name, and one submission."""
    made = CourseFolders(tmp_path / "course")
    for folder in ("assignments/ps3", "source/ps3", "release/ps3/ps3", "release/ps3/tests", "submitted/ada/ps3"):
        (made.root / folder).mkdir(parents=True)
    for file in ("assignments/ps3/assignment.toml", "release/ps3/tests/manifest.json", "submitted/ada/ps3/1_a.ipynb"):
        (made.root / file).touch()
    return made


def found(course: CourseFolders, folder: str = "submitted", student: str | None = None) -> ClassFolder:
    return submissions(course.root / folder, "ps3", course, student)


def hand_in(course: CourseFolders, name: str, inner: str = "ps3") -> Path:
    folder = course.submitted / name / inner
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "1_a.ipynb").touch()
    return folder


def test_every_student_with_a_folder_of_the_assignment_is_found(course: CourseFolders) -> None:
    hand_in(course, "bob")
    hand_in(course, "cy", "ps2")
    assert found(course) == ClassFolder({name: course.submitted / name / "ps3" for name in ("ada", "bob")})
    assert submission_of("bob", course.submitted, "ps3", course) == course.submitted / "bob" / "ps3"


@pytest.mark.parametrize(
    ("folder", "message"),
    [
        ("nowhere", "no folder .*DIR/<student>/ps3/"),
        ("release", "part of release/.*DIR/<student>/ps3/"),
        ("release/ps3", "part of release/"),
        ("source", "part of source/"),
        ("assignments", "part of assignments/"),
        ("assignments/ps3", "part of assignments/"),
        (".", "the course's own folder"),
        ("..", "the course's own folder"),
        ("submitted/..", "the course's own folder"),
        ("submitted/ada", "folder of one student: give the one above, and --student ada"),
        ("submitted/ada/ps3", "one submission: give .*submitted/ and --student ada"),
    ],
)
def test_a_folder_that_is_no_class_is_refused(course: CourseFolders, folder: str, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        found(course, folder)


@pytest.mark.parametrize("marker", ["assignment.toml", "tests/manifest.json"])
def test_another_courses_folder_is_no_class_either(course: CourseFolders, tmp_path: Path, marker: str) -> None:
    path = tmp_path / "elsewhere" / "ps3" / marker
    path.parent.mkdir(parents=True)
    path.touch()
    with pytest.raises(BadInput, match="holds an assignment of a course"):
        submissions(tmp_path / "elsewhere", "ps3", course)


def test_a_class_without_the_student_or_without_anybody_is_named(course: CourseFolders, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="ben/ps3"):
        found(course, student="ben")
    (course.root / "late").mkdir()
    with pytest.raises(BadInput, match="<student>/ps3"):
        found(course, "late")


NAMES = [".hidden", "bad\udcff", "two\nlines", "tab\t", "\u202eevil", "a\u200bb", " ada", "ada ", "ps3", "ps3.html"]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_stands_for_nobody_is_told_and_stops_nobody_else(course: CourseFolders, name: str) -> None:
    hand_in(course, name)
    both = found(course)
    assert list(both.folders) == ["ada"]
    assert list(both.left) == [repr(name)] and both.left[repr(name)].endswith("rename it")
    with pytest.raises(BadInput, match="rename it"):
        submission_of(name, course.submitted, "ps3", course)


@pytest.mark.parametrize("name", [".ipynb_checkpoints", "__pycache__"])
def test_what_tools_leave_behind_is_nobody(course: CourseFolders, name: str) -> None:
    hand_in(course, name)
    assert found(course).left == {}


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("bob/PS3/1_a.ipynb", "make it a folder called ps3"),
        ("bob/ps3 /1_a.ipynb", "make it a folder called ps3"),
        ("bob/ps3", "make it a folder called ps3"),
        ("bob/1_a.ipynb", "move them into bob/ps3/"),
        ("bob/ps3.zip", "move them into bob/ps3/"),
    ],
)
def test_work_in_the_wrong_place_is_told(course: CourseFolders, path: str, told: str) -> None:
    (course.submitted / path).parent.mkdir(parents=True)
    (course.submitted / path).touch()
    assert list(found(course).folders) == ["ada"]
    assert told in found(course).left["'bob'"]


@pytest.mark.parametrize("name", ["bob.zip", "1_a.ipynb"])
def test_a_file_beside_the_students_is_told(course: CourseFolders, name: str) -> None:
    (course.submitted / name).touch()
    assert "move it into <student>/ps3/" in found(course).left[repr(name)]


def test_a_students_folder_that_cannot_be_read_is_told(course: CourseFolders, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(folder: Path) -> bool:
        raise PermissionError(13, "Permission denied")

    (course.submitted / "bob").mkdir()
    monkeypatch.setattr(class_folder, "_hands_in", refuse)
    assert "cannot be read (Permission denied)" in found(course).left["'bob'"]


@pytest.mark.parametrize("length", [251, 252, 255])
def test_a_name_too_long_for_a_result_is_told_and_stops_nobody_else(course: CourseFolders, length: int) -> None:
    name = "x" * length
    hand_in(course, name)
    storable = found(course).storable(ResultFolder(course.results / "ps3", course.state))
    assert list(storable.folders) == ["ada"]
    assert "File name too long" in storable.left[repr(name)]


def test_a_name_of_the_longest_file_can_be_stored(course: CourseFolders) -> None:
    hand_in(course, "é" * 125)
    assert found(course).storable(ResultFolder(course.results / "ps3", course.state)).left == {}


def test_where_case_does_not_count_the_second_of_two_is_told(
    course: CourseFolders, monkeypatch: pytest.MonkeyPatch
) -> None:
    hand_in(course, "Ada")
    results = ResultFolder(course.results / "ps3", course.state)
    assert set(found(course).storable(results).folders) == {"Ada", "ada"}
    monkeypatch.setattr(class_folder, "_ignores_case", lambda folder: True)
    storable = found(course).storable(results)
    assert list(storable.folders) == ["Ada"] and "from Ada" in storable.left["'ada'"]


def test_nbgraders_list_of_folders_is_sorted_out_the_same(course: CourseFolders) -> None:
    paths = [hand_in(course, name) for name in ("bob", ".dot", "new\nline")]
    both = sorted_out(paths, "ps3")
    assert list(both.folders) == ["bob"] and set(both.left) == {"'.dot'", "'new\\nline'"}
    assert os.listdir(course.submitted / "bob") == ["ps3"]


LINKS = {
    "the student's folder": ("eve", "elsewhere/eve"),
    "the student's folder, to another student's": ("eve", "course/submitted/ada"),
    "the student's folder, inside the class": ("eve", "ada"),
    "the student's folder, to nowhere": ("eve", "nowhere"),
    "the assignment's folder": ("eve/ps3", "elsewhere/eve/ps3"),
    "the assignment's folder, to another student's": ("eve/ps3", "../ada/ps3"),
    "the assignment's folder, to nowhere": ("eve/ps3", "nowhere"),
    "the assignment's folder, to a file": ("eve/ps3", "course/submitted/ada/ps3/1_a.ipynb"),
    "the assignment's folder, to itself": ("eve/ps3", "ps3"),
}


@pytest.mark.parametrize("what", LINKS)
def test_a_link_in_place_of_a_folder_is_not_followed_and_told(course: CourseFolders, what: str) -> None:
    place, target = LINKS[what]
    (course.root.parent / "elsewhere" / "eve" / "ps3").mkdir(parents=True)
    link = course.submitted / place
    link.parent.mkdir(exist_ok=True)
    outside = target.startswith(("elsewhere", "course"))
    link.symlink_to(course.root.parent / target if outside else Path(target))
    both = found(course)
    assert list(both.folders) == ["ada"]
    assert both.left == {"'eve'": f"{link} is a link: put the folder itself there"}
    with pytest.raises(BadInput, match="is a link"):
        submission_of("eve", course.submitted, "ps3", course)


def test_the_class_itself_may_be_a_link_and_links_to_something_else_are_nobody(course: CourseFolders) -> None:
    moved = course.submitted.rename(course.root.parent / "shared")
    course.submitted.symlink_to(moved)
    (course.submitted / "readme").symlink_to(course.root / "assignments" / "ps3")
    (course.submitted / "other.txt").symlink_to(course.submitted / "ada" / "ps3" / "1_a.ipynb")
    assert found(course) == ClassFolder({"ada": course.submitted / "ada" / "ps3"})


def test_nbgraders_way_to_a_submission_follows_no_link_either(course: CourseFolders) -> None:
    (course.submitted / "eve").symlink_to(course.submitted / "ada")
    both = sorted_out([course.submitted / name / "ps3" for name in ("ada", "eve")], "ps3")
    assert list(both.folders) == ["ada"] and "is a link" in both.left["'eve'"]
