"""groups.csv: who hands in together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from autograder.course_folders import CourseFolders
from autograder.roster import csv_table

COLUMNS = ("group", "student", "assignment")


@dataclass(frozen=True)
class Groups:
    """By assignment ("": every one that has no groups of its own), each group's members."""

    members: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)

    def of(self, assignment: str) -> tuple[tuple[str, ...], ...]:
        """The groups of an assignment: each its members."""
        return tuple(self.members.get(assignment, self.members.get("", {})).values())

    def together(self, assignment: str, student: str) -> tuple[str, ...]:
        """A student's group, the student included; the student alone without one."""
        return next((group for group in self.of(assignment) if student in group), (student,))


def course_groups(course: CourseFolders, people: frozenset[str] | None) -> Groups:
    """What groups.csv says; nothing where there is none. BadInput naming the line that cannot be. people: as above."""
    if not course.groups.exists():
        return Groups()
    table = csv_table.read(course.groups)
    table.require("group", "student")
    table.refuse_other_columns(*COLUMNS)
    lines: dict[tuple[str, str], int] = {}
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    for row in table.rows:
        assignment = csv_table.assignment(table, row, course) if row.get("assignment") else ""
        student, group = csv_table.student(table, row, people), row.get("group")
        if not group:
            raise table.refuse(row.line, "no group: give each group a name or a number")
        if (assignment, student) in lines:
            raise table.refuse(row.line, f"{student} is in a group already, in line {lines[assignment, student]}")
        lines[assignment, student] = row.line
        members = found.setdefault(assignment, {})
        members[group] = (*members.get(group, ()), student)
    return Groups(found)
