"""Lists the files of a submission's folder without trusting them: no link is followed and nothing is executed.

Only regular files are opened, in the folder and in folders below it.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from autograder.submission import exchange_files, forms
from autograder.submission.received import MAX_ENTRIES, MAX_FOLDERS, Item, Leftover, Received, Refused, shown
from kit.manifest import Manifest


def open_folder(folder: Path) -> int:
    """A handle on a submission's folder. OSError if it is a link or no folder."""
    return os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)


def reason(error: OSError) -> str:
    """The system's words for an error, without the path."""
    if error.errno in (errno.ELOOP, errno.ENOTDIR):
        return "it is a link or no folder"
    return os.strerror(error.errno).lower() if error.errno else "it cannot be read"


@dataclass
class FolderListing:
    """The files below a folder; whatever else is there goes into `received`."""

    root: int
    manifest: Manifest
    received: Received
    items: list[Item] = field(default_factory=list)
    seen: int = 0

    def read(self) -> list[Item]:
        """All files, those in the folder itself first."""
        folders: list[tuple[str, ...]] = [()]
        while folders and self.seen <= MAX_ENTRIES:
            folders += self._folder(folders.pop(0))
        if self.seen > MAX_ENTRIES:
            self.received.limits.append(f"of more than {MAX_ENTRIES:,} files, not all were looked at")
            self.received.plain = False
        return self.items

    def _folder(self, parts: tuple[str, ...]) -> list[tuple[str, ...]]:
        """List one folder; returns those in it that are to be listed too."""
        try:
            handle = _open_below(self.root, parts)
        except OSError as error:
            self.received.refused["/".join(parts)] = reason(error)
            return []
        try:
            names = self._names(handle, parts)
            times = _handed_in(handle) if parts else {}
            if parts and not names and parts[-1] != forms.CHECKPOINTS:
                self.received.others.append(shown("/".join(parts)) + "/")
            return [(*parts, name) for name in names if self._entry(handle, (*parts, name), times)]
        finally:
            os.close(handle)

    def _names(self, handle: int, parts: tuple[str, ...]) -> list[str]:
        """The entries of one folder; what is released under its name comes first, so that no crowd can hide it."""
        wanted = () if parts else [book.file for book in self.manifest.notebooks if _exists(handle, book.file)]
        with os.scandir(handle) as entries:
            found = {entry.name for _, entry in zip(range(MAX_ENTRIES - self.seen + 1), entries, strict=False)}
        self.seen += len(found)
        return list(dict.fromkeys([*wanted, *sorted(found)]))

    def _entry(self, handle: int, parts: tuple[str, ...], times: Mapping[str, datetime]) -> bool:
        """Note one entry; whether it is a folder that is to be listed."""
        name, path = parts[-1], "/".join(parts)
        try:
            status = os.stat(name, dir_fd=handle, follow_symlinks=False)
        except OSError as error:
            self.received.refused[path] = reason(error)
            return False
        if forms.CHECKPOINTS in parts[:-1]:
            if stat.S_ISREG(status.st_mode) and forms.is_checkpoint(parts):
                self.items.append(Item(path, status.st_size, FileReader(self.root, parts), times))
            return False
        if stat.S_ISDIR(status.st_mode):
            return self._is_listed(parts)
        if forms.NOT_COPIED.fullmatch(name) or (name in forms.EXPECTED and stat.S_ISREG(status.st_mode)):
            return False
        self.received.plain &= len(parts) == 1
        if stat.S_ISREG(status.st_mode):
            self.items.append(Item(path, status.st_size, FileReader(self.root, parts), times))
        else:
            self._no_file(parts, status.st_mode)
        return False

    def _is_listed(self, parts: tuple[str, ...]) -> bool:
        if forms.NOT_COPIED.fullmatch(parts[-1]):
            return parts[-1] == forms.CHECKPOINTS
        self.received.plain = False
        if forms.is_by_product_folder(parts[-1]):
            self.received.others.append(shown("/".join(parts)) + "/")
            return False
        if len(parts) > MAX_FOLDERS:
            self.received.limits.append(f"{shown('/'.join(parts))} is more than {MAX_FOLDERS} folders deep")
            return False
        return True

    def _no_file(self, parts: tuple[str, ...], mode: int) -> None:
        path, is_link = "/".join(parts), stat.S_ISLNK(mode)
        why = "it is a link: put the file itself there" if is_link else "it is not a regular file"
        self.received.plain = False
        if forms.has_notebooks_name(parts[-1]):
            self.received.refused[path] = why
            return
        if parts[-1] in self.manifest.weights:
            self.received.weights_refused[path] = why
            return
        self.received.others.append(f"{shown(path)} ({'a link' if is_link else 'not a file'})")
        if not forms.is_by_product(parts):
            self.received.left[path] = Leftover(why, forms.named(path, self.manifest))


@dataclass(frozen=True)
class FileReader:
    """Reads a regular file below a folder. Raises Refused for anything else, OSError if it cannot be read."""

    root: int
    parts: tuple[str, ...]

    def __call__(self, limit: int) -> bytes:
        folder = _open_below(self.root, self.parts[:-1])
        try:
            name = self.parts[-1]
            _check(os.stat(name, dir_fd=folder, follow_symlinks=False))
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
            handle = os.open(name, flags, dir_fd=folder)
        finally:
            os.close(folder)
        with os.fdopen(handle, "rb") as file:
            _check(os.fstat(handle))
            return file.read(limit)


def _open_below(root: int, parts: Iterable[str]) -> int:
    handle = os.dup(root)
    for part in parts:
        try:
            below = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=handle)
        finally:
            os.close(handle)
        handle = below
    return handle


def _exists(folder: int, name: str) -> bool:
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except OSError:
        return False
    return True


def _handed_in(folder: int) -> dict[str, datetime]:
    """The time in a folder's own timestamp.txt, if it has one."""
    moment, _ = exchange_files.timestamp(Path(f"/proc/self/fd/{folder}"))
    return {"timestamp.txt": moment} if moment is not None else {}


def _check(status: os.stat_result) -> None:
    if stat.S_ISLNK(status.st_mode):
        raise Refused("it is a link: put the file itself there")
    if not stat.S_ISREG(status.st_mode):
        raise Refused("it is not a regular file")
    if status.st_nlink > 1:
        raise Refused("it is a hard link to a file that has other names too: put a copy there")
