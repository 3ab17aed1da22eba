"""The secret seeds of a course: before the deadline one for each submission, after it one for everyone."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from autograder.assignment.load import load_assignment
from autograder.assignment.model import Assignment
from autograder.errors import BadInput
from autograder.grading.seed import SEED_BITS, Draw, course_draw, course_seed, own_seed
from autograder.results import Stage
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


@pytest.fixture
def early(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the second before the tiny set's deadline."""
    monkeypatch.setattr("autograder.clock.now", lambda: datetime(2019, 12, 31, 23, 59, 59, tzinfo=UTC))


def test_the_final_seed_is_drawn_at_the_deadline(
    tinyset: Assignment, early: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert course_draw(tinyset) == Draw(Stage.PROVISIONAL, None)
    assert not (tinyset.course.state / "seeds.json").exists()
    monkeypatch.setattr("autograder.clock.now", lambda: datetime(2020, 1, 1, tzinfo=UTC))
    drawn = course_draw(tinyset)
    assert drawn == course_draw(tinyset) == Draw(Stage.FINAL, course_seed(tinyset))


def test_a_stage_may_be_named_on_either_side_of_the_deadline(tinyset: Assignment, early: None) -> None:
    assert course_draw(tinyset, Stage.FINAL).seed is not None
    assert course_draw(tinyset, Stage.PROVISIONAL).seed is None


def test_without_a_deadline_grading_is_final(tinyset: Assignment) -> None:
    tiny.edit(tinyset.folder, "assignment.toml", "due = 2020-01-01T00:00:00Z\n", "")
    assert course_draw(load_assignment(tiny.NAME, tinyset.root)).stage is Stage.FINAL


def test_a_new_seed_before_the_deadline_is_refused_with_the_reason(tinyset: Assignment, early: None) -> None:
    with pytest.raises(BadInput, match="each submission has a seed of its own already: omit --new-seed"):
        course_draw(tinyset, new=True)


def test_each_submission_version_and_course_has_a_seed_of_its_own(tinyset: Assignment) -> None:
    seeds = {own_seed(tinyset, f"sha256:{number}") for number in range(50)}
    assert len(seeds) == 50 and max(seeds) > 2 ** (SEED_BITS - 10) and max(seeds) < 2**SEED_BITS
    assert own_seed(tinyset, "sha256:1") in seeds
    (tinyset.course.state / "key").unlink()
    assert own_seed(tinyset, "sha256:1") not in seeds
    tiny.edit(tinyset.folder, "assignment.toml", 'version = "1.0"', 'version = "1.1"')
    assert own_seed(load_assignment(tiny.NAME, tinyset.root), "sha256:1") != own_seed(tinyset, "sha256:1")
