"""Grades a class: many submissions at once, results as they come, nothing lost when it is stopped."""

from __future__ import annotations

import dataclasses
import shlex
import traceback
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, Future, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder.assignment.load import load_assignment
from autograder.assignment.model import Assignment
from autograder.assignment.released import release_notebook
from autograder.grading import older_versions
from autograder.grading.faults import TaskLost, in_words, is_ours
from autograder.grading.grade_one import Graded, confined, grade_submission, not_graded
from autograder.grading.plan import Plan
from autograder.grading.processes import NoProcess, forked_pool
from autograder.grading.seed import own_seed
from autograder.results import Detail, Report, ReportStatus, ResultFolder, Stage
from autograder.roster.attempts import time_text
from autograder.sandbox.sandbox import Sandbox
from autograder.submission.clean_copy import clean_copy
from autograder.submission.read import Submission, read_submission
from kit import libraries
from kit.outcomes import OutcomeStatus
from kit.text import for_terminal, on_one_line


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
    handed_in_by: str = ""  # another member of the student's group


@dataclass(frozen=True)
class Done:
    """What became of one task. fresh: graded now, rather than found unchanged. again: worth another try, alone."""

    report: Report
    fresh: bool
    again: bool = False


@dataclass(frozen=True)
class How:
    """A `Done` without its report."""

    fresh: bool
    again: bool


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
    handed_in_by: Mapping[str, str] | None = None,
    brief: bool = False,
    executor: Executor | None = None,
    on_done: Callable[[Done], None] = lambda done: None,
) -> list[Done]:
    """Grade every folder into `out`; unchanged submissions keep their result. Stops cleanly on Ctrl-C.

    seed: of the inputs that everyone's tests draw; None: each submission has its own.
    as_it_is: leave submissions that nbgrader could not take as they were handed in.
    handed_in_by: student to the member of the group whose folder it is.
    brief: keep no tests and notes of the reports that are returned; `on_done` gets them whole.
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
            str(folder.absolute()),
            str(out.absolute()),
            seed,
            force,
            allow_weak,
            as_it_is,
            stage,
            (handed_in_by or {}).get(student, ""),
        )  # fmt: skip
        for student, folder in folders.items()
    ]
    if executor is not None:
        plan = Plan.of(assignment, seed=0).drawn(seed or 0, stage)
        return _returned(_in_executor(tasks, plan, executor, results, on_done), brief)
    plan, _ = prepare(assignment, allow_weak)
    try:
        return _returned(_in_processes(tasks, plan.drawn(seed or 0, stage), workers, results, on_done), brief)
    finally:
        close_contexts()
        results.sweep()


def _returned(done: Iterator[Done], brief: bool) -> list[Done]:
    """Of a class of thousands whole reports would fill the memory."""
    if not brief:
        return list(done)
    return [
        dataclasses.replace(one, report=dataclasses.replace(one.report, tests=(), notes=(), files={})) for one in done
    ]


def grade_task(task: Task) -> Done:
    """Grade one submission and store its result. The same in this process, a pool, or on another machine."""
    key = (task.root, task.assignment)
    if key not in _contexts:
        prepare(load_assignment(task.assignment, Path(task.root)), task.allow_weak)
    plan, sandbox = _contexts[key]
    try:
        return _done(task, plan, sandbox)
    except Exception as error:
        # A fault of ours on one submission, or of its folder, must not stop the class, and must not read as a zero.
        return _failed(task, plan, sandbox, error)


def _done(task: Task, plan: Plan, sandbox: Sandbox) -> Done:
    results = ResultFolder(Path(task.out), plan.assignment.course.state)
    manifest, earlier = plan.assignment.manifest, plan.earlier
    submission = read_submission(Path(task.folder), manifest, student=task.student, earlier=earlier)
    seed = own_seed(plan.assignment, submission.digest) if task.seed is None else task.seed
    plan = plan.drawn(seed, task.stage)
    old = results.read(task.student)
    if task.as_it_is and not submission.unchanged:
        return _left_for_grade(task, submission, plan, old, results)
    wanted = (plan.assignment.version, plan.engine, plan.seed, plan.stage, submission.digest, sandbox.level)
    standing = old is not None and results.is_whole(old) and old.status == ReportStatus.GRADED
    sender = (task.handed_in_by, time_text(Path(task.folder)))
    is_same = old is not None and (old.key, old.handed_in_by, old.handed_in) == (wanted, *sender)
    if old is not None and standing and not task.force and is_same:
        return Done(old, fresh=False)
    graded, notebooks = _graded(submission, plan, sandbox)
    report = _with_sender(graded.report, *sender)
    results.write(report, graded.details, notebooks)
    return Done(report, fresh=True, again=graded.again)


def _with_sender(report: Report, sender: str, moment: str) -> Report:
    """The report, with the time of the folder, and whose it is where it is not the student's own."""
    note = (f"handed in by {on_one_line(sender)} for the group",) if sender else ()
    return dataclasses.replace(report, handed_in_by=sender, handed_in=moment, notes=(*note, *report.notes))


