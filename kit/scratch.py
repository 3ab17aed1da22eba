"""Files that a test lays out for a student's code: in memory, never on a disk.

Where a test lays out files, paths that are relative, or lie in `HOME`, are looked up here for as long as a call lasts:
by `open`, pathlib, os, os.path, glob, csv, json and numpy. All other paths go where they always go, to be refused at
grading. Nothing leads out: `..` ends at the folder.
"""

from __future__ import annotations

import builtins
import errno
import io
import os
import posixpath
import stat
import sys
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from kit.found import FoundByName
from kit.wire import WireError

HOME = "/scratch"  # what os.getcwd() gives
MAX_BYTES = 4 << 20  # of all files together
MAX_FILES = 200  # and as many folders
MAX_PATH = 250  # characters
MAX_DEPTH = 20  # folders in one another
_MODES = frozenset("rwxabt+U")

Patch = tuple[Any, str, Any]  # a module or class, a name in it, what was there


class File(io.RawIOBase):
    """One opening of a file: the raw bytes below the buffers of Python's own that `open` puts on top."""

    def __init__(self, scratch: Scratch, inner: str, mode: str, name: Any = None) -> None:
        self.scratch, self.name, self.mode = scratch, inner if name is None else name, mode
        self.data = scratch.files[inner]
        self.at = len(self.data) if "a" in mode else 0

    def readable(self) -> bool:
        return bool(set(self.mode) & set("r+"))

    def writable(self) -> bool:
        return bool(set(self.mode) & set("wax+"))

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self.readable():
            raise io.UnsupportedOperation("not readable")
        found = self.data[self.at : self.at + len(buffer)]
        buffer[: len(found)] = found
        self.at += len(found)
        return len(found)

    def write(self, data: Any) -> int:
        if not self.writable():
            raise io.UnsupportedOperation("not writable")
        data = bytes(data)
        if "a" in self.mode:
            self.at = len(self.data)
        self.scratch.expect_room(max(0, self.at + len(data) - len(self.data)))
        if self.at > len(self.data):
            self.data.extend(bytes(self.at - len(self.data)))
        self.data[self.at : self.at + len(data)] = data
        self.at += len(data)
        return len(data)

    def seek(self, offset: int, whence: int = 0) -> int:
        start = (0, self.at, len(self.data))[whence]
        if start + offset < 0:
            raise OSError(errno.EINVAL, "Invalid argument")
        self.at = start + offset
        return self.at

    def tell(self) -> int:
        return self.at

    def truncate(self, size: int | None = None) -> int:
        size = self.at if size is None else size
        self.scratch.expect_room(max(0, size - len(self.data)))
        self.data.extend(bytes(max(0, size - len(self.data))))
        del self.data[size:]
        return size


class Entry:
    """What os.scandir gives for one name."""

    def __init__(self, scratch: Scratch, folder: str, name: str) -> None:
        self._scratch, self.name, self.path = scratch, name, posixpath.join(folder, name) if folder else name

    def __fspath__(self) -> str:
        return self.path

    def inode(self) -> int:
        return 0

    def is_dir(self, *, follow_symlinks: bool = True) -> bool:
        return stat.S_ISDIR(self.stat().st_mode)

    def is_file(self, *, follow_symlinks: bool = True) -> bool:
        return not self.is_dir()

    def is_symlink(self) -> bool:
        return False

    is_junction = is_symlink

    def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:
        return self._scratch.stat(self.path)


class Entries:
    """An iterator over entries that is a context as well."""

    def __init__(self, entries: list[Entry]) -> None:
        self._entries = iter(entries)

    def __iter__(self) -> Iterator[Entry]:
        return self._entries

    def __next__(self) -> Entry:
        return next(self._entries)

    def __enter__(self) -> Entries:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._entries = iter(())


