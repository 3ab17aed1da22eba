"""Lists the files inside an archive without trusting it: in memory, never unpacked to disk. Zip, tar and gzip."""

from __future__ import annotations

import io
import re
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from autograder.submission import forms
from autograder.submission.received import MAX_ENTRIES, Item, Leftover, Received, Refused, shown
from kit.manifest import Manifest
from kit.notebooks import MAX_BYTES, MAX_SUBMISSION

MAX_RATIO = 200
MAX_DIRECTORY = 2_000_000  # bytes of a zip file's list of contents

_END_OF_ZIP = b"PK\x05\x06"
_ZIP64 = b"PK\x06\x07"
_DAMAGED = "it is damaged, or not an archive"


def is_archive(data: bytes) -> bool:
    """Whether a file is of a kind that is opened here, judged by its first bytes."""
    return forms.is_zip(data) or forms.is_gzip(data) or forms.is_tar(data)


def list_archive(outer: Item, data: bytes, received: Received, manifest: Manifest) -> list[Item]:
    """The files in an archive, which is itself `outer`. What cannot be a file of it goes into `received`.

    Raises Refused where the archive is damaged, or holds too much.
    """
    inside = _ArchiveListing(outer, received, manifest)
    try:
        if forms.is_zip(data):
            return list(inside.zip_members(data))
        if forms.is_gzip(data):
            data = _unpacked(data)
            if not forms.is_tar(data):
                return [inside.unpacked_file(data)]
        return list(inside.tar_members(data))
    except Refused:
        raise
    except Exception:  # the modules raise a dozen kinds of error for damaged archives
        raise Refused(_DAMAGED) from None


@dataclass(frozen=True)
class _ArchiveListing:
    outer: Item
    received: Received
    manifest: Manifest

    def zip_members(self, data: bytes) -> Iterator[Item]:
        check_directory(data)
        archive = zipfile.ZipFile(io.BytesIO(data))
        members = archive.infolist()
        if not forms.OFFICE.isdisjoint(member.filename for member in members):
            raise Refused(forms.EXPORT)
        self._limit(len(members))
        for member in members[:MAX_ENTRIES]:
            is_file = stat.S_IFMT(member.external_attr >> 16) in (0, stat.S_IFREG)
            if not member.is_dir() and self._is_wanted(member.filename, is_file=is_file):
                moment = zip_time(member)
                yield self._item(
                    member.filename,
                    member.file_size,
                    ZipReader(archive, member),
                    {"zip": moment} if moment is not None else {},
                    explodes(member),
                )

    def tar_members(self, data: bytes) -> Iterator[Item]:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
            for seen, member in enumerate(archive, start=1):
                if seen > MAX_ENTRIES:
                    self._limit(seen)
                    return
                is_file = member.isreg() and not member.issparse()
                if not member.isdir() and self._is_wanted(member.name, is_file=is_file):
                    content = data[member.offset_data : member.offset_data + member.size]
                    times = {"tar": datetime.fromtimestamp(member.mtime, UTC).replace(tzinfo=None)}
                    yield self._item(member.name, member.size, _BytesReader(content), times if member.mtime else {})

    def unpacked_file(self, data: bytes) -> Item:
        """The one file that was compressed by itself."""
        name = re.sub(r"\.gz$", "", self.outer.name, flags=re.IGNORECASE)
        return self._item(name, len(data), _BytesReader(data), {})

    def _item(
        self, path: str, size: int, read: Callable[[int], bytes], times: dict[str, datetime], refusal: str = ""
    ) -> Item:
        archives = (*self.outer.archives, self.outer.path)
        return Item(f"{self.outer.path}/{slashes(path)}", size, read, {**self.outer.times, **times}, archives, refusal)

    def _is_wanted(self, path: str, *, is_file: bool) -> bool:
        """Whether a member is to be looked at; one that is out of place is noted."""
        parts = slashes(path).split("/")
        if forms.is_checkpoint(parts):
            return is_file
        if forms.is_by_product(parts) and not forms.is_weights(parts, self.manifest):
            return False
        if leads_out(parts):
            self._refuse(path, "its path leads out of the archive")
        elif not is_file:
            self._refuse(path, "it is a link or no regular file")
        else:
            return True
        return False

    def _refuse(self, path: str, why: str) -> None:
        path = f"{self.outer.path}/{path}"
        if forms.has_notebooks_name(path.rpartition("/")[2]):
            self.received.refused[path] = why
        elif path.rpartition("/")[2] in self.manifest.weights:
            self.received.weights_refused[path] = why
        else:
            self.received.left[path] = Leftover(why, forms.named(path, self.manifest))

    def _limit(self, members: int) -> None:
        if members > MAX_ENTRIES:
            self.received.limits.append(
                f"{shown(self.outer.path)} holds more than {MAX_ENTRIES:,} files: those behind were not looked at"
            )


