"""The student's half of the course kit: checks in the notebook, `python -m kit preview`, `python -m kit pack`."""

# ruff: noqa: E402, I001 - what is missing should be said before an import fails over it
from kit import versions

versions.require()

from kit import cell_runs
from kit.callbacks import Recorded
from kit.cell_runs import have
from kit.check import ChecksFailed, check, passed, ready, written
from kit.compare import CheckFailed, assert_raises, assert_same, expect_number, expect_tensor, expect_tuple
from kit.equal import assert_equal
from kit.exercises import exercise, load_helpers
from kit.objects import attribute, class_of, has_attribute, is_instance, same_object, set_attribute, swallows
from kit.pack import pack
from kit.preview import preview
from kit.probe import expect_at_least, handed_in, probe_accuracy
from kit.weights import save_weights
from kit.wire import Generated, Lib, Seed, Unsent

__all__ = [
    "CheckFailed",
    "ChecksFailed",
    "Generated",
    "Lib",
    "Recorded",
    "Seed",
    "Unsent",
    "assert_equal",
    "assert_raises",
    "assert_same",
    "attribute",
    "check",
    "class_of",
    "exercise",
    "expect_at_least",
    "expect_number",
    "expect_tensor",
    "expect_tuple",
    "handed_in",
    "has_attribute",
    "have",
    "is_instance",
    "load_helpers",
    "pack",
    "passed",
    "preview",
    "probe_accuracy",
    "ready",
    "same_object",
    "save_weights",
    "set_attribute",
    "swallows",
    "written",
]

cell_runs.watch()
