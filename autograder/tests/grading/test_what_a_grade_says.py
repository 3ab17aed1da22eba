"""Slow cells, cells for a newer Python, names that nothing makes, missing packages: what a grade and its notes say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from autograder.assignment.load import load_assignment
from autograder.grading.grade_one import Graded, grade_submission
from autograder.grading.plan import Plan
from autograder.results import ExerciseResult, ReportStatus
from autograder.sandbox.sandbox import Sandbox
from autograder.submission.read import read_submission
from autograder.tests import marking, released, tiny
from kit import binding

ENDLESS = "while True: pass\n"
COUNTING = "def count():\n    n = 0\n    while n < 10**12:\n        n += 1\n\n"
ALONE = released.SCALER.replace("scale(values, 1.0)", "values")


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    root = tmp_path_factory.mktemp("course")
    marking.without_gradebook(root)
    return Plan.of(load_assignment(tiny.NAME, root), 11)


class Class:
    """One student's notebook, graded."""

    def __init__(self, plan: Plan, sandbox: Sandbox, folder: Path) -> None:
        self.plan, self.sandbox, self.path = plan, sandbox, folder / tiny.NOTEBOOK
        self.path.write_bytes((plan.assignment.root / "release" / tiny.NAME / tiny.NOTEBOOK).read_bytes())

    def grade(self, own: str = "", python: str = "", **answers: str) -> Graded:
        """With these answers, and a cell of the student's own at the beginning of the notebook."""
        released.fill(self.path, **{"tiny_scale": released.SCALE, "tiny_scaler": ALONE} | answers)
        notebook = json.loads(self.path.read_text())
        notebook["cells"][2:2] = [released.code(own)] if own else []
        notebook["metadata"] |= {"language_info": {"name": "python", "version": python}} if python else {}
        self.path.write_text(json.dumps(notebook))
        taken = read_submission(self.path.parent, self.plan.assignment.manifest, student="ada")
        return grade_submission(taken, self.plan, self.sandbox)


@pytest.fixture
def ada(plan: Plan, sandbox: Sandbox, tmp_path: Path) -> Class:
    return Class(plan, sandbox, tmp_path)


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binding, "LOAD_SECONDS", 1.0)


def results(graded: Graded) -> dict[str, ExerciseResult]:
    return {result.id: result for result in graded.report.exercises}


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize(
    ("cell", "line"),
    [
        (released.SCALE + ENDLESS, 5),
        (ENDLESS + released.SCALE, 1),
        (COUNTING + "count()\n" + released.SCALE, 3),
        ("table = 0\nfor n in range(10**12): table += n\n" + released.SCALE, 2),
        (released.SCALE + "try:\n    while True: pass\nexcept Exception: pass\n", 6),
    ],
)
def test_an_exercise_whose_cell_is_slow_says_in_which_line(ada: Class, cell: str, line: int) -> None:
    graded = ada.grade(tiny_scale=cell)
    said = f"cell tiny-scale ran out of time in line {line}: it did not finish within 1 s"
    result = results(graded)["tiny-scale"]
    assert result.score == 0 and result.reason in (said, said.replace(f"line {line}:", f"line {line + 1}:"))
    assert {test.status for test in graded.report.tests if test.exercise == "tiny-scale"} == {"timeout"}
    assert all(str(result.reason) in test.message for test in graded.report.tests if test.exercise == "tiny-scale")
    assert result.reason in graded.report.notes
    assert results(graded)["tiny-scaler"].score == 2


@pytest.mark.usefixtures("soon")
def test_a_slow_statement_of_a_cell_of_ones_own_is_named_by_what_needs_it(ada: Class) -> None:
    own = f"import torch\n{COUNTING}class Table:\n    size = count()\n"
    graded = ada.grade(own, tiny_scale=released.SCALE.replace("values * factor", "values * factor * Table.size"))
    result = results(graded)["tiny-scale"]
    assert result.score is not None and result.score < 3
    timeouts = [test.message for test in graded.report.tests if test.status == "timeout"]
    assert timeouts and all("cell 3 ran out of time in line" in message for message in timeouts)
    assert not any("not written" in test.message for test in graded.report.tests)


@pytest.mark.usefixtures("soon")
def test_a_cell_that_cannot_be_interrupted_is_named_with_its_first_line(ada: Class) -> None:
    in_one_call = "\n\nn = 0\nn = sum(iter(int, 1))\n"
    result = results(ada.grade(tiny_scale=in_one_call + released.SCALE))["tiny-scale"]
    assert result.reason == "cell tiny-scale ran out of time in line 3: it did not finish within 1 s"


