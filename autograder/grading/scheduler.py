"""Grading on many machines: an executor for `grade_class` over a Dask scheduler.

Dask hands tasks out and gives a lost machine's to another; `machine` and `machine_process` do the work there. A machine
that would give another result than this one is refused: it is told once, and its tasks go to the others.
"""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
import threading
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import distributed

from autograder.assignment.model import Assignment
from autograder.errors import AutograderError, BadInput, NotGraded, TooWeak
from autograder.files import write_atomically
from autograder.grading import machine
from autograder.grading.faults import TaskLost
from autograder.grading.fingerprint import fingerprint, of_the_installation
from autograder.grading.grade_class import How, Task, grade_and_store
from autograder.grading.machine_process import Expected, request
from autograder.results import ResultFolder
from kit.text import on_one_line

CONNECT_SECONDS = 10.0
PATIENCE = 60.0  # seconds to wait for a machine where there is none
_TICK = 1.0
_ADDRESS = "give the address that `dask scheduler` prints, such as tcp://10.0.0.5:8786"
_FARTHEST = 3  # differences of an installation that a message names


@contextmanager
def machines(
    address: str,
    assignment: Assignment,
    results: ResultFolder,
    tell: Callable[[str], None] = lambda line: None,
    *,
    connect_seconds: float = CONNECT_SECONDS,
    patience: float = PATIENCE,
) -> Iterator[Machines]:
    """The machines behind a scheduler, as an executor. What is still queued is cancelled when the block ends.

    tell: hears of each machine that is refused, and why. BadInput where no scheduler answers at the address; NotGraded
    where it has no machine within `patience` seconds.
    """
    client = _connected(address, connect_seconds)
    try:
        executor = Machines(client, assignment, results, tell, patience)
        executor.wait_for_first(address)
        with executor:
            yield executor
    finally:
        client.close(timeout=connect_seconds)


@dataclass(eq=False)
class _Errand:
    """A task on its way: the future that the class waits for, and Dask's, which is another after each refusal."""

    task: Task
    given: Future[How]
    sent: distributed.Future | None = None
    allowed: frozenset[str] | None = None  # None: any machine


@dataclass(frozen=True)
class Refusal:
    """Why a machine's results would not be those of this one. kind: as in `machine_process`."""

    host: str
    kind: str
    why: str

    def __str__(self) -> str:
        return f"{self.host} grades nothing: {self.why}"

    @property
    def error(self) -> type[AutograderError]:
        return TooWeak if self.kind == "weak" else BadInput if self.kind == "files" else NotGraded


