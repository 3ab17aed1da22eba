"""Reads the cells of a notebook that the grader has written: their names, texts and roles."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from kit.manifest import Manifest

NotebookJson = Mapping[str, Any]

RUBRIC = "rubric"


def grade_id(cell: Mapping[str, Any]) -> str:
    """nbgrader's name of a cell, else its cell id, else ""."""
    named = cell.get("metadata", {}).get("nbgrader", {}).get("grade_id")
    return str(named or cell.get("id", ""))


def text_of(cell: Mapping[str, Any]) -> str:
    """A cell's source as one string; the format also allows a list of lines."""
    source = cell["source"]
    return source if isinstance(source, str) else "".join(source)


def is_rubric(cell: Mapping[str, Any]) -> bool:
    """Whether a cell is meant for markers only."""
    return bool(cell.get("metadata", {}).get("kit", {}).get("role") == RUBRIC)


def answer_texts(notebooks: Iterable[NotebookJson], manifest: Manifest) -> dict[str, str]:
    """Answer id to what the student wrote, also in a notebook that has it under an id of an earlier release."""
    ids = {answer.id for answer in manifest.answers}
    now = {old: cell.id for book in manifest.notebooks for old, cell in book.by_id.items() if cell.id in ids}
    return {
        now[name]: text_of(cell).strip()
        for notebook in notebooks
        for cell in notebook["cells"]
        if (name := grade_id(cell)) in now and not is_rubric(cell)
    }
