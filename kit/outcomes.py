"""How a test can end."""

from enum import StrEnum


class OutcomeStatus(StrEnum):
    """The status of one test on one student's code."""

    PASSED = "passed"
    FAILED = "failed"
    TIMEOUT = "timeout"
    CRASHED = "crashed"
    MISSING = "missing"  # not written
    BLOCKED = "blocked"  # by an earlier exercise that is not written
    ERROR = "error"  # the test itself is at fault, or seems so


BLAMELESS = (OutcomeStatus.MISSING, OutcomeStatus.BLOCKED)
UNANSWERED = (OutcomeStatus.TIMEOUT, OutcomeStatus.CRASHED)
