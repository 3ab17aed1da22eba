"""Ctrl-C and the signals that end a command: told in one sentence, with exit code 128 + the signal's number.

Only modules of Python itself are imported here, so that this holds while click, torch and the rest are still loading.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType

KEPT = "Finished results are kept: run again to go on."
BY_HAND = f"Stopped by hand. {KEPT}"


def install() -> None:
    """For the commands: end as told, with every process that this one started, and nothing half-written."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # a run in the background is started without Ctrl-C
            signal.signal(number, stop)


def stop(number: int, _: FrameType | None = None) -> None:
    """Say so once, and leave; what comes after the first signal must not disturb the way out."""
    signal.signal(number, signal.SIG_IGN)
    sentence = BY_HAND if number == signal.SIGINT else f"Stopped by {signal.Signals(number).name}. {KEPT}"
    sys.stderr.write(f"{sentence}\n")
    sys.exit(128 + number)


def say_so_at_the_end() -> None:
    """For nbgrader's commands, which run in a program of their own: Ctrl-C ends them with the sentence alone."""
    if sys.excepthook is not _told:
        global _hook_before
        _hook_before, sys.excepthook = sys.excepthook, _told


_hook_before = sys.excepthook


def _told(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.stderr.write(f"{BY_HAND}\n")
    else:
        _hook_before(kind, error, trace)


@contextmanager
def none_for_children() -> Iterator[None]:
    """Processes that are started inside never get Ctrl-C, which is for their parent to handle, not even at birth.

    A blocked signal stays blocked in a child (sigprocmask(2), pthread_sigmask(3)); here it arrives at the end.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
