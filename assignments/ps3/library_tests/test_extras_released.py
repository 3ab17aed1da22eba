"""Extras released one by one and all together: everything that the core can do, it can do with them.

Built (which searches for leaks), checked and handed in at home, graded; all together also in the made class, by
nbgrader's own command, and in the benchmark. Tests of a class share its courses, so that each is built once.
"""

import json
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from autograder.assignment.load import load_assignment
from autograder.assignment.model import Assignment
from autograder.build import build
from autograder.build.every_problem import with_every_problem, with_extras
from autograder.course_folders import CourseFolders
from autograder.verify import demo
from autograder.verify.made_class import Member, class_of, link_course, members, texts

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[3]
NAME = "ps3"
PROBLEMS = with_every_problem(NAME, ROOT).problems
EXTRAS = [problem.name for problem in PROBLEMS if not problem.number]
BIN = Path(sys.executable).parent
# Of the made class, whom an extra could concern, and a mistake in each of them. All others go wrong in the core.
CLASS = {"reference", "half-way", "untouched", "another-way", "missing-notebook"}


@dataclass
class Course:
    """A course that releases some extras, and a folder with the release as a student has filled it: all right."""

    assignment: Assignment
    extras: list[str]
    home: Path

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        environment = {
            "PATH": f"{BIN}:/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "HOME": str(self.home),
            "OMP_NUM_THREADS": "1",
        }
        return subprocess.run(
            [sys.executable, "-m", *command], cwd=self.home, env=environment, text=True, capture_output=True
        )


def course_with(root: Path, extras: list[str]) -> Course:
    """Such a course under `root`, built."""
    with_extras(NAME, ROOT, root / "course", extras)
    made, _ = build.build(NAME, root / "course")
    home = root / "home" / NAME
    shutil.copytree(made.assignment.release, home)
    for name, text in right_notebooks(made.assignment).items():
        (home / name).write_text(text, encoding="utf-8")
    return Course(made.assignment, extras, home)


def right_notebooks(assignment: Assignment) -> dict[str, str]:
    """Every notebook with the reference's answers, as a submission's files."""
    return texts(next(class_of(assignment, 1)))


def notebooks(folder: Path) -> set[str]:
    return {path.name for path in folder.glob("*.ipynb")}


def cells(path: Path) -> list[tuple[str, str]]:
    """Id and text of each cell but the set-up cell, which knows the archive's hash."""
    found = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [(cell["id"], "".join(cell["source"])) for cell in found if cell["id"] != "setup"]


def whom_extras_concern(assignment: Assignment) -> list[Member]:
    """Of the made class: those named in CLASS, and the first with a mistake in each extra."""
    extra = {exercise.id: exercise.problem for exercise in assignment.manifest.exercises if exercise.problem in EXTRAS}
    people = members(assignment)
    mistakes = {extra[name]: person for person in reversed(people) for name in person.below if name in extra}
    chosen = [person for person in people if person.name in CLASS or person in mistakes.values()]
    assert len(chosen) == len(CLASS) + len(EXTRAS)
    return chosen


