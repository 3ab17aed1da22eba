"""The kernel calls that confine a process: resource limits, uid drop, Landlock, seccomp; and process descriptors.

Constants come from the kernel's user-space headers. What they mean is documented in
Documentation/userspace-api/landlock.rst, Documentation/userspace-api/seccomp_filter.rst,
Documentation/userspace-api/no_new_privs.rst and the man pages prctl(2), setrlimit(2), pidfd_open(2), proc(5).
"""

from __future__ import annotations

import contextlib
import ctypes
import dataclasses
import os
import platform
import resource
import select
import signal
import struct
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

MIB = 1 << 20
NOBODY = 65534
CONNECTION = 3  # the descriptor of a worker's socket
# Mapped files, and the zygote's own, take address space that is not a student's memory.
ADDRESS_SPACE_BEYOND_MEMORY = 1536 * MIB

CLONE_NEWUSER = 0x10000000  # include/uapi/linux/sched.h
_CAPABILITIES_VERSION_3 = 0x20080522  # include/uapi/linux/capability.h
_COUNTS_BY_USER_NAMESPACE = (5, 14)  # the first kernel that does

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long

# include/uapi/linux/prctl.h
_PR_SET_PDEATHSIG, _PR_GET_DUMPABLE, _PR_SET_DUMPABLE, _PR_SET_NAME, _PR_GET_NAME = 1, 3, 4, 15, 16
_PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS, _PR_SET_VMA = 22, 38, 0x53564D41

# Numbers above 423 are the same on every architecture (Documentation/process/adding-syscalls.rst).
_NR_PIDFD_SEND_SIGNAL, _NR_PIDFD_OPEN = 424, 434
_NR_LANDLOCK_CREATE_RULESET, _NR_LANDLOCK_ADD_RULE, _NR_LANDLOCK_RESTRICT_SELF = 444, 445, 446


@dataclass(frozen=True)
class Limits:
    """What one worker may use: bytes of memory, seconds of processor time, threads (None: as the user's own limit)."""

    memory: int
    cpu_seconds: int
    threads: int | None = None


def syscall(number: int, *arguments: int | ctypes.c_void_p) -> int:
    """The kernel's call of that number. Raises OSError."""
    given = (value if isinstance(value, ctypes.c_void_p) else ctypes.c_long(value) for value in arguments)
    result = int(_libc.syscall(ctypes.c_long(number), *given))
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


def _prctl(option: int, argument: int, pointer: ctypes.c_void_p | None = None) -> None:
    tail = pointer or ctypes.c_void_p(0)
    zero = ctypes.c_ulong(0)
    if _libc.prctl(ctypes.c_int(option), ctypes.c_ulong(argument), tail, zero, zero):
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def pidfd_open(pid: int) -> int:
    """A descriptor of a process: os.pidfd_open, which some builds of Python lack."""
    return syscall(_NR_PIDFD_OPEN, pid, 0)


def pidfd_kill(pidfd: int) -> None:
    """SIGKILL to the process behind the descriptor; one that has already ended is fine."""
    try:
        syscall(_NR_PIDFD_SEND_SIGNAL, pidfd, signal.SIGKILL, ctypes.c_void_p(0), 0)
    except ProcessLookupError:
        return


def die_with_parent(parent: int) -> None:
    """End this process when `parent` ends, also when it has already ended. Cleared by a change of uid."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def die_with_process(pidfd: int) -> None:
    """The same for a process in a namespace of its own, whose parent has no number there: by its descriptor."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    poller = select.poll()
    poller.register(pidfd, select.POLLIN)
    if poller.poll(0):
        os._exit(1)


def hide_memory() -> None:
    """Close /proc/<pid>/mem and ptrace to other processes of the same user."""
    _prctl(_PR_SET_DUMPABLE, 0)


def limit_resources(limits: Limits) -> None:
    """Lower this process's limits; they cannot be raised again without privilege."""
    wanted = {
        resource.RLIMIT_DATA: limits.memory,
        resource.RLIMIT_AS: limits.memory + ADDRESS_SPACE_BEYOND_MEMORY,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NOFILE: 64,
        resource.RLIMIT_MEMLOCK: 0,
        resource.RLIMIT_MSGQUEUE: 0,
    }
    if limits.threads is not None:
        wanted[resource.RLIMIT_NPROC] = limits.threads
    for kind, value in wanted.items():
        _lower(kind, value, value)
    _lower(resource.RLIMIT_CPU, limits.cpu_seconds, limits.cpu_seconds + 1)


