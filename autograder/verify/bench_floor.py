"""The floor: a student's functions and the tests' asserts in one warm process, without pytest, wire or confinement."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from autograder.assignment.load import load_assignment
from autograder.grading.plan import Plan
from autograder.verify.made_class import class_of
from kit import libraries
from kit.far_side import Service
from kit.manifest import Manifest
from kit.reading import extract
from kit.runner import test_generator
from kit.student import LocalTransport, Student


class DirectStudent(Student):
    """Calls the far side's operations without a wire between."""

    def __init__(self, service: Service) -> None:
        super().__init__(LocalTransport(service))
        self._service = service

    def begin(self, seed: int) -> None:
        self._service.begin(seed)

    def request(self, op: str, **fields: Any) -> dict[str, Any]:
        for first in self._waiting:
            self._service.do_module(first)
        self._waiting.clear()
        reply: dict[str, Any] = getattr(self._service, f"do_{op}")(fields)
        return reply


def main(name: str, count: int) -> None:
    """Print processor seconds per submission."""
    assignment = load_assignment(name)
    libraries.ready(assignment.libraries)
    plan = Plan.of(assignment, 0)
    calls = _test_calls(plan)
    classes = list(class_of(assignment, count))
    _grade(assignment.manifest, calls, classes[0])
    started = time.process_time()
    for books in classes:
        _grade(assignment.manifest, calls, books)
    print((time.process_time() - started) / count)


def _test_calls(plan: Plan) -> list[tuple[str, str, Callable[..., None], dict[str, Any]]]:
    """Exercise, test id, function and parameters of every test, as pytest collected them."""
    calls = []
    for info, item in plan.collected.items:
        assert isinstance(item, pytest.Function)
        parameters = dict(item.callspec.params) if hasattr(item, "callspec") else {}
        asked = {name: None for name in item._fixtureinfo.argnames if name in ("student", "rng")}
        calls.append((info.mark.exercise, info.id, item.obj, asked | parameters))
    return calls


def _grade(manifest: Manifest, calls: list[Any], books: dict[str, dict[str, Any]]) -> None:
    services = {}
    for book in manifest.notebooks:
        service = services[book.problem] = Service({"__name__": "__main__"}, manifest.library)
        cells = extract(book, books.get(book.file)).cells
        service.do_load({"cells": [(cell.label, cell.source) for cell in cells]})
    for exercise, test_id, function, arguments in calls:
        student = DirectStudent(services[manifest.exercise(exercise).problem])
        student.begin(0)
        given = dict(arguments)
        if "student" in given:
            given["student"] = student
        if "rng" in given:
            given["rng"] = test_generator(0, test_id)
        try:
            function(**given)
        except (Exception, pytest.fail.Exception):
            continue
