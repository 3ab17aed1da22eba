"""What lies in a submission's folder, read without trusting it: nothing is followed, executed or unpacked to disk.

Only regular files directly in the folder are opened; of archives only .zip, in memory.
"""

from __future__ import annotations

import errno
import io
import os
import re
import stat
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from autograder.submission.notebook_file import MAX_BYTES

MAX_ENTRIES = 100
MAX_SCANNED = 10_000
MAX_TOTAL = 100_000_000
MAX_RATIO = 200
MAX_DIRECTORY = 50_000  # bytes of a zip file's list of contents
NOTEBOOK, ARCHIVE = ".ipynb", ".zip"
# Laid there by nbgrader's exchange, by Jupyter or by an operating system; never read here, nothing to tell.
EXPECTED = {"timestamp.txt", "submission_secret.txt", ".DS_Store", "Thumbs.db", "desktop.ini"}
# What nbgrader never copies; its default for CourseDirectory.ignore.
NOT_COPIED = re.compile(r"\.ipynb_checkpoints|.*\.pyc|__pycache__|feedback", re.DOTALL)

_END_OF_ZIP = b"PK\x05\x06"
_ZIP64 = b"PK\x06\x07"
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
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        received.plain = False
        received.notes.append(f"the submission is not a folder that can be read ({_reason(error)})")
        return received
    try:
        names = _names(handle, received, list(wanted))
        budget = MAX_TOTAL
        for name in names:
            budget -= _take(handle, name, received, budget)
    finally:
        os.close(handle)
    return received


def open_archive(folder: Path, name: str) -> Received:
    """The notebook files inside a zip file of the folder, by the last part of their paths."""
    received = Received(plain=False)
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            data = read_file(handle, name, MAX_BYTES)
        finally:
            os.close(handle)
        _read_zip(data, received)
    except OSError as error:
        received.refused[name] = _reason(error)
    except Refused as error:
        received.refused[name] = str(error)
    return received


def read_file(folder: int, name: str, limit: int) -> bytes:
    """The bytes of a regular file in an open folder. Raises Refused for anything else and for more than `limit`."""
    before = os.stat(name, dir_fd=folder, follow_symlinks=False)
    _check(before, limit)
    handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC, dir_fd=folder)
    with os.fdopen(handle, "rb") as file:
        _check(os.fstat(handle), limit)
        data = file.read(limit + 1)
    if len(data) > limit:
        raise Refused(_too_large(len(data), limit))
    return data


# --- a folder -------------------------------------------------------------------------------------------------------


def _names(folder: int, received: Received, wanted: list[str]) -> list[str]:
    with os.scandir(folder) as entries:
        found = [entry.name for _, entry in zip(range(MAX_SCANNED + 1), entries, strict=False)]
    present = [name for name in wanted if _exists(folder, name)]
    rest = sorted(set(found) - set(present))
    if len(present) + len(rest) > MAX_ENTRIES:
        received.plain = False
        more = "more than " if len(found) > MAX_SCANNED else ""
        received.notes.append(f"of {more}{min(len(found), MAX_SCANNED)} files, the first {MAX_ENTRIES} were looked at")
    return [*present, *rest][:MAX_ENTRIES]


def _exists(folder: int, name: str) -> bool:
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except OSError:
        return False
    return True


def _take(folder: int, name: str, received: Received, budget: int) -> int:
    """Look at one entry, and read it if it is a notebook; returns how many bytes that took."""
    try:
        mode = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
        if name.lower().endswith(NOTEBOOK) and not stat.S_ISDIR(mode):
            received.files[name] = read_file(folder, name, min(MAX_BYTES, budget))
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
        received.refused[name] = _reason(error)
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
        raise Refused(_too_large(status.st_size, limit))


def _too_large(size: int, limit: int) -> str:
    return f"it is too large ({size / 1e6:.0f} MB; {limit / 1e6:.0f} MB are read)"


def _reason(error: OSError) -> str:
    """The system's words for an error, without the path."""
    if error.errno in (errno.ELOOP, errno.ENOTDIR):
        return "it is a link or no folder"
    return os.strerror(error.errno).lower() if error.errno else "it cannot be read"


# --- an archive -----------------------------------------------------------------------------------------------------


def _read_zip(data: bytes, received: Received) -> None:
    _check_directory(data)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            budget = MAX_TOTAL
            for member in _members(archive, received):
                name = member.filename.rpartition("/")[2]
                try:
                    content = _read_member(archive, member, min(MAX_BYTES, budget))
                except Refused as error:
                    received.refused[name] = str(error)
                    continue
                budget -= len(content)
                if name in received.files:
                    received.notes.append(f"the archive holds {shown(name)} twice: the later one is read")
                received.files[name] = content
    except Refused:
        raise
    except Exception:  # the module raises a dozen kinds of error for damaged archives
        raise Refused("it is damaged, or not a zip file") from None


def _check_directory(data: bytes) -> None:
    """Refuse an archive with a long list of contents, or two lists, before the zipfile module reads it."""
    tail = data[-65_557:]
    end = tail.rfind(_END_OF_ZIP)
    if end < 0 or tail.count(_END_OF_ZIP) > 1 or len(tail) < end + 22:
        raise Refused("it is damaged, or not a zip file")
    if int.from_bytes(tail[end + 12 : end + 16], "little") > MAX_DIRECTORY or _ZIP64 in tail[max(end - 20, 0) : end]:
        raise Refused("it holds too many files")


def _members(archive: zipfile.ZipFile, received: Received) -> Iterator[zipfile.ZipInfo]:
    """The notebook members with honest names, at most MAX_ENTRIES."""
    for member in archive.infolist()[:MAX_ENTRIES]:
        parts = re.split(r"[/\\]", member.filename)
        if member.is_dir() or not parts[-1].lower().endswith(NOTEBOOK) or _is_by_product(parts):
            continue
        if ".." in parts or parts[0] in ("", "~") or "\\" in member.filename or ":" in parts[0]:
            received.refused[member.filename] = "its path leads out of the archive"
        elif stat.S_IFMT(member.external_attr >> 16) not in (0, stat.S_IFREG):
            received.refused[member.filename] = "it is a link or no regular file"
        else:
            yield member


def _is_by_product(parts: list[str]) -> bool:
    return ".ipynb_checkpoints" in parts or "__MACOSX" in parts


def _read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, limit: int) -> bytes:
    if member.flag_bits & 1:
        raise Refused("it is encrypted")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise Refused("it is compressed in a way that is not read: use plain zip")
    if member.file_size > limit:
        raise Refused(_too_large(member.file_size, limit))
    if member.file_size > MAX_RATIO * max(member.compress_size, 1000):
        raise Refused("it grows more than a notebook can when it is unpacked")
    with archive.open(member) as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise Refused(_too_large(len(content), limit))
    return content
