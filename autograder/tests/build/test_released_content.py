"""What was released under a version stays that: whatever students would get otherwise asks for a higher one."""

from __future__ import annotations

from pathlib import Path

import pytest

from autograder.assignment.kept_versions import KeptVersion, digest, place
from autograder.assignment.load import load_assignment
from autograder.assignment.model import Assignment
from autograder.assignment.test_digests import digests_of_tests
from autograder.build import release_files
from autograder.build.released_content import doubt, next_version, require_version
from autograder.errors import CourseError
from autograder.tests import tiny

PROBLEM = tiny.PROBLEM
CHANGES = {
    "text": (f"{PROBLEM}/notebook.py", "Two exercises", "Some exercises", "text changed in 1 cell"),
    "a stub": (f"{PROBLEM}/notebook.py", "Multiply values", "Multiply all values", "tiny-scale: text changed"),
    "given code": (f"{PROBLEM}/notebook.py", "Holds the factor.", "Keeps it.", "given code changed in 1 cell"),
    "points": (f"{PROBLEM}/problem.toml", "points = 3", "points = 4", "tiny-scale: points 3 → 4"),
    "a public test": (f"{PROBLEM}/test_public.py", "4.0, 6.0", "4.0, 6", "tests/scaling/test_public.py"),
    "what tests share": (f"{PROBLEM}/test_helpers.py", "float(value)", "1.0 * value", "tests/scaling/test_helpers.py"),
    "the library": (f"{tiny.LIBRARY}/shapes.py", "return 2 * values", "return values * 2", "tinylib/shapes.py"),
    "data": ("data/numbers.txt", "1 2 3", "1 2 4", "data/numbers.txt"),
    "the handout": ("handout.md", "fill the stubs", "fill every stub", "handout.md"),
    "requirements": ("requirements.txt", "pytest", "pytest>=8", "requirements.txt"),
    "a limit": ("assignment.toml", "call_seconds = 2", "call_seconds = 3", "tiny-scale: call_seconds 2 → 3"),
}


def content(assignment: Assignment) -> dict[str, bytes]:
    """What students get beside the notebooks, which the manifest holds as well."""
    return release_files.copies(assignment) | release_files.written(assignment)


def keep(folder: Path, version: str = "1.0") -> None:
    """Keep what the sources say as released."""
    assignment = load_assignment(tiny.NAME, folder.parents[1])
    tests = digests_of_tests(assignment.problem(PROBLEM))
    files = {path: digest(data) for path, data in content(assignment).items()}
    path = place(assignment, version)
    path.parent.mkdir(exist_ok=True)
    text = KeptVersion(assignment.manifest, "The first.", tests, files, {}, "").to_json()
    path.write_text(text.replace('"version": "1.0"', f'"version": "{version}"'))


def require(folder: Path) -> None:
    assignment = load_assignment(tiny.NAME, folder.parents[1])
    require_version(assignment, content(assignment))


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_of_what_students_get_is_named_with_the_version_to_write(sources: Path, change: str) -> None:
    keep(sources)
    require(sources)
    file, old, new, told = CHANGES[change]
    tiny.edit(sources, file, old, new)
    with pytest.raises(CourseError) as refused:
        require(sources)
    assert told in str(refused.value) and 'Write version = "1.1" there' in str(refused.value)
    tiny.edit(sources, "assignment.toml", 'version = "1.0"', 'version = "1.1"')
    require(sources)


@pytest.mark.parametrize("change", CHANGES)
def test_before_the_first_release_nothing_asks_for_a_version(sources: Path, change: str) -> None:
    tiny.edit(sources, *CHANGES[change][:3])
    require(sources)


def test_what_students_do_not_get_is_no_new_version(sources: Path) -> None:
    keep(sources)
    hidden = sources / PROBLEM / "test_hidden.py"
    more = '@scaling("stays", hint="")\ndef test_more(student):\n    assert student.scale\n'
    hidden.write_text(f"{hidden.read_text()}\n\n{more}")
    tiny.edit(sources, f"{PROBLEM}/notebook.py", "scaled_by_the_reference = values * factor", "pass")
    tiny.edit(sources, f"{PROBLEM}/notebook.py", "return scaled_by_the_reference", "return factor * values")
    tiny.edit(sources, f"{PROBLEM}/rubric.md", "Full mark", "Full marks")
    require(sources)


@pytest.mark.parametrize("last", ["1.1", "1.0.0", "2"])
def test_a_version_below_the_last_released_is_refused(sources: Path, last: str) -> None:
    keep(sources, last)
    with pytest.raises(CourseError, match=f"does not come after {last}, the last released"):
        require(sources)


@pytest.mark.parametrize(
    ("released", "after"),
    [(["1.0"], "1.1"), (["1.9", "1.10", "1.2"], "1.11"), (["2026a"], "2027a"), (["draft"], "draft.1"), (["3"], "4")],
)
def test_the_next_version_comes_after_the_last(released: list[str], after: str) -> None:
    assert next_version(released) == after


def test_where_no_version_is_kept_work_that_was_handed_in_raises_the_question(sources: Path) -> None:
    root = sources.parents[1]
    before = load_assignment(tiny.NAME, root).manifest
    tiny.edit(sources, f"{PROBLEM}/problem.toml", "points = 3", "points = 4")
    assert doubt(load_assignment(tiny.NAME, root), before) is None
    (root / "submitted" / "ada" / tiny.NAME).mkdir(parents=True)
    (root / "submitted" / "ada" / tiny.NAME / tiny.NOTEBOOK).write_text("{}")
    asked = doubt(load_assignment(tiny.NAME, root), before)
    assert asked is not None and "(tiny-scale: points 3 → 4)" in asked and 'version = "1.1"' in asked
    tiny.edit(sources, "assignment.toml", 'version = "1.0"', 'version = "1.1"')
    assert doubt(load_assignment(tiny.NAME, root), before) is None
