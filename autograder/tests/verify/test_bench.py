"""The two yardsticks of the bench, on the tiny assignment: they grade what the grader grades."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from autograder.assignment.load import load_assignment
from autograder.assignment.model import Assignment
from autograder.build import build
from autograder.files import put_interpreter_on_path
from autograder.tests import tiny
from autograder.verify.bench import _check_latency, _floor
from autograder.verify.bench_stock import prepare_stock

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Assignment]:
    root = tmp_path_factory.mktemp("course")
    tiny.write(root)
    build.build(tiny.NAME, root)
    yield load_assignment(tiny.NAME, root)


def test_the_floor_is_a_positive_number_of_seconds(made: Assignment) -> None:
    assert _floor(made, 2) > 0


def test_a_check_is_timed_in_the_release(made: Assignment) -> None:
    assert _check_latency(made).endswith("slowest exercise")


def test_stock_nbgrader_gives_the_made_class_the_same_grades(made: Assignment, tmp_path: Path) -> None:
    put_interpreter_on_path()
    prepare_stock(made, tmp_path / "stock", 2, whole=False)
    command = [sys.executable, "-m", "nbgrader", "autograde", tiny.NAME]
    done = subprocess.run(command, cwd=tmp_path / "stock", capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    with closing(sqlite3.connect(tmp_path / "stock" / "gradebook.db")) as book:
        rows = book.execute(
            "SELECT assignment.student_id, base_cell.name, grade.auto_score FROM grade "
            "JOIN submitted_notebook ON grade.notebook_id = submitted_notebook.id "
            "JOIN submitted_assignment AS assignment ON submitted_notebook.assignment_id = assignment.id "
            "JOIN base_cell ON grade.cell_id = base_cell.id WHERE grade.auto_score IS NOT NULL"
        ).fetchall()
    scores = {(student, cell): score for student, cell, score in rows}
    assert scores["s000", "tiny-scale-check"] == 3 and scores["s000", "tiny-scaler-check"] == 2
    assert scores["s001", "tiny-scale-check"] < 3
