"""A course for stock nbgrader with the same tests in its notebooks' test cells, to measure what that costs."""

from __future__ import annotations

import copy
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from autograder.assignment.model import Assignment
from autograder.course_folders import CourseFolders
from autograder.verify.made_class import class_of
from kit.manifest import exercise_of_check

_CONFIG = """
c = get_config()
c.CourseDirectory.course_id = "stock"
c.ExecutePreprocessor.timeout = 600
"""
# The same public and hidden tests, run in the student's own kernel, as a test cell of stock nbgrader would.
_CELL = """
from pathlib import Path
from kit.check import LiveBinding
from kit.release import find_release
from kit.runner import CollectedTests, TestFile
if "_tests" not in globals():
    _tests = CollectedTests([TestFile(f"{problem}/test_{{kind}}.py", Path(f"stock_tests/{problem}/test_{{kind}}.py"))
                             for kind in ("public", "hidden")])
_outcomes = _tests.run(
    binding=LiveBinding(find_release(), globals()), seed=0, exercises={{"{exercise}"}},
)
_total = sum(outcome.mark.weight for outcome in _outcomes)
{points} * sum(outcome.mark.weight for outcome in _outcomes if outcome.status == "passed") / _total
"""


def prepare_stock(made: Assignment, root: Path, count: int, *, whole: bool) -> None:
    """Set up a course: source with test cells, its release, `count` submissions.

    whole: with the cells that train and draw, which nbgrader would run; else without them.
    """
    root.mkdir(parents=True)
    (root / "nbgrader_config.py").write_text(_CONFIG, encoding="utf-8")
    release = made.release
    source = CourseFolders(root).source / made.name
    source.mkdir(parents=True)
    for problem in made.problems:
        book = json.loads((made.source / problem.notebook_file).read_text(encoding="utf-8"))
        points = {exercise.id: exercise.points for exercise in problem.exercises}
        book["cells"] = [_test_cell(cell, problem.name, points) for cell in _cells(book, whole)]
        (source / problem.notebook_file).write_text(json.dumps(book), encoding="utf-8")
    command = [sys.executable, "-m", "nbgrader", "generate_assignment", made.name, "--create"]
    subprocess.run(command, cwd=root, check=True, capture_output=True)
    for number, books in enumerate(class_of(made, count)):
        folder = CourseFolders(root).submitted / f"s{number:03}" / made.name
        folder.mkdir(parents=True)
        for name, book in books.items():
            kept = copy.deepcopy(book)
            kept["cells"] = [_test_cell(cell, "", {}) for cell in _cells(kept, whole)]
            (folder / name).write_text(json.dumps(kept), encoding="utf-8")
        for part in filter(None, (made.library, "kit", "tests")):
            shutil.copytree(release / part, folder / part)
        (folder / "data").symlink_to(release / "data")
        for problem in made.problems:
            tests = folder / "stock_tests" / problem.name
            tests.mkdir(parents=True)
            for path in problem.tests:
                shutil.copy(path, tests)


def _cells(book: dict[str, Any], whole: bool) -> list[dict[str, Any]]:
    """The cells to run; unless `whole`, without those that train and draw."""
    return [cell for cell in book["cells"] if whole or not set(cell["metadata"].get("tags", [])) & {"show", "guess"}]


def _test_cell(cell: dict[str, Any], problem: str, points: dict[str, float]) -> dict[str, Any]:
    exercise = exercise_of_check(cell["id"])
    if exercise in points:
        return cell | {"source": _CELL.format(problem=problem, exercise=exercise, points=points[exercise])}
    return cell
