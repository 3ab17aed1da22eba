"""Faults that are no student's: a sandbox that is ended from outside, a test that does not end, a signal to us."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from autograder.assignment.load import load_assignment
from autograder.assignment.model import Assignment
from autograder.errors import NotGraded
from autograder.grading import plan as plan_module
from autograder.grading.grade_one import confined, grade_submission
from autograder.grading.plan import Plan
from autograder.grading.processes import in_fresh_process
from autograder.results import Report
from autograder.sandbox.sandbox import Sandbox
from autograder.sandbox.worker_process import Worker
from autograder.submission.read import read_submission
from autograder.tests import marking, processes, released, tiny

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
def course(tmp_path: Path, one_thread: None) -> Assignment:
    return marking.without_gradebook(tmp_path)


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
    course: Assignment, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    exchange = Worker.exchange
    calls: list[int] = []

    def struck(worker: Worker, frame: bytes, seconds: float) -> bytes:
        if len(calls) == number:
            kill(sandbox, worker)
        calls.append(1)
        return exchange(worker, frame, seconds)

    with confined(course, allow_weak=True) as sandbox:
        monkeypatch.setattr(Worker, "exchange", struck)
        report = graded(Plan.of(course, 11), sandbox, **RIGHT)
    assert len(calls) > number
    assert (report.status, report.auto_score, report.notes) == ("graded", 5, ())


def test_a_sandbox_that_is_killed_each_time_leaves_the_submission_not_graded(
    course: Assignment, monkeypatch: pytest.MonkeyPatch
) -> None:
    def struck(worker: Worker, frame: bytes, seconds: float) -> bytes:
        kill(sandbox, worker)
        return exchange(worker, frame, seconds)

    exchange = Worker.exchange
    with confined(course, allow_weak=True) as sandbox:
        monkeypatch.setattr(Worker, "exchange", struck)
        report = graded(Plan.of(course, 11), sandbox, **RIGHT)
    assert (report.status, report.auto_score) == ("not graded", None)
    assert report.reason is not None and "no confined process could be had" in report.reason


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
    assert "Traceback" not in said


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
