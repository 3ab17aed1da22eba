"""`grade --regrade`: what it says at its start and at its end. The engine is imported where it is used."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from autograder.cli.changes_table import say_changes
from autograder.cli.screen import line, say, say_line

if TYPE_CHECKING:
    from autograder.assignment.model import Assignment
    from autograder.grading.regrade import Regrade
    from autograder.results import ResultFolder


def begin(results: ResultFolder, why: str, students: Iterable[str], student: str | None) -> Regrade:
    """Write down what everyone has before anything is graded, or take up the regrade that was stopped."""
    from autograder.grading import regrade

    begun, taken_up = regrade.begin(results, why, students, student)
    if taken_up:
        say_line(f"regrade {begun.number}, begun {begun.begun}, was stopped: taken up again")
    return begun


def end(course: Assignment, results: ResultFolder, begun: Regrade, database: Path | None) -> None:
    """Write table and page, and show the table."""
    from autograder.grading import regrade
    from autograder.marks import regrade_page

    changes = regrade.changes_of(results, begun, course.manifest)
    done = regrade.finish(results, begun, changes)
    page = regrade_page.write(course, results, done, changes, database)
    say(f"regrade {done.number} because {line(done.why)}")
    if changes:
        say(f"{len(changes)} scores of {len(done.changed)} students changed, of {len(done.before)} graded before:")
        say_changes(changes, page.parent / regrade_page.TABLE)
        for reason, scores, students in regrade_page.by_reason(changes):
            say(f"  {reason}: {scores} scores of {students} students")
    else:
        say(f"no score changed, of {len(done.before)} students graded before")
    count, size = results.earlier.size()
    say(f"page: {page}; earlier results kept: {count} ({size / 1e6:.1f} MB) in {results.earlier.folder}/")
