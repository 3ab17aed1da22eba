"""Where under --out the results of one assignment lie, and the move of those from when all sets shared one folder."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from autograder.course_folders import CourseFolders
from autograder.results import ResultFolder


def result_folder(
    out: Path, assignment: str, course: CourseFolders, tell: Callable[[str], None] = lambda line: None
) -> ResultFolder:
    """`<out>/<assignment>`, after what an earlier version left in `out` was moved there; `tell` hears of that."""
    results = ResultFolder(out / assignment, course.state)
    moved = 0
    for path in sorted(out.glob("*.json")):
        if _assignment_of(path) != assignment:
            continue
        if results.report_path(path.stem).exists():
            tell(f"{path} is from an earlier version, {results.report_path(path.stem)} is newer: delete the former")
        else:
            _move(ResultFolder(out, course.state), results, path.stem)
            moved += 1
    if moved:
        tell(f"{moved} results of {assignment} moved from {out}/ to {results.path}/, this assignment's own folder")
    return results


def _assignment_of(path: Path) -> str | None:
    """The assignment that a result says it is of; None for any other file."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return data.get("assignment") if isinstance(data, dict) and data.get("student") == path.stem else None


def _move(old: ResultFolder, new: ResultFolder, student: str) -> None:
    """The report goes last: where it still stands in the old place, the move is taken up again."""
    for before, after in (
        (old.notebooks_path(student), new.notebooks_path(student)),
        (old.details_path(student), new.details_path(student)),
        (old.report_path(student), new.report_path(student)),
    ):
        if before.exists() and not after.exists():
            after.parent.mkdir(parents=True, exist_ok=True)
            before.rename(after)
