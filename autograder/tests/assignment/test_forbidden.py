"""Calls that an exercise is about: found by reading, under whatever name, and never scored."""

from __future__ import annotations

from pathlib import Path

import pytest

from autograder.assignment.forbidden import uses, why_no_means
from autograder.assignment.load import load_assignment
from autograder.assignment.model import Assignment
from autograder.errors import CourseError
from autograder.grading.class_folder import submissions
from autograder.grading.fingerprint import fingerprint
from autograder.grading.grade_class import grade_class
from autograder.tests import marking, released, tiny
from kit.notebooks import CodeCell

LOSS = "torch.nn.functional.cross_entropy"
IMPORTS = CodeCell("given-imports", "import torch\nimport torch.nn.functional as F\nfrom torch import nn")


def found(answer: str, *own: str, means: tuple[str, ...] = (LOSS,)) -> list[tuple[str, int]]:
    """Where each use stands: label and line."""
    cells = [
        IMPORTS,
        *(CodeCell(f"cell {n}", source) for n, source in enumerate(own)),
        CodeCell("loss", answer, "loss"),
    ]
    return [(use.label, use.line) for use in uses(cells, {"loss": means}, given={"given-imports"})]


@pytest.mark.parametrize(
    "answer",
    [
        "def loss(x, y):\n    return F.cross_entropy(x, y)",
        "def loss(x, y):\n    return torch.nn.functional.cross_entropy(x, y)",
        "def loss(x, y):\n    return nn.functional.cross_entropy(x, y)",
        "import torch.nn.functional as hidden\nf = hidden.cross_entropy\ndef loss(x, y):\n    return f(x, y)",
        "from torch.nn.functional import cross_entropy\ndef loss(x, y):\n    return cross_entropy(x, y)",
        "from torch.nn.functional import cross_entropy as mean\nloss = mean",
        "from torch.nn import functional as g\nloss = g.cross_entropy",
        "from torch.nn.functional import *\ndef loss(x, y):\n    return cross_entropy(x, y)",
        "import torch.nn.functional\nt = torch\nm = t.nn\nloss = m.functional.cross_entropy",
        "def loss(x, y):\n    return getattr(F, 'cross_entropy')(x, y)",
        "def loss(x, y):\n    return F.__getattribute__('cross_entropy')(x, y)",
        "def loss(x, y):\n    return vars(F)['cross_entropy'](x, y)",
        "def loss(x, y):\n    return F.__dict__['cross_entropy'](x, y)",
        "import importlib\nloss = importlib.import_module('torch.nn.functional').cross_entropy",
        "from functools import partial\nloss = partial(F.cross_entropy, reduction='sum')",
        "def loss(x, y, f=F.cross_entropy):\n    return f(x, y)",
        "def loss(x, y, m=F):\n    return m.cross_entropy(x, y)",
        "def loss(x, y):\n    if (g := F) is None:\n        pass\n    return g.cross_entropy(x, y)",
        "def loss(x, y):\n    a, b = F, 1\n    return a.cross_entropy(x, y)",
        "class loss:\n  def go(self, x, y):\n    self.m = F\n    return self.m.cross_entropy(x, y)",
        "loss = lambda x, y: map(F.cross_entropy, x, y)",
    ],
)  # fmt: skip
def test_a_call_is_found_under_every_name_that_reading_shows(answer: str) -> None:
    assert [label for label, _ in found(answer)] == ["loss"]


@pytest.mark.parametrize(
    "answer",
    [
        "def loss(x, y):\n    return -F.log_softmax(x, 1)[range(len(y)), y].mean()",
        "def cross_entropy(x, y):\n    return x - y\ndef loss(x, y):\n    return cross_entropy(x, y)",
        "def loss(x, y):\n    'uses no F.cross_entropy'  # F.cross_entropy(x, y)\n    return x",
        "def loss(self, x, y):\n    return self.cross_entropy(x, y)",
        "def loss(x, y:",
        "def loss(x, y):\n    return F.cross_entropy_with_logits(x, y)",
    ],
)
def test_what_only_looks_like_it_is_not_found(answer: str) -> None:
    assert found(answer) == []


