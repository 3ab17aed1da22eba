"""Which exercises another answer to one of them can change anything in: the others need not be run again for it."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from functools import lru_cache

from autograder.assignment.model import Problem
from autograder.assignment.test_files import DeclaredTest
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


def leaves_nothing(code: str, reference: str) -> bool:
    """Whether nothing of an answer is left once the reference's cell has run after it.

    All its names are defined anew then, and nothing but definitions has run.
    """
    names = {word for word, _ in _defined(code)}
    only_defines = all(_is_inert(node) for node in ast.parse(code).body)
    return only_defines and not _reaches_out(code) and names <= {word for word, _ in _defined(reference)}


def _is_inert(node: ast.stmt) -> bool:
    """Whether it binds names and calls nothing."""
    match node:
        case ast.FunctionDef(args=arguments, decorator_list=decorators):
            parts: list[ast.AST] = [arguments, *decorators]
        case ast.ClassDef(body=body, bases=bases, keywords=keywords, decorator_list=decorators):
            if not all(_is_inert(inner) for inner in body):
                return False
            parts = [*bases, *keywords, *decorators]
        case ast.Assign(targets=[ast.Name()], value=value) | ast.AnnAssign(target=ast.Name(), value=value):
            parts = [value] if value is not None else []
        case ast.Import() | ast.ImportFrom() | ast.Pass():
            parts = []
        case _:
            return _is_text(node)
    return not any(isinstance(inner, ast.Call | ast.NamedExpr) for part in parts for inner in ast.walk(part))


def _named_by_tests(problem: Problem) -> Mapping[str, set[str]]:
    """For each exercise what its tests name, also through helpers."""
    texts = tuple(path.read_text(encoding="utf-8") for path in problem.tests)
    return _named_by(texts, (*problem.public_cases, *problem.hidden_cases), tuple(problem.references))


@lru_cache(maxsize=16)
def _named_by(
    texts: tuple[str, ...], tests: tuple[DeclaredTest, ...], exercises: tuple[str, ...]
) -> Mapping[str, set[str]]:
    parts: dict[str, frozenset[str]] = {}
    for text in texts:
        for name, words in _by_definition(text).items():
            parts[name] = parts.get(name, frozenset()) | words
    found: dict[str, set[str]] = {exercise: set() for exercise in exercises}
    for test in tests:
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
