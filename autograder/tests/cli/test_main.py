"""The commands as a person types them; what each does is tested with its module."""

import errno
import os

import click
import pytest
from click.testing import CliRunner, Result

from autograder import errors
from autograder.cli.main import commands, main
from autograder.errors import AutograderError, BadInput
from autograder.tests import marking, tiny


def run(*arguments: str) -> Result:
    return CliRunner().invoke(commands, arguments)


@pytest.fixture
def graded(tmp_path, monkeypatch):
    """A course with three results, as the current folder."""
    marking.without_gradebook(tmp_path)
    marking.store(tmp_path, marking.report("ada"), marking.report("bob", scale=1.0), marking.report("cy", scaler=None))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", sorted(commands.commands))
def test_every_command_explains_itself_with_an_example(name):
    done = run(name, "--help")
    assert done.exit_code == 0
    assert "Example" in done.output, done.output


@pytest.mark.parametrize("arguments", [(), ("build",), ("nosuch",), ("build", "x", "--nosuch"), ("table",)])
def test_a_usage_error_shows_the_usage_and_where_help_is(arguments):
    done = run(*arguments)
    assert done.exit_code == 2
    assert done.output.startswith("Usage: ")
    if arguments:
        assert "--help' for help" in done.output.splitlines()[1]
        assert done.output.splitlines()[-1].startswith("Error: ")


def test_every_kind_of_error_has_its_own_exit_code():
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, AutograderError)]
    codes = [kind.exit_code for kind in kinds]
    assert len(set(codes)) == len(codes)
    assert not {0, click.UsageError.exit_code} & set(codes)


def test_main_prints_the_message_alone_and_exits_with_the_code_of_the_error(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    tiny.write(tmp_path)
    monkeypatch.setattr("sys.argv", ["autograder", "table", tiny.NAME])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == BadInput.exit_code
    assert capsys.readouterr().err.startswith("Error: no results in results: run `autograder grade` first")


def test_table_shows_every_student_and_what_is_not_graded(graded):
    done = run("table", tiny.NAME)
    assert done.exit_code == 0
    assert all(name in done.output for name in ("ada", "bob", "cy"))
    assert "partly graded" in done.output


def test_table_as_csv_has_one_line_a_student(graded):
    done = run("table", tiny.NAME, "--csv")
    lines = done.output.splitlines()
    assert [line.split(",")[0] for line in lines[1:]] == ["ada", "bob", "cy"]


def test_feedback_writes_a_page_per_student_and_says_where(graded):
    done = run("feedback", tiny.NAME)
    assert done.exit_code == 0, done.output
    assert "3 pages in feedback/<student>/tinyset/" in done.output
    assert (graded / "feedback" / "ada" / tiny.NAME / "index.html").is_file()


def test_feedback_of_one_student_leaves_the_others(graded):
    done = run("feedback", tiny.NAME, "--student", "bob")
    assert "1 page in feedback/" in done.output
    assert sorted(path.name for path in (graded / "feedback").iterdir() if path.is_dir()) == ["bob"]


def test_a_full_disk_is_told_in_one_line(graded, monkeypatch, capsys):
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "results/ada.json")

    monkeypatch.setattr("autograder.assignment.load.load_assignment", full)
    monkeypatch.setattr("sys.argv", ["autograder", "table", tiny.NAME])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 1
    said = capsys.readouterr().err
    assert said.startswith("Error: No space left on device (results/ada.json)") and said.count("\n") == 1
