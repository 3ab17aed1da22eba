"""What preview, pack and check say at home of what will not work at grading."""

import dataclasses
import json
import linecache
from pathlib import Path
from typing import Any

import pytest

from autograder.tests import released, tiny
from kit.__main__ import main
from kit.check import check
from kit.home_warnings import of_folder, of_live_code, of_notebook
from kit.manifest import Manifest
from kit.release import find_release, read_all

SCALE = released.SCALE


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    release = released.write(tmp_path)
    monkeypatch.chdir(release)
    return release


def manifest(**changes: Any) -> Manifest:
    return dataclasses.replace(find_release().manifest, **changes)


def warned(folder: Path, own: str = "", scale: str = SCALE, **changes: Any) -> list[str]:
    """What is said of a notebook with this cell at its end and this answer."""
    released.fill(folder / tiny.NOTEBOOK, tiny_scale=scale)
    cells = released.load(folder / tiny.NOTEBOOK)
    released.save(folder / tiny.NOTEBOOK, [*cells, released.code(own)])
    (saved,) = read_all(find_release()).notebooks
    return of_notebook(manifest(**changes), saved.reading.extraction, folder)


@pytest.mark.parametrize(
    ("source", "line", "module"),
    [
        ("import pandas", 1, "pandas"),
        ("x = 1\nfrom scipy.stats import norm", 2, "scipy.stats"),
        ("def f():\n    import sklearn.svm", 2, "sklearn.svm"),
        ("try:\n    import seaborn\nexcept ImportError:\n    seaborn = None", 2, "seaborn"),
        ("import importlib\ndef f():\n    return importlib.import_module('cv2')", 3, "cv2"),
        ("def f():\n    return __import__('cv2')", 2, "cv2"),
        ("import tqdm", 1, "tqdm"),
    ],
)
def test_an_import_that_the_grader_lacks_is_named_with_cell_and_line(
    folder: Path, source: str, line: int, module: str
) -> None:
    cell = len(released.load(folder / tiny.NOTEBOOK)) + 1
    (said,) = warned(folder, source)
    assert said.startswith(f"cell {cell}, line {line}, imports {module}, which is missing at grading: the grader has")


def test_an_import_in_an_exercise_is_named_by_the_exercise(folder: Path) -> None:
    (said,) = warned(folder, scale=SCALE.replace("    if", "    import pandas\n    if", 1))
    assert said.startswith("cell tiny-scale, line 2, imports pandas")


@pytest.mark.parametrize("source", ["import tqdm.auto", "import json", f"import {tiny.LIBRARY}.shapes", "plot(pandas)"])
def test_what_the_grader_has_is_no_news(folder: Path, source: str) -> None:
    assert warned(folder, source, packages=("tqdm",)) == []


@pytest.mark.parametrize("file", ["helpers.py", "helpers/__init__.py"])
def test_a_helper_beside_the_notebook_is_said_to_stay_behind(folder: Path, file: str) -> None:
    (folder / file).parent.mkdir(exist_ok=True)
    (folder / file).touch()
    (said,) = warned(folder, "from helpers import f")
    assert "imports helpers: helpers" in said
    assert said.endswith("is not handed in and the grader does not see it: put its functions into a cell")


def test_a_helper_that_nothing_imports_is_named_too_and_the_releases_own_files_are_not(folder: Path) -> None:
    assert of_folder(manifest(), [folder]) == []
    (folder / "utils.py").touch()
    (said,) = of_folder(manifest(), [folder])
    assert said.startswith("utils.py is not handed in")


def test_syntax_that_the_graders_python_cannot_read_is_named_once_a_cell(folder: Path) -> None:
    new = "def kind(x):\n    match x:\n        case 1: return 2\n"
    new += new.replace("kind", "other")
    cell = len(released.load(folder / tiny.NOTEBOOK)) + 1
    (said,) = warned(folder, new, python="3.9")
    assert said.startswith(f"cell {cell}, line 3: ") and said.endswith("the grader's Python 3.9 cannot read it")
    assert warned(folder, new, python="3.11") == []


@pytest.mark.parametrize(("changes", "word"), [({"python": "3.9"}, "Python 3.9"), ({"torch": "2.1"}, "2.1")])
def test_newer_versions_here_are_said(folder: Path, changes: dict[str, str], word: str) -> None:
    said = [line for line in of_folder(manifest(**changes), []) if "fails there" in line]
    assert any(word.removeprefix("Python ") in line for line in said)
    assert of_folder(manifest(python="3.99", torch="9.0"), []) == []


