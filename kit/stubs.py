"""What of an exercise is still as released: functions that end in the stub's error."""

from __future__ import annotations

import ast
import functools

from kit.cells import read_python
from kit.manifest import Cell, Exercise
from kit.notebooks import Extraction
from kit.statements import FUNCTIONS, bound_names, statements


@functools.lru_cache(maxsize=256)
def unwritten(released: Cell) -> int:
    """How many parts of a released cell are to be written."""
    tree = read_python(released.source).tree
    return stub_raises(tree, released.id) if tree is not None else 0


def stub_raises(tree: ast.Module, exercise: str) -> int:
    """How many functions still end in `raise NotImplementedError("ID: …")` and return nothing."""
    functions = [node for node in ast.walk(tree) if isinstance(node, FUNCTIONS)]
    return sum(_is_unwritten(function, exercise) for function in functions)


def is_unfinished(extraction: Extraction, exercise: Exercise) -> bool:
    """Whether some part of an exercise is not written: its cell, a function that is still the stub, or a name."""
    if exercise.id in extraction.missing | extraction.stubs:
        return True
    trees = [(cell.exercise, read_python(cell.source).tree) for cell in extraction.cells]
    made = {name for _, tree in trees if tree is not None for one in tree.body for name in bound_names(one)}
    own = [tree for owner, tree in trees if owner == exercise.id and tree is not None]
    return any(stub_raises(tree, exercise.id) for tree in own) or not made.issuperset(exercise.names)


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
