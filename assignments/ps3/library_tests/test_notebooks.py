"""The instructor notebooks from top to bottom, with trainings of a few steps."""

import json
from pathlib import Path

import pytest

from autograder.assignment.load import load_assignment
from autograder.verify.solve import Solved, solve

ROOT = Path(__file__).resolve().parents[3]
MIB = 1 << 20


@pytest.fixture(scope="module")
def solved(tmp_path_factory: pytest.TempPathFactory) -> list[Solved]:
    """Raises where a cell of any notebook stops with an error."""
    # One thread: other tests run beside this one, and two kernels with a thread a core would wait for each other.
    settings = {"PS3_PRESET": "tiny", "OMP_NUM_THREADS": "1"}
    return solve(load_assignment("ps3", ROOT), tmp_path_factory.mktemp("out"), settings=settings)


def outputs(item: Solved) -> list[dict]:
    cells = json.loads(item.notebook.read_text(encoding="utf-8"))["cells"]
    return [output for cell in cells for output in cell.get("outputs", [])]


def test_every_notebook_runs_to_its_end(solved):
    assert [item.notebook.name for item in solved] == [
        problem.notebook_file for problem in load_assignment("ps3", ROOT).problems
    ]


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
