"""Measures what a class of thousands costs the process that grades it, per submission.

    python -m autograder.verify.bench_class ps3 --sizes 100,1000,5000

One submission is graded for real; an executor then stores its result under each student's name, as workers or machines
would. So every figure is the grader's own: processor time for each submission (twice: first results, and the same class
graded again with all results there), and the largest memory of that process. Each size runs in a fresh process.
"""

from __future__ import annotations

import dataclasses
import resource
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

import click

from autograder.assignment.load import load_assignment
from autograder.assignment.model import Assignment
from autograder.build import copies
from autograder.course_folders import CourseFolders
from autograder.grading.changes import ChangeLog
from autograder.grading.class_folder import submissions
from autograder.grading.grade_class import Done, How, Task, close_contexts, grade_class
from autograder.grading.processes import in_fresh_process
from autograder.marks import class_table
from autograder.marks.standings import standings
from autograder.results import Detail, Report, ResultFolder
from autograder.verify.made_class import class_of, link_course, texts

_MODEL = "model"  # the student whose result everyone gets
_SEED = 1


@click.command()
@click.argument("assignment")
@click.option("--sizes", default="100,1000,5000", show_default=True, help="Class sizes.")
def bench(assignment: str, sizes: str) -> None:
    """Print the figures for ASSIGNMENT as a table."""
    made = load_assignment(assignment)
    copies.restore(made)
    click.echo(
        "| students | `grade`, CPU ms each | again, CPU ms each | memory, MiB | `table`, CPU ms each | memory, MiB |"
    )
    click.echo("|---|---|---|---|---|---|")
    for size in map(int, sizes.split(",")):
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder) / "course"
            in_fresh_process(lay_out, made.root, root, assignment, size)
            first, again, memory = in_fresh_process(graded, root, assignment)
            table, its = in_fresh_process(tabled, root, assignment)
        row = (f"{1000 * cost / size:.1f}" for cost in (first, again))
        click.echo(f"| {size} | {' | '.join(row)} | {memory:.0f} | {1000 * table / size:.1f} | {its:.0f} |")


def lay_out(course: Path, root: Path, assignment: str, size: int) -> None:
    """A course with the result of one real submission, and as many students who handed it in."""
    made = load_assignment(assignment, course)
    link_course(course, root)
    model = root / _MODEL / assignment
    model.mkdir(parents=True)
    books = texts(list(class_of(made, 2))[1])  # with one mistake
    for name, text in books.items():
        (model / name).write_text(text, encoding="utf-8")
    here = load_assignment(assignment, root)
    try:
        grade_class(here, {_MODEL: model}, root / "first" / assignment, seed=_SEED, workers=1)
    finally:
        close_contexts()
    for number in range(size):
        (CourseFolders(root).submitted / f"s{number:05}" / assignment).mkdir(parents=True)


def graded(root: Path, assignment: str) -> tuple[float, float, float]:
    """Processor seconds of the first grading and of another one, and the largest memory in MiB."""
    made = load_assignment(assignment, root)
    costs = [_cost_of_grading(made) for _ in range(2)]
    return costs[0], costs[1], _memory()


def tabled(root: Path, assignment: str) -> tuple[float, float]:
    """Processor seconds of the class's table, and the largest memory in MiB."""
    made = load_assignment(assignment, root)
    started = time.process_time()
    everyone = standings(made.manifest, ResultFolder(made.course.results / assignment, made.course.state), None)
    class_table.as_csv(everyone)
    return time.process_time() - started, _memory()


def _cost_of_grading(made: Assignment) -> float:
    """As `grade` does it, without what the executor itself takes."""
    results = ResultFolder(made.course.results / made.name, made.course.state)
    stored = StoresTheModel(made)
    started = time.process_time()
    folders = submissions(made.course.submitted, made.name, made.course).folders
    results.doubts(folders)
    log = ChangeLog(results, made.manifest, folders)

    def on_done(one: Done) -> None:
        log.compare(one.report)

    grade_class(made, folders, results.path, seed=_SEED, executor=stored, on_done=on_done, brief=True)
    return time.process_time() - started - stored.seconds


class StoresTheModel(Executor):
    """Gives every student the model's result."""

    def __init__(self, made: Assignment) -> None:
        first = ResultFolder(made.root / "first" / made.name, made.course.state)
        self._report: Report = first.all([_MODEL])[0]
        self._notebooks = first.notebooks(self._report)
        self._details: list[Detail] = []
        self._results = ResultFolder(made.course.results / made.name, made.course.state)
        self.seconds = 0.0

    def submit(self, function: Callable[..., Any], task: Task, /) -> Future[How]:  # type: ignore[override]
        started = time.process_time()
        report = dataclasses.replace(self._report, student=task.student)
        self._results.write(report, self._details, self._notebooks)
        future: Future[How] = Future()
        future.set_result(How(fresh=True, again=False))
        self.seconds += time.process_time() - started
        return future


def _memory() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


main: Callable[[], None] = bench

if __name__ == "__main__":
    main()
