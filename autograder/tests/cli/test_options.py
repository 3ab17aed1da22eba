"""The progress bar that several commands share."""

from __future__ import annotations

import pytest

from autograder.cli import options


def test_the_bar_counts_nothing_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with options.progress("grading", 2) as bar:
        bar.update(bar.task_ids[0], advance=1, last="ada")
    assert capsys.readouterr() == ("", "")
