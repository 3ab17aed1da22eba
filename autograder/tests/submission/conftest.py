"""Two notebooks instead of one, and a student's folder."""

import json

import pytest

from autograder.assignment.load import load_assignment
from autograder.build.build import build
from autograder.tests import tiny


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "submitted" / "ada" / tiny.NAME
    folder.mkdir(parents=True)
    return folder


@pytest.fixture(scope="session")
def pair_root(tmp_path_factory):
    """A course with an assignment of two notebooks, built."""
    root = tmp_path_factory.mktemp("pair")
    base = tiny.write(root)
    second = base / "shifting"
    second.mkdir()
    for name in ("notebook.py", "problem.toml", "test_public.py", "test_hidden.py", "rubric.md"):
        (second / name).write_text((base / tiny.PROBLEM / name).read_text().replace("tiny-", "shift-"))
    tiny.edit(base, "assignment.toml", "extra = []", 'extra = ["shifting"]')
    build(tiny.NAME, root)
    return root


@pytest.fixture(scope="session")
def pair_release(pair_root):
    return pair_root / "release" / tiny.NAME


@pytest.fixture(scope="session")
def pair(pair_root, pair_release):
    """The manifest of an assignment of two notebooks, and both as released."""
    manifest = load_assignment(tiny.NAME, pair_root).manifest
    texts = {book.file: (pair_release / book.file).read_text() for book in manifest.notebooks}
    return manifest, {name: json.loads(text) for name, text in texts.items()}
