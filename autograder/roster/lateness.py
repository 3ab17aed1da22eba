"""What late work costs: worked out when it is asked for, from times and policy alone, and never stored."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from autograder.assignment.policy import Policy

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Lateness:
    """How late one student's work is.

    due: this student's own, extension included. handed_in: None where no time is known; nothing is taken off then, and
    it is said. days_late: days of 24 hours begun after `due`. free_days: of these, how many late days paid for.
    days_left: late days that the student has after this. percent: taken off the points.
    """

    due: datetime
    handed_in: datetime | None
    days_late: int = 0
    free_days: int = 0
    days_left: int = 0
    percent: float = 0.0
    refused: bool = False

    @property
    def is_known(self) -> bool:
        return self.handed_in is not None

    def taken_off(self, points: float) -> float:
        """What is taken off so many points."""
        return max(0.0, points) * self.percent / 100

    def after(self, points: float) -> float:
        return points - self.taken_off(points)

    @property
    def short(self) -> str:
        """For a column: "2 d -20%", "2 d free", "refused", "no time", or nothing."""
        if not self.is_known:
            return "no time"
        if self.refused:
            return f"{self.days_late} d refused"
        return "" if not self.days_late else f"{self.days_late} d {f'-{self.percent:g}%' if self.percent else 'free'}"

    @property
    def sentence(self) -> str:
        """What a student reads."""
        if self.handed_in is None:
            return "No time is known at which this was handed in, so nothing was taken off for lateness."
        when = f"Handed in {self.handed_in:%Y-%m-%d %H:%M} UTC, due {self.due.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
        if self.refused:
            return f"{when}: {_days(self.days_late)} late, after the last day on which work is taken."
        if not self.days_late:
            return f"{when}: on time."
        free = f", {_days(self.free_days)} of them paid by late days ({self.days_left} left)" if self.free_days else ""
        return f"{when}: {_days(self.days_late)} late{free}; {self.percent:g}% off."


def lateness(policy: Policy, due: datetime, handed_in: datetime | None, days_left: int) -> Lateness:
    """due: with the extension, and with its offset. handed_in: with its offset. days_left: late days not used yet."""
    if handed_in is None:
        return Lateness(due, None, days_left=days_left)
    handed_in, late_by = handed_in.astimezone(UTC), handed_in - due
    days = 0 if late_by <= timedelta(minutes=policy.grace_minutes) else math.ceil(late_by / DAY)
    if policy.last_day is not None and days > policy.last_day:
        return Lateness(due, handed_in, days, 0, days_left, 100.0, refused=True)
    free = min(days, days_left)
    percent = min(100.0, (days - free) * policy.percent_a_day)
    return Lateness(due, handed_in, days, free, days_left - free, percent)


def _days(count: int) -> str:
    return f"{count} day" if count == 1 else f"{count} days"
