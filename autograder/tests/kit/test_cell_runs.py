"""What the kit says of cells that did not run, in IPython as a notebook's kernel runs it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from autograder.tests import released

pytestmark = pytest.mark.slow  # each test starts kernels that import torch

SETUP = "import torch\nfrom torch import Tensor, nn\nfrom kit import check, have, passed, ready, written\n"
RIGHT = released.SCALE
HEAD = "def scale(values: Tensor, factor: float) -> Tensor:"
BROKEN = RIGHT.replace(HEAD, HEAD[:-1])
RUNNER = """
import json, sys
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
shell = InteractiveShell.instance(colors="NoColor")
said = []
for source, cell_id in json.loads(sys.stdin.read()):
    with capture_output() as output:
        shell.run_cell(source, store_history=True, cell_id=cell_id)
    shown = [str(rich.data.get("text/plain", "")) for rich in output.outputs]
    said.append("\\n".join([output.stdout, *shown]))
sys.__stdout__.write(json.dumps(said))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return released.write(tmp_path_factory.mktemp("released"))


def kernel(folder: Path, *cells: str | tuple[str, str]) -> list[str]:
    """What each cell of a fresh kernel prints, its error included; a cell is its source, or source and id."""
    pairs = [cell if isinstance(cell, tuple) else (cell, None) for cell in cells]
    command = [sys.executable, "-c", RUNNER]
    done = subprocess.run(command, input=json.dumps(pairs), cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    said: list[str] = json.loads(done.stdout)
    return said


@pytest.mark.parametrize(
    ("cell", "why"),
    [
        (BROKEN, "SyntaxError in line 1"),
        (RIGHT.replace("    return", "  return", 1).replace("    if", "      if", 1), "IndentationError"),
        ("undefined_thing\n" + RIGHT, "NameError"),
        (RIGHT.replace("factor: float", "factor=no_such_default"), "NameError"),
        ("@no_such_decorator\n" + RIGHT, "NameError"),
        ("raise KeyboardInterrupt\n" + RIGHT, "KeyboardInterrupt"),
        (("deff scale(values, factor):\n    return 1", "tiny-scale"), "SyntaxError"),
        ("%%time\n" + BROKEN, "SyntaxError"),
    ],
    ids=["colon", "indent", "line above", "default", "decorator", "stopped", "by its id", "magic"],
)
def test_a_check_refuses_an_older_definition_and_says_why_the_cell_did_not_run(folder, cell, why):
    said = kernel(
        folder, SETUP, RIGHT, 'check("tiny-scale")', cell, 'check("tiny-scale")', RIGHT, 'check("tiny-scale")'
    )
    assert "2 public checks passed" in said[2]
    assert f"the cell of tiny-scale did not run ({why}" in said[4] and "public checks passed" not in said[4]
    assert "correct it and run it first" in said[4]
    assert "2 public checks passed" in said[6]


def test_an_error_below_the_definition_does_not_matter(folder):
    said = kernel(folder, SETUP, RIGHT, RIGHT + "\n1 / 0", 'check("tiny-scale")')
    assert "ZeroDivisionError" in said[2] and "2 public checks passed" in said[3]


def test_gates_for_training_and_figures_name_a_cell_that_did_not_run(folder):
    gates = 'print(ready("tiny-scale"), written("tiny-scale"), passed("tiny-scale"))'
    said = kernel(folder, SETUP, RIGHT, 'check("tiny-scale")', BROKEN, gates)[-1]
    assert "run the checks of tiny-scale (its cell did not run: SyntaxError in line 1) first" in said
    assert "the cell of tiny-scale did not run (SyntaxError in line 1): this cell needs it" in said
    assert "False False False" in said


def test_a_name_that_cells_above_make_is_answered_with_what_to_run(folder):
    said = kernel(folder, "from kit import check", "Scaler", "scale(1, 2)", "width", "never_heard_of", "1 / 0")
    for shown, name in zip(said[1:4], ("Scaler", "scale", "width"), strict=True):
        assert "NameError" in shown
        assert f"{name} is made by a cell above that has not run in this kernel (after a restart, none has)" in shown
        assert "Run All Above" in shown and "Finished trainings are loaded" in shown
    assert "made by a cell above" not in said[4] + said[5]


def test_a_mistake_inside_a_students_function_is_not_taken_for_a_restart(folder):
    said = kernel(folder, SETUP, "def scale(values, factor):\n    return valeus * factor", "scale(1, 2)")
    assert "valeus" in said[2] and "made by a cell above" not in said[2]


def test_have_works_in_a_kernel_that_has_run_nothing(folder):
    cell = "from kit import have\nif have('trained'):\n    print('shown')"
    said = kernel(folder, cell, "trained = False", cell, "trained = True", cell)
    assert "trained is made by a cell above that has not run" in said[0] and "Traceback" not in said[0]
    assert said[2].strip() == "The training above is not finished: run its cell first. It goes on where it was stopped."
    assert said[4].strip() == "shown"


@pytest.mark.parametrize("typed", ["guess_best = A", "guess_share = 40%", "guess_x = ", "guess_names = [frog, cat]"])
def test_a_guess_that_python_cannot_read_is_answered_with_what_a_guess_is(folder, typed):
    said = kernel(folder, "from kit import check", typed)[1]
    assert "A guess is a number such as 0.4, a word in quotes" in said


def test_in_plain_python_nothing_is_watched_and_checks_go_on(folder):
    done = subprocess.run(
        [sys.executable, "-c", f'{SETUP}{RIGHT}\ncheck("tiny-scale")\nprint(have("torch"), have("nothing_here"))'],
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert "2 public checks passed" in done.stdout and "nothing_here is made by a cell above" in done.stdout
    assert done.stdout.strip().endswith("True False")
