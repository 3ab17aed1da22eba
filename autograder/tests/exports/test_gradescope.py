"""Gradescope's zip, run as its harness runs it: unpacked in a folder, from there, without namespaces."""

from __future__ import annotations

import dataclasses
import io
import json
import os
import shutil
import stat
import subprocess
import sys
import zipfile
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from autograder import clock
from autograder.assignment.load import load_assignment
from autograder.assignment.model import Assignment
from autograder.errors import BadInput
from autograder.exports.gradescope import __main__ as harness_program
from autograder.exports.gradescope import grade, package
from autograder.exports.gradescope.layout import Harness
from autograder.exports.gradescope.metadata import read_metadata
from autograder.exports.gradescope.results_file import Showing, failed, results
from autograder.grading.seed import course_seed
from autograder.results import Report, Stage
from autograder.tests import marking, released, tiny
from autograder.tests.command_line import exit_code, run
from kit.outcomes import OutcomeStatus

BEFORE = datetime(2019, 12, 1, tzinfo=UTC)
DAY = "2019-12-01"
PAST = '"assignment": {"due_date": "2019-11-01T00:00:00Z"'
# A student's cell that looks for what is graded, and says what it found in the only way that somebody may read.
HOSTILE = """\
import os, sys
def scale(values, factor):
    found = []
    for path in ({paths}):
        for way in (lambda: open(path).read(), lambda: open(path, "w").write("x"), lambda: os.listdir(path)):
            try:
                way()
                found.append(path)
            except OSError:
                pass
    print("STUDENT WAS HERE")
    os.write(1, b"STUDENT WAS HERE")
    os.write(2, b"STUDENT WAS HERE")
    if factor < 0:
        raise ValueError("<script>alert(1)</script> # STUDENT WAS HERE")
    return values * factor if not found and os.getuid() else values
"""


@pytest.fixture
def course(tmp_path: Path) -> Assignment:
    return marking.without_gradebook(tmp_path / "home")


@pytest.fixture
def harness(course: Assignment, tmp_path: Path) -> Harness:
    """/autograder as it is before a submission is graded, with an empty submission."""
    harness = Harness(tmp_path / "autograder")
    with zipfile.ZipFile(io.BytesIO(package.autograder_zip(course, minutes=10))) as zipped:
        zipped.extractall(harness.source)
    shutil.copy(harness.source / "run_autograder", harness.base)
    (harness.base / "run_autograder").chmod(0o755)
    harness.submission.mkdir()
    harness.results.parent.mkdir()
    return harness


def hand_in(course: Assignment, harness: Harness, **answers: str) -> None:
    path = harness.submission / tiny.NOTEBOOK
    shutil.copy(course.release / tiny.NOTEBOOK, path)
    released.fill(path, **answers)


def describe(harness: Harness, **fields: Any) -> None:
    harness.metadata.write_text(json.dumps({"id": 1, "created_at": "2019-11-30T10:00:00Z", **fields}))


def due(moment: str, *earlier: str) -> dict[str, Any]:
    return {
        "assignment": {"due_date": moment, "late_due_date": None},
        "previous_submissions": [{"submission_time": moment, "score": 1} for moment in earlier],
    }


def read(harness: Harness) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(harness.results.read_text())
    return content


def entry(content: dict[str, Any], name: str) -> dict[str, Any]:
    (found,) = [one for one in content["tests"] if one["name"] == name]
    return dict(found)