def _failed(task: Task, plan: Plan, sandbox: Sandbox, error: Exception) -> Done:
    failed = "the grader itself failed (the error stands in details/)"  # its text may quote the submission
    reason = in_words(error) if is_ours(error) else failed
    report = not_graded(task.student, plan, reason, isolation=sandbox.level)
    text = for_terminal(f"{type(error).__name__}: {error}")
    details = [Detail("grader", OutcomeStatus.ERROR, text, for_terminal(traceback.format_exc()))]
    with suppress(Exception):  # where not even that can be stored, the report says so all the same
        ResultFolder(Path(task.out), plan.assignment.course.state).write(report, details, {})
    return Done(report, fresh=True, again=is_ours(error))


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


def _graded(submission: Submission, plan: Plan, sandbox: Sandbox) -> tuple[Graded, dict[str, dict[str, Any]]]:
    graded = grade_submission(submission, plan, sandbox)
    notebooks, notes = {}, [*graded.report.notes, *older_versions.notes(submission, plan.older)]
    for file, submitted in submission.notebooks.items():
        copied = clean_copy(release_notebook(plan.assignment, file), submitted)
        notebooks[file] = copied.notebook
        notes += [note for note in copied.notes if note not in notes]
    return dataclasses.replace(
        graded, report=dataclasses.replace(graded.report, notes=tuple(map(on_one_line, notes)))
    ), notebooks


def close_contexts() -> None:
    """End the sandboxes of this process."""
    while _contexts:
        _contexts.popitem()[1][1].close()


def prepare(assignment: Assignment, allow_weak: bool) -> tuple[Plan, Sandbox]:
    """The plan and sandbox of this process for an assignment. TooWeak where it cannot be confined well enough."""
    libraries.ready(assignment.libraries)
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
    """In a pool; what the grader's own trouble kept from being graded is tried once more, alone, at the end."""
    rest = {task.student: task for task in tasks}
    with suppress(NoProcess), forked_pool(min(workers, len(tasks))) as pool:
        futures = {pool.submit(grade_and_store, task): task for task in tasks}
        for future in as_completed(futures):
            task = futures[future]
            if not isinstance(future.exception(), BrokenProcessPool) and not future.result().again:
                del rest[task.student]
                yield _read_back(task, future.result(), plan, results, on_done)
    for task in rest.values():
        yield _read_back(task, _how_alone(task, plan, results), plan, results, on_done)


def _in_executor(
    tasks: list[Task], plan: Plan, executor: Executor, results: ResultFolder, on_done: Callable[[Done], None]
) -> Iterator[Done]:
    """The same where somebody else's executor runs the tasks."""
    futures = {executor.submit(grade_and_store, task): task for task in tasks}
    again = []
    for future in as_completed(futures):
        task, how = futures[future], _how_elsewhere(future, futures[future], plan, results)
        if how.again:
            again.append(task)
        else:
            yield _read_back(task, how, plan, results, on_done)
    for task in again:
        how = _how_elsewhere(executor.submit(grade_and_store, task), task, plan, results)
        yield _read_back(task, how, plan, results, on_done)


def _how_elsewhere(future: Future[How], task: Task, plan: Plan, results: ResultFolder) -> How:
    try:
        return future.result()
    except TaskLost as error:
        reason = f"the grader failed on this submission: {error}"
        results.write(not_graded(task.student, plan, reason, isolation="none"), [], {})
        return How(fresh=True, again=False)


def _how_alone(task: Task, plan: Plan, results: ResultFolder) -> How:
    """In a process of its own, while nothing else is graded."""
    try:
        with forked_pool(1) as single:
            return single.submit(grade_and_store, task).result()
    except (BrokenProcessPool, NoProcess) as error:
        why = "no process could be started" if isinstance(error, NoProcess) else "its own process ended twice"
        reason = f"the grader failed on this submission, perhaps for want of memory: {why}"
        results.write(not_graded(task.student, plan, reason, isolation="none"), [], {})
        return How(fresh=True, again=False)


def grade_and_store(task: Task) -> How:
    """Grade in a pool's process or on another machine; the report is in its file.

    What a process is sending when it is killed must not leave half a message in the pool's pipe, for whose end the
    pool would wait for ever. Messages as short as this one are written whole or not at all (pipe(7), PIPE_BUF).
    """
    done = grade_task(task)
    return How(done.fresh, done.again)


def _read_back(task: Task, how: How, plan: Plan, results: ResultFolder, on_done: Callable[[Done], None]) -> Done:
    reason = f"{results.report_path(task.student)} cannot be written or was damaged: look at the folder, grade again"
    report = not_graded(task.student, plan, reason, isolation="none")
    with suppress(Exception):
        report = results.read(task.student) or report
    done = Done(report, how.fresh)
    on_done(done)
    return done
