"""Which errors are the grader's own trouble, and say nothing of a submission: it is graded again rather than judged."""

from __future__ import annotations

import errno

from autograder.errors import NotGraded
from autograder.sandbox.worker_process import SandboxError
from kit.student import StudentError


class TaskLost(NotGraded):
    """Whatever graded one submission has ended each time."""


# No memory; no more processes; no more open files, of this process or of all.
_SHORT_OF = (errno.ENOMEM, errno.EAGAIN, errno.EMFILE, errno.ENFILE)


def is_ours(error: BaseException) -> bool:
    """Whether the sandbox failed, or the machine has given this process too little."""
    return isinstance(error, SandboxError) or is_shortage(error)


def is_shortage(error: BaseException) -> bool:
    """Whether this process itself lacks memory, processes or descriptors. Never what a student's code raised."""
    if isinstance(error, StudentError):
        return False
    if isinstance(error, OSError):
        return error.errno in _SHORT_OF
    # torch: c10/core/impl/alloc_cpu.cpp
    return isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and "can't allocate memory" in str(error))


def in_words(error: BaseException) -> str:
    """The reason that a report gives."""
    if isinstance(error, SandboxError):
        return f"no confined process could be had: {error}"
    return f"the grader ran short of memory or processes ({type(error).__name__}): grade again with fewer --workers"