def outside_bubblewrap(tmp_path: Path) -> dict[str, str]:
    """An environment in which there is nothing but what a bare container has."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("bash", "chmod", "env"):
        (programs / name).symlink_to(str(shutil.which(name)))
    return {"PATH": str(programs), "AUTOGRADER_PYTHON": sys.executable, "HOME": str(tmp_path)}


def test_the_unpacked_zip_grades_a_hostile_submission_without_bubblewrap(
    course: Assignment, harness: Harness, tmp_path: Path
) -> None:
    secrets = [
        harness.source,
        harness.course / "assignments",
        harness.results,
        harness.results.parent,
        harness.metadata,
    ]
    source = HOSTILE.format(paths=", ".join(repr(str(path)) for path in secrets) + ",")
    hand_in(course, harness, tiny_scale=source, tiny_scaler=released.SCALER)
    describe(harness, **due("2019-12-31T23:59:00Z"))
    done = subprocess.run(
        ["./run_autograder"], cwd=harness.base, env=outside_bubblewrap(tmp_path), capture_output=True, text=True
    )
    content = read(harness)
    assert (content["score"], content["extra_data"]["isolation"]) == (5.0, "good"), done.stdout + done.stderr
    assert [one["status"] for one in content["tests"]] == ["passed", "passed"]
    assert "STUDENT" not in harness.results.read_text() + done.stdout + done.stderr
    closed = [harness.results.parent, harness.submission, harness.metadata, harness.course / "assignments"]
    closed += [harness.course / ".autograder" / "seeds.json"]
    assert [stat.S_IMODE(path.stat().st_mode) & 0o077 for path in closed] == [0] * len(closed)


def test_whenever_a_run_is_stopped_its_file_is_whole_and_says_what_was_not_reached(
    course: Assignment, harness: Harness, one_sandbox: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    hand_in(course, harness, tiny_scale=released.SCALE, tiny_scaler=released.SCALER)
    written: list[dict[str, Any]] = []
    monkeypatch.setattr(Harness, "write_results", lambda self, content: written.append(content))
    grade.grade(harness, allow_weak=True)
    assert [content["score"] for content in written] == [0.0, 3.0, 5.0, 5.0]
    assert [content["extra_data"]["not_graded"] for content in written] == [
        ["tiny-scale", "tiny-scaler"], ["tiny-scaler"], [], [],
    ]  # fmt: skip
    assert ["HAS NOT FINISHED" in content["output"] for content in written] == [True, True, True, False]
    waiting = entry(written[1], "tiny-scaler")
    assert waiting["output"] == "NOT GRADED, which is not a zero: not run yet." and "score" not in waiting


@pytest.mark.parametrize(
    "program, said",
    [
        ("import signal; signal.pause()", "stopped itself after 0.2 seconds"),
        ("import os; os.kill(os.getpid(), 9)", "signal 9"),
        ("raise RuntimeError", "the grader itself failed"),
    ],
)
def test_what_a_stopped_grader_has_written_stays_with_a_word_on_its_end(
    harness: Harness, program: str, said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    harness.write_results({"score": 3.0, "output": "so far", "tests": []})
    harness_program.supervise(harness, 0.2 if "pause" in program else 60, [sys.executable, "-c", program])
    content = read(harness)
    assert content["score"] == 3.0 and said in content["output"].replace("The", "the")
    assert content["output"].endswith("\nso far")
    capfd.readouterr()


def test_a_zip_that_lacks_its_settings_says_so_in_a_valid_file(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    (harness.source / "settings.json").write_text("{}")
    monkeypatch.setattr("sys.argv", ["grade", str(harness.base)])
    harness_program.main()
    assert "autograder export gradescope" in read(harness)["output"]


def test_before_the_deadline_points_wait_and_hidden_tests_are_only_counted(
    course: Assignment, harness: Harness, one_sandbox: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "now", lambda: BEFORE)
    hand_in(course, harness, tiny_scale=released.SCALE)
    describe(harness, **due("2019-12-31T23:59:00Z"))
    report = grade.grade(harness, allow_weak=True)
    content = read(harness)
    assert report.stage is Stage.PROVISIONAL and report.seed != course_seed(course)
    shown = [one for one in content["tests"] if one["visibility"] == "visible"]
    assert [(one["name"], one["status"], "score" in one) for one in shown] == [
        ("tiny-scale", "passed", False), ("tiny-scaler", "failed", False),
    ]  # fmt: skip
    assert "2 of 2 hidden tests pass" in shown[0]["output"] and "other sizes" not in json.dumps(shown)
    later = [one for one in content["tests"] if one["visibility"] == "after_published"]
    assert [(one["score"], one["max_score"]) for one in later] == [(3.0, 3.0), (0.0, 2.0)]
    assert "hidden" not in {one["visibility"] for one in content["tests"]} and content["visibility"] == "visible"
    assert str(report.seed) not in harness.results.read_text()


@pytest.mark.parametrize(
    "metadata, told",
    [
        (due("2019-12-31T00:00:00Z", f"{DAY}T01:00:00Z", f"{DAY}T02:00:00Z"), True),
        (due("2019-12-31T00:00:00Z", *(f"{DAY}T0{hour}:00:00Z" for hour in range(3))), False),
        (due("2019-12-31T00:00:00Z", *(f"2019-11-30T0{hour}:00:00Z" for hour in range(9))), True),
    ],
)
def test_hidden_tests_are_counted_for_so_many_submissions_a_day(
    course: Assignment, harness: Harness, monkeypatch: pytest.MonkeyPatch, metadata: dict[str, Any], told: bool
) -> None:
    monkeypatch.setattr(clock, "now", lambda: BEFORE)
    describe(harness, **metadata)
    withheld = grade._withheld(course, read_metadata(harness.metadata), Stage.PROVISIONAL)
    content = results(provisional(), Showing(course.manifest, 1.0, withheld=withheld))
    assert ("hidden tests pass" in entry(content, "tiny-scale")["output"]) is told
    assert ("3 submissions a day" in content["output"]) is not told


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
def test_times_at_the_end_of_the_calendar_count_as_not_said(tmp_path: Path, moment: str) -> None:
    path = tmp_path / "metadata.json"
    path.write_text(json.dumps({"previous_submissions": [{"submission_time": moment}]}))
    for hours in (-12, 12):
        assert read_metadata(path).earlier_on(BEFORE.date(), timezone(timedelta(hours=hours))) == 0


def provisional() -> Report:
    return marking.report("ada", stage=Stage.PROVISIONAL)


@pytest.mark.parametrize(
    "metadata, stage",
    [
        (f'{{{PAST}, "late_due_date": "2019-12-05T00:00:00-08:00"}}}}', "provisional"),
        (f"{{{PAST}}}}}", "final"),
        (f'{{{PAST}}}, "users": [{{}}, {{"assignment": {{"due_date": "2019-12-09"}}}}]}}', "provisional"),
        ("", "provisional"),
        ("[1, 2]", "provisional"),
        ('{"assignment": "x", "users": {"a": 1}, "previous_submissions": [3, null]}', "provisional"),
        ('{"assignment": {"due_date": 7}, "users": null}', "provisional"),
        ('{"assignment": {"due_date": "0001-01-01T00:00:00+23:59"}}', "provisional"),
        ("[" * 100_000, "provisional"),
        ("\udcff", "provisional"),
    ],
)
def test_a_run_is_final_once_nobody_of_the_group_can_hand_in_again(
    course: Assignment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, metadata: str, stage: str
) -> None:
    monkeypatch.setattr(clock, "now", lambda: BEFORE)  # the assignment's own deadline, of 2020, is to come
    path = tmp_path / "metadata.json"
    path.write_bytes(metadata.encode("utf-8", "surrogateescape"))
    assert grade.current_stage(course, read_metadata(path)) == stage
    assert grade.current_stage(course, read_metadata(tmp_path / "none.json")) is Stage.PROVISIONAL


def test_what_was_not_graded_has_no_score_and_is_told_at_the_top(course: Assignment) -> None:
    content = results(marking.report("ada", scaler=None), Showing(course.manifest, 1.0))
    assert content["score"] == 3.0 and content["output"].startswith("NOT GRADED: 1 of 2 exercises")
    lost = entry(content, "tiny-scaler")
    assert ("score" in lost, lost["max_score"], lost["status"]) == (False, 2.0, "failed")
    assert "which is not a zero: the worker ended" in lost["output"] and "not graded" in lost["tags"]
    assert failed("no room")["output"].startswith("NOT GRADED, which is not a zero: no room.")


def test_a_test_at_fault_is_not_named_to_students(course: Assignment) -> None:
    report = marking.report("ada", scale=None)
    broken = [test for test in report.tests if test.visibility == "hidden"]
    tests = tuple(dataclasses.replace(test, status=OutcomeStatus.ERROR) for test in broken)
    report = dataclasses.replace(report, tests=tests)
    content = results(report, Showing(course.manifest, 1.0))
    assert "a test of this exercise is at fault" in entry(content, "tiny-scale")["output"]
    assert marking.HIDDEN_NAME not in json.dumps(content)


def test_text_of_a_student_is_shown_as_it_stands(course: Assignment) -> None:
    note = "cell <b>\x1b[2J\u202e*x* appears twice\n- forged"
    content = results(marking.report("ada", notes=(note,)), Showing(course.manifest, 1.0))
    formats = {value for one in (content, *content["tests"]) for key, value in one.items() if key.endswith("_format")}
    assert formats == {"text"}
    assert "\x1b" not in content["output"] and "\u202e" not in content["output"] and "<b>" in content["output"]


def test_entries_carry_what_gradescope_reads(course: Assignment) -> None:
    content = results(marking.report("ada", scale=1.5), Showing(course.manifest, 2.4))
    assert {"score", "execution_time", "output", "visibility", "stdout_visibility", "extra_data"} <= content.keys()
    assert (content["execution_time"], content["stdout_visibility"]) == (2, "hidden")
    first = entry(content, "tiny-scale")
    assert (first["number"], first["tags"], first["status"]) == ("1.1", ["scaling", "tiny-scale"], "failed")
    assert first["output"].splitlines()[0] == "1.5 of 3 points"
    assert "FAILED: multiplies every entry" in first["output"]


def test_what_weights_reach_is_on_the_leaderboard_where_the_exercise_asks_for_one(course: Assignment) -> None:
    report = marking.report("ada")
    measured = tuple(dataclasses.replace(one, accuracy=0.625) for one in report.exercises)
    report = dataclasses.replace(report, exercises=measured)
    first, *others = course.manifest.exercises
    asked = dataclasses.replace(first, weights="w.safetensors", leaderboard="Linear probe")
    manifest = dataclasses.replace(course.manifest, exercises=(asked, *others))
    row = {"name": "Linear probe", "value": 0.625, "order": "desc"}
    assert results(report, Showing(manifest, 1.0))["leaderboard"] == [row]
    assert "leaderboard" not in results(report, Showing(manifest, 1.0, withheld="tomorrow"))
    assert "leaderboard" not in results(report, Showing(course.manifest, 1.0))


def test_the_zip_depends_on_nothing_but_the_course(course: Assignment) -> None:
    made = package.autograder_zip(course, 10)
    for path in course.folder.rglob("*"):
        os.utime(path, (1, 1))
    assert package.autograder_zip(load_assignment(tiny.NAME, course.root), 10) == made


def test_the_zip_holds_two_programs_the_engine_and_what_grading_reads(course: Assignment) -> None:
    made = zipfile.ZipFile(io.BytesIO(package.autograder_zip(course, 10)))
    names = set(made.namelist())
    modes = {name: made.getinfo(name).external_attr >> 16 & 0o111 for name in ("setup.sh", "run_autograder")}
    assert all(modes.values())
    problem = "course/assignments/tinyset/scaling/"
    assert {f"{problem}test_hidden.py", "engine/kit/wire.py", "course/release/tinyset/tinylib/shapes.py"} <= names
    assert not [
        name for name in names if name.startswith((f"{problem}wrong", f"{problem}right", "engine/autograder/tests"))
    ]
    assert made.read("course/.autograder/key") != (course.course.state / "key").read_bytes()
    assert str(course_seed(course)).encode() in made.read("course/.autograder/seeds.json")
    pins = made.read("requirements.txt").decode().split()
    assert any(pin.startswith("torch==") for pin in pins) and all("==" in pin and "+" not in pin for pin in pins)


def test_a_limit_that_a_slow_submission_would_exceed_is_refused_with_one_that_serves(course: Assignment) -> None:
    with pytest.raises(BadInput, match="--minutes 3,"):
        package.autograder_zip(course, 2)


# In place of programs that a test must not run: they note how they were called.
FAKES = {
    "apt-get": '[[ "$*" != *bubblewrap ]]',
    "add-apt-repository": "true",
    "python": 'if [ "$2" = venv ]; then mkdir -p "$3/bin"; cp "$0" "$3/bin/pip"; cp "$0" "$3/bin/python"; fi',
}


def test_the_set_up_installs_the_pinned_packages_and_closes_what_students_must_not_read(
    course: Assignment, harness: Harness, tmp_path: Path
) -> None:
    environment = outside_bubblewrap(tmp_path) | {"AUTOGRADER_PLACE": str(tmp_path / "place")}
    programs, log = tmp_path / "bin", tmp_path / "log"
    for name in ("dirname", "grep", "mkdir", "cp"):
        (programs / name).symlink_to(str(shutil.which(name)))
    for name, body in FAKES.items():
        fake = programs / (f"python{course.python}" if name == "python" else name)
        fake.write_text(f'#!/bin/bash\necho {name} "$@" >> {log}\n{body}\n')
        fake.chmod(0o755)
    setup = str(harness.source / "setup.sh")
    subprocess.run(["bash", setup], env=environment, check=True, capture_output=True)
    said = log.read_text()
    assert "--index-url https://download.pytorch.org/whl/cpu torch==" in said
    assert f"-r {harness.source}/requirements.txt" in said
    assert stat.S_IMODE((harness.course / "assignments").stat().st_mode) & 0o077 == 0
    assert stat.S_IMODE((harness.source / "engine" / "kit" / "wire.py").stat().st_mode) & 0o004


def test_the_command_writes_a_file_for_its_owner_alone_and_refuses_misuse(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = run("export", "gradescope", tiny.NAME)
    made = root / f"gradescope-{tiny.NAME}.zip"
    assert done.exit_code == 0 and "time limit to 10 minutes" in done.output
    assert stat.S_IMODE(made.stat().st_mode) == 0o600 and zipfile.is_zipfile(made)
    assert exit_code(monkeypatch, "export", "gradescope", tiny.NAME, "--out", "no/such/folder.zip") == 10
    assert exit_code(monkeypatch, "export", "gradescope", "ps9") == 10
    assert exit_code(monkeypatch, "export", "gradescope", tiny.NAME, "--minutes", "41") == 2
    shutil.rmtree(root / "release" / tiny.NAME)
    assert exit_code(monkeypatch, "export", "gradescope", tiny.NAME) == 10
