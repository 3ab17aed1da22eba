"""Puts hand-ins into attempts/ and the one that counts into submitted/, each whole or not at all."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from autograder.collecting.sources import Source, open_source
from autograder.errors import BadInput
from autograder.roster.attempts import Attempt, folder_name, handed_in
from autograder.submission import exchange_files
from autograder.submission.received import MAX_READ, Item, Refused, whole
from kit.notebooks import MAX_BYTES

WRITING = ".writing-"
_OURS = (exchange_files.TIMESTAMP, exchange_files.SECRET)


@dataclass(frozen=True)
class Content:
    """A submission's files in memory. left: files that were not read, each with the reason."""

    files: Mapping[str, bytes]
    left: Mapping[str, str]

    @property
    def digest(self) -> str:
        """The same for the same files, whenever they were handed in."""
        made = hashlib.sha256()
        for path, data in sorted(self.files.items()):
            if path not in _OURS:
                name = path.encode("utf-8", "surrogateescape")
                made.update(f"{len(name)} {len(data)} ".encode() + name + data)
        return made.hexdigest()


def read(files: Mapping[str, Item]) -> Content:
    """Read a hand-in; what is too large, damaged or in the way of another file is left out and named."""
    taken: dict[str, bytes] = {}
    left: dict[str, str] = {}
    room = MAX_READ
    for path, item in sorted(files.items()):
        try:
            if any(f"{path}/".startswith(f"{other}/") or f"{other}/".startswith(f"{path}/") for other in taken):
                raise Refused("another file's name is its folder")
            taken[path] = whole(item, min(MAX_BYTES, room))
            room -= len(taken[path])
        except Refused as refused:
            left[path] = str(refused)
        except OSError as error:
            left[path] = (error.strerror or "it cannot be read").lower()
    return Content(taken, left)


def read_folder(folder: Path) -> Content:
    """What lies in a folder of ours; links and the like are left out."""
    with ExitStack() as stack:
        try:
            source: Source = open_source(folder, stack)
        except BadInput:  # an empty one
            return Content({}, {})
        content = read({"/".join(parts): item for parts, item in source.files.items()})
    return Content(content.files, {**content.left, **source.refused})


def keep(parent: Path, content: Content, moment: datetime | None, number: int | None) -> None:
    """A new folder of `parent` with these files and their time."""
    with _exchanged(_free(parent, folder_name(moment, number, content.digest), content.digest)) as made:
        for path, data in _with_time(content, moment).items():
            (made / path).parent.mkdir(parents=True, exist_ok=True)
            (made / path).write_bytes(data)


def keep_folder(parent: Path, folder: Path) -> None:
    """A copy of a folder of submitted/ as an attempt: all of it, links as links."""
    digest = read_folder(folder).digest
    _copy(folder, _free(parent, folder_name(handed_in(folder), None, digest), digest))


def place(attempt: Attempt, target: Path) -> None:
    """Make `target`, the folder in submitted/, hold what the attempt holds."""
    _copy(attempt.folder, target)


def is_placed(attempt: Attempt, target: Path) -> bool:
    """Whether `target` holds this attempt: by its time, so that what a person mended in it stays; else by content."""
    if not target.is_dir() or handed_in(target) != attempt.moment:
        return False
    return attempt.moment is not None or read_folder(target).digest == read_folder(attempt.folder).digest


def sweep(folder: Path) -> None:
    """Remove what an interrupted run left half-written."""
    for path in folder.glob(f"{WRITING}*") if folder.is_dir() else ():
        shutil.rmtree(path, ignore_errors=True)


def _with_time(content: Content, moment: datetime | None) -> dict[str, bytes]:
    files = {path: data for path, data in content.files.items() if path != exchange_files.TIMESTAMP}
    if moment is not None:
        text = f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f} UTC\n"
        files[exchange_files.TIMESTAMP] = text.encode()
    return files


def _free(parent: Path, name: str, digest: str) -> Path:
    """Where an attempt goes; one of other content that has this name stays."""
    return parent / (f"{name}-{digest[:8]}" if (parent / name).exists() else name)


def _copy(folder: Path, target: Path) -> None:
    with _exchanged(target) as made:
        shutil.copytree(folder, made, symlinks=True, ignore=_special, dirs_exist_ok=True)


def _special(folder: str, names: list[str]) -> list[str]:
    """Pipes, sockets and devices, which are not copied."""
    return [name for name in names if not _is_copied(os.lstat(os.path.join(folder, name)).st_mode)]


def _is_copied(mode: int) -> bool:
    return stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_ISLNK(mode)


@contextmanager
def _exchanged(target: Path) -> Iterator[Path]:
    """A folder to fill, which then takes the place of `target`: a reader sees the old one or the new one."""
    target.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=WRITING, dir=target.parent))
    try:
        yield made
        os.chmod(made, 0o755)
        if target.exists():
            target.rename(Path(tempfile.mkdtemp(prefix=WRITING, dir=target.parent)) / "replaced")
        made.rename(target)
    finally:
        sweep(target.parent)
