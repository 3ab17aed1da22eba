"""The trusted side of one worker: frames out and in under a deadline, and the truth about how it ended.

A deadline counts the worker's own processor time, so that a busy machine costs nobody an answer. Behind it stands a
limit on the clock that is several times wider, for a worker that sleeps.
"""

from __future__ import annotations

import contextlib
import math
import os
import select
import signal
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from autograder.errors import AutograderError
from autograder.sandbox.worker import ENDING, LENGTH, confine
from kit.bodies import MAX_FRAME, WireError
from kit.student import StudentCrashed, StudentTimeout

CLOCK_FACTOR = 10  # a call of 5 processor seconds may take 50 seconds on the clock
MAX_THREADS = 64
_CHUNK = 1 << 20
_WATCH_SECONDS = 0.05
# What a process brings upon itself, by a forbidden command, address or call, or by its own timer. In a namespace of its
# own it meets no other signal that it sends itself.
_OWN_SIGNALS = (
    signal.SIGILL, signal.SIGTRAP, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGSEGV, signal.SIGSYS,
    signal.SIGPIPE, signal.SIGALRM, signal.SIGVTALRM, signal.SIGPROF, signal.SIGXFSZ,
)  # fmt: skip
_CPUCLOCK_SCHED = 2  # of a whole process: include/linux/posix-timers_types.h


class SandboxError(AutograderError):
    """The sandbox itself failed: no student is to blame, and nothing was graded."""


class WorkerKilled(SandboxError):
    """Something outside ended a worker, such as the machine's memory killer: nobody's answer is to blame."""


class TimeUp(Exception):
    """The deadline passed; the text says which part of it."""


@dataclass(frozen=True)
class Deadline:
    """When to stop waiting: on time.monotonic(), and in a worker's processor time since it was forked."""

    clock: float
    processor: float = math.inf

    @classmethod
    def in_seconds(cls, seconds: float) -> Deadline:
        """So many seconds from now on the clock."""
        return cls(time.monotonic() + seconds)


