"""`autograder import`: from a notebook of nbgrader to a problem that builds."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import nbgrader
import pytest

from autograder.assignment.load import load_assignment
from autograder.assignment.notebook_source import read
from autograder.assignment.unfinished import unfinished
from autograder.cli import proving
from autograder.errors import BadInput, Surprise
from autograder.starting.import_set import import_notebooks
from autograder.tests.command_line import run
from autograder.tests.made_notebooks import Cell, code, failures, file, graded, imported, solution, text, write, written

EXAMPLE = Path(str(nbgrader.__file__)).parent / "docs" / "source" / "user_guide" / "source" / "ps1"
STORED = Path(__file__).parents[1] / "sets" / "example"
FINISHED = ("problem1/test_hidden.py",)  # by hand
F = "def f(x):\n    ### BEGIN SOLUTION\n    return 2 * x\n    ### END SOLUTION"
TESTS = "assert f(2) == 4\nassert f(5) == 10"


def tags(folder: Path, *cells: Cell) -> list[str]:
    """The kinds and names of the imported notebook's cells."""
    path = folder / "notebook.py"
    path.write_text(file(imported(folder, *cells), "notebook.py"))
    return [f"{cell.kind}:{cell.name}".rstrip(":") for cell in read(path)]


def test_nbgraders_example_comes_over_as_it_lies_in_the_tests(tmp_path: Path) -> None:
    made = import_notebooks(tmp_path, "example", [EXAMPLE / "problem1.ipynb", EXAMPLE / "problem2.ipynb"])
    assert sum(problem.points for problem in made) == 13
    assert [line.split(":")[0] for problem in made for line in problem.to_do] == [
        f"cell 13 (sum_of_squares_uses_squares) line {line}" for line in (2, 3, 4)
    ]
    for problem in made:
        for name, content in problem.files.items():
            stored = (STORED / problem.name / name).read_bytes()
            if f"{problem.name}/{name}" in FINISHED:
                content = content.partition(b"\n\n\n# TODO by hand")[0] + b"\n"
            if name == "test_hidden.py":  # below the canary that a build writes
                stored = stored.partition(b"\n")[2]
            assert stored.strip() == content.strip(), f"{problem.name}/{name}"


def test_every_kind_of_cell_has_its_place(tmp_path: Path) -> None:
    cells = (
        text("# A lab"),
        code("%matplotlib inline\nimport math"),
        code("LIMIT = 3", grade_id="locked", locked=True, grade=False, solution=False),
        solution(F),
        code("print(f(2))"),
        graded(TESTS),
        written("Because.\n### BEGIN MARK SCHEME\nHalf for the word.\n### END MARK SCHEME", 2),
        code("plot(f)", grade_id="figure", solution=True, grade=True, locked=False, points=3),
        text("Explore.", grade_id="cell-0123456789abcdef", task=True, locked=True, points=4),
    )  # fmt: skip
    assert tags(tmp_path, *cells) == [
        "text", "show", "given", "given", "given", "exercise:work", "check:work", "show", "answer:why",
        "code_answer:figure", "text", "answer:a-lab",
    ]  # fmt: skip
    problem = imported(tmp_path, *cells)
    assert problem.points == 10
    assert "Half for the word." in file(problem, "rubric.md") and b"Half" not in problem.files["notebook.py"]


@pytest.mark.parametrize("points", [(0.5, 0.5), (0.1, 0.2), (3, 0), (1 / 3, 2)])
def test_points_stay_what_they_were_to_the_last_digit(points: tuple[float, float], tmp_path: Path) -> None:
    problem = imported(tmp_path, solution(F), graded(TESTS, points[0], "a"), graded(TESTS, points[1], "b"))
    assert problem.points == Decimal(str(points[0])) + Decimal(str(points[1]))
    assert f"points = {problem.points.normalize():f}" in file(problem, "problem.toml")


def test_a_test_cell_belongs_to_the_nearest_solution_above_whose_names_it_uses(tmp_path: Path) -> None:
    g = F.replace("f(x)", "g(x)")
    problem = imported(tmp_path, solution(F, "one"), solution(g, "two"), graded(TESTS, 2, "a"),
                       graded(TESTS.replace("f(", "g("), 3, "b"))  # fmt: skip
    assert problem.exercises == ("one", "two")
    assert "[exercise.one]\npoints = 2" in file(problem, "problem.toml")
    assert "[exercise.two]\npoints = 3" in file(problem, "problem.toml")


