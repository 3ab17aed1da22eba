"""The student's half of the course kit: checks in the notebook, `python -m kit preview`, `python -m kit pack`."""

from kit.compare import CheckFailed, assert_raises, assert_same, expect_number, expect_tensor, expect_tuple
from kit.exercises import exercise
from kit.wire import Lib, Seed

__all__ = [
    "CheckFailed",
    "Lib",
    "Seed",
    "assert_raises",
    "assert_same",
    "exercise",
    "expect_number",
    "expect_tensor",
    "expect_tuple",
]
