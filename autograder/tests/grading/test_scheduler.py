"""Grading on other machines: with a real scheduler and two workers, and with answers that machines may give."""

from __future__ import annotations

import dataclasses
import json
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import distributed
import pytest

from autograder.assignment.model import Assignment
from autograder.errors import AutograderError, BadInput, NotGraded, TooWeak
from autograder.grading import grade_class as class_grading
from autograder.grading import machine_process, scheduler
from autograder.grading.class_folder import submissions
from autograder.grading.fingerprint import fingerprint, of_the_installation
from autograder.grading.grade_class import Done, Task, grade_class, grade_task
from autograder.grading.machine_process import Expected
from autograder.results import SEAL, Report, ResultFolder, Stage
from autograder.sandbox.sandbox import Sandbox
from autograder.tests import marking, processes, released, tiny

SEED = 11
WRONG = released.SCALE.replace("values * factor", "values + factor")


def submit(root: Path, student: str, scale: str = released.SCALE) -> None:
    folder = root / "submitted" / student / tiny.NAME
    folder.mkdir(parents=True)
    path = folder / tiny.NOTEBOOK
    path.write_bytes((root / "release" / tiny.NAME / tiny.NOTEBOOK).read_bytes())
    released.fill(path, tiny_scale=scale, tiny_scaler=released.SCALER)


@pytest.fixture
def course(tmp_path: Path, one_sandbox: None) -> Assignment:
    """A course with a class of eight, half of them wrong."""
    made = marking.without_gradebook(tmp_path)
    for number in range(8):
        submit(tmp_path, f"s{number}", WRONG if number % 2 else released.SCALE)
    return made


def results(course: Assignment, name: str) -> ResultFolder:
    return ResultFolder(course.root / name / course.name, course.course.state)


def grade(course: Assignment, folder: ResultFolder, **options: Any) -> dict[str, Report]:
    found = submissions(course.root / "submitted", course.name, course.course).folders
    done = grade_class(course, found, folder.path, **{"seed": SEED, "workers": 1} | options)
    return {one.report.student: one.report for one in done}


# With real processes


@pytest.fixture
def started() -> Iterator[Callable[..., tuple[subprocess.Popen[str], str]]]:
    """Starts a command of Dask and returns once it has said some words; all of them end with the test."""
    running: list[subprocess.Popen[str]] = []

    def start(words: str, *arguments: str) -> tuple[subprocess.Popen[str], str]:
        command = [sys.executable, "-m", "distributed.cli.dask_" + arguments[0], *arguments[1:], "--no-dashboard"]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        running.append(process)
        return process, line_with(words, process)

    yield start
    for process in running:
        process.kill()
        process.communicate()  # closes its pipe


def line_with(words: str, process: subprocess.Popen[str]) -> str:
    """The first line with these words; fails where the process ends before."""
    assert process.stderr is not None
    said = []
    while line := process.stderr.readline():
        if words in line:
            return line
        said.append(line)
    raise AssertionError("".join(said))


def without_times(folder: ResultFolder) -> dict[str, Any]:
    """Every file's content; of results without seconds, which a busy machine makes more, and what covers them."""
    found: dict[str, Any] = {}
    for path in sorted(folder.path.rglob("*")):
        if path.is_file():
            found[path.relative_to(folder.path).as_posix()] = path.read_text(encoding="utf-8")
    for name in [name for name in found if "/" not in name]:
        data = json.loads(found[name])
        del data[SEAL]
        data["tests"] = [test | {"seconds": None} for test in data["tests"]]
        found[name] = data
    return found


