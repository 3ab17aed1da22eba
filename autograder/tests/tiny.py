"""A complete small assignment for the engine's tests: one problem, two exercises, a written answer, a library.

`write(root)` writes it to assignments/tinyset; `edit` changes one of its files.
"""

from __future__ import annotations

from pathlib import Path

NAME = "tinyset"
LIBRARY = "tinylib"
PROBLEM = "scaling"
NOTEBOOK = "1_scaling.ipynb"
CANARY = "kit-canary-0123456789abcdef"

FILES = {
    "assignment.toml": f"""\
title = "A tiny set"
version = "1.0"
due = 2020-01-01T00:00:00Z
library = "{LIBRARY}"
core = ["{PROBLEM}"]
extra = []
release_url = ""
submission_seconds = 60
call_seconds = 2
canary = "{CANARY}"
""",
    "handout.md": "# A tiny set\n\nOpen the notebook, fill the stubs.\n\n{{points}}\n",
    "requirements.txt": "torch\nnumpy\nmatplotlib\npytest\n",
    "data/SHA256SUMS": "55a2d1b3ab3e9f9bb3a5ba2a4b1d6a4a0e5be93ca8e3a1e2b1d1d4b9a6d8f0aa  numbers.txt\n",
    "data/numbers.txt": "1 2 3\n",
    f"{LIBRARY}/__init__.py": '"""Helpers of the tiny set."""\n',
    f"{LIBRARY}/shapes.py": '''\
"""Shapes."""

from torch import nn


def width(values):
    """The last dimension of a tensor."""
    return values.shape[-1]


class Doubler(nn.Module):
    """Doubles what it gets."""

    def forward(self, values):
        return 2 * values
''',
    f"{PROBLEM}/problem.toml": """\
title = "Scaling"

[exercise.tiny-scale]
points = 3

[exercise.tiny-scaler]
points = 2
depends = ["tiny-scale"]

[answer.tiny-why]
points = 1
""",
    f"{PROBLEM}/notebook.py": '''\
# %% [markdown]
# # Scaling
#
# Two exercises and a question.

# %% tags=["given"]
import torch
from torch import Tensor, nn

from kit import check
from tinylib.shapes import width


# %% tags=["exercise:tiny-scale"]
def scale(values: Tensor, factor: float) -> Tensor:
    """Multiply values (B, D) by a factor. Raises ValueError where the factor is negative."""
    ### BEGIN SOLUTION
    if factor < 0:
        raise ValueError(f"the factor should not be negative, but it is {factor}")
    scaled_by_the_reference = values * factor
    return scaled_by_the_reference
    ### END SOLUTION


# %% tags=["check:tiny-scale"]
check("tiny-scale")

# %% tags=["given"]
class ScalerBase(nn.Module):
    """Holds the factor."""

    def __init__(self, start: float = 2.0):
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(start))


# %% tags=["exercise:tiny-scaler"]
class Scaler(ScalerBase):
    """Multiplies by a factor that it learns."""

    def forward(self, values: Tensor) -> Tensor:
        """values (B, D) times the factor: (B, D)."""
        ### BEGIN SOLUTION
        return scale(values, 1.0) * self.factor.reshape(1, 1)
        ### END SOLUTION

    def inverse(self, values: Tensor) -> Tensor:
        """values (B, D) divided by the factor: (B, D)."""
        ### BEGIN SOLUTION
        return values / self.factor.reshape(1, 1)
        ### END SOLUTION


# %% tags=["check:tiny-scaler"]
check("tiny-scaler")

# %% tags=["guess"]
guess_width = None  # a whole number

# %% tags=["show"]
print(width(scale(torch.ones(1, 3), 2.0)), guess_width)

# %% [markdown]
# Why does the factor have a gradient? One sentence.

# %% [markdown] tags=["answer:tiny-why"]
# *Your answer here.*
''',
    f"{PROBLEM}/test_public.py": '''\
"""Public tests of the tiny problem."""

import torch
from kit import assert_raises, assert_same, exercise, load_helpers

helpers = load_helpers(__file__)
scaling = exercise("tiny-scale")
scaler_class = exercise("tiny-scaler")


@scaling("multiplies every entry", hint="Which entries should change?", weight=2)
def test_scale_multiplies_every_entry(student):
    values = torch.tensor([[1.0, 2.0, 3.0]])
    expected = torch.tensor([[2.0, 4.0, 6.0]])
    assert_same(student.scale(values, 2.0), expected, what="scale of [[1, 2, 3]] by 2")


@scaling("refuses a negative factor", hint="What should happen below zero?")
def test_scale_rejects_negative_factors(student):
    assert_raises(ValueError, lambda: student.scale(torch.ones(1, 1), -1.0), what="scale by -1")
    assert_same(student.scale(torch.ones(1, 1), 1.0), torch.ones(1, 1), what="scale by 1")


@scaler_class("uses its factor", hint="Does the module multiply by its own parameter?")
def test_scaler_uses_its_factor(student):
    scaler = student.build("Scaler", start=3.0)
    assert_same(scaler(helpers.square(1)), helpers.square(3), what="Scaler(3) of ones")
''',
    f"{PROBLEM}/test_hidden.py": '''\
"""Hidden tests of the tiny problem."""

import pytest
import torch
from kit import assert_same, exercise, load_helpers

helpers = load_helpers(__file__)
scaling = exercise("tiny-scale")
scaler_class = exercise("tiny-scaler")


@scaling("works on other sizes", hint="Is anything fixed to one size?")
@pytest.mark.parametrize("size", [(1, 1), (4, 7)])
def test_scale_on_drawn_numbers_of_any_size(student, rng, size):
    values = torch.rand(*size, generator=rng)
    expected_by_a_slow_loop = torch.tensor([[3 * number for number in row] for row in values.tolist()])
    assert_same(student.scale(values, 3.0), expected_by_a_slow_loop, what="scale by 3")


@scaler_class("inverse undoes forward", hint="What brings the values back?")
def test_scaler_inverse_undoes_forward(student, rng):
    scaler = student.build("Scaler", start=4.0)
    assert_same(scaler.call("inverse", helpers.square(4)), helpers.square(1), what="inverse of fours")
    values_before_scaling = torch.rand(3, 5, generator=rng)
    back_again = scaler.call("inverse", scaler(values_before_scaling))
    assert_same(back_again, values_before_scaling, what="inverse after forward")
''',
    f"{PROBLEM}/test_helpers.py": '''\
"""What public and hidden tests of the tiny problem share."""

import torch


def square(value):
    """A 2 x 2 tensor that holds one value."""
    return torch.full((2, 2), float(value))
''',
    f"{PROBLEM}/rubric.md": """\
# Rubric

## tiny-why

Full mark: it names that the factor is a parameter which autograd follows through the product.
""",
    f"{PROBLEM}/wrong/tiny-scale.toml": """\
[adds]
about = "Adds the factor instead of multiplying by it."
put = {"values * factor" = "values + factor"}
must_fail = ["test_scale_multiplies_every_entry", "test_scale_on_drawn_numbers_of_any_size"]
costs_all = "No number is right."

[accepts-negative]
about = "Multiplies by any factor."
put = {"factor < 0" = "False"}
must_fail = ["test_scale_rejects_negative_factors"]
""",
    f"{PROBLEM}/wrong/tiny-scaler.toml": """\
[inverse-multiplies]
about = "The way back multiplies once more."
put = {"values / self.factor" = "values * self.factor"}
must_fail = ["test_scaler_inverse_undoes_forward"]
""",
    f"{PROBLEM}/wrong/forgets_factor.py": '''\
"""The module does nothing."""

EXERCISE = "tiny-scaler"
MUST_FAIL = ["test_scaler_uses_its_factor"]
COSTS_ALL = "No number is right."


class Scaler(ScalerBase):
    def forward(self, values: Tensor) -> Tensor:
        return values

    def inverse(self, values: Tensor) -> Tensor:
        return values
''',
    f"{PROBLEM}/right/scaler_alone.py": '''\
"""Calls nothing that was written before."""

EXERCISE = "tiny-scaler"


class Scaler(ScalerBase):
    def forward(self, values: Tensor) -> Tensor:
        return values * self.factor

    def inverse(self, values: Tensor) -> Tensor:
        return values / self.factor
''',
    f"{PROBLEM}/right/einsum.py": '''\
"""Multiplies with einsum."""

EXERCISE = "tiny-scale"


def scale(values: Tensor, factor: float) -> Tensor:
    if factor < 0:
        raise ValueError("negative")
    return torch.einsum("bd,->bd", values, torch.tensor(factor, dtype=values.dtype))
''',
}


