"""A course's term as its files say it now: roster, groups, extensions and deadlines, and how late each work is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from autograder.assignment.policy import AttemptRule, DueDate, deadlines
from autograder.course_folders import CourseFolders
from autograder.results import Report, ReportStatus, ResultFolder
from autograder.roster.attempts import Attempt, attempt_results, attempts_of, chosen, handed_in, time_text
from autograder.roster.extensions import Extensions, course_extensions
from autograder.roster.groups import Groups, course_groups
from autograder.roster.lateness import Lateness, lateness
from autograder.roster.roster import Roster, course_roster


@dataclass(frozen=True)
class Term:
    """deadlines: of assignments with a policy, by due date."""

    course: CourseFolders
    roster: Roster | None
    deadlines: tuple[DueDate, ...]
    extensions: Extensions
    groups: Groups

    @cached_property
    def _by_assignment(self) -> dict[str, DueDate]:
        return {deadline.assignment: deadline for deadline in self.deadlines}

    def has_policy(self, assignment: str) -> bool:
        return assignment in self._by_assignment

    def rule(self, assignment: str) -> AttemptRule:
        """Which of several attempts counts."""
        deadline = self._by_assignment.get(assignment)
        return AttemptRule.LAST if deadline is None else deadline.policy.attempts

    def lateness(self, assignment: str, student: str, by: str = "") -> Lateness | None:
        """How late the work is that was graded for a student; None where the assignment has no policy.

        by: who handed it in, where another member of the group did.
        """
        return self.lateness_at(assignment, student, handed_in(self.course.submitted / (by or student) / assignment))

    def lateness_at(self, assignment: str, student: str, moment: datetime | None) -> Lateness | None:
        """The same for work handed in at another time."""
        deadline = self._by_assignment.get(assignment)
        if deadline is None:
            return None
        due = self.extensions.deadline(student, assignment, deadline.due)
        return lateness(deadline.policy, due, moment, self._days_left(deadline, student))

    def counting(self, assignment: str, student: str) -> Attempt | None:
        """Of the attempts that are kept for a student the one that counts now; None where that cannot be said."""
        return self.chosen(assignment, attempts_of(self.course, assignment, student))

    def chosen(self, assignment: str, attempts: Sequence[Attempt]) -> Attempt | None:
        """The same among these, which may be of a group."""
        return chosen(
            attempts, self.rule(assignment), self.late_attempt(assignment), lambda one: self._points(assignment, one)
        )

    def outdated(self, assignment: str) -> list[Attempt]:
        """Attempts that count now and do not lie in submitted/, such as after an extension."""
        folder = self.course.attempts / assignment
        students = sorted(path.name for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
        counting = [attempt for name in students if (attempt := self.counting(assignment, name)) is not None]
        return [
            attempt
            for attempt in counting
            if handed_in(self.course.submitted / attempt.student / assignment) != attempt.moment
        ]

    def is_replaced(self, report: Report) -> bool:
        """Whether submitted/ holds work of another time than the graded one."""
        folder = self.course.submitted / (report.handed_in_by or report.student) / report.assignment
        return report.handed_in is not None and folder.is_dir() and time_text(folder) != report.handed_in

    def _points(self, assignment: str, attempt: Attempt) -> float | None:
        """What an attempt got when all were graded; None: not graded."""
        results = attempt_results(ResultFolder(self.course.results / assignment, self.course.state))
        report = results.read(attempt.key)
        return report.auto_score if report is not None and report.status is ReportStatus.GRADED else None

    def late_attempt(self, assignment: str) -> Callable[[Attempt], Lateness | None]:
        """How late each attempt of an assignment is."""
        return lambda attempt: self.lateness_at(assignment, attempt.student, attempt.moment)

    def _days_left(self, deadline: DueDate, student: str) -> int:
        """Late days not used for assignments that were due earlier."""
        if not deadline.policy.late_days:
            return 0
        earlier = self.deadlines[: self.deadlines.index(deadline)]
        return max(0, deadline.policy.late_days - sum(self._free_days(one, student) for one in earlier))

    def _free_days(self, deadline: DueDate, student: str) -> int:
        """Late days that a student used for an assignment."""
        key = (deadline.assignment, student)
        if key not in self._used:
            report = ResultFolder(self.course.results / deadline.assignment, self.course.state).read(student)
            late = self.lateness(deadline.assignment, student, report.handed_in_by if report is not None else "")
            self._used[key] = late.free_days if late is not None else 0
        return self._used[key]

    @cached_property
    def _used(self) -> dict[tuple[str, str], int]:
        return {}


def course_term(course: CourseFolders) -> Term:
    """Read the course's files. BadInput or CourseError naming file and line where one cannot be."""
    roster = course_roster(course)
    people = None if roster is None else frozenset(roster.by_id)
    due = deadlines(course)
    extensions = course_extensions(course, people, {one.assignment: one.due for one in due})
    return Term(course, roster, due, extensions, course_groups(course, people))
