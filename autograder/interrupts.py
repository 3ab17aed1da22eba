"""Ctrl-C and the signals that end a command: told in one sentence, with exit code 128 + the signal's number.

Only modules of Python itself are imported here, so that this holds while click, torch and the rest are still loading.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType

ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
PATIENCE = 15.0  # seconds in which a stopped command may put its things in order
KEPT = "Finished results are kept: run again to go on."
BY_HAND = f"Stopped by hand. {KEPT}"


def install() -> None:
    """For the commands: end as told, with every process that this one started, and nothing half-written."""
    for number in ENDINGS:
        if signal.getsignal(number) is not signal.SIG_IGN:  # a run in the background is started without Ctrl-C
            signal.signal(number, stop)


def stop(number: int, _: FrameType | None = None) -> None:
    """Say so once, and leave; what comes after the first signal must not disturb the way out.

    Where something swallows the exception, as pytest may while it collects, the end comes all the same.
    """
    signal.signal(number, signal.SIG_IGN)
    last = threading.Timer(PATIENCE, os._exit, (128 + number,))
    last.daemon = True
    last.start()
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
    """Processes that are started inside get no signal at birth, and none is lost here: it arrives at the end.

    A blocked signal stays blocked in a child (sigprocmask(2), pthread_sigmask(3)); in the parent, Python drops an
    exception that is raised in what it runs after a fork (os.register_at_fork).
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ENDINGS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