def write(root: Path) -> Path:
    """Write the assignment to root/assignments/tinyset; returns that folder."""
    folder = root / "assignments" / NAME
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def edit(folder: Path, file: str, old: str, new: str) -> None:
    """Replace one passage, which must occur exactly once, in a file of the assignment."""
    path = folder / file
    text = path.read_text(encoding="utf-8")
    if text.count(old) != 1:
        raise ValueError(f"{old!r} occurs {text.count(old)} times in {file}")
    path.write_text(text.replace(old, new), encoding="utf-8")


def add_problem(folder: Path, name: str, prefix: str) -> None:
    """A copy of the tiny problem under another name, its ids and the files named by them beginning with `prefix`."""
    for path in list((folder / PROBLEM).rglob("*")):
        if path.is_file():
            inner = path.relative_to(folder / PROBLEM).as_posix()
            copy = folder / name / inner.replace("tiny-", prefix)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_text(path.read_text().replace("tiny-", prefix).replace('"Scaling"', f'"{name.title()}"'))


def harden(folder: Path) -> Path:
    """Let the tests pass `verify` as a whole: values that are not all the same, and most of the points hidden."""
    edits = {
        "test_helpers.py": [("torch.full((2, 2), float(value))", "value * torch.tensor([[1.0, 2.0], [3.0, 4.0]])"),
                            ("that holds one value", "of a value's multiples")],
        "test_public.py": [("assert_same(student.scale(torch.ones(1, 1), 1.0), torch.ones(1, 1)",
                            "assert_same(student.scale(helpers.square(7), 1.0), helpers.square(7)")],
        "test_hidden.py": [('one size?")', 'one size?", weight=9)'), ('values back?")', 'values back?", weight=6)')],
        "wrong/tiny-scaler.toml": [("must_fail = [", 'costs_all = "Half of the class is wrong."\nmust_fail = [')],
    }  # fmt: skip
    for file, passages in edits.items():
        for old, new in passages:
            edit(folder, f"{PROBLEM}/{file}", old, new)
    return folder
