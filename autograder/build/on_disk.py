"""Built files on disk: what the last build wrote, what someone changed since, and the swap to a new build."""

from __future__ import annotations

import difflib
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from autograder.build.release_files import NEVER
from autograder.errors import BadInput

DIFF_LINES = 40


@dataclass(frozen=True, slots=True)
class Difference:
    """A product that is not what the sources build. ``state``: stale, missing, extra, or edited (by hand)."""

    path: str
    state: str


class Products:
    """The products of one assignment under the course's root: source/<name>, release/<name> and a record of hashes.

    The record lies beside source/<name>, not in it: whatever lies in there, nbgrader copies to every student.
    """

    def __init__(self, root: Path, name: str) -> None:
        self.root = root
        self.folders = (Path("source", name), Path("release", name))
        self.record = Path("source", f"{name}.build.json")

    def differences(self, fresh: dict[str, bytes]) -> list[Difference]:
        """Where the disk and a fresh build (path under the root to content) part, sorted by path."""
        recorded = self._recorded()
        on_disk = self._on_disk()
        found = []
        for path in sorted(fresh.keys() | on_disk):
            if path not in on_disk:
                found.append(Difference(path, "missing"))
            elif path not in fresh and path not in recorded:
                found.append(Difference(path, "extra"))
            elif (data := (self.root / path).read_bytes()) != fresh.get(path):
                found.append(Difference(path, "stale" if _hash(data) == recorded.get(path) else "edited"))
        if not found and recorded != {path: _hash(data) for path, data in fresh.items()}:
            found.append(Difference(self.record.as_posix(), "stale"))
        return found

    def diff(self, path: str, fresh: dict[str, bytes]) -> str:
        """How the file on disk differs from what the sources build, as a unified diff cut to a screenful."""
        try:
            old = (self.root / path).read_text(encoding="utf-8").splitlines()
            new = fresh.get(path, b"").decode("utf-8").splitlines()
        except UnicodeDecodeError:
            return f"{path}: the contents differ (not text)"
        lines = list(difflib.unified_diff(new, old, f"{path} (as built)", f"{path} (on disk)", lineterm=""))
        more = [f"... and {len(lines) - DIFF_LINES} more lines"] if len(lines) > DIFF_LINES else []
        return "\n".join(lines[:DIFF_LINES] + more)

    def swap(self, fresh: dict[str, bytes]) -> None:
        """Put a fresh build in place: written aside first, then each folder renamed."""
        work = self.root / ".autograder"
        work.mkdir(exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix="build-", dir=work))
        try:
            for path, data in fresh.items():
                target = staging / "new" / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(data)
            for folder in self.folders:
                _exchange(staging / "new" / folder, self.root / folder, staging / "old" / folder)
            hashes = {path: _hash(data) for path, data in sorted(fresh.items())}
            written = staging / "record.json"
            written.write_text(json.dumps({"schema": 1, "files": hashes}, indent=1) + "\n", encoding="utf-8")
            os.replace(written, self.root / self.record)
        finally:
            shutil.rmtree(staging, ignore_errors=True)

    def _on_disk(self) -> set[str]:
        return {
            path.relative_to(self.root).as_posix()
            for folder in self.folders
            for path in (self.root / folder).rglob("*")
            if path.is_file() and not _ignored(path.relative_to(self.root).parts)
        }

    def _recorded(self) -> dict[str, str]:
        path = self.root / self.record
        if not path.is_file():
            return {}
        try:
            files = json.loads(path.read_text(encoding="utf-8"))["files"]
            return {str(name): str(digest) for name, digest in files.items()}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise BadInput(f"{self.record} is damaged ({error}): restore it from git, or delete it") from error


def _exchange(new: Path, place: Path, old: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    old.parent.mkdir(parents=True, exist_ok=True)
    if place.exists():
        os.rename(place, old)
    try:
        os.rename(new, place)
    except OSError:
        if old.exists():
            os.rename(old, place)
        raise


def _ignored(parts: Iterable[str]) -> bool:
    return any(part in NEVER for part in parts)


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
