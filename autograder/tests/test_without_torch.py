"""A set that names neither torch nor numpy, on a machine that has neither: built, proved, checked at home, graded."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from autograder.tests import plain
from kit import libraries
from kit.imports import Import, missing_at_grading
from kit.manifest import Manifest

ROOT = Path(__file__).resolve().parents[2]
# Python's way to say that an import fails, in a process of its own.
WITHOUT = "import runpy, sys\nfor name in ('torch', 'numpy', 'matplotlib'): sys.modules[name] = None\n"
RUN = "sys.argv = sys.argv[1:]\nrunpy.run_module(sys.argv[0], run_name='__main__', alter_sys=True)\n"
CELLS = """
import json
namespace = {"__name__": "__main__"}
for cell in json.load(open(sys.argv[1]))["cells"]:
    source = "".join(cell["source"])
    if cell["cell_type"] == "code" and "SHA256" not in source:
        exec(compile(source, "a cell", "exec"), namespace)
"""


def python(code: str, *words: str, cwd: Path, path: str = "") -> str:
    """What a process without these libraries prints."""
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT + code, *words],
        cwd=cwd, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": path, "COLUMNS": "200"}, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The plain set, built."""
    root = tmp_path_factory.mktemp("course")
    plain.write(root)
    python(RUN, "autograder", "build", plain.NAME, cwd=root, path=str(ROOT))
    return root


@pytest.fixture(scope="module")
def release(course: Path) -> Path:
    """A student's copy of the release, its exercise written."""
    folder = course / "student"
    shutil.copytree(course / "release" / plain.NAME, folder)
    path = folder / plain.NOTEBOOK
    notebook = json.loads(path.read_text())
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        if "def count" in source:
            cell["source"] = f"{source[: source.index('    raise')]}    return {{v: values.count(v) for v in values}}\n"
    path.write_text(json.dumps(notebook))
    return folder


def test_the_set_is_proved_without_torch(course: Path) -> None:
    said = python(RUN, "autograder", "verify", plain.NAME, "--seeds", "1", cwd=course, path=str(ROOT))
    assert "no surprise" in said


def test_its_release_does_not_speak_of_torch(release: Path) -> None:
    for file in (plain.NOTEBOOK, "handout.md", "requirements.txt"):
        assert "torch" not in (release / file).read_text() and "numpy" not in (release / file).read_text()
    manifest = Manifest.read(release / "tests" / "manifest.json")
    assert manifest.libraries == () and manifest.grader.startswith(
        "The grader has Python 3.11. Code may import Python's own library and plainlib: anything else"
    )


def test_it_is_checked_at_home_without_torch(release: Path) -> None:
    assert "1 public check passed" in python(CELLS, plain.NOTEBOOK, cwd=release, path=str(release))
    assert "1 passed" in python(RUN, "pytest", "-q", cwd=release)
    assert "Nothing is unfinished." in python(RUN, "kit", "preview", cwd=release)
    assert "plainset-submission.zip" in python(RUN, "kit", "pack", cwd=release)


def test_it_is_graded_without_torch(course: Path, release: Path) -> None:
    folder = course / "submitted" / "ada" / plain.NAME
    folder.mkdir(parents=True)
    (folder / plain.NOTEBOOK).write_bytes((release / plain.NOTEBOOK).read_bytes())
    words = ("grade", plain.NAME, "submitted", "--out", "results", "--allow-weak")
    python(RUN, "autograder", *words, cwd=course, path=str(ROOT))
    result = json.loads((course / "results" / plain.NAME / "ada.json").read_text())
    assert result["auto_score"] == 3


@pytest.mark.parametrize(
    "requirements, named",
    [
        ("pytest\nipykernel\n", ()),
        ("", ()),
        ("# torch\npytest\n", ()),
        ("pytorch-lightnin\nnumpydoc\n", ()),
        ("torch>=2.2\n", ("torch", "numpy")),
        ("Torch[opt] ; python_version > '3'\n", ("torch", "numpy")),
        ("  numpy==2.0  # arrays\n", ("numpy",)),
        ("matplotlib\n", ("numpy", "matplotlib")),
        ("scikit_learn\nseaborn\n", ("numpy", "matplotlib")),
        ("torchvision @ https://example.org/x.whl\nmatplotlib\n", ("torch", "numpy", "matplotlib")),
        ("-r other.txt\n--index-url https://torch.example.org\n", ()),
    ],
)
def test_what_requirements_name_and_bring(requirements: str, named: tuple[str, ...]) -> None:
    assert libraries.named(requirements) == named


@pytest.mark.parametrize(
    "named, kind", [(("torch", "numpy"), torch.Generator), (("numpy",), "numpy.random"), ((), random.Random)]
)
def test_the_generator_of_a_test_is_of_the_largest_library_named(named: tuple[str, ...], kind: object) -> None:
    made, again = libraries.generator(named, 2**56 - 1), libraries.generator(named, 2**56 - 1)
    assert type(made) is kind or type(made).__module__.startswith(str(kind))
    draw = next(way for way in ("random", "initial_seed") if hasattr(made, way))
    assert getattr(made, draw)() == getattr(again, draw)()


@pytest.mark.parametrize("module", ["torch.nn", "numpy", "matplotlib.pyplot", "PIL", "typing_extensions"])
def test_what_a_set_does_not_name_is_missing_at_its_grading(module: str) -> None:
    assert missing_at_grading([Import(1, module)], plain.LIBRARY, ()) == [Import(1, module)]
    assert missing_at_grading([Import(1, module)], plain.LIBRARY, libraries.LARGE) == []
