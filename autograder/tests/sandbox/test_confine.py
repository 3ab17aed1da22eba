"""The confinement's parts on their own: the seccomp filter is run by a small interpreter, for both machines."""

from __future__ import annotations

import os
import re
import resource
import signal
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from autograder.sandbox.worker import confine
from autograder.sandbox.worker.confine import Limits

PID = 4321
ALLOW, EPERM, ENOSYS, KILL = 0x7FFF0000, 0x00050001, 0x00050026, 0x80000000
ARCHES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
HEADERS = {
    "x86_64": ("/usr/include/x86_64-linux-gnu/asm/unistd_64.h", "/usr/include/asm/unistd_64.h"),
    "aarch64": ("/usr/include/asm-generic/unistd.h",),
}


def verdict(machine: str, number: int, *arguments: int, arch: int | None = None) -> int:
    """What the filter returns for a call: a classic BPF machine with the five operations that the filter uses."""
    code = confine.seccomp_program(machine, PID)
    assert code is not None
    words = [*arguments, *[0] * (6 - len(arguments))]
    data = struct.pack("=iIQ6Q", number, ARCHES[machine] if arch is None else arch, 0, *words)
    program = list(struct.iter_unpack("=HBBI", code))
    accumulator, step = 0, 0
    while True:
        operation, then, otherwise, operand = program[step]
        step += 1
        if operation == 0x06:
            return int(operand)
        if operation == 0x20:
            (accumulator,) = struct.unpack_from("=I", data, operand)
            continue
        holds = {
            0x15: accumulator == operand,
            0x35: accumulator >= operand,
            0x45: bool(accumulator & operand),
        }[operation]
        step += then if holds else otherwise


@pytest.mark.parametrize(("column", "machine"), list(enumerate(ARCHES)))
@pytest.mark.parametrize(
    ("numbers", "arguments", "expected"),
    [
        pytest.param((0, 63), (), ALLOW, id="read"),
        pytest.param((1, 64), (), ALLOW, id="write"),
        pytest.param((202, 98), (), ALLOW, id="futex"),
        pytest.param((9, 222), (), ALLOW, id="mmap"),
        pytest.param((231, 94), (), ALLOW, id="exit_group"),
        pytest.param((41, 198), (2, 1, 0), EPERM, id="socket"),
        pytest.param((42, 203), (), EPERM, id="connect"),
        pytest.param((44, 206), (), EPERM, id="sendto"),
        pytest.param((59, 221), (), EPERM, id="execve"),
        pytest.param((101, 117), (), EPERM, id="ptrace"),
        pytest.param((310, 270), (), EPERM, id="process_vm_readv"),
        pytest.param((165, 40), (), EPERM, id="mount"),
        pytest.param((425, 425), (), EPERM, id="io_uring_setup"),
        pytest.param((424, 424), (), EPERM, id="pidfd_send_signal"),
        pytest.param((9999, 9999), (), EPERM, id="a call of the future"),
        pytest.param((435, 435), (), ENOSYS, id="clone3"),
        pytest.param((56, 220), (0x003D0F00,), ALLOW, id="a new thread"),
        pytest.param((56, 220), (0x01200011,), EPERM, id="a new process"),
        pytest.param((56, 220), (0x4111,), EPERM, id="a vfork"),
        pytest.param((62, 129), (PID, 15), ALLOW, id="kill itself"),
        pytest.param((62, 129), (1, 9), EPERM, id="kill another"),
        pytest.param((62, 129), (0xFFFFFFFF, 9), EPERM, id="kill all"),
        pytest.param((62, 129), (0, 9), EPERM, id="kill the group"),
        pytest.param((234, 131), (PID, PID + 1, 6), ALLOW, id="signal an own thread"),
        pytest.param((234, 131), (1, 1, 9), EPERM, id="signal another's thread"),
        pytest.param((302, 261), (0,), ALLOW, id="read own limits"),
        pytest.param((302, 261), (1,), EPERM, id="change another's limits"),
        pytest.param((157, 167), (15,), ALLOW, id="name a thread"),
        pytest.param((157, 167), (1, 0), EPERM, id="outlive the parent"),
        pytest.param((157, 167), (4, 1), EPERM, id="show its memory"),
        pytest.param((16, 29), (1, 0x5401), ALLOW, id="ask for a terminal"),
        pytest.param((16, 29), (1, 0x5412), EPERM, id="type into a terminal"),
        pytest.param((72, 25), (1, 1030), ALLOW, id="copy a descriptor"),
        pytest.param((72, 25), (1, 8), EPERM, id="have a descriptor signal another"),
        pytest.param((72, 25), (3, 1030), EPERM, id="copy the connection"),
        pytest.param((32, 23), (3,), EPERM, id="copy the connection by dup"),
        pytest.param((292, 24), (3, 9), EPERM, id="copy the connection by dup3"),
        pytest.param((32, 23), (4,), ALLOW, id="copy another descriptor by dup"),
        pytest.param((5, 80), (3,), EPERM, id="ask for the connection's number"),
        pytest.param((262, 79), (3,), EPERM, id="ask for the connection's number by a path"),
        pytest.param((332, 291), (3,), EPERM, id="ask for the connection's number by statx"),
        pytest.param((5, 80), (4,), ALLOW, id="ask for a file's number"),
        pytest.param((9, 222), (0, 1, 1, 0x01, 5), EPERM, id="share memory through a file"),
        pytest.param((9, 222), (0, 1, 1, 0x03, 5), EPERM, id="share memory through a file with care"),
        pytest.param((9, 222), (0, 1, 1, 0x02, 5), ALLOW, id="map a library"),
        pytest.param((9, 222), (0, 1, 1, 0x21), ALLOW, id="memory shared with itself"),
        pytest.param((27, 232), (), EPERM, id="ask which files were read"),
        pytest.param((99, 179), (), EPERM, id="ask for the machine's load"),
        pytest.param((98, 165), (), EPERM, id="ask for page faults"),
        pytest.param((137, 43), (), EPERM, id="ask for a disk's free space"),
    ],
)
def test_the_filter_lets_only_what_a_worker_needs(
    numbers: tuple[int, int], arguments: tuple[int, ...], expected: int, column: int, machine: str
) -> None:
    assert verdict(machine, numbers[column], *arguments) == expected