class Scratch:
    """A folder in memory. Paths inside are written without a slash in front; "" is the folder itself."""

    def __init__(self, content: Mapping[str, bytes]) -> None:
        self.files: dict[str, bytearray] = {}
        self.folders: dict[str, None] = {"": None}
        self.folder = HOME  # the current one
        self.opened: list[weakref.ref[Any]] = []  # a file that nobody holds any more closes itself
        for path, data in content.items():
            inner = self._inner(path)
            self._make_folders(inner if path.endswith("/") else posixpath.dirname(inner))
            if not path.endswith("/"):
                self.files[inner] = bytearray(data)

    # --- from the outside ---------------------------------------------------------------------------------------------

    def enter(self) -> list[Patch]:
        """Let this thread, and those that it starts, find the files. Returns what to put back."""
        others = frozenset(sys._current_frames()) - {threading.get_ident()}
        before: list[Patch] = []
        for owner, name, replacement in self._replacements():
            original = owner[name] if isinstance(owner, dict) else getattr(owner, name, None)
            if original is None:
                continue
            before.append((owner, name, _original(owner, name)))
            called = _only_here(original, replacement(original), self.has, others)
            _put(owner, name, staticmethod(called) if isinstance(owner, type) else called)
        return before

    def leave(self, before: list[Patch]) -> None:
        """Put everything back; files that are still open are written out, as at a program's end."""
        for owner, name, value in reversed(before):
            _put(owner, name, value)
        self._flush()
        self.folder = HOME

    def close(self) -> None:
        for file in self._open_files():
            _quietly(file.close)

    def content(self) -> dict[str, bytes]:
        """Every file, and every folder with nothing in it, whose path ends with a slash."""
        above = {posixpath.dirname(path) for path in (*self.folders, *self.files)}
        empty = {f"{folder}/": b"" for folder in self.folders if folder and folder not in above}
        return dict(sorted(({path: bytes(data) for path, data in self.files.items()} | empty).items()))

    def _flush(self) -> None:
        for file in self._open_files():
            _quietly(file.flush)

    def _open_files(self) -> list[Any]:
        found = [file for reference in self.opened if (file := reference()) is not None and not file.closed]
        self.opened = [weakref.ref(file) for file in found]
        return found

    # --- paths --------------------------------------------------------------------------------------------------------

    def has(self, path: Any) -> bool:
        """Whether it is looked up here."""
        if not isinstance(path, (str, bytes, os.PathLike)):
            return False
        text = _text(path)
        return not text.startswith("/") or text == HOME or text.startswith(f"{HOME}/")

    def _inner(self, path: Any) -> str:
        """Where it lies inside. Raises what the system would."""
        text = _text(path)
        if "\0" in text:
            raise ValueError("embedded null byte")
        if not text:
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", path)
        whole = posixpath.normpath(posixpath.join(self.folder, text))
        if len(whole) > MAX_PATH or whole.count("/") > MAX_DEPTH:
            raise OSError(errno.ENAMETOOLONG, "File name too long", path)
        if whole != HOME and not whole.startswith(f"{HOME}/"):
            raise FileNotFoundError(errno.ENOENT, "No such file or directory: nothing lies above the folder", path)
        whole.encode()  # a lone surrogate names no file
        return whole[len(HOME) + 1 :]

    def expect_room(self, more: int) -> None:
        if sum(map(len, self.files.values())) + more > MAX_BYTES:
            raise OSError(errno.ENOSPC, f"No space left on device: {MAX_BYTES >> 20} MiB are there for a test's files")

    def _make_folders(self, inner: str) -> None:
        parts = inner.split("/") if inner else []
        for count in range(1, len(parts) + 1):
            self.folders.setdefault("/".join(parts[:count]))

    def _expect_parent(self, inner: str, path: Any) -> None:
        if (parent := posixpath.dirname(inner)) in self.files:
            raise NotADirectoryError(errno.ENOTDIR, "Not a directory", path)
        if parent not in self.folders:
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", path)

    def _expect_new(self, inner: str, path: Any, among: Mapping[str, Any]) -> None:
        self._expect_parent(inner, path)
        if len(among) >= MAX_FILES:
            raise OSError(errno.ENOSPC, f"No space left on device: {MAX_FILES} files are there for a test", path)

    def _file(self, path: Any) -> str:
        inner = self._inner(path)
        if inner in self.folders:
            raise IsADirectoryError(errno.EISDIR, "Is a directory", path)
        if inner not in self.files:
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", path)
        return inner

    def _existing_folder(self, path: Any) -> str:
        inner = self._inner(path)
        if inner in self.files:
            raise NotADirectoryError(errno.ENOTDIR, "Not a directory", path)
        if inner not in self.folders:
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", path)
        return inner

    # --- what takes the place of Python's own -------------------------------------------------------------------------

    def open(
        self,
        file: Any,
        mode: str = "r",
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
        closefd: bool = True,
        opener: Any = None,
    ) -> Any:
        is_binary = _checked_mode(mode)
        if is_binary and (encoding is not None or errors is not None or newline is not None):
            raise ValueError("binary mode doesn't take an encoding, errors or newline argument")
        raw = File(self, self._made_ready(file, mode), mode, file)
        if is_binary and buffering == 0:
            return raw
        kinds = {(True, True): io.BufferedRandom, (True, False): io.BufferedReader, (False, True): io.BufferedWriter}
        opened: Any = kinds[raw.readable(), raw.writable()](raw)
        if not is_binary:
            opened = io.TextIOWrapper(opened, encoding or "utf-8", errors, newline, line_buffering=buffering == 1)
            opened.mode = mode
        self.opened.append(weakref.ref(opened))
        return opened

    def _made_ready(self, path: Any, mode: str) -> str:
        """The file's place inside, once it is there to be opened in this mode."""
        inner = self._inner(path)
        if inner in self.folders:
            raise IsADirectoryError(errno.EISDIR, "Is a directory", path)
        if inner in self.files:
            if "x" in mode:
                raise FileExistsError(errno.EEXIST, "File exists", path)
            if "w" in mode:
                del self.files[inner][:]
            return inner
        if "r" in mode:
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", path)
        self._expect_new(inner, path, self.files)
        self.files[inner] = bytearray()
        return inner

    def stat(self, path: Any, **_: Any) -> os.stat_result:
        inner = self._inner(path)
        if inner in self.folders:
            return os.stat_result((stat.S_IFDIR | 0o755, _number(inner), 1, 1, 0, 0, 0, 0, 0, 0))
        self._expect_parent(inner, path)
        data = self.files[self._file(path)]
        return os.stat_result((stat.S_IFREG | 0o644, _number(inner), 1, 1, 0, 0, len(data), 0, 0, 0))

    def exists(self, path: Any) -> bool:
        return self.isfile(path) or self.isdir(path)

    def isfile(self, path: Any) -> bool:
        return self._is_among(path, self.files)

    def isdir(self, path: Any) -> bool:
        return self._is_among(path, self.folders)

    def _is_among(self, path: Any, known: Mapping[str, Any]) -> bool:
        try:
            return self._inner(path) in known
        except (OSError, ValueError):
            return False

    def listdir(self, path: Any = ".") -> list[str]:
        inner = self._existing_folder(path)
        start = f"{inner}/" if inner else ""
        names = [name[len(start) :] for name in (*self.folders, *self.files) if name and name.startswith(start)]
        return [name for name in names if name and "/" not in name]

    def scandir(self, path: Any = ".") -> Entries:
        text = _text(path)
        return Entries([Entry(self, text, name) for name in self.listdir(path)])

    def mkdir(self, path: Any, *_: Any, **__: Any) -> None:
        inner = self._inner(path)
        if inner in self.files or inner in self.folders:
            raise FileExistsError(errno.EEXIST, "File exists", path)
        self._expect_new(inner, path, self.folders)
        self.folders[inner] = None

    def makedirs(self, path: Any, mode: int = 0o777, exist_ok: bool = False) -> None:
        inner = self._inner(path)
        if inner in self.folders and exist_ok:
            return
        parts = inner.split("/")
        for count in range(1, len(parts)):
            if (above := "/".join(parts[:count])) not in self.folders:
                self.mkdir(f"{HOME}/{above}")
        self.mkdir(path)

    def remove(self, path: Any, **_: Any) -> None:
        del self.files[self._file(path)]

    def rmdir(self, path: Any, **_: Any) -> None:
        inner = self._existing_folder(path)
        if not inner or self.listdir(path):
            raise OSError(errno.ENOTEMPTY, "Directory not empty", path)
        del self.folders[inner]

    def rename(self, old: Any, new: Any, **_: Any) -> None:
        source, target = self._inner(old), self._inner(new)
        self._expect_parent(target, new)
        if source in self.folders:
            self._move_folder(source, target, new)
            return
        data = self.files[self._file(old)]
        if target in self.folders:
            raise IsADirectoryError(errno.EISDIR, "Is a directory", new)
        del self.files[source]
        self.files[target] = data

    def _move_folder(self, source: str, target: str, path: Any) -> None:
        if target in self.files or target in self.folders or not source or target.startswith(f"{source}/"):
            raise OSError(errno.ENOTEMPTY, "Directory not empty", path)
        kinds: tuple[dict[str, Any], ...] = (self.files, self.folders)
        for kind in kinds:
            for name in [one for one in kind if one == source or one.startswith(f"{source}/")]:
                kind[target + name[len(source) :]] = kind.pop(name)

    def rmtree(self, path: Any, *_: Any, **__: Any) -> None:
        inner = self._existing_folder(path)
        kinds: tuple[dict[str, Any], ...] = (self.files, self.folders)
        for kind in kinds:
            for name in [one for one in kind if one and (one == inner or one.startswith(f"{inner}/") or not inner)]:
                del kind[name]

    def truncate(self, path: Any, length: int) -> None:
        File(self, self._file(path), "r+").truncate(length)

    def access(self, path: Any, mode: int, **_: Any) -> bool:
        return self.exists(path)

    def chdir(self, path: Any) -> None:
        inner = self._existing_folder(path)
        self.folder = f"{HOME}/{inner}" if inner else HOME

    def change_nothing(self, path: Any, *_: Any, **__: Any) -> None:
        """Rights and times, which files here have none of."""
        self.stat(path)

    def _descriptor(self, original: Callable[..., int]) -> Callable[..., int]:
        """os.open, as Path.touch calls it: a file is made, and what it gives can only be closed."""

        def opened(path: Any, flags: int, *_: Any, **__: Any) -> int:
            if not flags & os.O_CREAT:
                raise OSError(errno.EPERM, "Operation not permitted: use open() for a test's files", path)
            if not self.exists(path):
                self._made_ready(path, "x")
            elif flags & os.O_EXCL:
                raise FileExistsError(errno.EEXIST, "File exists", path)
            return original(os.devnull, os.O_RDONLY)

        return opened

    def _replacements(self) -> Iterator[tuple[Any, Any, Callable[[Any], Any]]]:
        """Where, which name, and a function that makes of the original what takes its place for paths of here."""
        for holder, key in _openers():
            yield holder, key, _always(self.open)
        table: dict[str, Callable[..., Any]] = {
            "stat": self.stat, "lstat": self.stat, "listdir": self.listdir, "scandir": self.scandir,
            "mkdir": self.mkdir, "makedirs": self.makedirs, "remove": self.remove, "unlink": self.remove,
            "rmdir": self.rmdir, "rename": self.rename, "replace": self.rename, "renames": self.rename,
            "truncate": self.truncate, "access": self.access, "chdir": self.chdir, "chmod": self.change_nothing,
            "utime": self.change_nothing,
        }  # fmt: skip
        yield from ((os, name, _always(replacement)) for name, replacement in table.items())
        yield os, "open", self._descriptor
        yield os, "getcwd", lambda _: lambda: self.folder
        for name in ("exists", "lexists", "isfile", "isdir"):
            yield os.path, name, _always(getattr(self, name.replace("lexists", "exists")))
        if (shutil := sys.modules.get("shutil")) is not None:
            yield shutil, "rmtree", _always(self.rmtree)
        # pathlib and glob of some versions keep functions of `os` under names of their own.
        for globber in ("_StringGlobber", "_Globber"):
            if (kept := getattr(sys.modules.get("glob"), globber, None)) is not None:
                for name in sorted({"lexists", "scandir"} & set(vars(kept))):
                    yield kept, name, _always(getattr(self, name.replace("lexists", "exists")))