SHAPES = {
    "no region": "def f(x):\n    '''Doubles.'''\n    # add it twice\n    return x + x",
    "a region round all": "### BEGIN SOLUTION\ndef f(x):\n    return 2 * x\n### END SOLUTION",
    "a return below": "def f(x):\n    ### BEGIN SOLUTION\n    y = 2 * x\n    ### END SOLUTION\n    return y",
    "one line": "def f(x): return 2 * x",
    "two regions": "def f(x):\n    ### BEGIN SOLUTION\n    y = x\n    ### END SOLUTION\n    y = 2 * y\n"
    "    ### BEGIN SOLUTION\n    return y\n    ### END SOLUTION",
    "a class": "class A:\n    def f(self, x):\n        return 2 * x",
}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_solution_of_any_shape_becomes_a_stub_that_ships_nothing_of_it(shape: str, tmp_path: Path) -> None:
    tests = TESTS if shape != "a class" else "a = A()\nassert a.f(2) == 4"
    problem = imported(tmp_path, solution(SHAPES[shape]), graded(tests))
    (tmp_path / "notebook.py").write_text(file(problem, "notebook.py"))
    (cell,) = [cell for cell in read(tmp_path / "notebook.py") if cell.kind == "exercise"]
    assert "return" not in cell.released and "add it" not in cell.released and "NotImplementedError" in cell.released


@pytest.mark.parametrize(
    ("source", "why"), [("limit = 7", "defines no function"), ("y = 7\ndef f(x):\n    return x", "outside of any")]
)
def test_a_solution_that_cannot_be_called_is_marked_by_a_person_and_keeps_its_points(
    source: str, why: str, tmp_path: Path
) -> None:
    problem = imported(tmp_path, solution(source), graded("assert limit == 7", 2))
    assert problem.answers == ("work",) and problem.points == 2 and why in problem.to_do[0]
    assert "assert limit == 7" in file(problem, "rubric.md")


def test_what_students_use_of_earlier_exercises_is_told_as_depends(tmp_path: Path) -> None:
    g = F.replace("f(x)", "g(x)").replace("2 * x", "f(x)")
    problem = imported(tmp_path, solution(F, "one"), graded(TESTS, 1, "a"), solution(g, "two"),
                       graded(TESTS.replace("f(", "g("), 1, "b"))  # fmt: skip
    assert '[exercise.two]\npoints = 1\ndepends = ["one"]' in file(problem, "problem.toml")


@pytest.mark.parametrize("schema", [0, 1, 2, 3])
def test_metadata_of_every_version_are_read(schema: int, tmp_path: Path) -> None:
    cells = [solution(F), graded(TESTS, 2)]
    for cell in cells:
        cell["metadata"]["nbgrader"].pop("schema_version")
        if schema:
            cell["metadata"]["nbgrader"]["schema_version"] = schema
    assert imported(tmp_path, *cells).points == 2


def test_a_second_notebook_joins_the_set_and_no_id_is_there_twice(tmp_path: Path) -> None:
    one, two = (write(tmp_path / f"{name}.ipynb", solution(F), graded(TESTS)) for name in ("one", "Lab 2"))
    (tmp_path / "course").mkdir()
    import_notebooks(tmp_path / "course", "ps1", [one])
    import_notebooks(tmp_path / "course", "ps1", [two])
    course = load_assignment("ps1", tmp_path / "course")
    assert [problem.name for problem in course.problems] == ["one", "lab_2"]
    assert [exercise.id for exercise in course.manifest.exercises] == ["work", "lab_2-work"]


def test_what_a_second_notebook_imports_joins_the_requirements_that_are_there(tmp_path: Path) -> None:
    one = write(tmp_path / "one.ipynb", code("import numpy"), solution(F), graded(TESTS))
    two = write(tmp_path / "two.ipynb", code("import numpy, PIL, math"), solution(F), graded(TESTS))
    (tmp_path / "course").mkdir()
    import_notebooks(tmp_path / "course", "ps1", [one])
    requirements = tmp_path / "course" / "assignments" / "ps1" / "requirements.txt"
    requirements.write_text("pytest\nNumPy>=2  # ours")
    import_notebooks(tmp_path / "course", "ps1", [two])
    assert requirements.read_text() == "pytest\nNumPy>=2  # ours\npillow\n"


