"""A small set that needs neither torch nor numpy: one exercise on lists, sets and large numbers.

`write(root)` writes it to assignments/plainset.
"""

from __future__ import annotations

from pathlib import Path

NAME = "plainset"
LIBRARY = "plainlib"
PROBLEM = "counting"
NOTEBOOK = "1_counting.ipynb"

FILES = {
    "assignment.toml": f"""\
title = "A plain set"
version = "1.0"
due = 2020-01-01T00:00:00Z
library = "{LIBRARY}"
core = ["{PROBLEM}"]
extra = []
release_url = ""
submission_seconds = 60
call_seconds = 2
canary = "kit-canary-fedcba9876543210"
""",
    "handout.md": "# A plain set\n\nOpen the notebook, fill the stubs.\n\n{{points}}\n",
    "requirements.txt": "pytest\nipykernel\n",
    "data/SHA256SUMS": "55a2d1b3ab3e9f9bb3a5ba2a4b1d6a4a0e5be93ca8e3a1e2b1d1d4b9a6d8f0aa  numbers.txt\n",
    "data/numbers.txt": "1 2 3\n",
    f"{LIBRARY}/__init__.py": '"""Helpers of the plain set."""\n',
    f"{LIBRARY}/words.py": '"""Words."""\n\nWORDS = ("one", "two")\n',
    f"{PROBLEM}/problem.toml": 'title = "Counting"\n\n[exercise.plain-count]\npoints = 3\n',
    f"{PROBLEM}/rubric.md": "# Rubric\n",
    f"{PROBLEM}/notebook.py": '''\
# %% [markdown]
# # Counting
#
# One exercise.

# %% tags=["given"]
from kit import check
from plainlib.words import WORDS

# %% tags=["exercise:plain-count"]
def count(values: list) -> dict:
    """How often each of the values occurs, by value."""
    ### BEGIN SOLUTION
    return {value: values.count(value) for value in values}
    ### END SOLUTION

# %% tags=["check:plain-count"]
check("plain-count")

# %% tags=["show"]
print(count([1, 2, 2]), WORDS)
''',
    f"{PROBLEM}/test_public.py": '''\
"""Public tests of the plain problem."""

from kit import CheckFailed, exercise

counting = exercise("plain-count")


@counting("counts", hint="How often does each occur?")
def test_count_of_a_few_numbers(student):
    if student.count([1, 2, 2]) != {1: 1, 2: 2}:
        raise CheckFailed("count([1, 2, 2]) is wrong")
''',
    f"{PROBLEM}/test_hidden.py": '''\
"""Hidden tests of the plain problem."""

from kit import CheckFailed, exercise

counting = exercise("plain-count")


@counting("counts anything", hint="Is anything fixed to small numbers?", weight=9)
def test_count_of_drawn_numbers_and_tuples(student, rng):
    values = [rng.choice([2**80, (1, None), "a", 3]) for _ in range(60)]
    if student.count(values) != {value: values.count(value) for value in values}:
        raise CheckFailed("count of 60 values is wrong")
''',
    f"{PROBLEM}/wrong/plain-count.toml": """\
[once]
about = "Says that each occurs once."
put = {"values.count(value)" = "1"}
must_fail = ["test_count_of_a_few_numbers", "test_count_of_drawn_numbers_and_tuples"]
costs_all = "No number is right."
""",
    f"{PROBLEM}/right/in_a_loop.py": '''\
"""Counts in a loop."""

EXERCISE = "plain-count"


def count(values: list) -> dict:
    found = {}
    for value in values:
        found[value] = found.get(value, 0) + 1
    return found
''',
}


def write(root: Path) -> Path:
    """Write the set to root/assignments/plainset; returns that folder."""
    folder = root / "assignments" / NAME
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder
