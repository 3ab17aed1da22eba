"""Reads a release's zip file, which came over the network and may be anything."""

from __future__ import annotations

import json
import re
import stat
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kit.manifest import Manifest
from kit.release import MANIFEST, ReleaseError
from kit.text import on_one_line

MAX_FILES = 10_000
MAX_BYTES = 500_000_000  # of all files together
CHUNK = 1 << 20
DIGESTS = "tests/versions.json"
_DEVICE = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


@dataclass(frozen=True)
class ReleaseZip:
    """A released version: its manifest, its files by path, its notebooks as JSON by file name.

    digests: version to path to hash of the files of this and earlier versions, as far as the release tells them.
    """

    manifest: Manifest
    files: dict[str, bytes]
    notebooks: dict[str, dict[str, Any]]
    digests: dict[str, dict[str, str]]


def read_release(path: Path) -> ReleaseZip:
    """Read it whole; ReleaseError says why it is not one."""
    try:
        with zipfile.ZipFile(path) as packed:
            files = _files(path, packed)
    except FileNotFoundError as error:
        raise ReleaseError(f"{path} is not there: name the zip file that you downloaded") from error
    except IsADirectoryError as error:
        raise ReleaseError(f"{path} is a folder: name the zip file itself, or compress that folder again") from error
    except OSError as error:
        raise ReleaseError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        why = on_one_line(str(error), 200)
        raise ReleaseError(f"{path.name} is no zip file, or a damaged one ({why}): download it again") from error
    return _release(path, files)


def _files(path: Path, packed: zipfile.ZipFile) -> dict[str, bytes]:
    """The files below the folder that holds the release, in memory."""
    members = _members(packed)
    if len(members) > MAX_FILES or sum(member.file_size for _, member in members) > MAX_BYTES:
        raise ReleaseError(f"{path.name} holds more than a release can: over {MAX_FILES:,} files or 500 MB unpacked")
    tops = [name.removesuffix(MANIFEST.as_posix()) for name, _ in members if _is_manifest(name)]
    if len(tops) != 1:
        raise ReleaseError(
            f"{path.name} is not a release: it holds no {MANIFEST.as_posix()}. Take the course's own zip"
        )
    files: dict[str, bytes] = {}
    seen: set[str] = set()
    for whole, member in members:
        name = whole.removeprefix(tops[0])
        if not whole.startswith(tops[0]) or not _is_safe(name) or stat.S_ISLNK(member.external_attr >> 16):
            raise ReleaseError(f"{path.name} is not the course's: {on_one_line(whole, 100)!r} leads out of it")
        if name.casefold() in seen:
            raise ReleaseError(f"{path.name} is damaged: it holds {on_one_line(name, 100)!r} twice")
        seen.add(name.casefold())
        files[name] = _content(path, packed, member)
    return files


def _members(packed: zipfile.ZipFile) -> list[tuple[str, zipfile.ZipInfo]]:
    """Each file with its path, of a release that may have been unpacked and packed again on any system."""
    is_of_windows = not any("/" in name for name in packed.namelist())
    found = [
        (member.filename.replace("\\", "/") if is_of_windows else member.filename, member)
        for member in packed.infolist()
    ]
    return [(name, member) for name, member in found if not name.endswith("/") and not _is_of_macos(name)]


def _is_of_macos(name: str) -> bool:
    """What Finder adds to a zip file."""
    return name.startswith("__MACOSX/") or name.rpartition("/")[2] == ".DS_Store"


def _is_manifest(name: str) -> bool:
    return f"/{name}".endswith(f"/{MANIFEST.as_posix()}")


def _is_safe(name: str) -> bool:
    """Whether a path stays inside, on every system."""
    parts = name.split("/")
    odd = re.search(r'[\\:*?"<>|\x00-\x1f]', name) is not None
    return not odd and all(
        part.strip(" .") == part.rstrip(" .") != "" and not _DEVICE.fullmatch(part) for part in parts
    )


def _content(path: Path, packed: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    """A file's bytes; no more than it says it has are ever in memory."""
    with packed.open(member) as file:
        data = file.read(member.file_size + 1)
    if len(data) != member.file_size:
        raise ReleaseError(f"{path.name} is damaged: a file in it has another size than it says")
    return data


def _release(path: Path, files: dict[str, bytes]) -> ReleaseZip:
    try:
        manifest = Manifest.from_json(files[MANIFEST.as_posix()].decode("utf-8"))
        notebooks = {book.file: _notebook(files, manifest, book.file) for book in manifest.notebooks}
        return ReleaseZip(manifest, files, notebooks, _digests(files))
    except (KeyError, ValueError, TypeError, AttributeError, RecursionError) as error:
        why = on_one_line(f"{type(error).__name__}: {error}", 200)
        raise ReleaseError(f"{path.name} is not a whole release ({why}): download it again") from error


def _notebook(files: dict[str, bytes], manifest: Manifest, file: str) -> dict[str, Any]:
    """A released notebook, whose cells are those of the manifest."""
    if file not in files:
        raise ValueError(f"{file} is not in it; a support archive holds no notebooks and cannot be updated to")
    content: dict[str, Any] = json.loads(files[file])
    book = next(book for book in manifest.notebooks if book.file == file)
    if [cell["id"] for cell in content["cells"]] != [cell.id for cell in book.cells]:
        raise ValueError(f"{file} is not what the manifest says")
    mark = content["metadata"]["kit"]
    if (mark["version"], mark["problem"]) != (manifest.version, book.problem):
        raise ValueError(f"{file} is of another version")
    return content


def _digests(files: dict[str, bytes]) -> dict[str, dict[str, str]]:
    data = json.loads(files.get(DIGESTS, b"{}"))
    return {str(version): {str(p): str(d) for p, d in known.items()} for version, known in data.items()}
