"""The commands of those who write an assignment, on the tiny assignment, with their exit codes."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from autograder.errors import BadInput, Surprise
from autograder.tests import tiny
from autograder.tests.command_line import exit_code, run
from autograder.verify import demo
from autograder.verify.made_class import Member, members


@pytest.fixture
def hardened(root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The course, its tests such that `verify` has nothing against them."""
    tiny.harden(root / "assignments" / tiny.NAME)
    monkeypatch.setattr("autograder.verify.cases.NONSENSE_VALUES", ("None",))
    monkeypatch.setattr("autograder.verify.cases.NONSENSE_OF", {})
    return root


def test_verify_ends_with_7_and_names_each_surprise(
    hardened: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = f"{tiny.PROBLEM}/wrong/tiny-scale.toml"
    old, new = "test_scale_rejects_negative_factors", "test_scaler_uses_its_factor"
    tiny.edit(hardened / "assignments" / tiny.NAME, wrong, old, new)
    assert exit_code(monkeypatch, "verify", tiny.NAME, "--seeds", "1", "--workers", "1") == Surprise.exit_code == 7
    printed = capsys.readouterr()
    assert "tiny-scale " in printed.out and "tiny-scaler" in printed.out
    assert "wrong tiny-scale accepts-negative: test_scaler_uses_its_factor should catch it, but passes" in printed.err
    assert "2 surprises; see above" in printed.err


def test_verify_of_good_tests_says_so(hardened: Path) -> None:
    done = run("verify", tiny.NAME, "--problem", tiny.PROBLEM, "--seeds", "1", "--workers", "1")
    assert done.exit_code == 0, done.output
    assert "31 answers tried on 6 tests, no surprise" in done.output


def test_verify_prints_what_each_wrong_answer_costs_and_on_demand_every_test_that_it_fails(
    hardened: Path,
) -> None:
    arguments = ("verify", tiny.NAME, "--all", "--seeds", "1", "--workers", "1")
    short, long = run(*arguments).output, run(*arguments, "--costs").output
    row = ["tiny-scale", "adds", "3", "of", "3", "4", "of", "4", "test_scale_multiplies_every_entry"]
    assert row in [line.split() for line in short.splitlines()]
    assert "test_scale_on_drawn_numbers_of_any_size[size1]" in long
    assert "test_scale_on_drawn_numbers_of_any_size[size1]" not in short


def test_verify_proves_again_only_what_changed_or_was_asked_for(hardened: Path) -> None:
    arguments = ("verify", tiny.NAME, "--seeds", "1", "--workers", "1")
    first, second, everything = run(*arguments), run(*arguments), run(*arguments, "--all")
    assert "no surprise" in first.output
    assert second.output.startswith(f"{tiny.PROBLEM}: proved already (")
    assert "1 seeds); --all proves it again" in second.output and "tried" not in second.output
    assert "no surprise" in everything.output


def test_demo_prints_the_class_and_ends_with_7_where_a_grade_is_not_as_it_must_be(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def two(assignment: object) -> list[Member]:
        right = next(member for member in members(assignment) if member.name == "reference")  # type: ignore[arg-type]
        return [right, dataclasses.replace(right, name="expected-wrongly", scores={"tiny-scale": 0.0})]

    monkeypatch.setattr(demo, "members", two)
    monkeypatch.setattr(demo.build, "build", lambda name, root: None)  # type: ignore[attr-defined]
    assert exit_code(monkeypatch, "demo", tiny.NAME, "--workers", "1") == Surprise.exit_code == 7
    printed = capsys.readouterr()
    assert "5/5" in printed.out and printed.out.count("WRONG") == 1
    assert "expected-wrongly: tiny-scale got 3.0 of 3.0, not 0.0" in printed.err
    assert "1 of 2 submissions did not get the grade they must" in printed.err


@pytest.mark.parametrize(("arguments", "both"), [(["--problem", "shifting"], False), (["--all"], True)])
def test_verify_proves_also_a_problem_that_is_not_released(hardened: Path, arguments: list[str], both: bool) -> None:
    tiny.add_problem(hardened / "assignments" / tiny.NAME, "shifting", "second-")
    done = run("verify", tiny.NAME, "--seeds", "1", "--workers", "1", *arguments)
    assert done.exit_code == 0, done.output
    assert "second-scale" in done.output and ("tiny-scale " in done.output) == both


def test_solve_executes_also_a_problem_that_is_not_released(hardened: Path, tmp_path: Path) -> None:
    tiny.add_problem(hardened / "assignments" / tiny.NAME, "shifting", "second-")
    done = run("solve", tiny.NAME, "--problem", "shifting", "--out", str(tmp_path / "pages"))
    assert done.exit_code == 0, done.output
    assert {path.name for path in (tmp_path / "pages/tinyset").iterdir()} == {
        "extra_shifting.html",
        "extra_shifting.ipynb",
    }
    assert not list((hardened / "release").rglob("extra_*"))


def test_solve_without_a_build_ends_with_10_and_the_command_to_run(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code(monkeypatch, "solve", tiny.NAME) == BadInput.exit_code == 10
    assert f"run `autograder build {tiny.NAME}`" in capsys.readouterr().err
