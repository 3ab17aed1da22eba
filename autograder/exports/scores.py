"""One number a student, for another system: only what is final, unless somebody says that open counts as zero."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from autograder.marks.standings import Standing, StandingStatus
from autograder.results import Stage


@dataclass(frozen=True)
class FinalScore:
    """points: after lateness; None while anything is open, and then why says what."""

    student: str
    points: float | None
    why: str = ""


def final_scores(standings: Iterable[Standing], *, open_as_zero: bool) -> dict[str, FinalScore]:
    """By student. open_as_zero: what is not graded or not marked yet counts as 0."""
    return {standing.student: _score(standing, open_as_zero) for standing in standings}


def remarks(standings: Iterable[Standing]) -> list[str]:
    """What whoever exports has to know of lateness: students without a time, and those refused."""
    found = []
    for standing in standings:
        if standing.late is not None and not standing.late.is_known:
            found.append(f"{standing.student}: no time of handing in is known: nothing is taken off for lateness")
        elif standing.late is not None and standing.late.refused:
            found.append(f"{standing.student}: {standing.late.days_late} days late, after the last day: 0 points")
    return found


def _score(standing: Standing, open_as_zero: bool) -> FinalScore:
    provisional = standing.report is not None and standing.report.stage is Stage.PROVISIONAL
    why = "provisional: graded before the deadline" if provisional else str(standing.status)
    is_final = standing.status is StandingStatus.COMPLETE and not provisional
    if is_final or open_as_zero:
        return FinalScore(standing.student, round(standing.final_points, 6), "" if is_final else why)
    return FinalScore(standing.student, None, why)
