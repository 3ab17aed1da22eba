"""The zygote as the grader sees it: how it is started, asked for a worker, and ended."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import kit
from autograder.sandbox.worker import confine
from autograder.sandbox.worker_process import MAX_THREADS, Deadline, SandboxError, TimeUp, Worker, is_readable
from kit.student import StudentCrashed, StudentTimeout
from kit.wire import WireError

START_SECONDS = 120.0
ANSWER_SECONDS = 20.0
_MOST_THREADS = 4 * MAX_THREADS  # the kernel's limit, behind the watch of `Worker`

# Packages are loaded from their folders, so that nothing beside them becomes importable.
_LAUNCH = """
import importlib.util, json, sys
given = json.loads(sys.argv[1])
sys.path += given["path"]
for name, folder in given["packages"].items():
    spec = importlib.util.spec_from_file_location(name, folder + "/__init__.py", submodule_search_locations=[folder])
    sys.modules[name] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
sys.argv[1:] = []
from worker.zygote import main
main(given)
"""
_ENVIRONMENT = {
    "HOME": "/nonexistent",
    "LANG": "C.UTF-8",
    "MKL_NUM_THREADS": "1",
    "MPLBACKEND": "Agg",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "PATH": "/nonexistent",
    "PYTHONHASHSEED": "0",
    "USER": "worker",
}


# Where the shared libraries lie that Python and torch load.
_SYSTEM = (
    "/usr/lib", "/usr/lib64", "/usr/local/lib", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/alternatives", "/nix/store",
)  # fmt: skip
_WRAPPING = [
    "--unshare-all", "--die-with-parent", "--as-pid-1", "--new-session", "--cap-drop", "ALL",
    "--uid", str(confine.NOBODY), "--gid", str(confine.NOBODY), "--clearenv", "--hostname", "worker", "--chdir", "/",
    "--proc", "/proc", "--dev", "/dev", "--remount-ro", "/dev", "--tmpfs", "/tmp",
]  # fmt: skip


class ZygoteEnded(Exception):
    """The zygote is gone or does not answer; another can be started."""


class ZygoteProcess:
    """A running zygote and the grader's end of its control socket. Raises SandboxError where it does not start."""

    def __init__(
        self,
        library: Path,
        package: str,
        libraries: Sequence[str],
        installed: Sequence[str],
        *,
        bubblewrap: str | None,
    ) -> None:
        self.owner = os.getpid()
        self.wrapped = bubblewrap is not None
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs, tempfile.TemporaryFile() as errors:
            self.process = _start(theirs, errors, library, package, libraries, installed, bubblewrap)
            theirs.close()
            try:
                self._expect_greeting()
            except BaseException as error:
                self.close()
                if isinstance(error, (ZygoteEnded, SandboxError)):
                    raise SandboxError(f"the sandbox did not start: {error}{_last_words(errors)}") from None
                raise

    def fork(self, memory: int, cpu_seconds: int, **request: Any) -> Worker:
        """A worker, confined and ready. Raises ZygoteEnded, or SandboxError for one that could not be confined."""
        deadline = Deadline.in_seconds(ANSWER_SECONDS)
        limits = {"memory": memory, "cpu_seconds": cpu_seconds, "threads": _MOST_THREADS}
        message = json.dumps({**limits, **request}).encode()
        try:
            connection, status, pidfd = self._request(message)
        except OSError as error:
            raise ZygoteEnded(str(error)) from None
        worker = Worker(connection, status, pidfd, memory, cpu_seconds)
        try:
            greeting = json.loads(worker.receive(deadline))
        except (TimeUp, StudentCrashed, StudentTimeout, WireError) as error:
            worker.close()
            raise SandboxError(f"a worker died before it ran anything: {error}") from None
        if "error" in greeting:
            worker.close()
            raise SandboxError(f"a worker could not be confined: {greeting['error']}")
        worker.layers = tuple(greeting["layers"])
        return worker

    def close(self) -> None:
        """End the zygote and every worker, if this process started it."""
        if self.owner == os.getpid():
            with contextlib.suppress(OSError):
                self.control.shutdown(socket.SHUT_RDWR)
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.control.close()

    def _expect_greeting(self) -> None:
        if not is_readable(self.control, START_SECONDS):
            raise ZygoteEnded(f"not ready within {START_SECONDS:g} seconds")
        message = self.control.recv(4096)
        if not message:
            raise ZygoteEnded("its process ended")
        greeting = json.loads(message)
        if "error" in greeting:
            raise SandboxError(greeting["error"])

    def _request(self, message: bytes) -> tuple[socket.socket, socket.socket, int]:
        """Ask for a worker: the grader's ends of its connection and of its status, and its process descriptor."""
        connection, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        status, their_status = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            with theirs, their_status:
                self.control.settimeout(ANSWER_SECONDS)
                socket.send_fds(self.control, [message], [theirs.fileno(), their_status.fileno()])
            return connection, status, _pidfd_from(status)
        except BaseException:
            connection.close()
            status.close()
            raise


