"""[policy] of assignment.toml: what late work costs, and which of several attempts counts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from autograder.assignment.toml import Complaints, TomlTable
from autograder.course_folders import CourseFolders


class AttemptRule(StrEnum):
    """Which of a student's attempts counts."""

    LAST = "last"
    LAST_ON_TIME = "last on time"  # where none is on time: the last
    BEST = "best"  # by points after lateness


@dataclass(frozen=True)
class Policy:
    """What late work costs.

    grace_minutes: so much after the deadline is on time. percent_a_day: off the points for each day begun.
    late_days: days that cost nothing, a student's for the whole course. last_day: days after the deadline that work is
    taken at all; None: always.
    """

    grace_minutes: int = 0
    percent_a_day: float = 0.0
    late_days: int = 0
    last_day: int | None = None
    attempts: AttemptRule = AttemptRule.LAST


@dataclass(frozen=True)
class DueDate:
    """An assignment's due date, as written with its offset from UTC, and its policy."""

    assignment: str
    due: datetime
    policy: Policy


def read_policy(data: TomlTable, due: datetime | None) -> Policy | None:
    """The table [policy] of assignment.toml; None where there is none."""
    table = data.table("policy")
    if table is None:
        return None
    if due is None:
        table.complain("[policy] needs a deadline: write due = above it")
    policy = Policy(
        table.count("grace_minutes", 0),
        table.percent("percent_a_day"),
        table.count("late_days", 0),
        table.optional_count("last_day"),
        AttemptRule(table.one_of("attempts", tuple(AttemptRule))),
    )
    table.refuse_others()
    return policy


def deadlines(course: CourseFolders) -> tuple[DueDate, ...]:
    """Every assignment of the course that has a policy, by due date. CourseError where one cannot be read."""
    complaints, found = Complaints(course.root), []
    for path in sorted(course.assignments.glob("*/assignment.toml")):
        data = TomlTable.read(path, complaints)
        due = data.moment("due")
        policy = read_policy(data, due)
        if due is not None and policy is not None:
            found.append(DueDate(path.parent.name, due, policy))
    complaints.raise_if_any()
    return tuple(sorted(found, key=lambda deadline: (deadline.due, deadline.assignment)))
