"""At home an exercise calls the student's own earlier answers: says which of these has to pass first."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from types import CodeType, FunctionType
from typing import TYPE_CHECKING

from kit.manifest import Exercise, Manifest
from kit.outcomes import OutcomeStatus

if TYPE_CHECKING:
    from kit.runner import Outcome  # not at run time: it imports pytest


def to_pass_first(
    manifest: Manifest,
    exercise: Exercise,
    namespace: Mapping[str, object],
    run: Callable[[Collection[str]], Iterable[Outcome]],
) -> tuple[str, ...]:
    """The earlier exercises that this one calls, directly or not, and whose own public checks do not all pass.

    run: gives the outcomes of these exercises' public checks.
    """
    used = names_used(namespace, exercise.names)
    called = [name for name in manifest.earlier(exercise.id) if used & set(manifest.exercise(name).names)]
    if not called:
        return ()
    lost = {outcome.mark.exercise for outcome in run(called) if outcome.status != OutcomeStatus.PASSED}
    return tuple(name for name in called if name in lost)


def first_line(exercise: str, first: Collection[str]) -> str:
    """What a student reads; empty where nothing has to pass first."""
    names = " and ".join(first)
    return f"make {names} pass first: {exercise} calls {'it' if len(first) == 1 else 'them'}" if first else ""


def names_used(namespace: Mapping[str, object], names: Iterable[str]) -> set[str]:
    """The global names that the code behind these names uses, directly or through other code of the namespace."""
    found: set[str] = set()
    todo = list(names)
    while todo:
        name = todo.pop()
        new = {used for code in codes(namespace.get(name)) for used in globals_of(code)} - found
        found |= new
        todo += new
    return found


def codes(thing: object) -> Iterator[CodeType]:
    """The code of a function, or of a class's methods."""
    if isinstance(thing, FunctionType):
        yield thing.__code__
    elif isinstance(thing, type):
        for part in vars(thing).values():
            yield from codes(getattr(part, "__func__", part))
    elif callable(inner := getattr(thing, "__wrapped__", None)):
        yield from codes(inner)


def globals_of(code: CodeType) -> Iterator[str]:
    """Names that may be global; names of attributes are among them."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from globals_of(constant)
