"""The process that workers are forked from: it imports everything once, then forks on request.

It holds no secret: the kit, the shipped library, and what the request for a worker says. It never runs a student's
code itself. A request is one message on the control socket: JSON, and two descriptors: the worker's end of its socket,
and a status socket on which the zygote sends the worker's process descriptor, then, at its death, how it ended.
"""

import contextlib
import fcntl
import gc
import importlib
import importlib.util
import json
import os
import pkgutil
import random
import select
import shutil
import signal
import socket
import sys
import types
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from . import ENDING, LENGTH, confine, namespaces, pages, probe

CANNOT_CONFINE = 70
SERVICE_FAILED = 71
_OF_THE_KIT = ("kit.far_side", "kit.check")
_SOCKET, _ZYGOTE, _RULES = confine.CONNECTION, 4, 5
_CHUNK = 1 << 16


def main(given: dict[str, Any]) -> None:
    """Warm up, say so, then fork until the grader closes its end.

    given: control (descriptor), parent (the grader; 0 under bubblewrap, out of whose sight it is), library (package
    name), libraries (those of torch, numpy and matplotlib that the set names), installed (further packages for
    students), readable (folders for Landlock), scratch (a folder of its own for temporary files, or None), drop (become
    nobody in the worker).
    """
    control = socket.socket(fileno=given["control"])
    with contextlib.suppress(OSError):
        # When the machine runs out of memory, the largest worker should go before anyone's editor.
        Path("/proc/self/oom_score_adj").write_text("500")
    confine.die_with_parent(given["parent"])
    entered = namespaces.Namespaces.enter(user=not given["drop"])
    confine.hide_memory()
    try:
        warm(given["library"], given["libraries"], given["installed"])
        _empty_and_close(given["scratch"])
        ruleset = confine.landlock_rules(given["readable"])
    except BaseException as error:
        control.send(json.dumps({"error": f"{type(error).__name__}: {error}"[:2000]}).encode())
        return
    control.send(json.dumps({"ready": True}).encode())
    Zygote(control, given, ruleset, entered).run()


def warm(library: str, libraries: Sequence[str], installed: Sequence[str]) -> None:
    """Import and run once what would cost every worker time, or could not be opened after confinement."""
    from kit.libraries import load

    load(libraries)
    for found in pkgutil.walk_packages(sys.modules[library].__path__, f"{library}.") if library else ():
        importlib.import_module(found.name)
    drawing = ("matplotlib.pyplot",) if "matplotlib" in libraries else ()
    for name in (*_OF_THE_KIT, *drawing, *installed):
        if importlib.util.find_spec(name.partition(".")[0]) and importlib.util.find_spec(name):
            importlib.import_module(name)
    if "matplotlib" in sys.modules:
        sys.modules["matplotlib"].use("Agg")
    if "torch" in libraries:
        _warm_torch()
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(0)
    random.seed(0)
    from kit import grading_rules

    grading_rules.enforce()


