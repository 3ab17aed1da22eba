"""What one submission may use: every request draws on it, and what is over it is not tried."""

import gc
import textwrap
import weakref
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

import kit.student
from kit.binding import MAX_BROKEN, LocalFarSide, NotebookBinding
from kit.budget import Budget, BudgetSpent
from kit.manifest import Exercise, Manifest
from kit.notebooks import CodeCell, Extraction
from kit.runner import MAX_TEXT, MAX_TRACE, CollectedTests, Outcome, TestFile
from kit.student import StudentCrashed, StudentTimeout
from kit.wire import tensors_in

TESTS = """
import pytest
from kit import CheckFailed, assert_raises, assert_same, exercise

first = exercise("one")
second = exercise("two")
"""
TEST = '@{}("t", hint="h")\ndef test_{}_{}(student):\n    assert student.{}() == 1\n'
GOOD = (CodeCell("one", "def one():\n    return 1", "one"), CodeCell("two", "def two():\n    return 1", "two"))


class Priced(LocalFarSide):
    """A far side in which a cell or call whose source or name holds a word costs so much, or ends in an error."""

    opened = 0
    asked: list[float]

    def __init__(self, costs: dict[bytes, float], errors: dict[bytes, Exception]) -> None:
        super().__init__("torch")
        self.costs = costs
        self.errors = errors
        self.used = 0.0
        Priced.opened += 1

    @property
    def processor_seconds(self) -> float:
        return self.used

    def exchange(self, frame: bytes, seconds: float) -> bytes:
        Priced.asked.append(seconds)
        for word, cost in self.costs.items():
            if word in frame:
                self.used += min(cost, seconds)
                if cost > seconds:
                    raise StudentTimeout("no answer")
        for word, error in self.errors.items():
            if word in frame:
                raise error
        return super().exchange(frame, seconds)


@pytest.fixture(autouse=True)
def nothing_opened() -> Iterator[None]:
    Priced.opened, Priced.asked = 0, []
    yield


@pytest.fixture
def path(tmp_path: Path) -> Path:
    tests = [
        TEST.format(mark, name, number, name)
        for mark, name in (("first", "one"), ("second", "two"))
        for number in (1, 2)
    ]
    (tmp_path / "test_public.py").write_text(TESTS + "".join(tests))
    return tmp_path / "test_public.py"


def bound(
    *own: str, budget: Budget, costs: dict[bytes, float] | None = None, errors: dict[bytes, Exception] | None = None
) -> NotebookBinding:
    """A notebook in which these statements of the student's own stand before two right answers."""
    exercises = tuple(Exercise(name, "p", 2, (), (name,), 2, 0, 5) for name in ("one", "two"))
    manifest = Manifest("demo", "Demo", "1", "torch", (), exercises, (), "", 60)
    cells = (*(CodeCell(f"cell {number}", source) for number, source in enumerate(own, 1)), *GOOD)
    extraction = Extraction(cells, (), (), frozenset(), frozenset())
    return NotebookBinding(
        manifest, {"p": extraction}, lambda: Priced(costs or {}, errors or {}), seed=0, budget=budget
    )


def run(path: Path, binding: NotebookBinding) -> list[Outcome]:
    return CollectedTests([TestFile("p/test_public.py", path)]).run(binding=binding, seed=0)


# --- time -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lines", [1, 2, 24, 500])
def test_cells_that_block_cost_no_more_than_the_submission_has(path: Path, lines: int) -> None:
    blocking = [f"blocks_{number} = 1" for number in range(lines)]
    binding = bound(*blocking, budget=Budget(60), costs={b"blocks_": 1000})
    outcomes = run(path, binding)
    assert binding.budget.used < 61
    if lines == 1:
        assert {outcome.status for outcome in outcomes} == {"passed"}
    else:
        assert {outcome.status for outcome in outcomes} == {"timeout"}
        assert all("its other tests were not tried" in said for said in binding.budget.spent.values())


def test_a_cell_is_not_blamed_for_time_that_others_have_used(path: Path) -> None:
    binding = bound("slow_a = 1", "slow_b = 1", budget=Budget(16), costs={b"slow_a": 6, b"slow_b": 6})
    run(path, binding)
    assert not binding.broken and set(binding.budget.spent) == {"one", "two"}


def test_a_call_may_take_no_longer_than_its_exercise_has_left(path: Path) -> None:
    binding = bound(budget=Budget(6), costs={b'"call"': 2.5})
    assert [outcome.status for outcome in run(path, binding)] == ["passed", "timeout", "timeout", "timeout"]
    assert max(Priced.asked) <= 3 and binding.budget.used < 6


def test_the_graders_own_work_counts(path: Path) -> None:
    binding = bound(budget=Budget(100))
    binding.budget.own_start -= 101
    assert {outcome.status for outcome in run(path, binding)} == {"timeout"}
    assert Priced.opened == 0


