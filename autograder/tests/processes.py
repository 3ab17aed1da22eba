"""Processes that tests start, and their end."""

from __future__ import annotations

import os
import select
import subprocess
from pathlib import Path

# A run in the background is started without Ctrl-C.
WITH_CTRL_C = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from autograder.cli.main import main
main()
"""


def descendants(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in children] + [deeper for child in children for deeper in descendants(int(child))]


def wait_for_end(pids: list[int]) -> None:
    """Wait until these processes are gone; fails after a minute."""
    for pid in pids:
        try:
            descriptor = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        ended, _, _ = select.select([descriptor], [], [], 60)
        os.close(descriptor)
        assert ended, f"process {pid} is still there"


def wait_for_descendants(run: subprocess.Popen[str], count: int) -> list[int]:
    """Wait until it has so many descendants; fails where it ends before."""
    while run.poll() is None:
        try:
            family = descendants(run.pid)
        except (FileNotFoundError, ProcessLookupError):  # one of them has just ended
            continue
        if len(family) >= count:
            return family
    raise AssertionError(f"it ended with {run.returncode}: {run.communicate()}")
