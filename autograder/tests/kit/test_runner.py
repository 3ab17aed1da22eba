"""Running test files against a student's code: outcomes, selection, freshness, and mistakes in the tests themselves."""

import sys
import textwrap
from pathlib import Path

import pytest
import torch

from kit.binding import LocalFarSide, NotebookBinding
from kit.budget import Budget
from kit.exercises import exercise
from kit.manifest import Exercise, Manifest
from kit.notebooks import CodeCell, Extraction
from kit.runner import CollectedTests, Outcome, Raised, TestFile, run_tests, test_generator
from kit.student import Student, StudentCrashed, StudentTimeout

TESTS = """
import pytest, torch
from kit import Lib, assert_raises, assert_same, exercise

first = exercise("one")
second = exercise("two")

@first("adds one", hint="What is one more?", weight=2)
def test_adds_one(student, rng):
    x = torch.rand(3, generator=rng)
    assert_same(student.one(x), x + 1, what="one")

@second("doubles", hint="Twice.")
@pytest.mark.parametrize("size", [1, 2])
def test_doubles(student, size):
    assert_same(student.two(torch.ones(size)), torch.full((size,), 2.0), what="two", hint="Special hint.")

@first("refuses texts", hint="Only tensors.")
def test_refuses_texts(student):
    student.one(torch.ones(1))
    assert_raises(ValueError, lambda: student.one("text"), what="one of a text")
"""
STUB = 'raise NotImplementedError("{}: write this function")'
ONE = 'def one(x):\n    if isinstance(x, str):\n        raise ValueError("no")\n    return x + 1'
TWO = "def two(x):\n    return one(x) - 1 + x"


def manifest(seconds: float = 5) -> Manifest:
    exercises = (
        Exercise("one", "p", 2, (), ("one",), 2, 0, seconds),
        Exercise("two", "p", 2, ("one",), ("two",), 2, 0, seconds),
    )
    return Manifest("demo", "Demo", "1", "torch", (), exercises, (), "", 60)


def binding(one: str = ONE, two: str = TWO, *extra: CodeCell) -> NotebookBinding:
    cells = (CodeCell("one", one, "one"), *extra, CodeCell("two", two, "two"))
    extraction = Extraction(cells, (), (), frozenset(), frozenset())
    return NotebookBinding(manifest(), {"p": extraction}, lambda: LocalFarSide("torch"), seed=0, budget=Budget(60))


@pytest.fixture
def file(tmp_path: Path) -> TestFile:
    path = tmp_path / "test_public.py"
    path.write_text(TESTS)
    return TestFile("p/test_public.py", path)


def statuses(outcomes: list[Outcome]) -> dict[str, str]:
    return {outcome.id.split("::")[1]: outcome.status for outcome in outcomes}


def run(file: TestFile, to: NotebookBinding, seed: int = 0) -> list[Outcome]:
    return run_tests([file], binding=to, seed=seed)


def test_right_answers_pass_and_tests_of_an_exercise_stand_together(file: TestFile) -> None:
    outcomes = run(file, binding())
    names = ["test_adds_one", "test_refuses_texts", "test_doubles[1]", "test_doubles[2]"]
    assert [outcome.id for outcome in outcomes] == [f"p/test_public.py::{name}" for name in names]
    assert {outcome.status for outcome in outcomes} == {"passed"}
    assert outcomes[0].mark.weight == 2


def test_a_wrong_answer_fails_with_text_and_hint(file: TestFile) -> None:
    outcome = run(file, binding(two="def two(x):\n    return x"))[2]
    assert (outcome.status, outcome.hint) == ("failed", "Special hint.")
    assert outcome.text == "two: off by 1 at index (0,): yours 1.0000, expected 2.0000"
    first = run(file, binding(one="def one(x):\n    return x"))[0]
    assert (first.status, first.hint) == ("failed", "What is one more?")


def test_a_stub_is_missing_and_blocks_what_builds_on_it(file: TestFile) -> None:
    outcomes = run(file, binding(one=f"def one(x):\n    {STUB.format('one')}"))
    assert set(statuses(outcomes).values()) == {"missing", "blocked"}
    assert [outcome.blocked_by for outcome in outcomes] == ["", "", "one", "one"]
    assert outcomes[0].text == "one is not written yet"


