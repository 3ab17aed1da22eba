"""The sandbox against real workers: what hostile code tries, how a worker ends, what becomes of the processes."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import torch

from autograder.sandbox.sandbox import Sandbox, SandboxError, Worker
from autograder.sandbox.worker import confine
from autograder.sandbox.worker_process import is_readable
from autograder.tests.sandbox.hostile import ATTEMPTS, Attempt, Raises
from kit import CheckFailed, assert_same
from kit.student import STUDENT_ERRORS, Student, StudentCrashed, StudentError, StudentTimeout
from kit.wire import WireError

SECRET = "a-secret-of-the-grader"
PACKAGE = "shippedlib"
SECONDS = 30.0
BRIEFLY = 0.5


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An assignment's folder: the package that ships, and beside it what must not be seen."""
    folder = tmp_path_factory.mktemp("course") / "assignments" / "set"
    (folder / PACKAGE).mkdir(parents=True)
    (folder / PACKAGE / "__init__.py").write_text('"""Ships."""\n')
    (folder / PACKAGE / "shapes.py").write_text("def width(values):\n    return values.shape[-1]\n")
    (folder / "test_hidden.py").write_text("expected = 42\n")
    folder.parent.parent.chmod(0o755)
    return folder


@pytest.fixture(scope="module")
def sandbox(library: Path) -> Iterator[Sandbox]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AUTOGRADER_SECRET", SECRET)
        with Sandbox.start(library, PACKAGE) as started:
            yield started


@pytest.fixture(scope="module")
def bare(library: Path) -> Iterator[Sandbox]:
    with Sandbox.start(library, PACKAGE, bubblewrap=False) as started:
        yield started


