"""Who is in the course: roster.csv, as Canvas, Gradescope or nbgrader export it, or written by hand."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from autograder.course_folders import CourseFolders
from autograder.errors import BadInput
from autograder.names import alike, why_no_student
from autograder.roster import csv_table
from autograder.roster.csv_table import CsvRow, CsvTable

# The first of these columns that a file has gives everyone's id; of an e-mail address what stands before the @.
ID_COLUMNS = ("id", "student id", "sis login id", "email", "email address", "sid", "sis user id")
# In Canvas's gradebook "ID" is Canvas's own number.
CANVAS_COLUMNS = ("student", "id")
_MAX_ID = 200  # bytes: a file system takes 255, and results are named `<id>.json`
_NOT_IN_A_FOLDER = ("/", "\\", ":", "\0")


@dataclass(frozen=True)
class Person:
    """A student. id: the name of the folder under submitted/. other_ids: what other systems call the same person."""

    id: str
    name: str = ""
    email: str = ""
    section: str = ""
    other_ids: tuple[str, ...] = ()


@dataclass(frozen=True)
class Roster:
    """Everyone in the course, in the file's order."""

    people: tuple[Person, ...]

    @cached_property
    def by_id(self) -> dict[str, Person]:
        return {person.id: person for person in self.people}


def course_roster(course: CourseFolders) -> Roster | None:
    """The course's roster; None where it has no roster.csv. BadInput naming the lines that cannot be."""
    return _read(csv_table.read(course.roster)) if course.roster.exists() else None


def _read(table: CsvTable) -> Roster:
    column = _id_column(table)
    people = [(row.line, _person(table, row, column)) for row in table.rows if _is_student(table, row)]
    if not people:
        raise BadInput(f"{table.path} holds no student: export it again, with students")
    complaints = list(_complaints(people, column))
    if complaints:
        raise BadInput("\n".join(f"{table.path}:{line}: {why}" for line, why in sorted(complaints)))
    return Roster(tuple(person for _, person in people))


def is_canvas(columns: tuple[str, ...]) -> bool:
    """Whether a header is that of Canvas's gradebook."""
    return columns[: len(CANVAS_COLUMNS)] == CANVAS_COLUMNS


def is_canvas_student(row: CsvRow) -> bool:
    """A row of Canvas's gradebook that is a student: neither points, nor posting policy, nor the test student."""
    return bool(row.get("id")) and row.get("student") not in ("Points Possible", "Student, Test", "Test Student")


def _id_column(table: CsvTable) -> str:
    names = [name for name in ID_COLUMNS if name in table.columns and not (is_canvas(table.columns) and name == "id")]
    if not names:
        known = ", ".join(ID_COLUMNS)
        raise BadInput(f"{table.path} has none of the columns {known}: add a column id with the name of each folder")
    return names[0]


def _is_student(table: CsvTable, row: CsvRow) -> bool:
    """Gradescope lists the staff too, by role."""
    return is_canvas_student(row) if is_canvas(table.columns) else row.get("role").casefold() in ("", "student")


def _person(table: CsvTable, row: CsvRow, column: str) -> Person:
    email = row.get("email", "email address") or _if_email(row.get("sis login id"))
    person_id = row.get(column)
    others = (row.get(name) for name in ID_COLUMNS)
    return Person(
        id=_local_part(person_id) if column != "id" else person_id,
        name=_name(row),
        email=email,
        section=row.get("section", "sections"),
        other_ids=tuple(dict.fromkeys(other for other in others if other and other != person_id)),
    )


def _name(row: CsvRow) -> str:
    """First name first, however the file writes it."""
    whole = row.get("student", "name", "full name")
    last, comma, first = (part.strip() for part in whole.partition(","))
    whole = f"{first} {last}" if comma and "," not in first else whole
    return whole or f"{row.get('first name')} {row.get('last name')}".strip()


def _local_part(text: str) -> str:
    return text.partition("@")[0].strip()


def _if_email(text: str) -> str:
    return text if "@" in text else ""


def _complaints(people: list[tuple[int, Person]], column: str) -> Iterator[tuple[int, str]]:
    lines: dict[str, list[int]] = defaultdict(list)
    for line, person in people:
        lines[person.id].append(line)
        if why := _why_no_id(person.id, column):
            yield line, why
    for name, places in lines.items():
        for line in places[1:] if name else ():
            yield line, f"{name!r} stands in line {places[0]} already: one line a person, or a column id that differs"
    for first, *more in alike(lines):
        for name in more:
            yield lines[name][0], f"some file systems cannot tell {name!r} from {first!r}: change one"


def _why_no_id(text: str, column: str) -> str | None:
    if not text:
        return f"no {column}, which names the student's folder: fill it, or add a column id"
    if text in (".", "..") or any(sign in text for sign in _NOT_IN_A_FOLDER):
        return f"{text!r} cannot name a folder: add a column id with one that can"
    if len(text.encode("utf-8", "surrogatepass")) > _MAX_ID:
        return f"the id that begins with {text[:20]!r} is too long for a folder's name"
    why = why_no_student(text, "")
    return f"{text!r} cannot name a folder: {why.removeprefix('the folder is ')}" if why else None