def _always(replacement: Callable[..., Any]) -> Callable[[Any], Any]:
    return lambda _: replacement


def _openers() -> Iterator[tuple[Any, str | None]]:
    yield builtins, "open"
    yield io, "open"
    openers = getattr(sys.modules.get("numpy.lib._datasource"), "_file_openers", None)
    if openers is not None:  # which keeps io.open for files without a suffix that it knows
        yield openers._file_openers, None


def _only_here(original: Any, replacement: Any, has: Callable[[Any], bool], others: frozenset[int]) -> Any:
    """The replacement for paths of here, in threads that are not among `others`; the original for everything else."""

    def called(*args: Any, **kwargs: Any) -> Any:
        if threading.get_ident() in others or kwargs.get("dir_fd") is not None:
            return original(*args, **kwargs)
        given = [*args, *(kwargs[name] for name in ("file", "path", "src") if name in kwargs)]
        return (replacement if not given or has(given[0]) else original)(*args, **kwargs)

    return called


def _original(owner: Any, name: Any) -> Any:
    return owner[name] if isinstance(owner, dict) else vars(owner)[name]


def _put(owner: Any, name: Any, value: Any) -> None:
    if isinstance(owner, dict):
        owner[name] = value
    else:
        setattr(owner, name, value)


def _checked_mode(mode: Any) -> bool:
    """Whether it is binary. Raises ValueError for no mode at all."""
    letters = set(mode)
    if not letters <= _MODES or len(mode) != len(letters) or len(letters & set("rwxa")) != 1 or {"b", "t"} <= letters:
        raise ValueError(f"invalid mode: {mode!r}")
    return "b" in letters


