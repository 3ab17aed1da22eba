"""The secret seed of a course, assignment and version."""

from __future__ import annotations

import pytest

from autograder.assignment.load import load_assignment
from autograder.assignment.model import Assignment
from autograder.errors import BadInput
from autograder.grading.seed import course_seed
from autograder.tests import tiny


def test_the_seed_is_drawn_once_and_a_new_one_on_demand(tinyset: Assignment) -> None:
    first = course_seed(tinyset)
    assert course_seed(tinyset) == first
    second = course_seed(tinyset, new=True)
    assert second != first and course_seed(tinyset) == second


def test_a_new_version_has_a_seed_of_its_own(tinyset: Assignment) -> None:
    first = course_seed(tinyset)
    tiny.edit(tinyset.folder, "assignment.toml", 'version = "1.0"', 'version = "1.1"')
    newer = load_assignment(tiny.NAME, tinyset.root)
    assert course_seed(newer) != first
    assert course_seed(tinyset) == first


def test_a_damaged_seed_file_is_named(tinyset: Assignment) -> None:
    course_seed(tinyset)
    (tinyset.root / ".autograder" / "seeds.json").write_text("[")
    with pytest.raises(BadInput, match="seeds.json"):
        course_seed(tinyset)


def test_a_seed_cannot_be_found_by_trying_all(tinyset: Assignment) -> None:
    assert max(course_seed(tinyset, new=True) for _ in range(8)) > 2**110  # of 128 bits
