"""The leaderboard: what submitted weights reach, best first, and nobody's name unless it is asked for."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from autograder.tests import marking, tiny
from autograder.tests.command_line import exit_code, run

PAGE = Path("feedback") / f"{tiny.NAME}-leaderboard.html"


@pytest.fixture
def measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Results of four students, of whom one has handed in no weights."""
    monkeypatch.chdir(tmp_path)
    marking.without_gradebook(tmp_path)
    reports = []
    for student, accuracy in (("ada", 0.5), ("bob", 0.75), ("cy<b>", 0.5), ("dan", None)):
        report = marking.report(student)
        exercises = tuple(dataclasses.replace(one, accuracy=accuracy) for one in report.exercises)
        reports.append(dataclasses.replace(report, exercises=exercises))
    marking.store(tmp_path, *reports)
    return tmp_path


def ask(root: Path) -> None:
    toml = root / "assignments" / tiny.NAME / "scaling" / "problem.toml"
    more = 'points = 3\nweights = "w.safetensors"\nleaderboard = "Linear probe"'
    toml.write_text(toml.read_text().replace("points = 3", more))


def test_places_go_by_accuracy_and_equal_ones_share_a_place(measured: Path) -> None:
    ask(measured)
    assert run("leaderboard", tiny.NAME).output.strip() == str(PAGE)
    html = PAGE.read_text()
    rows = [html.index(text) for text in ("<td>1</td><td>75.0 %</td>", "<td>2</td><td>50.0 %</td>")]
    assert rows == sorted(rows) and html.count("<td>2</td>") == 2 and "3 handed in" in html
    assert "bob" not in html and "ada" not in html


def test_names_are_shown_where_that_is_asked_for_and_do_no_harm(measured: Path) -> None:
    ask(measured)
    run("leaderboard", tiny.NAME, "--names")
    html = PAGE.read_text()
    assert "<td>bob</td>" in html and "cy&lt;b&gt;" in html and "cy<b>" not in html


def test_what_cannot_be_compared_is_refused(measured: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert exit_code(monkeypatch, "leaderboard", tiny.NAME) == 10  # no exercise asks for one
    ask(measured)
    assert exit_code(monkeypatch, "leaderboard", tiny.NAME, "--out", "nowhere") == 10
    for path in (measured / "results" / tiny.NAME).glob("[!d]*.json"):
        path.unlink()
    assert exit_code(monkeypatch, "leaderboard", tiny.NAME) == 10  # nothing was measured
    toml = measured / "assignments" / tiny.NAME / "scaling" / "problem.toml"
    toml.write_text(toml.read_text().replace('weights = "w.safetensors"\n', ""))
    assert exit_code(monkeypatch, "leaderboard", tiny.NAME) == 3