def _lower(kind: int, soft: int, hard: int) -> None:
    ceiling = resource.getrlimit(kind)[1]
    if ceiling != resource.RLIM_INFINITY:
        soft, hard = min(soft, ceiling), min(hard, ceiling)
    resource.setrlimit(kind, (soft, hard))


def drop_user() -> None:
    """From root to nobody, groups too. Raises PermissionError in a container without that privilege."""
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)


def counts_own_threads() -> bool:
    """Enter a user namespace, in which RLIMIT_NPROC counts apart from everybody else. False where that is not so."""
    version = tuple(int(part) for part in os.uname().release.split(".")[:2])
    if version < _COUNTS_BY_USER_NAMESPACE:
        return False
    try:
        unshare(CLONE_NEWUSER)
    except OSError:
        return False
    return True


def unshare(flags: int) -> None:
    """Leave what `flags` name and get new ones, as unshare(2). Raises OSError."""
    checked(_libc.unshare(flags))


def checked(result: int) -> None:
    """Raises OSError where a call of the C library has failed."""
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def drop_capabilities() -> None:
    """Give up what root has, or a user namespace gave."""
    header = struct.pack("=Ii", _CAPABILITIES_VERSION_3, 0)
    checked(_libc.capset(header, bytes(24)))


# Landlock: include/uapi/linux/landlock.h
_FS_WRITE_FILE, _FS_READ_FILE, _FS_READ_DIR = 1 << 1, 1 << 2, 1 << 3
# The number of file rights that each version of the interface knows; the last entry holds for later ones.
_FS_RIGHTS_BY_ABI = (13, 14, 15, 15, 16)
_NET_BIND_AND_CONNECT_TCP = 0b11
_SCOPE_ABSTRACT_SOCKETS_AND_SIGNALS = 0b11
_RULE_PATH_BENEATH = 1
_CREATE_RULESET_VERSION = 1


def landlock_abi() -> int:
    """The version of Landlock that the kernel offers; 0 where it has none or has it switched off."""
    try:
        return syscall(_NR_LANDLOCK_CREATE_RULESET, ctypes.c_void_p(0), 0, _CREATE_RULESET_VERSION)
    except OSError:
        return 0


def landlock_rules(readable: Iterable[str]) -> int | None:
    """A rule set under which files may only be read, and only beneath `readable`; None without Landlock."""
    abi = landlock_abi()
    if not abi:
        return None
    rights = (1 << _FS_RIGHTS_BY_ABI[min(abi, len(_FS_RIGHTS_BY_ABI)) - 1]) - 1
    attributes = struct.pack("QQQ", rights, _NET_BIND_AND_CONNECT_TCP, _SCOPE_ABSTRACT_SOCKETS_AND_SIGNALS)
    attributes = attributes[: 24 if abi >= 6 else 16 if abi >= 4 else 8]
    ruleset = syscall(_NR_LANDLOCK_CREATE_RULESET, _pointer(attributes), len(attributes), 0)
    for path in readable:
        _landlock_allow(ruleset, path, _FS_READ_FILE | _FS_READ_DIR if os.path.isdir(path) else _FS_READ_FILE)
    _landlock_allow(ruleset, "/dev/urandom", _FS_READ_FILE)
    _landlock_allow(ruleset, "/dev/null", _FS_READ_FILE | _FS_WRITE_FILE)
    return ruleset


def _landlock_allow(ruleset: int, path: str, rights: int) -> None:
    try:
        folder = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        rule = struct.pack("=Qi", rights, folder)
        syscall(_NR_LANDLOCK_ADD_RULE, ruleset, _RULE_PATH_BENEATH, _pointer(rule), 0)
    finally:
        os.close(folder)


def landlock_enter(ruleset: int) -> None:
    """Hold this process to the rule set from now on. Needs no_new_privs."""
    syscall(_NR_LANDLOCK_RESTRICT_SELF, ruleset, 0)


def _pointer(data: bytes) -> ctypes.c_void_p:
    return ctypes.cast(ctypes.c_char_p(data), ctypes.c_void_p)


