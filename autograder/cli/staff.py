"""The commands of the week after grading: rerun, table, feedback.

The engine is imported where it is used: `--help` and a usage error need no torch.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from autograder.cli.json_output import record
from autograder.cli.options import (
    HERE,
    assignment_argument,
    belongs_to_gradebook,
    counting,
    results_of,
    results_option,
    say_outdated,
    student_as_typed,
    students_as_typed,
    weak_option,
)
from autograder.cli.paths import OutFolder
from autograder.cli.screen import console, say, say_csv, say_line, say_quoted
from autograder.errors import BadInput

if TYPE_CHECKING:
    from autograder.assignment.model import Assignment
    from autograder.marks.standings import Standing
    from autograder.results import Report, ResultFolder
    from kit.runner import Outcome


@click.command()
@assignment_argument
@click.argument("student", metavar="STUDENT", callback=student_as_typed)
@click.argument("test", metavar="TEST")
@click.option("--submitted", "folder", type=click.Path(path_type=Path), default=HERE.submitted, show_default=True)
@click.option("--out", type=OutFolder(is_read=True), default=HERE.results, show_default=True,
              help="Results whose seed is replayed.")  # fmt: skip
@click.option("--result", "number", type=click.IntRange(1), metavar="N",
              help="Replay this earlier result: its seed, and whose earlier answers stood beside.")  # fmt: skip
@weak_option
def rerun(
    assignment: str, student: str, test: str, folder: Path, out: Path, number: int | None, allow_weak: bool
) -> None:
    """Run one TEST again on STUDENT's submission, with the same inputs, and show everything about it.

    TEST is a test's id, or the end of one. The output holds hidden inputs: it is for staff only. A result that a later
    one replaced is replayed by its number (results/ASSIGNMENT/earlier/STUDENT/N.json), on today's tests and submission;
    where these are not those of that result, it says so.

    \b
    Examples:
      autograder rerun ps3 ada test_patchify_keeps_channels_together_inside_a_patch
      autograder rerun ps3 ada masked_autoencoder/test_hidden.py::test_patchify_agrees_with_a_slow_loop
      autograder rerun ps3 ada test_patchify_agrees_with_a_slow_loop --result 1     (with the inputs of the first grade)
    """
    from autograder.build import copies
    from autograder.build.as_built import load_built
    from autograder.grading.class_folder import submission_of
    from autograder.grading.grade_one import confined
    from autograder.grading.plan import Plan
    from autograder.grading.rerun import no_longer, run_one
    from autograder.results import tested_beside

    course = load_built(assignment)
    report = _replayed(results_of(out, course), student, number) if out.is_dir() or number else None
    sender = (report.handed_in_by if report else "") or student
    path = submission_of(sender, folder, course.name, course.course)
    copies.restore(course)
    plan = Plan.of(course, report.seed if report else _seed_of(course, path))
    test_ids = [info.id for info in plan.tests if info.id.endswith(test) or info.id.partition("[")[0].endswith(test)]
    if not test_ids:
        raise BadInput(f"no test ends in {test!r}: results/{course.name}/<student>.json lists every id")
    for note in no_longer(report, path, plan) if report and number else ():
        say_line(note)
    rerun_tests: list[Outcome] = []
    record(student=student, tests=rerun_tests)
    with confined(course, allow_weak) as sandbox:
        for test_id in test_ids:
            exercise = next(info.mark.exercise for info in plan.tests if info.id == test_id)
            result = report.exercise(exercise) if report else None
            outcome = run_one(path, student, plan, sandbox, test_id, result.earlier if result else None)
            rerun_tests.append(outcome)
            say(f"{outcome.id}\n  {outcome.mark.exercise}: {outcome.mark.title}\n  {outcome.status.upper()}")
            beside = tested_beside(result, course.manifest) if result else ""
            if beside:
                say(f"  {beside}")
            say_quoted(outcome.text)
            say(f"  Hint: {outcome.hint}\n" if outcome.hint else "")
            say_quoted(outcome.trace)


def _replayed(results: ResultFolder, student: str, number: int | None) -> Report | None:
    """The result to replay; None where the student has none."""
    return next(iter(results.all([student])), None) if number is None else results.numbered(student, number)


def _seed_of(course: Assignment, folder: Path) -> int:
    """The seed with which a submission without a result would be graded now."""
    from autograder.assignment.kept_versions import earlier_versions
    from autograder.grading.seed import course_draw, own_seed
    from autograder.submission.read import read_submission

    drawn = course_draw(course).seed
    if drawn is not None:
        return drawn
    earlier = [kept.manifest for kept in earlier_versions(course)]
    return own_seed(course, read_submission(folder, course.manifest, earlier=earlier).digest)


@click.command()
@assignment_argument
@results_option
@click.option("--csv", "as_csv", is_flag=True, help="Comma-separated values, for a spreadsheet.")
def table(assignment: str, out: Path, as_csv: bool) -> None:
    """Show the class at a glance: scores, exercises, not graded.

    \b
    Examples:
      autograder table ps3
      autograder table ps3 --csv > ps3.csv
    """
    from autograder.build.as_built import load_unless_stale
    from autograder.marks import class_table
    from autograder.marks.standings import standings, with_lateness
    from autograder.roster.term import course_term

    course = load_unless_stale(assignment)
    database = HERE.gradebook if belongs_to_gradebook(out) else None
    term = course_term(course.course)
    everyone = with_lateness(standings(course.manifest, results_of(out, course), database), term, course.name)
    say_outdated(term, course.name, [standing.report for standing in everyone])
    record(students=[_standing(standing) for standing in everyone])
    if as_csv:
        say_csv(class_table.as_csv(everyone))
        return
    screen = console(class_table.WIDE)
    screen.print(class_table.table(course.manifest, everyone, screen.width))


def _standing(standing: Standing) -> dict[str, object]:
    """One student for --json. points of an open exercise: null."""
    return {
        "student": standing.student,
        "status": standing.status,
        "points": standing.points,
        "final_points": standing.final_points,
        "max_points": standing.max_points,
        "scores": {score.id: score.points for score in standing.scores},
    }


@click.command()
@assignment_argument
@results_option
@click.option("--student", "students", metavar="ID", multiple=True, callback=students_as_typed,
              help="This student alone; may be repeated.")  # fmt: skip
def feedback(assignment: str, out: Path, students: tuple[str, ...]) -> None:
    """Write a page per student, from results and marks.

    Of a provisional result (before the deadline) it shows public tests, and how many hidden ones pass; a student gets
    pages for at most feedback_a_day submissions a day (assignment.toml), and keeps the earlier page beyond that.

    \b
    Examples:
      autograder feedback ps3
      autograder feedback ps3 --student adele
    """
    from autograder.build.as_built import load_unless_stale
    from autograder.marks import feedback_pages

    course = load_unless_stale(assignment)
    if not belongs_to_gradebook(out):
        raise BadInput(f"pages show the marks of {HERE.gradebook} beside the results in {HERE.results}/: omit --out")
    results = results_of(out, course)
    with counting("feedback", len(students) or len(results.all())) as advance:
        written = feedback_pages.write(course, results, students=students or None, progress=advance)
    if written.waiting:
        limit = f"feedback_a_day = {course.feedback_a_day} of assignment.toml"
        say_line(f"no new page yet, by {limit}: {', '.join(written.waiting)}")
    pages_written = "1 page" if len(written.students) == 1 else f"{len(written.students)} pages"
    record(students=written.students, waiting=written.waiting, index=written.index)
    say(f"{assignment}: {pages_written} in feedback/<student>/{assignment}/. The class: {written.index}")
