"""The secrets from which a course's tests draw their inputs, and when which of them is used.

Before the deadline each submission has a seed of its own, made of the course's key and the submission's digest: whoever
hands in again and again learns nothing about the inputs of the next time. After it one seed, drawn then, serves all.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass

from autograder import clock
from autograder.assignment.model import Assignment
from autograder.course_key import keyed_digest
from autograder.errors import BadInput
from autograder.files import write_atomically
from autograder.results import Stage

SEED_BITS = 128  # more than a submission can learn of what is drawn from it, and then try out


@dataclass(frozen=True)
class Draw:
    """How one grading run draws inputs. seed: everyone's; None: each submission has its own (`own_seed`)."""

    stage: Stage
    seed: int | None


def course_draw(assignment: Assignment, stage: Stage | None = None, *, new: bool = False) -> Draw:
    """The draw of this moment: by the assignment's deadline, unless a stage is named."""
    stage = stage or current_stage(assignment)
    if stage is Stage.FINAL:
        return Draw(stage, course_seed(assignment, new=new))
    if new:
        raise BadInput(
            "before the deadline each submission has a seed of its own already: omit --new-seed, or add --final"
        )
    return Draw(stage, None)


def current_stage(assignment: Assignment) -> Stage:
    """Provisional up to the deadline; an assignment without one is graded finally at any time."""
    return Stage.PROVISIONAL if assignment.due is not None and clock.now() < assignment.due else Stage.FINAL


def own_seed(assignment: Assignment, submission: str) -> int:
    """The seed of one submission before the deadline: the same whenever it is graded, another for any other one."""
    what = json.dumps([assignment.name, assignment.version, submission]).encode()
    return int(keyed_digest(assignment.course.state, "a provisional seed", what)[: SEED_BITS // 4], 16)


def seed_name(assignment: Assignment) -> str:
    """Under which the seed of the grades is kept."""
    return f"{assignment.name} {assignment.version} {Stage.FINAL}"


def course_seed(assignment: Assignment, *, new: bool = False) -> int:
    """The seed of the grades of this course, assignment and version: drawn once, then the same for everyone."""
    path = assignment.course.state / "seeds.json"
    key = seed_name(assignment)
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
