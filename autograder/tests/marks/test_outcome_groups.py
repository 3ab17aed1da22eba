"""The order and the grouping in which a reader meets an exercise's tests."""

from __future__ import annotations

from autograder.assignment.model import Assignment
from autograder.marks import feedback_pages, gradebook
from autograder.marks.marker_notebook import block
from autograder.marks.outcome_groups import grouped
from autograder.results import ExerciseResult, ReportStatus, TestResult
from autograder.tests import marking, tiny
from kit.outcomes import OutcomeStatus

AT_LINE_3 = "AssertionError in line 3 of cell tiny-scale"


def result(name: str, status: str = "failed", stopped: str = "", visibility: str = "public") -> TestResult:
    said = f"The code stopped with {stopped}." if stopped else f"hint of {name}"
    message = name if status == "passed" else f"{name}. {said}"
    test_id = f"{tiny.PROBLEM}/test_{visibility}.py::test_{name}"
    return TestResult(test_id, "tiny-scale", visibility, OutcomeStatus(status), 0.1, message, name, 1.0, stopped)


TESTS = (
    result("good", "passed"),
    result("broad"),
    result("one", stopped=AT_LINE_3),
    result("own"),
    result("two", stopped=AT_LINE_3),
    result("three", stopped="an error", visibility="hidden"),
    result("four", stopped="an error", visibility="hidden"),
)
OWN = f"{tiny.PROBLEM}/test_public.py::test_own"


def test_the_explained_failure_comes_first_then_the_others_then_what_passed() -> None:
    groups = grouped(TESTS, OWN)
    assert [group.heading for group in groups] == ["own", "broad", "2 tests", "2 tests", "good"]
    assert [group.is_explained for group in groups] == [True, False, False, False, False]
    assert groups[0].text == "hint of own"


def test_tests_that_one_exception_ended_are_one_group_public_and_hidden_apart() -> None:
    public, hidden = grouped(TESTS, OWN)[2:4]
    assert (public.text, public.titles) == (f"The code stopped with {AT_LINE_3}.", ("one", "two"))
    assert (hidden.text, hidden.titles) == ("The code stopped with an error.", ("three", "four"))


def test_a_group_is_explained_where_one_of_its_tests_is() -> None:
    first = grouped(TESTS, f"{tiny.PROBLEM}/test_public.py::test_two")[0]
    assert first.is_explained and first.titles == ("one", "two")


def page_and_block(tinyset: Assignment) -> tuple[str, str]:
    lost = ExerciseResult("tiny-scale", ReportStatus.GRADED, 1.0, 3.0, explained=OWN)
    report = marking.report("ada")
    report = marking.report("ada", exercises=(lost, report.exercises[1]), tests=TESTS)
    results = marking.store(tinyset.root, report)
    gradebook.write(tinyset, results)
    feedback_pages.write(tinyset, results)
    page = (tinyset.root / "feedback" / "ada" / tiny.NAME / "index.html").read_text()
    return page, block("tiny-scale", tinyset.manifest, report)


def test_a_page_explains_one_failure_and_folds_what_the_others_say(tinyset: Assignment) -> None:
    page, _ = page_and_block(tinyset)
    assert "<b>own</b><br>hint of own" in page
    assert "<details><summary>broad</summary>hint of broad</details>" in page
    assert f"<summary>2 tests</summary>The code stopped with {AT_LINE_3}.<br>one<br>two</details>" in page
    assert page.index("hint of own") < page.index("hint of broad") < page.index("good")


def test_a_marker_meets_them_in_the_same_order(tinyset: Assignment) -> None:
    lines = page_and_block(tinyset)[1].splitlines()
    assert [" ".join(line.split()) for line in lines[1:4]] == [
        "failed own. hint of own", "failed broad. hint of broad",
        f"failed 2 tests: The code stopped with {AT_LINE_3}. (one; two)",
    ]  # fmt: skip
