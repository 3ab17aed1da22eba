"""What a result is made again for: Python, packages, and every installed one."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest

from autograder.assignment.load import load_assignment
from autograder.assignment.model import Assignment
from autograder.grading import fingerprint as module
from autograder.tests import tiny


class Changed(metadata.Distribution):
    """A distribution of another version than it has."""

    def __init__(self, real: metadata.Distribution) -> None:
        self._real = real

    @property
    def version(self) -> str:
        return self._real.version + ".post1"

    def read_text(self, filename: str) -> str | None:
        return self._real.read_text(filename)

    def locate_file(self, path: object) -> Path:
        return Path(str(self._real.locate_file(path)))  # type: ignore[arg-type]


@pytest.fixture
def assignment(tmp_path: Path) -> Assignment:
    tiny.write(tmp_path)
    return load_assignment(tiny.NAME, tmp_path)


def of(assignment: Assignment) -> str:
    """As a new process would make it."""
    module._of_the_engine.cache_clear()
    return module.fingerprint(assignment)


@pytest.fixture(autouse=True)
def forget() -> Iterator[None]:
    yield
    module._of_the_engine.cache_clear()


def test_the_fingerprint_is_the_same_as_long_as_nothing_changes(assignment: Assignment) -> None:
    assert of(assignment) == of(assignment)


@pytest.mark.parametrize("name", ["torch", "numpy", "pytest", "pillow", "nbformat", "python-dateutil", "sympy"])
def test_another_version_of_a_package_makes_results_stale(
    assignment: Assignment, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    before, real = of(assignment), list(metadata.distributions())
    assert sum(found.name.lower() == name for found in real) == 1
    changed = [Changed(found) if found.name.lower() == name else found for found in real]
    monkeypatch.setattr(metadata, "distributions", lambda **where: changed)
    assert of(assignment) != before


@pytest.mark.parametrize("gone", [True, False], ids=["removed", "added"])
def test_a_package_that_comes_or_goes_makes_results_stale(
    assignment: Assignment, monkeypatch: pytest.MonkeyPatch, gone: bool
) -> None:
    real = list(metadata.distributions())
    without = [found for found in real if found.name != "pytest"]
    monkeypatch.setattr(metadata, "distributions", lambda **where: real if gone else without)
    before = of(assignment)
    monkeypatch.setattr(metadata, "distributions", lambda **where: without if gone else real)
    assert of(assignment) != before


def test_another_python_makes_results_stale(assignment: Assignment, monkeypatch: pytest.MonkeyPatch) -> None:
    before = of(assignment)
    monkeypatch.setattr(sys, "version", sys.version.replace("3.", "4.", 1))
    assert of(assignment) != before


def test_what_a_tool_adds_to_the_search_path_is_not_installed(
    assignment: Assignment, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before = of(assignment)
    (tmp_path / "vendored-1.0.dist-info").mkdir()
    (tmp_path / "vendored-1.0.dist-info" / "METADATA").write_text("Name: vendored\nVersion: 1.0\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert "vendored" in {found.name for found in metadata.distributions()}
    assert of(assignment) == before
