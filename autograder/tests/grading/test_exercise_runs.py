"""A mistake is paid for once: what builds on a lost exercise can be earned, and nothing of the staff's leaves."""

from __future__ import annotations

import base64
import math
from pathlib import Path

import pytest

from autograder.assignment.load import load_assignment
from autograder.course_folders import CourseFolders
from autograder.grading.exercise_runs import with_staffs_answers
from autograder.grading.grade_one import Graded, grade_submission
from autograder.grading.plan import Plan
from autograder.grading.rerun import run_one
from autograder.results import ExerciseResult, ResultFolder
from autograder.sandbox.sandbox import Sandbox
from autograder.sandbox.worker_process import Worker
from autograder.submission.read import read_submission
from autograder.tests import marking, released, tiny
from autograder.tests.command_line import run
from kit.manifest import Exercise, Manifest, earlier
from kit.notebooks import CodeCell, Extraction

USES = f"{tiny.PROBLEM}/test_public.py::test_scaler_uses_its_factor"
SECRET = "scaled_by_the_reference"  # a name in the staff's answer to tiny-scale
SECRETS = (
    SECRET.encode(),
    SECRET[::-1].encode(),
    SECRET.encode().hex().encode(),
    base64.b64encode(SECRET.encode())[:20],
)
STUB = 'raise NotImplementedError("tiny-scaler: write this function")'
LOST = {
    "a wrong value": "def scale(values, factor):\n    return values + factor",
    "zeros": "def scale(values, factor):\n    return 0 * values",
    "always an exception": "def scale(values, factor):\n    raise ValueError('no')",
    "another name": "def scaled(values, factor):\n    return values * factor",
    "no sensible value": "def scale(values, factor):\n    return object()",
    "not a function": "scale = 3",
    "one argument": "def scale(values):\n    return values",
    "a syntax error": "def scale(values, factor:\n    return values * factor",
    "a package that is not there": "import no_such_package\ndef scale(values, factor):\n    return values * factor",
    "an exception at the end of its cell": "def scale(values, factor):\n    return values + factor\nscale(1, 'a')",
    "the process ends when it is called": "import os\ndef scale(values, factor):\n    os._exit(0)",
    "the process ends when it is read": "import os\nos._exit(0)",
    "an endless loop when it is called": "def scale(values, factor):\n    while True:\n        pass",
    "an endless loop when it is read": "while True:\n    pass",
    "recursion": "def scale(values, factor):\n    return scale(values, factor)",
    "the time for all": """
import time

def scale(values, factor):
    end = time.process_time() + 0.9
    while time.process_time() < end:
        pass
    return values * factor
""",
    "another one's stub": f"def scale(values, factor):\n    {STUB}",
    "not written": "",
}
ONE_MARK_LOST = "def scale(values, factor):\n    return values * factor"
WITH_ARGUMENT = """
def scale(values, factor, twice=False):{check}
    return values * factor * (2 if twice else 1)
"""
CHECK = "\n    if factor < 0:\n        raise ValueError('negative')"
CALLS_WITH_ARGUMENT = released.SCALER.replace("scale(values, 1.0)", "scale(values, 0.5, twice=True)")
TRIES_IT_AT_ONCE = released.SCALER + "\nScaler()(torch.ones(1, 1))\n"
WRONG_SCALER = released.SCALER.replace("values / self.factor", "values")
ZEROS_ELSEWHERE = """
import sys

def scale(values, factor):
    if factor < 0:
        raise ValueError("negative")
    return values * factor * (sys._getframe(1).f_code.co_name not in ("forward", "inverse"))
"""
SCALER_THAT_READS_NOTHING = """
class Scaler(ScalerBase):
    def forward(self, values):
        return {instead} * self.factor

    def inverse(self, values):
        return {instead} / self.factor
"""
READS_NOTHING = {
    "zeros": "torch.zeros_like(values)",
    "random numbers": "torch.rand_like(values)",
    "an earlier answer to zeros": "scale(torch.zeros_like(values), 1.0)",
}


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    root = tmp_path_factory.mktemp("course")
    marking.without_gradebook(root)
    folder = root / "assignments" / tiny.NAME
    tiny.edit(folder, "assignment.toml", "call_seconds = 2", "call_seconds = 1")
    tiny.edit(folder, "assignment.toml", "submission_seconds = 60", "submission_seconds = 4")
    several = "value * torch.tensor([[1.0, 2.0], [3.0, 4.0]])"  # what reads nothing could guess a single value
    tiny.edit(folder, f"{tiny.PROBLEM}/test_helpers.py", "torch.full((2, 2), float(value))", several)
    return Plan.of(load_assignment(tiny.NAME, root), 11)


