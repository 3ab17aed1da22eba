"""Turns expressions of a test cell, where student and tests share one kernel, into calls over the wire."""

from __future__ import annotations

import ast
import builtins
import math
import operator
from collections.abc import Iterator
from dataclasses import dataclass, field

from autograder.starting.solution_cells import DefinedNames
from kit.student import Student

LIBRARY_FUNCTIONS = {"operator": operator, "math": math}  # modules whose functions a callback may be
_RANDOM = ("random", "numpy.random", "time", "datetime", "uuid", "secrets", "os")
_SEEDED = ("random.Random", "numpy.random.default_rng", "datetime.timedelta", "datetime.date", "datetime.datetime")
_LOOKS_INTO = {"inspect", "unittest.mock", "mock", "sys", "importlib", "gc", "builtins"}
_CALLABLES = {"abs", "len", "max", "min", "sum", "sorted", "str", "int", "float", "bool", "round", "all", "any"}
_OF_AN_OBJECT = ("len", "str", "repr", "bool", "int", "float", "list", "tuple")  # what a test may ask of one
_NO_VALUES = {"globals", "locals", "vars", "eval", "exec", "open", "input", "print", "hasattr", "getattr", "setattr",
              "callable", "dir", "help", "__import__", "get_ipython", "compile", "id"}  # fmt: skip


class UnsafeToTurn(Exception):
    """Why something of a test cell is left to a person."""


