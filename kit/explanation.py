"""Which of an exercise's failures to explain: for the check in a notebook, `pytest` at home, results and `verify`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from kit.outcomes import BLAMELESS, OutcomeStatus

if TYPE_CHECKING:
    from kit.runner import Outcome  # not at run time: it imports pytest


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
