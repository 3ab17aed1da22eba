"""Reads the notebooks inside a zip file without trusting it: in memory, never unpacked to disk."""

from __future__ import annotations

import io
import re
import stat
import zipfile
from collections.abc import Iterator
from pathlib import Path

from autograder.submission.folder import (
    MAX_ENTRIES,
    NOTEBOOK,
    Received,
    Refused,
    read_one,
    reason,
    shown,
    too_large,
)
from kit.notebooks import MAX_BYTES, MAX_SUBMISSION

MAX_RATIO = 200
MAX_DIRECTORY = 50_000  # bytes of a zip file's list of contents

_END_OF_ZIP = b"PK\x05\x06"
_ZIP64 = b"PK\x06\x07"


def open_archive(folder: Path, name: str) -> Received:
    """The notebook files inside a zip file of the folder, by the last part of their paths."""
    received = Received(plain=False)
    try:
        _read_zip(read_one(folder, name, MAX_BYTES), received)
    except OSError as error:
        received.refused[name] = reason(error)
    except Refused as error:
        received.refused[name] = str(error)
    return received


def _read_zip(data: bytes, received: Received) -> None:
    _check_directory(data)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            budget = MAX_SUBMISSION
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
    """The notebook members whose paths stay inside the archive, at most MAX_ENTRIES."""
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
        raise Refused(too_large(member.file_size, limit))
    if member.file_size > MAX_RATIO * max(member.compress_size, 1000):
        raise Refused("it grows more than a notebook can when it is unpacked")
    with archive.open(member) as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise Refused(too_large(len(content), limit))
    return content
