"""The source of classes that notebook cells define, which `inspect` looks for in the file of a module."""

from __future__ import annotations

import ast
import functools
import linecache
from collections.abc import Callable, Iterator
from typing import Any

from kit.cells import read_python

NOTEBOOK = "__main__"


def with_cells(original: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """`inspect.findsource`, which then finds the classes of a notebook's cells, too."""

    @functools.wraps(original)
    def findsource(object: Any) -> Any:
        found = source_of_class(object) if isinstance(object, type) else None
        return found[1:] if found is not None else original(object)

    return findsource


def with_cell_names(original: Callable[[Any], str]) -> Callable[[Any], str]:
    """`inspect.getfile`, which then names the cell of a class."""

    @functools.wraps(original)
    def getfile(object: Any) -> str:
        found = source_of_class(object) if isinstance(object, type) else None
        return found[0] if found is not None else original(object)

    return getfile


def source_of_class(cls: type) -> tuple[str, list[str], int] | None:
    """The cell's file name, its lines, and the index of the line where the class begins; None where no cell has it.

    Of several classes with this name the last one counts, in the cell that was run last.
    """
    if cls.__module__ != NOTEBOOK:
        return None
    for name, lines in _cells():
        tree = read_python("".join(lines)).tree
        starts = [node for path, node in _classes(tree) if path == cls.__qualname__] if tree is not None else []
        if starts:
            first = starts[-1]
            return name, lines, min([first.lineno, *(decorator.lineno for decorator in first.decorator_list)]) - 1
    return None


def _cells() -> Iterator[tuple[str, list[str]]]:
    """Sources that lie in no file, the last one first: a file's would have its time."""
    for name, entry in reversed(list(linecache.cache.items())):
        if len(entry) == 4 and entry[1] is None:
            yield name, entry[2]


def _classes(tree: ast.AST, outer: str = "") -> Iterator[tuple[str, ast.ClassDef]]:
    """Every class below, with its qualified name."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef):
            yield outer + node.name, node
            yield from _classes(node, f"{outer}{node.name}.")
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _classes(node, f"{outer}{node.name}.<locals>.")
        else:
            yield from _classes(node, outer)