# seccomp: include/uapi/linux/{seccomp,filter,audit}.h
_SECCOMP_MODE_FILTER = 2
_KILL_PROCESS, _ERRNO, _ALLOW = 0x80000000, 0x00050000, 0x7FFF0000
_EPERM, _ENOSYS = 1, 38
_LOAD, _JUMP_EQUAL, _JUMP_AT_LEAST, _JUMP_ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER_OFFSET, _ARCH_OFFSET, _ARGUMENTS_OFFSET = 0, 4, 16
_X32_BIT = 0x40000000
_CLONE_THREAD = 0x10000
_MACHINES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}

# What Python and torch need once warm: name, number on x86_64, number on aarch64
# (arch/x86/entry/syscalls/syscall_64.tbl, include/uapi/asm-generic/unistd.h). Everything else fails with EPERM.
_CALLS = """
read 0 63, write 1 64, readv 19 65, writev 20 66, pread64 17 67, close 3 57, close_range 436 436,
lseek 8 62, open 2 -, openat 257 56, stat 4 -, lstat 6 -, 
access 21 -, faccessat 269 48, faccessat2 439 439, readlink 89 -,
readlinkat 267 78, getdents64 217 61, getcwd 79 17, poll 7 -,
ppoll 271 73, select 23 -, pselect6 270 72, mprotect 10 226, munmap 11 215, mremap 25 216,
madvise 28 233, brk 12 214, futex 202 98, set_robust_list 273 99,
get_robust_list 274 100, rseq 334 293, set_tid_address 218 96, gettid 186 178, getpid 39 172,
getppid 110 173, getuid 102 174, geteuid 107 175, getgid 104 176, getegid 108 177, getgroups 115 158,
getresuid 118 148, getresgid 120 150, getpgrp 111 -, getpgid 121 155, getsid 124 156, exit 60 93,
exit_group 231 94, rt_sigaction 13 134, rt_sigprocmask 14 135, rt_sigreturn 15 139,
rt_sigpending 127 136, rt_sigsuspend 130 133, rt_sigtimedwait 128 137, sigaltstack 131 132, pause 34 -,
restart_syscall 219 128, nanosleep 35 101, clock_nanosleep 230 115, clock_gettime 228 113,
clock_getres 229 114, gettimeofday 96 169, time 201 -, times 100 153, getrandom 318 278, uname 63 160,
getrlimit 97 163, getcpu 309 168, sched_yield 24 124,
sched_getaffinity 204 123, sched_getscheduler 145 120, sched_getparam 143 121, membarrier 324 283,
arch_prctl 158 -, alarm 37 -, setitimer 38 103, getitimer 36 102, umask 95 166
"""
_CLONE, _CLONE3 = (56, 220), (435, 435)
_PRCTL, _KILL, _TGKILL, _PRLIMIT, _IOCTL, _FCNTL = (157, 167), (62, 129), (234, 131), (302, 261), (16, 29), (72, 25)
# Not on the connection: its number among all sockets would tell what other workers have done.
_DESCRIPTOR_CALLS = """
fstat 5 80, newfstatat 262 79, statx 332 291, dup 32 23, dup2 33 -, dup3 292 24, fcntl 72 25
"""
_MMAP, _MAP_SHARED, _MAP_ANONYMOUS = (9, 222), 0x01, 0x20
_PRCTL_ALLOWED = (_PR_SET_NAME, _PR_GET_NAME, _PR_GET_DUMPABLE, _PR_SET_VMA)
# TCGETS (is it a terminal?), FIONREAD, FIONCLEX, FIOCLEX: include/uapi/asm-generic/ioctls.h
_IOCTL_ALLOWED = (0x5401, 0x541B, 0x5450, 0x5451)
# F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_DUPFD_CLOEXEC. Not F_SETOWN: it signals other processes.
_FCNTL_ALLOWED = (0, 1, 2, 3, 4, 1030)

_Instruction = tuple[int, int, int, int]


