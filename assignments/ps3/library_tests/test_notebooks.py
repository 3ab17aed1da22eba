"""The instructor notebooks of all problems, released or not, from top to bottom, with trainings of a few steps."""

import ast
import json
from pathlib import Path

import pytest

from autograder.build import build
from autograder.build.every_problem import with_every_problem
from autograder.verify.solve import Solved, solve

ROOT = Path(__file__).resolve().parents[3]
PROBLEMS = with_every_problem("ps3", ROOT).problems
MIB = 1 << 20


@pytest.fixture(scope="module")
def solved(tmp_path_factory: pytest.TempPathFactory) -> list[Solved]:
    """Raises where a cell of any notebook stops with an error."""
    # One thread: other tests run beside this one, and two kernels with a thread a core would wait for each other.
    settings = {"PS3_PRESET": "tiny", "OMP_NUM_THREADS": "1"}
    course = tmp_path_factory.mktemp("course")
    assignment = with_every_problem("ps3", ROOT, course)
    build.build("ps3", course)
    return solve(assignment, tmp_path_factory.mktemp("out"), settings=settings)


def outputs(item: Solved) -> list[dict]:
    cells = json.loads(item.notebook.read_text(encoding="utf-8"))["cells"]
    return [output for cell in cells for output in cell.get("outputs", [])]


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda problem: problem.name)
def test_no_cell_gives_an_imported_name_another_meaning(problem):
    """An earlier cell that is run again would meet it."""
    tree = ast.parse((problem.folder / "notebook.py").read_text(encoding="utf-8"))
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    imported = {(alias.asname or alias.name).partition(".")[0] for node in imports for alias in node.names}
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Lambda)]
    inner = {name for function in functions for name in ast.walk(function)}
    stored = [node for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)]
    assert not imported & {node.id for node in stored if node not in inner}


def test_every_notebook_runs_to_its_end(solved):
    assert [item.notebook.name for item in solved] == [problem.notebook_file for problem in PROBLEMS]


def test_every_check_passes_on_the_reference(solved):
    for item in solved:
        assert "not written" not in item.page.read_text(encoding="utf-8"), item.page.name


def test_every_notebook_shows_figures(solved):
    for item in solved:
        assert sum("image/png" in output.get("data", {}) for output in outputs(item)) >= 3, item.notebook.name


def test_an_executed_notebook_is_smaller_than_two_megabytes(solved):
    for item in solved:
        assert item.notebook.stat().st_size < 2 * MIB, item.notebook.name


def test_nothing_is_written_to_the_error_stream(solved):
    for item in solved:
        said = [output["text"] for output in outputs(item) if output.get("name") == "stderr"]
        assert said == [], item.notebook.name