BROKEN = {
    "not UTF-8": "",
    "no JSON": "{",
    "no notebook": "[]",
    "nothing of nbgrader": json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": []}),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_what_cannot_be_read_is_refused_in_a_sentence_and_nothing_is_written(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "lab.ipynb"
    path.write_bytes(BROKEN[kind].encode() or b"\xff\xfe")
    good = write(tmp_path / "good.ipynb", solution(F), graded(TESTS))
    with pytest.raises(BadInput, match=r"lab\.ipynb"):
        import_notebooks(tmp_path / "course", "ps1", [good, path])
    assert not (tmp_path / "course").exists()


def test_a_newer_schema_another_language_and_a_folder_that_is_there_are_refused(tmp_path: Path) -> None:
    newer = solution(F)
    newer["metadata"]["nbgrader"]["schema_version"] = 4
    with pytest.raises(BadInput, match="newer than 3"):
        import_notebooks(tmp_path, "ps1", [write(tmp_path / "n.ipynb", newer)])
    other = write(tmp_path / "r.ipynb", solution(F), kernelspec={"name": "ir", "display_name": "R", "language": "R"})
    with pytest.raises(BadInput, match="written in R"):
        import_notebooks(tmp_path, "ps1", [other])
    for path in (tmp_path / "none.ipynb", tmp_path):
        with pytest.raises(BadInput, match="cannot be read"):
            import_notebooks(tmp_path, "ps1", [path])
    good = write(tmp_path / "good.ipynb", solution(F), graded(TESTS))
    (tmp_path / "assignments").mkdir()
    import_notebooks(tmp_path, "ps1", [good])
    with pytest.raises(BadInput, match="is there already"):
        import_notebooks(tmp_path, "ps1", [good])


def test_the_command_lists_what_is_left_and_verify_names_it_until_it_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "lab.ipynb", solution(F), graded(f"{TESTS}\nassert f(3) > 5"))
    (tmp_path / "course").mkdir()
    monkeypatch.chdir(tmp_path / "course")
    done = run("import", str(path), "--set", "ps1")
    assert done.exit_code == 0 and "by hand   cell 2 (checks) line 3" in done.output
    (line,) = unfinished(tmp_path / "course" / "assignments" / "ps1" / "lab")
    assert line.startswith("lab/test_hidden.py line ") and "TODO by hand: cell 2 (checks)" in line
    monkeypatch.setattr(proving, "_unproved", lambda course, exercises, seeds: [])
    proved = run("verify", "ps1")
    assert isinstance(proved.exception, Surprise) and line in proved.output
    hidden = tmp_path / "course" / "assignments" / "ps1" / "lab" / "test_hidden.py"
    hidden.write_text(hidden.read_text().partition("# TODO")[0])
    assert run("verify", "ps1").exit_code == 0


def test_pictures_beside_and_inside_the_notebook_come_along(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"picture")
    inside = text("![](attachment:b.png)") | {"attachments": {"b.png": {"image/png": "cGljdHVyZQ=="}}}
    path = write(tmp_path / "lab.ipynb", text("![](a.png) ![](../out.png)"), inside, solution(F), graded(TESTS))
    (tmp_path / "course").mkdir()
    (problem,) = import_notebooks(tmp_path / "course", "ps1", [path])
    assert problem.files["a.png"] == b"picture" and problem.files["pictures/2-b.png"] == b"picture"
    assert "(pictures/2-b.png)" in file(problem, "notebook.py")


def test_minitorchs_operators_come_over(tmp_path: Path) -> None:
    source = """\
def neg(x):
    ### BEGIN SOLUTION
    return -x
    ### END SOLUTION

def map(fn):
    ### BEGIN SOLUTION
    return lambda ls: [fn(x) for x in ls]
    ### END SOLUTION

def zipWith(fn):
    ### BEGIN SOLUTION
    return lambda a, b: [fn(x, y) for x, y in zip(a, b)]
    ### END SOLUTION

def reduce(fn, start):
    ### BEGIN SOLUTION
    def over(ls):
        total = start
        for x in ls:
            total = fn(x, total)
        return total
    return over
    ### END SOLUTION"""
    tests = """\
import operator
assert map(neg)([1.0, -2.0]) == [-1.0, 2.0]
assert zipWith(operator.add)([1, 2], [3, 4]) == [4, 6]
assert reduce(operator.mul, 1)([2, 3, 4]) == 24"""
    problem = imported(tmp_path, solution(source), graded(tests))
    assert problem.to_do == ()
    for name in ("test_public.py", "test_hidden.py"):
        assert failures(problem, source, name) == []
    assert failures(problem, source.replace("fn(x, y)", "fn(y, y)").replace("-x", "x"))