@pytest.mark.slow
def test_a_killed_worker_costs_no_result_and_all_are_those_of_this_machine(
    course: Assignment, started: Callable[..., Any]
) -> None:
    address = started("Scheduler at", "scheduler", "--port", "0", "--host", "127.0.0.1")[1].split()[-1]
    one, other = (started("Registered to", "worker", address, "--no-nanny", "--nthreads", "1")[0] for _ in range(2))
    graders: list[int] = []

    def kill_one(done: Done) -> None:
        if one.poll() is None:
            graders.extend(graders_of(one))
            one.kill()
            one.wait()

    elsewhere, here = results(course, "elsewhere"), results(course, "here")
    with scheduler.machines(address, course, elsewhere) as executor:
        reports = grade(course, elsewhere, executor=executor, on_done=kill_one)
    assert graders and other.poll() is None
    processes.wait_for_end(graders)
    processes.wait_for_end(graders_of(other))
    assert {name: report.auto_score for name, report in reports.items()} == {
        f"s{number}": 2 if number % 2 else 5 for number in range(8)
    }
    assert set(elsewhere.doubts(reports)) == set(), "sealed with the course's key, and whole"
    grade(course, here)
    assert without_times(elsewhere) == without_times(here)


def graders_of(worker: subprocess.Popen[str]) -> list[int]:
    """Processes that a worker's threads have started."""
    threads = Path(f"/proc/{worker.pid}/task").glob("*/children")
    return [int(child) for path in threads for child in path.read_text().split()]


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("127.0.0.1:{silent}", "no answer in 0.5 s"),
        ("tcp://127.0.0.1:{closed}", "no answer in 0.5 s"),
        ("nowhere", "missing port number"),
        ("", "missing port number"),
        ("tcp://127.0.0.1:first", "invalid literal"),
        ("ftp://127.0.0.1:1", "unknown address scheme"),
        ("tls://127.0.0.1:{silent}", "TLS"),
    ],
)
def test_where_no_scheduler_answers_a_sentence_says_so(tmp_path: Path, address: str, words: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        ports = {"silent": silent.getsockname()[1], "closed": closed.getsockname()[1]}
        with pytest.raises(BadInput, match=f"no Dask scheduler answers at .*{words}.*`dask scheduler` prints"):
            with scheduler.machines(address.format(**ports), None, None, connect_seconds=0.5):  # type: ignore[arg-type]
                pass


# With answers that machines may give


class MadeClient:
    """Stands for Dask's: each worker answers as a function of the request tells, the first of those allowed first.

    A worker whose function gives None is lost, and its task waits for ever, as a pinned one does.
    """

    def __init__(self, **workers: Callable[[dict[str, Any]], Any]) -> None:
        self.workers = workers
        self.asked: list[str] = []

    def wait_for_workers(self, count: int, timeout: float) -> None:
        if len(self.workers) < count:
            raise TimeoutError

    def nthreads(self) -> dict[str, int]:
        return dict.fromkeys(self.workers, 1)

    def submit(self, _: Any, run: str, line: str, *, workers: list[str] | None, **__: Any) -> SimpleNamespace:
        sent: SimpleNamespace = SimpleNamespace(add_done_callback=lambda told: self._answer(sent, told, line, workers))
        return sent

    def _answer(self, sent: SimpleNamespace, told: Callable[[Any], None], line: str, allowed: list[str] | None) -> None:
        worker = next((name for name in self.workers if allowed is None or name in allowed), None)
        if worker is None:
            return
        self.asked.append(worker)
        answer = self.workers[worker](json.loads(line))
        if answer is None:
            del self.workers[worker]
            return
        sent.status = "error" if isinstance(answer, Exception) else "finished"
        sent.exception = lambda: answer
        sent.result = lambda: json.dumps(answer | {"worker": worker, "host": f"host-{worker}"})
        told(sent)

    def run(self, function: Any, *_: Any, **__: Any) -> dict[str, Any]:
        return {
            worker: ModuleNotFoundError("No module named 'autograder'") if answer is without_engine else "{}"
            for worker, answer in self.workers.items()
        }

    def cancel(self, *_: Any, **__: Any) -> None:
        pass


def grades(asked: dict[str, Any]) -> dict[str, Any]:
    """A machine that can."""
    done = grade_task(Task(**asked["task"]))
    return {"fresh": done.fresh, "again": done.again}


def without_engine(asked: dict[str, Any]) -> Exception:
    return ModuleNotFoundError("No module named 'autograder'")


def refuses(kind: str, why: str = "", **more: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda asked: {"refused": kind, "why": why, **more}


@pytest.fixture
def over(
    course: Assignment, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., tuple[dict[str, Report], list[str]]]]:
    """Grades the class over such workers: reports, and what was told."""
    monkeypatch.setattr(scheduler, "_TICK", 0.01)

    def run(client: MadeClient) -> tuple[dict[str, Report], list[str]]:
        folder, told = results(course, "results"), list[str]()
        with scheduler.Machines(client, course, folder, told.append, patience=0.05) as executor:
            return grade(course, folder, executor=executor), told

    yield run
    class_grading.close_contexts()
    assert not list(course.root.rglob(".seen-*")), "what machines were to see is gone"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (refuses("weak", "it cannot confine a student's code"), "host-bad grades nothing: it cannot confine"),
        (refuses("files", "it does not see /course"), "host-bad grades nothing: it does not see /course"),
        (refuses("engine", installation="3.9.1 (main)"), "host-bad grades nothing: it has Python 3.9.1, not "),
        (without_engine, "bad grades nothing: autograder cannot be imported there"),
    ],
)
def test_a_machine_that_must_not_grade_is_named_once_and_the_others_take_its_tasks(
    over: Callable[..., Any], answer: Callable[..., Any], words: str
) -> None:
    client = MadeClient(bad=answer, good=grades)
    reports, told = over(client)
    assert [line for line in told if words in line] == told and len(told) == 1
    assert client.asked == ["bad", *["good"] * 8]
    assert {report.status for report in reports.values()} == {"graded"}


