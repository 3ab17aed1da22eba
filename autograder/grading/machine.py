"""The half of `scheduler` that runs in a Dask worker: it keeps a process that grades, and hands tasks to it.

A Dask worker has threads, from which nothing that grades may be forked, and lives longer than one run of `grade`, so
that its modules may be older than the tests. So each of its threads starts a fresh interpreter for each run. What goes
in and out is JSON. Nothing of the engine is imported here: this must load quickly, in any worker.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from typing import Any

GRADER = "autograder.grading.machine_process"
_TRIES = 2  # a process that ends twice with the same submission leaves it not graded

_here = threading.local()
_running: dict[str, list[_Grader]] = {}  # by run
_released: set[str] = set()  # runs that have ended


class _Grader:
    """A process that grades for one run. It ends with the thread that started it, and with its standard input."""

    def __init__(self, run: str) -> None:
        self.run = run
        command = [sys.executable, "-m", GRADER, str(os.getpid())]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        _running.setdefault(run, []).append(self)

    def ask(self, request: str) -> dict[str, Any] | None:
        """Its answer to one line; None where it has ended instead."""
        assert self.process.stdin is not None and self.process.stdout is not None
        with suppress(OSError):
            self.process.stdin.write(request + "\n")
            self.process.stdin.flush()
            if line := self.process.stdout.readline():
                answer: dict[str, Any] = json.loads(line)
                return answer
        return None

    def end(self) -> None:
        """Its sandbox ends with it."""
        self.process.kill()
        self.process.wait()
        with suppress(OSError, ValueError):
            self.process.communicate()  # closes the pipes
        if self in _running.get(self.run, []):
            _running[self.run].remove(self)


def answer(run: str, request: str) -> str:
    """Grade one submission for a run; what became of it and on which machine, as JSON (`machine_process`)."""
    for _ in range(_TRIES):
        if run in _released:
            break
        grader = _grader(run)
        said = grader.ask(request)
        if said is not None:
            return json.dumps(said | _name())
        grader.end()
        _here.grader = None
    return json.dumps({"ended": _TRIES} | _name())


def name() -> str:
    """Which machine and worker this is, as JSON."""
    return json.dumps(_name())


def release(run: str) -> None:
    """End every process of a run. Called beside the threads that may be waiting for one."""
    _released.add(run)
    for grader in list(_running.get(run, [])):
        grader.process.kill()


def _grader(run: str) -> _Grader:
    """This thread's."""
    grader: _Grader | None = getattr(_here, "grader", None)
    if grader is None or grader.run != run:
        if grader is not None:
            grader.end()
        _here.grader = grader = _Grader(run)
    return grader


def _name() -> dict[str, str]:
    from distributed import get_worker

    return {"host": socket.gethostname(), "worker": get_worker().address}
