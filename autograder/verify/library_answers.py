"""Answers made of the shipped library: none may pass, since every student can read it.

Whatever the library offers that can be called as an exercise asks is put in the exercise's place, under its names:
functions, classes, methods with and without an instance, and classes whose methods have other names. What its own
annotations rule out, such as a tensor for a path or a figure as the answer, is not tried.
"""

from __future__ import annotations

import ast
import contextlib
import importlib
import inspect
import itertools
import pkgutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import ModuleType, UnionType
from typing import Any, Union, get_args, get_origin

from autograder.assignment.model import Problem
from kit import tensors

TENSOR = "Tensor"  # as stubs write it
WAYS = 8  # of giving a class's methods other names, at most so many are tried


def _tensor() -> type:
    """What `Tensor` means; without torch nothing is one."""
    torch = tensors.loaded()
    return _NoTensor if torch is None else torch.Tensor


def _is_module(kind: type) -> bool:
    torch = tensors.loaded()
    return torch is not None and issubclass(kind, torch.nn.Module)


class _NoTensor:
    """No value's class."""


@dataclass(frozen=True)
class Offer:
    """Something to call: `path` is how Python code names it, after `import <module>`.

    owner: of a method without an instance, its class, where that is a module: it needs one as its `self`.
    """

    path: str
    module: str
    call: Callable[..., Any]
    owner: type | None = None

    def fitting(self, node: ast.FunctionDef) -> int | None:
        """With how many of a stub's arguments it can be called; None if with no number that may be given."""
        signature = self.signature
        if signature is None:
            return None
        returned = self.call if inspect.isclass(self.call) else signature.return_annotation
        if not _returns_alike(node, returned):
            return None
        required, allowed = _arguments(node)
        for count in range(allowed, required - 1, -1):
            try:
                bound = signature.bind(*_annotations(node)[:count])
            except TypeError:
                continue
            return count if self._takes(bound) else None
        return None

    def _takes(self, bound: inspect.BoundArguments) -> bool:
        """Whether no argument is a tensor where the annotation leaves no room for one."""
        for number, (name, given) in enumerate(bound.arguments.items()):
            parameter = bound.signature.parameters[name]
            plain = parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
            says = self.owner if self.owner and not number else parameter.annotation
            if plain and given == TENSOR and not _has_room(says, _tensor()):
                return False
        return True

    @cached_property
    def signature(self) -> inspect.Signature | None:
        """With annotations as objects where they can be had; None of what has no signature."""
        for as_objects in (True, False):
            with contextlib.suppress(Exception):  # whatever a foreign annotation does when it is evaluated
                return inspect.signature(self.call, eval_str=as_objects)
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
        yield Offer(f"{path}.{key}", module, getattr(kind, key), kind if _is_module(kind) else None)
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
    fitting = {node: count for node in functions if (count := offer.fitting(node)) is not None}
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
        fitting = [key for key, item in own.items() if item.fitting(method) is not None]
        choices.append(fitting or [""])
    for chosen in itertools.islice(itertools.product(*choices), WAYS):
        lines = [f"import {offer.module}", f"class {node.name}({offer.path}):", "    pass"]
        pairs = zip(methods, chosen, strict=True)
        yield "\n".join([*lines, *(f"    {method.name} = {offer.path}.{key}" for method, key in pairs if key)])


def _returns_alike(node: ast.FunctionDef, annotation: Any) -> bool:
    """Whether what the offer says it returns may be what the stub asks for, as far as that is tensors."""
    asked = ast.unparse(node.returns) if node.returns else ""
    kinds = [kind for text, kind in ((TENSOR, _tensor()), ("tuple", tuple)) if text in asked]
    return not kinds or any(_has_room(annotation, kind) for kind in kinds)


def _has_room(annotation: Any, kind: type) -> bool:
    """Whether a value of this class may stand where the annotation does; only a plain no counts."""
    if get_origin(annotation) in (Union, UnionType):
        return any(_has_room(member, kind) for member in get_args(annotation))
    if annotation is None or annotation is Callable or get_origin(annotation) is Callable:
        return False
    known = get_origin(annotation) or annotation
    if not inspect.isclass(known) or known is inspect.Parameter.empty or known in (Any, list, tuple, Sequence):
        return True
    try:
        return issubclass(kind, known) or issubclass(known, kind)
    except TypeError:  # a protocol that cannot tell
        return True


def _annotations(node: ast.FunctionDef) -> list[str]:
    """What each argument is annotated with, in order."""
    arguments = (*node.args.posonlyargs, *node.args.args)
    return [ast.unparse(argument.annotation) if argument.annotation else "" for argument in arguments]


def _arguments(node: ast.FunctionDef) -> tuple[int, int]:
    """How many arguments by position it must be given, and how many it may be."""
    allowed = len(_names(node))
    return allowed - len(node.args.defaults), allowed


def _names(node: ast.FunctionDef) -> list[str]:
    return [argument.arg for argument in (*node.args.posonlyargs, *node.args.args)]
