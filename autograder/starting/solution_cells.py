"""A solution cell of nbgrader as an exercise: which names it defines, and its regions inside the functions' bodies."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from autograder.assignment.notebook_source import BEGIN, END, stub_line, stubbed

_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True)
class DefinedNames:
    """What a cell defines at its top level."""

    functions: frozenset[str] = frozenset()
    classes: frozenset[str] = frozenset()
    values: frozenset[str] = frozenset()

    @property
    def all(self) -> frozenset[str]:
        return self.functions | self.classes | self.values

    def __or__(self, other: DefinedNames) -> DefinedNames:
        return DefinedNames(self.functions | other.functions, self.classes | other.classes, self.values | other.values)


def parsed(source: str) -> ast.Module | None:
    """The code of a cell; None where it is not Python alone (`%matplotlib`, `!pip`)."""
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return None


def names_defined(source: str) -> DefinedNames:
    tree = parsed(source)
    body = tree.body if tree else []
    values = {
        node.id
        for statement in body
        if isinstance(statement, ast.Assign | ast.AnnAssign | ast.AugAssign | ast.For | ast.With)
        for node in ast.walk(statement)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
    return DefinedNames(
        frozenset(node.name for node in body if isinstance(node, _FUNCTIONS)),
        frozenset(node.name for node in body if isinstance(node, ast.ClassDef)),
        frozenset(values),
    )


def names_used(source: str) -> frozenset[str]:
    tree = parsed(source)
    return frozenset(node.id for node in ast.walk(tree) if isinstance(node, ast.Name)) if tree else frozenset()


def why_no_exercise(source: str) -> str | None:
    """Why a cell cannot become an exercise that tests call; None where it can."""
    tree = parsed(_bare(source))
    if tree is None:
        return "it is not Python alone"
    if not any(isinstance(node, _DEFINITIONS) for node in tree.body):
        return "it defines no function or class"
    if _is_exercise(source):
        return None
    inside = _inside(source)
    for node in tree.body:
        harmless = isinstance(node, (*_DEFINITIONS, ast.Import, ast.ImportFrom, ast.Expr))
        if not harmless and (BEGIN not in source or any(inside[node.lineno - 1 : node.end_lineno])):
            return f"its solution sets {ast.unparse(node).splitlines()[0][:40]!r} outside of any function"
    return None


def as_exercise(source: str) -> str:
    """The cell with each solution region inside a function's body and up to its end, as stubs need it.

    nbgrader clears a whole cell without regions, and lets code follow a region; here the signatures ship.
    """
    if _is_exercise(source):
        return source
    bare, inside = _bare(source), _inside(source)
    tree = ast.parse(bare)
    if any(node.body[0].lineno == node.lineno for node in _leaves(tree)):
        if not any(inside):
            inside = []
        bare = ast.unparse(tree)
        tree, inside = ast.parse(bare), inside and [True] * len(bare.split("\n"))
    lines = bare.split("\n")
    for function in reversed(list(_leaves(tree))):
        if (span := _region(function, lines, inside)) is not None:
            first, last = span
            indent = lines[function.body[-1].lineno - 1]
            indent = indent[: len(indent) - len(indent.lstrip())]
            lines[first:last] = [f"{indent}### {BEGIN}", *lines[first:last], f"{indent}### {END}"]
    return "\n".join(lines)


def _is_exercise(source: str) -> bool:
    if BEGIN not in source:
        return False
    stub, whole = parsed(stubbed(source, stub_line("x"))), parsed(source)
    if stub is None or whole is None:
        return False
    names = [[node.name for node in tree.body if isinstance(node, _DEFINITIONS)] for tree in (stub, whole)]
    raises = ast.unparse(ast.parse(stub_line("x")))
    bodies = [body for node in ast.walk(stub) if isinstance(body := getattr(node, "body", None), list)]
    reached = all(ast.unparse(statement) != raises for body in bodies for statement in body[:-1])
    return names[0] == names[1] and reached


def _bare(source: str) -> str:
    return "\n".join(line for line in source.split("\n") if BEGIN not in line and END not in line)


def _inside(source: str) -> list[bool]:
    """For each line that is no marker, whether it is in a region."""
    found, inside = [], False
    for line in source.split("\n"):
        if BEGIN in line or END in line:
            inside = BEGIN in line
        else:
            found.append(inside)
    return found


def _leaves(tree: ast.Module) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Functions of the cell and methods of its classes, in order."""
    found = []
    for node in tree.body:
        members = node.body if isinstance(node, ast.ClassDef) else [node]
        found += [member for member in members if isinstance(member, _FUNCTIONS)]
    return found


def _region(
    function: ast.FunctionDef | ast.AsyncFunctionDef, lines: list[str], inside: list[bool]
) -> tuple[int, int] | None:
    """The lines of a body, from 0, that students write; None where all of it is given."""
    body = function.body[1:] if ast.get_docstring(function, clean=False) is not None else function.body
    if any(inside):
        while body and not any(inside[body[0].lineno - 1 : body[0].end_lineno]):
            body = body[1:]
    if not body:
        return None
    first = body[0].lineno - 1
    while first > function.lineno and (not lines[first - 1].strip() or lines[first - 1].lstrip().startswith("#")):
        first -= 1
    while not lines[first].strip():
        first += 1
    return first, body[-1].end_lineno or body[-1].lineno
