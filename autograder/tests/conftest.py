"""The tiny set as tests need it: written, built, released to a student, graded. See also tiny.py and marking.py."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from autograder.assignment.model import Assignment
from autograder.grading.grade_one import confined
from autograder.sandbox.sandbox import Sandbox
from autograder.tests import handing_in, marking, tiny
from kit.manifest import Manifest


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """assignments/tinyset, freshly written."""
    return tiny.write(tmp_path)


@pytest.fixture
def tinyset(tmp_path: Path) -> Assignment:
    """The tiny set with its release and a gradebook without submissions."""
    return marking.assignment(tmp_path)


@pytest.fixture(scope="session")
def tiny_release(tmp_path_factory: pytest.TempPathFactory) -> tuple[Manifest, dict[str, Any]]:
    """The built set's manifest, and its notebook as a student gets it. For reading only."""
    return handing_in.released(tmp_path_factory.mktemp("course"))


@pytest.fixture(scope="session")
def manifest(tiny_release: tuple[Manifest, dict[str, Any]]) -> Manifest:
    return tiny_release[0]


@pytest.fixture(scope="session")
def released(tiny_release: tuple[Manifest, dict[str, Any]]) -> dict[str, Any]:
    return tiny_release[1]


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """A process that has started more threads cannot fork safely."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox for the tiny set's library. To start one takes four seconds of processor time."""
    with confined(marking.without_gradebook(tmp_path_factory.mktemp("library")), allow_weak=True) as started:
        yield started


@pytest.fixture
def one_sandbox(monkeypatch: pytest.MonkeyPatch, one_thread: None, sandbox: Sandbox) -> None:
    """Whatever starts a sandbox gets the same one."""
    monkeypatch.setattr(Sandbox, "start", lambda library, package, **options: sandbox)
    monkeypatch.setattr(Sandbox, "close", lambda self: None)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, one_sandbox: None) -> Path:
    """A course as the current folder."""
    marking.assignment(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path
