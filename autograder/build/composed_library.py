"""The library as it ships: what problems share, and each problem's lesson/ and presets as a package of its own."""

from __future__ import annotations

import json

from autograder.assignment.model import LESSON, Assignment, Problem
from autograder.errors import CourseError
from autograder.files import files_under

PRESETS = "presets.json"
VERSION = "version.txt"  # the library writes it into what it saves


def composed(assignment: Assignment) -> dict[str, bytes]:
    """Path in the library to content; nothing without a library.

    CourseError where a problem's package would hide a shared module.
    """
    if assignment.shared_library is None:
        return {}
    files = files_under(assignment.shared_library) | {VERSION: f"{assignment.version}\n".encode()}
    for problem in assignment.problems:
        own = _of_problem(problem)
        if own and (taken := [path for path in files if path.split("/")[0] in (problem.name, f"{problem.name}.py")]):
            raise CourseError(
                f"{assignment.library}/{taken[0]} and the problem {problem.name} want the same place in the library: "
                f"rename the shared module"
            )
        files |= {f"{problem.name}/{path}": data for path, data in own.items()}
    return dict(sorted(files.items()))


def _of_problem(problem: Problem) -> dict[str, bytes]:
    files = {path: data for path, data in files_under(problem.folder / LESSON).items() if _is_module(path)}
    if files and "__init__.py" not in files:
        raise CourseError(f"{problem.folder / LESSON} is no package: add an __init__.py")
    if problem.presets:
        files[PRESETS] = (json.dumps(problem.presets, indent=1) + "\n").encode()
    return files


def _is_module(path: str) -> bool:
    return path.endswith(".py") and "/" not in path
