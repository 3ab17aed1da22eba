"""Executing instructor notebooks, on the tiny assignment."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from autograder.assignment.load import load_assignment
from autograder.assignment.model import Assignment
from autograder.build import build
from autograder.errors import BadInput
from autograder.tests import tiny
from autograder.verify.solve import DidNotRun, Solved, solve

SHOW = f"{tiny.PROBLEM}/notebook.py", "print(width(scale(torch.ones(1, 3), 2.0)), guess_width)"
NEW_SHOW = """\
import os
from pathlib import Path

print("width", width(scale(torch.ones(1, 3), 2.0)), os.environ["TINY_PRESET"], Path("data/numbers.txt").read_text())
Path("made.txt").write_text("here")"""


def built(root: Path, show: str = NEW_SHOW) -> Assignment:
    """The tiny set with another show cell, built."""
    tiny.edit(tiny.write(root), *SHOW, show)
    build.build(tiny.NAME, root)
    return load_assignment(tiny.NAME, root)


def outputs(notebook: Path) -> list[dict[str, Any]]:
    cells = json.loads(notebook.read_text())["cells"]
    return [output for cell in cells for output in cell.get("outputs", [])]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Assignment:
    return built(tmp_path_factory.mktemp("course"))


@pytest.fixture(scope="module")
def reported() -> list[tuple[str, int, int]]:
    return []


@pytest.fixture(scope="module")
def solved(made: Assignment, reported: list[tuple[str, int, int]]) -> Solved:
    (found,) = solve(
        made, made.root / "out", settings={"TINY_PRESET": "brief"}, on_cell=lambda *seen: reported.append(seen)
    )
    return found


def test_the_page_holds_what_the_cells_printed(solved: Solved) -> None:
    assert "width 3 brief 1 2 3" in solved.page.read_text()


def test_the_notebook_is_kept_with_its_outputs_and_has_no_error(solved: Solved) -> None:
    found = outputs(solved.notebook)
    assert found and not [output for output in found if output["output_type"] == "error"]


def test_the_checks_pass_on_the_reference(solved: Solved) -> None:
    text = json.dumps(outputs(solved.notebook))
    assert text.count("multiplies every entry") and "not written" not in text


def test_every_cell_is_reported(solved: Solved, reported: list[tuple[str, int, int]]) -> None:
    total = len(json.loads(solved.notebook.read_text())["cells"])
    assert reported[-1] == (tiny.NOTEBOOK, total, total)


def test_neither_the_course_nor_the_environment_is_changed(made: Assignment, solved: Solved) -> None:
    assert not list(made.root.rglob("made.txt"))
    assert "TINY_PRESET" not in os.environ


def test_a_cell_that_stops_is_named_and_what_ran_is_written(tmp_path: Path) -> None:
    made = built(tmp_path, 'print("before the fall")\nraise KeyError("lost")')
    with pytest.raises(DidNotRun, match=rf"{tiny.NOTEBOOK} stopped .*1_scaling.html.*KeyError: 'lost'") as caught:
        solve(made, tmp_path / "out")
    assert caught.value.exit_code == 11
    assert "before the fall" in (tmp_path / "out" / "1_scaling.html").read_text()
    assert outputs(tmp_path / "out" / tiny.NOTEBOOK)[-1]["ename"] == "KeyError"


def test_a_kernel_that_dies_is_an_error_with_a_message(tmp_path: Path) -> None:
    made = built(tmp_path, 'import os\nprint("before the fall", flush=True)\nos._exit(1)')
    with pytest.raises(DidNotRun, match=rf"{tiny.NOTEBOOK} stopped .*Kernel died"):
        solve(made, tmp_path / "out")
    assert (tmp_path / "out" / "1_scaling.html").is_file()


@pytest.mark.parametrize("missing", ["source", "release"])
def test_an_assignment_that_was_not_built_is_named(tmp_path: Path, missing: str) -> None:
    tiny.write(tmp_path)
    made = load_assignment(tiny.NAME, tmp_path)
    if missing == "source":
        (tmp_path / "release" / tiny.NAME).mkdir(parents=True)
    with pytest.raises(BadInput, match=f"{missing}/{tiny.NAME}.* is missing: run `autograder build {tiny.NAME}`"):
        solve(made, tmp_path / "out")
    assert not (tmp_path / "out").exists()
