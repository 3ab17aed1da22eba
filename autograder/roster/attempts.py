"""Everything a student handed in for an assignment, and which of it counts."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from autograder.assignment.policy import AttemptRule
from autograder.course_folders import CourseFolders
from autograder.results import ResultFolder
from autograder.roster.lateness import Lateness
from autograder.submission import exchange_files

NUMBERED = re.compile(r"attempt-(\d{1,6})")


@dataclass(frozen=True)
class Attempt:
    """One hand-in. moment: when, with its offset; None: not known. number: in which order, where only that is known."""

    student: str
    folder: Path
    moment: datetime | None
    number: int | None = None

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def key(self) -> str:
        """The name of its own result; no student has a slash in an id."""
        return f"{self.student}/{self.name}"


def attempt_results(results: ResultFolder) -> ResultFolder:
    """Where the results of single attempts lie, by `Attempt.key`."""
    return ResultFolder(results.path / "attempts", results.state)


def folder_name(moment: datetime | None, number: int | None, digest: str) -> str:
    """What an attempt's folder is called, so that the names sort as the attempts do."""
    if moment is not None:
        return f"{moment.astimezone(UTC):%Y-%m-%dT%H%M%S}Z"
    return f"undated-{digest[:8]}" if number is None else f"attempt-{number}"


def handed_in(folder: Path) -> datetime | None:
    """The time in a submission's timestamp.txt, with its offset; None where it holds none."""
    moment, _ = exchange_files.timestamp(folder)
    return None if moment is None else moment.replace(tzinfo=UTC)


def time_text(folder: Path) -> str:
    """The same as a result keeps it; empty where there is none."""
    moment = handed_in(folder)
    return moment.isoformat() if moment is not None else ""


def attempts_of(course: CourseFolders, assignment: str, student: str) -> list[Attempt]:
    """What lies in attempts/<assignment>/<student>/, by name; links and what is still being written left out."""
    folder = course.attempts / assignment / student
    if folder.is_symlink() or not folder.is_dir():
        return []
    paths = [path for path in folder.iterdir() if path.is_dir() and not path.is_symlink()]
    return [
        Attempt(student, path, handed_in(path), _number(path))
        for path in sorted(paths)
        if not path.name.startswith(".")
    ]  # fmt: skip


def chosen(
    attempts: Sequence[Attempt],
    rule: AttemptRule,
    late: Callable[[Attempt], Lateness | None],
    points: Callable[[Attempt], float | None] = lambda attempt: None,
) -> Attempt | None:
    """The attempt that counts; None where that cannot be said, since some are undated or not graded.

    late: None without a policy. points: of one attempt before lateness, for the rule "best".
    """
    if len(attempts) == 1:
        return attempts[0]
    if any(attempt.moment is None for attempt in attempts):
        numbers = [attempt.number for attempt in attempts]
        ordered = None not in numbers and rule is AttemptRule.LAST
        return max(attempts, key=lambda attempt: attempt.number or 0) if attempts and ordered else None
    if rule is AttemptRule.BEST:
        return _best(attempts, late, points)
    taken = [attempt for attempt in attempts if not _refused(late(attempt))] or list(attempts)
    if rule is AttemptRule.LAST_ON_TIME:
        taken = [attempt for attempt in taken if _on_time(late(attempt))] or taken
    return _last(taken)


def _best(
    attempts: Sequence[Attempt],
    late: Callable[[Attempt], Lateness | None],
    points: Callable[[Attempt], float | None],
) -> Attempt | None:
    known = [(attempt, points(attempt)) for attempt in attempts]
    scored = [(_after(late(attempt), value), _time(attempt), attempt) for attempt, value in known if value is not None]
    return max(scored, key=lambda row: row[:2])[2] if len(scored) == len(known) and scored else None


def _last(attempts: Iterable[Attempt]) -> Attempt | None:
    return max(attempts, key=_time, default=None)


def _time(attempt: Attempt) -> float:
    return attempt.moment.timestamp() if attempt.moment is not None else 0.0


def _after(late: Lateness | None, points: float) -> float:
    return points if late is None else late.after(points)


def _refused(late: Lateness | None) -> bool:
    return late is not None and late.refused


def _on_time(late: Lateness | None) -> bool:
    return late is None or not late.days_late


def _number(path: Path) -> int | None:
    found = NUMBERED.fullmatch(path.name)
    return int(found[1]) if found else None
