"""Rosters as Canvas, Gradescope, nbgrader and people write them."""

from __future__ import annotations

from pathlib import Path

import pytest

from autograder.course_folders import CourseFolders
from autograder.errors import BadInput
from autograder.roster.roster import Person, Roster, course_roster

CANVAS = """Student,ID,SIS User ID,SIS Login ID,Section,Problem set 3 (98765),Current Score
,,,,,Manual Posting,
    Points Possible,,,,,85,(read only)
"Lovelace, Ada",4411,0012345,ada@uni.example,CS 231 A,,70
"Student, Test",4499,,5b1a0f8a,CS 231 A,,
"""
GRADESCOPE = """First Name,Last Name,SID,Email,Role,Sections
Ada,Lovelace,0012345,ada@uni.example,Student,A
Grace,Hopper,0000001,grace@uni.example,Instructor,
"""
NBGRADER = "id,first_name,last_name,email\nada,Ada,Lovelace,ada@uni.example\n"


def read(tmp_path: Path, content: str | bytes) -> Roster:
    data = content if isinstance(content, bytes) else content.encode()
    (tmp_path / "roster.csv").write_bytes(data)
    roster = course_roster(CourseFolders(tmp_path))
    assert roster is not None
    return roster


def test_a_course_without_a_roster_has_none(tmp_path: Path) -> None:
    assert course_roster(CourseFolders(tmp_path)) is None


def test_canvas_gradebook_gives_students_by_login_and_leaves_its_other_rows(tmp_path: Path) -> None:
    (person,) = read(tmp_path, CANVAS).people
    assert (person.id, person.name, person.email) == ("ada", "Ada Lovelace", "ada@uni.example")
    assert (person.section, person.other_ids) == ("CS 231 A", ("4411", "0012345"))


def test_gradescope_roster_gives_students_by_email_and_leaves_the_staff(tmp_path: Path) -> None:
    assert read(tmp_path, GRADESCOPE).people == (
        Person("ada", "Ada Lovelace", "ada@uni.example", "A", ("0012345",)),
    )  # fmt: skip


def test_the_column_id_comes_before_all_others(tmp_path: Path) -> None:
    assert read(tmp_path, NBGRADER.replace("\nada,", "\nlovelace,")).people[0].id == "lovelace"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le"])
def test_encodings_of_spreadsheets_are_read(tmp_path: Path, encoding: str) -> None:
    text = NBGRADER.replace("Lovelace", "Løvelåce")
    data = (b"\xff\xfe" if encoding == "utf-16-le" else b"") + text.encode(encoding)
    assert read(tmp_path, data).people[0].name == "Ada Løvelåce"


@pytest.mark.parametrize("change", [
    lambda text: text.replace(",", ";"), lambda text: text.replace(",", "\t"), lambda text: text.replace("\n", "\r\n"),
    lambda text: "sep=;\n" + text.replace(",", ";"), lambda text: "\n" + text + "\n,,,\n",
])  # fmt: skip
def test_other_separators_and_line_ends_are_read(tmp_path: Path, change: object) -> None:
    assert callable(change)
    assert [person.id for person in read(tmp_path, change(NBGRADER)).people] == ["ada"]


@pytest.mark.parametrize(
    ("rows", "line", "why"),
    [
        ("ada,A,B,a@x\nada,C,D,c@x\n", 3, "stands in line 2 already"),
        ("ada,A,B,a@x\nADA,C,D,c@x\n", 2, "cannot tell"),
        ("ada,A,B,a@x\n,C,D,c@x\n", 3, "no id"),
        ("../ada,A,B,a@x\n", 2, "cannot name a folder"),
        (".ada,A,B,a@x\n", 2, "begins with a dot"),
        ("ad\u202ea,A,B,a@x\n", 2, "nobody can see"),
        ("x" * 300 + ",A,B,a@x\n", 2, "too long"),
        ("ada,A,B,a@x,more\n", 2, "more cells than the header"),
    ],
)  # fmt: skip
def test_ids_that_cannot_be_are_refused_with_the_line(tmp_path: Path, rows: str, line: int, why: str) -> None:
    with pytest.raises(BadInput, match=why) as refused:
        read(tmp_path, "id,first_name,last_name,email\n" + rows)
    assert f"roster.csv:{line}: " in str(refused.value)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is empty"), (b"id,name\n", "no row"), (b"name,age\nAda,3\n", "none of the columns"),
        (b"PK\x03\x04rest", "is a spreadsheet"), ("id,name\nada,Zoë\n".encode("latin-1"), "neither UTF-8 nor UTF-16"),
        (b"id,name\n\0,b\n", "bytes of 0"), (b'id,name\n"ada,b\n', "no CSV file"),
        (b"id," + b"x" * 200_000 + b"\na,b\n", "no CSV file"), (b"id,id\na,b\n", "two columns"),
        (GRADESCOPE.replace("Student", "TA").encode(), "holds no student"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_roster_is_refused(tmp_path: Path, content: bytes, why: str) -> None:
    with pytest.raises(BadInput, match=why):
        read(tmp_path, content)
