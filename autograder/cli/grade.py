"""The command `grade`: a class's submissions into results and gradebook, and what changed since the last time.

The engine is imported where it is used: `--help` and a usage error need no torch.
"""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from autograder.cli.changes_table import say_changes
from autograder.cli.json_output import record
from autograder.cli.options import (
    HERE,
    assignment_argument,
    belongs_to_gradebook,
    counting,
    results_of,
    results_option,
    student_as_typed,
    weak_option,
    workers_option,
)
from autograder.cli.paths import refuse
from autograder.cli.screen import say, say_line
from autograder.errors import BadInput, NotGraded

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from autograder.assignment.model import Assignment
    from autograder.grading.changes import ChangeLog
    from autograder.grading.grade_class import Done
    from autograder.grading.seed import Draw
    from autograder.grading.shared_work import SharedWork
    from autograder.marks.gradebook import Summary
    from autograder.results import ResultFolder
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

    Points, version or texts that were changed since the last build are refused (exit code 5): build first. Tests may
    have changed. Students' code runs in confined processes of its own. Unchanged submissions keep their result; a run
    that was stopped goes on where it was. Exit code 8 if anything could not be graded.

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
    from autograder.build import copies
    from autograder.build.as_built import load_built
    from autograder.cli.regrade import begin, end
    from autograder.grading.seed import course_draw
    from autograder.results import Stage
    from autograder.roster.term import course_term

    _refuse_contradictions(seed, new_seed, student, regrade, why)
    course = load_built(assignment)
    refuse(out, "--out")
    if not no_gradebook:
        _refuse_other_results(out)
    results, term = results_of(out, course), course_term(course.course)
    work = _work(folder, course, term, student, results)
    copies.restore(course)
    told = [] if no_gradebook else _prepare_gradebook(course)
    draw = course_draw(course, Stage(stage) if stage else None, new=new_seed)
    if seed is not None:
        draw = dataclasses.replace(draw, seed=seed)
    with _machines(scheduler, course, results) as executor:
        how = _How(course, draw, workers, force, allow_weak, executor)
        if belongs_to_gradebook(out) and folder.resolve() == HERE.submitted.resolve():
            _bring_attempts_in_line(how, term, work, results)
            work = _work(folder, course, term, student, results)
        regraded = begin(results, why, work.found.folders, student) if why is not None else None
        done, log = _grade_everyone(how, work, results)
    if not no_gradebook:
        _print_gradebook(_write_gradebook(course, results, folder, [one.report.student for one in done]), told)
        if student is None and folder.resolve() == HERE.submitted.resolve():
            _print_without_work(course.name, results, work)
    if regraded is None:
        _print_changes(log)
    else:
        end(course, results, regraded, None if no_gradebook else course.course.gradebook)
    _print_counts(course.name, results, done)
    _refuse_incomplete(done, work.found.left)


@dataclass(frozen=True)
class _How:
    """How each submission of a run is graded, the attempts among them."""

    course: Assignment
    draw: Draw
    workers: int
    force: bool
    allow_weak: bool
    executor: Executor | None

    def grade(
        self, folders: dict[str, Path], into: ResultFolder, on_done: Callable[[Done], None], senders: Mapping[str, str]
    ) -> list[Done]:
        from autograder.grading.grade_class import grade_class

        return grade_class(
            self.course, folders, into.path, seed=self.draw.seed, stage=self.draw.stage, workers=self.workers,
            force=self.force, allow_weak=self.allow_weak, executor=self.executor, on_done=on_done,
            handed_in_by=senders, brief=True,
        )  # fmt: skip


def _refuse_contradictions(
    seed: int | None, new_seed: bool, student: str | None, regrade: bool, why: str | None
) -> None:
    if seed is not None and new_seed:
        raise click.UsageError("--seed and --new-seed exclude each other: use one.")
    if regrade != (why is not None):
        raise click.UsageError("--regrade and --why TEXT belong together: the reason is kept with the regrade.")
    if new_seed and student is not None:
        raise click.UsageError("--new-seed draws inputs for everyone: omit --student.")


def _grade_everyone(how: _How, work: SharedWork, results: ResultFolder) -> tuple[list[Done], ChangeLog]:
    from autograder.grading.changes import ChangeLog

    folders = work.found.folders
    for name, doubt in results.doubts(folders).items():
        say_line(f"{name}: {doubt}: graded again")
    log = ChangeLog(results, how.course.manifest, folders)
    with counting("grading", len(folders)) as advance:

        def on_done(one: Done) -> None:
            log.compare(one.report)
            advance(one.report.student)

        return how.grade(folders, results, on_done, work.handed_in_by), log


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


def _bring_attempts_in_line(how: _How, term: Term, work: SharedWork, results: ResultFolder) -> None:
    """Of several attempts put the one that counts into submitted/; under the rule "best" all are graded before."""
    from autograder.collecting.collect import bring_in_line
    from autograder.grading.shared_work import to_compare
    from autograder.roster.attempts import attempt_results

    attempts = to_compare(work.found, term, how.course.name)
    if attempts:
        with counting("attempts", len(attempts)) as advance:
            how.grade(attempts, attempt_results(results), lambda one: advance(one.report.student), {})
    for row in bring_in_line(term, how.course.name).rows:
        say_line(f"{row.cells[1]}: {row.status}: {row.note}")


def _refuse_other_results(out: Path) -> None:
    if not belongs_to_gradebook(out):
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


def _print_without_work(assignment: str, results: ResultFolder, work: SharedWork) -> None:
    from autograder.marks.without_work import remarks

    left = [path.name for path in HERE.submitted.iterdir() if repr(path.name) in work.found.left]
    for remark in remarks(HERE.gradebook, assignment, results, [*work.found.folders, *left]):
        say_line(remark)


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
    record(students=[_student(one) for one in done], left=left)
    for name, why in left.items():
        say_line(f"{name}: not graded: {why}")
    for report in sorted(incomplete, key=lambda report: report.student):
        say_line(f"{report.student}: {report.status}: {report.reason}")
    if count := len(incomplete) + len(left):
        raise NotGraded(f"{count} of {len(done) + len(left)} submissions could not be graded fully; see above.")


def _student(one: Done) -> dict[str, object]:
    """One student for --json."""
    report = one.report
    return {
        "student": report.student,
        "status": report.status,
        "reason": report.reason,
        "score": report.auto_score,
        "max_score": report.auto_max,
        "fresh": one.fresh,
    }
