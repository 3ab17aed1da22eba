"""What code does differently at grading, and what it may not do there: the same in the worker and in a check at home.

Works, in another way: workers of a DataLoader and pools of processes run in the one process that there is,
`torch.compile` gives back what it gets, `display` shows nothing. Refused: other processes, sockets and with them the
network and event loops, a question to the user, files. In the worker the sandbox refuses these; at home the same errors
are raised here.
"""

from __future__ import annotations

import builtins
import errno
import functools
import importlib
import inspect
import io
import os
import socket
import sqlite3
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from itertools import starmap
from typing import Any, NoReturn

from kit import tensors
from kit.cell_sources import NOTEBOOK, with_cell_names, with_cells

# In the worker the system says the first half of these.
NO_PROCESS = "Operation not permitted: no other process can be started at grading"
NO_SOCKET = "Operation not permitted: there are no sockets at grading"
NO_NETWORK = "Temporary failure in name resolution: there is no network at grading"
NO_FILE = "No such file or directory: files beside the notebook are not there at grading"
READ_ONLY = "Read-only file system: nothing can be written at grading"
NO_FOLDER = "No usable temporary directory: nothing can be written at grading"
NO_LOOP = "Operation not permitted: an event loop needs sockets, which are not there at grading"
NO_INPUT = "EOF when reading a line: nobody answers at grading"
Change = tuple[str, str, Any]  # module or class, name in it, what is to stand there
_ABSENT = object()
_TEMPORARY = tempfile.gettempdir()  # while it can be asked
# Functions of `os` that make, move, change or remove files; folders are made without a word.
_CHANGES_FILES = (
    "remove", "unlink", "rmdir", "removedirs", "rename", "renames", "replace", "link", "symlink", "truncate", "chmod",
    "chown", "utime", "mkfifo", "mknod",
)  # fmt: skip


