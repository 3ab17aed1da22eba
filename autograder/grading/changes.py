"""Scores that differ from those of the last grading: whose, from what to what, and which test made the difference."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from autograder.csv_cells import harmless
from autograder.files import write_atomically
from autograder.grading.reasons import Reason, reasons, statuses
from autograder.results import ExerciseResult, Report, ResultFolder
from kit.manifest import Manifest

COLUMNS = ("time", "student", "exercise", "before", "now", "because", "why")


@dataclass(frozen=True)
class ScoreChange:
    """One exercise of one student; a score of None: it could not be graded, or was not there.

    because: what differs in the result, such as a test's status. reasons: what that came from.
    """

    student: str
    exercise: str
    before: float | None
    now: float | None
    because: str
    reasons: tuple[Reason, ...] = ()

    @property
    def row(self) -> tuple[str, ...]:
        """The change as texts."""
        scores = ("not graded" if score is None else f"{score:g}" for score in (self.before, self.now))
        return (self.student, self.exercise, *scores, self.because, self.why)

    @property
    def why(self) -> str:
        """The reasons in a line."""
        return ", ".join(self.reasons)

    @property
    def difference(self) -> float | None:
        """How many points more; None where one of the scores is missing."""
        return None if self.before is None or self.now is None else round(self.now - self.before, 4)


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
    """Exercises whose score is another now, under ids of today; also those that were not graded, are new or gone."""
    names = {old: cell.id for book in manifest.notebooks for old, cell in book.by_id.items()}
    was = {names.get(item.id, item.id): item for item in before.exercises}
    found = [_change(was.pop(item.id, None), item, before, now, manifest) for item in now.exercises]
    gone = [
        ScoreChange(now.student, name, old.score, None, "the exercise is gone", (Reason.VERSION,))
        for name, old in was.items()
    ]
    return [change for change in (*found, *gone) if change.before != change.now]


def _change(
    old: ExerciseResult | None, new: ExerciseResult, before: Report, now: Report, manifest: Manifest
) -> ScoreChange:
    if old is None:
        return ScoreChange(now.student, new.id, None, new.score, "a new exercise", (Reason.VERSION,))
    because = _because(old, new, before, now) if old.score != new.score else ""
    return ScoreChange(now.student, new.id, old.score, new.score, because, reasons(old, new, before, now, manifest))


def _because(old: ExerciseResult, new: ExerciseResult, before: Report, now: Report) -> str:
    """What differs, the most telling first."""
    found = ["another submission"] if before.submission != now.submission else []
    if old.score is None:
        found.append(f"was not graded: {old.reason or before.reason or 'no reason is kept'}")
    if new.score is None:
        found.append(new.reason or now.reason or "not graded")
    if old.max_score != new.max_score:
        found.append(f"points {old.max_score:g} → {new.max_score:g}")
    if old.score is not None or not found:
        found += _tests(statuses(before, old.id), statuses(now, new.id))
    return "; ".join(found) or "the tests' weights"


def _tests(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    changed = [
        f"{name}: {before.get(name, 'new')} → {status}" for name, status in now.items() if before.get(name) != status
    ]
    return changed + [f"{name}: gone" for name in before if name not in now]


def _append(path: Path, changes: Iterable[ScoreChange]) -> None:
    moment = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    _bring_in_line(path)
    with path.open("a", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows((moment, *map(harmless, change.row)) for change in changes)


def _bring_in_line(path: Path) -> None:
    """A header as of today, also above what an earlier version of the grader wrote with fewer columns."""
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True) if path.exists() else []
    header = ",".join(COLUMNS) + "\n"
    if not lines or (lines[0] != header and header.startswith(lines[0].rstrip("\n"))):
        write_atomically(path, "".join([header, *lines[1:]]).encode())
