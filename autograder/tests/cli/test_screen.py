"""Whatever a submission's names and texts hold, commands print them so that nothing of it acts on a terminal."""

from __future__ import annotations

import dataclasses
import io
import logging
from pathlib import Path

import pytest
from rich.console import Console

from autograder.assignment.model import Assignment
from autograder.cli import grade, options
from autograder.cli.nbgrader_commands import _CLEAN
from autograder.cli.screen import cell, console, say
from autograder.errors import BadInput, NotGraded
from autograder.grading.changes import ChangeLog, ScoreChange
from autograder.grading.grade_class import Done
from autograder.marks.gradebook import Summary
from autograder.results import ReportStatus
from autograder.tests import marking, released, tiny
from autograder.tests.cli.test_staff import submit
from autograder.tests.command_line import exit_code, run
from autograder.tests.hostile_words import WORDS, raw

ALL = " ".join(WORDS.values()).replace("\udc9b", "")
each_word = pytest.mark.parametrize("word", [word for word in WORDS.values() if word.isascii() or "\udc9b" not in word])


@each_word
def test_what_is_said_and_every_tables_cell_is_clean(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    say(word)
    say(word, err=True)
    shown = capsys.readouterr()
    assert shown.out and shown.err and not raw(shown.out + shown.err)
    assert not raw(cell(word).plain, lines=False)


@each_word
def test_reports_changes_and_notes_take_one_line_each(
    word: str, tinyset: Assignment, capsys: pytest.CaptureFixture[str]
) -> None:
    report = dataclasses.replace(marking.report("ada"), student=word, status=ReportStatus.NOT_GRADED, reason=word)
    with pytest.raises(NotGraded):
        grade._refuse_incomplete([Done(report, fresh=True)], {word: word})
    grade._print_gradebook(Summary(notes=[word]), [])
    shown = capsys.readouterr()
    assert len((shown.out + shown.err).splitlines()) == 3 and not raw(shown.out + shown.err)


@each_word
def test_the_table_of_changes_is_clean(word: str, tinyset: Assignment, capsys: pytest.CaptureFixture[str]) -> None:
    log = ChangeLog(marking.store(tinyset.root, marking.report("ada")), tinyset.manifest, ["ada"])
    log.changes.append(ScoreChange(word, word, 1.0, 2.0, word))
    grade._print_changes(log)
    assert not raw(capsys.readouterr().out)


def test_an_error_that_quotes_a_submission_is_clean(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise BadInput(ALL)

    monkeypatch.setattr("autograder.cli.main.commands", fails)
    assert exit_code(monkeypatch) == BadInput.exit_code
    shown = capsys.readouterr().err
    assert shown.startswith("Error: ") and not raw(shown)


def test_the_name_beside_a_bar_is_clean_and_short(monkeypatch: pytest.MonkeyPatch) -> None:
    file = io.StringIO()
    monkeypatch.setattr(options, "Console", lambda stderr: Console(file=file, force_terminal=True, width=200))
    with options.counting("grading", 2) as advance:
        advance("x" * 1000)
        advance("\x1b[2J\u202e\x9b31m")
    assert "\\x1b[2J\\u202e\\x9b31m" in file.getvalue() and "x" * 100 not in file.getvalue()


def test_the_table_and_the_csv_of_a_class_are_clean(root: Path) -> None:
    reports = [marking.report(f"s{number}") for number in range(2)]
    hostile = [dataclasses.replace(report, student=f"{report.student}\x1b[2J\u202e\x9b") for report in reports]
    marking.store(root, *(dataclasses.replace(report, reason=ALL) for report in hostile))
    for more in ([], ["--csv"]):
        shown = run("table", tiny.NAME, "--out", "results", *more)
        assert "s1\\x1b[2J\\u202e\\x9b" in shown.output.replace("\n", "") and not raw(shown.output)


def test_a_rerun_shows_a_students_words_under_a_bar(root: Path) -> None:
    text = "\\x1b[2J\\u202e\\x9b31m\\nPASSED\\nada: graded"
    submit(root, "ada", tiny_scale=f'def scale(values, factor):\n    raise ValueError("{text}")')
    shown = run("rerun", tiny.NAME, "ada", "test_scale_multiplies_every_entry")
    assert shown.exit_code == 0 and "FAILED" in shown.output and "  | ada: graded" in shown.output
    assert not raw(shown.output)
    assert not [line for line in shown.output.splitlines() if line.strip().startswith(("PASSED", "ada:"))]


def test_grading_hostile_files_prints_nothing_raw(root: Path) -> None:
    path = submit(root, "ada", tiny_scale=released.SCALE)
    for word in ("\x1b[2J", "\u202e", "a\nada: graded", "\x9b31m", "=1"):
        (path.parent / f"{word}.ipynb").write_bytes(path.read_bytes())
        (path.parent / f"{word}.txt").write_text(word)
        (root / "submitted" / word / tiny.NAME).mkdir(parents=True)
    shown = run("grade", tiny.NAME, "--workers", "1")
    assert not raw(shown.output) and "ada: graded\n" not in shown.output
    assert not raw((root / "results" / tiny.NAME / "ada.json").read_text())


@each_word
def test_nbgraders_log_is_clean(word: str) -> None:
    record = logging.LogRecord("nbgrader", logging.ERROR, "x", 1, "%s: %s", (word, word), None)
    assert _CLEAN.filter(record) and not raw(record.getMessage())


class Terminal(io.StringIO):
    """As far as rich asks."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("no_color", "styled"), [("", True), ("1", False), ("0", False)])
def test_no_color_leaves_no_styles_at_all(monkeypatch: pytest.MonkeyPatch, no_color: str, styled: bool) -> None:
    """no-color.org: any value that is not empty counts. Bold and dim are styles too."""
    monkeypatch.setenv("NO_COLOR", no_color)
    monkeypatch.setenv("TERM", "xterm-256color")
    for err in (False, True):
        stream = Terminal()
        monkeypatch.setattr("sys.stderr" if err else "sys.stdout", stream)
        screen = console(err=err)
        screen.print("[bold red]bold[/] [dim]dim[/] [underline]line[/]")
        assert ("\x1b" in stream.getvalue()) is styled and "bold" in stream.getvalue()
