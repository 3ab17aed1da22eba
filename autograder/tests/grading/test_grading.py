"""Grading submissions and classes, with the real sandbox, on the tiny assignment."""

from __future__ import annotations

import json
import os
import pickle
import select
import shutil
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import autograder
from autograder.assignment.model import Assignment
from autograder.errors import TooWeak
from autograder.grading import grade_class as class_grading
from autograder.grading import grade_one
from autograder.grading.class_folder import submissions
from autograder.grading.grade_class import Task, grade_class, grade_task
from autograder.grading.plan import Plan
from autograder.results import SEAL, Report, ResultFolder
from autograder.sandbox.sandbox import Sandbox
from autograder.tests import marking, processes, released, tiny

WRONG_SCALE = released.SCALE.replace("values * factor", "values * factor if factor < 3 else values")
SEED = 11


def submit(root: Path, student: str, **answers: str) -> Path:
    """A submission: the released notebook with these cells written (tiny_scale="…")."""
    folder = root / "submitted" / student / tiny.NAME
    folder.mkdir(parents=True)
    path = folder / tiny.NOTEBOOK
    path.write_bytes((root / "release" / tiny.NAME / tiny.NOTEBOOK).read_bytes())
    if answers:
        released.fill(path, **answers)
    return path


def submit_right(root: Path, student: str) -> Path:
    return submit(root, student, tiny_scale=released.SCALE, tiny_scaler=released.SCALER)


@pytest.fixture
def alone(tmp_path: Path) -> Assignment:
    """A course whose runs start sandboxes of their own."""
    return marking.without_gradebook(tmp_path)


@pytest.fixture
def ungraded(alone: Assignment, one_sandbox: None) -> Assignment:
    return alone


def grade(assignment: Assignment, **options: Any) -> dict[str, Report]:
    out = assignment.root / "results"
    folders = submissions(assignment.root / "submitted", assignment.name, assignment.course).folders
    done = grade_class(assignment, folders, out, **{"seed": SEED, "workers": 2} | options)
    return {item.report.student: item.report for item in done}


def stored(assignment: Assignment, student: str) -> dict[str, Any]:
    """A result without what differs between two runs: times, and the digests that cover them."""
    data: dict[str, Any] = json.loads((assignment.root / "results" / f"{student}.json").read_text())
    for test in data["tests"]:
        test.pop("seconds")
    del data[SEAL], data["files"]
    return data


@pytest.mark.slow
def test_a_class_gets_true_grades(alone: Assignment) -> None:
    root = alone.root
    submit_right(root, "right")
    submit(root, "untouched")
    submit(root, "half", tiny_scale=released.SCALE)
    submit(root, "wrong", tiny_scale=WRONG_SCALE, tiny_scaler=released.SCALER)
    submit(root, "loops", tiny_scale="def scale(values, factor):\n    while True:\n        pass")
    submit(root, "exits", tiny_scale="import os\nos._exit(0)", tiny_scaler="class Scaler(ScalerBase): pass")
    submit(root, "crashes", tiny_scale="def scale(values, factor):\n    return values.no_such_thing")
    reports = grade(alone)
    assert {name: report.status for name, report in reports.items()} == dict.fromkeys(reports, "graded")
    scores = {name: report.auto_score for name, report in reports.items()}
    assert scores == {
        "right": 5, "untouched": 0, "half": 3, "wrong": 3.8, "loops": 0, "exits": 0, "crashes": 0,
    }  # fmt: skip
    statuses = {
        name: {test.status for test in report.tests if test.exercise == "tiny-scale"}
        for name, report in reports.items()
    }
    assert statuses["untouched"] == {"missing"} and statuses["loops"] == {"timeout"}
    assert statuses["exits"] == {"crashed"} and statuses["crashes"] == {"failed"}
    assert [exercise.reason for exercise in reports["untouched"].exercises] == ["not written", "not written"]


def test_every_result_file_follows_the_schema(ungraded: Assignment) -> None:
    schema = json.loads((Path(autograder.__file__).parent / "result.schema.json").read_text())
    submit_right(ungraded.root, "right")
    submit(ungraded.root, "broken").write_text("{")
    for student, report in grade(ungraded).items():
        data = json.loads((ungraded.root / "results" / f"{student}.json").read_text())
        jsonschema.validate(data, schema)
        assert Report.from_json(json.dumps(data)) == report


