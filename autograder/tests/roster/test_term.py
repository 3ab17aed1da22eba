"""A course's policy, extensions, groups and late days, read from its files."""

from __future__ import annotations

from pathlib import Path

import pytest

from autograder.assignment.load import load_assignment
from autograder.errors import BadInput, CourseError
from autograder.roster.term import Term
from autograder.tests import tiny
from autograder.tests.roster.terms import add_assignment, attempt, hand_in, term

ROSTER = "id,name\nada,Ada\nbob,Bob\n"
TENTH = "percent_a_day = 10"


def percent(term: Term, name: str = "ps1", student: str = "ada") -> float:
    late = term.lateness(name, student)
    assert late is not None
    return late.percent


def test_without_a_policy_nothing_is_late(tmp_path: Path) -> None:
    folder = tiny.write(tmp_path)
    assert load_assignment(tiny.NAME, tmp_path).policy is None
    assert term(tmp_path).lateness(folder.name, "ada") is None


@pytest.mark.parametrize(
    ("policy", "why"),
    [
        ("percent_a_day = 101", "from 0 to 100"), ("grace_minutes = -1", "0 or above"),
        ('attempts = "first"', "one of"),
        ("late_day = 3", "unknown setting 'late_day'"), ("last_day = 2026-10-12", "whole number"),
        ('percent_a_day = "10"', "from 0 to 100"), ("late_days = true", "whole number"),
    ],
)  # fmt: skip
def test_a_wrong_policy_is_refused_with_its_line(tmp_path: Path, policy: str, why: str) -> None:
    folder = tiny.write(tmp_path)
    with (folder / "assignment.toml").open("a") as file:
        file.write(f"\n[policy]\n{policy}\n")
    for reads in (lambda: load_assignment(tiny.NAME, tmp_path), lambda: term(tmp_path)):
        with pytest.raises(CourseError, match=why) as refused:
            reads()
        assert "assignment.toml:13: [policy] " in str(refused.value)


def test_a_policy_needs_a_deadline(tmp_path: Path) -> None:
    folder = tiny.write(tmp_path)
    tiny.edit(folder, "assignment.toml", "due = 2020-01-01T00:00:00Z\n", "")
    with (folder / "assignment.toml").open("a") as file:
        file.write("\n[policy]\n")
    with pytest.raises(CourseError, match="needs a deadline"):
        load_assignment(tiny.NAME, tmp_path)


def test_an_extension_given_later_corrects_what_is_late(tmp_path: Path) -> None:
    add_assignment(tmp_path, "ps1", TENTH)
    hand_in(tmp_path, "ada", "ps1", "2026-10-12 12:00:00")
    assert percent(term(tmp_path)) == 20
    assert percent(term(tmp_path, extensions="student,assignment,days\nada,ps1,1\n")) == 10
    due = "student,assignment,due,reason\nada,ps1,2026-10-12T14:00:00+02:00,ill\n"
    assert percent(term(tmp_path, extensions=due)) == 0
    assert percent(term(tmp_path, extensions=due.replace("ada", "bob"))) == 20


def test_late_days_are_used_in_the_order_of_due_dates(tmp_path: Path) -> None:
    policy = "percent_a_day = 10\nlate_days = 3"
    for name, month in (("zeta", "09"), ("alpha", "10")):
        add_assignment(tmp_path, name, policy, due=f"2026-{month}-10T12:00:00Z")
        hand_in(tmp_path, "ada", name, f"2026-{month}-12 11:00:00")
    late = {name: term(tmp_path).lateness(name, "ada") for name in ("zeta", "alpha")}
    assert [(one.free_days, one.percent, one.days_left) for one in late.values() if one] == [(2, 0, 1), (1, 10, 0)]
    extended = term(tmp_path, extensions="student,assignment,days\nada,zeta,2\n").lateness("alpha", "ada")
    assert extended is not None and (extended.free_days, extended.percent) == (2, 0)


def test_a_missing_time_is_neither_late_nor_on_time(tmp_path: Path) -> None:
    add_assignment(tmp_path, "ps1", TENTH)
    hand_in(tmp_path, "ada", "ps1", None)
    late = term(tmp_path).lateness("ps1", "ada")
    assert late is not None and not late.is_known


