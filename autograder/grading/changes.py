"""Scores that differ from those of the last grading: whose, from what to what, and which test made the difference."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from autograder.csv_cells import harmless
from autograder.results import ExerciseResult, Report, ResultFolder
from kit.manifest import Manifest

COLUMNS = ("time", "student", "exercise", "before", "now", "because")


@dataclass(frozen=True)
class ScoreChange:
    """One exercise of one student; a score of None: it could not be graded."""

    student: str
    exercise: str
    before: float | None
    now: float | None
    because: str

    @property
    def row(self) -> tuple[str, ...]:
        """The change as texts."""
        scores = ("not graded" if score is None else f"{score:g}" for score in (self.before, self.now))
        return (self.student, self.exercise, *scores, self.because)


class ChangeLog:
    """Remembers the results as they were, and writes each change down as soon as there is one."""

    def __init__(self, results: ResultFolder, manifest: Manifest, students: Iterable[str]) -> None:
        self._manifest = manifest
        self.path = results.path / "changes.csv"
        self.changes: list[ScoreChange] = []
        self._before = {name: report for name in students if (report := results.read_unchecked(name)) is not None}

    def compare(self, report: Report) -> None:
        """Take note of how a new result differs from the one before, if there was one."""
        before = self._before.get(report.student)
        found = differences(before, report, self._manifest) if before is not None else []
        if found:
            self.changes += found
            _append(self.path, found)


def differences(before: Report, now: Report, manifest: Manifest) -> list[ScoreChange]:
    """Exercises that had a score which is another now, under ids of today."""
    names = {old: cell.id for book in manifest.notebooks for old, cell in book.by_id.items()}
    was = {names.get(item.id, item.id): item for item in before.exercises}
    handed_in_again = before.submission != now.submission
    return [
        ScoreChange(now.student, item.id, old.score, item.score, _because(old, item, before, now, handed_in_again))
        for item in now.exercises
        if (old := was.get(item.id)) is not None and old.score is not None and old.score != item.score
    ]


def _because(old: ExerciseResult, new: ExerciseResult, before: Report, now: Report, handed_in_again: bool) -> str:
    """What differs, the most telling first."""
    reasons = ["another submission"] if handed_in_again else []
    if new.score is None:
        reasons.append(new.reason or now.reason or "not graded")
    if old.max_score != new.max_score:
        reasons.append(f"points {old.max_score:g} → {new.max_score:g}")
    reasons += _tests(_statuses(before, old.id), _statuses(now, new.id))
    return "; ".join(reasons) or "the tests' weights"


def _statuses(report: Report, exercise: str) -> dict[str, str]:
    """The exercise's tests by their names, without their files."""
    return {test.id.rpartition("::")[2]: test.status for test in report.tests if test.exercise == exercise}


def _tests(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    changed = [
        f"{name}: {before.get(name, 'new')} → {status}" for name, status in now.items() if before.get(name) != status
    ]
    return changed + [f"{name}: gone" for name in before if name not in now]


def _append(path: Path, changes: Iterable[ScoreChange]) -> None:
    moment = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    is_new = not path.exists()
    with path.open("a", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerows([COLUMNS] if is_new else [])
        writer.writerows((moment, *map(harmless, change.row)) for change in changes)