def test_a_deleted_function_is_missing_too(file: TestFile) -> None:
    outcomes = run(file, binding(one="unrelated = 1"))
    assert [outcome.status for outcome in outcomes] == ["missing", "missing", "blocked", "blocked"]


def test_a_cell_that_stops_is_reported_with_its_line_and_not_as_unwritten(file: TestFile) -> None:
    outcome = run(file, binding(one="x = 1\ny = nowhere\n" + ONE))[0]
    assert (outcome.status, outcome.text) == (
        "failed",
        "cell one stopped with NameError, line 2: name 'nowhere' is not defined",
    )


def test_a_cell_that_does_not_compile_is_named_once_with_its_line(file: TestFile) -> None:
    outcome = run(file, binding(one="def one(x):\n    return (x"))[0]
    assert outcome.text == "cell one stopped with SyntaxError, line 2: '(' was never closed"


def test_a_cell_that_stops_inside_another_cell_names_both(file: TestFile) -> None:
    extra = CodeCell("cell 2", "one(1).nothing", None)
    to = binding("def one(x):\n    return nowhere", TWO, extra)
    run(file, to)
    assert to.notes == ("cell 2 stopped with NameError in line 2 of cell one",)


def test_a_definition_above_a_line_that_stops_still_counts(file: TestFile) -> None:
    outcomes = run(file, binding(one=ONE + "\none(torch.ones(2))"))  # torch is not imported in this cell
    assert {outcome.status for outcome in outcomes} == {"passed"}


def test_the_students_exception_names_cell_and_line(file: TestFile) -> None:
    outcome = run(file, binding(one="def one(x):\n    y = 1\n    return x.nothing"))[0]
    assert outcome.status == "failed"
    assert outcome.text.startswith("AttributeError in cell one, line 3: ")


def test_what_the_students_code_raised_is_kept_without_a_word_of_its_own(file: TestFile) -> None:
    own = "class Mine(ValueError):\n    pass\ndef one(x):\n    raise Mine('secret')"
    assert run(file, binding(one=own))[0].raised == Raised("ValueError", "one", 4)
    assert run(file, binding(one="def one(x):\n    raise BaseException('secret')"))[0].raised == Raised(
        "an exception", "one", 2
    )
    assert run(file, binding(one="def one(x):\n    return x"))[0].raised is None


def test_a_cell_that_stopped_is_what_its_tests_stopped_with(file: TestFile) -> None:
    assert run(file, binding(one="def one(x):\n    return (x"))[0].raised == Raised("SyntaxError", "one", 2)


def test_another_exception_than_the_expected_one_fails_with_the_hint_of_the_test(file: TestFile) -> None:
    outcome = run(file, binding(one="def one(x):\n    assert not isinstance(x, str), 'no texts'\n    return x + 1"))[1]
    assert (outcome.status, outcome.hint) == ("failed", "Only tensors.")
    assert outcome.text == "one of a text: expected a ValueError, got AssertionError in cell one, line 2: no texts"
    assert 'File "<cell one>", line 2' in outcome.trace


def test_a_mistake_in_the_test_is_an_error_and_not_a_failure(tmp_path: Path) -> None:
    path = tmp_path / "test_hidden.py"
    path.write_text(
        'from kit import exercise\nfirst = exercise("one")\n'
        '@first("t", hint="h")\ndef test_bad(student):\n    undefined_name\n'
        '@first("t", hint="h")\ndef test_skipped(student):\n'
        '    import pytest\n    pytest.skip("later")\n'
    )
    outcomes = run(TestFile("p/test_hidden.py", path), binding())
    assert [outcome.status for outcome in outcomes] == ["error", "error"]
    assert "undefined_name" in outcomes[0].text and "later" in outcomes[1].text


@pytest.mark.parametrize(
    "text", ["import nothing_like_it", "def test_a(student:", "def test_unmarked(student):\n    pass\n"]
)
def test_a_broken_test_file_or_an_unmarked_test_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "test_hidden.py"
    path.write_text(text)
    with pytest.raises(ValueError, match="test_hidden"):
        CollectedTests([TestFile("p/test_hidden.py", path)])


def test_the_list_of_tests_needs_no_student(file: TestFile) -> None:
    listed = CollectedTests([file]).infos
    assert [info.id.split("::")[1] for info in listed] == [
        "test_adds_one", "test_refuses_texts", "test_doubles[1]", "test_doubles[2]",
    ]  # fmt: skip


