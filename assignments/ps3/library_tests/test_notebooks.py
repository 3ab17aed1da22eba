"""The instructor notebooks of all problems, released or not, from top to bottom, with trainings of a few steps."""

import ast
import json
from pathlib import Path

import pytest

from autograder.assignment.model import Assignment
from autograder.build import build
from autograder.build.every_problem import with_every_problem, with_extras
from autograder.verify.solve import Solved, solve

ROOT = Path(__file__).resolve().parents[3]
PROBLEMS = with_every_problem("ps3", ROOT).problems
EXTRAS = [problem for problem in PROBLEMS if not problem.number]
MIB = 1 << 20
# One thread: other tests run beside these, and two kernels with a thread a core would wait for each other.
SETTINGS = {"PS3_PRESET": "tiny", "PS3_PRECISION": "float32", "OMP_NUM_THREADS": "1"}


def built(root: Path, extras: list[str]) -> Assignment:
    """A course of its own with these extras released."""
    course = with_extras("ps3", ROOT, root, extras)
    build.build("ps3", root)
    return course


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


class EveryNotebook:
    """What holds of each that was run. A cell that stops with an error stops the fixture `solved`."""

    def test_it_runs_to_its_end(self, solved, names):
        assert [item.notebook.name for item in solved] == names

    def test_every_check_passes_on_the_reference(self, solved):
        for item in solved:
            assert "not written" not in item.page.read_text(encoding="utf-8"), item.page.name

    def test_it_shows_figures(self, solved):
        for item in solved:
            shown = ["image/png" in output.get("data", {}) for output in outputs(item)]
            assert sum(shown) >= 3, item.notebook.name

    def test_it_is_smaller_than_two_megabytes_when_executed(self, solved):
        for item in solved:
            assert item.notebook.stat().st_size < 2 * MIB, item.notebook.name

    def test_nothing_is_written_to_the_error_stream(self, solved):
        for item in solved:
            said = [output["text"] for output in outputs(item) if output.get("name") == "stderr"]
            assert said == [], item.notebook.name


class TestCore(EveryNotebook):
    """One after the other: weights that one saves are there for the next."""

    @pytest.fixture(scope="class")
    @classmethod
    def names(cls):
        return [problem.notebook_file for problem in PROBLEMS if problem.number]

    @pytest.fixture(scope="class")
    @classmethod
    def solved(cls, tmp_path_factory):
        course = built(tmp_path_factory.mktemp("core"), [])
        return solve(course, tmp_path_factory.mktemp("out"), settings=SETTINGS)


class TestExtras(EveryNotebook):
    """Each alone."""

    @pytest.fixture(scope="class")
    @classmethod
    def course(cls, tmp_path_factory):
        return built(tmp_path_factory.mktemp("extras"), [problem.name for problem in EXTRAS])

    @pytest.fixture(scope="class", params=EXTRAS, ids=lambda problem: problem.name)
    @classmethod
    def problem(cls, request):
        return request.param

    @pytest.fixture(scope="class")
    @classmethod
    def names(cls, problem):
        return [problem.notebook_file]

    @pytest.fixture(scope="class")
    @classmethod
    def solved(cls, course, problem, tmp_path_factory):
        return solve(course, tmp_path_factory.mktemp("out"), problem=problem.name, settings=SETTINGS)