@pytest.mark.parametrize("command", ["preview", "pack"])
def test_preview_and_pack_say_all_of_it(folder: Path, capsys: pytest.CaptureFixture[str], command: str) -> None:
    (folder / "utils.py").touch()
    use = SCALE.replace("factor\n", "factor * DEV\n")
    warned(folder, "import pandas\nimport utils\nfor DEV in [1]: pass", scale=use)
    assert main([command]) == 0
    out = capsys.readouterr().out
    assert "Warning: cell" in out and "imports pandas, which is missing at grading" in out
    assert "Warning: utils.py is not handed in" in out
    assert "uses DEV, which cell" in out and "makes in a statement that does not run at grading" in out


class Live:
    """A namespace in which cells are run as a kernel does: their source stands in linecache."""

    def __init__(self) -> None:
        self.namespace: dict[str, Any] = {"__name__": "__main__"}
        self.count = 0

    def run(self, source: str) -> None:
        self.count += 1
        file = f"<ipython-input-{self.count}>"
        linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
        exec(compile(source, file, "exec"), self.namespace)

    def warnings(self, **changes: Any) -> list[str]:
        return of_live_code(["scale"], self.namespace, manifest(**changes), find_release().root)


@pytest.fixture
def live(folder: Path) -> Live:
    found = Live()
    found.run("import torch\nfrom torch import Tensor, nn\nfrom torch.nn import functional as F\nimport json")
    return found


def test_the_check_is_silent_on_what_the_grader_has(live: Live) -> None:
    live.run("import functools\n@functools.lru_cache\ndef helper(x): return json.dumps(x)")
    live.run(SCALE.replace("values * factor", "F.relu(values * factor) if helper(1) else nn.Module"))
    assert live.warnings() == []


@pytest.mark.parametrize(
    ("before", "answer", "said"),
    [
        ("", "import nbformat\n" + SCALE, "the cell with scale, line 1, imports nbformat, which"),
        ("", SCALE.replace("    if", "    import nbformat\n    if", 1), "the cell with scale, line 2, imports"),
        ("", SCALE + "\ntry:\n    import nbformat\nexcept ImportError: pass", "the cell with scale, line 7, imports"),
        ("import nbformat as nb", SCALE.replace("values * factor", "nb.x"), "nb comes from nbformat, which is missing"),
        ("from nbformat import read", SCALE.replace("values * factor", "read(1)"), "read comes from nbformat"),
        ("def helper(x):\n    import nbformat", SCALE.replace("values *", "helper(1) *"),
         "the cell with helper, line 2"),
        ("class Helper:\n    def f(x):\n        import nbformat", SCALE.replace("values *", "Helper() *"),
         "the cell with Helper, line 3"),
    ],
)  # fmt: skip
def test_the_check_says_what_the_grader_lacks(live: Live, before: str, answer: str, said: str) -> None:
    live.run(before)
    live.run(answer)
    (line,) = live.warnings()
    assert line.startswith(said) and "missing at grading" in line


def test_the_check_says_what_the_graders_python_cannot_read(live: Live) -> None:
    live.run(SCALE + "\ndef kind(x):\n    match x:\n        case 1: return 2\n")
    (line,) = live.warnings(python="3.9")
    assert line.startswith("the cell with scale, line 8: ")


def test_warnings_stand_below_the_block_of_a_check(live: Live, capsys: pytest.CaptureFixture[str]) -> None:
    live.run("import nbformat\n" + SCALE)
    live.namespace["check"] = check
    live.run('check("tiny-scale")')
    first, *rest = capsys.readouterr().out.splitlines()
    assert first.startswith("tiny-scale: 2 public checks passed") and rest[-1].startswith(
        "Warning: the cell with scale"
    )


def test_the_manifest_keeps_what_the_grader_has(folder: Path) -> None:
    given = manifest(packages=("einops",), python="3.12", torch="2.9")
    assert Manifest.from_json(given.to_json()) == given
    older = json.loads(given.to_json())
    for name in ("packages", "python", "torch"):
        del older[name]
    assert Manifest.from_json(json.dumps(older)).packages == ()
    assert "Python 3.12 and torch 2.9" in given.grader and "einops" in given.grader
