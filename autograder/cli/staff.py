"""Commands of the grading week: grade, rerun, table, feedback.

The engine is imported where it is used: `--help` and a usage error need no torch.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from autograder.cli.options import HERE, assignment_argument, counting, results_option, weak_option, workers_option
from autograder.errors import BadInput, NotGraded

if TYPE_CHECKING:
    from autograder.assignment.model import Assignment
    from autograder.grading.grade_class import Done
    from autograder.marks.gradebook import Summary


@click.command()
@assignment_argument
@click.argument("folder", metavar="[DIR]", type=click.Path(path_type=Path), default=HERE.submitted)
@results_option
@workers_option
@click.option("--student", metavar="ID", help="Grade this student alone.")
@click.option("--seed", type=int, metavar="N", help="Draw the tests' inputs from this seed, once.")
@click.option("--new-seed", is_flag=True, help="Draw a new secret seed for this assignment and version.")
@click.option("--force", is_flag=True, help="Grade unchanged submissions again.")
@click.option("--no-gradebook", is_flag=True, help="Leave gradebook.db and autograded/ alone.")
@weak_option
def grade(
    assignment: str, folder: Path, out: Path, workers: int, student: str | None, seed: int | None, new_seed: bool,
    force: bool, no_gradebook: bool, allow_weak: bool,
) -> None:  # fmt: skip
    """Grade DIR/<student>/ASSIGNMENT/ (DIR is submitted/ unless given) into results and nbgrader's gradebook.

    Students' code runs in confined processes of its own. Unchanged submissions keep their result; a run that was
    stopped goes on where it was. Exit code 8 if anything could not be graded.

    \b
    Examples:
      autograder grade ps3
      autograder grade ps3 --student ada --force
      autograder grade ps3 late/ --out results-late/ --workers 8
    """
    from autograder.assignment.load import load_assignment
    from autograder.build import copies
    from autograder.grading.grade_class import grade_class, misnamed, submissions
    from autograder.grading.seed import course_seed

    if seed is not None and new_seed:
        raise click.UsageError("--seed and --new-seed exclude each other: use one.")
    if new_seed and student is not None:
        raise click.UsageError("--new-seed draws inputs for everyone: omit --student.")
    course = load_assignment(assignment)
    folders = submissions(folder, course.name, student)
    copies.restore(course)
    seed = course_seed(course, new=new_seed) if seed is None else seed
    with counting("grading", len(folders)) as advance:
        done = grade_class(
            course, folders, out, seed=seed, workers=workers, force=force, allow_weak=allow_weak,
            on_done=lambda one: advance(one.report.student),
        )  # fmt: skip
    if not no_gradebook:
        _print_gradebook(_write_gradebook(course, out, folder, [one.report.student for one in done]))
    _print_counts(course.name, out, done)
    _refuse_incomplete(done, [] if student else misnamed(folder, course.name))


def _write_gradebook(course: Assignment, out: Path, submitted: Path, students: list[str]) -> Summary:
    from autograder.marks import gradebook
    from autograder.results import ResultFolder

    with counting("gradebook", len(students)) as advance:
        return gradebook.write(course, ResultFolder(out), students=students, submitted=submitted, progress=advance)


def _print_gradebook(summary: Summary) -> None:
    for note in summary.notes:
        click.echo(f"  {note}", err=True)
    for change in summary.changed:
        kept = f"{change.cell} has a mark of {change.manual:g} by a person, kept"
        click.echo(f"  {change.student}: {kept}; {change.what}", err=True)
    if summary.to_mark:
        click.echo(f"Written answers waiting for a mark: {summary.to_mark}. Open them with nbgrader's formgrader.")


def _print_counts(name: str, out: Path, done: list[Done]) -> None:
    fresh = sum(one.fresh for one in done)
    counts = ", ".join(f"{n} {what}" for n, what in ((fresh, "graded"), (len(done) - fresh, "unchanged")) if n)
    level = done[0].report.isolation
    click.echo(f"{name}: {counts}; isolation {level}; results in {out}/. See: autograder table {name}")


def _refuse_incomplete(done: list[Done], misnamed: list[str]) -> None:
    """Print every submission without a full result and why; NotGraded if there is any."""
    from autograder.results import ReportStatus

    incomplete = [one.report for one in done if one.report.status != ReportStatus.GRADED]
    for name in misnamed:
        click.echo(f"  {name}: not graded: the folder's name is not UTF-8 text; rename it", err=True)
    for report in sorted(incomplete, key=lambda report: report.student):
        click.echo(f"  {report.student}: {report.status}: {report.reason}", err=True)
    if count := len(incomplete) + len(misnamed):
        raise NotGraded(f"{count} of {len(done) + len(misnamed)} submissions could not be graded fully; see above.")


@click.command()
@assignment_argument
@click.argument("student", metavar="STUDENT")
@click.argument("test", metavar="TEST")
@click.option("--submitted", "folder", type=click.Path(path_type=Path), default=HERE.submitted, show_default=True)
@click.option("--out", type=click.Path(path_type=Path), default=HERE.results, show_default=True,
              help="Results whose seed is replayed.")  # fmt: skip
@weak_option
def rerun(assignment: str, student: str, test: str, folder: Path, out: Path, allow_weak: bool) -> None:
    """Run one TEST again on STUDENT's submission, with the same inputs, and show everything about it.

    TEST is a test's id, or the end of one. The output holds hidden inputs: it is for staff only.

    \b
    Examples:
      autograder rerun ps3 ada test_patchify_keeps_channels_together_inside_a_patch
      autograder rerun ps3 ada masked_autoencoder/test_hidden.py::test_patchify_agrees_with_a_slow_loop
    """
    from autograder.assignment.load import load_assignment
    from autograder.build import copies
    from autograder.grading.grade_class import submissions
    from autograder.grading.grade_one import confined
    from autograder.grading.plan import Plan
    from autograder.grading.rerun import run_one
    from autograder.grading.seed import course_seed
    from autograder.results import ResultFolder, tested_beside

    course = load_assignment(assignment)
    path = submissions(folder, course.name, student)[student]
    report = ResultFolder(out).read(student)
    copies.restore(course)
    plan = Plan.of(course, report.seed if report else course_seed(course))
    test_ids = [info.id for info in plan.tests if info.id.endswith(test) or info.id.partition("[")[0].endswith(test)]
    if not test_ids:
        raise BadInput(f"no test ends in {test!r}: results/<student>.json lists every id")
    with confined(course, allow_weak) as sandbox:
        for test_id in test_ids:
            exercise = next(info.mark.exercise for info in plan.tests if info.id == test_id)
            result = report.exercise(exercise) if report else None
            outcome = run_one(path, student, plan, sandbox, test_id, result.earlier if result else None)
            click.echo(f"{outcome.id}\n  {outcome.mark.exercise}: {outcome.mark.title}\n  {outcome.status.upper()}")
            beside = tested_beside(result, course.manifest) if result else ""
            click.echo(f"  {beside}\n" if beside else "", nl=False)
            click.echo("".join(f"  {line}\n" for line in (outcome.text, f"Hint: {outcome.hint}") if line))
            click.echo(outcome.trace)


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
    from autograder.marks.standings import standings
    from autograder.results import ResultFolder

    course = load_assignment(assignment)
    everyone = standings(course.manifest, ResultFolder(out), HERE.gradebook)
    if as_csv:
        click.echo(class_table.as_csv(everyone), nl=False)
        return
    console = Console(width=None if sys.stdout.isatty() else class_table.WIDE)
    console.print(class_table.table(course.manifest, everyone, console.width))


@click.command()
@assignment_argument
@results_option
@click.option("--student", "students", metavar="ID", multiple=True, help="This student alone; may be repeated.")
def feedback(assignment: str, out: Path, students: tuple[str, ...]) -> None:
    """Write a page per student, from results and marks.

    \b
    Examples:
      autograder feedback ps3
      autograder feedback ps3 --student adele
    """
    from autograder.assignment.load import load_assignment
    from autograder.marks import feedback_pages
    from autograder.results import ResultFolder

    course, results = load_assignment(assignment), ResultFolder(out)
    with counting("feedback", len(students) or len(results.all())) as advance:
        written = feedback_pages.write(course, results, students=students or None, progress=advance)
    pages_written = "1 page" if len(written.students) == 1 else f"{len(written.students)} pages"
    click.echo(f"{assignment}: {pages_written} in feedback/<student>/{assignment}/. The class: {written.index}")
