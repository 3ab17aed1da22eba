"""Answers made of the shipped library: none may pass, since every student can read it.

Whatever the library offers that can be called as an exercise asks is put in the exercise's place, under its names:
functions, classes, methods with and without an instance, and classes whose methods have other names.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import itertools
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from autograder.assignment.model import Problem

WAYS = 8  # of giving a class's methods other names, at most so many are tried


@dataclass(frozen=True)
class Offer:
    """Something to call: `path` is how Python code names it, after `import <module>`."""

    path: str
    module: str
    call: Callable[..., Any]

    def fitting(self, required: int, allowed: int) -> int | None:
        """With how many of an exercise's arguments it can be called; None if with no number that may be given."""
        try:
            signature = inspect.signature(self.call)
        except (TypeError, ValueError):
            return None
        for count in range(allowed, required - 1, -1):
            try:
                signature.bind(*range(count))
            except TypeError:
                continue
            return count
        return None


@dataclass(frozen=True)
class LibraryAnswer:
    """An exercise's cell written with the library. `name`: what of it is used."""

    exercise: str
    name: str
    code: str


def library_answers(problem: Problem, library: ModuleType) -> Iterator[LibraryAnswer]:
    """Every answer to the problem's exercises that the library can give."""
    offers = list(offered(library))
    for exercise, released in problem.stubs.items():
        tree = ast.parse(released)
        functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
        classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
        for offer in offers:
            for code in _with_function(tree, [*functions, *(m for c in classes for m in _methods(c))], offer):
                yield LibraryAnswer(exercise, offer.path, code)
        for node in classes:
            for offer in offers:
                if inspect.isclass(offer.call):
                    yield from (LibraryAnswer(exercise, offer.path, code) for code in _with_class(node, offer))


def offered(library: ModuleType) -> Iterator[Offer]:
    """Everything to call in the library, each once, where it is defined."""
    inner = pkgutil.walk_packages(library.__path__, f"{library.__name__}.")
    for name in [library.__name__, *(found.name for found in inner)]:
        for key, value in sorted(vars(importlib.import_module(name)).items()):
            if callable(value) and getattr(value, "__module__", None) == name:
                yield Offer(f"{name}.{key}", name, value)
                if inspect.isclass(value):
                    yield from _offered_by(value, f"{name}.{key}", name)


def _offered_by(kind: type, path: str, module: str) -> Iterator[Offer]:
    methods = [key for key in vars(kind) if _is_method(kind, key)]
    for key in methods:
        yield Offer(f"{path}.{key}", module, getattr(kind, key))
    try:
        instance = kind()
    except Exception:  # it needs arguments, so that a student would have to know which
        return
    for key in methods:
        yield Offer(f"{path}().{key}", module, getattr(instance, key))


def _is_method(kind: type, key: str) -> bool:
    return not key.startswith("__") and callable(getattr(kind, key, None))


def _methods(node: ast.ClassDef) -> list[ast.FunctionDef]:
    return [item for item in node.body if isinstance(item, ast.FunctionDef) and not item.name.startswith("__")]


def _with_function(tree: ast.Module, functions: list[ast.FunctionDef], offer: Offer) -> Iterator[str]:
    """The stub with each function that the offer fits calling it; nothing where it fits none."""
    fitting = {node: count for node in functions if (count := offer.fitting(*_arguments(node))) is not None}
    bodies = {node: node.body for node in fitting}
    for node, count in fitting.items():
        names = ", ".join(_names(node)[:count])
        node.body = ast.parse(f"import {offer.module}\nreturn {offer.path}({names})").body
    if fitting:
        yield ast.unparse(tree)
    for node, body in bodies.items():
        node.body = body


def _with_class(node: ast.ClassDef, offer: Offer) -> Iterator[str]:
    """The offered class under the exercise's name, its methods under the names that the exercise asks for."""
    assert inspect.isclass(offer.call)
    own = {key: Offer("", "", getattr(offer.call, key)) for key in vars(offer.call) if _is_method(offer.call, key)}
    methods = [method for method in _methods(node) if method.name not in own]
    choices = []
    for method in methods:
        fitting = [key for key, item in own.items() if item.fitting(*_arguments(method)) is not None]
        choices.append(fitting or [""])
    for chosen in itertools.islice(itertools.product(*choices), WAYS):
        lines = [f"import {offer.module}", f"class {node.name}({offer.path}):", "    pass"]
        pairs = zip(methods, chosen, strict=True)
        yield "\n".join([*lines, *(f"    {method.name} = {offer.path}.{key}" for method, key in pairs if key)])


def _arguments(node: ast.FunctionDef) -> tuple[int, int]:
    """How many arguments by position it must be given, and how many it may be."""
    allowed = len(_names(node))
    return allowed - len(node.args.defaults), allowed


def _names(node: ast.FunctionDef) -> list[str]:
    return [argument.arg for argument in (*node.args.posonlyargs, *node.args.args)]
