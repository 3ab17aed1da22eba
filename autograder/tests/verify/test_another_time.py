"""The reference is run twice with one seed, the second time on another day: a test must not notice."""

from __future__ import annotations

import datetime
import random
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import torch

from autograder.assignment.load import load_assignment
from autograder.build import copies
from autograder.grading.plan import Plan
from autograder.sandbox.sandbox import Sandbox
from autograder.tests import tiny
from autograder.verify.another_time import later, surprises

CALL = "    assert_same(student.scale(values, 2.0), expected"
TEST = f"{tiny.PROBLEM}/test_public.py::test_scale_multiplies_every_entry"


@pytest.fixture
def told(tmp_path: Path, sandbox: Sandbox) -> Callable[[str], list[str]]:
    """What is said of tiny-scale's tests where a line stands before one of its calls; reading the code is left out."""

    def tell(line: str, imports: str = "import torch") -> list[str]:
        folder = tiny.write(tmp_path)
        tiny.edit(folder, f"{tiny.PROBLEM}/test_public.py", CALL, f"    {line}\n{CALL}")
        tiny.edit(folder, f"{tiny.PROBLEM}/test_public.py", "import torch\n", f"{imports}\nimport torch\n")
        assignment = load_assignment(tiny.NAME, tmp_path)
        copies.refresh(assignment)
        return list(surprises("tiny-scale", Plan.of(assignment, 3), sandbox, 3))

    return tell


@pytest.mark.parametrize(
    ("imports", "value"),
    [
        ("import time", "time.time()"),
        ("from time import time_ns as now", "now()"),
        ("from time import monotonic", "monotonic()"),
        ("import time", "time.mktime(time.localtime())"),
        ("import time", "float(time.strftime('%j'))"),
        ("import datetime", "datetime.datetime.now().timestamp()"),
        ("from datetime import date as D", "D.today().toordinal()"),
        ("from datetime import datetime", "datetime(2024, 2, 29).timestamp()"),  # depends on the time zone
        ("import random", "random.random()"),
        ("import numpy", "numpy.random.rand()"),
        ("import torch", "torch.rand(1).item()"),
        ("import os", "os.urandom(1)[0] + os.urandom(1)[0] / 256"),
    ],
)
def test_inputs_that_differ_at_another_time_are_a_surprise(
    told: Callable[..., list[str]], imports: str, value: str
) -> None:
    (line,) = told(f"student.scale(torch.tensor([[float({value})]], dtype=torch.float64), 2.0)", imports)
    assert line.startswith(f"{TEST} gives the student's code other inputs at another time, with the same seed: draw ")


def test_a_verdict_that_differs_at_another_time_is_a_surprise(told: Callable[..., list[str]]) -> None:
    now = datetime.date.today().year
    (line,) = told(f"assert D.today().year <= {now}", "from datetime import date as D")
    assert line.startswith(f"{TEST} is passed now and failed at another time, with the same seed: ")


def test_tests_that_draw_from_the_seed_are_the_same_at_any_time(told: Callable[..., list[str]]) -> None:
    assert told("torch.manual_seed(3); student.scale(torch.rand(1, 3), 2.0)") == []


def test_afterwards_everything_is_as_it_was() -> None:
    module = ModuleType("tests_of_a_course")
    vars(module).update(now=time.time, D=datetime.datetime)
    before, zone, state = time.time(), time.tzname, random.getstate()
    drawn = torch.get_rng_state()
    with later([module]):
        assert module.now() - before > 1e8 and module.D.now().year > datetime.date(2026, 1, 1).year
        random.random(), torch.rand(1)
    assert (module.now, module.D, time.tzname, random.getstate()) == (time.time, datetime.datetime, zone, state)
    assert torch.equal(torch.get_rng_state(), drawn) and time.time() - before < 1e6
