"""Which exercise's tests changed: those whose tests, or what these use, are another."""

from __future__ import annotations

from pathlib import Path

import pytest

from autograder.assignment.load import load_assignment
from autograder.assignment.test_digests import digests_of_tests
from autograder.tests import tiny

PUBLIC, HIDDEN, HELPERS = (f"{tiny.PROBLEM}/test_{name}.py" for name in ("public", "hidden", "helpers"))
EDITS = {
    "a hidden test": (HIDDEN, "(4, 7)", "(4, 9)", {("tiny-scale", "hidden")}),
    "a public test": (PUBLIC, "start=3.0", "start=5.0", {("tiny-scaler", "public")}),
    "a hint": (PUBLIC, "Which entries should change?", "Which change?", {("tiny-scale", "public")}),
    "a helper": (HELPERS, "(2, 2)", "(2, 3)", {("tiny-scaler", "public"), ("tiny-scaler", "hidden")}),
    "a comment": (HIDDEN, "    values = ", "    # drawn\n    values = ", set()),
}


def digests(sources: Path) -> dict[tuple[str, str], str]:
    found = digests_of_tests(load_assignment(tiny.NAME, sources.parent.parent).problem(tiny.PROBLEM))
    return {(name, visibility): digest for name, row in found.items() for visibility, digest in row.items()}


@pytest.mark.parametrize("kind", EDITS)
def test_an_edit_tells_on_the_exercises_that_it_concerns(sources: Path, kind: str) -> None:
    file, old, new, concerned = EDITS[kind]
    before = digests(sources)
    tiny.edit(sources, file, old, new)
    now = digests(sources)
    assert {key for key in now if now[key] != before[key]} == concerned
