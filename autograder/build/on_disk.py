"""Built files on disk: what the last build wrote, what someone changed since, and the swap to a new build."""

from __future__ import annotations

import difflib
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from autograder.assignment.model import Assignment
from autograder.errors import BadInput, EditedByHand
from autograder.files import is_left_behind, write_atomically

DIFF_LINES = 40


class DifferenceKind(StrEnum):
    """How a product differs from a fresh build."""

    STALE = "stale"
    MISSING = "missing"
    EXTRA = "extra"
    EDITED = "edited"  # by hand


@dataclass(frozen=True, slots=True)
class Difference:
    """A product that is not what the sources build."""

    path: str
    kind: DifferenceKind


class Products:
    """The products of one assignment: source/<name>, release/<name> and a record of hashes.

    The record lies beside source/<name>, not in it: whatever lies in there, nbgrader copies to every student.
    A second one, which git does not keep, says what was written here: git may bring another record, not the copies.
    """

    def __init__(self, assignment: Assignment) -> None:
        self.root = assignment.root
        self.folders = (assignment.source, assignment.release)
        self.record = assignment.course.source / f"{assignment.name}.build.json"
        self._library = assignment.library_folder
        self._written = assignment.course.state / f"{assignment.name}.written.json"

    def differences(self, fresh: dict[str, bytes], copies: Collection[str] = ()) -> list[Difference]:
        """Where the disk and a fresh build (path under the root to content) part, sorted by path.

        copies: of these, a missing one is no difference: git does not keep them.
        """
        recorded = self.recorded()
        on_disk = self._on_disk()
        found = []
        for path in sorted(fresh.keys() | on_disk):
            if path not in on_disk:
                found += [Difference(path, DifferenceKind.MISSING)] if path not in copies else []
            elif (data := (self.root / path).read_bytes()) != fresh.get(path):
                known = DifferenceKind.EDITED if path in fresh or path in recorded else DifferenceKind.EXTRA
                found.append(Difference(path, DifferenceKind.STALE if self._is_ours(path, data) else known))
        if not found and recorded != _digests(fresh):
            found.append(Difference(self.record.relative_to(self.root).as_posix(), DifferenceKind.STALE))
        return found

    def copy(self, copies: dict[str, bytes]) -> None:
        """Bring the copies alone up to date. EditedByHand where one of them was changed since it was made."""
        on_disk = self._on_disk()
        present = {path: (self.root / path).read_bytes() for path in copies.keys() & on_disk}
        changed = {path: data for path, data in copies.items() if present.get(path) != data}
        gone = [path for path in on_disk - copies.keys() if self._is_module(path)]
        for path in [*changed.keys() & present.keys(), *gone]:
            if not self._is_ours(path, (self.root / path).read_bytes()):
                raise EditedByHand(f"{path} was changed by hand since it was copied there")
        for path, data in changed.items():
            write_atomically(self.root / path, data)
        for path in gone:
            (self.root / path).unlink(missing_ok=True)
        if changed or gone:
            _write_record(self._written, _read_record(self._written) | _digests(copies))

    def recorded(self) -> dict[str, str]:
        """What the last build wrote: path to digest; empty where there was none."""
        return _read_record(self.record)

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
        work = self._written.parent
        work.mkdir(exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix="build-", dir=work))
        try:
            for path, data in fresh.items():
                target = staging / "new" / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(data)
            for folder in self.folders:
                inner = folder.relative_to(self.root)
                _exchange(staging / "new" / inner, folder, staging / "old" / inner)
            _write_record(self.record, _digests(fresh))
            _write_record(self._written, _digests(fresh))
        finally:
            shutil.rmtree(staging, ignore_errors=True)

    def _on_disk(self) -> set[str]:
        return {
            path.relative_to(self.root).as_posix()
            for folder in self.folders
            for path in folder.rglob("*")
            if path.is_file() and not is_left_behind(path.relative_to(self.root))
        }

    def _is_module(self, path: str) -> bool:
        return self._library is not None and (self.root / path).is_relative_to(self._library)

    def _is_ours(self, path: str, data: bytes) -> bool:
        return digest_of(data) in (_read_record(self.record).get(path), _read_record(self._written).get(path))


def _digests(files: dict[str, bytes]) -> dict[str, str]:
    return {path: digest_of(data) for path, data in files.items()}


def _write_record(path: Path, digests: dict[str, str]) -> None:
    text = json.dumps({"schema": 1, "files": dict(sorted(digests.items()))}, indent=1)
    write_atomically(path, f"{text}\n".encode())


def _read_record(path: Path) -> dict[str, str]:
    """Path to hash; empty where nothing was recorded."""
    if not path.is_file():
        return {}
    try:
        files = json.loads(path.read_text(encoding="utf-8"))["files"]
        return {str(name): str(digest) for name, digest in files.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadInput(
            f"{path.parent.name}/{path.name} is damaged ({error}): restore it from git, or delete it"
        ) from error


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


def digest_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
