"""Faults that are no student's: a sandbox that is ended from outside, a test that does not end, a signal to us."""

from __future__ import annotations

import errno
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from autograder.assignment.load import load_assignment
from autograder.assignment.model import Assignment
from autograder.errors import NotGraded
from autograder.grading import faults
from autograder.grading import grade_class as grade_class_module
from autograder.grading import plan as plan_module
from autograder.grading.grade_one import confined, grade_submission
from autograder.grading.plan import Plan
from autograder.grading.processes import in_fresh_process
from autograder.results import Report, ResultFolder
from autograder.sandbox.sandbox import Sandbox
from autograder.sandbox.worker_process import Worker
from autograder.submission import exchange_files
from autograder.submission.read import read_submission
from autograder.tests import marking, processes, released, tiny
from kit.student import STUDENT_ERRORS, Student, StudentCrashed, StudentTimeout

StudentMemoryError, StudentOSError = STUDENT_ERRORS["MemoryError"], STUDENT_ERRORS["OSError"]
RIGHT = {"tiny_scale": released.SCALE, "tiny_scaler": released.SCALER}
ENDLESS = """

@scaling("ends", hint="Does it?")
def test_that_does_not_end(student):
    {before}
    while True:
        try:
            pass
        except Exception:
            pass
"""


@pytest.fixture
def alone(tmp_path: Path, one_thread: None) -> Assignment:
    """A course with a sandbox of its own, which may be killed."""
    return marking.without_gradebook(tmp_path)


@pytest.fixture
def course(alone: Assignment, one_sandbox: None) -> Assignment:
    return alone


def graded(plan: Plan, sandbox: Sandbox, **answers: str) -> Report:
    folder = plan.assignment.root / "submitted" / "ada" / tiny.NAME
    folder.mkdir(parents=True)
    path = folder / tiny.NOTEBOOK
    path.write_bytes((plan.assignment.release / tiny.NOTEBOOK).read_bytes())
    released.fill(path, **answers)
    return grade_submission(read_submission(folder, plan.assignment.manifest), plan, sandbox).report


def kill(sandbox: Sandbox, worker: Worker) -> None:
    """End the sandbox, and wait until this worker has ended with it."""
    sandbox._zygote.process.kill()
    sandbox._zygote.process.wait()
    assert select.select([worker._pidfd], [], [], 60)[0]


