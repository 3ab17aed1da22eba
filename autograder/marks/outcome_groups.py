"""An exercise's tests as a reader meets them: the most telling failure first, equal crashes as one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from autograder.results import TestResult
from kit.outcomes import OutcomeStatus


@dataclass(frozen=True)
class TestGroup:
    """Tests that are shown as one: a single one, or all that the same exception ended.

    is_explained: it holds the failure that says most about what is wrong.
    """

    __test__ = False

    tests: tuple[TestResult, ...]
    is_explained: bool = False

    @property
    def first(self) -> TestResult:
        return self.tests[0]

    @property
    def status(self) -> OutcomeStatus:
        return self.first.status

    @property
    def heading(self) -> str:
        """A title, or how many tests there are."""
        return self.first.title if len(self.tests) == 1 else f"{len(self.tests)} tests"

    @property
    def text(self) -> str:
        """What a student may read of it below the heading."""
        return self.first.message.removeprefix(self.first.title).lstrip(".: ")

    @property
    def titles(self) -> tuple[str, ...]:
        """Of all of them, where the heading is none."""
        return tuple(test.title for test in self.tests) if len(self.tests) > 1 else ()


def grouped(tests: Sequence[TestResult], explained: str | None) -> list[TestGroup]:
    """explained: the id of the failure that stands first."""
    groups: dict[object, list[TestResult]] = {}
    for test in tests:
        key = (test.visibility, test.stopped) if test.stopped else test.id
        groups.setdefault(key, []).append(test)
    made = [TestGroup(tuple(group), any(test.id == explained for test in group)) for group in groups.values()]
    return sorted(made, key=lambda group: (not group.is_explained, group.status is OutcomeStatus.PASSED))
