"""Courses with many students, and with hostile ones, made without grading: the pages that staff and students open."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from autograder.assignment.model import Assignment
from autograder.marks import feedback_pages, gradebook
from autograder.submission.clean_copy import clean_copy
from autograder.submission.read import read_submission
from autograder.tests import handing_in, marking
from autograder.tests.hostile_words import WORDS
from autograder.tests.submission import hostile_folders
from autograder.tests.submission.hostile_text import SNIPPETS

CONFIG = Path(__file__).resolve().parents[3] / "nbgrader_config.py"
# Of the attempts on whoever reads a submission, those that are about what is shown.
SHOWN = ("script_in_outputs", "script_in_text", "odd_unicode", "altered_locked_cells", "baked_outputs")
NAMES = (
    "<img src=x onerror=alert(1)>",
    "x' onmouseover='alert(1)",
    'y" autofocus onfocus="alert(1)',
    "[z](javascript:alert(1))",
)
COVER = """<style>input, .total, header { display: none }</style>

<div style="position:fixed;top:0;left:0;width:100%;height:100%;background:#fff">100 points</div>

<form action="https://evil.example"><input id="tiny-why" name="tiny-why" value="100"></form>

<meta http-equiv="refresh" content="0;url=https://evil.example">
"""
LINKS = tuple(
    f"[click]({scheme})"
    for scheme in (
        "javascript:alert(1)",
        "JaVa\tScript:alert(1)",
        "data:text/html,<script>alert(1)</script>",
        "vbscript:x",
        "//evil.example/x",
        "file:///etc/passwd",
    )
)


def honest(root: Path, count: int) -> Assignment:
    """A gradebook of so many students, each with a figure and a written answer."""
    made = marking.assignment(root)
    _staffed(made)
    reports = [marking.report(f"s{n:03}", scale=n % 4.0, scaler=2.0 * (n % 2)) for n in range(count)]
    gradebook.write(made, marking.store(root, *reports))
    return made


def hostile(root: Path) -> tuple[Assignment, list[str]]:
    """A gradebook and pages of students who all try to become active in them; the students."""
    made = marking.assignment(root)
    _staffed(made)
    (path,) = made.release.glob("*.ipynb")
    released = json.loads(path.read_text(encoding="utf-8"))
    for case in hostile_folders.CASES:
        if case.name in SHOWN:
            hostile_folders.write(case, _folder(made, case.name), path.name, released)
    texts = {name: [COVER] for name in NAMES} | {"snippets": [*SNIPPETS], "words": [*WORDS.values()], "links": [*LINKS]}
    for name, written in texts.items():
        folder = _folder(made, name)
        folder.mkdir(parents=True)
        handing_in.save(folder, _with(released, written), path.name)
    results = marking.store(root)
    students = sorted(folder.name for folder in made.course.submitted.iterdir() if folder.is_dir())
    for student in students:
        taken = read_submission(_folder(made, student), made.manifest)
        report = marking.report(student, scale=1.0, notes=taken.notes)
        results.write(report, [], {path.name: clean_copy(released, taken.notebooks[path.name]).notebook})
    gradebook.write(made, results)
    feedback_pages.write(made, results)
    return made, students


def _staffed(made: Assignment) -> None:
    """What formgrader needs beside the gradebook: settings, and a folder that names the assignment."""
    shutil.copy(CONFIG, made.root)
    (made.root / "source" / made.name).mkdir(parents=True)


def _folder(made: Assignment, student: str) -> Path:
    return made.course.submitted / student / made.name


def _with(released: dict[str, Any], written: list[str]) -> dict[str, Any]:
    """A submission that has the texts in its answer, in code, in what was printed, and each in a cell of its own."""
    text = "\n\n".join(written).encode("utf-8", "backslashreplace").decode()
    book = handing_in.with_source(released, "tiny-why", text)
    book = handing_in.with_source(book, "tiny-scale", f"# {text!r}\n\ndef scale(values, factor):\n    return values\n")
    for cell in book["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"] = [handing_in.printed(text), handing_in.figure(handing_in.png(400, 300))]
    book["cells"] += [handing_in.own("markdown", each) for each in (*written, text)]
    return book