class SerialExecutor(Executor):
    """In place of a ProcessPoolExecutor: each task runs where it is handed over."""

    def __init__(
        self, max_workers: Any = None, mp_context: Any = None, initializer: Any = None, initargs: Any = (), **_: Any
    ) -> None:
        if initializer is not None:
            initializer(*initargs)

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(function(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


class SerialResult:
    """What the asynchronous methods of a pool give: finished already."""

    def __init__(self, future: Future[Any]) -> None:
        self.get: Callable[..., Any] = future.result
        self.successful: Callable[[], bool] = lambda: future.exception() is None
        self.wait: Callable[..., None] = lambda timeout=None: None
        self.ready: Callable[[], bool] = lambda: True


class SerialPool:
    """In place of multiprocessing.Pool: everything runs here, in order."""

    def __init__(self, processes: Any = None, initializer: Any = None, initargs: Any = (), *_: Any, **__: Any) -> None:
        self._executor = SerialExecutor(None, None, initializer, initargs)

    def apply(self, func: Callable[..., Any], args: Iterable[Any] = (), kwds: Any = None) -> Any:
        return func(*args, **(kwds or {}))

    def map(self, func: Callable[..., Any], iterable: Iterable[Any], chunksize: Any = None) -> list[Any]:
        return list(map(func, iterable))

    def starmap(self, func: Callable[..., Any], iterable: Iterable[Iterable[Any]], chunksize: Any = None) -> list[Any]:
        return list(starmap(func, iterable))

    def imap(self, func: Callable[..., Any], iterable: Iterable[Any], chunksize: Any = 1) -> Iterator[Any]:
        return iter(self.map(func, iterable))

    imap_unordered = imap

    def apply_async(self, func: Callable[..., Any], args: Any = (), kwds: Any = None, *after: Any, **_: Any) -> Any:
        return self._later(after, func, *args, **(kwds or {}))

    def map_async(self, func: Callable[..., Any], iterable: Any, chunksize: Any = None, *after: Any, **_: Any) -> Any:
        return self._later(after, self.map, func, iterable)

    def starmap_async(self, func: Callable[..., Any], iterable: Any, chunksize: Any = None, *after: Any) -> Any:
        return self._later(after, self.starmap, func, iterable)

    def close(self) -> None:
        """Nothing waits."""

    terminate = join = close

    def __enter__(self) -> SerialPool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _later(self, after: tuple[Any, ...], func: Callable[..., Any], *args: Any, **kwargs: Any) -> SerialResult:
        future = self._executor.submit(func, *args, **kwargs)
        if after and after[0] is not None and future.exception() is None:
            after[0](future.result())
        return SerialResult(future)


class Shell:
    """In place of IPython's: whatever it is asked for, it does nothing."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *_, **__: None


def _compile(model: Any = None, **_: Any) -> Any:
    """torch.compile, as a function and as a decorator with arguments, that compiles nothing."""
    return (lambda inner: inner) if model is None else model


def _without_workers(original: Callable[..., None]) -> Callable[..., None]:
    signature = inspect.signature(original)
    of_workers = ("num_workers", "timeout", "multiprocessing_context", "prefetch_factor", "persistent_workers")

    @functools.wraps(original)
    def init(*args: Any, **kwargs: Any) -> None:
        given = signature.bind(*args, **kwargs)
        if given.arguments.get("num_workers"):
            for name in of_workers:
                given.arguments.pop(name, None)
        original(*given.args, **given.kwargs)

    return init


def _works_otherwise() -> Iterator[Change]:
    yield from _torch_works_otherwise() if tensors.loaded() is not None else ()
    yield "multiprocessing", "Pool", SerialPool
    yield "multiprocessing.context.BaseContext", "Pool", lambda self, *args, **kwargs: SerialPool(*args, **kwargs)
    yield "concurrent.futures", "ProcessPoolExecutor", SerialExecutor
    yield "concurrent.futures.process", "ProcessPoolExecutor", SerialExecutor
    yield "builtins", "display", lambda *_, **__: None
    yield "builtins", "get_ipython", Shell
    no_process = _raising(lambda: PermissionError(errno.EPERM, NO_PROCESS))
    yield "os", "system", no_process
    yield "tempfile", "gettempdir", _not_for_cells(tempfile.gettempdir)
    yield "tempfile", "gettempdirb", _not_for_cells(tempfile.gettempdirb)
    yield "asyncio.events", "new_event_loop", _raising(lambda: PermissionError(errno.EPERM, NO_LOOP))
    yield "asyncio", "new_event_loop", _raising(lambda: PermissionError(errno.EPERM, NO_LOOP))
    yield "inspect", "findsource", with_cells(inspect.findsource)
    yield "inspect", "getfile", with_cell_names(inspect.getfile)


def _torch_works_otherwise() -> Iterator[Change]:
    from torch.utils.data import DataLoader

    yield "torch", "compile", _compile
    yield "torch.nn.Module", "compile", lambda self, *_, **__: None
    yield "torch", "set_num_interop_threads", lambda number: None
    yield "torch.utils.data.DataLoader", "__init__", _without_workers(DataLoader.__init__)
    yield "torch.multiprocessing", "Pool", SerialPool


def _refused() -> Iterator[Change]:
    no_process = _raising(lambda: PermissionError(errno.EPERM, NO_PROCESS))
    yield "multiprocessing.process.BaseProcess", "start", no_process
    yield "subprocess.Popen", "__init__", no_process
    for name in ("fork", "forkpty", "posix_spawn", "posix_spawnp"):
        if hasattr(os, name):
            yield "os", name, no_process
    yield "socket", "getaddrinfo", _raising(lambda: socket.gaierror(socket.EAI_AGAIN, NO_NETWORK))
    yield "builtins", "input", _raising(lambda: EOFError(NO_INPUT))
    if (torch := tensors.loaded()) is not None:
        yield "torch", "save", _not_into_a_file(torch.save)
        yield "torch.jit", "save", _not_into_a_file(torch.jit.save)
    yield "builtins", "open", _only_elsewhere(builtins.open)
    yield "io", "open", _only_elsewhere(io.open)
    yield "os", "open", _only_to_read(os.open)
    for name in _CHANGES_FILES:
        if hasattr(os, name):
            yield "os", name, _in_other_threads(getattr(os, name), _read_only)
    yield "socket.socket", "__init__", _in_other_threads(socket.socket.__init__, _no_socket)
    yield "socket", "socketpair", _in_other_threads(socket.socketpair, _no_socket)
    yield "sqlite3", "connect", _only_in_memory(sqlite3.connect)


def _raising(error: Callable[[], BaseException]) -> Callable[..., NoReturn]:
    def refused(*_: Any, **__: Any) -> NoReturn:
        raise error()

    return refused


def _not_for_cells(original: Callable[[], Any]) -> Callable[[], Any]:
    """The folder for temporary files, which packages may ask for while they are imported, and cells may not."""

    @functools.wraps(original)
    def folder() -> Any:
        frame = sys._getframe(1)
        while frame.f_back is not None and frame.f_globals.get("__name__") == tempfile.__name__:
            frame = frame.f_back
        if frame.f_globals.get("__name__", NOTEBOOK) == NOTEBOOK:
            raise FileNotFoundError(errno.ENOENT, NO_FOLDER)
        return original()

    return folder


def _in_other_threads(original: Callable[..., Any], refuse: Callable[..., NoReturn]) -> Callable[..., Any]:
    """For this thread what `refuse` raises; a notebook's kernel goes on in its own threads."""
    caller = threading.get_ident()

    @functools.wraps(original)
    def called(*args: Any, **kwargs: Any) -> Any:
        return (refuse if threading.get_ident() == caller else original)(*args, **kwargs)

    return called


def _read_only(*_: Any, **__: Any) -> NoReturn:
    raise PermissionError(errno.EPERM, f"Operation not permitted: {READ_ONLY}")


def _no_socket(*_: Any, **__: Any) -> NoReturn:
    raise PermissionError(errno.EPERM, NO_SOCKET)


def _only_to_read(original: Callable[..., int]) -> Callable[..., int]:
    """`os.open` for this thread, without files that are written."""
    caller = threading.get_ident()

    @functools.wraps(original)
    def opened(path: Any, flags: int, *args: Any, **kwargs: Any) -> int:
        writes = flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        if threading.get_ident() == caller and writes and not _is_device(path):
            raise OSError(errno.EROFS, READ_ONLY, path)
        return original(path, flags, *args, **kwargs)

    return opened


def _only_in_memory(original: Callable[..., Any]) -> Callable[..., Any]:
    """sqlite3.connect, which opens files without `open`."""

    @functools.wraps(original)
    def connect(database: Any, *args: Any, **kwargs: Any) -> Any:
        if database != ":memory:":
            raise sqlite3.OperationalError("unable to open database file")
        return original(database, *args, **kwargs)

    return connect


def _only_elsewhere(original: Callable[..., Any]) -> Callable[..., Any]:
    """`open` for this thread, without the files that are not there at grading, and without any to write."""
    caller = threading.get_ident()

    @functools.wraps(original)
    def opened(file: Any, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
        if threading.get_ident() == caller and isinstance(file, (str, os.PathLike)):
            if set(str(mode)) & set("wax+") and not _is_device(file):
                raise OSError(errno.EROFS, READ_ONLY, file)
            if _is_not_there(str(file)):
                raise FileNotFoundError(errno.ENOENT, NO_FILE, file)
        return original(file, mode, *args, **kwargs)

    return opened


def _not_into_a_file(original: Callable[..., None]) -> Callable[..., None]:
    """torch.save, which writes files without `open`."""

    @functools.wraps(original)
    def save(obj: Any, f: Any, *args: Any, **kwargs: Any) -> None:
        if isinstance(f, (str, os.PathLike)):
            raise RuntimeError(f"open file failed with strerror: {READ_ONLY}")
        original(obj, f, *args, **kwargs)

    return save


def _is_device(file: Any) -> bool:
    return os.path.realpath(os.fsdecode(file)) == os.path.realpath(os.devnull)


def _is_not_there(file: str) -> bool:
    """Whether a file lies in the working folder or among temporary ones, and belongs to no package."""
    path = os.path.realpath(file)
    packages = (sys.prefix, sys.base_prefix, *(os.path.dirname(found) for found in _files_of_packages()))
    return _is_under(path, (os.getcwd(), _TEMPORARY)) and not _is_under(path, packages)


def _files_of_packages() -> Iterator[str]:
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None) or ""
        if "." not in name and os.path.basename(file) == "__init__.py":
            yield file


def _is_under(path: str, folders: Iterable[str]) -> bool:
    return any(path.startswith(os.path.join(os.path.realpath(folder), "")) for folder in folders)


def enforce() -> None:
    """Let the rules hold for good: in the process that workers are forked from, where the sandbox refuses the rest."""
    for owner, name, value in _works_otherwise():
        setattr(_owner(owner), name, value)
    for name in ("mkdir", "makedirs"):
        setattr(os, name, lambda *_, **__: None)


@contextmanager
def enforced() -> Iterator[None]:
    """Let the rules hold for as long as a student's code runs at home."""
    before: list[Change] = []
    try:
        for owner, name, value in (*_works_otherwise(), *_refused()):
            before.append((owner, name, vars(_owner(owner)).get(name, _ABSENT)))
            setattr(_owner(owner), name, value)
        yield
    finally:
        for owner, name, value in reversed(before):
            if value is _ABSENT:
                delattr(_owner(owner), name)
            else:
                setattr(_owner(owner), name, value)


def _owner(path: str) -> Any:
    """A module, or a class in one, by its dotted name."""
    module, _, name = path.rpartition(".")
    found = getattr(importlib.import_module(module), name, None) if module else None
    return found if isinstance(found, type) else importlib.import_module(path)