def seccomp_program(machine: str, pid: int) -> bytes | None:
    """The filter for a process `pid`, as struct sock_filter[]; None for a machine that has no table here."""
    if machine not in _MACHINES:
        return None
    arch, column = _MACHINES[machine]
    program: list[_Instruction] = [
        (_LOAD, 0, 0, _ARCH_OFFSET),
        (_JUMP_EQUAL, 1, 0, arch),
        (_RETURN, 0, 0, _KILL_PROCESS),
        (_LOAD, 0, 0, _NUMBER_OFFSET),
    ]
    if machine == "x86_64":
        program += [(_JUMP_AT_LEAST, 0, 1, _X32_BIT), (_RETURN, 0, 0, _KILL_PROCESS)]
    for number in _numbers(_CALLS, column):
        program += [(_JUMP_EQUAL, 0, 1, number), (_RETURN, 0, 0, _ALLOW)]
    for number in _numbers(_DESCRIPTOR_CALLS, column):
        refused: list[_Instruction] = [(_JUMP_EQUAL, 0, 1, CONNECTION), (_RETURN, 0, 0, _ERRNO | _EPERM)]
        if number == _FCNTL[column]:
            program += _when(number, 0, [*refused, *_loaded(1), *_allowed(_FCNTL_ALLOWED)])
        else:
            program += _when(number, 0, [*refused, (_RETURN, 0, 0, _ALLOW)])
    # Memory that is shared through a file would join two workers.
    program += _when(
        _MMAP[column],
        3,
        [
            (_JUMP_ANY_BIT, 0, 1, _MAP_ANONYMOUS), (_RETURN, 0, 0, _ALLOW),
            (_JUMP_ANY_BIT, 1, 0, _MAP_SHARED), (_RETURN, 0, 0, _ALLOW),
        ],
    )  # fmt: skip
    # glibc falls back to clone, whose flags a filter can read.
    program += [(_JUMP_EQUAL, 0, 1, _CLONE3[column]), (_RETURN, 0, 0, _ERRNO | _ENOSYS)]
    program += _when(_CLONE[column], 0, [(_JUMP_ANY_BIT, 0, 1, _CLONE_THREAD), (_RETURN, 0, 0, _ALLOW)])
    for number, position, values in (
        (_PRCTL[column], 0, _PRCTL_ALLOWED),
        (_KILL[column], 0, (pid,)),
        (_TGKILL[column], 0, (pid,)),
        (_PRLIMIT[column], 0, (0, pid)),
        (_IOCTL[column], 1, _IOCTL_ALLOWED),
    ):
        program += _when(number, position, _allowed(values))
    program.append((_RETURN, 0, 0, _ERRNO | _EPERM))
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in program)


def _when(number: int, position: int, steps: Sequence[_Instruction]) -> list[_Instruction]:
    """For this call: `steps` on the low word of an argument, then EPERM. Both machines are little-endian."""
    block = [*_loaded(position), *steps, (_RETURN, 0, 0, _ERRNO | _EPERM)]
    return [(_JUMP_EQUAL, 0, len(block), number), *block]


def _loaded(position: int) -> list[_Instruction]:
    return [(_LOAD, 0, 0, _ARGUMENTS_OFFSET + 8 * position)]


def _allowed(values: Iterable[int]) -> list[_Instruction]:
    return [step for value in values for step in ((_JUMP_EQUAL, 0, 1, value), (_RETURN, 0, 0, _ALLOW))]


def _numbers(calls: str, column: int) -> list[int]:
    """Of these calls on one machine."""
    listed = (entry.split()[1 + column] for entry in calls.split(","))
    return [int(number) for number in listed if number != "-"]


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]


def seccomp_enter() -> bool:
    """Hold this process to the filter from now on. Needs no_new_privs. False where that cannot be done."""
    code = seccomp_program(platform.machine(), os.getpid())
    if code is None:
        return False
    program = _Program(len(code) // 8, _pointer(code))
    try:
        _prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.cast(ctypes.pointer(program), ctypes.c_void_p))
    except OSError:
        return False
    return True


def enter(limits: Limits, *, parent: int, ruleset: int | None, drop: bool, without: Collection[str] = ()) -> list[str]:
    """Shut this process in and return the layers that hold, in the order in which they were applied.

    parent: a descriptor of the process with which this one ends. `ruleset` comes from `landlock_rules`, made while
    the paths could still be opened; `drop`: become nobody. `without` leaves layers out, so that the self-test can be
    tested.
    """
    layers = []
    if drop:
        with contextlib.suppress(PermissionError):
            drop_user()
            layers.append("uid")
    if "limits" not in without:
        if counts_own_threads():
            layers.append("threads")
        else:
            limits = dataclasses.replace(limits, threads=None)  # the limit would be shared with others
        limit_resources(limits)
        layers.append("limits")
    hide_memory()
    drop_capabilities()
    die_with_process(parent)
    os.close(parent)
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    if ruleset is not None:
        if "landlock" not in without:
            landlock_enter(ruleset)
            layers.append("landlock")
        os.close(ruleset)
    if "seccomp" not in without and seccomp_enter():
        layers.append("seccomp")
    return layers
