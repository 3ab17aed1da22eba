"""A build refuses a release that lacks a name or a package at a student's, and a canary that another set has."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from autograder.assignment.load import load_assignment
from autograder.build import build, needs, release_files
from autograder.build.canaries import shared_canary
from autograder.errors import CourseError
from autograder.tests import tiny

PROBLEM = tiny.PROBLEM
BOOK = f"{PROBLEM}/notebook.py"
FIRST_GIVEN = "import torch\nfrom torch import Tensor, nn\n"


def complaints(folder: Path) -> list[str]:
    assignment = load_assignment(tiny.NAME, folder.parents[1])
    return needs.complaints(assignment, release_files.copies(assignment) | release_files.written(assignment))


def put(folder: Path, file: str, text: str) -> None:
    """More text at the end of a file of the set."""
    path = folder / file
    path.parent.mkdir(exist_ok=True)
    path.write_text((path.read_text() if path.is_file() else "") + text)


def show(folder: Path, code: str) -> None:
    """One more cell at the end of the notebook."""
    put(folder, BOOK, f'\n# %% tags=["show"]\n{code}\n')


def test_the_tiny_set_lacks_nothing(sources: Path) -> None:
    assert complaints(sources) == []


def test_without_the_import_of_check_every_check_is_named_with_the_line_to_add(sources: Path) -> None:
    tiny.edit(sources, BOOK, "from kit import check\n", "")
    first, second = complaints(sources)
    assert "the cell check:tiny-scale uses check, which no cell imports: add `from kit import check`" in first
    assert "the cell check:tiny-scaler uses check" in second and f"{BOOK}:" in second
    with pytest.raises(CourseError, match="add `from kit import check` to the first given cell"):
        build.build(tiny.NAME, sources.parents[1])
    assert not (sources.parents[1] / "release").exists()


@pytest.mark.parametrize("name", ["have", "passed", "written", "ready", "preview", "pack", "save_weights"])
def test_every_name_of_the_kit_is_missed(sources: Path, name: str) -> None:
    show(sources, f'if {name}("tiny-scale"):\n    print("done")')
    (line,) = complaints(sources)
    assert f"this show cell uses {name}, which no cell imports: add `from kit import {name}`" in line
    tiny.edit(sources, BOOK, "from kit import check\n", f"from kit import check, {name}\n")
    assert complaints(sources) == []


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("plt.plot([1])", "plt"),
        ("print([np.ones(3) for _ in range(2)])", "np"),
        ("def twice(x):\n    return math.pi * x", "math"),
        ("class Mine(Base):\n    pass", "Base"),
        ("@decorated\ndef f(): pass", "decorated"),
        ("values = scaled_by_nobody + 1", "scaled_by_nobody"),
    ],
)
def test_a_name_that_nothing_defines_is_named_with_its_cell(sources: Path, code: str, name: str) -> None:
    show(sources, code)
    (line,) = complaints(sources)
    assert f"this show cell uses {name}, which no cell of the notebook defines" in line


def test_a_name_that_only_a_later_cell_defines_is_named(sources: Path) -> None:
    show(sources, "print(later)")
    show(sources, "later = 1")
    (line,) = complaints(sources)
    assert "uses later, which only a cell below it defines" in line


@pytest.mark.parametrize(
    "code",
    [
        "display(width)", "get_ipython()", "%matplotlib inline\nprint(guess_width)", "files = !ls\nprint(files)",
        "def late():\n    return defined_below\n\n\ndefined_below = 1", "for i in range(3):\n    print(i)",
        "[x for x in range(3) if (y := x)]\nprint(y)", "try:\n    pass\nexcept OSError as error:\n    print(error)",
        "from math import *\nprint(sqrt(2))", "%run other.py\nprint(of_other)", "print(scale, Scaler, ScalerBase)",
        "with open('x') as file:\n    file.read()", "def f():\n    global made\n    made = 1\n\n\nf()\nprint(made)",
    ],
)  # fmt: skip
def test_names_that_are_there_or_may_be_are_not_named(sources: Path, code: str) -> None:
    show(sources, code)
    assert complaints(sources) == []


IMPORTS = {
    "pillow": "from PIL import Image", "scikit-learn": "import sklearn.linear_model", "opencv-python": "import cv2",
    "matplotlib": "import matplotlib.pyplot as plt", "numpy": "import numpy as np", "pandas": "import pandas",
    "pyyaml": "import yaml", "unheard_of": "from unheard_of import thing", "matplotlib ": "import mpl_toolkits.mplot3d",
}  # fmt: skip
PLACES = {
    BOOK: '\n# %% tags=["show"]\n{}\n',
    f"{tiny.LIBRARY}/shapes.py": "\n{}\n",
    f"{tiny.LIBRARY}/deep/__init__.py": "def late():\n    {}\n",
    f"{PROBLEM}/test_public.py": "\n{}\n",
    f"{PROBLEM}/test_helpers.py": "\n{}\n",
}


@pytest.mark.parametrize("package", IMPORTS)
@pytest.mark.parametrize("place", PLACES)
def test_a_package_that_requirements_do_not_name_is_named(sources: Path, place: str, package: str) -> None:
    put(sources, place, PLACES[place].format(IMPORTS[package]))
    (line,) = complaints(sources)
    assert line.startswith(f"assignments/{tiny.NAME}/requirements.txt does not name {package.strip()}, but ")
    assert line.endswith(f"add {package.strip()}") and Path(place).name in line
    put(sources, "requirements.txt", f"{package.strip().replace('_', '-').upper()}[x]>=1  # for the figures\n")
    assert complaints(sources) == []


def test_a_lesson_ships_and_a_hidden_test_does_not(sources: Path) -> None:
    put(sources, f"{PROBLEM}/test_hidden.py", "\nimport pandas\n")
    assert complaints(sources) == []
    put(sources, f"{PROBLEM}/lesson/__init__.py", "import pandas\n")
    (line,) = complaints(sources)
    assert f"{tiny.LIBRARY}/{PROBLEM}/__init__.py:1 has `import pandas`" in line


@pytest.mark.parametrize(
    "code",
    [
        "import os, json", "import tinylib.shapes", "from IPython.display import Image",
        "try:\n    import pandas\nexcept ImportError:\n    pandas = None",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import pandas",
    ],
)  # fmt: skip
def test_imports_that_need_no_requirement(sources: Path, code: str) -> None:
    show(sources, code)
    put(sources, f"{tiny.LIBRARY}/shapes.py", f"\nfrom . import shapes\n{code}\n")
    assert complaints(sources) == []


def test_requirements_are_read_as_pip_reads_them() -> None:
    text = (
        "# numpy\nTorch>=2 ; python_version > '3'\n-r more.txt\na.b_c\nx @ https://e.org/x.zip\ngit+https://e#egg=y\n"
    )
    assert needs.required(text) == {"torch", "a-b-c", "x", "y"}


# --- canaries -------------------------------------------------------------------------------------------------------


@pytest.fixture
def copied(sources: Path) -> Path:
    """A second set, made by copying the first: the folder of the copy."""
    shutil.copytree(sources, sources.parent / "copied")
    tiny.edit(sources.parent / "copied", "assignment.toml", "A tiny set", "A copied set")
    return sources.parent / "copied"


@pytest.mark.parametrize("more", ["", "-2"])
def test_two_sets_with_one_canary_are_refused_by_name_with_a_fresh_one(copied: Path, more: str) -> None:
    tiny.edit(copied, "assignment.toml", tiny.CANARY, f"{tiny.CANARY}{more}")
    root = copied.parents[1]
    for name in (tiny.NAME, "copied"):
        with pytest.raises(CourseError) as refused:
            build.build(name, root)
        assert "assignments/copied" in str(refused.value) and f"assignments/{tiny.NAME}" in str(refused.value)
    fresh = str(refused.value).splitlines()[-1]
    tiny.edit(copied, "assignment.toml", f'canary = "{tiny.CANARY}{more}"', fresh)
    assert shared_canary(load_assignment("copied", root)) is None
    build.stamp_hidden_tests(load_assignment(tiny.NAME, root))


def test_a_new_canary_takes_the_place_of_the_old_one_in_hidden_tests(sources: Path) -> None:
    hidden = sources / PROBLEM / "test_hidden.py"
    before = hidden.read_text()
    build.stamp_hidden_tests(load_assignment(tiny.NAME, sources.parents[1]))
    tiny.edit(sources, "assignment.toml", tiny.CANARY, "kit-canary-another-one")
    build.stamp_hidden_tests(load_assignment(tiny.NAME, sources.parents[1]))
    assert hidden.read_text() == f"# kit-canary-another-one: not to be published\n{before}"
