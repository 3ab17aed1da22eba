"""What keeps a worker from seeing that there were others: process numbers and a view of files of its own.

The zygote enters namespaces of its own at its start (`enter`), leaves the view of files once it is warm (`hide_files`),
and before each fork asks for new processes: the worker is then process 1 of its own namespace, and its threads count
from 2. Where the kernel refuses that to this user, the layer is missing: user_namespaces(7), pid_namespaces(7),
mount_namespaces(7).
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from . import confine

# include/uapi/linux/sched.h
_CLONE_NEWNS, _CLONE_NEWPID = 0x00020000, 0x20000000
# include/uapi/linux/mount.h
_MS_NOSUID, _MS_NODEV, _MS_NOEXEC, _MS_RDONLY, _MS_REC, _MS_PRIVATE = 2, 4, 8, 1, 1 << 14, 1 << 18
_MOUNT_ATTR_RDONLY, _AT_RECURSIVE, _AT_FDCWD = 1, 0x8000, -100
_NR_MOUNT_SETATTR = 442
# Each tells of other processes, or of what they have done.
_HIDDEN = ("/proc", "/sys", "/dev/shm", "/run")

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Namespaces:
    """home: a descriptor of the namespace of this process, to which it returns for each worker; None where refused."""

    home: int | None = None

    @classmethod
    def enter(cls, *, user: bool) -> Namespaces:
        """Go on as a child of this process that is root in namespaces of its own. Needs a process of a single thread.

        user: whether a user namespace may be made for it, from which root can no more become nobody.
        """
        itself = confine.pidfd_open(os.getpid())
        others = _CLONE_NEWNS | _CLONE_NEWPID
        if not _succeeds(partial(confine.unshare, others)):
            if not (user and _succeeds(partial(_with_user_namespace, others))):
                return cls()
        if child := os.fork():
            os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) & 0xFF)
        confine.die_with_process(itself)
        os.close(itself)
        return cls(os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC))

    def new_processes(self) -> None:
        """Let the next fork be process 1 of a namespace of its own."""
        if self.home is not None:
            confine.checked(_libc.setns(self.home, _CLONE_NEWPID))  # from where the last call led, no other leads
            confine.unshare(_CLONE_NEWPID)

    def hide_files(self) -> bool:
        """Leave nothing of `_HIDDEN` in view, and no file whose times change when it is read. False where refused."""
        return self.home is not None and _succeeds(_hide_files)


def _with_user_namespace(others: int) -> None:
    """This user is nobody inside."""
    uid, gid = os.geteuid(), os.getegid()
    confine.unshare(confine.CLONE_NEWUSER | others)
    for name, text in {
        "setgroups": "deny",
        "uid_map": f"{confine.NOBODY} {uid} 1",
        "gid_map": f"{confine.NOBODY} {gid} 1",
    }.items():
        Path(f"/proc/self/{name}").write_text(text)


def _hide_files() -> None:
    _mount(None, "/", None, _MS_REC | _MS_PRIVATE)
    for folder in filter(os.path.isdir, _HIDDEN):
        with contextlib.suppress(OSError):
            _mount("none", folder, "tmpfs", _MS_NOSUID | _MS_NODEV | _MS_NOEXEC | _MS_RDONLY)
    if os.path.exists("/proc/self"):
        raise PermissionError("/proc is still in view")
    attributes = ctypes.create_string_buffer(struct.pack("=QQQQ", _MOUNT_ATTR_RDONLY, 0, 0, 0), 32)
    path = ctypes.create_string_buffer(b"/")
    confine.syscall(
        _NR_MOUNT_SETATTR, _AT_FDCWD, ctypes.cast(path, ctypes.c_void_p), _AT_RECURSIVE,
        ctypes.cast(attributes, ctypes.c_void_p), 32,
    )  # fmt: skip


def _mount(source: str | None, target: str, kind: str | None, flags: int) -> None:
    texts = (None if text is None else text.encode() for text in (source, target, kind))
    confine.checked(_libc.mount(*texts, ctypes.c_ulong(flags), None))


def _succeeds(act: Callable[[], None]) -> bool:
    try:
        act()
    except OSError:
        return False
    return True
