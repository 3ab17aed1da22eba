from pathlib import Path

import pytest

from autograder.assignment.load import load_assignment
from autograder.assignment.model import Assignment, Problem
from autograder.errors import CourseError
from autograder.tests import tiny

SECTIONS = """\
# %% [markdown]
# Before [[tiny-scale]] comes [[#start]], as [[second-scale]] in [[shifting]] does.
#
# ## Start {#start}
#
# ```python
# ## no heading
# ```
#
# ## End {-}

# %% tags=["show"]
rows = [[torch]]  # made in [[#start]]
print("see [[tiny-scale]]")

# %% [markdown]
# ## Scale

# %% tags=["exercise:tiny-scale"]
"""


def with_sections(folder: Path) -> None:
    path = folder / tiny.PROBLEM / "notebook.py"
    path.write_text(path.read_text().replace('# %% tags=["exercise:tiny-scale"]\n', SECTIONS, 1))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The tiny set with a second problem, `shifting`, of its own sections."""
    folder = tiny.write(tmp_path)
    tiny.add_problem(folder, "shifting", "second-")
    path = folder / "shifting" / "notebook.py"
    path.write_text(path.read_text().replace("# Two exercises", "# ## First\n#\n# Two exercises"))
    return folder


def name_problems(folder: Path, core: str, extra: str = "") -> Assignment:
    tiny.edit(folder, "assignment.toml", f'core = ["{tiny.PROBLEM}"]', f"core = [{core}]")
    tiny.edit(folder, "assignment.toml", "extra = []", f"extra = [{extra}]")
    return load_assignment(tiny.NAME, folder.parents[1])


def text_of(problem: Problem) -> str:
    return "\n".join(cell.source for cell in problem.cells)


def test_the_title_of_a_core_problem_is_numbered_by_its_place(folder: Path) -> None:
    assignment = name_problems(folder, '"scaling", "shifting"')
    assert [text_of(problem).split("\n")[0] for problem in assignment.problems] == ["# 1. Scaling", "# 2. Scaling"]


def test_sections_are_numbered_within_their_notebook(folder: Path) -> None:
    with_sections(folder)
    text = text_of(name_problems(folder, '"shifting", "scaling"').problem("scaling"))
    assert "## 2.1 Start\n" in text and "## 2.2 Scale" in text


def test_a_heading_may_ask_for_no_number(folder: Path) -> None:
    with_sections(folder)
    lines = text_of(name_problems(folder, '"scaling", "shifting"').problem("scaling")).split("\n")
    assert "## End" in lines


def test_what_looks_like_a_heading_in_a_code_block_is_none(folder: Path) -> None:
    with_sections(folder)
    assert "## no heading" in text_of(name_problems(folder, '"scaling", "shifting"').problem("scaling")).split("\n")


def test_texts_refer_by_name_within_and_across_notebooks(folder: Path) -> None:
    with_sections(folder)
    text = text_of(name_problems(folder, '"scaling", "shifting"').problem("scaling"))
    assert "Before 1.2 comes 1.1, as 2.1 in notebook 2 does." in text


def test_in_code_only_comments_and_strings_refer(folder: Path) -> None:
    with_sections(folder)
    text = text_of(name_problems(folder, '"scaling", "shifting"').problem("scaling"))
    assert 'rows = [[torch]]  # made in 1.1\nprint("see 1.2")' in text


def test_an_extra_has_sections_of_its_own_and_no_number(folder: Path) -> None:
    with_sections(folder)
    problem = name_problems(folder, '"shifting"', '"scaling"').problem("scaling")
    text = text_of(problem)
    assert problem.notebook_file == "extra_scaling.ipynb"
    assert text.startswith("# Scaling\n")
    assert "## 1. Start" in text and "## 2. Scale" in text
    assert "Before 2 comes 1, as 1.1 in notebook 1 does." in text


def test_an_extra_is_called_by_its_title(folder: Path) -> None:
    with_sections(folder)
    text = text_of(name_problems(folder, '"scaling"', '"shifting"').problem("scaling"))
    assert 'as 1 of the notebook "Shifting" in the notebook "Shifting" does.' in text


def test_the_handout_refers_too(folder: Path) -> None:
    (folder / "handout.md").write_text("Begin with [[shifting]].\n")
    assignment = name_problems(folder, '"scaling", "shifting"')
    assert assignment.read(folder / "handout.md") == "Begin with notebook 2.\n"


def test_a_reference_to_an_extra_that_is_not_released_is_named_with_file_and_line(folder: Path) -> None:
    with_sections(folder)
    with pytest.raises(CourseError) as caught:
        name_problems(folder, '"scaling"')
    path = folder / "scaling" / "notebook.py"
    line = next(number for number, text in enumerate(path.read_text().split("\n"), 1) if "[[shifting]]" in text)
    assert f"assignments/tinyset/scaling/notebook.py:{line}: [[shifting]] refers to no released" in str(caught.value)


def test_an_unknown_reference_in_the_handout_is_named_with_its_line(folder: Path) -> None:
    (folder / "handout.md").write_text("Hello.\n\nSee [[nowhere]].\n")
    assignment = name_problems(folder, '"scaling"')
    with pytest.raises(CourseError, match=r"assignments/tinyset/handout\.md:3: \[\[nowhere\]\] refers to no"):
        assignment.read(folder / "handout.md")


@pytest.mark.parametrize("heading", ["# # 1. Scaling", "# ## 1.8 The run", "# ## 3. Next"])
def test_a_heading_numbered_by_hand_is_refused(folder: Path, heading: str) -> None:
    tiny.edit(folder, "scaling/notebook.py", "# # Scaling", heading)
    with pytest.raises(CourseError, match=r"scaling/notebook\.py:2: .* leave the number out"):
        name_problems(folder, '"scaling"')


def test_numbers_change_no_cells_id(folder: Path) -> None:
    with_sections(folder)
    first = name_problems(folder, '"scaling", "shifting"').problem("scaling")
    tiny.edit(folder, "assignment.toml", '"scaling", "shifting"', '"shifting", "scaling"')
    second = load_assignment(tiny.NAME, folder.parents[1]).problem("scaling")
    assert first.cells != second.cells
    assert [cell.id for cell in first.cells] == [cell.id for cell in second.cells]