class Worker:
    """One process that holds one student's code. A kit Transport; ends for good at the first error, or on `close`."""

    def __init__(self, connection: socket.socket, status: socket.socket, pidfd: int, memory: int, cpu_seconds: int):
        self._connection = connection
        self._status = status
        self._pidfd = pidfd
        self._memory = memory
        self._cpu_seconds = cpu_seconds
        self._pid = _pid_of(pidfd)
        self._used = 0.0
        self._poller = select.poll()
        self._poller.register(status, select.POLLIN)
        self._open = True
        connection.setblocking(False)
        self.layers: tuple[str, ...] = ()

    @property
    def processor_seconds(self) -> float:
        """The processor time that it has used since it was forked, with all its threads."""
        if self._open and self._pid is not None:
            with contextlib.suppress(OSError):  # it has ended: what was last seen stands
                self._used = time.clock_gettime(~self._pid << 3 | _CPUCLOCK_SCHED)
        return self._used

    def exchange(self, frame: bytes, seconds: float) -> bytes:
        """Send one frame, return the next, for which it may use so many seconds of processor time.

        Raises StudentTimeout, StudentCrashed or WireError, and is closed then.
        """
        if not self._open:
            raise StudentCrashed("its process has ended already")
        try:
            clock = time.monotonic() + CLOCK_FACTOR * seconds
            deadline = Deadline(clock, self.processor_seconds + seconds)
            self._expect_silence(deadline)
            self._expect_few_threads()
            self._send(frame, deadline)
            return self.receive(deadline)
        except TimeUp as error:
            self.close()
            raise StudentTimeout(f"no answer within {seconds:g} seconds{error}") from None
        except BaseException:
            self.close()
            raise

    def receive(self, deadline: Deadline) -> bytes:
        """The next frame, whole. Raises TimeUp after the deadline."""
        (length,) = LENGTH.unpack(self._read(LENGTH.size, deadline))
        if length > MAX_FRAME:
            raise WireError(f"a frame of {length} bytes, at most {MAX_FRAME}")
        return self._read(length, deadline)

    def close(self) -> None:
        """Kill the process and forget it."""
        if self._open:
            self._used = self.processor_seconds
            self._open = False
            confine.pidfd_kill(self._pidfd)
            os.close(self._pidfd)
            self._connection.close()
            self._status.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _expect_silence(self, deadline: Deadline) -> None:
        try:
            unasked = self._connection.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return
        except OSError:
            unasked = b""
        raise WireError("an answer without a question") if unasked else self._ending(deadline)

    def _send(self, frame: bytes, deadline: Deadline) -> None:
        rest = memoryview(LENGTH.pack(len(frame)) + frame)
        while rest:
            try:
                rest = rest[self._connection.send(rest) :]
            except BlockingIOError:
                self._wait(select.POLLOUT, deadline)
            except OSError:
                raise self._ending(deadline) from None

    def _read(self, size: int, deadline: Deadline) -> bytes:
        data = bytearray()  # a list of parts could hold them byte by byte, with 40 bytes each besides
        while len(data) < size:
            try:
                part = self._connection.recv(min(size - len(data), _CHUNK))
            except BlockingIOError:
                self._wait(select.POLLIN, deadline)
                continue
            except OSError:
                part = b""
            if not part:
                raise self._ending(deadline)
            data += part
        return bytes(data)

    def _wait(self, event: int, deadline: Deadline) -> None:
        """Until the connection is ready or the process has ended. Looks at its memory now and then."""
        self._poller.register(self._connection, event)
        while True:
            left = deadline.clock - time.monotonic()
            if left <= 0:
                raise TimeUp(f", nor within {CLOCK_FACTOR} times that on the clock")
            ready = dict(self._poller.poll(min(left, _WATCH_SECONDS) * 1000))
            if self._connection.fileno() in ready:
                return
            if ready:
                raise self._ending(deadline)
            if self.processor_seconds > deadline.processor:
                raise TimeUp(" of processor time")
            if self._resident() > self._memory:
                raise StudentCrashed(f"it used more than {self._memory >> 20} MiB of memory")
            self._expect_few_threads()

    def _expect_few_threads(self) -> None:
        """A limit of the user's (RLIMIT_NPROC) does not bind root, and others may share it."""
        if self._threads() > MAX_THREADS:
            raise StudentCrashed(f"it started more than {MAX_THREADS} threads")

    def _threads(self) -> int:
        try:
            return os.stat(f"/proc/{self._pid}/task").st_nlink - 2
        except OSError:
            return 0

    def _resident(self) -> int:
        if self._pid is None:
            return 0
        try:
            return int(Path(f"/proc/{self._pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")
        except OSError:
            return 0

    def _ending(self, deadline: Deadline) -> Exception:
        """What to raise now that the process has ended, or has closed its connection."""
        patience = max(0.0, min(deadline.clock - time.monotonic(), 2.0))
        if not is_readable(self._status, patience):
            return StudentCrashed("it closed its connection")
        message = self._status.recv(64)
        if message[:1] != b"X":
            return SandboxError("the process that forks the workers ended in the middle of a call")
        killed, code, seconds = ENDING.unpack(message[1:])
        if killed == signal.SIGXCPU or (killed == signal.SIGKILL and seconds >= self._cpu_seconds):
            return StudentTimeout(f"it used its {self._cpu_seconds} seconds of processor time")
        if killed and killed not in _OWN_SIGNALS:
            return WorkerKilled(f"signal {killed} ended a worker, which the sandbox has not sent (is memory short?)")
        if killed:
            return StudentCrashed(f"killed by signal {killed} ({signal.strsignal(killed)})")
        return StudentCrashed(f"exited with code {code}")


def is_readable(connection: socket.socket, seconds: float) -> bool:
    """Whether something, or its end, arrives in that time. Unlike select, for any number of open files."""
    poller = select.poll()
    poller.register(connection, select.POLLIN)
    return bool(poller.poll(seconds * 1000))


def _pid_of(pidfd: int) -> int | None:
    """The process behind the descriptor as this side sees it; None where it cannot be seen."""
    for line in Path(f"/proc/self/fdinfo/{pidfd}").read_text().splitlines():
        name, _, value = line.partition(":")
        if name == "Pid" and int(value) > 0:
            return int(value)
    return None
