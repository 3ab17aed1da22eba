"""Plain `nbgrader autograde` against `autograder grade`, on a class made of the real problem set."""

import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from autograder.assignment.load import load_assignment
from autograder.course_folders import CourseFolders
from autograder.grading.class_folder import submissions
from autograder.results import ResultFolder
from autograder.submission.read import read_submission
from autograder.verify.made_class import Member, link_course, members

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
BIN = Path(sys.executable).parent
NAME = "ps3"
LEFT = {"duplicated-cell", "renamed-file", "broken-json"}
TAKEN = {"half-way", "crashes", "missing-notebook", "hostile-figure"}  # and a mistake for each problem


def run(course, *command):
    environment = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": str(course)}
    return subprocess.run(
        [str(BIN / command[0]), *command[1:]], cwd=course, env=environment, text=True, capture_output=True
    )


def stored(course):
    """Student to cell to what the gradebook holds: automatic score, comment, and whether a person must look."""
    query = """select student_id, cell.name, auto_score, needs_manual_grade, comment.auto_comment from grade
    join base_cell cell on cell.id = grade.cell_id join submitted_notebook notebook on notebook.id = grade.notebook_id
    join submitted_assignment submission on submission.id = notebook.assignment_id
    left join comment on comment.notebook_id = grade.notebook_id and comment.cell_id = grade.cell_id"""
    found: dict[str, dict[str, tuple[object, ...]]] = {}
    with closing(sqlite3.connect(course / "gradebook.db")) as connection:
        for student, cell, *held in connection.execute(query):
            found.setdefault(student, {})[cell] = tuple(held)
    return found


def handed_on(course, student):
    return {path.name: path.read_text() for path in (course / "autograded" / student / NAME).glob("*")}


def one_of_each(people: list[Member]) -> list[Member]:
    """Of the made class: those named above, and the first mistake in each problem."""
    problem = {exercise.id: exercise.problem for exercise in load_assignment(NAME, ROOT).manifest.exercises}
    mistakes = {problem[exercise]: person for person in reversed(people) for exercise in person.below}
    return [person for person in people if person.name in LEFT | TAKEN or person in mistakes.values()]


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """Two courses with the same class and the same seed: graded by our command, and by nbgrader's; and the class."""
    ours, theirs = (tmp_path_factory.mktemp("course") / name for name in ("ours", "theirs"))
    link_course(ROOT, ours)
    people = one_of_each(members(load_assignment(NAME, ours)))
    for person in people:
        person.write(ours / "submitted", NAME)
    grade = run(ours, "autograder", "grade", NAME)
    assert grade.returncode == 8, grade.stderr  # one upload is broken
    link_course(ROOT, theirs)
    for part in ("submitted", ".autograder"):
        shutil.copytree(ours / part, theirs / part)
    return ours, theirs, people, run(theirs, "nbgrader", "autograde", NAME)


def test_the_class_holds_what_nbgrader_can_take_and_what_it_cannot(graded):
    ours, _, people, _ = graded
    manifest = load_assignment(NAME, ours).manifest
    folders = submissions(ours / "submitted", NAME, CourseFolders(ours)).folders
    assert len(people) == len(LEFT | TAKEN) + len(manifest.notebooks)
    assert {student for student, path in folders.items() if not read_submission(path, manifest).unchanged} == LEFT


def test_every_submission_gets_the_grade_it_must(graded):
    ours, _, people, _ = graded
    assignment, results = load_assignment(NAME, ours), ResultFolder(ours / "results" / NAME, CourseFolders(ours).state)
    assert {person.name: list(person.complaints(results.read(person.name), assignment)) for person in people} == {
        person.name: [] for person in people
    }


def test_both_commands_store_the_same_results_scores_and_notebooks(graded):
    ours, theirs, people, _ = graded
    for student in {person.name for person in people} - LEFT:
        mine, others = (
            ResultFolder(course / "results" / NAME, CourseFolders(course).state).read(student)
            for course in (ours, theirs)
        )
        assert mine is not None and others is not None and mine.key == others.key
        assert mine.exercises == others.exercises
        assert {test.id: test.status for test in mine.tests} == {test.id: test.status for test in others.tests}
        assert stored(theirs)[student] == stored(ours)[student]
        assert handed_on(theirs, student) == handed_on(ours, student) != {}


def test_nbgrader_leaves_the_others_without_a_score_names_the_command_and_goes_on(graded):
    _, theirs, people, done = graded
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert stored(theirs).keys() == {person.name for person in people}
    for student in LEFT:
        assert {score for score, *_ in stored(theirs)[student].values()} == {None}
        assert f"autograder grade {NAME} --student {student}" in done.stderr
