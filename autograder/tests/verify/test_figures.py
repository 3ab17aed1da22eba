"""Sheets of figures, on the tiny assignment with a figure behind each exercise."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from autograder.assignment.load import load_assignment
from autograder.assignment.model import Assignment
from autograder.errors import CourseError
from autograder.tests import released, tiny
from autograder.verify import figures
from autograder.verify.figures import Panel, Sheet, draw_sheets, sheets

NOTEBOOK = f"{tiny.PROBLEM}/notebook.py"
CHECK = 'check("tiny-scale")\n'
SHOW = """
# %% tags=["show"]
import os
import signal
from matplotlib.figure import Figure

ones = torch.ones(2, 3)

# %% [markdown]
# **Figure.** Bold, but no heading.

# %% tags=["show"]
def draw(values):
    figure = Figure(figsize=(2, 1))
    figure.add_subplot().imshow(values, vmin=0, vmax=9)
    print("sum", values.sum().item(), os.environ.get("TINY_PRESET"))

draw(scale(ones, 4.0))

# %% [markdown]
# ## A heading ends what belongs to an exercise

# %% tags=["show"]
signal.pause()  # takes for ever
"""
LAST = "print(width(scale(torch.ones(1, 3), 2.0)), guess_width)"
WRONG = f"{tiny.PROBLEM}/wrong/"
RAISES = '''"""Finds no answer."""

EXERCISE = "tiny-scale"
MUST_FAIL = ["test_scale_multiplies_every_entry"]


def scale(values, factor):
    raise RuntimeError("no answer was found")
'''
ENDS = '''"""Ends the process."""

EXERCISE = "tiny-scaler"
MUST_FAIL = ["test_scaler_uses_its_factor"]


class Scaler(ScalerBase):
    def forward(self, values):
        os._exit(0)
'''


def assignment(root: Path) -> Assignment:
    released.write(root / "made")
    tiny.write(root)
    (root / "release").mkdir()
    (root / "made" / "release").rename(root / "release" / tiny.NAME)
    folder = root / "assignments" / tiny.NAME
    tiny.edit(folder, NOTEBOOK, CHECK, CHECK + SHOW)
    tiny.edit(folder, NOTEBOOK, LAST, "draw(Scaler()(ones).detach())\nsignal.pause()")
    (folder / WRONG / "ends.py").write_text(ENDS)
    (folder / WRONG / "raises.py").write_text(RAISES)
    return load_assignment(tiny.NAME, root)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Assignment:
    return assignment(tmp_path_factory.mktemp("course"))


@pytest.fixture(scope="module")
def drawn(made: Assignment) -> dict[str, Sheet]:
    found = sheets(made, made.problem(tiny.PROBLEM), {"TINY_PRESET": "brief"}, seconds=2.0)
    return {sheet.exercise: sheet for sheet in found}


def panel(drawn: dict[str, Sheet], exercise: str, name: str) -> Panel:
    return next(panel for panel in drawn[exercise].panels if panel.name == name)


def remark(drawn: dict[str, Sheet], exercise: str, name: str) -> str:
    return drawn[exercise].remark(panel(drawn, exercise, name))


@pytest.mark.slow
def test_each_exercise_has_a_sheet_with_the_reference_first_and_every_wrong_answer(drawn: dict[str, Sheet]) -> None:
    names = {exercise: [panel.name for panel in sheet.panels] for exercise, sheet in drawn.items()}
    assert names == {
        "tiny-scale": ["reference", "adds", "accepts-negative", "raises"],
        "tiny-scaler": ["reference", "inverse-multiplies", "ends", "forgets-factor"],
    }


def test_a_panel_holds_the_figures_and_the_printed_text_of_its_answer(drawn: dict[str, Sheet]) -> None:
    reference = panel(drawn, "tiny-scale", "reference")
    assert [figure.size for figure in reference.figures] == [(200, 100)]
    assert (reference.text, reference.error, reference.notes) == ("sum 24.0 brief\n", "", ())
    assert panel(drawn, "tiny-scale", "adds").text == "sum 30.0 brief\n"


def test_a_wrong_answer_that_draws_something_else_has_no_remark(drawn: dict[str, Sheet]) -> None:
    assert remark(drawn, "tiny-scale", "adds") == ""
    assert remark(drawn, "tiny-scaler", "forgets-factor") == ""


def test_a_wrong_answer_that_draws_the_same_is_marked(drawn: dict[str, Sheet]) -> None:
    assert remark(drawn, "tiny-scale", "accepts-negative") == "looks the same"
    assert remark(drawn, "tiny-scaler", "inverse-multiplies") == "looks the same"


def test_an_error_stands_in_the_panel_and_stops_nobody_else(drawn: dict[str, Sheet]) -> None:
    assert remark(drawn, "tiny-scale", "raises") == "RuntimeError: no answer was found"
    assert panel(drawn, "tiny-scale", "raises").figures == ()
    assert remark(drawn, "tiny-scaler", "ends") == "the process ended"


def test_a_cell_that_takes_too_long_is_stopped_and_its_figures_are_kept(drawn: dict[str, Sheet]) -> None:
    reference = panel(drawn, "tiny-scaler", "reference")
    assert reference.notes == ("a cell was stopped after 2 s",)
    assert len(reference.figures) == 1


def test_cells_beyond_the_next_heading_belong_to_no_exercise(drawn: dict[str, Sheet]) -> None:
    assert panel(drawn, "tiny-scale", "reference").notes == ()


def test_text_that_differs_under_the_same_figure_is_said() -> None:
    picture = Image.new("RGB", (2, 2))
    reference = Panel("reference", "", (picture,), "loss 1", "", ())
    other = Panel("other", "", (picture.copy(),), "loss 2", "", ())
    assert Sheet("x", (reference, other)).remark(other) == "looks the same; the printed text differs"


def test_a_figure_that_differs_little_says_how_little() -> None:
    picture = Image.new("RGB", (100, 10))
    spotted = picture.copy()
    spotted.putpixel((0, 0), (255, 255, 255))
    reference, other = (Panel(name, "", (image,), "", "", ()) for name, image in (("r", picture), ("o", spotted)))
    assert Sheet("x", (reference, other)).remark(other) == "looks much the same: 0.1 % of the pixels differ"


def test_no_figure_is_said() -> None:
    bare = Panel("reference", "", (), "", "", ())
    assert Sheet("x", (bare, bare)).remark(bare) == "no figure"


def test_sheets_are_written_as_pictures_named_by_exercise(
    made: Assignment, drawn: dict[str, Sheet], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figures, "sheets", lambda *_: iter(drawn.values()))
    written = draw_sheets(made, tmp_path / "new" / "sheets", problem=tiny.PROBLEM)
    assert [path.name for path in written] == ["tiny-scale.png", "tiny-scaler.png"]
    assert sorted(path.name for path in written[0].parent.iterdir()) == ["tiny-scale.png", "tiny-scaler.png"]
    with Image.open(written[0]) as sheet:
        assert sheet.width > 4 * figures.WIDTH and len(sheet.getcolors(1 << 20) or []) > 10


def test_a_reference_that_does_not_run_is_named(tmp_path: Path) -> None:
    made = assignment(tmp_path)
    tiny.edit(made.folder, NOTEBOOK, "class ScalerBase(nn.Module):", "no_such_name\n\n\nclass ScalerBase(nn.Module):")
    made = load_assignment(tiny.NAME, tmp_path)
    with pytest.raises(CourseError, match=r"(?s)notebook.py did not run.*NameError.*no_such_name"):
        list(sheets(made, made.problems[0], {}, seconds=0.2))
