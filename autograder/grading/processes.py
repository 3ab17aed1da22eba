"""Processes that end with the one that started them, however it ends."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import TypeVar

from autograder.errors import NotGraded
from autograder.interrupts import ENDINGS, none_for_children
from autograder.sandbox.worker import confine

Result = TypeVar("Result")


class NoProcess(NotGraded):
    """The machine has no process to give."""


def in_fresh_process(function: Callable[..., Result], *arguments: object) -> Result:
    """Call a function in a new interpreter, which may fork where this process, with threads of its own, must not.

    Raises what it raises; NotGraded where its process is killed, and killed again when it is started once more.
    """
    for _ in range(2):
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(1, mp_context=context, initializer=_become_child, initargs=(os.getpid(),)) as fresh:
            try:
                with none_for_children():
                    called = fresh.submit(function, *arguments)
                return called.result()
            except BrokenProcessPool:
                continue
    raise NotGraded("the grader's own process was ended twice, perhaps for want of memory: run the command again")


@contextmanager
def forked_pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    """A pool forked from this process. What still runs is killed where the block ends by an exception.

    A pool alone would wait for it: for ever, where a test or an answer does not end. Raises NoProcess.
    """
    pool = ProcessPoolExecutor(
        workers,
        mp_context=multiprocessing.get_context("fork"),
        initializer=_become_child,
        initargs=(os.getpid(),),
    )
    try:
        with none_for_children():  # a forking pool starts all its processes at the first task
            _start(pool)
        yield pool
    except BaseException:
        for process in list((pool._processes or {}).values()):
            process.kill()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _start(pool: ProcessPoolExecutor) -> None:
    try:
        pool.submit(int)
    except OSError as error:
        raise NoProcess(f"no process could be started ({error.strerror}): run the command again") from error


def _become_child(parent: int) -> None:
    """Ctrl-C is the parent's to handle, any other signal is not; when the parent ends, so does this process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDINGS)
    confine.die_with_parent(parent)
    sys.stdin = None
