"""CHANGES.md: all versions for students, the newest first: each one's notes, then what differs from the one before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from autograder.assignment.kept_versions import KeptVersion
from autograder.assignment.version_changes import VersionChange, changes, other_changes

FILE = "CHANGES.md"
MAX_NAMED = 12


def changelog(versions: Sequence[KeptVersion]) -> str:
    """The text, for versions given from the oldest."""
    parts = [f"# What changed: {versions[-1].manifest.title}\n"]
    for before, now in reversed(list(zip([None, *versions[:-1]], versions, strict=True))):
        parts.append(f"## Version {now.version}\n\n{now.notes}\n")
        if before is not None:
            found = "".join(f"- {change}\n" for change in all_changes(before, now))
            parts.append(f"Since version {before.version}:\n\n{found or '- nothing in exercises, code or texts'}")
    return "\n".join(part.rstrip("\n") + "\n" for part in parts)


def all_changes(before: KeptVersion, now: KeptVersion) -> list[VersionChange]:
    """What differs between two versions."""
    found = changes(before.manifest, now.manifest, before.tests, now.tests)
    return [*found, *other_changes(before.manifest, now.manifest), *_library(before, now)]


def _library(before: KeptVersion, now: KeptVersion) -> Iterator[VersionChange]:
    prefix = f"{now.manifest.library}/"
    paths = sorted(before.files.items() ^ now.files.items())
    names = sorted({path for path, _ in paths if path.startswith(prefix) and path.endswith(".py")})
    if names:
        more = f" and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else ""
        yield VersionChange(f"library {now.manifest.library}", f"changed in {', '.join(names[:MAX_NAMED])}{more}")
