"""Before the deadline a student learns of the hidden tests how many pass, so often a day, and nothing else."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from autograder.assignment.load import load_assignment
from autograder.assignment.model import Assignment
from autograder.errors import BadInput, CourseError
from autograder.marks import feedback_pages, gradebook
from autograder.marks.feedback_allowance import Allowance
from autograder.marks.feedback_pages import Pages
from autograder.results import Earlier, Report, Stage
from autograder.tests import marking, tiny
from kit.outcomes import OutcomeStatus

DUE = datetime.fromisoformat("2020-01-01T00:00:00+00:00")
HIDDEN_TITLE = "works on other sizes"


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Callable[[timedelta], None]:
    """Sets the clock to so long after the deadline."""
    return lambda after: monkeypatch.setattr("autograder.clock.now", lambda: DUE + after)


@pytest.fixture(autouse=True)
def three_days_early(at: Callable[[timedelta], None]) -> None:
    at(timedelta(days=-3))


def provisional(number: int = 0, **fields: object) -> Report:
    """A result before the deadline, of ada's submission of this number."""
    digest = f"sha256:{number:064}"
    return marking.report("ada", stage=Stage.PROVISIONAL, submission=digest, **fields)  # type: ignore[arg-type]


def feedback(course: Assignment, report: Report) -> Pages:
    results = marking.store(course.root, report)
    gradebook.write(course, results)
    return feedback_pages.write(course, results)


def pages(course: Assignment, student: str = "ada") -> dict[str, str]:
    folder = course.course.feedback / student / tiny.NAME
    return {path.name: path.read_text() for path in folder.iterdir() if path.suffix == ".html"}


def limited(course: Assignment, count: object) -> Assignment:
    tiny.edit(course.folder, "assignment.toml", "extra = []", f"extra = []\nfeedback_a_day = {count}")
    return load_assignment(tiny.NAME, course.root)


def with_hidden(passed: set[int]) -> Report:
    """A result in which exactly these of four hidden tests of different weights passed, and the score says so."""
    report = provisional()
    like = next(test for test in report.tests if test.visibility == "hidden")
    tests = tuple(
        dataclasses.replace(
            like, id=f"{like.id}{number}", title=f"title {number}", message=f"title {number}. hint {number}",
            weight=float(2**number), status=OutcomeStatus.PASSED if number in passed else OutcomeStatus.FAILED,
        )
        for number in range(4)
    )  # fmt: skip
    exercises = list(report.exercises)
    failed = next((test.id for test in tests if test.status is OutcomeStatus.FAILED), None)
    score = round(3 * (1 + sum(2**number for number in passed)) / 16, 4)
    exercises[0] = dataclasses.replace(exercises[0], score=score, explained=failed, earlier=Earlier.OWN)
    public = tuple(test for test in report.tests if test.visibility == "public")
    return dataclasses.replace(report, exercises=tuple(exercises), tests=(*public, *tests), auto_score=score + 2)


def test_pages_say_how_many_hidden_tests_pass_and_public_ones_whole(tinyset: Assignment) -> None:
    feedback(tinyset, provisional(scale=1.0))
    for page in pages(tinyset).values():
        assert "0 of 1 hidden tests pass; 3 points" in page and "0 of 0 hidden tests pass; 2 points" in page
        assert "multiplies every entry" in page and "Which entries should change?" in page
        assert HIDDEN_TITLE not in page and marking.HIDDEN_NAME not in page
        assert "ada: provisional" in page and "points are given after it" in page
        assert "not graded" not in page


@pytest.mark.parametrize("passed", [{0, 1}, {1, 2}, {0, 3}])
def test_which_hidden_tests_pass_makes_no_difference_to_any_page(tinyset: Assignment, passed: set[int]) -> None:
    feedback(tinyset, with_hidden({2, 3}))
    before = pages(tinyset)
    feedback(tinyset, with_hidden(passed))
    without_time = re.compile(r"graded [\d :-]+ UTC")
    assert {name: without_time.sub("", page) for name, page in pages(tinyset).items()} == {
        name: without_time.sub("", page) for name, page in before.items()
    }
    assert "2 of 4 hidden tests pass" in before["index.html"]


def test_what_could_not_be_graded_is_still_said(tinyset: Assignment) -> None:
    feedback(tinyset, provisional(scaler=None))
    assert "Not graded: the worker ended." in pages(tinyset)["index.html"]


def test_after_the_deadline_the_page_is_whole(tinyset: Assignment) -> None:
    feedback(tinyset, dataclasses.replace(provisional(scale=1.0), stage=Stage.FINAL))
    page = pages(tinyset)["index.html"]
    assert HIDDEN_TITLE in page and "1 / 3" in page and "provisional" not in page


