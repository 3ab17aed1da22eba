"""Names as people type them: one form, or an error that says what was expected."""

from __future__ import annotations

from pathlib import Path

import pytest

from autograder.assignment.load import load_assignment
from autograder.cli.export import export
from autograder.cli.main import commands
from autograder.errors import BadInput
from autograder.names import alike, assignment_name, student_name, why_no_student
from autograder.tests import tiny
from autograder.tests.command_line import run


@pytest.mark.parametrize(
    "typed", ["ps3", "ps3/", "ps3//", "./ps3", ".//ps3/", "assignments/ps3", "./assignments/ps3/", "ps3/."]
)
def test_what_the_shell_completes_is_the_same_assignment(typed: str) -> None:
    assert assignment_name(typed) == "ps3"


@pytest.mark.parametrize(
    "typed",
    ["", "/", ".", "..", "../ps3", "ps3/..", "assignments", "assignments/", "assignments/../ps3", "/ps3", "a/ps3",
     " ps3", "ps3 ", "ps3\n", ".ps3", "*", "ps3\\", "p\u202es3", "pѕ3", "details", "notebooks", "-ps3"],
)  # fmt: skip
def test_what_names_no_assignment_is_refused(typed: str) -> None:
    with pytest.raises(BadInput, match="no assignment"):
        assignment_name(typed)


@pytest.mark.parametrize("typed", ["TINYSET", "Tinyset/", "tinyset.ipynb", "tinyset2", "release", "tinyset/scaling"])
def test_only_the_exact_name_of_a_folder_is_an_assignment(tmp_path: Path, typed: str) -> None:
    tiny.write(tmp_path)
    with pytest.raises(BadInput, match="no assignment"):
        load_assignment(typed, tmp_path)


SINGLE = [(name,) for name in sorted(commands.commands) if name not in ("completion", "doctor", "export")]
COMMANDS = SINGLE + [("export", name) for name in sorted(export.commands)]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("typed", ["../tinyset", "", "tinyset/x"])
def test_every_command_refuses_what_is_no_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...], typed: str
) -> None:
    monkeypatch.chdir(tmp_path)
    done = run(*command, typed, *{"rerun": ["ada", "test_x"]}.get(command[0], []))
    assert isinstance(done.exception, BadInput) and "no assignment" in str(done.exception)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("typed", "name"), [("ada", "ada"), ("ada/", "ada"), ("José//", "José"), (".ada", ".ada")])
def test_a_student_is_named_by_the_folder_alone(typed: str, name: str) -> None:
    assert student_name(typed) == name


@pytest.mark.parametrize("typed", ["", "/", ".", "..", "../ada", "submitted/ada", "ada/ps3"])
def test_a_path_is_no_students_name(typed: str) -> None:
    with pytest.raises(BadInput, match="no student"):
        student_name(typed)


@pytest.mark.parametrize(
    "name",
    ["ada", "Ada Lovelace", "José", "李明", "12345", "o'neil", "a+b", "a[1]", "a*", "details", "notebooks", "-rf",
     "a⁄ps3", "back\\slash", "CON", "a" * 250, "x.json", "=1+1", "{id}", "%s"],
)  # fmt: skip
def test_a_name_that_a_file_can_have_is_a_students(name: str) -> None:
    assert why_no_student(name, "ps3") is None


@pytest.mark.parametrize(
    "name",
    [".ada", "..ada", "bad\udcff", "two\nlines", "tab\t", "bell\x07", "esc\x1b[2J", "\u202eada", "a\u200bda",
     "a\u2028b", "\ufeffada", " ada", "ada ", "ada\u00a0", "ps3", "ps3.html"],
)  # fmt: skip
def test_a_name_that_would_hide_or_mislead_is_refused_with_its_reason(name: str) -> None:
    assert why_no_student(name, "ps3")


def test_names_that_some_file_systems_take_for_one_are_found() -> None:
    assert alike(["ada", "Ada", "bob", "Jose\u0301", "Jos\u00e9", "STRASSE", "straße"]) == [
        ["Ada", "ada"],
        ["Jose\u0301", "Jos\u00e9"],
        ["STRASSE", "straße"],
    ]
