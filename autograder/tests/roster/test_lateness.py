"""What late work costs, as a function of times and policy alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from autograder.assignment.policy import Policy
from autograder.roster.lateness import lateness

DUE = datetime(2026, 10, 24, 23, 59, tzinfo=timezone(timedelta(hours=2)))
POLICY = Policy(grace_minutes=15, percent_a_day=10, late_days=3, last_day=7)


@pytest.mark.parametrize(
    ("late_by", "days"),
    [
        (timedelta(seconds=-1), 0), (timedelta(0), 0), (timedelta(minutes=15), 0),
        (timedelta(minutes=15, seconds=1), 1), (timedelta(days=1), 1), (timedelta(days=1, seconds=1), 2),
    ],
)  # fmt: skip
def test_a_day_counts_once_it_is_begun_and_the_grace_is_over(late_by: timedelta, days: int) -> None:
    assert lateness(POLICY, DUE, DUE + late_by, 0).days_late == days


def test_summer_time_that_ends_after_the_deadline_adds_no_day() -> None:
    winter = timezone(timedelta(hours=1))
    next_evening = datetime(2026, 10, 25, 22, 59, tzinfo=winter)  # 24 hours later, on a clock that went back
    assert lateness(POLICY, DUE, next_evening, 0).days_late == 1
    assert lateness(POLICY, DUE, next_evening + timedelta(seconds=1), 0).days_late == 2


def test_late_days_pay_before_points_do() -> None:
    late = lateness(POLICY, DUE, DUE + timedelta(days=4), 3)
    assert (late.days_late, late.free_days, late.days_left, late.percent) == (4, 3, 0, 10.0)
    assert late.after(20.0) == 18.0
    assert "4 days late, 3 days of them paid by late days (0 left); 10% off" in late.sentence


def test_after_the_last_day_nothing_counts_and_no_late_day_is_used() -> None:
    late = lateness(POLICY, DUE, DUE + timedelta(days=7, seconds=1), 3)
    assert (late.refused, late.percent, late.free_days, late.days_left) == (True, 100.0, 0, 3)
    assert not lateness(POLICY, DUE, DUE + timedelta(days=7), 3).refused


def test_a_penalty_takes_all_points_and_never_more() -> None:
    late = lateness(Policy(percent_a_day=60), DUE, DUE + timedelta(days=2), 0)
    assert (late.percent, late.after(5.0)) == (100.0, 0.0)


def test_a_time_that_is_not_known_costs_nothing_and_is_said() -> None:
    late = lateness(POLICY, DUE, None, 3)
    assert (late.percent, late.days_left, late.short) == (0.0, 3, "no time")
    assert "No time is known" in late.sentence


def test_times_are_told_in_utc() -> None:
    handed_in = datetime(2026, 10, 25, 0, 10, tzinfo=UTC)
    assert "Handed in 2026-10-25 00:10 UTC, due 2026-10-24 21:59 UTC" in lateness(POLICY, DUE, handed_in, 0).sentence
