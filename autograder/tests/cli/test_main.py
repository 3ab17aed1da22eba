"""What holds for every command: help, usage errors, exit codes, errors as one message."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from autograder import errors
from autograder.cli.main import commands
from autograder.errors import AutograderError, BadInput
from autograder.tests import tiny
from autograder.tests.command_line import exit_code, run


@pytest.mark.parametrize("name", sorted(commands.commands))
def test_help_shows_an_example_of_the_command_itself(name: str) -> None:
    done = run(name, "--help")
    assert done.exit_code == 0
    assert f"autograder {name}" in done.output.partition("Examples:")[2]


def test_help_and_usage_errors_do_not_wait_for_torch() -> None:
    """torch takes over a second to import; a person who asks for help should not wait for it."""
    code = "import sys, autograder.cli.main; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("arguments", [(), ("build",), ("nosuch",), ("build", "x", "--nosuch"), ("table",)])
def test_a_usage_error_shows_the_usage_and_where_help_is(arguments: tuple[str, ...]) -> None:
    done = run(*arguments)
    assert done.exit_code == 2
    assert done.output.startswith("Usage: ")
    if arguments:
        assert "--help' for help" in done.output.splitlines()[1]
        assert done.output.splitlines()[-1].startswith("Error: ")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("grade",), "Missing argument 'ASSIGNMENT'"),
        (("grade", tiny.NAME, "--workers", "0"), "0 is not in the range"),
        (("grade", tiny.NAME, "--seed", "1", "--new-seed"), "--seed and --new-seed exclude each other"),
        (("grade", tiny.NAME, "--student", "ada", "--new-seed"), "--new-seed draws inputs for everyone"),
        (("rerun", tiny.NAME, "ada"), "Missing argument 'TEST'"),
        (("build", tiny.NAME, "--check", "--force"), "omit --force and --archive"),
        (("solve", tiny.NAME, "--set", "PRESET"), "--set takes NAME=VALUE, not 'PRESET'"),
        (("verify", tiny.NAME, "--seeds", "none"), "'none' is not a valid integer"),
        (("doctor", "ps3"), "Got unexpected extra argument"),
    ],
)
def test_a_usage_error_says_what_is_wrong(arguments: tuple[str, ...], complaint: str) -> None:
    done = run(*arguments)
    assert done.exit_code == 2
    assert done.output.startswith("Usage: ") and f"Try 'commands {arguments[0]} --help'" in done.output
    assert complaint in done.output


def test_every_kind_of_error_has_its_own_exit_code() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, AutograderError)]
    codes = [kind.exit_code for kind in kinds]
    assert len(set(codes)) == len(codes)
    assert not {0, click.UsageError.exit_code} & set(codes)


def test_an_error_prints_its_message_alone_and_ends_with_its_exit_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    tiny.write(tmp_path)
    assert exit_code(monkeypatch, "table", tiny.NAME) == BadInput.exit_code
    assert capsys.readouterr().err.startswith("Error: no results in results/tinyset: run `autograder grade` first")


def test_a_full_disk_is_reported_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "results/ada.json")

    monkeypatch.setattr("autograder.assignment.load.load_assignment", full)
    assert exit_code(monkeypatch, "table", tiny.NAME) == 1
    message = capsys.readouterr().err
    assert message.startswith("Error: No space left on device (results/ada.json)") and message.count("\n") == 1
