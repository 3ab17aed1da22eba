"""Commands of the grading week: grade, rerun, table, feedback.

The engine is imported where it is used: `--help` and a usage error need no torch.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from autograder.cli.changes_table import say_changes
from autograder.cli.options import (
    HERE,
    assignment_argument,
    counting,
    results_option,
    say_outdated,
    student_as_typed,
    students_as_typed,
    weak_option,
    workers_option,
)
from autograder.cli.screen import say, say_csv, say_line, say_quoted
from autograder.errors import BadInput, NotGraded

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from concurrent.futures import Executor

    from autograder.assignment.model import Assignment
    from autograder.grading.changes import ChangeLog
    from autograder.grading.grade_class import Done
    from autograder.grading.shared_work import SharedWork
    from autograder.marks.gradebook import Summary
    from autograder.results import Report, ResultFolder
    from autograder.roster.term import Term


@click.command()
@assignment_argument
@click.argument("folder", metavar="[DIR]", type=click.Path(path_type=Path), default=HERE.submitted)
@results_option
@workers_option
@click.option("--student", metavar="ID", callback=student_as_typed, help="Grade this student alone.")
@click.option("--seed", type=int, metavar="N", help="Draw the tests' inputs from this seed, once.")
@click.option("--new-seed", is_flag=True, help="Draw a new secret seed for this assignment and version.")
@click.option(
    "--before-due",
    "stage",
    flag_value="provisional",
    help="As before the deadline, which is past: for students with an extension.",
)
@click.option("--final", "stage", flag_value="final", help="As after the deadline, which has not come yet.")
@click.option("--force", is_flag=True, help="Grade unchanged submissions again.")
@click.option("--regrade", is_flag=True, help="After a fix: keep a table of whose score changed, and why. Needs --why.")
@click.option("--why", metavar="TEXT", help='What was mended, as students read it: "regraded because TEXT".')
@click.option("--scheduler", metavar="ADDRESS", help="Grade on the workers of this Dask scheduler (docs/cluster.md).")
@click.option("--no-gradebook", is_flag=True, help="Leave gradebook.db and autograded/ alone.")
@weak_option
def grade(
    assignment: str, folder: Path, out: Path, workers: int, student: str | None, seed: int | None, new_seed: bool,
    stage: str | None, force: bool, regrade: bool, why: str | None, scheduler: str | None, no_gradebook: bool,
    allow_weak: bool,
) -> None:  # fmt: skip
    """Grade DIR/<student>/ASSIGNMENT/ (DIR is submitted/ unless given) into results and nbgrader's gradebook.

    Students' code runs in confined processes of its own. Unchanged submissions keep their result; a run that was
    stopped goes on where it was. Exit code 8 if anything could not be graded.

    Up to the deadline in assignment.toml a result is provisional: each submission is tested with inputs of its own, and
    feedback tells only how many hidden tests pass. After it everything is graded again, with the same inputs for all.

    --regrade grades anew what a fix of tests, points or engine can have changed (with --force: everything), and ends
    with a table of who changed, by how much, in which test, and why, kept in results/ASSIGNMENT/regrades/. A regrade
    that was stopped goes on when it is repeated with the same --why.

    \b
    Examples:
      autograder grade ps3
      autograder grade ps3 --student bob --before-due            (bob has an extension)
      autograder grade ps3 --student ada --force
      autograder grade ps3 --regrade --why "a test of patchify refused another order of patches"
      autograder grade ps3 late/ --workers 8                     (late ones, into the same results)
      autograder grade ps3 --out trial/ --no-gradebook           (beside the results that count)
      autograder grade ps3 --scheduler tcp://10.0.0.5:8786       (on other machines)
    """
    from autograder.assignment.load import load_assignment
    from autograder.build import copies
    from autograder.cli.regrade import begin, end
    from autograder.grading.changes import ChangeLog
    from autograder.grading.grade_class import grade_class
    from autograder.grading.seed import course_draw
    from autograder.results import Stage
    from autograder.roster.term import course_term

    if seed is not None and new_seed:
        raise click.UsageError("--seed and --new-seed exclude each other: use one.")
    if regrade != (why is not None):
        raise click.UsageError("--regrade and --why TEXT belong together: the reason is kept with the regrade.")
    if new_seed and student is not None:
        raise click.UsageError("--new-seed draws inputs for everyone: omit --student.")
    course = load_assignment(assignment)
    if not no_gradebook:
        _refuse_other_results(out)
    results = _results(out, course)
    term = course_term(course.course)
    work = _work(folder, course, term, student, results)
    copies.restore(course)
    told = [] if no_gradebook else _prepare_gradebook(course)
    draw = course_draw(course, Stage(stage) if stage else None, new=new_seed)

    with _machines(scheduler, course, results) as executor:

        def graded(
            folders: dict[str, Path], into: ResultFolder, on_done: Callable[[Done], None], senders: Mapping[str, str]
        ) -> list[Done]:
            return grade_class(
                course, folders, into.path, seed=draw.seed if seed is None else seed, stage=draw.stage, workers=workers,
                force=force, allow_weak=allow_weak, executor=executor, on_done=on_done, handed_in_by=senders,
                brief=True,
            )  # fmt: skip

        if _belongs_to_gradebook(out) and _is_handed_in_here(folder):
            _bring_attempts_in_line(course, term, work, results, graded)
            work = _work(folder, course, term, student, results)
        found = work.found
        regraded = begin(results, why, found.folders, student) if why is not None else None
        for name, doubt in results.doubts(found.folders).items():
            say_line(f"{name}: {doubt}: graded again")
        log = ChangeLog(results, course.manifest, found.folders)
        with counting("grading", len(found.folders)) as advance:

            def on_done(one: Done) -> None:
                log.compare(one.report)
                advance(one.report.student)

            done = graded(found.folders, results, on_done, work.handed_in_by)
    if not no_gradebook:
        _print_gradebook(_write_gradebook(course, results, folder, [one.report.student for one in done]), told)
    if regraded is None:
        _print_changes(log)
    else:
        end(course, results, regraded, None if no_gradebook else course.course.gradebook)
    _print_counts(course.name, results, done)
    _refuse_incomplete(done, found.left)


@contextmanager
def _machines(scheduler: str | None, course: Assignment, results: ResultFolder) -> Iterator[Executor | None]:
    """Other machines' workers, where a scheduler is named; None: this machine's processes."""
    if scheduler is None:
        yield None
        return
    from autograder.grading.scheduler import machines

    with machines(scheduler, course, results, say_line) as executor:
        yield executor


def _work(folder: Path, course: Assignment, term: Term, student: str | None, results: ResultFolder) -> SharedWork:
    """Who is graded with which folder. NotGraded where there is nobody."""
    from autograder.grading.class_folder import submissions
    from autograder.grading.shared_work import shared

    alone = student if not term.groups.of(course.name) else None
    found = submissions(folder, course.name, course.course, alone).storable(results)
    work = shared(found, term, course.name).only(student)
    if not work.found.folders:
        _refuse_incomplete([], work.found.left)
    if not work.found.folders and not work.found.left:
        raise BadInput(f"no submission of {student} or of a group with {student} in {folder}/: check the spelling")
    return work


def _is_handed_in_here(folder: Path) -> bool:
    return folder.resolve() == HERE.submitted.resolve()


def _bring_attempts_in_line(
    course: Assignment, term: Term, work: SharedWork, results: ResultFolder, graded: Callable[..., list[Done]]
) -> None:
    """Of several attempts put the one that counts into submitted/; under the rule "best" all are graded before."""
    from autograder.collecting.collect import bring_in_line
    from autograder.grading.shared_work import to_compare
    from autograder.roster.attempts import attempt_results

    attempts = to_compare(work.found, term, course.name)
    if attempts:
        with counting("attempts", len(attempts)) as advance:
            graded(attempts, attempt_results(results), lambda one: advance(one.report.student), {})
    for row in bring_in_line(term, course.name).rows:
        say_line(f"{row.cells[1]}: {row.status}: {row.note}")


def _results(out: Path, course: Assignment) -> ResultFolder:
    from autograder.result_layout import result_folder

    return result_folder(out, course.name, course.course, say_line)


def _belongs_to_gradebook(out: Path) -> bool:
    """Whether these are the results whose scores the course's gradebook holds, and nbgrader's commands read."""
    return out.resolve() == HERE.results.resolve()


def _refuse_other_results(out: Path) -> None:
    if not _belongs_to_gradebook(out):
        fix = f"add --no-gradebook to grade into {out}, or omit --out"
        raise BadInput(f"{HERE.gradebook} holds the scores of {HERE.results}/ alone: {fix}")


def _write_gradebook(course: Assignment, results: ResultFolder, submitted: Path, students: list[str]) -> Summary:
    from autograder.marks import gradebook

    with counting("gradebook", len(students)) as advance:
        return gradebook.write(course, results, students=students, submitted=submitted, progress=advance)


def _prepare_gradebook(course: Assignment) -> list[str]:
    """Bring it in line before anything is graded, and say what it says."""
    from autograder.marks import gradebook

    told = gradebook.bring_in_line(course)
    for note in told:
        say_line(note)
    return told


def _print_gradebook(summary: Summary, told: list[str]) -> None:
    for note in summary.notes:
        if note not in told:
            say_line(note)
    for change in summary.changed:
        kept = f"{change.cell} has a mark of {change.manual:g} by a person, kept"
        say_line(f"{change.student}: {kept}; {change.what}")
    if summary.to_mark:
        say(f"Written answers waiting for a mark: {summary.to_mark}. Open them with nbgrader's formgrader.")


def _print_changes(log: ChangeLog) -> None:
    if log.changes:
        say(f"{len(log.changes)} scores changed since the last grading:")
        say_changes(log.changes, log.path)


def _print_counts(name: str, results: ResultFolder, done: list[Done]) -> None:
    from autograder.results import Stage

    fresh = sum(one.fresh for one in done)
    counts = ", ".join(f"{n} {what}" for n, what in ((fresh, "graded"), (len(done) - fresh, "unchanged")) if n)
    levels = {one.report.isolation for one in done}
    level, stage = ", ".join(sorted(levels - {"none"} or levels)), done[0].report.stage
    counts += "" if stage is Stage.FINAL else " (provisional, before the deadline)"
    folder = results.path.parent
    elsewhere = "" if folder == Path("results") else f" --out {shlex.quote(str(folder))}"
    say(f"{name}: {counts}; isolation {level}; results in {results.path}/. See: autograder table {name}{elsewhere}")


def _refuse_incomplete(done: list[Done], left: dict[str, str]) -> None:
    """Print every submission without a full result and why; NotGraded if there is any."""
    from autograder.results import ReportStatus

    incomplete = [one.report for one in done if one.report.status != ReportStatus.GRADED]
    for name, why in left.items():
        say_line(f"{name}: not graded: {why}")
    for report in sorted(incomplete, key=lambda report: report.student):
        say_line(f"{report.student}: {report.status}: {report.reason}")
    if count := len(incomplete) + len(left):
        raise NotGraded(f"{count} of {len(done) + len(left)} submissions could not be graded fully; see above.")


@click.command()
@assignment_argument
@click.argument("student", metavar="STUDENT", callback=student_as_typed)
@click.argument("test", metavar="TEST")
@click.option("--submitted", "folder", type=click.Path(path_type=Path), default=HERE.submitted, show_default=True)
@click.option("--out", type=click.Path(path_type=Path), default=HERE.results, show_default=True,
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
    from autograder.assignment.load import load_assignment
    from autograder.build import copies
    from autograder.grading.class_folder import submission_of
    from autograder.grading.grade_one import confined
    from autograder.grading.plan import Plan
    from autograder.grading.rerun import no_longer, run_one
    from autograder.results import tested_beside

    course = load_assignment(assignment)
    report = _replayed(_results(out, course), student, number) if out.is_dir() or number else None
    sender = (report.handed_in_by if report else "") or student
    path = submission_of(sender, folder, course.name, course.course)
    copies.restore(course)
    plan = Plan.of(course, report.seed if report else _seed_of(course, path))
    test_ids = [info.id for info in plan.tests if info.id.endswith(test) or info.id.partition("[")[0].endswith(test)]
    if not test_ids:
        raise BadInput(f"no test ends in {test!r}: results/{course.name}/<student>.json lists every id")
    for note in no_longer(report, path, plan) if report and number else ():
        say_line(note)
    with confined(course, allow_weak) as sandbox:
        for test_id in test_ids:
            exercise = next(info.mark.exercise for info in plan.tests if info.id == test_id)
            result = report.exercise(exercise) if report else None
            outcome = run_one(path, student, plan, sandbox, test_id, result.earlier if result else None)
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
    from rich.console import Console

    from autograder.assignment.load import load_assignment
    from autograder.marks import class_table
    from autograder.marks.standings import standings, with_lateness
    from autograder.roster.term import course_term

    course = load_assignment(assignment)
    database = HERE.gradebook if _belongs_to_gradebook(out) else None
    term = course_term(course.course)
    everyone = with_lateness(standings(course.manifest, _results(out, course), database), term, course.name)
    say_outdated(term, course.name, [standing.report for standing in everyone])
    if as_csv:
        say_csv(class_table.as_csv(everyone))
        return
    console = Console(width=None if sys.stdout.isatty() else class_table.WIDE)
    console.print(class_table.table(course.manifest, everyone, console.width))


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
    from autograder.assignment.load import load_assignment
    from autograder.marks import feedback_pages

    course = load_assignment(assignment)
    if not _belongs_to_gradebook(out):
        raise BadInput(f"pages show the marks of {HERE.gradebook} beside the results in {HERE.results}/: omit --out")
    results = _results(out, course)
    with counting("feedback", len(students) or len(results.all())) as advance:
        written = feedback_pages.write(course, results, students=students or None, progress=advance)
    if written.waiting:
        limit = f"feedback_a_day = {course.feedback_a_day} of assignment.toml"
        say_line(f"no new page yet, by {limit}: {', '.join(written.waiting)}")
    pages_written = "1 page" if len(written.students) == 1 else f"{len(written.students)} pages"
    say(f"{assignment}: {pages_written} in feedback/<student>/{assignment}/. The class: {written.index}")