@pytest.mark.parametrize("cells", [MAX_BROKEN, 3 * MAX_BROKEN, 500])
def test_a_notebook_of_cells_that_end_the_process_is_given_up(path: Path, cells: int) -> None:
    binding = bound(
        *(f"ends_{number} = 1" for number in range(cells)),
        budget=Budget(60),
        errors={b"ends_": StudentCrashed("killed by signal 9")},
    )
    outcomes = run(path, binding)
    assert {outcome.status for outcome in outcomes} == {"crashed"}
    assert all(f"{MAX_BROKEN} cells of the notebook ended or blocked" in outcome.text for outcome in outcomes)
    assert Priced.opened <= 2 * MAX_BROKEN + 2 and len(binding.broken) == MAX_BROKEN


def test_a_few_cells_that_end_the_process_cost_no_exercise(path: Path) -> None:
    ending = [f"ends_{number} = 1" for number in range(MAX_BROKEN - 1)]
    binding = bound(*ending, budget=Budget(60), errors={b"ends_": StudentCrashed("it exited")})
    assert {outcome.status for outcome in run(path, binding)} == {"passed"}


# --- bytes and text ---------------------------------------------------------------------------------------------------


def test_a_submission_may_send_so_many_bytes_and_no_more(path: Path) -> None:
    binding = bound(budget=Budget(60, received=4000))
    many = CodeCell("one", "def one():\n    return 'x' * 2100", "one")
    binding.extractions = {"p": Extraction((many, GOOD[1]), (), (), frozenset(), frozenset())}
    outcomes = run(path, binding)
    assert [outcome.status for outcome in outcomes] == ["timeout", "timeout", "passed", "passed"]
    assert "bytes to send" in binding.budget.spent["one"]


def test_the_bytes_of_cells_errors_count_as_well() -> None:
    binding = bound(
        *(f"def x{n}(): pass\nraise ValueError('x' * 400)" for n in range(50)), budget=Budget(60, received=9000)
    )
    with pytest.raises(BudgetSpent, match="bytes"):
        binding.student("one")
    assert binding.loaded is None and not binding.budget.open


@pytest.mark.parametrize(
    "body",
    [
        "assert False, 'x' * 10**6",
        "raise ValueError('x' * 10**6)",
        "raise CheckFailed('x' * 10**6)",
        "pytest.fail('x' * 10**6)",
        "raise KeyError(['y' * 1000] * 1000)",
    ],
)
def test_no_more_of_a_tests_text_is_kept_than_a_person_reads(tmp_path: Path, body: str) -> None:
    path = tmp_path / "test_public.py"
    path.write_text(f"{TESTS}\n@first('t', hint='h')\ndef test_long(student):\n    {body}\n")
    (outcome,) = run(path, bound(budget=Budget(60)))
    assert len(outcome.text) < MAX_TEXT + 100 and "cut here" in outcome.text
    assert len(outcome.trace) < MAX_TRACE + 100


# --- memory -----------------------------------------------------------------------------------------------------------

FAILING = {
    "an assertion": "assert student.big() is None",
    "a helper": "big = student.big()\nassert_same(big, big + 1, what='big')",
    "an error": "big = student.big()\nbig.no_such_name",
    "an error in a cycle": "big = student.big()\ntry:\n    big.no\nexcept Exception as e:\n    kept = e\nraise kept",
    "an error with a cause": "try:\n    student.big().no\nexcept AttributeError as e:\n    raise ValueError from e",
    "an error within another": "big = student.big()\ntry:\n    big.no\nexcept AttributeError:\n    big.nothing",
    "an object that knows itself": "big = [student.big()]\nbig.append(big)\nassert len(big) == 1",
    "the student's exception": "big = student.big()\nstudent.fails()",
    "an error that carries it": "raise ValueError(student.big())",
    "another error than expected": "big = student.big()\nassert_raises(ValueError, student.big, what='big')",
}


@pytest.mark.parametrize("body", FAILING.values(), ids=FAILING)
def test_what_came_back_is_let_go_when_its_test_has_failed(
    tmp_path: Path, body: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    came: list[weakref.ref[torch.Tensor]] = []
    most = 0
    decode = kit.student.decode  # type: ignore[attr-defined]

    def watched(frame: bytes, **options: bool) -> dict[str, object]:
        nonlocal most
        most = max(most, sum(tensor() is not None for tensor in came))
        reply = decode(frame, **options)
        came.extend(weakref.ref(tensor) for tensor in tensors_in(reply))
        return reply

    monkeypatch.setattr("kit.student.decode", watched)
    path = tmp_path / "test_public.py"
    tests = [f"@first('t', hint='h')\ndef test_{n}(student):\n{textwrap.indent(body, '    ')}\n" for n in range(5)]
    path.write_text(TESTS + "".join(tests))
    big = "import torch\ndef big():\n    return torch.ones(1000)\ndef fails():\n    raise ValueError('no')"
    gc.disable()
    try:
        outcomes = run(path, bound(big, budget=Budget(60)))
        assert not any(outcome.status == "passed" for outcome in outcomes)
        assert most <= 1 and len(came) >= 5
        assert not [tensor for tensor in came if tensor() is not None]
    finally:
        gc.enable()
