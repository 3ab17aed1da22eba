"""A hash of each exercise's tests with all that they use, so that a release can say whose tests changed."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator
from pathlib import Path

from autograder.assignment.model import Problem
from autograder.assignment.test_files import DeclaredTest


def digests_of_tests(problem: Problem) -> dict[str, dict[str, str]]:
    """Exercise to the hashes of its public and its hidden tests. Comments and layout do not count."""
    helpers = _definitions(problem.test_helpers) if problem.test_helpers.is_file() else {}
    files = (
        ("public", problem.public_tests, problem.public_cases),
        ("hidden", problem.hidden_tests, problem.hidden_cases),
    )
    found: dict[str, dict[str, str]] = {exercise.id: {} for exercise in problem.exercises}
    for visibility, path, cases in files:
        definitions = _definitions(path)
        for exercise, row in found.items():
            row[visibility] = _digest(exercise, cases, definitions, helpers)
    return found


def _digest(
    exercise: str, cases: tuple[DeclaredTest, ...], definitions: dict[str, ast.stmt], helpers: dict[str, ast.stmt]
) -> str:
    tests = [case.name for case in cases if case.exercise == exercise]
    used = _with_what_they_use(tests, definitions)
    wanted = {name for own in used for name in _attributes(definitions[own])}
    texts = [ast.unparse(definitions[name]) for name in sorted(used)]
    texts += [ast.unparse(helpers[name]) for name in sorted(_with_what_they_use(sorted(wanted), helpers))]
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()


def _definitions(path: Path) -> dict[str, ast.stmt]:
    """A module's top-level statements by the names that they define or assign; marks, which hold an id, left out."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {name: node for node in tree.body if not _is_mark(node) for name in _names(node)}


def _is_mark(node: ast.stmt) -> bool:
    match node:
        case ast.Assign(value=ast.Call(func=ast.Name(id="exercise"))):
            return True
    return False


def _names(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        for target in targets:
            yield from (inner.id for inner in ast.walk(target) if isinstance(inner, ast.Name))


def _with_what_they_use(names: list[str], definitions: dict[str, ast.stmt]) -> set[str]:
    found: set[str] = set()
    waiting = [name for name in names if name in definitions]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            inside = {node.id for node in ast.walk(definitions[name]) if isinstance(node, ast.Name)}
            waiting += [other for other in inside if other in definitions]
    return found


def _attributes(node: ast.stmt) -> set[str]:
    """What is asked of a module that is loaded under a name, such as helpers.square."""
    return {inner.attr for inner in ast.walk(node) if isinstance(inner, ast.Attribute)}