def _text(path: Any) -> str:
    text = os.fsdecode(path)
    return text.replace("\\", "/") if os.name == "nt" else text


def _number(inner: str) -> int:
    return hash(inner) & 0x7FFFFFFF


def _quietly(action: Callable[[], Any]) -> None:
    try:
        action()
    except (OSError, ValueError):
        return


# --- what crosses -----------------------------------------------------------------------------------------------------


def given(files: Mapping[str, str | bytes]) -> dict[str, Any]:
    """What a test lays out, to be sent. Raises ValueError for what finds no room or has no place there."""
    content = {path: text.encode() if isinstance(text, str) else bytes(text) for path, text in files.items()}
    if len(content) > MAX_FILES or sum(map(len, content.values())) > MAX_BYTES:
        raise ValueError(f"a test may lay out {MAX_FILES} files of {MAX_BYTES >> 20} MiB together")
    try:
        Scratch(content)
    except (OSError, ValueError) as error:
        raise ValueError(f"a file that cannot be laid out: {error}; write paths such as data/numbers.txt") from None
    return packed(content)


def packed(content: Mapping[str, bytes]) -> dict[str, Any]:
    return {"paths": list(content), "sizes": [len(data) for data in content.values()], "data": _sent(content.values())}


def unpacked(given: dict[str, Any]) -> dict[str, bytes]:
    data, at = _bytes_of(given["data"]), 0
    found = {}
    for path, size in zip(given["paths"], given["sizes"], strict=True):
        found[path] = data[at : at + size]
        at += size
    return found