def test_the_staffs_page_and_table_are_whole(tinyset: Assignment) -> None:
    done = feedback(tinyset, provisional(scale=1.0))
    assert "3 / 6 so far" in done.index.read_text() and "to be marked, provisional" in done.index.read_text()


def test_a_result_that_is_still_provisional_after_the_deadline_shows_no_more(
    tinyset: Assignment, at: Callable[[timedelta], None]
) -> None:
    at(timedelta(days=1))
    feedback(tinyset, provisional(scale=1.0))
    assert HIDDEN_TITLE not in "".join(pages(tinyset).values())


def test_so_many_submissions_a_day_get_a_page_and_the_next_one_is_told_when(
    tinyset: Assignment, at: Callable[[timedelta], None]
) -> None:
    course = limited(tinyset, 2)
    for number in (1, 2):
        assert feedback(course, provisional(number)).waiting == ()
    earlier = pages(course)
    assert feedback(course, provisional(3, scale=1.0)).waiting == ("ada",)
    sentence = "Before the deadline (2020-01-01 00:00 UTC) there is feedback on at most 2 submissions a day: "
    assert f"{sentence}the next comes after 2019-12-29." in pages(course)["index.html"]
    assert "0 of 1 hidden tests" not in pages(course)["index.html"]
    assert pages(course)["1_scaling.html"] == earlier["1_scaling.html"]
    at(timedelta(days=-2))
    assert feedback(course, provisional(3, scale=1.0)).waiting == ()
    page = pages(course)["index.html"]
    assert "the next comes" not in page and "0 of 1 hidden tests" in page


def test_the_same_submission_is_shown_again_at_no_cost(tinyset: Assignment, at: Callable[[timedelta], None]) -> None:
    course = limited(tinyset, 1)
    for day in (-3, -3, -2, -1):
        at(timedelta(days=day))
        assert feedback(course, provisional(1)).waiting == ()
    assert feedback(course, provisional(2)).waiting == ()
    assert feedback(course, provisional(1)).waiting == ("ada",)


def test_the_limit_is_each_students_and_each_assignments(tinyset: Assignment) -> None:
    course = limited(tinyset, 1)
    feedback(course, provisional(1))
    bob = dataclasses.replace(provisional(2), student="bob")
    results = marking.store(course.root, provisional(2), bob)
    assert feedback_pages.write(course, results).waiting == ("ada",)
    other = dataclasses.replace(course, name="other")
    assert Allowance(other).grants(provisional(3))


def test_with_0_a_day_there_is_no_feedback_before_the_deadline(tinyset: Assignment) -> None:
    course = limited(tinyset, 0)
    for _ in range(2):
        assert feedback(course, provisional(scale=1.0)).waiting == ("ada",)
    assert list(pages(course)) == ["index.html"]
    page = pages(course)["index.html"]
    assert "There is no feedback before the deadline (2020-01-01 00:00 UTC)." in page and "hidden" not in page
    assert feedback(course, marking.report("ada")).waiting == ()


def test_without_a_setting_it_is_three_a_day(tinyset: Assignment) -> None:
    assert [feedback(tinyset, provisional(number)).waiting for number in range(4)] == [(), (), (), ("ada",)]


def test_nbgraders_page_of_a_notebook_follows_the_same_rules(tinyset: Assignment) -> None:
    course = limited(tinyset, 1)

    def page(report: Report) -> str:
        results = marking.store(course.root, report)
        gradebook.write(course, results)
        path = course.course.autograded / "ada" / tiny.NAME / tiny.NOTEBOOK
        return feedback_pages.notebook_page(course, results, course.course.gradebook, "ada", path)

    first = page(provisional(1, scale=1.0))
    assert "0 of 1 hidden tests pass" in first and HIDDEN_TITLE not in first
    assert page(provisional(1, scale=1.0)) == first
    assert "the next comes after" in page(provisional(2))
    assert HIDDEN_TITLE in page(marking.report("ada"))


@pytest.mark.parametrize("text", ["[", "[]", '{"tinyset": 1}', '{"tinyset": {"ada": 3}}'])
def test_a_damaged_record_of_pages_is_named(tinyset: Assignment, text: str) -> None:
    (tinyset.course.state / "feedback.json").write_text(text)
    with pytest.raises(BadInput, match="feedback.json is damaged"):
        feedback(tinyset, provisional())


@pytest.mark.parametrize("value", ["-1", "1.5", "true", '"3"'])
def test_a_limit_that_is_no_count_is_refused(tinyset: Assignment, value: str) -> None:
    with pytest.raises(CourseError, match="feedback_a_day = .* should be a whole number, 0 or above"):
        limited(tinyset, value)
