"""extensions.csv: who has more time, for which assignment, until when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from autograder.course_folders import CourseFolders
from autograder.roster import csv_table
from autograder.roster.csv_table import CsvRow, CsvTable

COLUMNS = ("student", "assignment", "due", "days", "reason")
MAX_DAYS = 1_000


@dataclass(frozen=True)
class Extension:
    """More time for one student: until `due`, or so many days of 24 hours after the assignment's own."""

    due: datetime | None
    days: int
    reason: str

    def applied(self, due: datetime) -> datetime:
        """This student's deadline. due: the assignment's own, which is earlier."""
        return self.due if self.due is not None else due + timedelta(days=self.days)


@dataclass(frozen=True)
class Extensions:
    """By student and assignment."""

    entries: Mapping[tuple[str, str], Extension] = field(default_factory=dict)

    def deadline(self, student: str, assignment: str, due: datetime) -> datetime:
        """When this student's work is due."""
        extension = self.entries.get((student, assignment))
        return due if extension is None else extension.applied(due)


def course_extensions(
    course: CourseFolders, people: frozenset[str] | None, due_dates: Mapping[str, datetime]
) -> Extensions:
    """What extensions.csv says; nothing where there is none. BadInput naming the line that cannot be.

    people: everyone on the roster, so that a misspelt name is found; None where there is no roster.
    due_dates: of the assignments for which lateness counts, which no extension can bring forward.
    """
    if not course.extensions.exists():
        return Extensions()
    table = csv_table.read(course.extensions)
    table.require("student", "assignment")
    table.refuse_other_columns(*COLUMNS)
    found: dict[tuple[str, str], tuple[int, Extension]] = {}
    for row in table.rows:
        key = (csv_table.student(table, row, people), csv_table.assignment(table, row, course))
        if key in found:
            raise table.refuse(row.line, f"{key[0]} has an extension for {key[1]} in line {found[key][0]} already")
        extension = _extension(table, row)
        if extension.due is not None and extension.due < due_dates.get(key[1], extension.due):
            raise table.refuse(row.line, f"due is before the deadline of {key[1]}, {due_dates[key[1]].isoformat()}")
        found[key] = (row.line, extension)
    return Extensions({key: extension for key, (_, extension) in found.items()})


def _extension(table: CsvTable, row: CsvRow) -> Extension:
    due, days = row.get("due"), row.get("days")
    if bool(due) == bool(days):
        raise table.refuse(row.line, "give either due, a date and time, or days, a whole number")
    return Extension(
        _moment(table, row, due) if due else None, _days(table, row, days) if days else 0, row.get("reason")
    )


def _moment(table: CsvTable, row: CsvRow, text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise ValueError("no offset from UTC")
    except ValueError:
        raise table.refuse(
            row.line, f"due {text!r} should be a date and time with its offset, such as 2026-12-14T23:59:00+01:00"
        ) from None
    return moment


def _days(table: CsvTable, row: CsvRow, text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) < 5 and 0 < int(text) <= MAX_DAYS:
        return int(text)
    raise table.refuse(row.line, f"days {text!r} should be a whole number from 1 to {MAX_DAYS}")
