"""The notebooks that a marker sees: the rebuilt ones, with each check's result as its output and the rubric in place.

nbgrader's formgrader and feedback read them from autograded/<student>/<assignment>/.
"""

from __future__ import annotations

import copy
import json
import re
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from autograder.assignment.model import PICTURES, Assignment
from autograder.errors import BadInput
from autograder.files import make_same, write_atomically
from autograder.marks.notebook_cells import RUBRIC, NotebookJson, grade_id
from autograder.marks.outcome_groups import TestGroup, grouped
from autograder.marks.standings import automatic
from autograder.results import Report
from kit.manifest import Manifest, check_id


def rubrics(assignment: Assignment) -> dict[str, str]:
    """Answer id to its section of the problem's rubric.md: from a heading with the id up to the next such heading."""
    sections: dict[str, str] = {}
    for problem in assignment.problems:
        ids = [answer.id for answer in problem.answers]
        if ids:
            sections |= _sections(assignment.read(problem.rubric), ids)
    return sections


def _sections(text: str, ids: Iterable[str]) -> dict[str, str]:
    patterns = {name: re.compile(rf"#+.*(?<![\w-]){re.escape(name)}(?![\w-])") for name in ids}
    sections: dict[str, list[str]] = {}
    current: list[str] = []
    for line in text.splitlines():
        for name, pattern in patterns.items():
            if pattern.match(line):
                current = sections.setdefault(name, [])
                break
        else:
            current.append(line)
    return {name: "\n".join(lines).strip() for name, lines in sections.items()}


def dress(notebook: NotebookJson, manifest: Manifest, report: Report, rubric: Mapping[str, str]) -> dict[str, Any]:
    """A copy of a rebuilt notebook for the marker. Nothing in it comes from a test's source or inputs."""
    checks = {check_id(exercise.id): exercise.id for exercise in manifest.exercises}
    cells: list[dict[str, Any]] = []
    for original in notebook["cells"]:
        cell = copy.copy(dict(original))
        name = grade_id(cell)
        if name in checks and cell["cell_type"] == "code":
            cell["outputs"] = [_output(block(checks[name], manifest, report))]
        elif name in rubric:
            cells.append(_rubric_cell(name, rubric[name]))
        cells.append(cell)
    return {**notebook, "cells": cells}


def block(exercise: str, manifest: Manifest, report: Report) -> str:
    """The result of one exercise as plain text: score, then outcome, title and hint of each test."""
    points, reason = automatic(report)[exercise]
    if points is None:
        lines = [f"{exercise}: not graded"]
    else:
        lines = [f"{exercise}: {points:g} of {manifest.exercise(exercise).points:g} points"]
        lines += [f"({reason})"] if reason else []
    lines += [f"  {group.status:<8} {_said(group)}" for group in tests_of(report, exercise)]
    return "\n".join(lines)


def tests_of(report: Report, exercise: str) -> list[TestGroup]:
    """The tests of one exercise in the order they are listed."""
    result = report.exercise(exercise)
    tests = [test for test in report.tests if test.exercise == exercise]
    return grouped(tests, result.explained if result else None)


def _said(group: TestGroup) -> str:
    return f"{group.heading}: {group.text} ({'; '.join(group.titles)})" if group.titles else group.first.message


def _output(text: str) -> dict[str, Any]:
    return {"output_type": "display_data", "data": {"text/plain": text}, "metadata": {}}


def _rubric_cell(name: str, text: str) -> dict[str, Any]:
    quoted = "\n".join(f"> {line}".rstrip() for line in ("**Rubric** (markers only)", "", *text.splitlines()))
    metadata = {"kit": {"role": RUBRIC}, "deletable": False, "editable": False}
    return {"cell_type": "markdown", "id": f"rubric-{name}"[:64], "metadata": metadata, "source": quoted}


def read(folder: Path) -> dict[str, NotebookJson]:
    """The notebooks in one student's folder by file name, none where it is missing; BadInput names a damaged one."""
    notebooks: dict[str, NotebookJson] = {}
    for path in sorted(folder.glob("*.ipynb")):
        try:
            notebooks[path.name] = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise BadInput(f"{path} is damaged ({error}): delete it and grade that student again, --force") from error
    return notebooks


def write(folder: Path, files: Mapping[str, str], pictures: Mapping[str, bytes] | None = None) -> None:
    """Make `folder` hold exactly these text files, each replaced whole; no files: no folder.

    pictures: what the texts of the course show, by place below the folder.
    """
    if not files:
        shutil.rmtree(folder, ignore_errors=True)
        return
    for name, text in files.items():
        write_atomically(folder / name, text.encode())
    for path in folder.iterdir():
        if path.name not in files and (path.name != PICTURES or path.is_symlink() or not pictures):
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    if pictures:
        inner = {place.removeprefix(f"{PICTURES}/"): data for place, data in pictures.items()}
        make_same(folder / PICTURES, inner)
