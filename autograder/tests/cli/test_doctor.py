"""What `autograder doctor` says and how it ends."""

from __future__ import annotations

from pathlib import Path

import pytest

from autograder.cli import doctor
from autograder.tests import tiny
from autograder.tests.command_line import run


def test_doctor_says_what_the_sandbox_holds(root: Path) -> None:
    done = run("doctor", "--assignment", tiny.NAME)
    assert done.exit_code == 0, done.output
    assert all(word in done.output for word in ("python", "torch", "device", "sandbox", "layers"))


def test_doctor_ends_with_9_where_the_machine_is_weak(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "examine", lambda root, assignment: ([("sandbox", "weak")], "weak"))
    assert run("doctor").exit_code == 9


def test_doctor_without_a_course_says_what_was_not_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = run("doctor")
    assert done.exit_code == 0 and "not tried" in done.output


def test_doctor_says_which_of_the_promised_packages_and_versions_are_not_here(root: Path) -> None:
    path = root / "assignments" / tiny.NAME / "assignment.toml"
    path.write_text('python = "3.99"\ntorch = "1.9"\npackages = ["no_such_package", "pytest"]\n' + path.read_text())
    rows, _ = doctor.examine(root, tiny.NAME)
    said = [value for name, value in rows if name in ("no_such_package", "python", "torch")]
    assert any(value.startswith("MISSING") and "pip install" in value for value in said)
    assert any("promises 3.99 to students" in value for value in said)
    assert any("promises 1.9 to students" in value for value in said)
    assert ("pytest", pytest.__version__) in rows
