"""`autograder new`: a skeleton that builds, is proved and can be read."""

from __future__ import annotations

from pathlib import Path

import pytest

from autograder.assignment.load import load_assignment
from autograder.errors import BadInput
from autograder.starting.course import GIT_RULES, library_name
from autograder.starting.new_set import write_skeleton
from autograder.tests.command_line import run


def test_the_skeleton_has_one_of_each_kind_of_file_and_of_cell(tmp_path: Path) -> None:
    folder = write_skeleton(tmp_path, "ps1")
    course = load_assignment("ps1", tmp_path)
    (problem,) = course.problems
    assert {cell.kind.value for cell in problem.cells} >= {
        "text",
        "given",
        "exercise",
        "check",
        "guess",
        "show",
        "answer",
    }
    names = {path.name for path in (folder / "smoothing").iterdir()}
    assert names == {"lesson", "notebook.py", "problem.toml", "right", "rubric.md", "test_helpers.py",
                     "test_hidden.py", "test_public.py", "wrong"}  # fmt: skip
    assert (tmp_path / "nbgrader_config.py").is_file()
    assert not [path for path in folder.rglob("*") if path.is_file() and "LIBNAME" in path.read_text()]
    assert "torch" not in (folder / "requirements.txt").read_text()


def test_every_set_draws_its_own_canary(tmp_path: Path) -> None:
    for name in ("ps1", "ps2"):
        write_skeleton(tmp_path, name)
    assert len({load_assignment(name, tmp_path).canary for name in ("ps1", "ps2")}) == 2


@pytest.mark.parametrize(
    ("name", "library"), [("ps1", "ps1"), ("PS-2", "ps_2"), ("3.1", "set_3_1"), ("random", "random_course"),
                          ("numpy", "numpy_course"), ("kit", "kit_course")],
)  # fmt: skip
def test_the_library_is_called_so_that_python_imports_it_and_nothing_else(name: str, library: str) -> None:
    assert library_name(name) == library


@pytest.mark.parametrize("name", ["../ps1", "a b", "details", "", "é", "-x"])
def test_a_bad_name_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput):
        write_skeleton(tmp_path, name)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["ps1", "PS1"])
def test_a_set_that_is_there_is_refused_and_stays_as_it_is(name: str, tmp_path: Path) -> None:
    (tmp_path / "assignments" / "ps1").mkdir(parents=True)
    with pytest.raises(BadInput, match="is there already"):
        write_skeleton(tmp_path, name)
    assert list((tmp_path / "assignments").rglob("*")) == [tmp_path / "assignments" / "ps1"]


def test_a_folder_with_other_files_is_no_course(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("Dear")
    with pytest.raises(BadInput, match="is no course"):
        write_skeleton(tmp_path, "ps1")
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


@pytest.mark.parametrize("name", ["nbgrader_config.py", ".gitignore"])
def test_settings_that_are_there_are_kept(name: str, tmp_path: Path) -> None:
    (tmp_path / "assignments").mkdir()
    (tmp_path / name).write_text("mine")
    write_skeleton(tmp_path, "ps1")
    assert (tmp_path / name).read_text() == "mine"


def test_git_leaves_alone_in_a_new_course_what_it_leaves_alone_here(tmp_path: Path) -> None:
    write_skeleton(tmp_path, "ps1")
    ours = (Path(__file__).parents[3] / ".gitignore").read_text()
    start = "# what grading makes"
    assert (tmp_path / ".gitignore").read_text().partition(start)[2] == ours.partition(start)[2] != ""


def test_where_writing_stops_nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(source: object, target: object) -> None:
        raise OSError(28, "no space")

    monkeypatch.setattr("autograder.starting.course.os.rename", stop)
    with pytest.raises(OSError, match="no space"):
        write_skeleton(tmp_path, "ps1")
    assert not list((tmp_path / "assignments").iterdir())


def test_the_settings_are_those_of_this_course() -> None:
    top = Path(__file__).parents[3]
    ours, shipped = top / "nbgrader_config.py", top / "autograder" / "starting" / "nbgrader_config.py.in"
    assert shipped.read_text() == ours.read_text()
    assert (top / ".gitattributes").read_text().startswith(GIT_RULES)


def test_git_learns_how_products_are_merged(tmp_path: Path) -> None:
    write_skeleton(tmp_path, "ps1")
    assert (tmp_path / ".gitattributes").read_text() == GIT_RULES


def test_the_command_says_what_to_open_and_run_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = run("new", "ps1")
    assert done.exit_code == 0
    assert "Open assignments/ps1/smoothing/notebook.py" in done.output
    assert [f"autograder {word} ps1" in done.output for word in ("build", "verify", "demo")] == [True] * 3
