"""The secret from which a course's tests draw their inputs."""

from __future__ import annotations

import json
import secrets

from autograder.assignment.model import Assignment
from autograder.errors import BadInput
from autograder.files import write_atomically

SEED_BITS = 128  # more than a submission can learn of what is drawn from it, and then try out


def course_seed(assignment: Assignment, *, new: bool = False) -> int:
    """The secret seed of this course, assignment and version: drawn once, then the same for everyone."""
    path = assignment.course.state / "seeds.json"
    key = f"{assignment.name} {assignment.version}"
    try:
        seeds = json.loads(path.read_text()) if path.exists() else {}
        stored = seeds.get(key)
        if stored is not None and not new:
            return int(stored)
    except (ValueError, AttributeError, TypeError) as error:
        raise BadInput(f"{path} is damaged ({error}): restore it, or delete it to draw new seeds") from error
    seeds[key] = secrets.randbits(SEED_BITS)
    write_atomically(path, (json.dumps(seeds, indent=1) + "\n").encode())
    return int(seeds[key])
