"""What the sandbox tries on itself at start, from inside a worker: each attempt must be refused."""

import ctypes
import os
import resource
import socket
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from . import confine

_libc = ctypes.CDLL(None, use_errno=True)
_PTRACE_ATTACH = 16
_IPC_PRIVATE = 0


def report(given: dict[str, Any]) -> dict[str, Any]:
    """findings: what was tried → "denied" or "ALLOWED"; reads_python: whether late imports can work.

    given: canary (a file that the grader can read), folders (that hold answers and tests), writable (folders that a
    program would try), server ([host, port] on which the grader listens), grader (its process id).
    """
    parent = os.getppid()
    tried: dict[str, list[Callable[[], object]]] = {
        "read a file outside": [lambda: Path(given["canary"]).read_bytes()],
        "list the repository": [partial(os.listdir, folder) for folder in given["folders"]],
        "write a file": [partial(_write, Path(folder)) for folder in given["writable"]],
        "open a socket": [_internet_socket, lambda: socket.socketpair()],
        "connect to a server": [lambda: _connect(tuple(given["server"]))],
        "start a process": [_fork, lambda: os.posix_spawn("/proc/self/exe", ["python", "--version"], {})],
        "read another process's memory": [
            lambda: Path(f"/proc/{parent}/mem").open("rb"),
            lambda: Path(f"/proc/{parent}/environ").read_bytes(),
            lambda: _read_memory(parent),
            lambda: _checked(_libc.ptrace(_PTRACE_ATTACH, parent, None, None)),
        ],
        "signal another process": [
            lambda: os.kill(parent, 0),
            lambda: os.kill(given["grader"], 0),
            lambda: os.killpg(0, 0),
            lambda: os.kill(-1, 0),
            lambda: confine.pidfd_open(parent),
        ],
        "share memory": [lambda: _checked(_libc.shmget(_IPC_PRIVATE, 4096, 0o600)), lambda: os.memfd_create("probe")],
        "raise its limits": [lambda: _beyond_limits(given["memory"])],
        "become root": [lambda: os.setresuid(0, 0, 0)],
    }
    findings = {name: "ALLOWED" if any(map(_succeeds, ways)) else "denied" for name, ways in tried.items()}
    return {"findings": findings, "reads_python": _succeeds(lambda: os.listdir(os.path.dirname(os.__file__)))}


def _succeeds(way: Callable[[], object]) -> bool:
    try:
        way()
    except (OSError, ValueError, AttributeError):
        # ValueError: setrlimit's refusal. AttributeError: a build of Python without that call.
        return False
    return True


def _checked(result: int) -> None:
    if result < 0:
        raise OSError(ctypes.get_errno(), "refused")


def _internet_socket() -> None:
    socket.socket(socket.AF_INET, socket.SOCK_STREAM).close()


def _connect(address: tuple[str, int]) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as connection:
        connection.settimeout(1)
        connection.connect(address)


def _write(folder: Path) -> None:
    path = folder / f"probe-{os.getpid()}"
    path.touch(exist_ok=False)
    path.unlink()


def _fork() -> None:
    if os.fork() == 0:
        os._exit(0)


class _Span(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]


def _read_memory(pid: int) -> None:
    """One byte of a process that was forked from the same one, so that an address here is one there."""
    here = ctypes.create_string_buffer(1)
    span = _Span(ctypes.addressof(here), 1)
    _checked(_libc.process_vm_readv(pid, ctypes.byref(span), 1, ctypes.byref(span), 1, 0))


def _beyond_limits(memory: int) -> None:
    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    if hard == resource.RLIM_INFINITY or hard > memory:
        return
    resource.setrlimit(resource.RLIMIT_DATA, (hard, hard + 1))
