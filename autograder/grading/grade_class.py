"""Grades a class: many submissions at once, results as they come, nothing lost when it is stopped."""

from __future__ import annotations

import dataclasses
import shlex
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from autograder.assignment.load import load_assignment
from autograder.assignment.model import Assignment
from autograder.assignment.released import release_notebook
from autograder.errors import BadInput
from autograder.grading.grade_one import confined, grade_submission, not_graded
from autograder.grading.plan import Plan
from autograder.grading.processes import forked_pool
from autograder.grading.seed import own_seed
from autograder.results import Detail, Report, ReportStatus, ResultFolder, Stage
from autograder.sandbox.sandbox import Sandbox
from autograder.submission.clean_copy import clean_copy
from autograder.submission.read import Submission, read_submission
from kit.outcomes import OutcomeStatus


@dataclass(frozen=True)
class Task:
    """One submission to grade, small enough to be sent to another machine."""

    root: str
    assignment: str
    student: str
    folder: str
    out: str
    seed: int | None  # None: the submission's own
    force: bool
    allow_weak: bool
    as_it_is: bool = False  # nbgrader's way: only a submission that reading leaves unchanged is graded
    stage: Stage = Stage.FINAL


@dataclass(frozen=True)
class Done:
    """What became of one task. `fresh`: graded now, rather than found unchanged."""

    report: Report
    fresh: bool


# One plan and one sandbox per process; a forked pool inherits the parent's, so that a class shares one zygote.
_contexts: dict[tuple[str, str], tuple[Plan, Sandbox]] = {}


def grade_class(
    assignment: Assignment,
    folders: dict[str, Path],
    out: Path,
    *,
    seed: int | None,
    stage: Stage = Stage.FINAL,
    workers: int = 2,
    force: bool = False,
    allow_weak: bool = False,
    as_it_is: bool = False,
    executor: Executor | None = None,
    on_done: Callable[[Done], None] = lambda done: None,
) -> list[Done]:
    """Grade every folder into `out`; unchanged submissions keep their result. Stops cleanly on Ctrl-C.

    seed: of the inputs that everyone's tests draw; None: each submission has its own.
    as_it_is: leave submissions that nbgrader could not take as they were handed in.
    executor: where tasks run; by default local processes. Raises TooWeak where confinement is weak and not allowed.
    """
    results = ResultFolder(out, assignment.course.state)
    out.mkdir(parents=True, exist_ok=True)
    results.sweep()
    tasks = [
        Task(
            str(assignment.root),
            assignment.name,
            student,
            str(folder),
            str(out),
            seed,
            force,
            allow_weak,
            as_it_is,
            stage,
        )  # fmt: skip
        for student, folder in folders.items()
    ]
    if executor is not None:
        return [_finished(future, on_done) for future in as_completed([executor.submit(grade_task, t) for t in tasks])]
    plan, _ = _context(assignment, allow_weak)
    try:
        return list(_in_processes(tasks, plan.drawn(seed or 0, stage), workers, results, on_done))
    finally:
        close_contexts()
        results.sweep()


def grade_task(task: Task) -> Done:
    """Grade one submission and store its result. The same in this process, a pool, or on another machine."""
    key = (task.root, task.assignment)
    if key not in _contexts:
        _context(load_assignment(task.assignment, Path(task.root)), task.allow_weak)
    plan, sandbox = _contexts[key]
    results = ResultFolder(Path(task.out), plan.assignment.course.state)
    submission = read_submission(Path(task.folder), plan.assignment.manifest, student=task.student)
    seed = own_seed(plan.assignment, submission.digest) if task.seed is None else task.seed
    plan = plan.drawn(seed, task.stage)
    old = results.read(task.student)
    if task.as_it_is and not submission.unchanged:
        return _left_for_grade(task, submission, plan, old, results)
    wanted = (plan.assignment.version, plan.engine, plan.seed, plan.stage, submission.digest, sandbox.level)
    standing = old is not None and results.is_whole(old) and old.status == ReportStatus.GRADED
    if old is not None and standing and not task.force and old.key == wanted:
        return Done(old, fresh=False)
    try:
        report, details, notebooks = _graded(submission, plan, sandbox)
    except Exception as error:
        # A fault of ours on one submission must not stop the class, and must not read as a zero.
        reason = f"the grader itself failed: {type(error).__name__}: {error}"[:500]
        report = not_graded(task.student, plan, reason, isolation=sandbox.level, submission=submission.digest)
        details, notebooks = [Detail("grader", OutcomeStatus.ERROR, reason, traceback.format_exc())], {}
    results.write(report, details, notebooks)
    return Done(report, fresh=True)


