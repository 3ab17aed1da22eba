"""Which exercises another answer to one of them can change anything in: the others need not be run again for it."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from functools import lru_cache

from autograder.assignment.model import Problem
from kit.manifest import CellKind

DEFINITIONS = (ast.FunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign)
# What reaches beyond the names that a cell defines.
REACHING = {"setattr", "delattr", "manual_seed", "seed", "environ", "globals", "vars", "sys", "gc"}


def concerned(problem: Problem, replaced: Mapping[str, str]) -> set[str]:
    """The replaced exercises, and those whose code or tests name something that the new code, or the old, defines.

    replaced: exercise to another answer's code. All exercises where such code does more than define.
    """
    cells = {cell.id: cell for cell in problem.cells if cell.kind in (CellKind.GIVEN, CellKind.EXERCISE)}
    if any(_reaches_out(code) for code in replaced.values()):
        return set(problem.references)
    usual = {pair for cell in cells.values() if cell.kind is CellKind.GIVEN for pair in _defined(cell.source)}
    changed = set[str]()
    for name, code in replaced.items():
        changed |= {word for word, origin in _defined(code) | _defined(problem.references[name])
                    if not origin or (word, origin) not in usual}  # fmt: skip
    reached = {id for id, cell in cells.items() if cell.name in replaced}
    while new := {id for id, cell in cells.items() if id not in reached and changed & _named(cell.source)}:
        reached |= new
        changed |= {word for id in new for word, origin in _defined(cells[id].source) if not origin}
    by_code = {cells[id].name for id in reached if cells[id].name in problem.references}
    return by_code | {exercise for exercise, words in _named_by_tests(problem).items() if changed & words}


def _named_by_tests(problem: Problem) -> dict[str, set[str]]:
    """For each exercise what its tests name, also through helpers."""
    parts: dict[str, frozenset[str]] = {}
    for path in problem.tests:
        for name, words in _by_definition(path.read_text(encoding="utf-8")).items():
            parts[name] = parts.get(name, frozenset()) | words
    found: dict[str, set[str]] = {exercise: set() for exercise in problem.references}
    for test in (*problem.public_cases, *problem.hidden_cases):
        found[test.exercise] |= _with_helpers(test.name, parts)
    return found


def _with_helpers(name: str, parts: Mapping[str, frozenset[str]]) -> set[str]:
    found, todo = set[str](), [name]
    while todo:
        words = parts.get(todo.pop(), frozenset()) - found
        found |= words
        todo += words & parts.keys()
    return found


@lru_cache(maxsize=64)
def _by_definition(text: str) -> dict[str, frozenset[str]]:
    """For each name that a file of tests defines at its top, what stands in its definitions."""
    parts: dict[str, frozenset[str]] = {}
    for node in ast.parse(text).body:
        for name, _ in _bound(node):
            parts[name] = parts.get(name, frozenset()) | frozenset(_words(node))
    return parts


@lru_cache(maxsize=4096)
def _defined(code: str) -> frozenset[tuple[str, str]]:
    """The names that code binds at its top, each with what it is imported from ("" where it is not)."""
    return frozenset(pair for node in ast.parse(code).body for pair in _bound(node))


@lru_cache(maxsize=4096)
def _named(code: str) -> frozenset[str]:
    return frozenset(_words(ast.parse(code)))


@lru_cache(maxsize=4096)
def _reaches_out(code: str) -> bool:
    tree, words = ast.parse(code), _named(code)
    only_defines = all(isinstance(node, DEFINITIONS) or _is_text(node) for node in tree.body)
    outside = words & REACHING or any(word.startswith("set_") for word in words)
    return not only_defines or bool(outside) or any(isinstance(node, ast.Global) for node in ast.walk(tree))


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _bound(node: ast.stmt) -> Iterator[tuple[str, str]]:
    match node:
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            yield name, ""
        case ast.Import(names=aliases):
            yield from ((alias.asname or alias.name.partition(".")[0], alias.name) for alias in aliases)
        case ast.ImportFrom(module=module, names=aliases):
            yield from ((alias.asname or alias.name, f"{module}.{alias.name}") for alias in aliases)
        case _:
            stored = (part for part in ast.walk(node) if isinstance(part, ast.Name))
            yield from ((part.id, "") for part in stored if isinstance(part.ctx, ast.Store))


def _words(node: ast.AST) -> Iterator[str]:
    """Every word that code could mean a name by: also attributes, arguments, and whole strings."""
    for part in ast.walk(node):
        match part:
            case ast.Name(id=word) | ast.Attribute(attr=word) | ast.arg(arg=word) | ast.keyword(arg=str(word)):
                yield word
            case ast.alias(name=word) | ast.FunctionDef(name=word) | ast.ClassDef(name=word):
                yield word
            case ast.Constant(value=str(word)):
                yield word
