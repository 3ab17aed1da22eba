"""The trusted side of the sandbox: starts the zygote, tests the confinement by trying, hands out workers.

One zygote serves any number of grader processes that were forked after `Sandbox.start`. Only Linux has what this needs.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Self

from autograder.sandbox.worker_process import Deadline, SandboxError, TimeUp, Worker
from autograder.sandbox.zygote_process import ANSWER_SECONDS, ZygoteEnded, ZygoteProcess
from kit.libraries import LARGE
from kit.student import StudentCrashed, StudentTimeout
from kit.wire import WireError

__all__ = ["Sandbox", "SandboxError", "Worker"]

# What else a worker should have: what follows where the kernel gives it to nobody but root.
WITHOUT = {
    "processes": "workers have no process numbers of their own: one can tell how many threads were started before it",
    "files": "workers see /proc and when files were read: one can tell what others have read",
    "threads": "the kernel limits no worker's threads: those over the limit are noticed only after a moment",
}
MEMORY = 2 << 30
CPU_SECONDS = 120


class Sandbox:
    """Where students' code runs. `level` and `findings` say how well it is confined, by trial.

    level: "strong" (bubblewrap, and everything tried was refused), "good" (refused without bubblewrap), "weak".
    findings: what was tried → "denied" or "ALLOWED".
    layers: what a worker is wrapped in. notes: what this machine should have and has not, and what follows.
    """

    def __init__(
        self,
        library: Path,
        package: str,
        bubblewrap: bool,
        libraries: Sequence[str] = LARGE,
        installed: Sequence[str] = (),
        memory: int = MEMORY,
    ) -> None:
        if not sys.platform.startswith("linux"):
            raise SandboxError("only Linux can confine a student's code: grade in the container (see README.md)")
        if package in ("kit", "worker"):
            raise SandboxError(f"the library cannot be called {package}: the engine uses that name")
        self.library = library.resolve()
        self.package = package
        self.libraries = tuple(libraries)
        self.installed = tuple(installed)
        self.bubblewrap = bubblewrap
        self.memory = memory
        if package and not (self.library / package / "__init__.py").is_file():
            raise SandboxError(f"{self.library / package} is not a package: it has no __init__.py")
        self.notes: list[str] = []
        self._zygote = self._launch()
        try:
            self.level, self.findings, self.layers = self.examine()
        except BaseException:
            self.close()
            raise

    @classmethod
    def start(
        cls,
        library: Path,
        package: str,
        *,
        bubblewrap: bool = True,
        libraries: Sequence[str] = LARGE,
        installed: Sequence[str] = (),
        memory: int = MEMORY,
    ) -> Self:
        """Start the zygote for `library`/`package` and test the confinement.

        library: the folder that contains the shipped package; of it, nothing but the package is visible inside.
        package: empty where the set has no library.
        bubblewrap: whether to use it where it works.
        libraries: those of torch, numpy and matplotlib that the set names.
        installed: further packages that students' code may import; one that is not there is no error.
        memory: bytes that a worker may use, what it shares with the zygote (some 400 MiB) included.
        The kernel ends the sandbox with the thread that started it; `worker` then starts another.
        Raises SandboxError where workers cannot run at all.
        """
        return cls(library, package, bubblewrap, libraries, installed, memory)

    def worker(self, *, memory: int | None = None, cpu_seconds: int = CPU_SECONDS) -> Worker:
        """A fresh process, ready for one student's cells.

        memory: bytes it may use; None: as many as `start` was told. cpu_seconds: over its life.
        Raises SandboxError if none can be had, or none as well confined as the self-test found.
        """
        memory = memory or self.memory
        try:
            worker = self._zygote.fork(memory, cpu_seconds)
        except ZygoteEnded:
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

    def _launch(self) -> ZygoteProcess:
        bubblewrap = shutil.which("bwrap") if self.bubblewrap else None
        if bubblewrap:
            try:
                return self._zygote_process(bubblewrap)
            except SandboxError as error:
                if "bwrap:" not in str(error):
                    raise
                self.notes.append(f"bubblewrap failed: {error}")
        elif self.bubblewrap:
            self.notes.append("bubblewrap is not installed")
        return self._zygote_process(None)

    def _zygote_process(self, bubblewrap: str | None) -> ZygoteProcess:
        return ZygoteProcess(self.library, self.package, self.libraries, self.installed, bubblewrap=bubblewrap)

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
        deadline = Deadline.in_seconds(ANSWER_SECONDS)
        with tempfile.TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0)) as server:
            os.chmod(folder, 0o777)
            canary = Path(folder) / "canary"
            canary.write_text("no student should read this")
            canary.chmod(0o644)
            own = [str(self.library / self.package)] if self.package else []
            given = {
                "canary": str(canary),
                "folders": [str(self.library), str(self.library.parent)],
                "writable": [folder, *own, "/tmp", "/var/tmp", "/dev/shm"],
                "server": server.getsockname(),
                "grader": os.getpid(),
                "memory": self.memory,
            }
            try:
                with self._zygote.fork(self.memory, CPU_SECONDS, probe=given, without=sorted(without)) as worker:
                    said = json.loads(worker.receive(deadline))
            except (ZygoteEnded, TimeUp, StudentCrashed, StudentTimeout, WireError) as error:
                raise SandboxError(f"the sandbox could not test itself: {error}") from None
        if not said["reads_python"]:
            self.notes.append(
                "workers cannot read Python's own files, so that modules imported late are missing there: "
                "install bubblewrap, or a Python that every user can read"
            )
        lacking = [why for layer, why in WITHOUT.items() if layer not in worker.layers]
        self.notes += [f"{why} (user namespaces are not allowed here)" for why in lacking]
        findings, wrapped = said["findings"], self._zygote.wrapped
        level = "weak" if "ALLOWED" in findings.values() else "strong" if wrapped else "good"
        return level, findings, (("bubblewrap",) if wrapped else ()) + worker.layers


class Idle(Sandbox):
    """In a sandbox's place where an assignment has nothing to run: no process is started."""

    def __init__(self) -> None:
        self.level, self.findings, self.layers = "none", {}, ()
        self.notes: list[str] = []

    def worker(self, *, memory: int | None = None, cpu_seconds: int = CPU_SECONDS) -> Worker:
        raise SandboxError("this assignment has nothing to run")

    def close(self) -> None:
        """There is nothing to end."""
