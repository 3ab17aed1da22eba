"""The exercises of a notebook share a worker: nothing that one of them does there changes what another one gets."""

from __future__ import annotations

from pathlib import Path

import pytest

from autograder.assignment.load import load_assignment
from autograder.grading.grade_one import grade_submission
from autograder.grading.plan import Plan
from autograder.results import Report
from autograder.sandbox.sandbox import Sandbox
from autograder.submission.read import read_submission
from autograder.tests import marking, released, tiny
from kit.binding import NotebookBinding

# What the first exercise does to its process, once it is called.
DAMAGE = {
    "another default dtype": "torch.set_default_dtype(torch.float64)",
    "no gradients any more": "torch.set_grad_enabled(False)",
    "a changed function of torch": "torch.Tensor.reshape = lambda self, *shape: self + 1",
    "a changed module class": "nn.Module.__call__ = lambda self, *values: None",
    "the next exercise's class is replaced": "globals().update(Scaler=None)",
    "the next exercise's class is deleted": "globals().pop('Scaler', None)",
    "a base class without its method": "ScalerBase.inverse = None",
    "memory is held": "held = globals().setdefault('held', []); held.append(torch.ones(90_000_000))",
    "descriptors are closed": "import os; os.closerange(5, 60)",
    "signals are ignored": "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)",
    "threads go on": "from threading import Thread; Thread(target=lambda: list(iter(int, 1)), daemon=True).start()",
    "it exits later": "import threading, os; threading.Timer(0.01, os._exit, (0,)).start()",
    "recursion is impossible": "import sys; sys.setrecursionlimit(60)",
    "every import fails": "import builtins; builtins.__import__ = None",
}
SCALER = released.SCALER.replace("scale(values, 1.0)", "values")
SCALE = """
def scale(values: Tensor, factor: float) -> Tensor:
    if factor < 0:
        raise ValueError("negative")
    result = values * factor
    {damage}
    return result
"""
# Right on the first call in a process, or only once it has been called several times.
FICKLE = """
calls = []

def scale(values, factor):
    calls.append(1)
    return values * factor * (len(calls) {when})
"""


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    root = tmp_path_factory.mktemp("course")
    marking.without_gradebook(root)
    tiny.edit(root / "assignments" / tiny.NAME, "assignment.toml", "call_seconds = 2", "call_seconds = 1")
    return Plan.of(load_assignment(tiny.NAME, root), 11)


def graded(plan: Plan, sandbox: Sandbox, folder: Path, **answers: str) -> Report:
    folder.mkdir(exist_ok=True)
    path = folder / tiny.NOTEBOOK
    path.write_bytes((plan.assignment.root / "release" / tiny.NAME / tiny.NOTEBOOK).read_bytes())
    released.fill(path, **answers)
    taken = read_submission(folder, plan.assignment.manifest, student="ada")
    return grade_submission(taken, plan, sandbox).report


@pytest.mark.parametrize("damage", DAMAGE)
def test_what_one_exercise_does_to_its_process_costs_no_other_anything(
    plan: Plan, sandbox: Sandbox, tmp_path: Path, damage: str
) -> None:
    code = SCALE.format(damage=DAMAGE[damage])
    report = graded(
        plan,
        sandbox,
        tmp_path / "s",
        tiny_scale=code,
        tiny_scaler=released.SCALER.replace("scale(values, 1.0)", "values"),
    )
    assert {result.id: result.score for result in report.exercises}["tiny-scaler"] == 2


@pytest.mark.parametrize("when", ["< 2", "> 4"])
def test_an_answer_that_changes_from_call_to_call_gets_what_it_gets_alone(
    plan: Plan, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    answers = {"tiny_scale": FICKLE.format(when=when), "tiny_scaler": SCALER}
    together = graded(plan, sandbox, tmp_path / "s", **answers)
    monkeypatch.setattr(NotebookBinding, "shares", lambda self, exercise: False)
    alone = graded(plan, sandbox, tmp_path / "s", **answers)
    assert [(test.id, test.status) for test in together.tests] == [(test.id, test.status) for test in alone.tests]
    assert together.auto_score == alone.auto_score
    assert together.auto_score is not None and together.auto_score < 5
