"""What an import left to a person, as long as the mark that it wrote still stands."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

TODO = "TODO by hand"
_FILES = ("notebook.py", "test_public.py", "test_hidden.py", "rubric.md")


def unfinished(folder: Path) -> Iterator[str]:
    """Each mark in a problem's files, with its place."""
    for name in _FILES:
        path = folder / name
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines() if path.is_file() else (), 1):
            if TODO in line:
                said = line.strip().lstrip("#<!- ").removesuffix("-->").strip()
                yield f"{folder.name}/{name} line {number}: {said}"
