"""Calls that an exercise is about, found in an answer by reading its code. Nothing runs, and nothing is scored by it.

`forbidden = ["torch.nn.functional.cross_entropy", ".logsumexp"]` in [exercise.ID] of problem.toml names them: a path,
or a method by its dot. Found under any name that imports and assignments give them, and in the student's own functions
that the answer uses. Not found: what code computes (a name put together from parts, `eval`), what a container holds, a
module that comes as an argument, and the same written out by hand.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from kit.notebooks import CodeCell

_MAX_PATHS = 20  # that one name may stand for
_MAX_DEPTH = 20  # of an expression: whoever writes a chain of thousands of names stops nobody else


@dataclass(frozen=True)
class Use:
    """A forbidden means in an answer: which, and where."""

    exercise: str
    means: str
    label: str
    line: int

    def __str__(self) -> str:
        place = "" if self.label == self.exercise else f"{self.label}, "
        return f"{self.exercise} uses {self.means} ({place}line {self.line}), which it is about: a person looks at it"


def uses(cells: Iterable[CodeCell], forbidden: Mapping[str, Collection[str]], given: Collection[str] = ()) -> list[Use]:
    """Every use in the cells of one notebook, one for each exercise and means.

    forbidden: exercise to what it forbids. given: labels of the course's own cells, which are not searched.
    """
    trees = [(cell, tree) for cell in cells if (tree := _parsed(cell.source)) is not None]
    names = _Names()
    for _, tree in trees:
        names.learn(tree)
    own = [(cell, tree) for cell, tree in trees if cell.exercise is None and cell.label not in given]
    found: dict[tuple[str, str], Use] = {}
    for cell, tree in trees:
        means = forbidden.get(cell.exercise or "", ())
        for label, node in _reached(cell, tree, own) if means else ():
            for entry in means:
                for line in names.lines_of(entry, node):
                    found.setdefault((str(cell.exercise), entry), Use(str(cell.exercise), entry, label, line))
    return list(found.values())


def why_no_means(entry: str) -> str | None:
    """What is wrong with an entry of problem.toml; None where nothing is."""
    parts = entry.removeprefix(".").split(".")
    if not all(part.isidentifier() for part in parts) or (entry.startswith(".") and len(parts) > 1):
        return 'is neither a path such as "torch.nn.functional.cross_entropy" nor a method such as ".logsumexp"'
    return None


def _parsed(source: str) -> ast.Module | None:
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _reached(cell: CodeCell, tree: ast.Module, own: list[tuple[CodeCell, ast.Module]]) -> Iterator[tuple[str, ast.AST]]:
    """The answer's cell, and each statement of the student's own that it uses, directly or through another."""
    yield cell.label, tree
    makers = defaultdict(list)
    for other, module in own:
        for statement in module.body:
            for name in _made(statement):
                makers[name].append((other.label, statement))
    waiting, seen = [tree], set[int]()
    while waiting:
        for name in {node.id for node in ast.walk(waiting.pop()) if isinstance(node, ast.Name)}:
            for label, statement in makers.get(name, ()):
                if id(statement) not in seen:
                    seen.add(id(statement))
                    waiting.append(statement)  # type: ignore[arg-type]
                    yield label, statement


def _made(statement: ast.stmt) -> Iterator[str]:
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        yield statement.name
    else:
        yield from (n.id for n in ast.walk(statement) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store))


class _Names:
    """What the names of a notebook may stand for, whatever part of it gives them: paths such as torch.nn.functional."""

    def __init__(self) -> None:
        self._paths: dict[str, set[str]] = defaultdict(set)
        self._starred: set[str] = set()

    def learn(self, tree: ast.AST) -> None:
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    self._add(alias.asname or alias.name.split(".")[0], alias.name if alias.asname else None)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                self._learn_from(node, node.module)
        for node in ast.walk(tree):
            for target, value in _bindings(node):
                for path in self.paths(value):
                    self._add(_dotted(target), path)

    def paths(self, node: ast.AST, depth: int = _MAX_DEPTH) -> set[str]:
        """What an expression may stand for; nothing where that is not known by reading, or lies deeper."""
        if not depth:
            return set()
        if isinstance(node, ast.Name):
            return self._paths.get(node.id, set()) | {node.id} | {f"{base}.{node.id}" for base in self._starred}
        if isinstance(node, ast.NamedExpr):
            return self.paths(node.value, depth - 1)
        if isinstance(node, ast.IfExp):
            return self.paths(node.body, depth - 1) | self.paths(node.orelse, depth - 1)
        if isinstance(node, ast.Call) and _called(node) in ("partial", "import_module", "__import__") and node.args:
            text = _text(node.args[0])
            return {text} if text else self.paths(node.args[0], depth - 1)
        inner, name = _member(node)
        if inner is None:
            return set()
        known = self._paths.get(_dotted(node), set())
        return known | {f"{path}.{name}" for path in self.paths(inner, depth - 1)} or {f"?.{name}"}

    def lines_of(self, entry: str, tree: ast.AST) -> Iterator[int]:
        """Lines on which an entry is named."""
        for node in ast.walk(tree):
            line = getattr(node, "lineno", 0)
            if isinstance(node, ast.ImportFrom):
                if any(entry == f"{node.module}.{alias.name}" for alias in node.names):
                    yield line
            elif entry.startswith("."):
                if _member(node)[1] == entry[1:]:
                    yield line
            elif not isinstance(getattr(node, "ctx", None), ast.Store) and entry in self.paths(node):
                yield line

    def _learn_from(self, node: ast.ImportFrom, module: str) -> None:
        for alias in node.names:
            if alias.name == "*":
                self._starred.add(module)
            else:
                self._add(alias.asname or alias.name, f"{module}.{alias.name}")

    def _add(self, name: str, path: str | None) -> None:
        if name and path and len(self._paths[name]) < _MAX_PATHS and path.count(".") < _MAX_PATHS:
            self._paths[name].add(path)


def _bindings(node: ast.AST) -> Iterator[tuple[ast.expr | ast.arg, ast.expr]]:
    """Pairs of what gets a value and the value, as far as a statement shows them."""
    if isinstance(node, ast.Assign):
        for target in node.targets:
            yield from _paired(target, node.value)
    elif isinstance(node, (ast.AnnAssign, ast.NamedExpr)) and node.value is not None:
        yield node.target, node.value
    elif isinstance(node, ast.arguments):
        named = [*node.posonlyargs, *node.args]
        yield from zip(named[len(named) - len(node.defaults) :], node.defaults, strict=True)
        yield from ((arg, value) for arg, value in zip(node.kwonlyargs, node.kw_defaults, strict=True) if value)


def _paired(target: ast.expr, value: ast.expr, depth: int = _MAX_DEPTH) -> Iterator[tuple[ast.expr, ast.expr]]:
    if depth and isinstance(target, (ast.Tuple, ast.List)) and isinstance(value, (ast.Tuple, ast.List)):
        for one, its in zip(target.elts, value.elts, strict=False):
            yield from _paired(one, its, depth - 1)
    else:
        yield target, value


def _member(node: ast.AST) -> tuple[ast.expr | None, str]:
    """Of `a.b`, `getattr(a, "b")`, `vars(a)["b"]` and `a.__dict__["b"]`: a and b."""
    if isinstance(node, ast.Attribute):
        return node.value, node.attr
    if isinstance(node, ast.Call) and _called(node) in ("getattr", "attrgetter", "__getattribute__"):
        if len(node.args) >= 2 and (text := _text(node.args[1])):
            return node.args[0], text
        if isinstance(node.func, ast.Attribute) and node.args and (text := _text(node.args[0])):
            return node.func.value, text
    if isinstance(node, ast.Subscript) and (text := _text(node.slice)):
        held = node.value
        if isinstance(held, ast.Call) and _called(held) == "vars" and held.args:
            return held.args[0], text
        if isinstance(held, ast.Attribute) and held.attr == "__dict__":
            return held.value, text
    return None, ""


def _called(node: ast.Call) -> str:
    return node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")


def _text(node: ast.expr) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _dotted(node: ast.AST) -> str:
    """`self.loss` as a text; empty for what is no such chain, or a longer one."""
    names: list[str] = []
    while isinstance(node, ast.Attribute) and len(names) < _MAX_DEPTH:
        names.append(node.attr)
        node = node.value
    first = node.arg if isinstance(node, ast.arg) else node.id if isinstance(node, ast.Name) else ""
    return ".".join([first, *reversed(names)]) if first else ""
