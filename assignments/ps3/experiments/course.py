"""The library with the lessons of all problems, and the references of their exercises: what experiments are made of.

Import this before the library: it brings a copy up to date, apart from the release, and imports it under its name.
"""

import ast
import re
from pathlib import Path
from typing import Any

from autograder.assignment.library import import_library
from autograder.build import copies
from autograder.build.every_problem import with_every_problem

HERE = Path(__file__).resolve().parent
ASSIGNMENT = with_every_problem(HERE.parent.name, HERE.parents[2])
copies.refresh(ASSIGNMENT)
import_library(ASSIGNMENT.release, ASSIGNMENT.library)


def reference(problem: str) -> dict[str, Any]:
    """The functions and classes of a problem's given cells and exercises, by name, read from its `notebook.py`."""
    path = HERE.parent / problem / "notebook.py"
    cells = re.split(r"^# %%", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    wanted = [cell for cell in cells if re.match(r' tags=\["(given|exercise:)', cell)]
    tree = ast.parse("\n".join("#" + cell for cell in wanted))
    kept = (ast.FunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)
    tree.body = [node for node in tree.body if isinstance(node, kept) and getattr(node, "module", "") != "kit"]
    names: dict[str, Any] = {}
    exec(compile(tree, str(path), "exec"), names)
    return names
