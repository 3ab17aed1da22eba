"""Built files on disk: what the last build wrote, what someone changed since, and the swap to a new build."""

from __future__ import annotations

import difflib
import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from autograder.assignment.model import Assignment
from autograder.build.merges import as_in_git
from autograder.errors import BadInput, EditedByHand, Stale
from autograder.files import is_left_behind, write_atomically
from kit.conflicts import conflict_in, conflict_line

DIFF_LINES = 40
_LINE = re.compile(r'^\s*("(?:[^"\\]|\\.)*"): "([0-9a-f]{64})",?\s*$', re.MULTILINE)


class DifferenceKind(StrEnum):
    """How a product differs from a fresh build."""

    STALE = "stale"
    MISSING = "missing"
    EXTRA = "extra"
    EDITED = "edited"  # by hand
    CONFLICT = "conflict"  # of git, in the middle of a merge


BY_HAND = (DifferenceKind.EDITED, DifferenceKind.EXTRA)


@dataclass(frozen=True, slots=True)
class Difference:
    """A product that is not what the sources build."""

    path: str
    kind: DifferenceKind


class Products:
    """The products of one assignment: source/<name>, release/<name> and a record of hashes.

    The record lies beside source/<name>, not in it: whatever lies in there, nbgrader copies to every student.
    A second one, which git does not keep, says what was written here: git may bring another record, not the copies.
    Where git has merged the record, it has merged products as well: those are nobody's work, and are built over.
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
        record = _read_record(self.record)
        on_disk = self._on_disk()
        found = []
        for path in sorted(fresh.keys() | on_disk):
            if path not in on_disk:
                found += [Difference(path, DifferenceKind.MISSING)] if path not in copies else []
            elif (data := (self.root / path).read_bytes()) != fresh.get(path):
                found.append(Difference(path, self._kind(path, data, is_known=path in fresh or path in record.digests)))
        by_hand = [item.path for item in found if item.kind in BY_HAND]
        merged = as_in_git(self.root, by_hand) if record.is_merged else set()
        found = [Difference(item.path, DifferenceKind.STALE) if item.path in merged else item for item in found]
        own = self.record.relative_to(self.root).as_posix()
        if record.holds_conflict:
            found.append(Difference(own, DifferenceKind.CONFLICT))
        elif not found and (record.is_merged or record.only != _digests(fresh)):
            found.append(Difference(own, DifferenceKind.STALE))
        return found

    def _kind(self, path: str, data: bytes, *, is_known: bool) -> DifferenceKind:
        if conflict_in(data) is not None:
            return DifferenceKind.CONFLICT
        if self._is_ours(path, data):
            return DifferenceKind.STALE
        return DifferenceKind.EDITED if is_known else DifferenceKind.EXTRA

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
            _write_record(self._written, _read_record(self._written).only | _digests(copies))

    def not_as_built(self) -> list[str]:
        """Notebooks of source/ and release/ that are missing, or that something has changed since the build."""
        notebooks = [path for path in _read_record(self.record).digests if path.endswith(".ipynb")]
        return [
            path
            for path in notebooks
            if not (self.root / path).is_file() or not self._is_ours(path, (self.root / path).read_bytes())
        ]

    def is_merged(self) -> bool:
        """Whether git has merged the record of two builds, and products with it."""
        return _read_record(self.record).is_merged

    def recorded(self) -> dict[str, str]:
        """What the last build wrote: path to digest; empty where there was none. Stale where git has merged it."""
        record = _read_record(self.record)
        if record.is_merged:
            shown = self.record.relative_to(self.root)
            raise Stale(f"{shown} was merged by git: run `autograder build {self.record.name.partition('.')[0]}`")
        return record.only

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
        known = (_read_record(record).digests.get(path, ()) for record in (self.record, self._written))
        return any(digest_of(data) in digests for digests in known)


def _digests(files: dict[str, bytes]) -> dict[str, str]:
    return {path: digest_of(data) for path, data in files.items()}


@dataclass(frozen=True)
class _Record:
    """Path to digest; to several, or to that of another build, where git has merged two records."""

    digests: dict[str, set[str]]
    is_merged: bool
    holds_conflict: bool = False

    @property
    def only(self) -> dict[str, str]:
        return {path: digest for path, found in self.digests.items() for digest in found}


def _write_record(path: Path, digests: dict[str, str]) -> None:
    files = dict(sorted(digests.items()))
    text = json.dumps({"schema": 1, "all": _digest_of_all(files), "files": files}, indent=1)
    write_atomically(path, f"{text}\n".encode())


def _read_record(path: Path) -> _Record:
    """Empty where nothing was recorded. BadInput where the file is no record, and no two that git has merged."""
    if not path.is_file():
        return _Record({}, is_merged=False)
    text = path.read_text(encoding="utf-8", errors="replace")
    has_conflict = conflict_line(text) is not None
    lines = [(json.loads(name), digest) for name, digest in _LINE.findall(text)]
    digests: dict[str, set[str]] = {}
    for name, digest in lines:
        digests.setdefault(name, set()).add(digest)
    try:
        data = json.loads(text)
        is_whole = data["all"] == _digest_of_all(dict(lines)) and len(lines) == len(data["files"])
    except (ValueError, KeyError, TypeError) as error:
        if not lines and not has_conflict:
            shown = f"{path.parent.name}/{path.name}"
            raise BadInput(f"{shown} is damaged ({error}): restore it from git, or delete it") from error
        is_whole = False
    return _Record(digests, not is_whole, has_conflict)


def _digest_of_all(digests: dict[str, str]) -> str:
    text = "".join(f"{digest} {path}\n" for path, digest in sorted(digests.items()))
    return f"sha256:{digest_of(text.encode())}"


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
