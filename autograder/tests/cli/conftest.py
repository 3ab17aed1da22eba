"""A course as the current folder, with one sandbox for a file of tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from autograder.sandbox.sandbox import Sandbox
from autograder.tests import marking, tiny


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory, one_thread: None) -> Iterator[Sandbox]:
    with Sandbox.start(tiny.write(tmp_path_factory.mktemp("library")), tiny.LIBRARY) as started:
        yield started


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox) -> Path:
    """A course as the current folder. Its commands share one sandbox, which takes seconds to start."""
    monkeypatch.setattr(Sandbox, "start", lambda library, package: sandbox)
    monkeypatch.setattr(Sandbox, "close", lambda self: None)
    marking.assignment(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path