def _warm_torch() -> None:
    import torch
    from torch import nn

    torch.set_num_threads(1)
    torch.set_num_interop_threads(1)
    images = torch.randn(2, 3, 8, 8)
    network = nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.GELU(), nn.Flatten(2), nn.Dropout(),
        nn.Linear(36, 8), nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), nn.LayerNorm(8),
    )  # fmt: skip

    def closure() -> torch.Tensor:
        loss = nn.functional.cross_entropy(network(images).mean(1), torch.zeros(2, dtype=torch.long))
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimizers: list[Any] = [torch.optim.AdamW(network.parameters()), torch.optim.LBFGS(network.parameters())]
    for optimizer in optimizers:
        optimizer.step(closure)
    matrix = torch.randn(4, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    torch.linalg.svd(matrix @ matrix.T)
    torch.nn.functional.interpolate(images, size=(4, 4), mode="bilinear")
    torch.empty(2, 2, device="meta").sum()
    torch.manual_seed(0)


def _empty_and_close(scratch: str | None) -> None:
    """No worker should find, or leave, anything in the folder that warming up needed."""
    if scratch is not None:
        for entry in os.scandir(scratch):
            shutil.rmtree(entry.path) if entry.is_dir() else os.unlink(entry.path)
        os.chmod(scratch, 0o555)


class Zygote:
    """The loop that forks workers and reports how each ended."""

    def __init__(
        self, control: socket.socket, given: dict[str, Any], ruleset: int | None, entered: namespaces.Namespaces
    ) -> None:
        self.control = control
        self.given = given
        self.ruleset = ruleset
        self.namespaces = entered
        self.children: dict[int, tuple[int, socket.socket]] = {}
        self.poller = select.poll()
        self.poller.register(control, select.POLLIN)

    def run(self) -> None:
        gc.collect()
        gc.freeze()
        pages.use_large_pages()
        self.itself = confine.pidfd_open(os.getpid())
        self.threads = os.open("/proc/self/task", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        layers = {"processes": self.namespaces.home is not None, "files": self.namespaces.hide_files()}
        self.layers = [name for name, holds in layers.items() if holds]
        while True:
            for descriptor, _ in self.poller.poll():
                if descriptor in self.children:
                    self._bury(descriptor)
                elif not self._serve():
                    self._end()
                    return

    def _serve(self) -> bool:
        """One request; False when no grader is left."""
        message, descriptors, _, _ = socket.recv_fds(self.control, 65536, 2)
        if not message:
            return False
        connection, status = (socket.socket(fileno=descriptor) for descriptor in descriptors)
        try:
            self._fork(json.loads(message), connection, status)
        except OSError as error:
            _tell(status, b"E" + str(error).encode())
            status.close()
        finally:
            connection.close()
        return True

    def _fork(self, request: dict[str, Any], connection: socket.socket, status: socket.socket) -> None:
        if len(os.listdir(self.threads)) != 1:
            raise OSError("the zygote has more than one thread, so that a fork would hang")
        self.namespaces.new_processes()
        pid = os.fork()
        if pid == 0:
            os.setsid()  # the scheduler gives each session its share, however many threads it runs
            self._become_worker(request, connection.detach())
        pidfd = confine.pidfd_open(pid)
        self.children[pidfd] = pid, status
        self.poller.register(pidfd, select.POLLIN)
        _tell(status, b"P", pidfd)

    def _become_worker(self, request: dict[str, Any], connection: int) -> None:
        """Shut this process in and serve one student's code; never returns."""
        try:
            signal.signal(signal.SIGINT, signal.default_int_handler)  # the same wherever the grader was started
            _keep_only(connection, self.itself, self.ruleset)
            limits = confine.Limits(request["memory"], request["cpu_seconds"], request["threads"])
            rules = None if self.ruleset is None else _RULES
            layers = confine.enter(
                limits, parent=_ZYGOTE, ruleset=rules, drop=self.given["drop"], without=request.get("without", ())
            )
        except BaseException as error:
            _send(json.dumps({"error": f"{type(error).__name__}: {error}"}).encode())
            os._exit(CANNOT_CONFINE)
        try:
            _send(json.dumps({"layers": [*self.layers, *layers]}).encode())
            if "probe" in request:
                _send(json.dumps(probe.report(request["probe"])).encode())
            else:
                _serve_requests(self.given["library"], self.given["libraries"])
        except BaseException:
            os._exit(SERVICE_FAILED)
        os._exit(0)

    def _bury(self, pidfd: int) -> None:
        pid, status = self.children.pop(pidfd)
        self.poller.unregister(pidfd)
        os.close(pidfd)
        code, usage = os.wait4(pid, 0)[1:]
        killed = os.WTERMSIG(code) if os.WIFSIGNALED(code) else 0
        exited = os.WEXITSTATUS(code) if os.WIFEXITED(code) else 0
        _tell(status, b"X" + ENDING.pack(killed, exited, usage.ru_utime + usage.ru_stime))
        status.close()

    def _end(self) -> None:
        for pidfd in self.children:
            confine.pidfd_kill(pidfd)
        for pidfd in list(self.children):
            self._bury(pidfd)


def _tell(status: socket.socket, message: bytes, *descriptors: int) -> None:
    try:
        socket.send_fds(status, [message], descriptors)
    except OSError:
        # The grader no longer waits for this worker.
        return


def _keep_only(connection: int, zygote: int, ruleset: int | None) -> None:
    """Leave open: nothing on 0 to 2, the socket on 3, the zygote on 4, the Landlock rules on 5."""
    wanted = [number for number in (connection, zygote, ruleset) if number is not None]
    kept = [fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, 16) for number in wanted]
    nothing = os.open(os.devnull, os.O_RDWR)
    for target in range(_SOCKET):
        os.dup2(nothing, target)
    for target, number in enumerate(kept, start=_SOCKET):
        os.dup2(number, target, inheritable=False)
    os.closerange(_SOCKET + len(kept), min(os.sysconf("SC_OPEN_MAX"), 1 << 16))


def _serve_requests(library: str, libraries: Sequence[str]) -> None:
    """Answer until the grader closes its end. The student's cells run as the module __main__, as in a notebook."""
    from kit.far_side import Service

    main_module = types.ModuleType("__main__")
    sys.modules["__main__"] = main_module
    service = Service(main_module.__dict__, library, stops=(), libraries=libraries)
    while (frame := _receive()) is not None:
        _send(service.answer(frame))


def _receive() -> bytes | None:
    """One frame; None at the end. Its length is trusted: the grader wrote it."""
    buffer, needed = bytearray(), LENGTH.size
    while len(buffer) < needed:
        part = os.read(_SOCKET, _CHUNK)
        if not part:
            return None
        buffer += part
        if len(buffer) >= LENGTH.size:
            needed = LENGTH.size + LENGTH.unpack_from(buffer)[0]
    return bytes(memoryview(buffer)[LENGTH.size :])


def _send(frame: bytes) -> None:
    rest = memoryview(LENGTH.pack(len(frame)) + frame)
    while rest:
        rest = rest[os.write(_SOCKET, rest) :]
