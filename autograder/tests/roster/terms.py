"""Courses with a policy, for tests: assignments without sources, submissions that are a time alone."""

from __future__ import annotations

from pathlib import Path

from autograder.course_folders import CourseFolders
from autograder.roster.term import Term, course_term

DUE = "2026-10-10T23:59:00Z"


def add_assignment(root: Path, name: str, policy: str = "", due: str = DUE) -> None:
    folder = root / "assignments" / name
    folder.mkdir(parents=True)
    (folder / "assignment.toml").write_text(f"due = {due}\n\n[policy]\n{policy}\n")


def hand_in(root: Path, student: str, name: str, moment: str | None) -> Path:
    return _timed(root / "submitted" / student / name, moment)


def attempt(root: Path, student: str, name: str, folder: str, moment: str | None) -> Path:
    return _timed(root / "attempts" / name / student / folder, moment)


def term(root: Path, **files: str) -> Term:
    """The course's term, after roster, extensions or groups were written."""
    for name, text in files.items():
        (root / f"{name}.csv").write_text(text)
    return course_term(CourseFolders(root))


def _timed(folder: Path, moment: str | None) -> Path:
    folder.mkdir(parents=True)
    if moment is not None:
        (folder / "timestamp.txt").write_text(f"{moment} UTC")
    return folder
