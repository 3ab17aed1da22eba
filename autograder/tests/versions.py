"""Versions of a small set as a student gets them, made without nbgrader: zip files, and folders that came of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from autograder.assignment.load import load_assignment
from autograder.tests import released, tiny
from kit.archive import archive
from kit.manifest import Cell, CellKind, Manifest, Notebook

SETUP = "# Set-up: finds the course's files beside this notebook\nVERSION = {!r}"
Edits = Mapping[str, list[tuple[str, str]]]


def write_sources(root: Path, version: str, edits: Edits | None = None, *, second: bool = False) -> Manifest:
    """The tiny set under `root` with these replacements, by file; second: with another problem beside the first."""
    folder = tiny.write(root)
    if second:
        tiny.add_problem(folder, "turning", "turn-")
        tiny.edit(folder, "assignment.toml", f'core = ["{tiny.PROBLEM}"]', f'core = ["{tiny.PROBLEM}", "turning"]')
    tiny.edit(folder, "assignment.toml", 'version = "1.0"', f'version = "{version}"')
    for file, passages in (edits or {}).items():
        for old, new in passages:
            tiny.edit(folder, file, old, new)
    return load_assignment(tiny.NAME, root).manifest


def notebook(manifest: Manifest, book: Notebook) -> dict[str, Any]:
    """A released notebook's JSON."""
    mark = {"assignment": manifest.assignment, "problem": book.problem, "version": manifest.version}
    cells = [_raw(cell, manifest.version) for cell in book.cells]
    return {"cells": cells, "metadata": {"kit": mark}, "nbformat": 4, "nbformat_minor": 5}


def _raw(cell: Cell, version: str) -> dict[str, Any]:
    if cell.id == "setup":
        source = SETUP.format(version)
        checksum = hashlib.md5(f"{source}codeFalseFalseTruesetup".encode()).hexdigest()
        nbgrader = {"grade_id": "setup", "schema_version": 3, "locked": True, "checksum": checksum}
        return released.raw(cell, source=source, metadata={"nbgrader": nbgrader})
    return released.raw(cell, **({"metadata": {"tags": [cell.kind]}} if cell.kind is CellKind.SHOW else {}))


def files(manifest: Manifest, more: Mapping[str, str] | None = None) -> dict[str, bytes]:
    """A release: notebooks, manifest, a library."""
    found = {book.file: as_bytes(notebook(manifest, book)) for book in manifest.notebooks}
    found["tests/manifest.json"] = manifest.to_json().encode()
    texts = {"CHANGES.md": f"# {manifest.version}\n", "tinylib/shapes.py": f"# of {manifest.version}\n"} | dict(
        more or {}
    )
    return found | {path: text.encode() for path, text in texts.items()}


def zipped(path: Path, contents: Mapping[str, bytes], earlier: Mapping[str, Mapping[str, bytes]] | None = None) -> Path:
    """A release's zip, with the hashes of what earlier versions held."""
    digests = {
        version: {name: hashlib.sha256(data).hexdigest() for name, data in old.items()}
        for version, old in (earlier or {}).items()
    }
    inside = dict(contents) | {"tests/versions.json": json.dumps(digests).encode()}
    path.write_bytes(archive({f"tinyset/{name}": data for name, data in inside.items()}))
    return path


def unpack(root: Path, contents: Mapping[str, bytes]) -> Path:
    """A student's folder of these files."""
    for name, data in contents.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
    return root


def as_bytes(content: dict[str, Any]) -> bytes:
    return json.dumps(content).encode()