def test_a_notebook_as_text_gets_its_points_and_a_placeholder_no_zero(ungraded: Assignment) -> None:
    text, placeholder = submit_right(ungraded.root, "text"), submit_right(ungraded.root, "placeholder")
    text.rename(text.with_name(f"{text.name}.txt"))
    placeholder.rename(placeholder.with_name(f".{placeholder.name}.icloud"))
    reports = grade(ungraded)
    assert (reports["text"].status, reports["text"].auto_score) == ("graded", 5)
    assert (reports["placeholder"].status, reports["placeholder"].auto_score) == ("not graded", None)
    assert f".{tiny.NOTEBOOK}.icloud cannot be read" in str(reports["placeholder"].reason)


def test_an_exercise_that_an_older_notebook_could_not_hold_is_not_graded(ungraded: Assignment) -> None:
    for student, version in (("older", "0.9"), ("deleted", "1.0")):
        path = submit(ungraded.root, student, tiny_scale=released.SCALE)
        notebook = json.loads(path.read_text())
        notebook["metadata"]["kit"] = {"assignment": tiny.NAME, "problem": tiny.PROBLEM, "version": version}
        notebook["cells"] = [cell for cell in notebook["cells"] if not cell["id"].startswith("tiny-scaler")]
        path.write_text(json.dumps(notebook))
    reports = grade(ungraded)
    scores = {student: [exercise.score for exercise in report.exercises] for student, report in reports.items()}
    assert scores == {"older": [3, None], "deleted": [3, 0]}
    assert reports["older"].status == "partly graded"
    assert "version 0.9" in str(reports["older"].exercises[1].reason)


@pytest.mark.slow
def test_the_same_submission_and_seed_give_the_same_result_with_any_number_of_workers(ungraded: Assignment) -> None:
    for number in range(4):
        submit(ungraded.root, f"s{number}", tiny_scale=WRONG_SCALE, tiny_scaler=released.SCALER)
    runs = []
    for workers in (1, 2, 3):
        grade(ungraded, workers=workers, force=True)
        runs.append([stored(ungraded, f"s{number}") for number in range(4)])
    assert runs[0] == runs[1] == runs[2]
    first = {key: value for key, value in runs[0][0].items() if key != "student"}
    assert all({key: value for key, value in result.items() if key != "student"} == first for result in runs[0])


@pytest.mark.slow
def test_an_unchanged_submission_keeps_its_result_and_a_changed_one_does_not(ungraded: Assignment) -> None:
    path = submit_right(ungraded.root, "ada")
    submit_right(ungraded.root, "ben")
    grade(ungraded)
    before = {name: (ungraded.root / "results" / f"{name}.json").stat().st_mtime_ns for name in ("ada", "ben")}
    released.fill(path, tiny_scale=WRONG_SCALE)
    fresh: dict[str, bool] = {}
    reports = grade(ungraded, on_done=lambda done: fresh.update({done.report.student: done.fresh}))
    assert fresh == {"ada": True, "ben": False}
    assert reports["ada"].auto_score == 3.8
    assert (ungraded.root / "results" / "ben.json").stat().st_mtime_ns == before["ben"]
    for options in ({"force": True}, {"seed": SEED + 1}):
        grade(ungraded, **options, on_done=lambda done: fresh.update({done.report.student: done.fresh}))
        assert fresh == {"ada": True, "ben": True}


@pytest.mark.slow
def test_a_damaged_result_is_graded_again(ungraded: Assignment) -> None:
    submit_right(ungraded.root, "ada")
    grade(ungraded)
    (ungraded.root / "results" / "ada.json").write_text('{"schema": 1')
    assert grade(ungraded)["ada"].auto_score == 5
    assert stored(ungraded, "ada")["auto_score"] == 5


@pytest.mark.slow
def test_a_result_whose_notebooks_are_gone_is_made_again(ungraded: Assignment) -> None:
    submit_right(ungraded.root, "ada")
    grade(ungraded)
    folder = ResultFolder(ungraded.root / "results", ungraded.course.state).notebooks_path("ada")
    shutil.rmtree(folder)
    grade(ungraded)
    assert (folder / tiny.NOTEBOOK).is_file()


def test_what_a_pools_process_sends_back_is_written_whole_or_not_at_all(ungraded: Assignment) -> None:
    """Half a message of a process that is killed would leave the pool waiting for the rest for ever."""
    submit_right(ungraded.root, "ada")
    folder = ungraded.root / "submitted" / "ada" / tiny.NAME
    task = Task(str(ungraded.root), tiny.NAME, "ada", str(folder), str(ungraded.root / "out"), SEED, False, False)
    try:
        sent = class_grading.grade_and_store(task)
    finally:
        class_grading.close_contexts()
    assert sent.fresh and not sent.again and len(pickle.dumps(sent)) < select.PIPE_BUF // 4


