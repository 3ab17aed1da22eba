"""What one submission may use: time, in its workers and in the grader together, and bytes that its workers send.

Every request draws on it, the loading of cells included, through `Metered`.
"""

import time
from collections.abc import Callable
from typing import Protocol

from kit.bodies import MAX_FRAME
from kit.student import StudentTimeout, Transport

CLOCK_FACTOR = 5  # how much longer a submission may take on the clock than in processor time
MAX_RECEIVED = 16 * MAX_FRAME  # the whole of problem set 3 sends 1.4 MB


class BudgetSpent(StudentTimeout):
    """The submission has used up what it may use, or the exercise its share: it is not tried any more."""


class FarSide(Transport, Protocol):
    """A transport that can be ended."""

    @property
    def processor_seconds(self) -> float:
        """What it has used so far."""
        ...

    def close(self) -> None: ...


class Budget:
    """Processor seconds, CLOCK_FACTOR times as many on the clock, and MAX_RECEIVED bytes.

    No exercise may use more than half of what is left when its turn comes: a slow one leaves time for the others.
    spent: for each exercise that used up its share, a sentence that says so.
    """

    def __init__(self, seconds: float, *, received: int = MAX_RECEIVED) -> None:
        self.seconds = seconds
        self.started = time.monotonic()
        self.own_start = time.process_time()
        self.closed = 0.0  # processor time of the far sides that are closed
        self.open: list[FarSide] = []
        self.limit = self.clock_limit = 0.0
        self.bytes_left = received
        self.byte_limit = 0
        self.turn = ""
        self.spent: dict[str, str] = {}

    @property
    def used(self) -> float:
        """Processor time of the far sides, and of this process, which grades one submission at a time."""
        far = sum(far_side.processor_seconds for far_side in self.open)
        return self.closed + far + time.process_time() - self.own_start

    @property
    def left(self) -> float:
        """Processor seconds that the exercise may still use."""
        return max(self.limit - self.used, 0.0)

    def begin(self, exercise: str) -> None:
        """The next exercise's turn."""
        used, elapsed = self.used, time.monotonic() - self.started
        self.turn = exercise
        self.limit = used + (self.seconds - used) / 2
        self.clock_limit = elapsed + (CLOCK_FACTOR * self.seconds - elapsed) / 2
        self.byte_limit = self.bytes_left // 2  # of `bytes_left`, at the end of its turn

    def check(self) -> None:
        """Raises BudgetSpent where the exercise has used its share."""
        if self.used > self.limit:
            self.refuse(f"{self.seconds:g} seconds of processor time")
        if time.monotonic() - self.started > self.clock_limit:
            self.refuse(f"{CLOCK_FACTOR * self.seconds:g} seconds on the clock")

    def receive(self, size: int) -> None:
        """So many bytes came. Raises BudgetSpent where that is too much."""
        self.bytes_left -= size
        if self.bytes_left < self.byte_limit:
            self.refuse("bytes to send")

    def refuse(self, what: str) -> None:
        said = f"its code used half of what was left of the submission's {what}: its other tests were not tried"
        self.spent.setdefault(self.turn, f"{self.turn}: {said}")
        raise BudgetSpent(said)

    def opened(self, open_far_side: Callable[[], FarSide]) -> "Metered":
        """A fresh far side that draws on this budget."""
        self.open.append(far_side := open_far_side())
        return Metered(far_side, self)


class Metered:
    """A far side whose every exchange draws on a budget."""

    def __init__(self, far_side: FarSide, budget: Budget) -> None:
        self.far_side = far_side
        self.budget = budget

    def exchange(self, frame: bytes, seconds: float) -> bytes:
        """As of the far side. Raises BudgetSpent as well, after which it is of no more use."""
        self.budget.check()
        left = self.budget.left
        try:
            reply = self.far_side.exchange(frame, min(seconds, left))
        except StudentTimeout:
            if left < seconds:  # no cell and no call is to blame
                self.budget.refuse(f"{self.budget.seconds:g} seconds of processor time")
            raise
        self.budget.receive(len(reply))
        return reply

    def close(self) -> None:
        """End the far side; what it has used stays counted."""
        if self.far_side in self.budget.open:
            self.budget.open.remove(self.far_side)
            self.budget.closed += self.far_side.processor_seconds
            self.far_side.close()