@pytest.fixture(autouse=True)
def little_time_to_load(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kit.binding.LOAD_SECONDS", 0.3)


def submit(plan: Plan, folder: Path, *own: str, without: str = "", **answers: str) -> Path:
    """The released notebook with these cells written, without the cell of one exercise, with own cells at its end."""
    folder.mkdir(exist_ok=True)
    path = folder / tiny.NOTEBOOK
    path.write_bytes((plan.assignment.root / "release" / tiny.NAME / tiny.NOTEBOOK).read_bytes())
    released.fill(path, **{name: text for name, text in answers.items() if text})
    cells = [cell for cell in released.load(path) if cell["id"] != without]
    released.save(path, cells + [released.code(source) for source in own])
    return folder


def graded(plan: Plan, sandbox: Sandbox, folder: Path, *own: str, without: str = "", **answers: str) -> Graded:
    submit(plan, folder, *own, without=without, **answers)
    taken = read_submission(folder, plan.assignment.manifest, student="ada")
    return grade_submission(taken, plan, sandbox)


def results(graded: Graded) -> tuple[ExerciseResult, ExerciseResult]:
    first, second = graded.report.exercises
    return first, second


@pytest.mark.parametrize("kind", LOST)
@pytest.mark.parametrize("scaler", [released.SCALER, TRIES_IT_AT_ONCE], ids=["defines", "tries it at once"])
def test_what_builds_on_a_lost_exercise_is_earned(
    plan: Plan, sandbox: Sandbox, tmp_path: Path, kind: str, scaler: str
) -> None:
    scale, scaled = results(graded(plan, sandbox, tmp_path / "s", tiny_scale=LOST[kind], tiny_scaler=scaler))
    assert scale.score is not None and scale.score < 3
    assert (scaled.score, scaled.earlier, scaled.reason) == (2, "staff", None)
    assert scale.earlier is None


def test_what_builds_on_a_cell_that_is_gone_is_earned(plan: Plan, sandbox: Sandbox, tmp_path: Path) -> None:
    report = graded(plan, sandbox, tmp_path / "s", without="tiny-scale", tiny_scaler=released.SCALER)
    assert [(result.score, result.earlier) for result in results(report)] == [(0, None), (2, "staff")]


@pytest.mark.parametrize(
    "again", ["def scale(values, factor):\n    return None", "scale = 3", "from math import pow as scale"]
)
def test_a_later_cell_that_spoils_the_earlier_name_costs_it_alone(
    plan: Plan, sandbox: Sandbox, tmp_path: Path, again: str
) -> None:
    answers = {"tiny_scale": released.SCALE, "tiny_scaler": released.SCALER}
    scale, scaled = results(graded(plan, sandbox, tmp_path / "s", again, **answers))
    assert scale.score is not None and scale.score < 3
    assert (scaled.score, scaled.earlier) == (2, "staff")


def test_beside_a_right_earlier_answer_its_own_helper_and_argument_count(
    plan: Plan, sandbox: Sandbox, tmp_path: Path
) -> None:
    own = WITH_ARGUMENT.format(check=CHECK)
    report = graded(plan, sandbox, tmp_path / "s", tiny_scale=own, tiny_scaler=CALLS_WITH_ARGUMENT)
    assert [(result.score, result.earlier) for result in results(report)] == [(3, None), (2, "own")]


def test_an_argument_of_ones_own_counts_beside_an_earlier_answer_that_lost_a_mark(
    plan: Plan, sandbox: Sandbox, tmp_path: Path
) -> None:
    own = WITH_ARGUMENT.format(check="")
    scale, scaled = results(graded(plan, sandbox, tmp_path / "s", tiny_scale=own, tiny_scaler=CALLS_WITH_ARGUMENT))
    assert scale.score is not None and 0 < scale.score < 3
    assert (scaled.score, scaled.earlier) == (2, "own")


def test_a_helper_in_an_earlier_cell_stays_beside_the_staffs_answer(
    plan: Plan, sandbox: Sandbox, tmp_path: Path
) -> None:
    wrong = "def scale(values, factor):\n    return values + factor\ndef same(values):\n    return values"
    scaler = released.SCALER.replace("scale(values, 1.0)", "same(scale(values, 1.0))")
    scaled = results(graded(plan, sandbox, tmp_path / "s", tiny_scale=wrong, tiny_scaler=scaler))[1]
    assert (scaled.score, scaled.earlier) == (2, "staff")


@pytest.mark.parametrize("scale", [released.SCALE, LOST["zeros"], LOST["an endless loop when it is called"]])
def test_a_wrong_answer_gains_nothing_by_the_staffs(plan: Plan, sandbox: Sandbox, tmp_path: Path, scale: str) -> None:
    scaled = results(graded(plan, sandbox, tmp_path / "s", tiny_scale=scale, tiny_scaler=WRONG_SCALER))[1]
    assert (scaled.score, scaled.earlier) == (1, "own" if scale == released.SCALE else "staff")


@pytest.mark.parametrize("scale", [ZEROS_ELSEWHERE, *(LOST[kind] for kind in ("zeros", "a wrong value", "recursion"))])
@pytest.mark.parametrize("instead", READS_NOTHING.values(), ids=READS_NOTHING)
def test_what_reads_nothing_is_worth_nothing_whatever_the_earlier_answer_says(
    plan: Plan, sandbox: Sandbox, tmp_path: Path, scale: str, instead: str
) -> None:
    scaler = SCALER_THAT_READS_NOTHING.format(instead=instead)
    scaled = results(graded(plan, sandbox, tmp_path / "s", tiny_scale=scale, tiny_scaler=scaler))[1]
    assert scaled.score == 0


def test_an_earlier_answer_that_is_wrong_where_it_is_called_costs_nothing(
    plan: Plan, sandbox: Sandbox, tmp_path: Path
) -> None:
    answers = {"tiny_scale": ZEROS_ELSEWHERE, "tiny_scaler": released.SCALER}
    report = graded(plan, sandbox, tmp_path / "s", **answers)
    assert [(result.score, result.earlier) for result in results(report)] == [(3, None), (2, "staff")]


def test_what_is_not_written_says_nothing_of_earlier_answers(plan: Plan, sandbox: Sandbox, tmp_path: Path) -> None:
    scaled = results(graded(plan, sandbox, tmp_path / "s", tiny_scale=LOST["zeros"]))[1]
    assert (scaled.score, scaled.earlier, scaled.reason) == (0, None, "not written")


def test_right_answers_run_once_in_one_worker(
    plan: Plan, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Worker] = []
    real = sandbox.worker

    def worker() -> Worker:
        opened.append(real())
        return opened[-1]

    monkeypatch.setattr(sandbox, "worker", worker)
    answers = {"tiny_scale": released.SCALE, "tiny_scaler": released.SCALER}
    report = graded(plan, sandbox, tmp_path / "s", **answers)
    assert [(result.score, result.earlier) for result in results(report)] == [(3, None), (2, "own")]
    assert len(opened) == 1


def test_notes_name_cells_of_the_student_alone(plan: Plan, sandbox: Sandbox, tmp_path: Path) -> None:
    answers = {"tiny_scale": f"1 / 0\n{released.SCALE}", "tiny_scaler": released.SCALER}
    notes = graded(plan, sandbox, tmp_path / "s", "scale(1)", **answers).report.notes
    assert [note for note in notes if "stopped with" in note] == [
        "cell tiny-scale stopped with ZeroDivisionError in line 1"
    ]


@pytest.mark.parametrize("scale", [released.SCALE, LOST["zeros"]])
def test_rerun_replays_the_run_that_counted(plan: Plan, sandbox: Sandbox, tmp_path: Path, scale: str) -> None:
    folder = submit(plan, tmp_path / "s", tiny_scale=scale, tiny_scaler=released.SCALER)
    report = graded(plan, sandbox, tmp_path / "s", tiny_scale=scale, tiny_scaler=released.SCALER).report
    whose = report.exercises[1].earlier
    assert run_one(folder, "ada", plan, sandbox, USES, whose).status == "passed"
    own = run_one(folder, "ada", plan, sandbox, USES)
    assert own.status == ("passed" if whose == "own" else "failed")


# --- nothing of the staff's leaves ----------------------------------------------------------------------------------

# Where the staff's answer could be read: an expression for each place.
PLACES = {
    "its code": "[*scale.__code__.co_varnames, *scale.__code__.co_consts]",
    "its source": "inspect.getsource(scale)",
    "globals": "{name: vars(value) for name, value in globals().items() if hasattr(value, '__dict__')}",
    "all objects": "[part.co_varnames for part in map(code_of, gc.get_objects()) if part]",
    "sources that tracebacks read": "linecache.cache",
    "what runs at its call": "watched()",
}
READ = """
import gc, inspect, linecache, sys

def code_of(thing):
    return getattr(thing, "__code__", None) if type(thing).__name__ == "function" else None

def watched():
    seen = []
    sys.setprofile(lambda frame, event, value: seen.append(str(frame.f_locals)))
    try:
        scale(torch.ones(1, 1), 2.0)
    finally:
        sys.setprofile(None)
    return seen

def tried(place):
    try:
        return str(place())
    except Exception as error:
        return str(error)

def found():
    text = " ".join(map(tried, [{places}]))
    sought = "_".join(["scaled", "by", "the", "reference"])  # in one piece only after the search
    return text[text.index(sought) :][:500] if sought in text else ""
"""
EVERYWHERE = READ.replace("{places}", ", ".join(f"lambda: {place}" for place in PLACES.values()))
WAYS_OUT = {
    "raised": "raise ValueError(found())",
    "the name of an exception": "raise type(found(), (Exception,), {})()",
    "a stub's text": 'raise NotImplementedError(f"{found()}: write this function")',
    "the name of a missing function": "raise NameError(f\"name '{found()}' is not defined\")",
    "an assertion": "assert not found(), found()",
    "a text": "return found()",
    "a tensor": "return torch.tensor(list(found().encode()), dtype=torch.float32)",
    "keys": "return {found(): values}",
    "printed": "print(found()); import sys; print(found(), file=sys.stderr)",
    "a warning": "import warnings; warnings.warn(found())",
    "a file": "open('/tmp/found.txt', 'w').write(found())",
    "the end": "import sys; sys.exit(found())",
    "a parameter": "self.register_parameter(found().replace('.', ''), self.factor)",
    "the file's name": "exec(compile('1 / 0', found(), 'exec'))",
    "the name of a function in a traceback": "exec(f'def {found()[:29]}(): 1 / 0\\n{found()[:29]}()')",
    "the name of a module": "__import__(found()[:29])",
    "a tensor's shape": "return values.new_zeros([ord(letter) for letter in found()[:4]])",
    "several tensors": "return [values.new_full((1,), ord(letter)) for letter in found()]",
    "values hidden in the answer": "return values + 1e-3 * torch.tensor([ord(x) for x in found()[:1]]).sum()",
    "a note of another exception": "error = ValueError(); error.add_note(found()); raise error",
    "what an exception came from": "raise ValueError('no') from ValueError(found())",
    "the class of the answer": "return type(found()[:29], (torch.Tensor,), {})()",
    "a hook's name": "self.register_buffer(found()[:29], self.factor.detach())",
    "two streams written late": "import atexit; atexit.register(lambda: print(found()))",
}
LEAKS = """
class Scaler(ScalerBase):
    def forward(self, values):
        {way}
        return values

    def inverse(self, values):
        {way}
        return values
"""
AT_ONCE = "\nif found():\n    raise ValueError(found())\n"


@pytest.fixture(scope="module")
def graded_course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A course in which every student tries one way out, graded as a class, with the pages that students get."""
    root = tmp_path_factory.mktemp("course")
    assignment = marking.assignment(root)
    plan = Plan.of(assignment, 11)
    for number, way in enumerate(WAYS_OUT):
        scaler = EVERYWHERE + LEAKS.format(way=WAYS_OUT[way]) + (AT_ONCE if number % 2 else "")
        folder = root / "submitted" / f"s{number}" / tiny.NAME
        folder.parent.mkdir(parents=True)
        submit(plan, folder, tiny_scale=LOST["zeros"], tiny_scaler=scaler)
    for number, place in enumerate(PLACES.values()):
        scaler = READ.replace("{places}", f"lambda: {place}") + LEAKS.format(way=WAYS_OUT["raised"])
        folder = root / "submitted" / f"p{number}" / tiny.NAME
        folder.parent.mkdir(parents=True)
        submit(plan, folder, tiny_scale=LOST["zeros"], tiny_scaler=scaler)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        assert run("grade", tiny.NAME, "--allow-weak").exit_code == 0
        assert run("feedback", tiny.NAME).exit_code == 0
    return root


def stored(root: Path) -> ResultFolder:
    return ResultFolder(root / "results" / tiny.NAME, CourseFolders(root).state)


def test_what_students_get_holds_nothing_of_the_staffs_answer(graded_course: Path) -> None:
    reports = stored(graded_course).all()
    assert {result.earlier for report in reports for result in report.exercises} == {None, "staff"}
    folders = (f"results/{tiny.NAME}/notebooks", "feedback", "autograded")
    for_students = [path for folder in folders for path in (graded_course / folder).rglob("*") if path.is_file()]
    for_students += [*(graded_course / "results" / tiny.NAME).glob("*.json"), graded_course / "gradebook.db"]
    assert len(for_students) > 5 * len(WAYS_OUT)
    assert [path for path in for_students if any(text in path.read_bytes() for text in SECRETS)] == []


def test_what_is_returned_of_the_staffs_answer_is_compared_and_wrong(graded_course: Path) -> None:
    reports = stored(graded_course).all()
    assert len(reports) == len(WAYS_OUT) + len(PLACES)
    assert {result.score for report in reports for result in report.exercises if result.id == "tiny-scaler"} == {0}


def test_the_page_says_whose_answers_stood_beside_it(graded_course: Path) -> None:
    page = (graded_course / "feedback" / "s0" / tiny.NAME / "index.html").read_text()
    assert page.count("Tested with the course&#39;s own tiny-scale") == 1


def test_rerun_and_table_say_whose_answers_stood_beside_it(
    graded_course: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(graded_course)
    assert "tested with the course's own tiny-scale" in run("rerun", tiny.NAME, "s0", USES).output
    assert "0°" in run("table", tiny.NAME).output


ATTEMPTS_THAT_READ_IT = [
    *(f"s{list(WAYS_OUT).index(way)}" for way in ("raised", "an assertion")),
    *(f"p{number}" for number in range(len(PLACES))),
]


@pytest.mark.parametrize("student", ATTEMPTS_THAT_READ_IT)
def test_what_the_staff_get_shows_that_these_attempts_read_it(graded_course: Path, student: str) -> None:
    assert SECRET in stored(graded_course).details_path(student).read_text()


# --- which cells, in which order ------------------------------------------------------------------------------------


def exercise(name: str, *depends: str) -> Exercise:
    return Exercise(name, "p", 1, depends, (name,), 1, 1, math.inf)


def test_what_an_exercise_builds_on_is_found_through_others() -> None:
    chain = (exercise("a"), exercise("b", "a"), exercise("c"), exercise("d", "b"))
    assert [item.id for item in earlier(chain, "d")] == ["a", "b"]
    assert earlier(chain, "c") == ()
    assert Manifest("m", "", "1", "", (), chain, (), "", 1).earlier("b") == ("a",)


def labels(plan: Plan, *cells: CodeCell, leave_out: tuple[int, ...] = ()) -> list[str]:
    extraction = Extraction(cells, (), ("a note",), frozenset({"tiny-scale"}), frozenset())
    problem = plan.assignment.problem(tiny.PROBLEM)
    made = with_staffs_answers(extraction, problem, ["tiny-scale"], leave_out=leave_out)
    assert (made.notes, made.stubs) == ((), frozenset())
    return [cell.label for cell in made.cells]


def test_the_staffs_cell_follows_the_students_and_comes_again_at_the_end(plan: Plan) -> None:
    scale, scaler = CodeCell("tiny-scale", "", "tiny-scale"), CodeCell("tiny-scaler", "", "tiny-scaler")
    staffs = "cell tiny-scale of the course"
    assert labels(plan, scale, scaler) == ["tiny-scale", staffs, "tiny-scaler", staffs]
    assert labels(plan, scaler) == [staffs, "tiny-scaler", staffs]
    assert labels(plan, scale, scaler, leave_out=(0,)) == [staffs, "tiny-scaler", staffs]
    assert labels(plan, CodeCell("cell 9", "")) == ["cell 9", staffs]
