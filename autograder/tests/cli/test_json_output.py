"""`--json`: every command leaves one object on standard output, whatever happened; people read standard error."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from autograder.cli.main import commands
from autograder.tests import marking, released, tiny
from autograder.tests.cli.test_staff import submit
from autograder.tests.command_line import exit_code

Captured = pytest.CaptureFixture[str]


def every_command(group: click.Group = commands, before: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, command in sorted(group.commands.items()):
        if isinstance(command, click.Group):
            yield from every_command(command, (*before, name))
        else:
            yield (*before, name)


def document(monkeypatch: pytest.MonkeyPatch, capsys: Captured, *arguments: str) -> dict[str, Any]:
    """What the command leaves; its exit code is in it."""
    capsys.readouterr()
    code = exit_code(monkeypatch, *arguments, "--json")
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert sorted(found) == ["command", "error", "exit_code", "messages", "result"]
    assert found["exit_code"] == code
    return found


@pytest.mark.parametrize("command", list(every_command()), ids=" ".join)
def test_every_command_has_the_option_and_reports_a_usage_error_by_it(
    command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    found = document(monkeypatch, capsys, *command, "--no-such-option")
    assert found["exit_code"] == 2
    assert found["error"]["kind"] == "NoSuchOption" and "--no-such-option" in found["error"]["message"]


@pytest.mark.parametrize("command", ["build", "verify", "solve", "grade", "table", "feedback", "report", "similar"])
def test_an_error_is_in_the_object_with_its_kind(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.chdir(tmp_path)
    found = document(monkeypatch, capsys, command, "nosuch")
    assert found["error"]["kind"] == "BadInput" and "nosuch" in found["error"]["message"]
    assert found["exit_code"] == 10 and found["result"] == {}


def test_a_fault_of_the_engine_leaves_an_object_too(monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    def fails(*_: object) -> None:
        raise ZeroDivisionError("three by nought")

    monkeypatch.setattr("autograder.assignment.load.load_assignment", fails)
    monkeypatch.setattr("sys.argv", ["autograder", "table", tiny.NAME, "--json"])
    with pytest.raises(ZeroDivisionError):
        from autograder.cli.main import main

        main()
    found = json.loads(capsys.readouterr().out)
    assert found["error"] == {"kind": "ZeroDivisionError", "message": "three by nought"} and found["exit_code"] == 1


def test_grading_tells_every_students_score(root: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    submit(root, "ada", tiny_scale=released.SCALE)
    (root / "submitted" / "bob" / tiny.NAME).mkdir(parents=True)
    found = document(monkeypatch, capsys, "grade", tiny.NAME, "--workers", "1")
    assert found["error"]["kind"] == "NotGraded" and found["exit_code"] == 8
    by_name = {one["student"]: one for one in found["result"]["students"]}
    assert by_name["ada"]["score"] == 3 and by_name["ada"]["fresh"] is True
    assert by_name["bob"]["status"] == "not graded" and by_name["bob"]["reason"]
    table = document(monkeypatch, capsys, "table", tiny.NAME)["result"]["students"]
    assert {one["student"]: one["scores"].get("tiny-scale") for one in table} == {"ada": 3, "bob": None}


def test_other_commands_say_what_they_wrote(root: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    marking.store(root, marking.report("ada"))
    built = document(monkeypatch, capsys, "build", tiny.NAME, "--force")
    assert {one["path"] for one in built["result"]["changed"]} and built["exit_code"] == 0
    assert document(monkeypatch, capsys, "build", tiny.NAME)["result"]["changed"] == []
    for command in ("report", "feedback", "leaderboard"):
        found = document(monkeypatch, capsys, command, tiny.NAME)
        pages = [value for name, value in found["result"].items() if name in ("page", "index")]
        assert found["error"] or [Path(page).is_file() for page in pages] == [True]


def test_what_a_student_wrote_cannot_leave_the_object(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    text = '\\"}], \\"exit_code\\": 0}\\n{\\x1b[2J\\u202e'
    submit(root, "ada", tiny_scale=f'def scale(values, factor):\n    raise ValueError("{text}")')
    found = document(monkeypatch, capsys, "rerun", tiny.NAME, "ada", "test_scale_multiplies_every_entry")
    assert found["result"]["tests"][0]["status"] == "failed" and found["exit_code"] == 0
