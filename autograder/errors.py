"""The errors a command may end with: each kind has its exit code (listed in the README)."""

from __future__ import annotations


class AutograderError(Exception):
    """Something the person at the command line can fix. The message says what, where and how.

    Exit codes: 1 a fault of the engine itself, 2 a usage error, then one for each subclass.
    """

    exit_code = 1


class CourseError(AutograderError):
    """The sources of an assignment contradict each other."""

    exit_code = 3


class EditedByHand(AutograderError):
    """A built file was changed after the build; building would lose the change."""

    exit_code = 4


class Stale(AutograderError):
    """`build --check`: a product is not what the sources build."""

    exit_code = 5


class Leak(AutograderError):
    """The release would hold something that only the staff may see."""

    exit_code = 6


class Surprise(AutograderError):
    """`verify` or `demo`: an answer did not get what it should."""

    exit_code = 7


class NotGraded(AutograderError):
    """At least one submission or exercise could not be graded."""

    exit_code = 8


class TooWeak(AutograderError):
    """This machine cannot confine a student's code well enough."""

    exit_code = 9


class BadInput(AutograderError):
    """A file or folder named on the command line is missing or damaged."""

    exit_code = 10