@pytest.mark.parametrize(
    ("file", "rows", "why"),
    [
        ("extensions", "eve,ps1,,1", "no id of roster.csv"), ("extensions", "ada,ps9,,1", "no assignment 'ps9'"),
        ("extensions", "ada,ps1,,", "either due"), ("extensions", "ada,ps1,2026-10-12T12:00Z,1", "either due"),
        ("extensions", "ada,ps1,2026-10-12 12:00,", "with its offset"), ("extensions", "ada,ps1,,-2", "from 1 to"),
        ("extensions", "ada,ps1,,1.5", "from 1 to"), ("extensions", ",ps1,,1", "no student"),
        ("extensions", "ada,ps1,2026-10-10T12:00Z,", "before the deadline of ps1"),
        ("groups", "1,eve,", "no id of roster.csv"), ("groups", ",ada,", "no group"), ("groups", "1,ada,ps9", "'ps9'"),
    ],
)  # fmt: skip
def test_lines_that_cannot_be_are_refused(tmp_path: Path, file: str, rows: str, why: str) -> None:
    add_assignment(tmp_path, "ps1")
    header = {"extensions": "student,assignment,due,days", "groups": "group,student,assignment"}[file]
    with pytest.raises(BadInput, match=why) as refused:
        term(tmp_path, roster=ROSTER, **{file: f"{header}\n{rows}\n"})
    assert f"{file}.csv:2: " in str(refused.value)


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("extensions", "student,assignment,days\nada,ps1,1\nada,ps1,2\n"),
        ("groups", "group,student\n1,ada\n2,ada\n"),
    ],
)  # fmt: skip
def test_a_student_stands_once_in_extensions_and_groups(tmp_path: Path, file: str, text: str) -> None:
    add_assignment(tmp_path, "ps1")
    with pytest.raises(BadInput, match="in line 2"):
        term(tmp_path, **{file: text})


def test_a_misspelt_column_is_refused(tmp_path: Path) -> None:
    add_assignment(tmp_path, "ps1")
    with pytest.raises(BadInput, match="unknown column 'until'"):
        term(tmp_path, extensions="student,assignment,until\nada,ps1,2026-10-12T12:00Z\n")


def test_groups_of_an_assignment_come_before_those_of_the_course(tmp_path: Path) -> None:
    add_assignment(tmp_path, "ps1")
    add_assignment(tmp_path, "ps2")
    groups = term(tmp_path, groups="group,student,assignment\n1,ada,\n1,bob,\n1,ada,ps2\n1,cy,ps2\n").groups
    assert groups.together("ps1", "ada") == ("ada", "bob")
    assert groups.together("ps2", "ada") == ("ada", "cy")
    assert groups.together("ps2", "bob") == ("bob",)


@pytest.mark.parametrize(
    ("policy", "counting"),
    [
        ("", "c-late"), ('attempts = "last"\nlast_day = 1', "b-on-time"), ('attempts = "last on time"', "b-on-time"),
    ],
)  # fmt: skip
def test_the_policy_names_the_attempt_that_counts(tmp_path: Path, policy: str, counting: str) -> None:
    add_assignment(tmp_path, "ps1", policy)
    for folder, moment in (
        ("a-early", "2026-10-01 12:00"),
        ("b-on-time", "2026-10-10 12:00"),
        ("c-late", "2026-10-14 12:00"),
    ):
        attempt(tmp_path, "ada", "ps1", folder, moment)
    chosen = term(tmp_path).counting("ps1", "ada")
    assert chosen is not None and chosen.name == counting


def test_an_extension_changes_which_attempt_counts(tmp_path: Path) -> None:
    add_assignment(tmp_path, "ps1", 'attempts = "last on time"')
    attempt(tmp_path, "ada", "ps1", "a", "2026-10-10 12:00")
    attempt(tmp_path, "ada", "ps1", "b", "2026-10-12 12:00")
    chosen = term(tmp_path, extensions="student,assignment,days\nada,ps1,3\n").counting("ps1", "ada")
    assert chosen is not None and chosen.name == "b"


def test_between_attempts_without_a_time_nobody_chooses_unless_they_are_numbered(tmp_path: Path) -> None:
    add_assignment(tmp_path, "ps1")
    for student, names in (("ada", ("undated-1", "undated-2")), ("bob", ("attempt-2", "attempt-10"))):
        for name in names:
            attempt(tmp_path, student, "ps1", name, None)
    assert term(tmp_path).counting("ps1", "ada") is None
    chosen = term(tmp_path).counting("ps1", "bob")
    assert chosen is not None and chosen.name == "attempt-10"