@pytest.mark.parametrize("number", [0, 1, 3])
def test_a_sandbox_that_is_killed_in_the_middle_of_a_call_costs_nothing(
    alone: Assignment, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    exchange = Worker.exchange
    calls: list[int] = []

    def struck(worker: Worker, frame: bytes, seconds: float) -> bytes:
        if len(calls) == number:
            kill(sandbox, worker)
        calls.append(1)
        return exchange(worker, frame, seconds)

    with confined(alone, allow_weak=True) as sandbox:
        monkeypatch.setattr(Worker, "exchange", struck)
        report = graded(Plan.of(alone, 11), sandbox, **RIGHT)
    assert len(calls) > number
    assert (report.status, report.auto_score, report.notes) == ("graded", 5, ())


def test_a_sandbox_that_is_killed_each_time_leaves_the_submission_not_graded(
    alone: Assignment, monkeypatch: pytest.MonkeyPatch
) -> None:
    def struck(worker: Worker, frame: bytes, seconds: float) -> bytes:
        kill(sandbox, worker)
        return exchange(worker, frame, seconds)

    exchange = Worker.exchange
    with confined(alone, allow_weak=True) as sandbox:
        monkeypatch.setattr(Worker, "exchange", struck)
        report = graded(Plan.of(alone, 11), sandbox, **RIGHT)
    assert (report.status, report.auto_score) == ("not graded", None)
    assert report.reason is not None and "no confined process could be had" in report.reason


def test_workers_that_are_killed_from_outside_cost_nothing(course: Assignment, monkeypatch: pytest.MonkeyPatch) -> None:
    exchange = Worker.exchange
    calls: list[int] = []
    struck: set[int] = set()

    def killing(worker: Worker, frame: bytes, seconds: float) -> bytes:
        if len(calls) in struck:
            os.kill(number_of(worker), signal.SIGKILL)
            assert select.select([worker._pidfd], [], [], 60)[0]
        calls.append(1)
        return exchange(worker, frame, seconds)

    with confined(course, allow_weak=True) as sandbox:
        plan = Plan.of(course, 11)
        graded(plan, sandbox, **RIGHT)
        monkeypatch.setattr(Worker, "exchange", killing)
        for struck in ({0}, {1}, {2}, {4}, {6}, {1, 4}, {2, 3}, {0, 1, 5}):
            calls.clear()
            report = regraded(plan, sandbox)
            assert (report.status, report.auto_score, report.notes) == ("graded", 5, ()), struck
            assert len(calls) > max(struck)


def number_of(worker: Worker) -> int:
    assert worker._pid is not None
    return worker._pid


def test_workers_that_are_always_killed_leave_the_submission_not_graded(
    course: Assignment, monkeypatch: pytest.MonkeyPatch
) -> None:
    exchange = Worker.exchange

    def killing(worker: Worker, frame: bytes, seconds: float) -> bytes:
        os.kill(number_of(worker), signal.SIGKILL)
        return exchange(worker, frame, seconds)

    with confined(course, allow_weak=True) as sandbox:
        monkeypatch.setattr(Worker, "exchange", killing)
        report = graded(Plan.of(course, 11), sandbox, **RIGHT)
    assert (report.status, report.auto_score) == ("not graded", None)
    assert report.reason is not None and "signal 9 ended a worker, which the sandbox has not sent" in report.reason


@pytest.mark.parametrize(
    ("raised", "status"),
    [(StudentTimeout("slow"), "timeout"), (StudentCrashed("exited with code 1"), "crashed")],
)
def test_a_test_without_an_answer_runs_once_more_alone_and_that_counts(
    course: Assignment, monkeypatch: pytest.MonkeyPatch, raised: Exception, status: str
) -> None:
    """Once: full marks. Each time: the student's own, and no more than one of an exercise's tests is repeated."""
    exchange = Worker.exchange
    calls: list[bytes] = []

    def failing(worker: Worker, frame: bytes, seconds: float) -> bytes:
        if b'"call"' in frame and b'"scale"' in frame:
            calls.append(frame)
            if len(calls) <= failures:
                worker.close()
                raise raised
        return exchange(worker, frame, seconds)

    failures = 1
    with confined(course, allow_weak=True) as sandbox:
        monkeypatch.setattr(Worker, "exchange", failing)
        plan = Plan.of(course, 11)
        assert graded(plan, sandbox, **RIGHT).auto_score == 5
        once = len(calls)
        calls.clear()
        failures = 10**6
        report = regraded(plan, sandbox)
    statuses = [test.status for test in report.tests if test.exercise == "tiny-scale"]
    assert report.status == "graded" and set(statuses) == {status}
    assert len(calls) <= once + len(statuses)


def regraded(plan: Plan, sandbox: Sandbox) -> Report:
    folder = plan.assignment.root / "submitted" / "ada" / tiny.NAME
    return grade_submission(read_submission(folder, plan.assignment.manifest), plan, sandbox).report


SHORTAGES = [
    MemoryError(),
    OSError(errno.ENOMEM, "Cannot allocate memory"),
    BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable"),
    OSError(errno.EMFILE, "Too many open files"),
    RuntimeError("[enforce fail at alloc_cpu.cpp:118] err == 0. DefaultCPUAllocator: can't allocate memory"),
]


@pytest.mark.parametrize("error", SHORTAGES, ids=repr)
def test_a_shortage_of_the_machine_is_known_by_its_error(error: Exception) -> None:
    assert faults.is_shortage(error)


@pytest.mark.slow
@pytest.mark.parametrize("where", ["in a test", "while a submission is read", "while its copy is made"])
def test_a_grader_short_of_memory_grades_the_submission_again_alone(
    course: Assignment, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """In another process than the first time, since the pool is forked from this one."""
    strike = once_in_a_class(course.root / "struck", MemoryError())
    patch = {
        "in a test": (Student, "begin"),
        "while a submission is read": (grade_class_module, "read_submission"),
        "while its copy is made": (grade_class_module, "clean_copy"),
    }[where]
    real = getattr(*patch)
    monkeypatch.setattr(*patch, lambda *given, **named: (strike(), real(*given, **named))[1])
    reports = class_of(course, "ada", "ben", "cy")
    assert {name: (report.status, report.auto_score) for name, report in reports.items()} == dict.fromkeys(
        ("ada", "ben", "cy"), ("graded", 5)
    )
    assert (course.root / "struck").exists()


def once_in_a_class(mark: Path, error: Exception) -> Callable[[], None]:
    def strike() -> None:
        if not mark.exists():
            mark.touch()
            raise error

    return strike


def class_of(course: Assignment, *students: str, **answers: str) -> dict[str, Report]:
    """Everybody's report by two graders. answers: by student, in place of right ones."""
    folders = {}
    for student in students:
        folders[student] = folder = course.root / "submitted" / student / tiny.NAME
        folder.mkdir(parents=True)
        (folder / tiny.NOTEBOOK).write_bytes((course.release / tiny.NOTEBOOK).read_bytes())
        right = {**RIGHT, "tiny_scale": answers.get(student, RIGHT["tiny_scale"])}
        released.fill(folder / tiny.NOTEBOOK, **right)
    out = course.root / "results" / tiny.NAME
    done = grade_class_module.grade_class(course, folders, out, seed=11, workers=2, allow_weak=True)
    return {each.report.student: each.report for each in done}


def test_a_grader_that_stays_short_of_memory_says_so_and_gives_no_score(
    course: Assignment, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(Student, "begin", fails)
    report = class_of(course, "ada")["ada"]
    assert (report.status, report.auto_score) == ("not graded", None)
    assert report.reason is not None and "short of memory" in report.reason


def test_a_machine_without_processes_to_give_leaves_everybody_not_graded(
    course: Assignment, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails() -> int:
        raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

    monkeypatch.setattr(grade_class_module, "prepare", lambda *given: (Plan.of(course, 11), None))
    monkeypatch.setattr(os, "fork", fails)
    reports = class_of(course, "ada", "ben")
    assert {report.status for report in reports.values()} == {"not graded"}
    assert {str(report.reason).rpartition(": ")[2] for report in reports.values()} == {"no process could be started"}


@pytest.mark.parametrize("error", [MemoryError(), StudentMemoryError(), ValueError("x"), StudentOSError()], ids=repr)
def test_what_a_student_raises_is_never_the_graders_trouble(error: Exception) -> None:
    assert faults.is_ours(error) is (type(error) is MemoryError)


BAD_TIMES = ["1e999999999", "1:2:3e99999", "0x" * 15, "99999999999999999999999999999", ";" * 30, "\x00" * 30, "Jan" * 9]


@pytest.mark.parametrize("text", BAD_TIMES)
def test_no_text_of_a_side_file_stops_a_class(course: Assignment, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = course.root / "submitted" / "ada" / tiny.NAME
    folder.mkdir(parents=True)
    for name in ("timestamp.txt", "submission_secret.txt"):
        (folder / name).write_text(text)
    assert exchange_files.timestamp(folder)[0] is None
    exchange_files.secret(folder)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("where", "error"),
    [
        ("read_submission", ArithmeticError("odd")),
        ("read_submission", RecursionError()),
        ("clean_copy", LookupError("odd")),
        ("ResultFolder.write", OSError(36, "File name too long")),
        ("ResultFolder.read", ArithmeticError("odd")),
    ],
    ids=repr,
)
def test_one_submission_that_cannot_be_read_or_stored_stops_nobody_else(
    course: Assignment, monkeypatch: pytest.MonkeyPatch, error: Exception, where: str
) -> None:
    name, _, method = where.partition(".")
    place: tuple[Any, str] = (ResultFolder, method) if method else (grade_class_module, name)
    real = getattr(*place)

    def fails(*given: Any, **named: Any) -> Any:
        if "troublesome" in repr((given, named)):
            raise error
        return real(*given, **named)

    monkeypatch.setattr(*place, fails)
    if where == "clean_copy":
        bad = "def scale(values, factor):\n    return 'troublesome'"
        reports = class_of(course, "x", "right", x=bad)
    else:
        reports = class_of(course, "troublesome", "right")
    assert reports["right"].auto_score == 5
    assert [report.status for name, report in reports.items() if name != "right"] == ["not graded"]


HOG = """
import threading

def spin():
    while True:
        pass

def scale(values, factor):
    for _ in range({count}):
        threading.Thread(target=spin, daemon=True).start()
    return values * factor
"""


@pytest.mark.slow
@pytest.mark.parametrize("count", [40, 240])
def test_threads_of_one_submission_cost_nobody_else_a_mark(course: Assignment, count: int) -> None:
    right = [f"right{number}" for number in range(6)]
    reports = class_of(course, "hog", *right, "zhog", hog=HOG.format(count=count), zhog=HOG.format(count=count))
    assert {name: reports[name].auto_score for name in right} == dict.fromkeys(right, 5)


def with_endless_test(course: Assignment, before: str) -> Assignment:
    hidden = course.problems[0].folder / "test_hidden.py"
    hidden.write_text(hidden.read_text() + ENDLESS.format(before=before))
    return load_assignment(tiny.NAME, course.root)


def test_a_test_that_never_ends_is_a_fault_of_the_test(course: Assignment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan_module, "TEST_SECONDS", 0.2)
    endless = with_endless_test(course, "pass")
    with confined(endless, allow_weak=True) as sandbox:
        report = graded(Plan.of(endless, 11), sandbox, **RIGHT)
    scale, scaler = report.exercises
    assert scale.status == "not graded" and scale.reason is not None
    assert "test_that_does_not_end is itself at fault" in scale.reason
    assert scaler.score == 2


def test_a_test_that_only_a_wrong_answer_keeps_busy_has_failed(
    course: Assignment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan_module, "TEST_SECONDS", 0.2)
    endless = with_endless_test(course, "if student.scale(torch.ones(1), 2.0).item() == 2:\n        return")
    with confined(endless, allow_weak=True) as sandbox:
        report = graded(Plan.of(endless, 11), sandbox, tiny_scale=released.SCALE.replace("* factor", "* 3 * factor"))
    status = {test.id.split("::")[1]: test.status for test in report.tests}
    assert status["test_that_does_not_end"] == "failed"
    assert report.exercises[0].status == "graded"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "how"),
    [
        ("verify", signal.SIGTERM),
        ("verify", signal.SIGINT),
        ("verify", signal.SIGKILL),
        ("grade", signal.SIGTERM),
        ("grade", signal.SIGHUP),
    ],
)
def test_a_command_that_is_stopped_leaves_no_process(course: Assignment, command: str, how: signal.Signals) -> None:
    with_endless_test(course, "pass")
    folder = course.root / "submitted" / "ada" / tiny.NAME
    folder.mkdir(parents=True)
    (folder / tiny.NOTEBOOK).write_bytes((course.release / tiny.NOTEBOOK).read_bytes())
    start = [sys.executable, "-c", processes.WITH_CTRL_C, command, tiny.NAME]
    run = subprocess.Popen(start, cwd=course.root, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    family = processes.wait_for_descendants(run, 4)
    run.send_signal(how)
    _, said = run.communicate(timeout=300)
    processes.wait_for_end(family)
    assert run.returncode != 0
    assert "Traceback" not in said, said


def where_it_runs(folder: Path) -> int:
    """The number of this process; the first that is asked is killed, as the machine's memory killer does."""
    if not (folder / "killed").exists():
        (folder / "killed").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return os.getpid()


def killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_fresh_process_that_is_killed_is_started_again_once(tmp_path: Path) -> None:
    assert in_fresh_process(where_it_runs, tmp_path) != os.getpid()
    with pytest.raises(NotGraded, match="ended twice"):
        in_fresh_process(killed)