@pytest.fixture(scope="module")
def guesses(library: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Code that tells a hostile cell where to look."""
    canary = tmp_path_factory.mktemp("outside") / "canary"
    canary.write_text("no student should read this")
    tests, repository = str(library / "test_hidden.py"), str(library.parent.parent)
    return f"CANARY, TESTS, REPOSITORY, SECRET = {str(canary)!r}, {tests!r}, {repository!r}, {SECRET!r}\n"


def answers(sandbox: Sandbox) -> bool:
    """Whether an honest student is served."""
    with sandbox.worker() as worker:
        student = Student(worker, call_seconds=SECONDS)
        student.load_cell("honest", "def double(x): return 2 * x")
        return bool(torch.equal(student.double(torch.ones(2)), torch.full((2,), 2.0)))


@pytest.mark.parametrize("attempt", ATTEMPTS, ids=str)
def test_a_hostile_cell_gains_nothing_and_the_next_student_is_served(
    attempt: Attempt, sandbox: Sandbox, guesses: str
) -> None:
    expected = attempt.outcome
    endless = isinstance(expected, Raises) and expected.error is StudentTimeout
    with sandbox.worker(memory=1 << 30) as worker:
        student = Student(worker, call_seconds=BRIEFLY if endless else SECONDS)
        if isinstance(expected, Raises):
            with pytest.raises(_class_of(expected)) as caught:
                student.load_cell("hostile", guesses + attempt.source)
                student.attempt()
            assert expected.text in _told(caught.value), f"{caught.value}\n{getattr(caught.value, 'trace', '')}"
        else:
            student.load_cell("hostile", guesses + attempt.source)
            assert student.attempt() == expected
    assert answers(sandbox)


def _class_of(expected: Raises) -> type[Exception]:
    if isinstance(expected.error, str):
        return STUDENT_ERRORS.get(expected.error, StudentError)
    return expected.error


def _told(error: Exception) -> str:
    return error.report() if isinstance(error, StudentError) else str(error)


def test_every_threat_is_tried_in_at_least_two_ways() -> None:
    tried = [attempt.threat for attempt in ATTEMPTS]
    assert {threat for threat in tried if tried.count(threat) >= 2} == {1, 2, 3, 4, 5}


# --- tampering: judged here, where nothing was touched

PATCHES = """
import torch
torch.allclose = torch.equal = torch.testing.assert_close = lambda *a, **k: True
torch.Tensor.__eq__ = lambda self, other: torch.ones(self.shape, dtype=torch.bool)
torch.set_default_dtype(torch.float64)
torch.manual_seed = lambda seed: None
class Equal(torch.Tensor):
    def __eq__(self, other): return True
    @classmethod
    def __torch_function__(cls, f, types, args=(), kwargs=None):
        if f in (torch.Tensor.shape.__get__, torch.Tensor.size): return torch.Size([2])
        return super().__torch_function__(f, types, args, kwargs or {})
def wrong(x): return x + 1
def equal(x): return (x + 1).as_subclass(Equal)
def wide(): return torch.zeros(2)
def nan(x): return x * float('nan')
"""


@pytest.fixture
def tampering(sandbox: Sandbox) -> Iterator[Student]:
    with sandbox.worker() as worker:
        student = Student(worker, call_seconds=SECONDS)
        student.load_cell("patches", PATCHES)
        yield student


@pytest.mark.parametrize("name", ["wrong", "equal", "nan"])
def test_a_wrong_tensor_stays_wrong_whatever_was_patched(name: str, tampering: Student) -> None:
    answer = getattr(tampering, name)(torch.zeros(2))
    assert type(answer) is torch.Tensor
    with pytest.raises(CheckFailed):
        assert_same(answer, torch.zeros(2), what="the answer")


def test_a_subclass_of_tensor_is_told_by_its_flag(tampering: Student) -> None:
    tampering.equal(torch.zeros(2))
    assert "subclass" in tampering.flags


def test_an_input_spoilt_there_is_whole_here_and_told(sandbox: Sandbox) -> None:
    given = torch.ones(3)
    with sandbox.worker() as worker:
        student = Student(worker, call_seconds=SECONDS)
        student.load_cell("spoil", "def spoil(x): return x.zero_()")
        student.spoil(given)
    assert torch.equal(given, torch.ones(3))
    assert not student.unchanged_inputs


def test_a_default_dtype_changed_there_is_not_changed_here(tampering: Student) -> None:
    assert tampering.wide().dtype == torch.float64
    assert torch.zeros(1).dtype == torch.float32


@pytest.mark.parametrize(
    "mark",
    [
        "import torch\ntorch.marker = 1",
        "import os\nos.environ['MARKER'] = '1'",
        f"import {PACKAGE}.shapes\n{PACKAGE}.shapes.width = None",
        "import torch\ntorch.manual_seed(7)",
        "import builtins\nbuiltins.marker = 1",
    ],
)
def test_what_one_worker_changes_the_next_does_not_see(mark: str, sandbox: Sandbox) -> None:
    look = (
        f"import builtins, os, torch, {PACKAGE}.shapes as s\n"
        "def look(): return [hasattr(torch, 'marker'), 'MARKER' in os.environ, s.width is None, "
        "hasattr(builtins, 'marker'), torch.initial_seed()]"
    )
    seen = []
    for source in (mark, "pass"):
        with sandbox.worker() as worker:
            student = Student(worker, call_seconds=SECONDS)
            student.load_cell("mark", source)
            student.load_cell("look", look)
            seen.append(student.look())
    assert seen[0] != seen[1] == [False, False, False, False, 0]


# What a worker does that another one could see traces of, and all that it can see.
DOES = {
    "starts threads": "import threading\n"
    "for _ in range(40):\n  thread = threading.Thread(target=int)\n  thread.start()\n  thread.join()",
    "holds threads": "import threading, time\nthreads = [threading.Thread(target=time.sleep, args=(99,), daemon=True)"
    " for _ in range(30)]\nfor thread in threads: thread.start()",
    "reads a file": f"import {PACKAGE}\ntry: open({PACKAGE}.__path__[0] + '/shapes.py').read()\nexcept OSError: pass",
    "looks for files": "import os\nfor n in range(9999): os.path.exists(f'/proc/self/fdinfo/{n}')",
    "copies descriptors": "import os\nfor _ in range(20): os.dup(0)",
    "takes memory": "import mmap\nrooms = [mmap.mmap(-1, 1 << 20) for _ in range(50)]\n"
    "for room in rooms: room.write(bytes(1 << 20))",
    "draws": "import random, numpy, torch\nrandom.random(), numpy.random.rand(), torch.rand(1)",
    "works": "sum(range(3_000_000))",
    "sets signals, names and masks": "import os, signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nos.umask(0o70)",
    "dies": "import ctypes\nctypes.string_at(0)",
}
SEES = f"""
import ctypes, os, resource, signal, threading
import numpy, torch, {PACKAGE}

def _told(act):
    try:
        return str(act())
    except OSError as error:
        return type(error).__name__

def sees():
    libc = ctypes.CDLL(None, use_errno=True)
    numbers = []
    thread = threading.Thread(target=lambda: numbers.append(threading.get_native_id()))
    thread.start()
    thread.join()
    files = ["/dev/null", "/dev/shm", "/proc", "/sys", "/run", {PACKAGE}.__path__[0] + "/shapes.py"]
    room = ctypes.create_string_buffer(512)
    return {{
        "processes": [os.getpid(), os.getppid(), os.getpgrp(), os.getsid(0), threading.get_native_id(), *numbers],
        "user": [*os.getresuid(), *os.getresgid(), *os.getgroups()],
        "descriptors": [_told(lambda n=n: tuple(os.fstat(n))) for n in range(16)],
        "copies": [_told(lambda: os.dup(3)), _told(lambda: os.dup(0)), _told(lambda: os.stat(3))],
        "files": [_told(lambda file=file: tuple(os.stat(file))) for file in files],
        "names": [_told(lambda file=file: os.listdir(file)) for file in files],
        "room": [_told(lambda file=file: tuple(os.statvfs(file))) for file in files],
        "links": [_told(lambda n=n: os.readlink(f"/proc/self/{{n}}")) for n in ("", "fd/3", "exe", "ns/pid")],
        "others": [n for n in range(5000) if os.path.exists(f"/proc/{{n}}")],
        "children": list(os.times()[2:4]),
        "usage": [_told(lambda who=who: resource.getrusage(who)) for who in (0, 1, -1)],
        "load": [_told(os.getloadavg), libc.sysinfo(room)],
        "cache": [libc.mincore(ctypes.addressof(room) & ~4095, 1, room)],
        "limits": [list(resource.getrlimit(kind)) for kind in range(16)],
        "signals": [str(signal.getsignal(n)) for n in (1, 2, 10, 15)] + [str(signal.getitimer(0))],
        "mask": os.umask(0),
        "drawn": [numpy.random.rand(), torch.rand(1).item()],
        "hash": hash("text"),
        "processors": sorted(os.sched_getaffinity(0)),
    }}
"""


@pytest.mark.parametrize("level", ["sandbox", "bare"])
def test_a_worker_sees_nothing_of_what_others_did_before_it(
    level: str, library: Path, request: pytest.FixtureRequest
) -> None:
    confined: Sandbox = request.getfixturevalue(level)
    os.utime(library / PACKAGE / "shapes.py", (1, 2))  # a file that was not read since it was written
    seen = {"nothing": seen_in_a_worker(confined)}
    for name, source in DOES.items():
        with confined.worker() as worker, suppress(StudentCrashed):
            Student(worker, call_seconds=SECONDS).load_cell("does", source)
            seen[f"while another one {name}"] = seen_in_a_worker(confined)
        seen[f"after one that {name}"] = seen_in_a_worker(confined)
    assert seen == dict.fromkeys(seen, seen["nothing"])
    assert seen["nothing"]["processes"] == [1, 0, 1, 1, 1, 2]


def seen_in_a_worker(sandbox: Sandbox) -> dict[str, Any]:
    with sandbox.worker() as worker:
        student = Student(worker, call_seconds=SECONDS)
        student.load_cell("sees", SEES)
        seen: dict[str, Any] = student.sees()
        return seen


@pytest.mark.parametrize("level", ["sandbox", "bare"])
@pytest.mark.parametrize(
    "start",
    [
        "threading.Thread(target=spin, daemon=True).start()",
        "libc.clone(wait, ctypes.c_void_p(ctypes.addressof(stack) + 4096 * (n + 1)), 0x10d00, None)",
    ],
    ids=["in Python", "in native code"],
)
def test_a_worker_with_too_many_threads_is_ended(level: str, start: str, request: pytest.FixtureRequest) -> None:
    source = (
        "import ctypes, threading, time\nlibc = ctypes.CDLL(None)\nstack = ctypes.create_string_buffer(4096 * 999)\n"
        "wait = ctypes.cast(libc.pause, ctypes.c_void_p)\ndef spin():\n  while True: pass\n"
        f"for n in range(240):\n  {start}\ntime.sleep(99)"
    )
    confined: Sandbox = request.getfixturevalue(level)
    with confined.worker() as worker:
        with pytest.raises(StudentCrashed, match="it started more than 64 threads"):
            Student(worker, call_seconds=SECONDS).load_cell("threads", source)


@pytest.mark.parametrize("level", ["sandbox", "bare"])
def test_threads_that_an_answer_leaves_behind_are_counted_at_the_next_question(
    level: str, request: pytest.FixtureRequest
) -> None:
    source = "import threading, time\nfor _ in range(80): threading.Thread(target=time.sleep, args=(99,)).start()"
    confined: Sandbox = request.getfixturevalue(level)
    with confined.worker() as worker:
        student = Student(worker, call_seconds=SECONDS)
        with pytest.raises(StudentCrashed, match="it started more than 64 threads"):
            student.load_cell("threads", source)
            student.load_cell("more", "pass")


@pytest.mark.parametrize("level", ["sandbox", "bare"])
def test_the_threads_of_one_worker_leave_another_its_own(level: str, request: pytest.FixtureRequest) -> None:
    source = (
        "import threading, time\nrunning = [threading.Thread(target=time.sleep, args=(99,), daemon=True)"
        " for _ in range(60)]\nfor thread in running: thread.start()"
    )
    confined: Sandbox = request.getfixturevalue(level)
    with ExitStack() as stack:
        for _ in range(6):
            student = Student(stack.enter_context(confined.worker()), call_seconds=SECONDS)
            student.load_cell("threads", source)
            student.load_cell("served", "pass")


@pytest.mark.parametrize("level", ["sandbox", "bare"])
def test_a_worker_holds_no_capability(level: str, request: pytest.FixtureRequest) -> None:
    confined: Sandbox = request.getfixturevalue(level)
    with confined.worker() as worker:
        assert status_of(worker, "CapEff") == status_of(worker, "CapPrm") == "0" * 16
        assert status_of(worker, "NoNewPrivs") == "1"


def status_of(worker: Worker, field: str) -> str:
    lines = Path(f"/proc/{_pid(worker)}/status").read_text().splitlines()
    return next(line.split()[1] for line in lines if line.startswith(f"{field}:"))


@pytest.mark.parametrize("level", ["sandbox", "bare"])
def test_each_worker_has_a_session_of_its_own(level: str, request: pytest.FixtureRequest) -> None:
    confined: Sandbox = request.getfixturevalue(level)
    with confined.worker() as first, confined.worker() as second:
        sessions = {os.getsid(_pid(worker)) for worker in (first, second)} | {os.getsid(0)}
    assert len(sessions) == 3


# --- confinement, by trial


def test_this_machine_confines_as_well_as_it_must(sandbox: Sandbox) -> None:
    required = os.environ.get("AUTOGRADER_REQUIRE_ISOLATION", sandbox.level)
    assert (sandbox.level, sandbox.notes) == (required, []), sandbox.findings


def test_without_bubblewrap_everything_is_still_refused(bare: Sandbox) -> None:
    assert bare.level == "good", bare.findings
    assert "bubblewrap" not in bare.layers
    assert answers(bare)


@pytest.mark.parametrize(
    ("layer", "attempts"),
    [
        ("landlock", {"read a file outside"}),
        ("seccomp", {"open a socket", "share memory", "start a process"}),
        ("limits", {"raise its limits"}),
    ],
)
def test_the_self_test_notices_a_missing_layer(layer: str, attempts: set[str], bare: Sandbox) -> None:
    level, findings, layers = bare.examine(without=(layer,))
    assert level == "weak"
    assert layer not in layers
    assert attempts <= {attempt for attempt, outcome in findings.items() if outcome == "ALLOWED"}


def test_a_machine_that_counts_no_workers_threads_is_told_what_follows(bare: Sandbox) -> None:
    before = list(bare.notes)
    bare.examine(without=("limits",))
    assert [note for note in bare.notes if "limits no worker's threads" in note]
    bare.notes[:] = before


def test_a_late_import_works_in_a_worker(sandbox: Sandbox) -> None:
    with sandbox.worker() as worker:
        student = Student(worker, call_seconds=SECONDS)
        student.load_cell(
            "late", "def late():\n  import colorsys, torch.utils.bundled_inputs\n  return colorsys.ONE_THIRD"
        )
        assert student.late() == pytest.approx(1 / 3)


def test_training_runs_in_a_worker(sandbox: Sandbox) -> None:
    source = (
        "import torch\nfrom torch import nn\n"
        "def train():\n  net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(8, 1))\n"
        "  for make in (torch.optim.AdamW, torch.optim.SGD, torch.optim.LBFGS):\n"
        "    optimizer = make(net.parameters(), lr=1e-3)\n"
        "    def closure():\n      loss = net(torch.ones(2, 1, 4, 4)).square().mean()\n      loss.backward()\n"
        "      return loss\n"
        "    loss = optimizer.step(closure)\n  return loss.item()\n"
        "def plot():\n  import matplotlib.pyplot as plt\n  figure, axes = plt.subplots()\n  axes.plot([1, 2])\n"
        "  figure.canvas.draw()\n  return torch.get_num_threads()\n"
    )
    with sandbox.worker() as worker:
        student = Student(worker, call_seconds=SECONDS)
        student.load_cell("train", source)
        assert student.train() >= 0
        assert student.plot() == 1


# --- how a worker ends


def test_a_worker_is_dead_after_its_first_timeout(sandbox: Sandbox) -> None:
    with sandbox.worker() as worker:
        student = Student(worker, call_seconds=BRIEFLY)
        with pytest.raises(StudentTimeout, match="no answer within 0.5 seconds of processor time"):
            student.load_cell("loop", "while True: pass")
        with pytest.raises(StudentCrashed, match="ended already"):
            student.load_cell("more", "x = 1")


def test_a_worker_that_sleeps_meets_the_wider_limit_on_the_clock(sandbox: Sandbox) -> None:
    with sandbox.worker() as worker:
        with pytest.raises(StudentTimeout, match="10 times that on the clock"):
            Student(worker, call_seconds=0.1).load_cell("sleep", "import time\ntime.sleep(1000)")
        assert worker.processor_seconds < 0.1


@contextmanager
def busy_machine() -> Iterator[None]:
    """Five processes a core that take all the processor time they can get."""
    command = [sys.executable, "-S", "-c", "while True: pass"]
    running = [subprocess.Popen(command) for _ in range(5 * (os.cpu_count() or 1))]
    try:
        yield
    finally:
        for process in running:
            process.kill()
            process.wait()


WORK = """
import time

def work(seconds):
    start = time.process_time()
    while time.process_time() - start < seconds:
        pass
    return seconds
"""


def test_a_busy_machine_costs_nobody_an_answer_and_spares_no_endless_loop(sandbox: Sandbox) -> None:
    with busy_machine(), sandbox.worker() as worker:
        student = Student(worker, call_seconds=1.0)
        student.load_cell("work", WORK)
        assert student.work(0.6) == 0.6
        with pytest.raises(StudentTimeout, match="of processor time"):
            student.work(60.0)


def test_processor_time_is_limited_over_a_workers_life(sandbox: Sandbox) -> None:
    with sandbox.worker(cpu_seconds=1) as worker:
        student = Student(worker, call_seconds=SECONDS)
        with pytest.raises(StudentTimeout, match="its 1 seconds of processor time"):
            student.load_cell("loop", "while True: pass")


def test_resident_memory_is_watched_from_outside(sandbox: Sandbox) -> None:
    source = "import mmap, time\nroom = mmap.mmap(-1, 700 << 20)\n"
    source += "for _ in range(700): room.write(bytes(1 << 20))\ntime.sleep(100)"
    with sandbox.worker(memory=800 << 20) as worker:
        student = Student(worker, call_seconds=SECONDS)
        with pytest.raises(StudentCrashed, match="more than 800 MiB of memory"):
            student.load_cell("hog", source)


def test_an_answer_before_the_question_is_refused(sandbox: Sandbox) -> None:
    with sandbox.worker() as worker:
        student = Student(worker, call_seconds=SECONDS)
        student.load_cell("twice", "import worker.zygote as z\nsay = z._send\nz._send = lambda f: (say(f), say(f))")
        student.load_cell("said twice", "pass")
        assert is_readable(worker._connection, SECONDS)
        with pytest.raises(WireError, match="without a question"):
            student.load_cell("next", "pass")


def test_large_tensors_cross_whole(sandbox: Sandbox) -> None:
    images = torch.arange(3_000_000, dtype=torch.float32)
    with sandbox.worker() as worker:
        student = Student(worker, call_seconds=SECONDS)
        student.load_cell("double", "def double(x): return 2 * x")
        assert torch.equal(student.double(images), 2 * images)


def test_a_frame_that_is_not_read_meets_the_deadline(sandbox: Sandbox) -> None:
    with sandbox.worker() as worker:
        os.kill(_pid(worker), signal.SIGSTOP)
        with pytest.raises(StudentTimeout):
            worker.exchange(bytes(20 << 20), BRIEFLY)


def _pid(worker: Worker) -> int:
    assert worker._pid is not None
    return worker._pid


# --- the processes themselves


def test_a_dead_zygote_is_replaced_and_closing_ends_every_process(library: Path) -> None:
    with Sandbox.start(library, PACKAGE, bubblewrap=False) as sandbox:
        first = sandbox._zygote
        with sandbox.worker() as worker:
            first.process.kill()
            first.process.wait()
            with pytest.raises(SandboxError):
                Student(worker, call_seconds=SECONDS).load_cell("sleep", "import time\ntime.sleep(1000)")
        assert answers(sandbox)
        assert sandbox._zygote is not first
        workers = [sandbox.worker() for _ in range(3)]
        processes = [sandbox._zygote.process.pid, *map(_pid, workers)]
        assert all(Path(f"/proc/{pid}").exists() for pid in processes)
    assert not any(Path(f"/proc/{pid}").exists() for pid in processes)
    for worker in workers:
        worker.close()


GRADER = """
import os, sys, time
from pathlib import Path
from autograder.sandbox.sandbox import Sandbox
from kit.student import Student
sandbox = Sandbox.start(Path(sys.argv[1]), sys.argv[2], bubblewrap=sys.argv[3] == "strong")
if os.fork() == 0:
    worker = sandbox.worker()
    Student(worker).load_cell("ready", "pass")
    os.write(1, f"{worker._pid} {sandbox._zygote.process.pid}\\n".encode())
    Student(worker, call_seconds=1000).load_cell("sleep", "import time\\nwhile True: time.sleep(1000)")
time.sleep(1000)
"""


@pytest.mark.parametrize("level", ["strong", "good"])
def test_no_process_is_left_when_the_grader_is_killed(level: str, library: Path) -> None:
    grader = subprocess.Popen(
        [sys.executable, "-c", GRADER, str(library), PACKAGE, level],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    assert grader.stdout is not None
    with grader.stdout:
        pids = [int(word) for word in grader.stdout.readline().split()]
        descriptors = [confine.pidfd_open(pid) for pid in pids]
        assert len(pids) == 2
        grader.kill()
        grader.wait()
        for descriptor in descriptors:
            poller = select.poll()
            poller.register(descriptor, select.POLLIN)
            assert poller.poll(SECONDS * 1000), "a process outlived the grader"
            os.close(descriptor)
    os.killpg(grader.pid, signal.SIGKILL)


def test_processes_forked_from_the_grader_share_its_zygote(sandbox: Sandbox) -> None:
    children = []
    for number in range(3):
        pid = os.fork()
        if pid == 0:
            os._exit(0 if all(answers(sandbox) for _ in range(number + 1)) else 1)
        children.append(pid)
    assert [os.waitpid(pid, 0)[1] for pid in children] == [0, 0, 0]
    assert answers(sandbox)


def test_no_descriptor_is_left_open(sandbox: Sandbox) -> None:
    before = len(os.listdir("/proc/self/fd"))
    for source in ("pass", "import os\nos._exit(0)"):
        with sandbox.worker() as worker:
            try:
                Student(worker, call_seconds=SECONDS).load_cell("cell", source)
            except StudentCrashed:
                continue
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_library_that_does_not_import_is_named(library: Path, tmp_path: Path) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "__init__.py").write_text("")
    (tmp_path / "broken" / "part.py").write_text("import nothing_of_that_name")
    with pytest.raises(SandboxError, match="nothing_of_that_name"):
        Sandbox.start(tmp_path, "broken")


def test_a_folder_that_is_no_package_is_named(library: Path) -> None:
    with pytest.raises(SandboxError, match="no __init__.py"):
        Sandbox.start(library, "nothing")


def test_a_library_must_not_take_the_engines_names(library: Path) -> None:
    with pytest.raises(SandboxError, match="kit"):
        Sandbox.start(library, "kit")
