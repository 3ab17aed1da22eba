"""What a student's code may do in the real worker: the same as at home, and refused in the same words."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from autograder.sandbox.sandbox import Sandbox
from autograder.tests import what_works
from kit.student import CellTimeout, Student, StudentError


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    folder = tmp_path_factory.mktemp("library")
    (folder / "shippedlib").mkdir()
    (folder / "shippedlib" / "__init__.py").touch()
    folder.chmod(0o755)
    with Sandbox.start(folder, "shippedlib", installed=(*what_works.PACKAGES, "no_such_package")) as started:
        yield started


@pytest.fixture
def student(sandbox: Sandbox) -> Iterator[Student]:
    with sandbox.worker() as worker:
        yield Student(worker, call_seconds=30)


@pytest.mark.parametrize("name", what_works.WORKS)
def test_it_works_in_the_worker(name: str, student: Student) -> None:
    assert what_works.result(student, what_works.WORKS[name]).tolist() == [[2, 2], [2, 2]]


@pytest.mark.parametrize("name", what_works.REFUSED)
def test_it_is_refused_in_the_worker(name: str, student: Student) -> None:
    code, kind, words = what_works.REFUSED[name]
    with pytest.raises(StudentError) as caught:
        what_works.result(student, code)
    assert caught.value.shown == kind and words in caught.value.text


def test_folders_that_code_makes_cost_nothing(student: Student) -> None:
    code = "import os, pathlib\nos.makedirs('out/a', exist_ok=True)\npathlib.Path('b').mkdir()\ndef go(x): return 2 * x"
    assert what_works.result(student, code).tolist() == [[2, 2], [2, 2]]


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("x = 1\nwhile True: pass", 2),
        ("def f():\n    n = 0\n    while True:\n        n += 1\n\nf()", 3),
        ("import torch\n\n\nfor _ in range(10**9):\n    torch.ones(1)", 4),
        ("class A:\n    y = [n for n in iter(int, 1)]", 2),
    ],
)
def test_a_cell_that_is_interrupted_says_at_which_line_it_was(student: Student, source: str, line: int) -> None:
    (error,) = student.load_cells([("demo", source)], seconds=0.3)
    assert error is not None and error.shown == "OutOfTime" and error.cell == "demo"
    assert error.line is not None and line <= error.line <= line + 1
    assert not isinstance(error, CellTimeout)


def test_after_an_interrupted_cell_the_next_one_has_its_own_time(student: Student) -> None:
    errors = student.load_cells([("one", "while True: pass"), ("two", "def go(x): return 2 * x")], seconds=0.3)
    assert [error is None for error in errors] == [False, True]