class EveryDoor:
    """What holds whatever is released."""

    def test_the_release_holds_the_core_and_what_is_named(self, course: Course) -> None:
        core = load_assignment(NAME, ROOT)
        wanted = notebooks(core.release) | {f"extra_{name}.ipynb" for name in course.extras}
        assert notebooks(course.assignment.release) == wanted
        library = course.assignment.library_folder
        assert library is not None
        lessons = {path.name for path in library.iterdir()}
        assert lessons.isdisjoint(set(EXTRAS) - set(course.extras)) and lessons >= set(course.extras)

    def test_the_notebooks_of_the_core_stay_as_they_are(self, course: Course) -> None:
        core = load_assignment(NAME, ROOT)
        for problem in core.problems:
            released = course.assignment.release / problem.notebook_file
            assert cells(released) == cells(core.release / problem.notebook_file), problem.name

    def test_only_the_data_that_is_needed_ships(self, course: Course) -> None:
        packs = {path.name for path in (course.assignment.release / "data").iterdir()}
        assert packs == {pack for problem in course.assignment.problems for pack in problem.packs}

    def test_the_handout_tells_what_is_released(self, course: Course) -> None:
        text = (course.assignment.release / "handout.md").read_text(encoding="utf-8")
        assert "{{" not in text
        for problem in PROBLEMS:
            released = problem.name in [item.name for item in course.assignment.problems]
            assert (problem.notebook_file in text) == released, problem.name
            assert all((f"`{exercise.id}`" in text) == released for exercise in problem.exercises), problem.name
            assert problem.handout.time and problem.handout.computing and problem.packs, problem.name

    def test_every_public_check_passes_at_home_on_right_answers(self, course: Course) -> None:
        tried = [f"tests/{name}" for name in course.extras]
        done = course.run("pytest", "-q", "-p", "no:cacheprovider", *tried)
        assert done.returncode == 0, done.stdout + done.stderr

    def test_what_is_packed_at_home_gets_full_marks(self, course: Course, tmp_path: Path) -> None:
        preview = course.run("kit", "preview")
        assert preview.returncode == 0 and "still a stub" not in preview.stdout.lower(), preview.stdout + preview.stderr
        packed = course.run("kit", "pack")
        assert packed.returncode == 0, packed.stdout + packed.stderr
        (archive,) = course.home.glob("*.zip")
        link_course(course.assignment.root, tmp_path / "graded")
        submitted = CourseFolders(tmp_path / "graded").submitted / "ada" / NAME
        submitted.mkdir(parents=True)
        shutil.copy(archive, submitted)
        graded = subprocess.run(
            [sys.executable, "-m", "autograder", "grade", NAME], cwd=tmp_path / "graded", text=True, capture_output=True
        )
        assert graded.returncode == 0, graded.stdout + graded.stderr
        result = json.loads((tmp_path / "graded" / "results" / NAME / "ada.json").read_text(encoding="utf-8"))
        manifest = course.assignment.manifest
        assert result["auto_score"] == result["auto_max"] == sum(exercise.points for exercise in manifest.exercises)
        assert {item["id"] for item in result["exercises"]} == {exercise.id for exercise in manifest.exercises}


class TestEachExtraAlone(EveryDoor):
    @pytest.fixture(scope="class", params=EXTRAS)
    @classmethod
    def course(cls, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Course:
        return course_with(tmp_path_factory.mktemp("alone"), [request.param])


class TestAllExtrasTogether(EveryDoor):
    @pytest.fixture(scope="class")
    @classmethod
    def course(cls, tmp_path_factory: pytest.TempPathFactory) -> Course:
        return course_with(tmp_path_factory.mktemp("together"), EXTRAS)

    def test_the_made_class_gets_the_grades_it_must(self, course: Course, tmp_path: Path) -> None:
        link_course(course.assignment.root, tmp_path / "demo")
        assignment = load_assignment(NAME, tmp_path / "demo")
        people = whom_extras_concern(assignment)
        for person in people:
            person.write(CourseFolders(tmp_path / "demo").submitted, NAME)
        rows, index = demo.run(assignment, people, workers=2, on_done=lambda done: None)
        assert index.is_file() and {row.member.name: row.complaints for row in rows if row.complaints} == {}

    def test_nbgraders_own_command_gives_full_marks(self, course: Course, tmp_path: Path) -> None:
        link_course(course.assignment.root, tmp_path / "graded")
        shutil.copy(ROOT / "nbgrader_config.py", tmp_path / "graded")
        submitted = CourseFolders(tmp_path / "graded").submitted
        Member("reference", "", "", right_notebooks(course.assignment)).write(submitted, NAME)
        environment = {"PATH": f"{BIN}:/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": str(tmp_path)}
        done = subprocess.run(
            [str(BIN / "nbgrader"), "autograde", NAME], cwd=tmp_path / "graded", env=environment, text=True,
            capture_output=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        with closing(sqlite3.connect(tmp_path / "graded" / "gradebook.db")) as connection:
            (total,) = connection.execute("select sum(auto_score) from grade").fetchone()
        assert total == sum(exercise.points for exercise in course.assignment.manifest.exercises)

    def test_the_benchmark_runs(self, course: Course) -> None:
        command = [sys.executable, "-m", "autograder.verify.bench", NAME, "--sizes", "1", "--stock", "0"]
        done = subprocess.run(command, cwd=course.assignment.root, text=True, capture_output=True)
        assert done.returncode == 0 and "`check` in a warm notebook" in done.stdout, done.stdout + done.stderr