class Machines(Executor):
    """Grades tasks on the workers of a Dask scheduler, and runs nothing else."""

    def __init__(
        self, client: distributed.Client, assignment: Assignment, results: ResultFolder,
        tell: Callable[[str], None], patience: float,
    ) -> None:  # fmt: skip
        self._client, self._assignment, self._results = client, assignment, results
        self._tell, self._patience = tell, patience
        self._run = secrets.token_hex(8)
        self._lock = threading.RLock()
        self._refused: dict[str, Refusal] = {}  # by the worker's address
        self._errands: set[_Errand] = set()
        self._ended = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)

    def wait_for_first(self, address: str) -> None:
        """Return once there is a machine. NotGraded where none comes."""
        try:
            self._client.wait_for_workers(1, timeout=self._patience)
        except TimeoutError:
            fix = f"start some with `dask worker {address} --nthreads 1`"
            raise NotGraded(f"the scheduler at {address} has no workers after {self._patience:g} s: {fix}") from None

    def submit(self, function: Callable[..., Any], task: Task, /) -> Future[How]:  # type: ignore[override]
        """Grade a task on some machine. The future raises TaskLost for what only this task meets."""
        if function is not grade_and_store:
            raise ValueError("these machines grade tasks and run nothing else")
        errand = _Errand(task, Future())
        with self._lock:
            self._errands.add(errand)
            self._send(errand)
        if not self._watcher.is_alive():
            self._watcher.start()
        return errand.given

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Cancel what is queued, and let the machines end what they started for this run."""
        self._ended.set()
        with self._lock:
            errands, self._errands = self._errands, set()
        with suppress(Exception):  # where the scheduler is gone, so is all this
            self._client.cancel([errand.sent for errand in errands if errand.sent is not None], force=True)
            self._client.run(machine.release, self._run, on_error="ignore", wait=wait)
        for path in self._seen:
            path.unlink(missing_ok=True)

    @cached_property
    def _seen(self) -> list[Path]:
        """A file in each folder that machines must share: the results', and the one with the course's key."""
        name = f".seen-by-machines-{self._run}"
        paths = [(folder / name).absolute() for folder in (self._results.path, self._results.state)]
        for path in paths:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, self._run.encode())
        return paths

    @cached_property
    def _expected(self) -> Expected:
        return Expected(fingerprint(self._assignment), {str(path): self._run for path in self._seen})

    def _send(self, errand: _Errand) -> None:
        """To any machine; once some are refused, to one of the others."""
        errand.allowed = frozenset(self._usable()) if self._refused else None
        errand.sent = None
        if errand.allowed is not None and not errand.allowed:
            return  # the watcher sends it when a machine comes, or ends the run
        workers = None if errand.allowed is None else sorted(errand.allowed)
        errand.sent = self._client.submit(
            machine.answer, self._run, request(errand.task, self._expected), workers=workers, pure=False, retries=0
        )
        errand.sent.add_done_callback(lambda sent: self._came_back(errand, sent))

    def _usable(self) -> set[str]:
        return set(self._client.nthreads()) - self._refused.keys()

    def _came_back(self, errand: _Errand, sent: distributed.Future) -> None:
        with self._lock:
            if errand not in self._errands or errand.sent is not sent:
                return  # cancelled, or sent again
            try:
                self._settle(errand, sent)
            except Exception as error:
                self._end(errand, error)

    def _settle(self, errand: _Errand, sent: distributed.Future) -> None:
        if sent.status == "cancelled":
            raise NotGraded("the scheduler was lost. Finished results are kept: run again to go on")
        if sent.status == "error":
            self._settle_error(errand, sent.exception())
            return
        answer = json.loads(sent.result())
        if "refused" in answer:
            self._refuse(answer)
            self._send(errand)
        elif "ended" in answer:
            why = f"its process on {answer['host']} ended {answer['ended']} times, perhaps for want of memory"
            self._end(errand, TaskLost(why))
        else:
            self._errands.discard(errand)
            errand.given.set_result(How(answer["fresh"], answer["again"]))

    def _settle_error(self, errand: _Errand, error: BaseException) -> None:
        if isinstance(error, distributed.scheduler.KilledWorker):
            times = error.allowed_failures + 1
            self._end(errand, TaskLost(f"{times} machines were lost while they graded it"))
        elif isinstance(error, ImportError) and self._without_the_engine():
            self._send(errand)
        else:
            self._end(errand, TaskLost(f"the machine that graded it failed ({type(error).__name__}: {error})"))

    def _without_the_engine(self) -> bool:
        """Refuse every worker whose Python has no autograder; whether there was one."""
        replies = self._client.run(machine.name, on_error="return")
        found = {worker: reply for worker, reply in replies.items() if isinstance(reply, Exception)}
        for worker in found.keys() - self._refused.keys():
            why = f"autograder cannot be imported there ({found[worker]}): start the worker with the course's Python"
            self._note(worker, Refusal(worker, "engine", why))
        return bool(found)

    def _refuse(self, answer: dict[str, Any]) -> None:
        why = answer["why"] or _difference(answer["installation"])
        self._note(answer["worker"], Refusal(answer["host"], answer["refused"], why))

    def _note(self, worker: str, refusal: Refusal) -> None:
        if refusal not in self._refused.values():
            self._tell(str(refusal))
        self._refused[worker] = refusal

    def _end(self, errand: _Errand, error: Exception) -> None:
        self._errands.discard(errand)
        errand.given.set_exception(error)

    def _watch(self) -> None:
        """Send again what waits for machines that are gone; end the run where none is left that could grade."""
        without = 0.0
        while not self._ended.wait(_TICK):
            try:
                present = set(self._client.nthreads())
            except Exception:  # the scheduler is being looked for: Dask says when it gives up
                present = set()
            with self._lock:
                usable = present - self._refused.keys()
                without = 0.0 if usable else without + _TICK
                if usable:
                    for errand in list(self._errands):
                        if errand.allowed is not None and errand.allowed.isdisjoint(usable):
                            self._send(errand)
                elif present or without >= self._patience:
                    self._give_up(present)

    def _give_up(self, present: set[str]) -> None:
        error: AutograderError = NotGraded(
            f"no machine is left after {self._patience:g} s. Finished results are kept: start workers, run again"
        )
        refusals = list(dict.fromkeys(refusal for worker, refusal in self._refused.items() if worker in present))
        if refusals:
            kinds = {refusal.error for refusal in refusals}
            kind = kinds.pop() if len(kinds) == 1 else NotGraded
            extra = " Or say --allow-weak to grade all the same." if kind is TooWeak else ""
            error = kind("no machine can grade. " + "; ".join(map(str, refusals)) + "." + extra)
        for errand in list(self._errands):
            self._end(errand, error)


def _connected(address: str, seconds: float) -> distributed.Client:
    for name in ("distributed", "distributed.client"):  # what they say of a lost worker is told in plainer words
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    try:
        answering = asyncio.run(asyncio.wait_for(_type_of(address), seconds))
    except Exception as error:  # of the address, of the net, or of what answers there
        what = on_one_line(str(error) or f"no answer in {seconds:g} s")
        raise BadInput(f"no Dask scheduler answers at {address!r} ({what}): {_ADDRESS}") from None
    if answering != "Scheduler":
        raise BadInput(f"at {address} there is a {answering} of Dask and no scheduler: {_ADDRESS}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # other versions of packages: each machine is asked before it grades
        return distributed.Client(address, timeout=seconds, set_as_default=False)


async def _type_of(address: str) -> str:
    """What answers there. A client would wait without end for a server of another kind."""
    arguments = distributed.Security().get_connection_args("client")
    async with distributed.rpc(address, connection_args=arguments, timeout=None) as server:
        return str((await server.identity())["type"])


def _difference(theirs: str) -> str:
    """How another machine's Python and packages differ from those here, in words."""
    here, there = of_the_installation().splitlines(), theirs.splitlines()
    if here == there:
        return "its engine, assignment or tests differ from those here: share the course's folder and the engine"
    if here[0] != there[0]:
        return f"it has Python {there[0].split()[0]}, not {here[0].split()[0]} (or another build of it)"
    lacks, more = sorted(set(here) - set(there)), sorted(set(there) - set(here))
    named = [f"lacks {item}" for item in lacks[:_FARTHEST]] + [f"has {item}" for item in more[:_FARTHEST]]
    return f"its packages differ ({', '.join(named)}): install requirements.txt there, or share one environment"
