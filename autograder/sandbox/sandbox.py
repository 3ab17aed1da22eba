"""The trusted side of the sandbox: starts the zygote, tests the confinement by trying, hands out workers.

One zygote serves any number of grader processes that were forked after `Sandbox.start`. Only Linux has what this needs.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection
from pathlib import Path
from typing import Any, Self

import kit
from autograder.sandbox.worker import confine
from autograder.sandbox.worker_process import SandboxError, TimeUp, Worker, is_readable
from kit.student import StudentCrashed, StudentTimeout
from kit.wire import WireError

__all__ = ["Sandbox", "SandboxError", "Worker"]

MEMORY = 2 << 30
CPU_SECONDS = 120
START_SECONDS = 120.0
ANSWER_SECONDS = 20.0
_THREADS = 256

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


class _ZygoteEnded(Exception):
    """The zygote is gone or does not answer; another can be started."""


class _Zygote:
    """A running zygote and the grader's end of its control socket."""

    def __init__(self, library: Path, package: str, *, bubblewrap: str | None) -> None:
        self.owner = os.getpid()
        self.wrapped = bubblewrap is not None
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        given, command = _command(library, package, bubblewrap)
        given |= {
            "control": theirs.fileno(),
            "library": package,
            "parent": None if bubblewrap else self.owner,
            "drop": bubblewrap is None and os.geteuid() == 0,
            "threads": None if bubblewrap is None and os.geteuid() else _THREADS,
        }
        with theirs, tempfile.TemporaryFile() as errors:
            self.process = subprocess.Popen(
                [*command, json.dumps(given)],
                pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors,
                cwd="/", env=_ENVIRONMENT, start_new_session=True,
            )  # fmt: skip
            theirs.close()
            try:
                self.cpu_seconds = self._greeting()
            except (_ZygoteEnded, SandboxError) as error:
                self.close()
                errors.seek(0)
                said = errors.read()[-1000:].decode(errors="replace").strip()
                raise SandboxError(f"the sandbox did not start: {error}{said and f': {said}'}") from None
            except BaseException:
                self.close()
                raise

    def _greeting(self) -> float:
        if not is_readable(self.control, START_SECONDS):
            raise _ZygoteEnded(f"not ready within {START_SECONDS:g} seconds")
        message = self.control.recv(4096)
        if not message:
            raise _ZygoteEnded("its process ended")
        said = json.loads(message)
        if "error" in said:
            raise SandboxError(said["error"])
        return float(said["cpu_seconds"])

    def fork(self, memory: int, cpu_seconds: int, **request: Any) -> Worker:
        """A worker, confined and ready. Raises _ZygoteEnded, or SandboxError for one that could not be confined."""
        deadline = time.monotonic() + ANSWER_SECONDS
        connection, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        status, their_status = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        message = json.dumps({"memory": memory, "cpu_seconds": cpu_seconds, **request}).encode()
        with theirs, their_status:
            try:
                self.control.settimeout(ANSWER_SECONDS)
                socket.send_fds(self.control, [message], [theirs.fileno(), their_status.fileno()])
                their_status.close()
                theirs.close()
                worker = Worker(connection, status, _pidfd_from(status), memory, cpu_seconds)
            except BaseException as error:
                connection.close()
                status.close()
                if isinstance(error, OSError):
                    raise _ZygoteEnded(str(error)) from None
                raise
        try:
            said = json.loads(worker.receive(deadline))
        except (TimeUp, StudentCrashed, StudentTimeout, WireError) as error:
            worker.close()
            raise SandboxError(f"a worker died before it ran anything: {error}") from None
        if "error" in said:
            worker.close()
            raise SandboxError(f"a worker could not be confined: {said['error']}")
        worker.layers = tuple(said["layers"])
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


def _pidfd_from(status: socket.socket) -> int:
    status.settimeout(ANSWER_SECONDS)
    message, descriptors, _, _ = socket.recv_fds(status, 512, 1)
    if message[:1] == b"E":
        raise SandboxError(f"no worker could be started: {message[1:].decode()}")
    if not descriptors:
        raise _ZygoteEnded("its process ended")
    return descriptors[0]