@pytest.mark.parametrize("machine", ARCHES)
def test_calls_by_another_machines_numbers_kill(machine: str) -> None:
    assert verdict(machine, 0, arch=0x40000003) == KILL


def test_calls_by_the_32_bit_pointer_numbers_kill() -> None:
    assert verdict("x86_64", 0x40000000) == KILL


def test_a_high_argument_word_does_not_pass_for_a_low_one() -> None:
    assert verdict("x86_64", 56, 0x10000 << 32) == EPERM


def test_a_machine_without_a_table_has_no_filter() -> None:
    assert confine.seccomp_program("riscv64", PID) is None


def test_the_numbers_of_the_calls_are_the_kernels() -> None:
    """Against the headers, where they are installed: a wrong number would open another call."""
    for column, machine in enumerate(ARCHES):
        header = next((Path(path) for path in HEADERS[machine] if Path(path).exists()), None)
        if header is None:
            continue
        text = header.read_text()
        known = {name: int(number) for name, number in re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", text)}
        known.setdefault("newfstatat", known.get("fstatat", -1))
        listed = (entry.split() for entry in f"{confine._CALLS},{confine._DESCRIPTOR_CALLS}".split(","))
        wrong = {e[0]: e[1 + column] for e in listed if e[1 + column] not in ("-", str(known.get(e[0])))}
        assert wrong == {}, machine


def in_a_child(act: Callable[[], object]) -> int:
    """Exit code of `act` in a process of its own; minus the signal that killed it; 99 for an exception."""
    pid = os.fork()
    if pid == 0:
        try:
            act()
        except BaseException:
            os._exit(99)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_limits_hold_and_cannot_be_raised() -> None:
    def act() -> None:
        confine.limit_resources(Limits(memory=1 << 30, cpu_seconds=7, threads=50))
        assert resource.getrlimit(resource.RLIMIT_DATA) == (1 << 30, 1 << 30)
        assert resource.getrlimit(resource.RLIMIT_CPU) == (7, 8)
        assert resource.getrlimit(resource.RLIMIT_NPROC)[0] == 50
        assert resource.getrlimit(resource.RLIMIT_FSIZE) == (0, 0)
        assert resource.getrlimit(resource.RLIMIT_CORE) == (0, 0)

    assert in_a_child(act) == 0


def test_a_limit_that_is_lower_already_stays() -> None:
    def act() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (20, 20))
        confine.limit_resources(Limits(memory=1 << 30, cpu_seconds=7))
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (20, 20)

    assert in_a_child(act) == 0


def test_a_worker_whose_parent_has_gone_ends() -> None:
    assert in_a_child(lambda: confine.die_with_parent(os.getppid() + 1)) == 1


def test_a_worker_in_processes_of_its_own_ends_with_its_parent() -> None:
    """As `confine.die_with_process` is used, but with a parent that has ended already."""
    other = os.fork()
    if other == 0:
        signal.pause()
    descriptor = confine.pidfd_open(other)
    assert in_a_child(lambda: confine.die_with_process(descriptor)) == 0
    os.kill(other, signal.SIGKILL)
    os.waitpid(other, 0)
    assert in_a_child(lambda: confine.die_with_process(descriptor)) == 1
    os.close(descriptor)


def test_landlock_leaves_only_the_named_folders_to_read(tmp_path: Path) -> None:
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    for folder in (inside, outside):
        folder.mkdir()
        (folder / "file").write_text("words")

    grader = confine.pidfd_open(os.getpid())

    def act() -> None:
        ruleset = confine.landlock_rules([str(inside), str(tmp_path / "missing")])
        layers = confine.enter(
            Limits(1 << 40, 100), parent=grader, ruleset=ruleset, drop=False, without=("seccomp", "limits")
        )
        assert layers == ["landlock"]
        assert (inside / "file").read_text() == "words"
        for attempt in (
            lambda: (outside / "file").read_text(),
            lambda: (inside / "new").touch(),
            lambda: os.listdir("/"),
        ):
            with pytest.raises(PermissionError):
                attempt()

    assert confine.landlock_abi() > 0
    assert in_a_child(act) == 0
    os.close(grader)


def test_a_process_descriptor_kills_once_and_then_does_nothing() -> None:
    pid = os.fork()
    if pid == 0:
        signal.pause()
    descriptor = confine.pidfd_open(pid)
    confine.pidfd_kill(descriptor)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL
    confine.pidfd_kill(descriptor)
    os.close(descriptor)
