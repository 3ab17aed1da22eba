import io
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from rich.table import Table

from autograder.assignment.model import Assignment
from autograder.cli import main as cli
from autograder.cli.main import commands
from autograder.cli.screen import print_on_any_terminal, say, say_table
from autograder.errors import BadInput
from autograder.grading.class_folder import submissions
from autograder.tests import tiny

TAKES_A_FOLDER = (
    "grade tinyset --no-gradebook --out", "table tinyset --out", "feedback tinyset --out", "leaderboard tinyset --out",
    "similar tinyset --out", "rerun tinyset ada x --out", "solve tinyset --out", "demo tinyset --into",
    "build tinyset --archive", "verify tinyset --figures", "release tinyset --version 1.0 --notes x --out",
)  # fmt: skip


@pytest.fixture
def here(tinyset: Assignment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a_file").write_text("dear")
    return tmp_path


@pytest.mark.parametrize("command", TAKES_A_FOLDER)
def test_an_output_folder_that_is_none_is_refused_before_any_work(here: Path, command: str) -> None:
    for path, told in (("a_file", "a_file is a file: give another"), ("a_file/x", "a_file is a file"),
                       ("assignments", "lies in the course's own assignments/"), ("release/x", "own release/"),
                       ("submitted", "own submitted/")):  # fmt: skip
        done = CliRunner().invoke(commands, [*command.split(), path])
        assert isinstance(done.exception, BadInput)
        assert told in str(done.exception)
    assert (here / "a_file").read_text() == "dear"


@pytest.mark.parametrize("command", ["export nbgrader tinyset --to", "export gradescope tinyset --out"])
@pytest.mark.parametrize("path", ["roster.csv", "gradebook.db", "source/x.csv", "nowhere/x.csv", "a_file/x.csv"])
def test_an_output_file_that_would_destroy_the_courses_own_is_refused(here: Path, command: str, path: str) -> None:
    (here / "results/tinyset").mkdir(parents=True)
    before = (here / "gradebook.db").read_bytes()
    done = CliRunner().invoke(commands, [*command.split(), path])
    assert isinstance(done.exception, BadInput)
    assert (here / "gradebook.db").read_bytes() == before


@pytest.mark.parametrize(
    "folder",
    ["release", "source", "assignments", "results", "autograded", ".", "..", "a_file", "empty", "nowhere", "other",
     "release/tinyset", "alone", "alone/tinyset"],
)  # fmt: skip
def test_a_folder_that_holds_no_class_enters_nobody(tinyset: Assignment, here: Path, folder: str) -> None:
    for name in ("empty", "results", "autograded", "other/release/tinyset", "other/submitted/ada/tinyset"):
        (here / name).mkdir(parents=True)
    (here / "alone/tinyset").mkdir(parents=True)
    (here / "alone/tinyset" / tiny.NOTEBOOK).write_text("{}")
    with pytest.raises(BadInput):
        submissions(Path(folder), tiny.NAME, tinyset.course)


def test_a_path_of_the_wrong_kind_that_nobody_foresaw_ends_in_a_sentence(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(**_: object) -> None:
        (here / "a_file" / "x").mkdir()

    monkeypatch.setattr(cli.commands.commands["doctor"], "callback", fails)
    monkeypatch.setattr(sys, "argv", ["autograder", "doctor"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == BadInput.exit_code
    assert "a_file/x: Not a directory. Give another path" in capsys.readouterr().err


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_a_terminal_without_the_letters_shows_what_stands_for_them(
    monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding))
    print_on_any_terminal()
    say("Žofie … → 王")
    table = Table("name")
    table.add_row("Žofie")
    say_table(table)
    sys.stdout.flush()
    assert b"\\u017dofie" in written.getvalue() or encoding == "cp1252"
    assert b"-> \\u738b" in written.getvalue()


def test_a_reader_that_stops_early_gets_no_traceback() -> None:
    code = "import sys; sys.argv = ['autograder', 'grade', '--help']; from autograder.cli.main import main; main()"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    assert b"Traceback" not in process.stderr.read()
    process.stderr.close()
    process.wait()
