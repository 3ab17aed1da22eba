import ast
import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save

from autograder.assignment.load import load_assignment
from autograder.build import build, leaks
from autograder.errors import Leak
from autograder.tests import tiny

LIBRARY = "tinylib/shapes.py"
HIDDEN_NAME = "test_scaler_inverse_undoes_forward"
HIDDEN_LINE = "expected_by_a_slow_loop = torch.tensor([[3 * number for number in row] for row in values.tolist()])"
RUBRIC_LINE = "it names that the factor is a parameter which autograd follows through the product."
SOLUTION_PAIR = "scaled_by_the_reference = values * factor\n    return scaled_by_the_reference"


@pytest.fixture
def unbuilt(sources):
    return load_assignment(tiny.NAME, sources.parent.parent)


@pytest.fixture
def clean(unbuilt):
    return {path.removeprefix("release/tinyset/"): data for path, data in build.make(unbuilt).files.items()}


def in_notebook(source: str | list[str], **fields: object) -> bytes:
    cell: dict[str, object] = {
        "id": "x",
        "cell_type": "code",
        "metadata": {},
        "source": source,
        "outputs": [],
        "execution_count": None,
    }
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [cell | fields]}).encode()


def zipped(name: str, data: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    return buffer.getvalue()


def stored(save_to) -> bytes:
    buffer = io.BytesIO()
    save_to(buffer)
    return buffer.getvalue()


PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\xff\xfe"


def test_a_clean_release_has_no_leak(unbuilt, clean):
    release = {path: data for path, data in clean.items() if not path.startswith("source/")}
    assert leaks.find(unbuilt, release) == []


@pytest.mark.parametrize(
    ("path", "data", "wanted"),
    [
        ("notes.md", f"see {tiny.CANARY}:tiny-scale:1".encode(), "canary"),
        ("figure.png", PNG + b"tEXt" + tiny.CANARY.encode() + b"\xff\0", "canary"),
        ("pack.zip", zipped("inner.txt", tiny.CANARY.encode()), "canary"),
        ("pack.zip", zipped("deeper.zip", zipped("x", tiny.CANARY.encode())), "canary"),
        ("x.ipynb", in_notebook("    ### BEGIN SOLUTION\n    pass"), "the marker BEGIN SOLUTION"),
        ("x.ipynb", in_notebook("### BEGIN HIDDEN TESTS"), "the marker BEGIN HIDDEN TESTS"),
        ("tinylib/extra.py", SOLUTION_PAIR.encode(), "a line of the solution of tiny-scale"),
        ("x.ipynb", in_notebook(f"def scale(values, factor):\n    {SOLUTION_PAIR}"), "the solution of tiny-scale"),
        ("x.ipynb", in_notebook(SOLUTION_PAIR.splitlines(keepends=True)), "tiny-scale"),
        ("x.ipynb", in_notebook("x", metadata={"hint": SOLUTION_PAIR}), "the solution of tiny-scale"),
        ("tinylib/extra.py", b"return scale(values,1.0)*self.factor.reshape(1,1)", "the solution of tiny-scaler"),
        ("tinylib/extra.py", b"return values / self.factor.reshape(1, 1)", "the solution of tiny-scaler"),
        ("handout.md", b'return torch.einsum("bd,->bd", values, torch.tensor(factor, dtype=values.dtype))', "einsum"),
        ("handout.md", f"we test {HIDDEN_NAME}, beware".encode(), f"hidden test {HIDDEN_NAME}"),
        (f"tests/{HIDDEN_NAME}.txt", b"", f"hidden test {HIDDEN_NAME}"),
        ("tests/more.py", HIDDEN_LINE.encode(), "a line of scaling/test_hidden.py"),
        ("handout.md", f"Full mark: {RUBRIC_LINE}".encode(), "a passage of scaling/rubric.md"),
        ("x.ipynb", in_notebook(f"Then {RUBRIC_LINE.replace(' ', chr(10))}"), "a passage of scaling/rubric.md"),
        ("x.ipynb", in_notebook("1", execution_count=3), "cell 1 has outputs or a run count"),
        ("x.ipynb", in_notebook("1", outputs=[{"output_type": "stream"}]), "cell 1 has outputs or a run count"),
        ("x.ipynb", b"{}", "not a readable notebook"),
        ("tinylib/weights.safetensors", save({"a": torch.ones(2)}), "trained weights"),
        ("tinylib/weights.dat", save({"a": torch.ones(2)}), "trained weights"),
        ("tinylib/weights.pt", stored(lambda out: torch.save(torch.ones(2), out)), "trained weights"),
        ("tinylib/weights", stored(lambda out: torch.save(torch.ones(2), out)), "trained weights"),
        ("data/weights.npz", stored(lambda out: np.savez(out, a=np.ones(2))), "trained weights"),
        ("data/weights.dat", stored(lambda out: np.save(out, np.ones(2))), "trained weights"),
    ],
)  # fmt: skip
def test_a_planted_leak_is_found_and_named(unbuilt, path, data, wanted):
    found = leaks.find(unbuilt, {path: data})
    assert any(line.startswith(f"{path}: ") and wanted in line for line in found), found


@pytest.mark.parametrize("path", ["data/weights.npz", "data/sub/weights.npz"])
def test_arrays_that_a_checksum_list_of_the_data_names_are_data(unbuilt, path):
    arrays = stored(lambda out: np.savez(out, a=np.ones(2)))
    listing = f"{'0' * 64}  weights.npz\n".encode()
    assert leaks.find(unbuilt, {path: arrays, path.replace("weights.npz", "SHA256SUMS"): listing}) == []


def test_a_checksum_list_outside_the_data_excuses_nothing(unbuilt):
    arrays = stored(lambda out: np.savez(out, a=np.ones(2)))
    listing = f"{'0' * 64}  weights.npz\n".encode()
    assert leaks.find(unbuilt, {"tinylib/weights.npz": arrays, "tinylib/SHA256SUMS": listing}) != []


def test_a_line_of_the_kits_own_is_nobodys_answer(unbuilt):
    line = f"def scale(values, factor):\n    {SOLUTION_PAIR}".encode()
    assert leaks.find(unbuilt, {"kit/objects.py": line}) == []
    assert leaks.find(unbuilt, {"tinylib/objects.py": line, "kit/objects.py": tiny.CANARY.encode()}) != []
    assert any("canary" in found for found in leaks.find(unbuilt, {"kit/objects.py": tiny.CANARY.encode()}))


def test_a_public_test_whose_name_contains_a_hidden_name_is_no_leak(unbuilt):
    assert leaks.find(unbuilt, {"x.py": f"def {HIDDEN_NAME}_again(): ...".encode()}) == []


def test_lines_that_a_student_is_given_are_no_leak(unbuilt):
    given = '"""Multiply values (B, D) by a factor. Raises ValueError where the factor is negative."""'
    assert leaks.find(unbuilt, {"x.py": given.encode()}) == []


def test_a_line_named_public_may_stand_in_the_release(sources):
    line = "return values / self.factor.reshape(1, 1)"
    tiny.edit(sources, LIBRARY, "return 2 * values", line)
    with pytest.raises(Leak, match="solution of tiny-scaler"):
        build.make(load_assignment(tiny.NAME, sources.parent.parent))
    tiny.edit(sources, "assignment.toml", "extra = []", f'extra = []\npublic_lines = ["{line}"]')
    build.make(load_assignment(tiny.NAME, sources.parent.parent))


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        (LIBRARY, '"""Shapes."""', f'"""Shapes, tested by {HIDDEN_NAME}."""'),
        (LIBRARY, "return 2 * values", "return scale(values, 1.0) * self.factor.reshape(1, 1)"),
        ("handout.md", "Open the notebook", f"{RUBRIC_LINE} Open the notebook"),
        ("scaling/test_public.py", "import torch\n", f"import torch\n# {HIDDEN_NAME}\n"),
        ("scaling/notebook.py", "# Two exercises", f"# {SOLUTION_PAIR.replace(chr(10), ' ')}. Two exercises"),
    ],
)
def test_a_build_with_a_leak_is_refused_and_writes_nothing(sources, file, old, new):
    root = sources.parent.parent
    tiny.edit(sources, file, old, new)
    with pytest.raises(Leak, match="(?s)release/tinyset/.*Nothing was written") as caught:
        build.build(tiny.NAME, root)
    assert caught.value.exit_code == 6
    assert not (root / "release").exists() and not (root / "source").exists()


REPOSITORY = Path(__file__).parents[3]


@pytest.mark.parametrize("name", [path.parent.name for path in REPOSITORY.glob("assignments/*/assignment.toml")])
def test_every_solution_and_hidden_test_of_a_real_assignment_would_be_found(name):
    assignment = load_assignment(name, REPOSITORY)
    planted = {}
    for problem in assignment.problems:
        hidden = problem.hidden_tests.read_text()
        for node in ast.parse(hidden).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                planted[f"{node.name}.txt"] = ast.unparse(node).encode()
        for cell in problem.cells:
            for number, region in enumerate(cell.regions):
                planted[f"{cell.name}-{number}.md"] = region.encode()
    wanted = {line.partition(":")[0] for line in leaks.find(assignment, planted)}
    assert planted.keys() - wanted == set()
