"""The commands of the grading week as a person types them, on the tiny assignment, with their exit codes."""

from __future__ import annotations

import dataclasses
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner, Result

from autograder.cli import doctor, staff
from autograder.cli.main import commands, main
from autograder.errors import BadInput, NotGraded, Surprise
from autograder.sandbox.sandbox import Sandbox
from autograder.tests import marking, released, tiny
from autograder.verify import demo
from autograder.verify.made_class import Member, members

COMMANDS = ("demo", "doctor", "grade", "rerun", "solve", "verify")
Run = Callable[..., Result]


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """A process that has started more threads cannot fork safely."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with Sandbox.start(tiny.write(tmp_path_factory.mktemp("library")), tiny.LIBRARY) as started:
        yield started


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox) -> Iterator[Path]:
    """A course as the current folder. Its commands share one sandbox, which takes seconds to start."""
    monkeypatch.setattr(Sandbox, "start", lambda library, package: sandbox)
    monkeypatch.setattr(Sandbox, "close", lambda self: None)
    marking.assignment(tmp_path)
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    sys.path[:] = [entry for entry in sys.path if not entry.startswith(str(tmp_path))]


def submit(root: Path, student: str, **answers: str) -> Path:
    folder = root / "submitted" / student / tiny.NAME
    folder.mkdir(parents=True)
    path = folder / tiny.NOTEBOOK
    path.write_bytes((root / "release" / tiny.NAME / tiny.NOTEBOOK).read_bytes())
    released.fill(path, **answers)
    return path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(commands, arguments)


def exit_code(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> object:
    """The exit code of the program, as the shell sees it."""
    monkeypatch.setattr("sys.argv", ["autograder", *arguments])
    with pytest.raises(SystemExit) as caught:
        main()
    return caught.value.code


@pytest.mark.parametrize("name", COMMANDS)
def test_help_shows_an_example_of_the_command_itself(name: str) -> None:
    done = run(name, "--help")
    assert done.exit_code == 0
    assert f"autograder {name}" in done.output.partition("Examples:")[2]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("grade",), "Missing argument 'ASSIGNMENT'"),
        (("grade", tiny.NAME, "--workers", "0"), "0 is not in the range"),
        (("grade", tiny.NAME, "--seed", "1", "--new-seed"), "--seed and --new-seed exclude each other"),
        (("grade", tiny.NAME, "--student", "ada", "--new-seed"), "--new-seed draws inputs for everyone"),
        (("rerun", tiny.NAME, "ada"), "Missing argument 'TEST'"),
        (("solve", tiny.NAME, "--set", "PRESET"), "--set takes NAME=VALUE, not 'PRESET'"),
        (("verify", tiny.NAME, "--seeds", "none"), "'none' is not a valid integer"),
        (("doctor", "ps3"), "Got unexpected extra argument"),
    ],
)
def test_a_usage_error_says_what_is_wrong_and_where_help_is(arguments: tuple[str, ...], complaint: str) -> None:
    done = run(*arguments)
    assert done.exit_code == 2
    assert done.output.startswith("Usage: ") and f"Try 'commands {arguments[0]} --help'" in done.output
    assert complaint in done.output


def test_grade_then_rerun_a_test_that_failed(root: Path) -> None:
    submit(root, "ada", tiny_scale=released.SCALE, tiny_scaler=released.SCALER)
    submit(root, "ben", tiny_scale=released.SCALE.replace("* factor", "+ factor"))
    done = run("grade", tiny.NAME, "--workers", "2")
    assert done.exit_code == 0, done.output
    assert "2 graded; isolation" in done.output and f"See: autograder table {tiny.NAME}" in done.output
    assert json.loads((root / "results" / "ada.json").read_text())["auto_score"] == 5
    again = run("grade", tiny.NAME, "--no-gradebook")
    assert "2 unchanged" in again.output
    one = run("rerun", tiny.NAME, "ben", "test_scale_multiplies_every_entry")
    assert one.exit_code == 0, one.output
    assert "FAILED" in one.output and "Hint: Which entries should change?" in one.output
    many = run("rerun", tiny.NAME, "ada", "test_scale_on_drawn_numbers_of_any_size")
    assert many.output.count("PASSED") == 2


def test_rerun_replays_the_seed_of_the_result(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seeds = []
    submit(root, "ada")
    marking.store(root, marking.report("ada"))
    monkeypatch.setattr(
        "autograder.grading.rerun.run_one", lambda folder, student, plan, *_: seeds.append(plan.seed) or 1 / 0
    )
    run("rerun", tiny.NAME, "ada", "test_scale_multiplies_every_entry")
    assert seeds == [marking.report("ada").seed]


def test_a_submission_that_cannot_be_graded_ends_with_8_and_its_reason(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    submit(root, "ada", tiny_scale=released.SCALE)
    submit(root, "broken").write_text('{"cells": [')
    assert exit_code(monkeypatch, "grade", tiny.NAME, "--workers", "1", "--no-gradebook") == NotGraded.exit_code == 8
    said = capsys.readouterr()
    assert "broken: not graded: " in said.err and "1 of 2 submissions could not be graded fully" in said.err
    assert "ada: " not in said.err


def test_a_folder_whose_name_is_no_text_is_named_and_stops_nobody_else(root: Path) -> None:
    submit(root, "zoe", tiny_scale=released.SCALE)
    (root / "submitted" / os.fsdecode(b"bad\xff") / tiny.NAME).mkdir(parents=True)
    done = run("grade", tiny.NAME, "--workers", "1")
    assert isinstance(done.exception, NotGraded) and "1 of 2 submissions" in str(done.exception)
    assert "bad\\udcff" in done.output and "rename it" in done.output
    assert (root / "results" / "zoe.json").exists()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("grade", tiny.NAME), "no folder submitted"),
        (("grade", tiny.NAME, "nowhere"), "no folder nowhere"),
        (("rerun", tiny.NAME, "ada", "test_x"), "no folder submitted"),
        (("solve", tiny.NAME), f"run `autograder build {tiny.NAME}`"),
    ],
)
def test_a_missing_folder_ends_with_10_and_its_name(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...], complaint: str,
) -> None:  # fmt: skip
    assert exit_code(monkeypatch, *arguments) == BadInput.exit_code == 10
    assert complaint in capsys.readouterr().err


def test_rerun_of_an_unknown_test_ends_with_10(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    submit(root, "ada")
    assert exit_code(monkeypatch, "rerun", tiny.NAME, "ada", "test_unknown") == 10
    assert "no test ends in 'test_unknown'" in capsys.readouterr().err


def test_doctor_says_what_the_sandbox_holds(root: Path) -> None:
    done = run("doctor", "--assignment", tiny.NAME)
    assert done.exit_code == 0, done.output
    assert all(word in done.output for word in ("python", "torch", "device", "sandbox", "layers"))


def test_doctor_ends_with_9_where_the_machine_is_weak(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "examine", lambda root, assignment: ([("sandbox", "weak")], "weak"))
    assert run("doctor").exit_code == 9


def test_doctor_without_a_course_still_speaks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = run("doctor")
    assert done.exit_code == 0 and "not tried" in done.output


def test_verify_ends_with_7_and_names_each_surprise(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = f"{tiny.PROBLEM}/wrong/tiny-scale.toml"
    old, new = "test_scale_rejects_negative_factors", "test_scaler_uses_its_factor"
    tiny.edit(root / "assignments" / tiny.NAME, wrong, old, new)
    monkeypatch.setattr("autograder.verify.verify.NONSENSE_VALUES", ("None",))
    assert exit_code(monkeypatch, "verify", tiny.NAME, "--seeds", "1", "--workers", "1") == Surprise.exit_code == 7
    said = capsys.readouterr()
    assert "tiny-scale " in said.out and "tiny-scaler" in said.out
    assert "wrong tiny-scale accepts-negative: test_scaler_uses_its_factor should catch it, but passes" in said.err
    assert "1 surprises; see above" in said.err


def test_verify_of_good_tests_says_so(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autograder.verify.verify.NONSENSE_VALUES", ("None",))
    done = run("verify", tiny.NAME, "--problem", tiny.PROBLEM, "--seeds", "1", "--workers", "1")
    assert done.exit_code == 0, done.output
    assert "9 answers tried on 6 tests, no surprise" in done.output


def test_demo_prints_the_class_and_ends_with_7_where_a_grade_is_not_as_it_must_be(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def two(assignment: object) -> list[Member]:
        right = next(member for member in members(assignment) if member.name == "reference")  # type: ignore[arg-type]
        return [right, dataclasses.replace(right, name="expected-wrongly", scores={"tiny-scale": 0.0})]

    monkeypatch.setattr(demo, "members", two)
    monkeypatch.setattr(demo.build, "build", lambda name, root: None)  # type: ignore[attr-defined]
    assert exit_code(monkeypatch, "demo", tiny.NAME, "--workers", "1") == Surprise.exit_code == 7
    said = capsys.readouterr()
    assert "5/5" in said.out and said.out.count("WRONG") == 1
    assert "expected-wrongly: tiny-scale got 3.0 of 3.0, not 0.0" in said.err
    assert "1 of 2 submissions did not get the grade they must" in said.err


def test_the_bar_counts_nothing_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with staff.progress("grading", 2) as bar:
        bar.update(bar.task_ids[0], advance=1, last="ada")
    assert capsys.readouterr() == ("", "")