def test_one_exercise_or_one_test_can_be_chosen(file: TestFile) -> None:
    assert set(statuses(run_tests([file], binding=binding(), seed=0, exercises={"two"}))) == {
        "test_doubles[1]",
        "test_doubles[2]",
    }
    only = "p/test_public.py::test_doubles[2]"
    assert [outcome.id for outcome in run_tests([file], binding=binding(), seed=0, only=only)] == [only]


def test_an_edited_test_file_is_read_anew(file: TestFile) -> None:
    assert run(file, binding())[0].status == "passed"
    file.path.write_text(TESTS.replace("x + 1,", "x + 2,"))
    assert run(file, binding())[0].status == "failed"
    assert not [m for m in sys.modules.values() if getattr(m, "__file__", None) == str(file.path)]


def test_two_files_of_the_same_name_are_told_apart(file: TestFile, tmp_path: Path) -> None:
    other = tmp_path / "other" / "test_public.py"
    other.parent.mkdir()
    other.write_text(TESTS)
    outcomes = run_tests([file, TestFile("q/test_public.py", other)], binding=binding(), seed=0)
    assert len({outcome.id for outcome in outcomes}) == 8


def test_inputs_follow_the_seed_and_the_tests_name() -> None:
    draws = {
        (seed, name): torch.rand(1, generator=test_generator(seed, name)).item() for seed in (1, 2) for name in "ab"
    }
    assert len(set(draws.values())) == 4
    assert torch.rand(1, generator=test_generator(1, "a")).item() == draws[1, "a"]