def test_a_notebook_that_cannot_be_read_is_not_graded_and_not_zero(ungraded: Assignment) -> None:
    submit(ungraded.root, "broken").write_text('{"cells": [')
    submit_right(ungraded.root, "right")
    reports = grade(ungraded)
    broken = reports["broken"]
    assert (broken.status, broken.auto_score) == ("not graded", None)
    assert [exercise.score for exercise in broken.exercises] == [None, None]
    assert broken.reason and tiny.NOTEBOOK in broken.reason
    assert reports["right"].auto_score == 5


def test_a_folder_without_any_notebook_is_not_graded(ungraded: Assignment) -> None:
    submit(ungraded.root, "nothing").unlink()
    report = grade(ungraded)["nothing"]
    assert (report.status, report.auto_score) == ("not graded", None)
    assert report.reason


def test_a_mistake_in_a_test_is_reported_as_that_and_costs_no_student(ungraded: Assignment) -> None:
    tiny.edit(
        ungraded.folder,
        f"{tiny.PROBLEM}/test_hidden.py",
        "values_before_scaling = torch.rand(3",
        "values = troch.rand(3",
    )
    submit_right(ungraded.root, "right")
    report = grade(ungraded)["right"]
    assert (report.status, report.auto_score) == ("partly graded", 3)
    scaler = report.exercises[1]
    assert (scaler.status, scaler.score) == ("not graded", None)
    assert scaler.reason and "test_scaler_inverse_undoes_forward is itself at fault" in scaler.reason
    assert "NameError: name 'troch'" in (ungraded.root / "results" / "details" / "right.json").read_text()


def test_an_answer_that_breaks_a_test_which_the_reference_passes_has_failed_it(ungraded: Assignment) -> None:
    tiny.edit(
        ungraded.folder,
        f"{tiny.PROBLEM}/test_hidden.py",
        "    assert_same(student.scale(values, 3.0), expected",
        "    student.scale(values, 3.0).sum()\n    assert_same(student.scale(values, 3.0), expected",
    )
    submit(ungraded.root, "odd", tiny_scale="def scale(values, factor):\n    return 'text'")
    report = grade(ungraded)["odd"]
    assert report.status == "graded"
    assert {test.status for test in report.tests if test.visibility == "hidden" and test.exercise == "tiny-scale"} == {
        "failed"
    }


def test_a_test_that_skips_itself_is_a_fault_of_the_grader(ungraded: Assignment) -> None:
    old = "    scaler = student.build("
    tiny.edit(ungraded.folder, f"{tiny.PROBLEM}/test_hidden.py", old, f"    pytest.skip()\n{old}")
    submit_right(ungraded.root, "right")
    report = grade(ungraded)["right"]
    assert report.exercises[1].status == "not graded" and report.auto_score == 3