class Sandbox:
    """Where students' code runs. `level` and `findings` say how well it is shut in, by trial.

    level: "strong" (bubblewrap, and everything tried was refused), "good" (refused without bubblewrap), "weak".
    findings: what was tried → "denied" or "ALLOWED".
    layers: what a worker is wrapped in. notes: what this machine should have and has not, and what follows.
    """

    def __init__(self, library: Path, package: str, bubblewrap: bool) -> None:
        if not sys.platform.startswith("linux"):
            raise SandboxError("only Linux can confine a student's code: grade in the container (see README.md)")
        if package in ("kit", "worker"):
            raise SandboxError(f"the library cannot be called {package}: the engine uses that name")
        self.library = library.resolve()
        self.package = package
        self.bubblewrap = bubblewrap
        if not (self.library / package / "__init__.py").is_file():
            raise SandboxError(f"{self.library / package} is not a package: it has no __init__.py")
        self.notes: list[str] = []
        self._zygote = self._launch()
        try:
            self.level, self.findings, self.layers = self.examine()
        except BaseException:
            self.close()
            raise

    @classmethod
    def start(cls, library: Path, package: str, *, bubblewrap: bool = True) -> Self:
        """Start the zygote for `library`/`package` and test the confinement.

        library: the folder that contains the shipped package; of it, nothing but the package is visible inside.
        bubblewrap: whether to use it where it works.
        The kernel ends the sandbox with the thread that started it; `worker` then starts another.
        Raises SandboxError where workers cannot run at all.
        """
        return cls(library, package, bubblewrap)

    def worker(self, *, memory: int = MEMORY, cpu_seconds: int = CPU_SECONDS) -> Worker:
        """A fresh process, ready for one student's cells.

        memory: bytes it may use, what it shares with the zygote (some 400 MiB) included. cpu_seconds: over its life.
        Raises SandboxError if none can be had, or none as well confined as the self-test found.
        """
        try:
            worker = self._zygote.fork(memory, cpu_seconds)
        except _ZygoteEnded:
            self._restart()
            worker = self._zygote.fork(memory, cpu_seconds)
        if missing := set(self.layers) - set(worker.layers) - {"bubblewrap"}:
            worker.close()
            raise SandboxError(f"a worker came without {', '.join(sorted(missing))}")
        return worker

    def close(self) -> None:
        """End every process. In a process forked from the one that called `start`: only let go of it."""
        self._zygote.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _launch(self) -> _Zygote:
        bubblewrap = shutil.which("bwrap") if self.bubblewrap else None
        if bubblewrap:
            try:
                return _Zygote(self.library, self.package, bubblewrap=bubblewrap)
            except SandboxError as error:
                if "bwrap:" not in str(error):
                    raise
                self.notes.append(f"bubblewrap failed: {error}")
        elif self.bubblewrap:
            self.notes.append("bubblewrap is not installed")
        return _Zygote(self.library, self.package, bubblewrap=None)

    def _restart(self) -> None:
        """Another zygote, for this process alone, as well confined as the first."""
        self._zygote.close()
        self._zygote = self._launch()
        if self.examine() != (self.level, self.findings, self.layers):
            raise SandboxError(f"a new sandbox is not as well confined as the first, which was {self.level}")

    def examine(self, *, without: Collection[str] = ()) -> tuple[str, dict[str, str], tuple[str, ...]]:
        """Let a worker try what students must not: level, findings, layers.

        without: layers to leave out of this one ("landlock", "seccomp", "limits"), to see what each of them does.
        """
        deadline = time.monotonic() + ANSWER_SECONDS
        with tempfile.TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0)) as server:
            os.chmod(folder, 0o777)
            canary = Path(folder) / "canary"
            canary.write_text("no student should read this")
            canary.chmod(0o644)
            given = {
                "canary": str(canary),
                "folders": [str(self.library), str(self.library.parent)],
                "writable": [folder, str(self.library / self.package), "/tmp", "/var/tmp", "/dev/shm"],
                "server": server.getsockname(),
                "grader": os.getpid(),
                "memory": MEMORY,
            }
            try:
                with self._zygote.fork(MEMORY, CPU_SECONDS, probe=given, without=sorted(without)) as worker:
                    said = json.loads(worker.receive(deadline))
            except (_ZygoteEnded, TimeUp, StudentCrashed, StudentTimeout, WireError) as error:
                raise SandboxError(f"the sandbox could not test itself: {error}") from None
        if not said["reads_python"]:
            self.notes.append(
                "workers cannot read Python's own files, so that modules imported late are missing there: "
                "install bubblewrap, or a Python that every user can read"
            )
        findings, wrapped = said["findings"], self._zygote.wrapped
        level = "weak" if "ALLOWED" in findings.values() else "strong" if wrapped else "good"
        return level, findings, (("bubblewrap",) if wrapped else ()) + worker.layers


def _command(library: Path, package: str, bubblewrap: str | None) -> tuple[dict[str, Any], list[str]]:
    """What the zygote is told about paths, and how it is started: bare, or with nothing in view but what it needs."""
    python = os.path.realpath(getattr(sys, "_base_executable", sys.executable))
    base = os.path.realpath(sys.base_prefix)
    system = [path for path in (f"{base}/lib", f"{base}/lib64", *_SYSTEM) if os.path.exists(path)]
    sites = _site_folders()
    here = Path(__file__).resolve().parent
    packages = {"worker": here / "worker", "kit": Path(str(kit.__file__)).resolve().parent, package: library / package}
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
            seen[str(packages["kit"])],
            seen[str(packages[package])],
        ],
        "scratch": "/tmp" if bubblewrap else None,
    }
    return given, [*wrapper, python, "-s", "-S", "-P", "-B", "-c", _LAUNCH]


def _site_folders() -> list[str]:
    """Where the installed packages lie that students' code may import."""
    specs = (importlib.util.find_spec(name) for name in ("torch", "numpy", "matplotlib"))
    return list(dict.fromkeys(str(Path(spec.origin).resolve().parent.parent) for spec in specs if spec and spec.origin))