def test_settings_of_a_folder_above_do_not_matter(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --no-such-option\n")
    (tmp_path / "conftest.py").write_text("raise RuntimeError('not ours')\n")
    path = tmp_path / "inner" / "test_public.py"
    path.parent.mkdir()
    path.write_text(TESTS)
    assert {o.status for o in run(TestFile("p/test_public.py", path), binding())} == {"passed"}


def test_a_weight_must_be_positive() -> None:
    with pytest.raises(ValueError, match="positive"):
        exercise("one")("t", hint="h", weight=0)


def test_each_test_file_reads_the_helpers_beside_it(tmp_path: Path) -> None:
    files = []
    for name, number in (("p", 1), ("q", 2)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "test_helpers.py").write_text(f"NUMBER = {number}\n")
        path = tmp_path / name / "test_public.py"
        path.write_text(
            "import torch\nfrom kit import assert_same, exercise, load_helpers\n"
            'first = exercise("one")\nhelpers = load_helpers(__file__)\n'
            '@first("t", hint="h")\ndef test_number(student):\n'
            "    assert_same(student.one(torch.zeros(1)), torch.ones(1) * helpers.NUMBER, what='one')\n"
        )
        files.append(TestFile(f"{name}/test_public.py", path))
    outcomes = run_tests(files, binding=binding(), seed=0)
    assert [(outcome.id, outcome.status) for outcome in outcomes] == [
        ("p/test_public.py::test_number", "passed"),
        ("q/test_public.py::test_number", "failed"),
    ]


class Scripted:
    """Far sides that behave as listed, in order."""

    def __init__(self, *plan: Exception | None) -> None:
        self.plan = list(plan)
        self.opened = 0

    def __call__(self) -> "Scripted.Side":
        self.opened += 1
        return Scripted.Side(self, self.plan.pop(0) if self.plan else None)

    class Side(LocalFarSide):
        def __init__(self, owner: "Scripted", trouble: Exception | None) -> None:
            super().__init__("torch")
            self.trouble = trouble

        def exchange(self, frame: bytes, seconds: float) -> bytes:
            if self.trouble is not None and b'"call"' in frame:
                raise self.trouble
            return super().exchange(frame, seconds)


def scripted(*plan: Exception | None) -> tuple[NotebookBinding, Scripted]:
    sides = Scripted(*plan)
    bound = binding()
    bound.open_far_side = sides
    return bound, sides


def test_after_a_death_the_next_test_gets_a_fresh_far_side(file: TestFile) -> None:
    death = StudentCrashed("killed by signal 11")
    bound, sides = scripted(death, None, death, None)
    assert list(statuses(run(file, bound)).values()) == ["crashed", "passed", "passed", "passed"]
    assert sides.opened == 4


def test_a_death_that_does_not_come_again_does_not_count(file: TestFile) -> None:
    bound, _ = scripted(StudentCrashed("killed by signal 11"), None, None)
    assert set(statuses(run(file, bound)).values()) == {"passed"}


def test_after_two_timeouts_the_rest_of_an_exercise_is_not_tried(file: TestFile) -> None:
    path_tests = textwrap.dedent(TESTS) + (
        '\n@first("again", hint="h")\ndef test_again(student):\n    student.one(torch.ones(1))\n'
    )
    file.path.write_text(path_tests)
    slow = StudentTimeout("no answer within 5 s")
    bound, sides = scripted(slow, slow, slow, None)
    outcomes = run(file, bound)
    assert [o.status for o in outcomes] == ["timeout", "timeout", "timeout", "passed", "passed"]
    assert outcomes[2].text.startswith("not tried")
    assert sides.opened == 4


def test_a_submission_that_used_up_its_time_gets_no_more(file: TestFile) -> None:
    bound = binding()
    bound.budget = Budget(-1)
    assert {outcome.status for outcome in run(file, bound)} == {"timeout"}


def test_a_cell_that_ends_the_far_side_costs_only_its_own_exercise(file: TestFile) -> None:
    class Side(LocalFarSide):
        def exchange(self, frame: bytes, seconds: float) -> bytes:
            if b"fatal" in frame:
                raise StudentCrashed("it exited")
            return super().exchange(frame, seconds)

    bound = binding(ONE, TWO + "\nfatal = 1")
    bound.open_far_side = lambda: Side("torch")
    assert list(statuses(run(file, bound)).values()) == ["passed", "passed", "crashed", "crashed"]
    assert bound.notes == ("cell two ended the process that ran it",)


def test_exercises_do_not_share_a_namespace(file: TestFile) -> None:
    sneaky = "calls = []\ndef one(x):\n    calls.append(1)\n    return x + 1 if len(calls) < 9 else x"
    bound = binding(sneaky)
    first: list[Student] = [bound.student("one"), bound.student("two")]
    assert first[0] is not first[1]


def test_a_slow_exercise_leaves_time_for_the_others(file: TestFile) -> None:
    class Slow(LocalFarSide):
        """Every call costs 40 of the submission's 60 seconds."""

        calls = 0

        @property
        def processor_seconds(self) -> float:
            return 40.0 * self.calls

        def exchange(self, frame: bytes, seconds: float) -> bytes:
            self.calls += b'"call"' in frame and b'"one"' in frame
            return super().exchange(frame, seconds)

    bound = binding(two="def two(x):\n    return 2 * x")
    bound.open_far_side = lambda: Slow("torch")
    assert list(statuses(run(file, bound)).values()) == ["passed", "timeout", "passed", "passed"]


CLAIMS = {
    "no exercise": 'raise NotImplementedError("a secret number: write this function")',
    "an exercise and more": 'raise NotImplementedError("two: write this function\\nFAILED")',
    "an exercise": 'raise NotImplementedError("two: write this function")',
    "the exercise itself": 'if x is None:\n        return x\n    raise NotImplementedError("one: write this function")',
    "a missing name": "raise NameError(\"name 'two' is not defined\")",
    "a missing name of its own": "raise NameError(\"name 'one' is not defined\")",
    "a name that was deleted": "del globals()['two']\n    return two(x)",
}


@pytest.mark.parametrize("claim", CLAIMS.values(), ids=CLAIMS)
def test_a_written_exercise_blocks_nothing_whatever_the_code_claims(file: TestFile, claim: str) -> None:
    outcome = run(file, binding(one=f"def one(x):\n    {claim}"))[0]
    assert (outcome.status, outcome.blocked_by) == ("failed", "")


@pytest.mark.parametrize("claim", ["an exercise", "a missing name"])
@pytest.mark.parametrize("two", ["def two(x):\n    " + STUB.format("two"), "def to(x):\n    return x"])
def test_an_unwritten_exercise_blocks_another_one(file: TestFile, claim: str, two: str) -> None:
    outcome = run(file, binding(f"def one(x):\n    {CLAIMS[claim]}", two))[0]
    assert (outcome.status, outcome.blocked_by) == ("blocked", "two")