@pytest.mark.parametrize(
    ("answers", "kind", "words"),
    [
        ([refuses("weak", "it cannot confine")] * 2, TooWeak, "host-w0 .*host-w1 .*--allow-weak"),
        ([refuses("files", "it does not see")], BadInput, "host-w0 grades nothing: it does not see"),
        ([refuses("weak", "it cannot confine"), refuses("files", "it does not see")], NotGraded, "host-w0 .*host-w1"),
        ([lambda asked: None], NotGraded, "no machine is left after .* run again"),
    ],
)
def test_where_no_machine_can_grade_the_run_ends_and_says_why(
    over: Callable[..., Any], answers: list[Callable[..., Any]], kind: type[AutograderError], words: str
) -> None:
    client = MadeClient(**{f"w{number}": answer for number, answer in enumerate(answers)})
    with pytest.raises(kind, match=words):
        over(client)


def test_what_waited_for_a_lost_machine_goes_to_another(over: Callable[..., Any]) -> None:
    """The other has come since, so that the task was not meant for it."""
    client = MadeClient(bad=refuses("weak", "it cannot confine"), lost=lambda asked: client.workers.update(good=grades))
    reports, _ = over(client)
    assert client.asked == ["bad", *["lost"] * client.asked.count("lost"), *["good"] * 8]
    assert {report.status for report in reports.values()} == {"graded"}


def killed(asked: dict[str, Any]) -> Any:
    if asked["task"]["student"] != "s3":
        return grades(asked)
    return distributed.scheduler.KilledWorker("task", SimpleNamespace(address="tcp://far"), 3)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (killed, "4 machines were lost while they graded it"),
        (lambda asked: {"ended": 2} if asked["task"]["student"] == "s3" else grades(asked), "host-w ended 2 times"),
        (lambda asked: KeyError("x") if asked["task"]["student"] == "s3" else grades(asked), "failed .KeyError"),
    ],
)
def test_a_submission_that_ends_its_machines_is_not_graded_and_stops_nobody_else(
    over: Callable[..., Any], answer: Callable[..., Any], words: str
) -> None:
    reports, _ = over(MadeClient(w=answer))
    assert (reports["s3"].status, reports["s3"].auto_score) == ("not graded", None)
    assert words.replace(".", "(") in str(reports["s3"].reason)
    assert {report.status for name, report in reports.items() if name != "s3"} == {"graded"}


def test_a_machine_short_of_memory_gets_the_submission_once_more_at_the_end(over: Callable[..., Any]) -> None:
    asked_for: list[str] = []

    def short_at_first(asked: dict[str, Any]) -> dict[str, Any]:
        asked_for.append(asked["task"]["student"])
        return grades(asked) | {"again": asked_for.count("s3") == 1 and asked_for[-1] == "s3"}

    reports, _ = over(MadeClient(w=short_at_first))
    assert asked_for[-1] == "s3" and asked_for.count("s3") == 2 and len(asked_for) == 9
    assert reports["s3"].status == "graded"


