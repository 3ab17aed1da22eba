"""Copies of an answer in what ships are found wherever they stand, under whatever names; what is given is not."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest

from autograder.assignment.model import Problem
from autograder.build import build
from autograder.build.copied_code import answers_of, copied
from autograder.build.every_problem import with_every_problem
from autograder.errors import Leak
from autograder.tests import tiny

ROOT = Path(__file__).parents[3]
SOLUTION = """\
if factor < 0:
    raise ValueError(f"the factor should not be negative, but it is {factor}")
scaled_by_the_reference = values * factor
return scaled_by_the_reference
"""
RENAMED = SOLUTION.replace("scaled_by_the_reference", "y").replace("values", "x").replace("factor", "by")
PLACES = {
    "its own docstring": ("scaling/notebook.py", "Multiply values (B, D) by a factor.", "Multiply.\n\n{code}\n"),
    "another cell's docstring": ("scaling/notebook.py", '"""Holds the factor."""', '"""Holds.\n\n{code}\n"""'),
    "a comment": ("scaling/notebook.py", "import torch\n", "import torch\n{commented}\n"),
    "the lesson's text": ("scaling/notebook.py", "# Two exercises and a question.", "# Two exercises.\n#\n{commented}"),
    "the library's docstring": ("tinylib/shapes.py", '"""Shapes."""', '"""Shapes.\n\n{code}\n"""'),
    "the library's code": ("tinylib/shapes.py", "class Doubler", "def again(x, by):\n{code}\n\n\nclass Doubler"),
    "a public test's docstring": ("scaling/test_public.py", "import torch\n", 'import torch\n\n"""\n{code}\n"""\n'),
    "the handout": ("handout.md", "# A tiny set", "# A tiny set\n\n```\n{code}\n```\n"),
}


def put(folder: Path, file: str, old: str, new: str, code: str) -> None:
    text = new.format(code=textwrap.indent(code, "    "), commented=textwrap.indent(code, "#    ").rstrip())
    tiny.edit(folder, file, old, text)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("code", [SOLUTION, RENAMED, RENAMED.replace(" ", "  ")], ids=["as it is", "renamed", "spaced"])
def test_a_solution_leaves_nowhere_and_under_no_names(tmp_path: Path, place: str, code: str) -> None:
    folder = tiny.write(tmp_path)
    if code != SOLUTION and place == "the library's code":
        code = RENAMED  # where spaces are no business of ours
    put(folder, *PLACES[place], code)
    with pytest.raises(Leak, match="of the solution of tiny-scale|a line of the solution of tiny-scale"):
        build.build(tiny.NAME, tmp_path)


SHORT = "return scale(values, 1.0) * self.factor"  # fewer tokens than a run


@pytest.mark.parametrize("quoted", [SHORT, SHORT.replace(" ", ""), f">>> {SHORT}", f"    # {SHORT}"])
@pytest.mark.parametrize("place", ["its own docstring", "the other method's docstring", "a comment of its own cell"])
def test_a_short_solution_leaves_as_little(tmp_path: Path, place: str, quoted: str) -> None:
    """Its own cell is given, but what its docstring and comments say is no more given than what others say."""
    folder = tiny.write(tmp_path)
    tiny.edit(folder, "scaling/notebook.py", f"{SHORT}.reshape(1, 1)", SHORT)
    old, new = {
        "its own docstring": ("times the factor: (B, D).", "times the factor: (B, D).\n\n{code}\n"),
        "the other method's docstring": ("divided by the factor: (B, D).", "divided: (B, D).\n\n{code}\n"),
        "a comment of its own cell": ("class Scaler(ScalerBase):\n", "# {code}\nclass Scaler(ScalerBase):\n"),
    }[place]
    tiny.edit(folder, "scaling/notebook.py", old, new.format(code=quoted))
    with pytest.raises(Leak, match="of the solution of tiny-scaler"):
        build.build(tiny.NAME, tmp_path)


def problems() -> list[Problem]:
    return list(with_every_problem("ps3", ROOT).problems)


def renamed(code: str) -> str:
    """The code with every name of its own replaced; attributes, keywords and what is called by name stay."""
    names = sorted(set(re.findall(r"(?<![.\w])([a-z_]\w*) *=(?!=)", code)))
    for number, name in enumerate(names):
        code = re.sub(rf"(?<![.\w]){name}\b", f"v{number}", code)
    return code


@pytest.mark.parametrize("problem", problems(), ids=lambda problem: problem.name)
def test_every_solution_of_the_course_is_found_in_text(problem: Problem) -> None:
    """Pasted into a text cell as it is, as a quotation, or as it is typed at the prompt."""
    answers = list(answers_of(problem))
    for cell in (cell for cell in problem.cells if cell.regions):
        for prefix in ("", "> ", ">>> ", "# "):
            pasted = f'"""One writes:\n\n{textwrap.indent(renamed("".join(cell.regions)), prefix)}\n"""'
            assert any(f"the solution of {cell.name}," in found for found in copied(answers, pasted)), cell.name


@pytest.mark.parametrize("problem", problems(), ids=lambda problem: problem.name)
def test_what_students_are_given_holds_no_copy(problem: Problem) -> None:
    answers = list(answers_of(problem))
    for cell in problem.cells:
        assert list(copied(answers, cell.released)) == []
