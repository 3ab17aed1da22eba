"""The recipes of docs/tests.md: each test passes on its code, and says of its mistakes what the page shows."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

from autograder.sandbox.sandbox import Sandbox
from kit.compare import CheckFailed
from kit.far_side import Service
from kit.student import LocalTransport, Student

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "tests.md").read_text(encoding="utf-8")
LABEL = "cell 4"
_BLOCK = re.compile(r"```python\n(.*?)```", re.S)
_MISTAKE = re.compile(r"With `([^`]+)` instead of\s`([^`]+)` it fails:\n\n```text\n(.*?)\n```", re.S)

Opened = Callable[[str], Any]


@dataclass(frozen=True)
class Mistake:
    new: str
    old: str
    said: str


@dataclass(frozen=True)
class Recipe:
    title: str
    code: str
    test: str
    mistakes: tuple[Mistake, ...]


def recipes() -> Iterator[Recipe]:
    for section in PAGE.split("\n## ")[1:]:
        if blocks := _BLOCK.findall(section):
            assert len(blocks) == 2, f"{section[:40]}: not a student's code and a test"
            code, test = blocks
            mistakes = tuple(Mistake(*found) for found in _MISTAKE.findall(section))
            yield Recipe(section.partition("\n")[0], code, test, mistakes)


PREAMBLE = _BLOCK.findall(PAGE.split("\n## ")[0])[0]
RECIPES = list(recipes())
MISTAKES = [(recipe, mistake) for recipe in RECIPES for mistake in recipe.mistakes]


def run(recipe: Recipe, student: Student) -> None:
    namespace: dict[str, Any] = {"__name__": "recipe"}
    exec(compile(PREAMBLE + recipe.test, "docs/tests.md", "exec"), namespace)
    given = {"student": student, "rng": torch.Generator().manual_seed(3)}
    tests = {name: function for name, function in namespace.items() if name.startswith("test_")}
    assert tests, "no test in the recipe"
    for function in tests.values():
        names = function.__code__.co_varnames[: function.__code__.co_argcount]
        student.begin(3)
        function(**{name: given[name] for name in names})


@pytest.fixture(params=["near", "sandbox"])
def opened(request: pytest.FixtureRequest) -> Opened:
    """Makes a student of code, in this process or in a confined one."""

    @contextmanager
    def near(code: str) -> Iterator[Student]:
        student = Student(LocalTransport(Service({"__name__": "__main__"}, "tinylib")))
        student.load_cell(LABEL, code)
        yield student

    @contextmanager
    def confined(code: str) -> Iterator[Student]:
        sandbox: Sandbox = request.getfixturevalue("sandbox")
        with sandbox.worker() as worker:
            student = Student(worker, call_seconds=30.0)
            student.load_cell(LABEL, code)
            yield student

    return near if request.param == "near" else confined


def test_most_recipes_show_what_a_failure_says() -> None:
    assert len(RECIPES) >= 5
    assert len(MISTAKES) >= len(RECIPES)


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.title)
def test_a_recipes_test_passes_on_its_code(recipe: Recipe, opened: Opened) -> None:
    with opened(recipe.code) as student:
        run(recipe, student)


@pytest.mark.parametrize(("recipe", "mistake"), MISTAKES, ids=[f"{r.title}: {m.new}" for r, m in MISTAKES])
def test_a_recipes_test_says_of_a_mistake_what_the_page_shows(recipe: Recipe, mistake: Mistake, opened: Opened) -> None:
    assert recipe.code.count(mistake.old) == 1, f"{mistake.old!r} stands {recipe.code.count(mistake.old)} times"
    with opened(recipe.code.replace(mistake.old, mistake.new)) as student, pytest.raises(AssertionError) as caught:
        run(recipe, student)
    assert isinstance(caught.value, CheckFailed) or str(caught.value)
    assert str(caught.value).split("\nassert ")[0] == mistake.said
