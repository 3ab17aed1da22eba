"""Grades the one submission that lies in Gradescope's container; a result is on disk before anything has run."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from autograder import clock
from autograder.assignment.load import load_assignment
from autograder.assignment.model import Assignment
from autograder.errors import AutograderError
from autograder.exports.gradescope.layout import Harness
from autograder.exports.gradescope.metadata import SubmissionMetadata, read_metadata
from autograder.exports.gradescope.results_file import Showing, failed, results
from autograder.grading.grade_one import NOT_RUN, confined, grade_submission, not_graded
from autograder.grading.plan import Plan
from autograder.grading.seed import course_seed, own_seed
from autograder.results import Report, Stage
from autograder.sandbox.worker import confine
from autograder.submission.read import Submission, read_submission
from kit import libraries

STUDENT = "gradescope"  # who it is does not matter here; Gradescope knows
# Of one worker, which has some 290 MiB at its start. With 190 MiB of this process and 150 MiB of the zygote, shared by
# all workers, no single one reaches the container's 768 MiB, at which the kernel would choose whom to end.
MEMORY = 448 << 20


def main() -> None:
    base, parent = Path(sys.argv[1]), int(sys.argv[2])
    confine.die_with_parent(parent)
    harness = Harness(base)
    try:
        report = grade(harness)
    except AutograderError as error:
        harness.write_results(failed(str(error)))
        sys.exit(error.exit_code)
    print(f"{report.status}, {report.stage}, isolation {report.isolation}: {report.auto_score} of {report.auto_max}")


def grade(harness: Harness, *, allow_weak: bool = False) -> Report:
    """Grade, and keep results.json up to date on the way. Returns the report that the last file shows."""
    started = time.monotonic()
    course = load_assignment(harness.settings().assignment, harness.course)
    metadata = read_metadata(harness.metadata)
    stage = current_stage(course, metadata)
    withheld = _withheld(course, metadata, stage)

    def write(report: Report, finished: bool = False) -> None:
        showing = Showing(course.manifest, time.monotonic() - started, finished, withheld)
        harness.write_results(results(report, showing))

    report = _graded(course, harness.submission, stage, write, allow_weak)
    write(report, finished=True)
    return report


def _graded(
    course: Assignment, folder: Path, stage: Stage, write: Callable[[Report], None], allow_weak: bool
) -> Report:
    libraries.ready(course.libraries)
    plan = Plan.of(course, seed=0)
    submission = read_submission(folder, course.manifest, student=STUDENT)
    plan = plan.drawn(_seed(course, submission, stage), stage)
    write(not_graded(STUDENT, plan, NOT_RUN, isolation="none", submission=submission.digest))
    with confined(course, allow_weak, memory=MEMORY) as sandbox:
        return grade_submission(submission, plan, sandbox, write).report


def current_stage(course: Assignment, metadata: SubmissionMetadata) -> Stage:
    """Provisional as long as the student can hand in again: the seed of the grades then answers nobody's guesses."""
    closes = metadata.closes or course.due
    return Stage.PROVISIONAL if closes is not None and clock.now() < closes else Stage.FINAL


def _seed(course: Assignment, submission: Submission, stage: Stage) -> int:
    return course_seed(course) if stage is Stage.FINAL else own_seed(course, submission.digest)


def _withheld(course: Assignment, metadata: SubmissionMetadata, stage: Stage) -> str | None:
    """Why nothing is said of hidden tests before the deadline, where that is so."""
    limit = course.feedback_a_day
    zone = course.due.tzinfo if course.due else None
    today: datetime = clock.now().astimezone(zone)
    if stage is Stage.FINAL or metadata.earlier_on(today.date(), zone) < limit:
        return None
    if not limit:
        return "There is no word on hidden tests before the deadline."
    return f"Hidden tests are told of for {limit} submissions a day: the next after {today.date().isoformat()}."


if __name__ == "__main__":
    main()