@pytest.mark.parametrize("text", ["type Number = int\n", "def generic[T](x: T) -> T: return x\n"])
def test_a_cell_for_a_newer_python_is_not_graded_and_costs_nothing_else(ada: Class, text: str) -> None:
    graded = ada.grade(python="3.99.1", tiny_scale=text + released.SCALE)
    result = results(graded)["tiny-scale"]
    assert (result.status, result.score) == (ReportStatus.NOT_GRADED, None)
    assert result.reason == (
        "line 1 of tiny-scale cannot be read by the grader's Python 3.11; the notebook was made with 3.99"
    )
    assert graded.report.status == ReportStatus.PARTLY_GRADED and results(graded)["tiny-scaler"].score == 2


@pytest.mark.parametrize("python", ["", "3.11.9", "3.9", "nonsense"])
def test_the_same_cell_from_no_newer_python_is_a_mistake(ada: Class, python: str) -> None:
    result = results(ada.grade(python=python, tiny_scale="type Number = int\n" + released.SCALE))["tiny-scale"]
    assert (result.status, result.score) == (ReportStatus.GRADED, 0)


def test_an_exercise_that_uses_a_cell_for_a_newer_python_is_not_graded_either(ada: Class) -> None:
    uses = "def step(x, factor): return twice(x) * factor / 2\n"
    own = "def twice[T](x: T) -> T: return x + x\n"
    answer = released.SCALE.replace("values * factor", "step(values, factor)")
    graded = ada.grade(own, python="3.99", tiny_scale=uses + answer)
    assert str(results(graded)["tiny-scale"].reason).startswith("line 1 of the cell with twice cannot be read")
    assert results(graded)["tiny-scaler"].score == 2


def test_results_are_made_again_where_a_notebook_names_another_python(ada: Class) -> None:
    cell = "type Number = int\n" + released.SCALE
    assert ada.grade(python="3.11", tiny_scale=cell).report.key != ada.grade(python="3.99", tiny_scale=cell).report.key


def test_an_unused_import_of_what_is_missing_costs_nothing(ada: Class) -> None:
    missing = "import no_such_package\nfrom no_such_package.part import thing\n"
    graded = ada.grade(missing, tiny_scale=missing + released.SCALE)
    assert graded.report.auto_score == 5


def test_a_used_one_is_named_in_details_notes_and_reason(ada: Class) -> None:
    cell = "from no_such_package import times\n" + released.SCALE.replace("values * factor", "times(values, factor)")
    graded = ada.grade(tiny_scale=cell)
    said = "tiny-scale, line 1, imports no_such_package, which is not among the grader's packages"
    assert said in str(results(graded)["tiny-scale"].reason)
    assert any(said in note for note in graded.report.notes)
    assert any("no_such_package.times: there is no no_such_package" in detail.text for detail in graded.details)


def test_a_name_of_a_statement_that_does_not_run_is_named_in_details_and_notes(ada: Class) -> None:
    graded = ada.grade("if True:\n    DEV = 1.0", tiny_scale=released.SCALE.replace("factor\n", "factor * DEV\n"))
    said = "cell 3 makes in a statement that does not run at grading"
    assert f"tiny-scale uses DEV, which {said}" in graded.report.notes
    assert any(f"DEV, which {said}" in detail.text for detail in graded.details)


@pytest.mark.usefixtures("soon")
def test_a_slow_cell_of_an_earlier_exercise_costs_the_one_that_calls_it_nothing(ada: Class) -> None:
    graded = ada.grade(tiny_scale=released.SCALE + ENDLESS, tiny_scaler=released.SCALER)
    assert results(graded)["tiny-scaler"].score == 2
    assert not any("not written" in test.message for test in graded.report.tests)


@pytest.mark.usefixtures("soon")
def test_beside_the_staffs_answers_no_line_is_told_that_the_code_could_choose(ada: Class) -> None:
    choosing = "import inspect\nif 'scaled_by_the_reference' in inspect.getsource(scale):\n    while True: pass\n"
    wrong = released.SCALE.replace("values * factor", "values")
    graded = ada.grade(tiny_scale=wrong, tiny_scaler=choosing + released.SCALER)
    shown = graded.report.to_json()
    assert "line 3" not in shown and "scaled_by" not in shown
