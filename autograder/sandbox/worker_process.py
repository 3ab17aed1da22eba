"""The trusted side of one worker: frames out and in under a deadline, and the truth about how it ended."""

from __future__ import annotations

import os
import select
import signal
import socket
import time
from pathlib import Path
from typing import Self

from autograder.errors import AutograderError
from autograder.sandbox.worker import ENDING, LENGTH, confine
from kit.student import StudentCrashed, StudentTimeout
from kit.wire import MAX_FRAME, WireError

_CHUNK = 1 << 20
_WATCH_SECONDS = 0.05


class SandboxError(AutograderError):
    """The sandbox itself failed: no student is to blame, and nothing was graded."""


class TimeUp(Exception):
    """The deadline passed."""


class Worker:
    """One process that holds one student's code. A kit Transport; ends for good at the first error, or on `close`."""

    def __init__(self, connection: socket.socket, status: socket.socket, pidfd: int, memory: int, cpu_seconds: int):
        self._connection = connection
        self._status = status
        self._pidfd = pidfd
        self._memory = memory
        self._cpu_seconds = cpu_seconds
        self._statm = _statm_of(pidfd)
        self._poller = select.poll()
        self._poller.register(status, select.POLLIN)
        self._open = True
        connection.setblocking(False)
        self.layers: tuple[str, ...] = ()

    def exchange(self, frame: bytes, seconds: float) -> bytes:
        """Send one frame, return the next. Raises StudentTimeout, StudentCrashed or WireError, and is closed then."""
        if not self._open:
            raise StudentCrashed("its process has ended already")
        try:
            deadline = time.monotonic() + seconds
            self._expect_silence(deadline)
            self._send(frame, deadline)
            return self.receive(deadline)
        except TimeUp:
            self.close()
            raise StudentTimeout(f"no answer within {seconds:g} seconds") from None
        except BaseException:
            self.close()
            raise

    def receive(self, deadline: float) -> bytes:
        """The next frame, whole, before `deadline` on time.monotonic()."""
        (length,) = LENGTH.unpack(self._read(LENGTH.size, deadline))
        if length > MAX_FRAME:
            raise WireError(f"a frame of {length} bytes, at most {MAX_FRAME}")
        return self._read(length, deadline)

    def close(self) -> None:
        """Kill the process and forget it."""
        if self._open:
            self._open = False
            confine.pidfd_kill(self._pidfd)
            os.close(self._pidfd)
            self._connection.close()
            self._status.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _expect_silence(self, deadline: float) -> None:
        try:
            unasked = self._connection.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return
        except OSError:
            unasked = b""
        raise WireError("an answer without a question") if unasked else self._ending(deadline)

    def _send(self, frame: bytes, deadline: float) -> None:
        rest = memoryview(LENGTH.pack(len(frame)) + frame)
        while rest:
            try:
                rest = rest[self._connection.send(rest) :]
            except BlockingIOError:
                self._wait(select.POLLOUT, deadline)
            except OSError:
                raise self._ending(deadline) from None

    def _read(self, size: int, deadline: float) -> bytes:
        parts = []
        while size:
            try:
                part = self._connection.recv(min(size, _CHUNK))
            except BlockingIOError:
                self._wait(select.POLLIN, deadline)
                continue
            except OSError:
                part = b""
            if not part:
                raise self._ending(deadline)
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def _wait(self, event: int, deadline: float) -> None:
        """Until the connection is ready or the process has ended. Looks at its memory now and then."""
        self._poller.register(self._connection, event)
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeUp
            ready = dict(self._poller.poll(min(left, _WATCH_SECONDS) * 1000))
            if self._connection.fileno() in ready:
                return
            if ready:
                raise self._ending(deadline)
            if self._resident() > self._memory:
                raise StudentCrashed(f"it used more than {self._memory >> 20} MiB of memory")

    def _resident(self) -> int:
        if self._statm is None:
            return 0
        try:
            return int(self._statm.read_text().split()[1]) * os.sysconf("SC_PAGESIZE")
        except OSError:
            return 0

    def _ending(self, deadline: float) -> Exception:
        """What to raise now that the process has ended, or has closed its connection."""
        patience = max(0.0, min(deadline - time.monotonic(), 2.0))
        if not is_readable(self._status, patience):
            return StudentCrashed("it closed its connection")
        message = self._status.recv(64)
        if message[:1] != b"X":
            return SandboxError("the process that forks the workers ended in the middle of a call")
        killed, code, seconds = ENDING.unpack(message[1:])
        if killed == signal.SIGXCPU or (killed == signal.SIGKILL and seconds >= self._cpu_seconds):
            return StudentTimeout(f"it used its {self._cpu_seconds} seconds of processor time")
        if killed:
            return StudentCrashed(f"killed by signal {killed} ({signal.strsignal(killed)})")
        return StudentCrashed(f"exited with code {code}")


def is_readable(connection: socket.socket, seconds: float) -> bool:
    """Whether something, or its end, arrives in that time. Unlike select, for any number of open files."""
    poller = select.poll()
    poller.register(connection, select.POLLIN)
    return bool(poller.poll(seconds * 1000))


def _statm_of(pidfd: int) -> Path | None:
    """Where the kernel tells the memory of the process: the pid as this side sees it stands beside the descriptor."""
    for line in Path(f"/proc/self/fdinfo/{pidfd}").read_text().splitlines():
        name, _, value = line.partition(":")
        if name == "Pid" and int(value) > 0:
            return Path(f"/proc/{int(value)}/statm")
    return None
