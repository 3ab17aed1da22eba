"""How far a command is: a bar on a terminal, elsewhere a line now and then."""

from __future__ import annotations

import pytest

from autograder.cli import options


class Clock:
    """The time, as a test sets it."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(options, "time", clock)
    return clock


def test_a_quick_command_says_nothing_where_there_is_no_terminal(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    with options.counting("grading", 20) as advance:
        for number in range(20):
            clock.now += 0.4
            advance(f"ada{number}")
    assert capsys.readouterr() == ("", "")


def test_elsewhere_than_on_a_terminal_a_line_comes_after_ten_seconds_and_a_tenth_of_the_work(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    with options.counting("grading", 1000) as advance:
        for number in range(1000):
            clock.now += 0.5
            advance(f"ada{number}")
    shown = capsys.readouterr()
    assert shown.out == ""
    lines = shown.err.splitlines()
    assert lines[:2] == ["grading: 100 of 1000, 50 s (ada99)", "grading: 200 of 1000, 100 s (ada199)"]
    assert len(lines) == 10


def test_work_that_is_slow_is_told_once_a_minute(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    with options.progress("executing", None) as bar:
        for cell in range(1, 5):
            clock.now += 45
            bar.update(completed=cell, total=1000, last="1_scaling.ipynb\x1b[2J")
    assert capsys.readouterr().err.splitlines() == [
        "executing: 2 of 1000, 90 s (1_scaling.ipynb\\x1b[2J)",
        "executing: 4 of 1000, 180 s (1_scaling.ipynb\\x1b[2J)",
    ]


def test_a_line_without_a_known_end_says_how_much_is_done(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    with options.progress("collecting", None) as bar:
        clock.now += 11
        bar.update(advance=3)
    assert capsys.readouterr().err == "collecting: 3, 11 s\n"
