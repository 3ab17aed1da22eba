"""The versions for which a submission may have been made, and what a result says of such a submission."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from autograder.assignment.kept_versions import KeptVersion, earlier_versions
from autograder.assignment.model import Assignment
from autograder.assignment.test_digests import digests_of_tests
from autograder.assignment.version_changes import changes
from autograder.submission.read import Submission
from kit.manifest import Manifest

MAX_NAMED = 30


@dataclass(frozen=True)
class OlderVersion:
    """A version that was released before; since: in words, what has changed in the exercises."""

    manifest: Manifest
    since: str


def older_versions(assignment: Assignment) -> tuple[OlderVersion, ...]:
    """All that are kept, the oldest first."""
    kept = earlier_versions(assignment)
    problems = assignment.problems if kept else ()
    tests = {name: row for problem in problems for name, row in digests_of_tests(problem).items()}
    return tuple(OlderVersion(one.manifest, _since(one, assignment.manifest, tests)) for one in kept)


def _since(kept: KeptVersion, now: Manifest, tests: dict[str, dict[str, str]]) -> str:
    found = [str(change) for change in changes(kept.manifest, now, kept.tests, tests)]
    more = [f"and {len(found) - MAX_NAMED} more"] if len(found) > MAX_NAMED else []
    return ". ".join([*found[:MAX_NAMED], *more]) or "nothing in exercises and questions"


def notes(submission: Submission, older: Iterable[OlderVersion]) -> Iterator[str]:
    """A line for each earlier version of which there is a notebook: the exercises that have changed since."""
    made_for = {notebook.version for notebook in submission.notebooks.values()}
    for one in older:
        if one.manifest.version in made_for:
            yield f"changed since version {one.manifest.version}: {one.since}"
