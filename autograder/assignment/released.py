"""The released notebooks, as grading needs them."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

from autograder.assignment.model import Assignment
from autograder.errors import BadInput
from kit.conflicts import conflict_line


def release_notebook(assignment: Assignment, file: str) -> dict[str, Any]:
    """The staff's copy of a released notebook. BadInput where it was not built or is damaged."""
    return _read(assignment.release / file, assignment.name)


@functools.cache
def _read(path: Path, name: str) -> dict[str, Any]:
    try:
        notebook: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(f"{path} is missing: run `autograder build {name}`") from error
    except ValueError as error:
        if line := conflict_line(path.read_text(encoding="utf-8", errors="replace")):
            fix = f"run `autograder build {name}`, then git add"
            raise BadInput(f"{path} holds a merge conflict (line {line}): {fix}") from error
        raise BadInput(f"{path} is damaged: run `autograder build {name} --force`") from error
    return notebook
