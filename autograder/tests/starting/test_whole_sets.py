"""The skeleton and nbgrader's example through the whole job: build, verify, demo."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from autograder.sandbox.sandbox import Sandbox
from autograder.starting.new_set import write_skeleton
from autograder.tests.command_line import run
from autograder.verify import demo
from autograder.verify.made_class import Member, members

pytestmark = pytest.mark.slow
STORED = Path(__file__).parents[1] / "sets" / "example"


def few(assignment: object) -> list[Member]:
    """Of the made class those whose grades say the most."""
    return [one for one in members(assignment) if one.name in ("reference", "untouched")]  # type: ignore[arg-type]


def go_through(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "members", few)
    for command in (("build",), ("verify", "--seeds", "2", "--workers", "1"), ("demo", "--workers", "1")):
        done = run(command[0], name, *command[1:])
        assert done.exit_code == 0, done.output
    assert "All 2 grades are as they must be" in done.output


def test_the_skeleton_goes_through_the_whole_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, one_thread: None
) -> None:
    write_skeleton(tmp_path, "ps1")
    monkeypatch.chdir(tmp_path)
    start = Sandbox.start
    kept: list[Sandbox] = []

    def once(*arguments: object, **options: object) -> Sandbox:
        if not kept:
            kept.append(start(*arguments, **options))  # type: ignore[arg-type]
        return kept[0]

    monkeypatch.setattr(Sandbox, "start", once)
    monkeypatch.setattr(Sandbox, "close", lambda self: None)
    try:
        go_through("ps1", monkeypatch)
    finally:
        monkeypatch.undo()
        for sandbox in kept:
            sandbox.close()


def test_nbgraders_example_goes_through_the_whole_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, one_sandbox: None
) -> None:
    shutil.copytree(STORED, tmp_path / "assignments" / "example")
    monkeypatch.chdir(tmp_path)
    go_through("example", monkeypatch)