def _start(
    control: socket.socket,
    errors: IO[bytes],
    library: Path,
    package: str,
    libraries: Sequence[str],
    installed: Sequence[str],
    bubblewrap: str | None,
) -> subprocess.Popen[bytes]:
    """Start the zygote's process with its end of the control socket."""
    given, command = _command(library, package, (*libraries, *installed), bubblewrap)
    given |= {
        "control": control.fileno(),
        "library": package,
        "libraries": list(libraries),
        "installed": list(installed),
        "parent": 0 if bubblewrap else os.getpid(),
        "drop": bubblewrap is None and os.geteuid() == 0,
    }
    return subprocess.Popen(
        [*command, json.dumps(given)],
        pass_fds=[control.fileno()], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors,
        cwd="/", env=_ENVIRONMENT, start_new_session=True,
    )  # fmt: skip


def _last_words(errors: IO[bytes]) -> str:
    errors.seek(0)
    text = errors.read()[-1000:].decode(errors="replace").strip()
    return f": {text}" if text else ""


def _pidfd_from(status: socket.socket) -> int:
    status.settimeout(ANSWER_SECONDS)
    message, descriptors, _, _ = socket.recv_fds(status, 512, 1)
    if message[:1] == b"E":
        raise SandboxError(f"no worker could be started: {message[1:].decode()}")
    if not descriptors:
        raise ZygoteEnded("its process ended")
    return descriptors[0]


def _command(
    library: Path, package: str, installed: Sequence[str], bubblewrap: str | None
) -> tuple[dict[str, Any], list[str]]:
    """The zygote's paths, and the command that starts it: bare, or with nothing in view but what it needs."""
    python = os.path.realpath(getattr(sys, "_base_executable", sys.executable))
    base = os.path.realpath(sys.base_prefix)
    system = [path for path in (f"{base}/lib", f"{base}/lib64", *_SYSTEM) if os.path.exists(path)]
    sites = _site_folders(installed)
    here = Path(__file__).resolve().parent
    packages = {"worker": here / "worker", "kit": Path(str(kit.__file__)).resolve().parent}
    packages |= {package: library / package} if package else {}
    seen: dict[str, str] = {str(folder): f"/box/{name}" for name, folder in packages.items()}
    for number, site in enumerate(sites):
        # Binary packages of a distribution find their libraries relative to where they lie.
        inside = any(Path(site).is_relative_to(path) for path in system)
        seen[site] = site if inside else f"/box/site-{number}"
    wrapper = []
    if bubblewrap is None:
        seen = {path: path for path in seen}
    else:
        binds = {path: path for path in (*system, python)} | seen
        wrapper = [bubblewrap, *_WRAPPING]
        for path, inner in binds.items():
            wrapper += ["--ro-bind", path, inner]
        for name, value in _ENVIRONMENT.items():
            wrapper += ["--setenv", name, value]
        wrapper += ["--remount-ro", "/", "--"]
    given = {
        "path": [seen[site] for site in sites],
        "packages": {name: seen[str(folder)] for name, folder in packages.items()},
        "readable": [
            *system,
            *(seen[site] for site in sites),
            *(seen[str(folder)] for name, folder in packages.items() if name != "worker"),
        ],
        "scratch": "/tmp" if bubblewrap else None,
    }
    return given, [*wrapper, python, "-s", "-S", "-P", "-B", "-c", _LAUNCH]


def _site_folders(installed: Sequence[str]) -> list[str]:
    """Where the installed packages lie that students' code may import."""
    specs = (importlib.util.find_spec(name) for name in installed)
    files = [(Path(spec.origin).resolve(), spec) for spec in specs if spec and spec.origin]
    folders = (file.parent.parent if spec.submodule_search_locations else file.parent for file, spec in files)
    return list(dict.fromkeys(map(str, folders)))