@dataclass(frozen=True)
class ZipReader:
    archive: zipfile.ZipFile
    member: zipfile.ZipInfo

    def __call__(self, limit: int) -> bytes:
        if self.member.flag_bits & 1:
            raise Refused("it is encrypted")
        if self.member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise Refused("it is compressed in a way that is not read: use plain zip")
        try:
            with self.archive.open(self.member) as file:
                return file.read(limit)
        except Exception:  # as for a whole archive
            raise Refused("it is damaged in the archive") from None


@dataclass(frozen=True)
class _BytesReader:
    data: bytes

    def __call__(self, limit: int) -> bytes:
        return self.data[:limit]


def leads_out(parts: Sequence[str]) -> bool:
    """Whether a member's path, unpacked, could lie anywhere but below the archive's folder."""
    return ".." in parts or parts[0] in ("", "~") or re.match(r"[A-Za-z]:", parts[0]) is not None


def slashes(path: str) -> str:
    """A member's path as Unix spells it: some programs on Windows write backslashes."""
    return path.replace("\\", "/")


def check_directory(data: bytes, limit: int = MAX_DIRECTORY) -> None:
    """Refuse an archive with a long list of contents before the zipfile module reads it. data: its end suffices.

    The end is sought as that module does it: an archive may hold another, whose own end stands before.
    """
    tail = data[-65_558:]
    has_no_comment = tail[-22:-18] == _END_OF_ZIP and tail.endswith(b"\0\0")
    end = len(tail) - 22 if has_no_comment else tail.rfind(_END_OF_ZIP)
    if end < 0 or len(tail) < end + 22:
        raise Refused(_DAMAGED)
    if int.from_bytes(tail[end + 12 : end + 16], "little") > limit or _ZIP64 in tail[max(end - 20, 0) : end]:
        raise Refused("it holds too many files")


def zip_time(member: zipfile.ZipInfo) -> datetime | None:
    """When a member was saved, by the clock of the student's machine; None for the earliest that a zip file knows."""
    try:
        moment = datetime(*member.date_time)
    except ValueError:
        return None
    return moment if moment.year > 1980 else None


def explodes(member: zipfile.ZipInfo) -> str:
    if member.file_size > MAX_RATIO * max(member.compress_size, 1000):
        return "it grows more than a notebook can when it is unpacked"
    return ""


def _unpacked(data: bytes) -> bytes:
    """The content of a gzip file, which may hold a tar file with all notebooks."""
    decompressor = zlib.decompressobj(wbits=31)
    unpacked = decompressor.decompress(data, MAX_SUBMISSION + 1)
    if len(unpacked) > min(MAX_SUBMISSION, MAX_RATIO * max(len(data), MAX_BYTES // MAX_RATIO)):
        raise Refused("it grows more than notebooks can when it is unpacked")
    if not decompressor.eof:
        raise Refused(_DAMAGED)
    return unpacked
