"""The canary of a set, by which a copy that got out is traced to it: no other set may have the same."""

from __future__ import annotations

import secrets
import tomllib

from autograder.assignment.model import Assignment


def shared_canary(assignment: Assignment) -> str | None:
    """What is wrong, with a fresh one, where another set of the course has this one's canary, or part of it."""
    for path in sorted(assignment.course.assignments.glob("*/assignment.toml")):
        try:
            other = tomllib.loads(path.read_text(encoding="utf-8")).get("canary")
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError):
            continue  # that set's own trouble, told where it is built
        if path.parent != assignment.folder and isinstance(other, str) and other:
            if other in assignment.canary or assignment.canary in other:
                return (
                    f"assignments/{assignment.name} and assignments/{path.parent.name} share a canary, so that nobody "
                    f"could tell whose copy got out: in assignment.toml of the one that is not released yet, write\n"
                    f'canary = "kit-canary-{secrets.token_hex(12)}"'
                )
    return None
