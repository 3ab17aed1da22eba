"""What of an exercise is still as released: functions that end in the stub's error."""

from __future__ import annotations

import ast
import functools

from kit.cells import read_python
from kit.manifest import Cell
from kit.statements import FUNCTIONS, statements


@functools.lru_cache(maxsize=256)
def unwritten(released: Cell) -> int:
    """How many parts of a released cell are to be written."""
    tree = read_python(released.source).tree
    return stub_raises(tree, released.id) if tree is not None else 0


def stub_raises(tree: ast.Module, exercise: str) -> int:
    """How many functions still end in `raise NotImplementedError("ID: …")` and return nothing."""
    functions = [node for node in ast.walk(tree) if isinstance(node, FUNCTIONS)]
    return sum(_is_unwritten(function, exercise) for function in functions)


def _is_unwritten(function: ast.stmt, exercise: str) -> bool:
    inside = list(statements(function))
    returns = any(isinstance(statement, ast.Return) and statement.value is not None for statement in inside)
    raises = any(isinstance(statement, ast.Raise) and _is_stub_error(statement.exc, exercise) for statement in inside)
    return raises and not returns


def _is_stub_error(error: ast.expr | None, exercise: str) -> bool:
    return (
        isinstance(error, ast.Call)
        and isinstance(error.func, ast.Name)
        and error.func.id == "NotImplementedError"
        and bool(error.args)
        and isinstance(error.args[0], ast.Constant)
        and str(error.args[0].value).startswith(f"{exercise}:")
    )