def test_a_fault_of_the_grader_on_one_submission_stops_nobody_else(
    ungraded: Assignment, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit_right(ungraded.root, "ada")
    submit_right(ungraded.root, "ben")
    real = grade_one.grade_submission

    def faulty(taken: Any, plan: Plan, sandbox: Sandbox) -> Any:
        if taken.student == "ada":
            raise RuntimeError("our own mistake")
        return real(taken, plan, sandbox)

    monkeypatch.setattr(class_grading, "grade_submission", faulty)
    reports = grade(ungraded)
    assert (reports["ada"].status, reports["ada"].auto_score) == ("not graded", None)
    assert reports["ada"].reason == "the grader itself failed (the error stands in details/)"
    details = ResultFolder(ungraded.root / "results", ungraded.course.state).details_path("ada")
    assert "RuntimeError: our own mistake" in details.read_text()
    assert reports["ben"].auto_score == 5


def test_a_grader_process_that_dies_twice_on_a_submission_leaves_it_not_graded(
    ungraded: Assignment, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit_right(ungraded.root, "ada")
    submit_right(ungraded.root, "ben")
    real = grade_one.grade_submission

    def deadly(taken: Any, plan: Plan, sandbox: Sandbox) -> Any:
        if taken.student == "ada":
            os.kill(os.getpid(), signal.SIGKILL)
        return real(taken, plan, sandbox)

    monkeypatch.setattr(class_grading, "grade_submission", deadly)
    reports = grade(ungraded)
    assert reports["ada"].status == "not graded" and "ended twice" in str(reports["ada"].reason)
    assert reports["ben"].auto_score == 5


def test_messages_hold_nothing_of_inputs_or_of_the_students_text(ungraded: Assignment) -> None:
    secret = "raise ValueError('look here: ' + str(values.tolist()))"
    submit(ungraded.root, "spy", tiny_scale=f"def scale(values, factor):\n    {secret}")
    grade(ungraded)
    text = (ungraded.root / "results" / "spy.json").read_text()
    assert "look here" not in text
    details = (ungraded.root / "results" / "details" / "spy.json").read_text()
    assert "look here" in details


def test_a_weak_machine_is_refused_unless_the_ta_says_so(alone: Assignment, monkeypatch: pytest.MonkeyPatch) -> None:
    submit_right(alone.root, "ada")
    real = Sandbox.start

    def weak(library: Path, package: str, **_: Any) -> Sandbox:
        sandbox = real(library, package, bubblewrap=False)
        sandbox.level = "weak"
        return sandbox

    monkeypatch.setattr(Sandbox, "start", weak)
    with pytest.raises(TooWeak, match="autograder doctor"):
        grade(alone)
    assert not (alone.root / "results" / "ada.json").exists()
    report = grade(alone, allow_weak=True)["ada"]
    assert (report.isolation, report.auto_score) == ("weak", 5)


def test_an_executor_of_ones_own_can_grade(alone: Assignment) -> None:
    submit_right(alone.root, "ada")
    try:
        with ThreadPoolExecutor(1) as executor:
            assert grade(alone, executor=executor)["ada"].auto_score == 5
    finally:
        class_grading.close_contexts()


def test_a_task_needs_nothing_but_itself(alone: Assignment) -> None:
    submit_right(alone.root, "ada")
    folder = alone.root / "submitted" / "ada" / tiny.NAME
    task = Task(str(alone.root), tiny.NAME, "ada", str(folder), str(alone.root / "out"), SEED, False, False)
    try:
        assert grade_task(task).report.auto_score == 5
    finally:
        class_grading.close_contexts()
    assert ResultFolder(alone.root / "out", alone.course.state).read("ada") is not None


GRADE_AND_PRINT = """
import signal, sys
from pathlib import Path
signal.signal(signal.SIGINT, signal.default_int_handler)  # a run in the background is started without it
from autograder.assignment.load import load_assignment
from autograder.grading.class_folder import submissions
from autograder.grading.grade_class import grade_class
root = Path(sys.argv[1])
assignment = load_assignment("tinyset", root)
def tell(done):
    print(done.report.student, "fresh" if done.fresh else "kept", flush=True)
folders = submissions(root / "submitted", "tinyset", assignment.course).folders
grade_class(assignment, folders, root / "results", seed=11, workers=2, on_done=tell)
"""


def start(root: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", GRADE_AND_PRINT, str(root)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_a_stopped_run_leaves_no_process_or_half_file_and_goes_on(ungraded: Assignment, how: signal.Signals) -> None:
    students = [f"s{number}" for number in range(12)]
    for student in students[:6]:
        submit_right(ungraded.root, student)
    for student in students[6:]:  # they take a while, so that the run is stopped before its end
        slow = f"import time\ntime.sleep(1)\n{released.SCALE}"
        submit(ungraded.root, student, tiny_scale=slow, tiny_scaler=released.SCALER)
    run = start(ungraded.root)
    assert run.stdout is not None
    first = run.stdout.readline().split()[0]
    family = processes.descendants(run.pid)
    assert len(family) >= 3
    os.kill(run.pid, how)
    run.communicate(timeout=60)
    processes.wait_for_end(family)
    results = ungraded.root / "results"
    done = {path.stem for path in results.glob("*.json")}
    assert first in done and len(done) < len(students)
    for path in results.glob("*.json"):
        Report.from_json(path.read_text())
    if how == signal.SIGINT:
        assert not list(results.rglob(".writing-*"))
    again = start(ungraded.root)
    output, _ = again.communicate(timeout=120)
    assert again.returncode == 0
    said = dict(line.split() for line in output.splitlines())
    assert {student for student, state in said.items() if state == "kept"} == done
    assert not list(results.rglob(".writing-*"))
    assert {report.auto_score for report in ResultFolder(results, ungraded.course.state).all()} == {5}