def received(value: Any) -> FoundByName:
    """Raises WireError for anything but files within the bounds."""
    paths, sizes, data = (
        (value.get(name) for name in ("paths", "sizes", "data")) if isinstance(value, dict) else [0] * 3
    )
    if not isinstance(paths, list) or not isinstance(sizes, list) or not len(paths) == len(sizes) <= 2 * MAX_FILES:
        raise WireError("files that are no lists of paths and sizes")
    if not all(isinstance(path, str) and 0 < len(path) <= MAX_PATH for path in paths) or len(set(paths)) < len(paths):
        raise WireError("files with impossible paths")
    if not all(type(size) is int and size >= 0 for size in sizes) or sum(sizes) != _size_of(data):
        raise WireError("files with impossible sizes")
    return FoundByName(unpacked(value), "files")


def _sent(parts: Iterable[bytes]) -> Any:
    import torch

    return torch.tensor(list(b"".join(parts)), dtype=torch.uint8)


def _size_of(data: Any) -> int:
    import torch

    is_bytes = isinstance(data, torch.Tensor) and data.dtype == torch.uint8 and data.dim() == 1 and not data.is_meta
    return data.numel() if is_bytes else -1


def _bytes_of(data: Any) -> bytes:
    return bytes(data.numpy().tobytes())
