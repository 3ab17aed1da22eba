"""What git has made of products when it merged two versions of the sources: nobody's work, so it may be built over."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from pathlib import Path


def as_in_git(root: Path, paths: Iterable[str]) -> set[str]:
    """Of these files those that are as git has them: nothing is lost where they are written anew.

    In the middle of a merge, either side's version counts as well. None where there is no git, or no repository.
    """
    there = sorted(path for path in paths if (root / path).is_file())
    if not there:
        return set()
    hashes = dict(zip(there, _git(root, "hash-object", "--", *there).split(), strict=False))
    known: dict[str, set[str]] = {}
    for line in _git(root, "ls-files", "--stage", "-z", "--", *there).split("\0"):
        facts, _, path = line.partition("\t")
        if path:
            known.setdefault(path, set()).add(facts.split()[1])
    return {path for path in there if hashes.get(path) in known.get(path, ())}


def _git(root: Path, *words: str) -> str:
    """What a git command prints; nothing where it fails."""
    try:
        done = subprocess.run(["git", *words], cwd=root, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.decode("utf-8", errors="surrogateescape")
