"""Everything has a limit: what hostile submissions may cost the process that grades them, in time and memory."""

from __future__ import annotations

import dataclasses
import io
import json
import re
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from autograder.assignment.model import Assignment
from autograder.grading import grade_one
from autograder.grading.exercise_runs import bind
from autograder.grading.grade_class import Task, close_contexts, grade_task
from autograder.grading.grade_one import confined, grade_submission
from autograder.grading.plan import Plan
from autograder.grading.processes import forked_pool, in_fresh_process
from autograder.results import Report
from autograder.submission.read import read_submission
from autograder.tests import marking, released, tiny
from autograder.tests.sandbox.hostile import _WRITES

SECONDS = 3  # of processor time for a submission
MEMORY = 700 << 20  # of one grading process; two of them grade a class
RIGHT = {"tiny_scale": released.SCALE, "tiny_scaler": released.SCALER}
META = "torch.empty(1 << 31, device='meta')"
SCALER = "class Scaler(ScalerBase):\n    def __init__(self, start):\n        super().__init__(start)\n        {}\n"


def _says(expression: str) -> str:
    return f"{_WRITES}\ndef scale(values, factor):\n    say({expression})\n"


# What stands in a cell of the student's own, and in the answers.
CODE: dict[str, dict[str, str]] = {
    "loads that block": {"own": "\n".join(f"def own{n}(x=sum(1 for _ in iter(int, 1))): pass" for n in range(24))},
    "loads that block in C": {"own": "\n".join(f"own{n} = 7 ** 7 ** 9 % 10 ** 9" for n in range(24))},
    "loads that end": {"own": "\n".join(f"def own{n}(x=__import__('os')._exit(0)): pass" for n in range(50))},
    "an answer that blocks": {"tiny_scale": "def scale(values, factor):\n    while True: pass"},
    "large replies": {"tiny_scale": "import torch\ndef scale(values, factor): return torch.ones(3_900_000)"},
    "large lists": {"tiny_scale": "def scale(values, factor): return ['x' * 100] * 8000"},
    "virtual replies": {"tiny_scale": "import torch\ndef scale(values, factor): return torch.ones(1).expand(1 << 31)"},
    "long exceptions": {"tiny_scale": "def scale(values, factor): raise ValueError('x' * 50_000_000)"},
    "a meta parameter": {"tiny_scaler": SCALER.format("self.factor = nn.Parameter(" + META + ")")},
    "a sparse parameter": {"tiny_scaler": SCALER.format("self.factor.data = torch.eye(9).to_sparse()")},
    "a frame byte by byte": {
        "tiny_scale": _says("b''") + "    for _ in iter(int, 1): os.write(3, struct.pack('>Q', 1 << 24) + bytes(10))\n"
    },
    "forged flags": {
        "tiny_scale": _says(
            "frame({'k': 'dict', 'v': [['status', 'ok'], ['value', 1], ['unchanged', True], "
            "['modes', {'k': 'list', 'v': []}], "
            "['flags', {'k': 'list', 'v': [{'k': 'list', 'v': [tensor('uint8', [1 << 21])]}]}]]}, bytes(1 << 21))"
        )
    },
    "forged shapes": {
        "tiny_scale": _says("frame(reply({'k': 'list', 'v': [tensor('bool', [1 << 20]) | {'meta': True}] * 8000}))")
    },
}  # fmt: skip


def scans() -> str:
    buffer = io.BytesIO()
    Image.effect_noise((300, 200), 60).save(buffer, "JPEG", progressive=True)
    data = buffer.getvalue()
    last = data.rindex(b"\xff\xda")
    return b64encode(data[:last] + data[last:-2] * 500 + data[-2:]).decode()


def files(name: str, notebook: dict[str, Any]) -> dict[str, bytes]:
    """What a folder holds in which reading is the attack: each file is one that may be the notebook."""
    if name == "wide text":
        notebook["cells"].append(released.code("#" * 24_000_000 + "\U0001f600", id="own"))
        return {f"{n}.ipynb": json.dumps(notebook, ensure_ascii=False).encode() + b" " * n for n in range(6)}
    if name == "wide outputs":
        printed = [{"output_type": "stream", "text": "x" * 99_000 + "\U0001f600"} for _ in range(200)]
        notebook["cells"].append(released.code("", id="own", outputs=printed))
        return {f"{n}.ipynb": json.dumps(notebook, ensure_ascii=False).encode() + b" " * n for n in range(7)}
    if name == "many values":
        notebook["metadata"]["x"] = [{"a": {}} for _ in range(190_000)]
        return {f"{n}.ipynb": json.dumps(notebook).encode() + b" " * n for n in range(20)}
    if name == "many texts":
        notebook["metadata"]["x"] = [f"é{n}" for n in range(900_000)]
        return {f"{n}.ipynb": json.dumps(notebook, ensure_ascii=False).encode() + b" " * n for n in range(6)}
    cell = next(cell for cell in notebook["cells"] if cell["cell_type"] == "markdown")
    cell["source"] = "".join(f"![p](attachment:{n}.jpg)" for n in range(20))
    cell["attachments"] = {f"{n}.jpg": {"image/jpeg": scans()} for n in range(20)}
    return {tiny.NOTEBOOK: json.dumps(notebook).encode()}


FILES = ("wide text", "wide outputs", "many values", "many texts", "pictures of many scans")


def limited(root: Path) -> Assignment:
    """A course whose submissions have little time."""
    made = marking.without_gradebook(root)
    tiny.edit(made.folder, "assignment.toml", "submission_seconds = 60", f"submission_seconds = {SECONDS}")
    return made


