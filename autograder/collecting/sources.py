"""Lists what an archive or a folder holds without trusting it: nothing is unpacked, no link is followed."""

from __future__ import annotations

import os
import stat
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from autograder.errors import BadInput
from autograder.submission import forms
from autograder.submission.archive import ZipReader, check_directory, explodes, leads_out, slashes
from autograder.submission.folder import FileReader, open_folder, reason
from autograder.submission.received import MAX_FOLDERS, Item, Refused
from kit.text import is_unseen

MAX_FILES = 100_000  # of a whole class
MAX_LIST = 30_000_000  # bytes of a zip file's list of contents
MAX_NAME = 200  # bytes
_LEADS_OUT = "its path leads out of the archive"
_TAIL = 70_000  # bytes at the end of a zip file, in which its list of contents is named


@dataclass
class Source:
    """Files of an archive or a folder, by path; refused: what is left out, each with the reason."""

    path: Path
    files: dict[tuple[str, ...], Item] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)

    def add(self, parts: tuple[str, ...], item: Item, why: str = "") -> None:
        """Take a file, or note why not."""
        why = _why_no_path(parts) or why or ("it is there twice" if parts in self.files else item.refusal)
        if why == _LEADS_OUT or not _is_left_by_tools(parts):
            if why:
                self.refused["/".join(parts)] = why
            else:
                self.files[parts] = item


def open_source(path: Path, stack: ExitStack) -> Source:
    """A zip file or a folder; it stays open as long as `stack`. BadInput where it is neither, damaged or empty."""
    source = Source(path)
    if path.is_dir():
        handle = open_folder(path.resolve())
        stack.callback(os.close, handle)
        _list_folder(source, handle)
    elif path.exists():
        _list_zip(source, path, stack)
    else:
        raise BadInput(f"no file or folder {path}: give the bulk download, or the folder that it was unpacked to")
    if not source.files and not source.refused:
        raise BadInput(f"{path} holds no file: download it again")
    return source


def _list_zip(source: Source, path: Path, stack: ExitStack) -> None:
    try:
        file = stack.enter_context(path.open("rb"))
        if not forms.is_zip(file.read(4)):
            raise BadInput(f"{path} is no zip file: give one, or a folder")
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _TAIL))
        check_directory(file.read(), MAX_LIST)
        archive = stack.enter_context(zipfile.ZipFile(file))
        members = archive.infolist()
    except Refused as refused:
        raise BadInput(
            f"{path} cannot be read: {refused}. Download it again, or unpack it and give the folder"
        ) from None
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise BadInput(f"{path} cannot be read ({error}): download it again") from error
    if len(members) > MAX_FILES:
        raise BadInput(f"{path} holds more than {MAX_FILES:,} files: unpack it and give a part of them at a time")
    for member in members:
        if not member.is_dir():
            name = slashes(member.filename)
            kind = stat.S_IFMT(member.external_attr >> 16)
            why = "" if kind in (0, stat.S_IFREG) else "it is a link or no regular file"
            item = Item(name, member.file_size, ZipReader(archive, member), refusal=explodes(member))
            source.add(tuple(name.split("/")), item, why)


def _list_folder(source: Source, root: int) -> None:
    for seen, (parts, status) in enumerate(_walk(root, source)):
        if seen >= MAX_FILES:
            raise BadInput(f"{source.path} holds more than {MAX_FILES:,} files: give a part of them at a time")
        why = "" if stat.S_ISREG(status.st_mode) else "it is a link or no regular file"
        source.add(parts, Item("/".join(parts), status.st_size, FileReader(root, parts)), why)


def _walk(root: int, source: Source) -> Iterator[tuple[tuple[str, ...], os.stat_result]]:
    folders: list[tuple[str, ...]] = [()]
    while folders:
        parts = folders.pop()
        try:
            handle = os.open("/".join(parts) or ".", os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=root)
        except OSError as error:
            source.refused["/".join(parts)] = reason(error)
            continue
        try:
            for name in sorted(os.listdir(handle)):
                status = os.stat(name, dir_fd=handle, follow_symlinks=False)
                if stat.S_ISDIR(status.st_mode) and len(parts) < MAX_FOLDERS and not forms.is_by_product_folder(name):
                    folders.append((*parts, name))
                elif not stat.S_ISDIR(status.st_mode):
                    yield (*parts, name), status
        finally:
            os.close(handle)


def _is_left_by_tools(parts: tuple[str, ...]) -> bool:
    return any(map(forms.is_by_product_folder, parts[:-1])) or parts[-1].startswith(("._", ".DS_Store"))


def _why_no_path(parts: tuple[str, ...]) -> str:
    if leads_out(parts) or "" in parts or "." in parts:
        return _LEADS_OUT
    if len(parts) > MAX_FOLDERS + 2:
        return f"it lies more than {MAX_FOLDERS} folders deep"
    if any(is_unseen(letter) for part in parts for letter in part):
        return "its name holds characters that nobody can see"
    if any(len(part.encode("utf-8", "surrogatepass")) > MAX_NAME for part in parts):
        return "its name is too long"
    return ""
