"""Runs nbgrader's own generate_assignment on instructor notebooks, in a folder and database of its own."""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path
from typing import Any

from nbgrader.converters import GenerateAssignment
from nbgrader.converters.base import NbGraderException
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import ClearSolutions, SaveCells
from traitlets.config import Config

from autograder.assignment.notebook_source import ANSWER_STUB, BEGIN, CODE_STUB, stub_line
from autograder.course_folders import CourseFolders
from autograder.errors import AutograderError


class NamedStubs(ClearSolutions):  # type: ignore[misc]
    """nbgrader's ClearSolutions with a stub that names its exercise, and one that runs where a person marks code."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.text_stub = ANSWER_STUB

    def preprocess_cell(self, cell: Any, resources: Any, cell_index: int) -> tuple[Any, Any]:
        settings = cell.metadata.get("nbgrader", {})
        stub = stub_line(settings.get("grade_id", ""))
        if settings.get("grade"):
            stub = CODE_STUB if BEGIN in cell.source else cell.source
        self.code_stub = {"python": stub}
        result: tuple[Any, Any] = super().preprocess_cell(cell, resources, cell_index)
        return result


def release_notebooks(name: str, notebooks: dict[str, str]) -> dict[str, bytes]:
    """Student versions of instructor notebooks: file name to content, for both."""
    with tempfile.TemporaryDirectory(prefix="autograder-build-") as folder:
        course = CourseFolders(Path(folder))
        source = course.source / name
        source.mkdir(parents=True)
        for file, text in notebooks.items():
            (source / file).write_text(text, encoding="utf-8")
        _generate(name, course)
        return {file: (course.release / name / file).read_bytes() for file in notebooks}


def _generate(name: str, course: CourseFolders) -> None:
    log = logging.Logger("nbgrader", logging.ERROR)
    messages: list[str] = []
    log.addHandler(_Collector(messages))
    config = Config({"SaveCells": {"enabled": False}})
    directory = CourseDirectory(root=str(course.root), assignment_id=name, config=config, log=log)
    converter = GenerateAssignment(coursedir=directory, no_database=True, config=config, log=log)
    steps = [NamedStubs if step is ClearSolutions else step for step in converter.preprocessors]
    converter.preprocessors = [step for step in steps if step is not SaveCells]
    try:
        converter.start()
    except NbGraderException as error:
        raise AutograderError("nbgrader's generate_assignment failed:\n" + "\n".join(messages)) from error


class _Collector(logging.Handler):
    def __init__(self, messages: list[str]) -> None:
        super().__init__()
        self._messages = messages

    def emit(self, record: logging.LogRecord) -> None:
        self._messages.append(record.getMessage())