def test_a_helper_of_the_students_own_is_searched_where_the_answer_uses_it() -> None:
    helper = "def mine(x, y):\n    return again(x, y)\ndef other(x):\n    return x"
    deeper = "x = 1\nagain = lambda x, y: F.cross_entropy(x, y)"
    assert found("def loss(x, y):\n    return mine(x, y)", helper, deeper) == [("cell 1", 2)]
    assert found("def loss(x, y):\n    return other(x)", helper, deeper) == []


def test_a_method_is_found_by_its_name_on_anything() -> None:
    means = (".logsumexp",)
    assert found("def loss(x):\n    return x.exp().logsumexp(1)", means=means) == [("loss", 2)]
    assert found("def loss(x):\n    return getattr(x, 'logsumexp')(1)", means=means) == [("loss", 2)]
    assert found("def loss(x):\n    return x.exp().sum(1).log()", means=means) == []


def test_names_that_stand_for_each_other_come_to_an_end() -> None:
    assert found("a = F\n" + "a = a.cross_entropy\n" * 50) == [("loss", 2)]
    assert found("(" * 5000) == [] and found("\0") == []


@pytest.mark.parametrize("deep", ["F" + ".a" * 1500, "F" + "(0)" * 1500, "0 if 0 else " * 1500 + "F"], ids=range(3))
def test_an_expression_of_great_depth_hides_nothing(deep: str) -> None:
    assert found(f"loss = F.cross_entropy\nother = {deep}") == [("loss", 1)]


@pytest.mark.parametrize("entry", ["", ".", "torch nn", "torch..nn", ".a.b", "F.cross_entropy()"])
def test_an_entry_that_can_never_be_found_is_refused(entry: str) -> None:
    assert why_no_means(entry) is not None
    assert why_no_means(LOSS) is None and why_no_means(".exp") is None


def forbid(course: Path, *entries: str) -> None:
    tiny.edit(course, f"{tiny.PROBLEM}/problem.toml", "points = 3\n", f"points = 3\nforbidden = {list(entries)}\n")


def test_a_reference_that_uses_it_or_an_impossible_entry_stops_the_build(sources: Path) -> None:
    tiny.edit(sources, f"{tiny.PROBLEM}/notebook.py", "values * factor\n", "torch.mul(values, factor)\n")
    forbid(sources, "torch.mul", "torch.mul()")
    with pytest.raises(CourseError) as raised:
        load_assignment(tiny.NAME, sources.parents[1])
    assert "'torch.mul', which its reference uses (line 6 of tiny-scale)" in str(raised.value)
    assert "forbidden names 'torch.mul()', which is neither a path" in str(raised.value)


@pytest.fixture
def course(tmp_path: Path, one_sandbox: None) -> Assignment:
    made = marking.without_gradebook(tmp_path)
    forbid(made.folder, "torch.mul")
    return load_assignment(tiny.NAME, tmp_path)


def test_a_result_says_it_and_the_score_is_the_same(course: Assignment) -> None:
    for student, code in (("ada", "torch.mul(values, factor)"), ("ben", "values * factor")):
        folder = course.root / "submitted" / student / tiny.NAME
        folder.mkdir(parents=True)
        (folder / tiny.NOTEBOOK).write_bytes((course.release / tiny.NOTEBOOK).read_bytes())
        answer = released.SCALE.replace("values * factor", code)
        released.fill(folder / tiny.NOTEBOOK, tiny_scale=answer, tiny_scaler=released.SCALER)
    folders = submissions(course.root / "submitted", course.name, course.course).folders
    done = {
        one.report.student: one.report for one in grade_class(course, folders, course.root / "out", seed=1, workers=1)
    }
    said = "tiny-scale uses torch.mul (line 4), which it is about: a person looks at it"
    assert said in done["ada"].notes and said not in done["ben"].notes
    assert done["ada"].auto_score == done["ben"].auto_score == 5


def test_what_is_forbidden_is_part_of_what_a_result_rests_on(course: Assignment) -> None:
    before = fingerprint(course)
    tiny.edit(course.folder, f"{tiny.PROBLEM}/problem.toml", '["torch.mul"]'.replace('"', "'"), "['torch.add']")
    assert fingerprint(load_assignment(tiny.NAME, course.root)) != before