def _left_for_grade(task: Task, submission: Submission, plan: Plan, old: Report | None, results: ResultFolder) -> Done:
    """A submission that nbgrader cannot take as it is: not graded, unless `autograder grade` has graded it since."""
    if old is not None and old.status != ReportStatus.NOT_GRADED:
        if (old.version, old.submission) == (plan.assignment.version, submission.digest):
            return Done(old, fresh=False)
    command = f"autograder grade {task.assignment} --student {shlex.quote(task.student)}"
    reason = f"nbgrader cannot take this submission as it was handed in. Run: {command}"
    report = not_graded(task.student, plan, reason, isolation="none", submission=submission.digest)
    results.write(report, [], {})
    return Done(report, fresh=True)


def _graded(
    submission: Submission, plan: Plan, sandbox: Sandbox
) -> tuple[Report, list[Detail], dict[str, dict[str, Any]]]:
    graded = grade_submission(submission, plan, sandbox)
    notebooks, notes = {}, list(graded.report.notes)
    for file, submitted in submission.notebooks.items():
        copied = clean_copy(release_notebook(plan.assignment, file), submitted)
        notebooks[file] = copied.notebook
        notes += [note for note in copied.notes if note not in notes]
    return dataclasses.replace(graded.report, notes=tuple(notes)), graded.details, notebooks


def close_contexts() -> None:
    """End the sandboxes of this process."""
    while _contexts:
        _contexts.popitem()[1][1].close()


def _context(assignment: Assignment, allow_weak: bool) -> tuple[Plan, Sandbox]:
    torch.set_num_threads(1)  # a process that has started more cannot fork safely
    sandbox = confined(assignment, allow_weak)
    try:
        plan = Plan.of(assignment, seed=0)
    except BaseException:
        sandbox.close()
        raise
    _contexts[(str(assignment.root), assignment.name)] = plan, sandbox
    return plan, sandbox


def _in_processes(
    tasks: list[Task], plan: Plan, workers: int, results: ResultFolder, on_done: Callable[[Done], None]
) -> Iterator[Done]:
    """In a pool; a task whose process died is tried once more, alone."""
    retry: list[Task] = []
    with forked_pool(min(workers, len(tasks))) as pool:
        futures = {pool.submit(_is_fresh, task): task for task in tasks}
        for future in as_completed(futures):
            if isinstance(future.exception(), BrokenProcessPool):
                retry.append(futures[future])
            else:
                yield _read_back(futures[future], future.result(), results, on_done)
    for task in retry:
        with forked_pool(1) as single:
            future = single.submit(_is_fresh, task)
            if isinstance(future.exception(), BrokenProcessPool):
                reason = "the grader's own process ended twice on this submission"
                results.write(not_graded(task.student, plan, reason, isolation="none"), [], {})
                yield _read_back(task, True, results, on_done)
            else:
                yield _read_back(task, future.result(), results, on_done)


def _is_fresh(task: Task) -> bool:
    """Grade in a pool's process; the report is in its file.

    What a process is sending when it is killed must not leave half a message in the pool's pipe, for whose end the
    pool would wait for ever. Messages as short as this one are written whole or not at all (pipe(7), PIPE_BUF).
    """
    return grade_task(task).fresh


def _read_back(task: Task, fresh: bool, results: ResultFolder, on_done: Callable[[Done], None]) -> Done:
    report = results.read(task.student)
    if report is None:
        raise BadInput(f"{results.report_path(task.student)} was damaged while the class was graded: grade it again")
    done = Done(report, fresh)
    on_done(done)
    return done


def _finished(future: Future[Done], on_done: Callable[[Done], None]) -> Done:
    done = future.result()
    on_done(done)
    return done