@pytest.fixture
def course(tmp_path: Path, one_sandbox: None) -> Assignment:
    return limited(tmp_path)


def hand_in(course: Assignment, student: str, name: str) -> Path:
    folder = course.root / "submitted" / student / tiny.NAME
    folder.mkdir(parents=True)
    path = folder / tiny.NOTEBOOK
    path.write_bytes((course.release / tiny.NOTEBOOK).read_bytes())
    answers = RIGHT | CODE.get(name, {})
    own = answers.pop("own", "")
    released.fill(path, **answers)
    notebook = json.loads(path.read_text())
    notebook["cells"].insert(1, released.code(own, id="own-cell"))
    path.write_text(json.dumps(notebook))
    if name in FILES:
        path.unlink()
        for file, data in files(name, notebook).items():
            (folder / file).write_bytes(data)
    return folder


def graded(task: Task) -> tuple[Report, int]:
    """Grade one submission in this process: the report, and this process's peak of memory."""
    report = grade_task(task).report
    (peak,) = re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return report, int(peak) << 10


def graded_one_by_one(first: Task, rest: list[Task]) -> list[tuple[Report, int]]:
    """Grade the first here, which starts the sandbox, and each of the rest in a process forked for it alone."""
    try:
        assert grade_task(first).report.auto_score == 5
        found = []
        for task in rest:
            with forked_pool(1) as single:
                found.append(single.submit(graded, task).result())
        return found
    finally:
        close_contexts()


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Report, int]]:
    """Of each hostile submission the report, and the peak of memory of the process that graded it."""
    course = limited(tmp_path_factory.mktemp("course"))
    tasks = []
    for number, name in enumerate(["right", *CODE, *FILES]):
        student, folder = f"s{number:02}", hand_in(course, f"s{number:02}", name)
        out = str(course.root / "out")
        tasks.append(Task(str(course.root), tiny.NAME, student, str(folder), out, 3, True, True))
    found = in_fresh_process(graded_one_by_one, tasks[0], tasks[1:])
    return dict(zip([*CODE, *FILES], found, strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("name", [*CODE, *FILES])
def test_a_hostile_submission_costs_the_grader_bounded_time_and_memory(
    hostile: dict[str, tuple[Report, int]], name: str
) -> None:
    report, peak = hostile[name]
    assert peak < MEMORY, f"{peak >> 20} MiB"
    assert report.status in ("graded", "partly graded", "not graded") and "grader itself" not in str(report.reason)
    if name in CODE:
        assert report.status == "graded"
        assert (report.auto_score or 0) < report.auto_max


@pytest.mark.parametrize("kind", ["loads that block", "an answer that blocks"])
def test_a_submission_that_used_up_its_time_is_told(course: Assignment, kind: str) -> None:
    folder = hand_in(course, "eve", kind)
    plan = Plan.of(course_again(course), 3)
    with confined(plan.assignment, allow_weak=True) as sandbox:
        report = grade_submission(read_submission(folder, plan.assignment.manifest), plan, sandbox).report
    assert {test.status for test in report.tests if test.exercise == "tiny-scale"} == {"timeout"}
    said = f"of what was left of the submission's {SECONDS} seconds of processor time"
    assert any(said in note for note in report.notes)


def course_again(course: Assignment) -> Assignment:
    return dataclasses.replace(course, submission_seconds=SECONDS)


# --- the reference's verdict on tests that break ----------------------------------------------------------------------


def test_the_reference_is_asked_once_an_exercise_for_all_submissions_after_the_worker_has_ended(
    course: Assignment, monkeypatch: pytest.MonkeyPatch
) -> None:
    for test in ("scale by 3", "scale of [[1, 2, 3]] by 2"):
        file = "test_hidden.py" if test == "scale by 3" else "test_public.py"
        before = "    assert_same(student.scale(values, "
        text = (course.folder / tiny.PROBLEM / file).read_text()
        factor = "3.0" if test == "scale by 3" else "2.0"
        assert before + factor in text
        tiny.edit(
            course.folder,
            f"{tiny.PROBLEM}/{file}",
            before + factor,
            f"    student.scale(values, {factor}).sum()\n{before}{factor}",
        )
    plan = Plan.of(course, 3)
    asked: list[str] = []
    bound = bind

    def counted(assignment: Assignment, extractions: Any, sandbox: Any, **options: Any) -> Any:
        asked.append(",".join(extractions))
        assert not open_workers
        return bound(assignment, extractions, sandbox, **options)

    monkeypatch.setattr(grade_one, "bind", counted)
    monkeypatch.setitem(CODE, "text", {"tiny_scale": "def scale(values, factor):\n    return 'text'"})
    with confined(course, allow_weak=True) as sandbox:
        open_workers: set[int] = set()
        make = sandbox.worker

        def watched(**options: Any) -> Any:
            worker = make(**options)
            open_workers.add(id(worker))
            close = worker.close

            def closed() -> None:
                open_workers.discard(id(worker))
                close()

            monkeypatch.setattr(worker, "close", closed)
            return worker

        monkeypatch.setattr(sandbox, "worker", watched)
        for student in ("eve", "eva", "ada"):
            submission = read_submission(hand_in(course, student, "text"), course.manifest)
            report = grade_submission(submission, plan, sandbox).report
            broken = [test for test in report.tests if test.exercise == "tiny-scale"]
            assert report.status == "graded" and "error" not in {test.status for test in broken}
    assert asked == [tiny.PROBLEM]
