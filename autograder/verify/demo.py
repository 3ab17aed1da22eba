"""The whole job on a made class: build, submit, grade, gradebook, feedback, table; and a check of every grade."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from autograder.assignment.load import load_assignment
from autograder.assignment.model import Assignment
from autograder.build import build
from autograder.course_folders import CourseFolders
from autograder.errors import BadInput
from autograder.grading.class_folder import submissions
from autograder.grading.grade_class import Done, grade_class
from autograder.grading.seed import course_seed
from autograder.marks import feedback_pages, gradebook
from autograder.marks.gradebook_reader import CellMarks, read_gradebook
from autograder.result_layout import result_folder
from autograder.results import Report
from autograder.verify.made_class import Member, link_course, members


@dataclass(frozen=True)
class Row:
    """One made submission, its report, and how its grade differs from what it must be (not at all, if all is well)."""

    member: Member
    report: Report
    complaints: tuple[str, ...]


def prepare(root: Path, name: str, folder: Path) -> tuple[Assignment, list[Member]]:
    """Build the release, and set up a course with a made class in `folder`, which is emptied first."""
    _refuse_to_empty(folder, root)
    build.build(name, root)
    if folder.exists():
        shutil.rmtree(folder)
    link_course(root, folder)
    assignment = load_assignment(name, folder)
    people = members(assignment)
    for member in people:
        member.write(CourseFolders(folder).submitted, name)
    return assignment, people


def _refuse_to_empty(folder: Path, root: Path) -> None:
    """BadInput where the folder holds anything but an earlier demo of this course."""
    theirs, ours = CourseFolders(folder).assignments, CourseFolders(root).assignments
    is_demo = theirs.is_symlink() and theirs.resolve() == ours.resolve()
    if folder.is_symlink() or (folder.exists() and not is_demo and any(folder.iterdir())):
        raise BadInput(f"--into {folder} would be emptied, and is no earlier demo of this course: give a new folder")


def run(
    assignment: Assignment, people: list[Member], *, workers: int, on_done: Callable[[Done], None]
) -> tuple[list[Row], Path]:
    """Grade the class into gradebook and feedback; the rows, and the page to open."""
    course = assignment.course
    results = result_folder(course.results, assignment.name, course)
    done = grade_class(
        assignment,
        submissions(course.submitted, assignment.name, course).folders,
        results.path,
        seed=course_seed(assignment),
        workers=workers,
        allow_weak=True,  # these submissions are our own
        on_done=on_done,
    )
    reports = {item.report.student: item.report for item in done}
    gradebook.write(assignment, results, submitted=course.submitted)
    marks = read_gradebook(course.gradebook, assignment.name)
    pages = feedback_pages.write(assignment, results)
    rows = []
    for member in people:
        report = reports[member.name]
        found = [
            *member.complaints(report, assignment),
            *_written(member, marks[member.name], assignment),
            *_script_in(course.feedback / member.name),
        ]
        rows.append(Row(member, report, tuple(found)))
    return rows, pages.index


def _written(member: Member, marks: dict[str, CellMarks], assignment: Assignment) -> Iterator[str]:
    """How the untouched written answers differ from 0 points, and any other ones from a mark that a person gives."""
    wanted = {"reference": None, "untouched": 0.0}
    for answer in assignment.manifest.answers if member.name in wanted else ():
        if (got := marks[answer.id].auto) != wanted[member.name]:
            yield f"{answer.id} got {got} before anybody marked it, not {wanted[member.name]}"


def _script_in(folder: Path) -> list[str]:
    pages = {path.name: path.read_text(encoding="utf-8") for path in folder.rglob("*.html")}
    return [f"script reached {name}" for name, text in pages.items() if "owned'</script>" in text]
