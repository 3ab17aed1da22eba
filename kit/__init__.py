"""The student's half of the course kit: checks in the notebook, `python -m kit preview`, `python -m kit pack`."""

# ruff: noqa: E402, I001 - what is missing should be said before an import fails over it
from kit import versions
from kit.release import named_libraries

versions.require(named_libraries())

from kit import cell_runs
from kit.cell_runs import have
from kit.check import ChecksFailed, check, passed, ready, written
from kit.compare import CheckFailed, assert_raises, assert_same, expect_number, expect_tensor, expect_tuple
from kit.exercises import exercise, load_helpers
from kit.pack import pack
from kit.preview import preview
from kit.probe import expect_at_least, handed_in, probe_accuracy
from kit.weights import save_weights
from kit.wire import Lib, Seed

__all__ = [
    "CheckFailed",
    "ChecksFailed",
    "Lib",
    "Seed",
    "assert_raises",
    "assert_same",
    "check",
    "exercise",
    "expect_at_least",
    "expect_number",
    "expect_tensor",
    "expect_tuple",
    "handed_in",
    "have",
    "load_helpers",
    "pack",
    "passed",
    "preview",
    "probe_accuracy",
    "ready",
    "save_weights",
    "written",
]

cell_runs.watch()
