"""Tab completes commands, options and the names that a course holds, and needs nothing but click for it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

from autograder.cli.main import commands
from autograder.tests import tiny
from autograder.tests.command_line import run


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    tiny.write(tmp_path)
    (tmp_path / "submitted" / "ada" / tiny.NAME).mkdir(parents=True)
    (tmp_path / "submitted" / "bob" / "another").mkdir(parents=True)
    (tmp_path / "results" / tiny.NAME).mkdir(parents=True)
    (tmp_path / "results" / tiny.NAME / "carl.json").write_text("{}")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def completed(*words: str) -> list[str]:
    """What is offered for the last of these words."""
    *before, typed = words
    shell = ShellComplete(commands, {}, "autograder", "_AUTOGRADER_COMPLETE")
    return [item.value for item in shell.get_completions(list(before), typed)]


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (("ver",), ["verify"]),
        (("build", ""), [tiny.NAME]),
        (("export", "canvas", "t"), [tiny.NAME]),
        (("export", "canvas", "x"), []),
        (("verify", tiny.NAME, "--problem", ""), [tiny.PROBLEM]),
        (("grade", tiny.NAME, "--student", ""), ["ada", "carl"]),
        (("feedback", tiny.NAME, "--student", "c"), ["carl"]),
        (("rerun", tiny.NAME, ""), ["ada", "carl"]),
        (("rerun", tiny.NAME, "ada", "test_scaler_i"), ["test_scaler_inverse_undoes_forward"]),
        (("rerun", tiny.NAME, "ada", "test_x"), []),
        (("table", tiny.NAME, "--js"), ["--json"]),
    ],
)
def test_names_of_the_course_are_offered(course: Path, words: tuple[str, ...], offered: list[str]) -> None:
    assert completed(*words) == offered


def test_a_course_that_cannot_be_read_offers_nothing(course: Path) -> None:
    (course / "assignments" / tiny.NAME / tiny.PROBLEM / "test_hidden.py").write_bytes(b"def test_\xff(")
    assert completed("rerun", tiny.NAME, "ada", "test_s") == []
    shutil.rmtree(course / "assignments")
    assert completed("build", "") == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_shell_gets_its_code(shell: str) -> None:
    done = run("completion", shell)
    assert done.exit_code == 0 and f"_AUTOGRADER_COMPLETE={shell}_complete" in done.output


def test_bash_reads_its_code() -> None:
    code = run("completion", "bash").output
    done = subprocess.run(["bash", "-n"], input=code, text=True, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_completion_waits_for_no_library() -> None:
    code = (
        "import sys; from click.shell_completion import ShellComplete; from autograder.cli.main import commands;"
        "ShellComplete(commands, {}, 'autograder', 'X').get_completions(['verify'], '');"
        "sys.exit(bool({'torch', 'numpy', 'nbgrader', 'nbformat'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
