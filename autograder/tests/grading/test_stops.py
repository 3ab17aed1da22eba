"""What a student reads of an exception that ended a test: class and line of a public one, and no word more."""

from __future__ import annotations

from pathlib import Path

import pytest

from autograder.assignment.load import load_assignment
from autograder.grading.grade_one import grade_submission
from autograder.grading.plan import Plan
from autograder.grading.stops import stopped_with
from autograder.results import Earlier, Report, TestResult
from autograder.sandbox.sandbox import Sandbox
from autograder.submission.read import read_submission
from autograder.tests import marking, released, tiny
from kit.exercises import Mark
from kit.notebooks import CodeCell, Extraction
from kit.outcomes import OutcomeStatus
from kit.runner import Outcome, Raised

# Stops with an exception and a line that tell whether it, or an earlier exercise, has met a hidden test there.
TELLTALE = """
def scale(values, factor):
    if factor < 0:
        raise ValueError
    globals().setdefault("seen", []).append(factor)
    return values * factor
"""
TELLTALE_SCALER = """
class Scaler(ScalerBase):
    def forward(self, values):
        if 3.0 in globals().get("seen", []):
            raise KeyError("a hidden test ran here")
        raise IndexError("none did")

    def inverse(self, values):
        globals().setdefault("seen", []).append(3.0)
        return values / self.factor
"""


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    root = tmp_path_factory.mktemp("course")
    marking.without_gradebook(root)
    return Plan.of(load_assignment(tiny.NAME, root), 11)


def graded(plan: Plan, sandbox: Sandbox, folder: Path, **answers: str) -> Report:
    folder.mkdir()
    (folder / tiny.NOTEBOOK).write_bytes((plan.assignment.release / tiny.NOTEBOOK).read_bytes())
    released.fill(folder / tiny.NOTEBOOK, **answers)
    return grade_submission(read_submission(folder, plan.assignment.manifest), plan, sandbox).report


def of(report: Report, name: str) -> TestResult:
    return next(test for test in report.tests if test.id.split("::")[1].startswith(name))


def test_a_public_test_says_what_was_raised_and_where_and_a_hidden_one_that_the_code_stopped(
    plan: Plan, sandbox: Sandbox, tmp_path: Path
) -> None:
    own = "class Seen(LookupError):\n    pass\n\ndef scale(values, factor):\n    raise Seen(f'saw {values}')"
    report = graded(plan, sandbox, tmp_path / "s", tiny_scale=own)
    public, hidden = of(report, "test_scale_multiplies"), of(report, "test_scale_on_drawn")
    assert public.message == "multiplies every entry. The code stopped with LookupError in line 5 of cell tiny-scale."
    assert hidden.message == "works on other sizes. The code stopped with an error."
    assert (public.stopped, hidden.stopped) == ("LookupError in line 5 of cell tiny-scale", "an error")
    assert "Seen" not in report.to_json() and "saw" not in report.to_json()


def test_a_test_that_found_a_wrong_answer_says_nothing_of_exceptions(
    plan: Plan, sandbox: Sandbox, tmp_path: Path
) -> None:
    report = graded(plan, sandbox, tmp_path / "s", tiny_scale="def scale(values, factor):\n    return values")
    assert {test.stopped for test in report.tests if test.exercise == "tiny-scale"} == {""}


def test_the_most_telling_failure_is_named_in_the_result(plan: Plan, sandbox: Sandbox, tmp_path: Path) -> None:
    report = graded(plan, sandbox, tmp_path / "s", tiny_scale="def scale(values, factor):\n    return values * factor")
    scale, scaler = report.exercises
    assert scale.explained == f"{tiny.PROBLEM}/test_public.py::test_scale_rejects_negative_factors"
    assert scaler.explained is None


def test_what_a_public_test_shows_was_met_where_no_hidden_test_had_run(
    plan: Plan, sandbox: Sandbox, tmp_path: Path
) -> None:
    for number in range(2):
        folder = tmp_path / f"s{number}"
        report = graded(plan, sandbox, folder, tiny_scale=TELLTALE, tiny_scaler=TELLTALE_SCALER)
        assert report.exercises[0].score == 3  # its hidden tests call it with 3.0, in the worker that both share
        assert of(report, "test_scaler_uses").stopped == "IndexError in line 6 of cell tiny-scaler"
        assert of(report, "test_scaler_inverse").stopped == "an error"


# --- whatever a worker claims -----------------------------------------------------------------------------------------

CELLS = Extraction(
    (CodeCell("mae-loss", "a\nb\nc", "mae-loss"), CodeCell("cell 7", "a", None)), (), (), frozenset(), frozenset()
)
PUBLIC, HIDDEN = "p/test_public.py::test_a", "p/test_hidden.py::test_b"


def outcome(raised: Raised | None, test_id: str = PUBLIC, status: str = "failed") -> Outcome:
    return Outcome(test_id, Mark("mae-loss", 1, "title", ""), OutcomeStatus(status), 0.1, "text", raised=raised)


@pytest.mark.parametrize(
    ("raised", "shown"),
    [
        (Raised("ValueError", "mae-loss", 3), "ValueError in line 3 of cell mae-loss"),
        (Raised("ValueError", "cell 7", 1), "ValueError in line 1 of cell 7"),
        (Raised("ValueError", "mae-loss", 4), "ValueError"),
        (Raised("ValueError", "mae-loss", 0), "ValueError"),
        (Raised("ValueError", "mae-loss", None), "ValueError"),
        (Raised("ValueError", "a word of the student's", 1), "ValueError"),
        (Raised("ValueError", None, 1), "ValueError"),
        (Raised("AWordOfTheStudents", "mae-loss", 1), "an error"),
        (Raised("an exception", "mae-loss", 1), "an error"),
        (None, ""),
    ],
)
def test_only_known_classes_known_cells_and_lines_that_they_have_are_shown(raised: Raised | None, shown: str) -> None:
    assert stopped_with(outcome(raised), CELLS, None) == stopped_with(outcome(raised), CELLS, Earlier.OWN) == shown


def test_of_a_hidden_test_and_of_a_run_beside_the_staffs_answers_it_is_only_said_that_the_code_stopped() -> None:
    raised = Raised("ValueError", "mae-loss", 3)
    assert stopped_with(outcome(raised, HIDDEN), CELLS, None) == "an error"
    assert stopped_with(outcome(raised), CELLS, Earlier.STAFF) == "an error"
    assert stopped_with(outcome(raised), None, None) == "ValueError"
    assert stopped_with(outcome(raised, status="missing"), CELLS, None) == ""