def test_a_result_that_is_not_here_is_no_result(over: Callable[..., Any]) -> None:
    """A machine with a folder of its own under the same path."""
    reports, _ = over(MadeClient(w=lambda asked: {"fresh": True, "again": False}))
    assert {report.status for report in reports.values()} == {"not graded"}
    assert "look at the folder" in str(reports["s0"].reason)


def test_a_scheduler_without_workers_is_told_after_a_while(course: Assignment) -> None:
    executor = scheduler.Machines(MadeClient(), course, results(course, "results"), print, patience=0.1)
    with pytest.raises(NotGraded, match="tcp://here has no workers after 0.1 s: start some with `dask worker"):
        executor.wait_for_first("tcp://here")


def test_machines_run_nothing_but_tasks(course: Assignment) -> None:
    with pytest.raises(ValueError, match="nothing else"):
        scheduler.Machines(MadeClient(), course, results(course, "r"), print, 1).submit(print, None)  # type: ignore[arg-type]


# What a machine asks itself first


@pytest.fixture
def task(course: Assignment) -> Task:
    folder = course.root / "submitted" / "s0" / tiny.NAME
    return Task(
        str(course.root),
        course.name,
        "s0",
        str(folder),
        str(course.root / "out"),
        SEED,
        False,
        False,
        stage=Stage.FINAL,
    )


def refusal(task: Task, engine: str, **seen: str) -> Any:
    try:
        return machine_process._refusal(task, Expected(engine, seen))
    finally:
        machine_process._fit.clear()
        class_grading.close_contexts()


def test_a_machine_that_is_as_it_should_be_refuses_nothing(course: Assignment, task: Task) -> None:
    seen = course.root / "seen"
    seen.write_text("a run")
    engine = fingerprint(course)
    assert machine_process._refusal(task, Expected(engine, {str(seen): "a run"})) is None
    seen.unlink()
    assert refusal(task, engine, **{str(seen): "a run"}) is None, "asked once for each run"


def test_a_machine_refuses_where_it_does_not_see_the_same_folders(course: Assignment, task: Task) -> None:
    seen = course.root / "seen"
    said = refusal(task, "any", **{str(seen): "a run"})
    assert said["refused"] == "files" and f"does not see {course.root}" in said["why"]
    seen.write_text("another file of this name")
    assert refusal(task, "any", **{str(seen): "a run"})["refused"] == "files"
    elsewhere = dataclasses.replace(task, folder="/nowhere/s0/tinyset")
    assert "/nowhere/s0/tinyset" in refusal(elsewhere, "any")["why"]


def test_a_machine_refuses_with_another_engine_or_other_tests(course: Assignment, task: Task) -> None:
    engine = fingerprint(course)
    tiny.edit(course.folder, f"{tiny.PROBLEM}/test_hidden.py", "(4, 7)", "(4, 8)")
    said = refusal(task, engine)
    assert said["refused"] == "engine" and said["installation"] == of_the_installation()


def test_a_machine_that_cannot_confine_refuses_unless_that_is_allowed(
    course: Assignment, task: Task, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox, "level", "weak")
    said = refusal(task, fingerprint(course))
    assert said["refused"] == "weak" and "autograder doctor" in said["why"]
    assert refusal(dataclasses.replace(task, allow_weak=True), fingerprint(course)) is None


def test_a_machine_says_in_words_what_it_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduler, "of_the_installation", lambda: "3.11.2 (main)\ntorch==2.13.0\neinops==0.8.2")
    assert "lacks torch==2.13.0, has torch==2.12.0" in scheduler._difference(
        "3.11.2 (main)\neinops==0.8.2\ntorch==2.12.0"
    )
    assert "Python 3.12.1, not 3.11.2" in scheduler._difference("3.12.1 (main)\ntorch==2.13.0")
    assert "share the course's folder" in scheduler._difference("3.11.2 (main)\ntorch==2.13.0\neinops==0.8.2")
