"""The versions of an assignment that were released, each kept as assignments/<name>/releases/<version>.json.

They are committed with the sources and never shipped: a later release tells from them what it changed, and grading
recognises a submission that was made for one of them.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder.assignment.model import Assignment
from autograder.errors import BadInput
from kit.manifest import Manifest, check_id, version_order

SCHEMA = 1
FOLDER = "releases"


@dataclass(frozen=True)
class KeptVersion:
    """One released version.

    tests: exercise to a hash of its public and of its hidden tests. files: path in the release to its hash.
    parts: the hashes of library, kit and engine as a whole. archive: that of the zip file.
    """

    manifest: Manifest
    notes: str
    tests: dict[str, dict[str, str]]
    files: dict[str, str]
    parts: dict[str, str]
    archive: str

    @property
    def version(self) -> str:
        return self.manifest.version

    def to_json(self) -> str:
        """The version as stable, readable JSON text; exercises and cells are listed for people, beside the manifest."""
        manifest = self.manifest
        cells = {
            book.file: {cell.id: digest(cell.source.encode()) for cell in book.cells} for book in manifest.notebooks
        }
        exercises = {
            item.id: {
                "names": list(item.names), "points": item.points, "notebook": manifest.notebook_of(item.id).file,
                "check": check_id(item.id), "tests": self.tests[item.id],
            }
            for item in manifest.exercises
        }  # fmt: skip
        data = {
            "schema": SCHEMA, "assignment": manifest.assignment, "version": manifest.version, "notes": self.notes,
            "archive": self.archive, "parts": self.parts, "exercises": exercises,
            "answers": {item.id: {"points": item.points} for item in manifest.answers}, "cells": cells,
            "files": dict(sorted(self.files.items())), "manifest": json.loads(manifest.to_json()),
        }  # fmt: skip
        return json.dumps(data, indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> KeptVersion:
        """Read what `to_json` wrote; ValueError otherwise."""
        try:
            data: Any = json.loads(text)
            if data["schema"] != SCHEMA:
                raise ValueError(f"schema {data['schema']}, this engine reads schema {SCHEMA}")
            manifest = Manifest.from_json(json.dumps(data["manifest"]))
            tests = {name: dict(item["tests"]) for name, item in data["exercises"].items()}
            if manifest.version != data["version"] or tests.keys() != {item.id for item in manifest.exercises}:
                raise ValueError("its parts are of several versions")
            return cls(manifest, data["notes"], tests, dict(data["files"]), dict(data["parts"]), data["archive"])
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError(f"not a released version: {type(error).__name__}: {error}") from error


def place(assignment: Assignment, version: str) -> Path:
    return assignment.folder / FOLDER / f"{version}.json"


def kept_versions(assignment: Assignment) -> list[KeptVersion]:
    """All that were released, the oldest first. BadInput names a damaged file."""
    found = []
    for path in sorted((assignment.folder / FOLDER).glob("*.json")):
        try:
            kept = KeptVersion.from_json(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise BadInput(f"{path} is damaged ({error}): restore it from git") from error
        if kept.version != path.stem or kept.manifest.assignment != assignment.name:
            raise BadInput(f"{path} holds version {kept.version} of {kept.manifest.assignment}: restore it from git")
        found.append(kept)
    return sorted(found, key=lambda kept: version_order(kept.version))


def earlier_versions(assignment: Assignment) -> list[KeptVersion]:
    """Those that were released before the one that the sources are now, the oldest first."""
    now = version_order(assignment.version)
    return [kept for kept in kept_versions(assignment) if version_order(kept.version) < now]


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
