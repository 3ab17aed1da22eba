"""Ctrl-C at any moment is told as that: one sentence, no traceback, exit code 130."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from autograder.grading.processes import forked_pool, in_fresh_process
from autograder.interrupts import BY_HAND, none_for_children
from autograder.tests import marking, tiny

# Sends this process Ctrl-C where a module, the one named, is about to be imported.
AT_IMPORT = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)

class Finder:
    def find_spec(name, *_):
        if name == {module!r}:
            sys.meta_path.remove(Finder)
            os.kill(os.getpid(), signal.SIGINT)

from autograder.cli.start import main
sys.meta_path.insert(0, Finder)
sys.argv = ["autograder", *{arguments!r}]
main()
"""
# Sends it where a function of the engine is called.
AT_CALL = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
import {module} as module

def interrupted(*_, **__):
    {before}
    os.kill(os.getpid(), signal.SIGINT)

{place} = interrupted
from autograder.cli.start import main
sys.argv = ["autograder", *{arguments!r}]
main()
"""
GRADE = ("grade", tiny.NAME, "--workers", "1", "--allow-weak")


def interrupted(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (130, f"{BY_HAND}\n")
    return done


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """A course with one submission."""
    marking.assignment(tmp_path)
    folder = tmp_path / "submitted" / "ada" / tiny.NAME
    folder.mkdir(parents=True)
    (folder / tiny.NOTEBOOK).write_bytes((tmp_path / "release" / tiny.NAME / tiny.NOTEBOOK).read_bytes())
    return tmp_path


@pytest.mark.parametrize(
    ("module", "arguments"),
    [
        ("click", ("--help",)),
        ("rich.console", ("grade", "--help")),
        ("autograder.assignment.load", ("table", tiny.NAME)),
        ("torch", GRADE),
        ("torch.nn", GRADE),
        ("sqlalchemy", GRADE),
        ("jinja2", ("feedback", tiny.NAME)),
        ("jupytext", ("build", tiny.NAME)),
    ],
)
def test_ctrl_c_while_modules_are_loading_is_told(course: Path, module: str, arguments: tuple[str, ...]) -> None:
    interrupted(AT_IMPORT.format(module=module, arguments=arguments), course)


@pytest.mark.parametrize(
    ("module", "place", "arguments"),
    [
        ("autograder.assignment.load", "module.load_assignment", ("doctor",)),
        ("autograder.build.build", "module.make", ("build", tiny.NAME)),
        ("autograder.sandbox.sandbox", "module.Sandbox.start", GRADE),
        ("autograder.marks.gradebook", "module.bring_in_line", GRADE),
        ("autograder.marks.gradebook", "module.write", GRADE),
        ("autograder.marks.standings", "module.standings", ("table", tiny.NAME)),
    ],
)
def test_ctrl_c_in_the_middle_of_a_command_is_told(
    course: Path, module: str, place: str, arguments: tuple[str, ...]
) -> None:
    interrupted(AT_CALL.format(module=module, place=place, arguments=arguments, before="pass"), course)


def test_a_second_ctrl_c_does_not_disturb_the_way_out(course: Path) -> None:
    twice = "import atexit; atexit.register(lambda: os.kill(os.getpid(), signal.SIGINT))"
    interrupted(
        AT_CALL.format(
            module="autograder.assignment.load", place="module.load_assignment", arguments=("doctor",), before=twice
        ),
        course,
    )


def test_a_run_in_the_background_is_not_given_ctrl_c() -> None:
    code = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); from autograder import interrupts; "
    code += "interrupts.install(); raise SystemExit(signal.getsignal(signal.SIGINT) is not signal.SIG_IGN)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """Ctrl-C raises, also where the tests run in the background, which are started without it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def _blocked() -> set[int]:
    return {int(number) for number in signal.pthread_sigmask(signal.SIG_BLOCK, [])}


def test_ctrl_c_waits_for_the_parent_while_children_are_started(ctrl_c: None) -> None:
    with pytest.raises(KeyboardInterrupt), none_for_children():
        assert signal.SIGINT in _blocked()
        signal.pthread_kill(threading.get_ident(), signal.SIGINT)
        assert signal.SIGINT in signal.sigpending()
    assert signal.SIGINT not in _blocked()


def _send_myself_ctrl_c() -> bool:
    os.kill(os.getpid(), signal.SIGINT)
    return signal.SIGINT in _blocked()


def test_processes_of_the_grader_take_no_ctrl_c() -> None:
    with forked_pool(2) as pool:
        assert [pool.submit(_send_myself_ctrl_c).result() for _ in range(3)] == [False] * 3
    assert in_fresh_process(_send_myself_ctrl_c) is False


CONFIG = """
import os, signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from autograder.cli import nbgrader_commands
nbgrader_commands.install()
nbgrader_commands.install()
{where}
"""


@pytest.mark.parametrize(
    "where",
    [
        "os.kill(os.getpid(), signal.SIGINT)",
        "nbgrader_commands.ConfinedAutograde.convert_notebooks = lambda self: os.kill(os.getpid(), signal.SIGINT)",
        "nbgrader_commands.ConfinedAutograde.init_notebooks = lambda self: os.kill(os.getpid(), signal.SIGINT)",
    ],
)
def test_ctrl_c_in_nbgraders_commands_is_told(course: Path, where: str) -> None:
    (course / "nbgrader_config.py").write_text(CONFIG.format(where=where))
    command = [sys.executable, "-m", "nbgrader", "autograde", tiny.NAME]
    done = subprocess.run(command, cwd=course, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGINT  # as the shell shows it: 130
    assert BY_HAND in done.stderr and "Traceback" not in done.stderr