@dataclass
class TestScope:
    """What names mean in a test cell: the student's, what is imported, what the tests set themselves."""

    student: DefinedNames
    given: frozenset[str]
    imported: dict[str, str]
    local: set[str] = field(default_factory=set)
    received: set[str] = field(default_factory=set)  # plain values that the student's code returned
    objects: set[str] = field(default_factory=set)  # objects of the student's classes
    local_functions: set[str] = field(default_factory=set)
    printing: str = ""  # the buffer that holds what the last call printed
    changed: dict[str, int] = field(default_factory=dict)  # what the last call was given, by its place there
    left: set[str] = field(default_factory=set)  # set by what is left to a person

    def path(self, node: ast.expr) -> str:
        """The dotted name of a function, with imports followed: numpy.allclose of np.allclose; else empty."""
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name) or node.id in self.local:
            return ""
        head = self.imported.get(node.id, node.id if node.id not in self.student.all else "")
        return ".".join([head, *reversed(parts)]) if head else ""

    def theirs(self, node: ast.AST) -> bool:
        """Whether anything in it comes from the student's code."""
        shadowed = self.local - self.received - self.objects
        names = (self.student.all - shadowed) | self.received | self.objects | self.changed.keys() | {self.printing}
        return any(isinstance(inner, ast.Name) and inner.id in names for inner in ast.walk(node))

    # -- expressions

    def free(self, node: ast.expr) -> ast.expr:
        """An expression that has nothing of the student's, as it is. Raises UnsafeToTurn."""
        if self.theirs(node):
            raise UnsafeToTurn(f"computes with what the student's code made: {ast.unparse(node)}")
        self.check(node)
        return node

    def check(self, node: ast.AST) -> None:
        """Nothing that a test file cannot have or must not do. Raises UnsafeToTurn."""
        bound = {
            name
            for inner in ast.walk(node)
            for name in ([inner.id] if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store) else [])
            + ([inner.arg] if isinstance(inner, ast.arg) else [])
            + ([inner.name] if isinstance(inner, ast.FunctionDef | ast.ExceptHandler) and inner.name else [])
        }
        for inner in ast.walk(node):
            if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Load) and inner.id not in bound:
                self._check_name(inner.id)
            if isinstance(inner, ast.Name | ast.Attribute):
                self._check_path(self.path(inner), inner, node)
            if isinstance(inner, ast.Await | ast.Yield | ast.YieldFrom | ast.Global | ast.Nonlocal | ast.Delete):
                raise UnsafeToTurn(f"`{ast.unparse(inner)}` has no meaning in a test of a far student")

    def _check_name(self, name: str) -> None:
        if name in self.left:
            raise UnsafeToTurn(f"needs `{name}`, which is left to do by hand")
        if name in self.local or name in self.imported or name in self.received | self.objects:
            return
        if name in self.given:
            raise UnsafeToTurn(f"uses `{name}` of a cell that is given: move it into the library or test_helpers.py")
        if name in _NO_VALUES or not hasattr(builtins, name):
            raise UnsafeToTurn(f"uses `{name}`, which a test file does not have")

    def _check_path(self, path: str, node: ast.AST, whole: ast.AST) -> None:
        if path.split(".")[0] in _LOOKS_INTO or path.startswith("unittest.mock"):
            raise UnsafeToTurn(f"looks into or patches code (`{path}`): say by a value what must hold")
        drawing = any(path.startswith(f"{module}.") for module in _RANDOM)
        if drawing and not any(seeded.startswith(path) or path.startswith(seeded) for seeded in _SEEDED):
            raise UnsafeToTurn(f"`{path}` draws without a seed, reads a clock or the machine: use the fixture rng")
        seeded = {"random.Random", "numpy.random.default_rng"}
        if path in seeded and any(
            isinstance(call, ast.Call) and call.func is node and not call.args for call in ast.walk(whole)
        ):
            raise UnsafeToTurn(f"`{path}()` draws without a seed: use the fixture rng")

    def evidence(self, node: ast.expr) -> ast.expr:
        """What the student's code answers, asked for over the wire. Raises UnsafeToTurn."""
        for inner in ast.walk(node):
            if isinstance(inner, ast.Name | ast.Attribute):
                self._check_path(self.path(inner), inner, node)
            if isinstance(inner, ast.Name) and inner.id in self.left:
                raise UnsafeToTurn(f"needs `{inner.id}`, which is left to do by hand")
        if (printed := self._printed(node)) is not None:
            return printed
        if isinstance(node, ast.Name):
            return self._name(node)
        if isinstance(node, ast.Call):
            return self._call(node)
        if isinstance(node, ast.Attribute) and self._is_object(node.value):
            return ast.Attribute(self._object(node.value), node.attr, ast.Load())
        if isinstance(node, ast.Subscript) and self._is_object(node.value):
            return ast.Subscript(self._object(node.value), self.free(node.slice), ast.Load())
        if isinstance(node, ast.BinOp) and (self._is_object(node.left) or self._is_object(node.right)):
            sides = [self._object(n) if self._is_object(n) else self.free(n) for n in (node.left, node.right)]
            return ast.BinOp(sides[0], node.op, sides[1])
        raise UnsafeToTurn(f"computes with what the student's code made: {ast.unparse(node)}")

    def _printed(self, node: ast.expr) -> ast.expr | None:
        """student.printed for buffer.getvalue() after a call that printed there, also with .strip() and the like."""
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            return None
        inner, method = node.func.value, node.func.attr
        if isinstance(inner, ast.Name) and self.printing == inner.id and method == "getvalue":
            return ast.parse("student.printed", mode="eval").body
        text = self._printed(inner) if method in ("strip", "rstrip", "lower", "upper", "split", "splitlines") else None
        return ast.Call(ast.Attribute(text, method, ast.Load()), node.args, node.keywords) if text is not None else None

    def makes_object(self, node: ast.expr) -> bool:
        """Whether it calls a class of the student's."""
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            return False
        return node.func.id in self.student.classes - self.local

    def made(self, node: ast.expr) -> ast.expr:
        """student.make for a call of a student's class, or of a function that returns a function."""
        assert isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        args, keywords = self._arguments(node)
        make = ast.Attribute(ast.Name("student", ast.Load()), "make", ast.Load())
        return ast.Call(make, [ast.Constant(node.func.id), *args], keywords)

    def _name(self, node: ast.Name) -> ast.expr:
        if node.id in self.changed:
            return ast.parse(f"student.arguments[{self.changed[node.id]}]", mode="eval").body
        if node.id in self.received:
            return node
        if node.id in self.student.values - self.local:
            return ast.parse(f'student.value("{node.id}")', mode="eval").body
        if node.id in self.objects:
            raise UnsafeToTurn(f"compares the object `{node.id}` itself: ask for an attribute of it")
        raise UnsafeToTurn(f"looks at `{node.id}` itself, not at what it answers")

    def _is_function(self, node: ast.expr) -> bool:
        return isinstance(node, ast.Name) and node.id in self.student.functions - self.local

    def _is_object(self, node: ast.expr) -> bool:
        return (isinstance(node, ast.Name) and node.id in self.objects) or self.makes_object(node)

    def _object(self, node: ast.expr) -> ast.expr:
        return node if isinstance(node, ast.Name) else self.made(node)

    def _call(self, node: ast.Call) -> ast.expr:
        function = node.func
        if self.makes_object(node):
            raise UnsafeToTurn(f"compares an object itself: {ast.unparse(node)}; ask for an attribute of it")
        args, keywords = self._arguments(node)
        self.printing, self.changed = "", {}
        if isinstance(function, ast.Name) and self._is_function(function):
            return ast.Call(reached(function.id), args, keywords)
        if isinstance(function, ast.Call) and self._is_function(function.func):
            return ast.Call(self.made(function), args, keywords)
        if isinstance(function, ast.Attribute) and self._is_object(function.value):
            method = ast.Attribute(self._object(function.value), function.attr, ast.Load())
            return ast.Call(method, args, keywords)
        if isinstance(function, ast.Name) and function.id in _OF_AN_OBJECT:
            if len(node.args) == 1 and self._is_object(node.args[0]):
                return ast.Call(function, [self._object(node.args[0])], [])
        if isinstance(function, ast.Name) and function.id in self.objects | self.student.values:
            raise UnsafeToTurn(f"calls `{function.id}`, which the student's code keeps")
        raise UnsafeToTurn(f"computes with what the student's code made: {ast.unparse(node)}")

    def _arguments(self, node: ast.Call) -> tuple[list[ast.expr], list[ast.keyword]]:
        if any(isinstance(arg, ast.Starred) and self.theirs(arg) for arg in node.args):
            raise UnsafeToTurn(f"spreads what the student's code made: {ast.unparse(node)}")
        return (
            [self._argument(arg) for arg in node.args],
            [ast.keyword(item.arg, self._argument(item.value)) for item in node.keywords],
        )

    def _argument(self, node: ast.expr) -> ast.expr:
        """A plain value, another answer of the student's, or a function that can be named."""
        if any(isinstance(inner, ast.Lambda) for inner in ast.walk(node)):
            raise UnsafeToTurn(f"gives a function that has no name, {ast.unparse(node)}: put it into the library")
        if self._is_function(node):
            assert isinstance(node, ast.Name)
            return reached(node.id)
        if self._is_object(node):
            return self._object(node)
        if self.theirs(node):
            return self.evidence(node)
        self.check(node)
        path = self.path(node)
        if path in _CALLABLES:
            return ast.parse(f'Lib("builtins.{path}")', mode="eval").body
        module, _, name = path.partition(".")
        if callable(getattr(LIBRARY_FUNCTIONS.get(module), name, None)):
            return ast.parse(f'Lib("{path}")', mode="eval").body
        if isinstance(node, ast.Name) and node.id in self.local_functions:
            raise UnsafeToTurn(f"gives `{node.id}`, a function of the test cell: put it into the library")
        return node


def reached(name: str) -> ast.expr:
    """student.f, or student["f"] where the fixture has a word of that name."""
    student = ast.Name("student", ast.Load())
    if name.startswith("_") or hasattr(Student, name):
        return ast.Subscript(student, ast.Constant(name), ast.Load())
    return ast.Attribute(student, name, ast.Load())


def stored(node: ast.AST) -> Iterator[str]:
    """The names that a statement sets, imports and functions among them."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store | ast.Del):
            yield inner.id
        elif isinstance(inner, ast.FunctionDef | ast.ClassDef):
            yield inner.name
        elif isinstance(inner, ast.alias):
            yield (inner.asname or inner.name).split(".")[0]
