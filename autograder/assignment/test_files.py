"""Reads a test file without running it: which tests there are, for which exercise, how many cases."""

from __future__ import annotations

import ast
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path


class SuiteError(ValueError):
    """A mistake in a test file; `line` is 1-based."""

    def __init__(self, line: int, text: str) -> None:
        super().__init__(text)
        self.line = line


@dataclass(frozen=True, slots=True)
class DeclaredTest:
    """One test function. ``cases``: how many tests pytest makes of it (parametrize)."""

    name: str
    exercise: str
    line: int
    cases: int


def read(path: Path) -> tuple[DeclaredTest, ...]:
    """All test functions of a file, in order; SuiteError for one without a readable mark."""
    tree = _parsed(path)
    constants = _constants(tree)
    markers = _markers(constants)
    found: dict[str, DeclaredTest] = {}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            if node.name in found:
                raise SuiteError(node.lineno, f"{node.name} is defined twice: the first would never run; rename one")
            cases = _cases(node, constants)
            found[node.name] = DeclaredTest(node.name, _exercise(node, markers), node.lineno, cases)
        elif isinstance(node, ast.ClassDef) and node.name.startswith("Test"):
            raise SuiteError(node.lineno, f"{node.name}: write tests as functions, each with its marker")
    return tuple(found.values())


@dataclass(frozen=True, slots=True)
class Parts:
    """A test file's code without comments: each exercise's tests, and all else, which any of them may use."""

    by_exercise: dict[str, str]
    shared: str


def parts(path: Path) -> Parts:
    """Which of a file's code decides about which exercise; SuiteError as `read`."""
    tree = _parsed(path)
    markers = _markers(_constants(tree))
    own: dict[str, list[str]] = defaultdict(list)
    shared = []
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            own[_exercise(node, markers)].append(ast.unparse(node))
        elif not (isinstance(node, ast.Assign) and _marked_exercise(node.value)):
            shared.append(ast.unparse(node))
    return Parts({exercise: "\n".join(tests) for exercise, tests in own.items()}, "\n".join(shared))


def _parsed(path: Path) -> ast.Module:
    try:
        return ast.parse(path.read_text(encoding="utf-8"))
    except SyntaxError as error:
        raise SuiteError(error.lineno or 1, f"not Python: {error.msg}") from error


def _constants(tree: ast.Module) -> dict[str, ast.expr]:
    return {
        target.id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def _markers(constants: dict[str, ast.expr]) -> dict[str, str]:
    return {name: exercise for name, value in constants.items() if (exercise := _marked_exercise(value))}


def _marked_exercise(value: ast.expr) -> str | None:
    """The id in `exercise("ID")`; None for anything else."""
    match value:
        case ast.Call(func=function, args=[ast.Constant(value=str(exercise))]) if _name(function) == "exercise":
            return exercise
    return None


def _exercise(test: ast.FunctionDef, markers: dict[str, str]) -> str:
    for decorator in test.decorator_list:
        if isinstance(decorator, ast.Call) and _name(decorator.func) in markers:
            return markers[_name(decorator.func)]
    example = 'write name = exercise("ID") at the top of the file, and @name("title", hint="…") above the test'
    raise SuiteError(test.lineno, f"{test.name} names no exercise: {example}")


def _cases(test: ast.FunctionDef, constants: dict[str, ast.expr]) -> int:
    cases = 1
    for decorator in test.decorator_list:
        if isinstance(decorator, ast.Call) and _name(decorator.func) == "parametrize":
            cases *= _length(decorator, constants, test)
    return cases


def _length(decorator: ast.Call, constants: dict[str, ast.expr], test: ast.FunctionDef) -> int:
    values = decorator.args[1] if len(decorator.args) > 1 else None
    if isinstance(values, ast.Name):
        values = constants.get(values.id)
    if isinstance(values, ast.List | ast.Tuple) and not any(isinstance(item, ast.Starred) for item in values.elts):
        return len(values.elts)
    raise SuiteError(decorator.lineno, f"{test.name}: parametrize with a plain list, so that its tests can be counted")


def _name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
