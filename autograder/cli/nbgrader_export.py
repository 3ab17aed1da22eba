"""`nbgrader export`: the class's grades as CSV, with a status that tells a missing result from a score of 0."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from nbgrader.api import Gradebook, MissingEntry
from nbgrader.plugins import CsvExportPlugin
from nbgrader.preprocessors import AssignLatePenalties
from traitlets import Bool

from autograder.course_folders import CourseFolders
from autograder.csv_cells import harmless
from autograder.marks.standings import StandingStatus
from autograder.results import ResultFolder
from autograder.roster.lateness import Lateness
from autograder.roster.term import course_term

COLUMNS = (
    "assignment", "duedate", "timestamp", "student_id", "last_name", "first_name", "email", "raw_score",
    "late_submission_penalty", "score", "max_score", "status",
)  # fmt: skip


class StatusCsvExport(CsvExportPlugin):  # type: ignore[misc]
    """`nbgrader export`: nbgrader's columns and "status". Scores are empty where a result is missing.

    Lateness is worked out here, as due date and extensions are now: by the assignment's [policy], and without one by
    nbgrader's late-submission plugin.
    """

    open_scores = Bool(True, help="Write scores of submissions with answers to be marked, without these answers.")
    open_as_zero = Bool(False, help="Write scores also where exercises are not graded, as if they had 0 points.")

    def export(self, gradebook: Gradebook) -> None:
        dest = self.to or "grades.csv"
        self.log.info("Exporting grades to %s", dest)
        students, assignments = set(map(str, self.student)), set(map(str, self.assignment))
        self._late = AssignLatePenalties(parent=self)
        self._late.init_plugin()
        course = CourseFolders(Path(getattr(getattr(self.parent, "coursedir", None), "root", "")))
        self._term = course_term(course)
        with open(dest, "w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            writer.writeheader()
            for assignment in gradebook.assignments:
                for student in gradebook.students:
                    wanted = not assignments or assignment.name in assignments
                    if wanted and (not students or student.id in students):
                        row = self._row(gradebook, assignment, student)
                        writer.writerow({name: harmless(value) for name, value in row.items()})

    def _row(self, gradebook: Gradebook, assignment: Any, student: Any) -> dict[str, Any]:
        row = {
            "assignment": assignment.name,
            "duedate": assignment.duedate,
            "student_id": student.id,
            "last_name": student.last_name,
            "first_name": student.first_name,
            "email": student.email,
            "max_score": assignment.max_score,
        }
        try:
            submission = gradebook.find_submission(assignment.name, student.id)
        except MissingEntry:
            zero = {"raw_score": 0.0, "late_submission_penalty": 0.0, "score": 0.0}
            return row | zero | {"status": "no submission"}
        row["timestamp"] = submission.timestamp
        open_cells = [
            grade
            for notebook in submission.notebooks
            for grade in notebook.grades
            if grade.auto_score is None and grade.manual_score is None
        ]
        status = StandingStatus.TO_BE_MARKED if open_cells else StandingStatus.COMPLETE
        if any(grade.cell_type == "code" for grade in open_cells):
            status = StandingStatus.NOT_GRADED
        if not self._is_written(status):
            return row | {"status": status}
        penalty = self._penalty(submission)
        return row | {
            "raw_score": submission.score,
            "late_submission_penalty": penalty,
            "score": max(0.0, submission.score - penalty),
            "status": status,
        }

    def _is_written(self, status: StandingStatus) -> bool:
        """Whether a submission of this status gets a score."""
        if self.open_as_zero or status is StandingStatus.COMPLETE:
            return True
        return self.open_scores and status is StandingStatus.TO_BE_MARKED

    def _penalty(self, submission: Any) -> float:
        late = self._lateness(submission.assignment.name, submission.student.id)
        if late is not None:
            return late.taken_off(submission.score)
        if submission.timestamp is None or submission.assignment.duedate is None or not submission.total_seconds_late:
            return 0.0
        late = submission.total_seconds_late
        return sum((self._notebook_penalty(submission.student.id, book, late) for book in submission.notebooks), 0.0)

    def _lateness(self, assignment: str, student: str) -> Lateness | None:
        """By the assignment's policy; None where it has none."""
        if not self._term.has_policy(assignment):
            return None
        course = self._term.course
        report = ResultFolder(course.results / assignment, course.state).read(student)
        return self._term.lateness(assignment, student, report.handed_in_by if report is not None else "")

    def _notebook_penalty(self, student: str, notebook: Any, seconds_late: float) -> float:
        penalty = self._late.plugin_inst.late_submission_penalty(student, notebook.score, seconds_late)
        return 0.0 if penalty is None else float(self._late._check_late_penalty(notebook, penalty))
