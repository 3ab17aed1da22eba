"""How a test can end, and which of several failures to explain."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kit.runner import Outcome  # not at run time: it imports pytest


class OutcomeStatus(StrEnum):
    """The status of one test on one student's code."""

    PASSED = "passed"
    FAILED = "failed"
    TIMEOUT = "timeout"
    CRASHED = "crashed"
    MISSING = "missing"  # not written
    BLOCKED = "blocked"  # by an earlier exercise that is not written
    ERROR = "error"  # the test itself is at fault, or seems so


BLAMELESS = (OutcomeStatus.MISSING, OutcomeStatus.BLOCKED)


def failures(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """The tests on which a written answer did not pass."""
    return [outcome for outcome in outcomes if outcome.status not in (OutcomeStatus.PASSED, *BLAMELESS)]


def explained(outcomes: Sequence[Outcome]) -> Outcome | None:
    """The most telling failure of an exercise: the first that is not broad, else the first. None where nothing failed.

    The order is that of the test files, public tests first: of those the student learns most.
    """
    failed = failures(outcomes)
    return next((outcome for outcome in failed if not outcome.mark.broad), failed[0] if failed else None)


def alike(failed: Sequence[Outcome]) -> list[list[Outcome]]:
    """Failures that are one to the student together, in order: the same exception in the same line."""
    groups: dict[object, list[Outcome]] = {}
    for outcome in failed:
        groups.setdefault(outcome.raised or outcome.id, []).append(outcome)
    return list(groups.values())
