"""Whether a build still holds what was released under its version; else the version that it must have.

Hidden tests and the numbers of tests do not count: a fix of those is a regrade, not a version.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from autograder.assignment.kept_versions import KeptVersion, digest, kept_versions
from autograder.assignment.model import Assignment
from autograder.build.as_built import MANIFEST, MAX_NAMED, manifest_changes, without_counts
from autograder.errors import CourseError
from kit.manifest import Manifest, version_order


def require_version(assignment: Assignment, release: Mapping[str, bytes]) -> None:
    """CourseError, naming what changed and the version to write, where this version was released as something else.

    release: what students would get, path to content.
    """
    kept = {one.version: one for one in kept_versions(assignment)}
    if not kept:
        return
    last = max(kept, key=version_order)
    same = kept.get(assignment.version)
    if same is None and version_order(assignment.version) > version_order(last):
        return
    table = f'assignments/{assignment.name}/assignment.toml says version = "{assignment.version}"'
    fix = f'Write version = "{next_version(kept)}" there, then run: autograder build {assignment.name}'
    if same is None:
        raise CourseError(f"{table}, which does not come after {last}, the last released. {fix}")
    if found := changes_since(same, assignment.manifest, release):
        more = [f"  … and {len(found) - MAX_NAMED} more"] if len(found) > MAX_NAMED else []
        lines = "\n".join([*(f"  {change}" for change in found[:MAX_NAMED]), *more])
        raise CourseError(
            f"{table}, which was released with other content (releases/{assignment.version}.json):\n{lines}\n{fix}"
        )


def doubt(assignment: Assignment, before: Manifest | None) -> str | None:
    """What to ask where no version is kept: a set that was handed in already is out, however it got there.

    before: what the last build wrote.
    """
    handed_in = next(assignment.course.submitted.glob(f"*/{assignment.name}/*"), None)
    if handed_in is None or before is None or before.version != assignment.version or kept_versions(assignment):
        return None
    if (old := without_counts(before)) == (now := without_counts(assignment.manifest)):
        return None
    return (
        f"submitted/ holds work on {assignment.name}, and under the same version students would now get something else "
        f"({manifest_changes(old, now)[0]}). If {assignment.version} is out, write version = "
        f'"{next_version([assignment.version])}" into assignments/{assignment.name}/assignment.toml and build again'
    )


def changes_since(kept: KeptVersion, manifest: Manifest, release: Mapping[str, bytes]) -> list[str]:
    """What students would get that is not as it was released, in words; then the files that it stands in.

    Notebooks are compared by the manifest: their first cell holds a hash of everything else.
    """
    before, now = without_counts(kept.manifest), without_counts(manifest)
    found = manifest_changes(before, now) if before != now else []
    books = {book.file for one in (before, now) for book in one.notebooks}
    files = {path: digest(data) for path, data in release.items()}
    paths = {path for path, _ in kept.files.items() ^ files.items()} - books - {MANIFEST}
    return [*found, *sorted(paths)]


def next_version(released: Iterable[str]) -> str:
    """The one after the last released: its last number raised by one, such as 1.10 after 1.9."""
    last = max(released, key=version_order)
    numbers = list(re.finditer(r"\d+", last, re.ASCII))
    if not numbers:
        return f"{last}.1"
    start, end = numbers[-1].span()
    return f"{last[:start]}{int(last[start:end]) + 1}{last[end:]}"
