"""How often a student gets a page before the deadline: for so many submissions a day, which the state folder keeps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from autograder import clock
from autograder.assignment.model import Assignment
from autograder.errors import BadInput
from autograder.files import write_atomically
from autograder.results import Report, Stage


class Allowance:
    """The pages of one assignment. A page for the submission that the last one was for costs nothing."""

    def __init__(self, assignment: Assignment) -> None:
        self._assignment = assignment
        self._limit = assignment.feedback_a_day
        self._path: Path = assignment.course.state / "feedback.json"
        self._today = clock.now().astimezone(assignment.due.tzinfo if assignment.due else None).date()

    def grants(self, report: Report) -> bool:
        """Whether this result may be shown now; if so, that is remembered."""
        if report.stage is Stage.FINAL:
            return True
        pages = self._read()
        student = pages.setdefault(self._assignment.name, {}).get(report.student, {})
        if self._limit and student.get("last") == report.submission:
            return True
        shown = set(student.get("shown", ())) if student.get("day") == self._today.isoformat() else set()
        if len(shown | {report.submission}) > self._limit:
            return False
        pages[self._assignment.name][report.student] = {
            "day": self._today.isoformat(), "shown": sorted(shown | {report.submission}), "last": report.submission,
        }  # fmt: skip
        write_atomically(self._path, (json.dumps(pages, indent=1) + "\n").encode())
        return True

    @property
    def sentence(self) -> str:
        """What a student reads whose newest submission is not shown yet."""
        due = self._assignment.due
        until = f"the deadline ({due:%Y-%m-%d %H:%M %Z})" if due else "the deadline"
        if not self._limit:
            return f"There is no feedback before {until}. Your submission is taken in."
        count = "1 submission" if self._limit == 1 else f"{self._limit} submissions"
        return (
            f"Your newest submission is taken in. Before {until} there is feedback on at most {count} a day: "
            f"the next comes after {self._today.isoformat()}."
        )

    def _read(self) -> dict[str, Any]:
        try:
            pages = json.loads(self._path.read_text(encoding="utf-8")) if self._path.exists() else {}
            if all(isinstance(student, dict) for students in pages.values() for student in students.values()):
                return dict(pages)
            raise ValueError("not a record of pages")
        except (ValueError, AttributeError) as error:
            raise BadInput(f"{self._path} is damaged ({error}): delete it; today's pages then count anew") from error
