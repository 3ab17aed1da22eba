"""The tiny set as tests need it: written, built, released to a student, graded. See also tiny.py and marking.py."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from autograder.assignment.model import Assignment
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
