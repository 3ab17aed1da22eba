"""Reads the files of a submission's folder without trusting them: no link is followed and nothing is executed.

Only regular files directly in the folder are opened.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from kit.notebooks import MAX_BYTES, MAX_SUBMISSION

MAX_ENTRIES = 100
MAX_SCANNED = 10_000
NOTEBOOK, ARCHIVE = ".ipynb", ".zip"
# Put there by nbgrader's exchange or by an operating system; neither read nor reported.
EXPECTED = {"timestamp.txt", "submission_secret.txt", ".DS_Store", "Thumbs.db", "desktop.ini"}
# What nbgrader never copies; its default for CourseDirectory.ignore.
NOT_COPIED = re.compile(r"\.ipynb_checkpoints|.*\.pyc|__pycache__|feedback", re.DOTALL)

_ODD = re.compile(r"[^\w .,+@=()~-]")


class Refused(Exception):
    """A file that is not read; the text says why."""


@dataclass
class Received:
    """Notebook files by name, and what else was there.

    files: content of each notebook file that was read. refused: name to reason, for notebook files and archives that
    were not read. archives: zip files that were not opened. others: names that grading does not read. plain: nothing
    is here that nbgrader would copy, except `files`.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    archives: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    plain: bool = True


def shown(name: str) -> str:
    """A file's name, harmless wherever it is printed: no control characters, markup or quotes, at most 60 long."""
    clean = _ODD.sub("?", name)
    return clean if len(clean) <= 60 else clean[:40] + "…" + clean[-19:]


def receive(folder: Path, wanted: Iterable[str]) -> Received:
    """Read the notebook files of a folder; those `wanted` first, so that no crowd of others can hide them.

    Raises FileNotFoundError if there is nothing at `folder`; whatever is in it raises nothing.
    """
    received = Received()
    os.lstat(folder)
    try:
        handle = _open(folder)
    except OSError as error:
        received.plain = False
        received.notes.append(f"the submission is not a folder that can be read ({reason(error)})")
        return received
    try:
        budget = MAX_SUBMISSION
        for name in _names(handle, received, list(wanted)):
            budget -= _read_entry(handle, name, received, budget)
    finally:
        os.close(handle)
    return received


def read_one(folder: Path, name: str, limit: int) -> bytes:
    """The bytes of a regular file of the folder. Raises Refused for anything else, OSError if it cannot be read."""
    handle = _open(folder)
    try:
        return _read_file(handle, name, limit)
    finally:
        os.close(handle)


def too_large(size: int, limit: int) -> str:
    """Why a file of `size` bytes is refused."""
    return f"it is too large ({size / 1e6:.0f} MB; {limit / 1e6:.0f} MB are read)"


def reason(error: OSError) -> str:
    """The system's words for an error, without the path."""
    if error.errno in (errno.ELOOP, errno.ENOTDIR):
        return "it is a link or no folder"
    return os.strerror(error.errno).lower() if error.errno else "it cannot be read"


# --- reading --------------------------------------------------------------------------------------------------------


def _open(folder: Path) -> int:
    return os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)


def _read_file(folder: int, name: str, limit: int) -> bytes:
    before = os.stat(name, dir_fd=folder, follow_symlinks=False)
    _check(before, limit)
    handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC, dir_fd=folder)
    with os.fdopen(handle, "rb") as file:
        _check(os.fstat(handle), limit)
        data = file.read(limit + 1)
    if len(data) > limit:
        raise Refused(too_large(len(data), limit))
    return data


def _names(folder: int, received: Received, wanted: list[str]) -> list[str]:
    with os.scandir(folder) as entries:
        names = [entry.name for _, entry in zip(range(MAX_SCANNED + 1), entries, strict=False)]
    present = [name for name in wanted if _exists(folder, name)]
    rest = sorted(set(names) - set(present))
    if len(present) + len(rest) > MAX_ENTRIES:
        received.plain = False
        more = "more than " if len(names) > MAX_SCANNED else ""
        received.notes.append(f"of {more}{min(len(names), MAX_SCANNED)} files, the first {MAX_ENTRIES} were looked at")
    return [*present, *rest][:MAX_ENTRIES]


def _exists(folder: int, name: str) -> bool:
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except OSError:
        return False
    return True


def _read_entry(folder: int, name: str, received: Received, budget: int) -> int:
    """Look at one entry, and read it if it is a notebook; returns how many bytes that took."""
    try:
        mode = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
        if name.lower().endswith(NOTEBOOK) and not stat.S_ISDIR(mode):
            received.files[name] = _read_file(folder, name, min(MAX_BYTES, budget))
            return len(received.files[name])
        if name.lower().endswith(ARCHIVE) and stat.S_ISREG(mode):
            received.plain = False
            received.archives.append(name)
        elif NOT_COPIED.fullmatch(name) or (name in EXPECTED and stat.S_ISREG(mode)):
            pass
        else:
            received.plain = False
            received.others.append(shown(name) + _kind(mode))
    except OSError as error:
        received.plain = False
        received.refused[name] = reason(error)
    except Refused as error:
        received.plain = False
        received.refused[name] = str(error)
    return 0


def _kind(mode: int) -> str:
    if stat.S_ISDIR(mode):
        return "/"
    if stat.S_ISLNK(mode):
        return " (a link)"
    return "" if stat.S_ISREG(mode) else " (not a file)"


def _check(status: os.stat_result, limit: int) -> None:
    if stat.S_ISLNK(status.st_mode):
        raise Refused("it is a link: put the file itself there")
    if not stat.S_ISREG(status.st_mode):
        raise Refused("it is not a regular file")
    if status.st_nlink > 1:
        raise Refused("it is a hard link to a file that has other names too: put a copy there")
    if status.st_size > limit:
        raise Refused(too_large(status.st_size, limit))
