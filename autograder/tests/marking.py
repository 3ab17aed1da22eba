"""A small course with a built release, and results and notebooks of made-up students, for tests after the grading."""

from __future__ import annotations

import functools
import json
import tempfile
from pathlib import Path
from typing import Any

from autograder.assignment.load import load_assignment
from autograder.assignment.model import Assignment
from autograder.build import copies, instructor_notebook, student_notebook
from autograder.build.as_built import MANIFEST
from autograder.course_folders import CourseFolders
from autograder.marks import gradebook
from autograder.results import ExerciseResult, Report, ReportStatus, ResultFolder, TestResult
from autograder.tests import tiny
from kit.outcomes import OutcomeStatus

POINTS = {"tiny-scale": 3.0, "tiny-scaler": 2.0}
HIDDEN_NAME = "test_scale_on_drawn_numbers_of_any_size"
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def assignment(root: Path) -> Assignment:
    """The tiny set under `root`, with its release and a gradebook without submissions."""
    (root / "gradebook.db").write_bytes(_gradebook())
    return without_gradebook(root)


def without_gradebook(root: Path) -> Assignment:
    """The tiny set under `root`, with its release."""
    tiny.write(root)
    _lay_down(root / "release" / tiny.NAME, _release())
    made = load_assignment(tiny.NAME, root)
    copies.refresh(made)
    return made


def rebuild(root: Path, name: str = tiny.NAME) -> None:
    """Let the release of a set have what its sources say now."""
    _lay_down(root / "release" / name, _made(load_assignment(name, root)))


def _lay_down(folder: Path, files: dict[str, bytes]) -> None:
    for file, content in files.items():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_bytes(content)


@functools.cache
def _release() -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as folder:
        tiny.write(Path(folder))
        return _made(load_assignment(tiny.NAME, Path(folder)))


def _made(course: Assignment) -> dict[str, bytes]:
    texts = {problem.notebook_file: instructor_notebook.notebook(course, problem, "") for problem in course.problems}
    manifest = {MANIFEST: course.manifest.to_json().encode()}
    return student_notebook.release_notebooks(course.name, texts) | manifest


@functools.cache
def _gradebook() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        with gradebook.Writer(without_gradebook(Path(folder))):
            pass
        return Path(folder, "gradebook.db").read_bytes()


def report(student: str, scale: float | None = 3.0, scaler: float | None = 2.0, **fields: Any) -> Report:
    """A result with these scores; None: that exercise could not be graded."""
    scores = {"tiny-scale": scale, "tiny-scaler": scaler}
    exercises = tuple(
        ExerciseResult(name, ReportStatus.NOT_GRADED, None, POINTS[name], "the worker ended")
        if score is None
        else ExerciseResult(name, ReportStatus.GRADED, score, POINTS[name])
        for name, score in scores.items()
    )
    graded = [score for score in scores.values() if score is not None]
    status = ReportStatus.NOT_GRADED if not graded else ReportStatus.PARTLY_GRADED
    status = ReportStatus.GRADED if len(graded) == 2 else status
    values: dict[str, Any] = {
        "assignment": tiny.NAME,
        "version": "1.0",
        "student": student,
        "status": status,
        "reason": None if len(graded) == 2 else "the worker ended",
        "auto_score": sum(graded) if graded else None,
        "auto_max": 5.0,
        "seed": 8_675_309,
        "isolation": "strong",
        "engine": "1.0.0-abc",
        "submission": "sha256:" + "0123456789abcdef" * 4,
        "exercises": exercises,
        "tests": (
            _test("tiny-scale", "public", "test_scale_multiplies_every_entry", "multiplies every entry", scale == 3),
            _test("tiny-scale", "hidden", f"{HIDDEN_NAME}[size0]", "works on other sizes", scale == 3),
            _test("tiny-scaler", "public", "test_scaler_uses_its_factor", "uses its factor", scaler == 2),
        ),
        "notes": (),
    }
    return Report(**values | fields)


def _test(exercise: str, visibility: str, name: str, title: str, passed: bool) -> TestResult:
    test_id = f"{tiny.PROBLEM}/test_{visibility}.py::{name}"
    message = title if passed else f"{title}. Which entries should change?"
    status = OutcomeStatus.PASSED if passed else OutcomeStatus.FAILED
    return TestResult(test_id, exercise, visibility, status, 0.01, message, title, 1.0)


def notebooks(root: Path, answer: str | None = "Because autograd follows it.") -> dict[str, dict[str, Any]]:
    """The rebuilt notebook of a student: a figure, an answer (None: as released)."""
    (path,) = (root / "release" / tiny.NAME).glob(f"*_{tiny.PROBLEM}.ipynb")
    book = json.loads(path.read_text(encoding="utf-8"))
    for cell in book["cells"]:
        written = cell["cell_type"] == "markdown" and cell["metadata"].get("nbgrader", {}).get("solution")
        if written and answer is not None:
            cell["source"] = answer
        if cell["metadata"].get("tags") == ["show"]:
            data = {"image/png": PIXEL, "text/plain": "<Figure>"}
            cell["outputs"] = [{"output_type": "display_data", "data": data, "metadata": {}}]
    return {path.name: book}


def store(root: Path, *reports: Report, answer: str | None = "Because autograd follows it.") -> ResultFolder:
    """results/tinyset with these reports, all with the same notebook."""
    folder = ResultFolder(root / "results" / tiny.NAME, CourseFolders(root).state)
    folder.path.mkdir(parents=True, exist_ok=True)
    for item in reports:
        folder.write(item, [], notebooks(root, answer))
    return folder
