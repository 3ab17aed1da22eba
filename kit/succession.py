"""What became of an exercise in a later version: under which ids it goes on, and one answer cut into several."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from kit.cells import read_python
from kit.manifest import Cell, Manifest


def successors(manifest: Manifest) -> dict[str, tuple[Cell, ...]]:
    """Each id of a solution or check cell, today's or an earlier one, to the cells that go on from it."""
    found: dict[str, tuple[Cell, ...]] = {}
    for cell in (cell for book in manifest.notebooks for cell in book.cells):
        if cell.kind.is_solution or cell.kind.has_points:
            for name in (cell.id, *cell.was):
                found[name] = (*found.get(name, ()), cell)
    return found


def cut(source: str, names: Sequence[Sequence[str]]) -> list[str]:
    """One cell's text as several, each with the definitions of its names; whatever else there is goes to the first.

    Every line is in exactly one of the parts. A text that Python cannot read stays whole, in the first.
    """
    parts: list[list[str]] = [[] for _ in names]
    lines = source.split("\n")
    tree = read_python(source).tree
    start = 0
    for node in tree.body if tree is not None and names else ():
        owner = next((place for place, own in enumerate(names) if _name_of(node) in own), 0)
        end = node.end_lineno or node.lineno
        parts[owner] += lines[start:end]
        start = max(start, end)
    if parts:
        parts[0] += lines[start:]
    return ["\n".join(part).strip("\n") for part in parts]


def _name_of(node: ast.stmt) -> str:
    """The name that a statement defines or assigns; empty where it does neither."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return node.name
    target = node.targets[0] if isinstance(node, ast.Assign) else None
    return target.id if isinstance(target, ast.Name) else ""
