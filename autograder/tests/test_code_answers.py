"""Code that a person marks: a code cell tagged answer:ID, from the source to the feedback."""

from __future__ import annotations

import copy
import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from nbgrader import api

from autograder.assignment.load import load_assignment
from autograder.assignment.model import Assignment
from autograder.assignment.notebook_source import SourceError, read
from autograder.build.build import build
from autograder.build.handout import handout
from autograder.errors import CourseError, Leak
from autograder.marks import feedback_pages, gradebook
from autograder.results import ResultFolder
from autograder.similarity.compare import compared
from autograder.submission.clean_copy import clean_copy
from autograder.submission.notebook_file import keep
from autograder.submission.read import SubmittedNotebook
from autograder.tests import marking, tiny
from autograder.tests.handing_in import cell, figure, own, png, printed, with_source
from kit import answers
from kit.copies import written
from kit.manifest import CellKind, Manifest, Notebook
from kit.notebooks import source_of
from kit.reading import read_notebook
from kit.three_way import update

Raw = dict[str, Any]

CELL = """
# %% [markdown]
# Draw what the factor does.

# %% tags=["answer:tiny-plot"]
factors = [1, 2, 3]
### BEGIN SOLUTION
drawn_by_the_reference = [scale(torch.ones(1, 1), factor) for factor in factors]
print(drawn_by_the_reference)
### END SOLUTION
"""
SECRET = "drawn_by_the_reference = [scale(torch.ones(1, 1), factor) for factor in factors]"
STUB = "factors = [1, 2, 3]\n...  # your code here"
OWN = "factors = [1, 2, 3]\n\ndef curve(factor):\n    return 3 * factor\n\nprint([curve(factor) for factor in factors])"


def write_sources(root: Path, source: str = CELL) -> Path:
    folder = tiny.write(root)
    problem = folder / tiny.PROBLEM
    for name, text in (
        ("notebook.py", source),
        ("problem.toml", "\n[answer.tiny-plot]\npoints = 2\n"),
        ("rubric.md", "\n## tiny-plot\n\nTwo marks: every factor is drawn.\n"),
    ):
        path = problem / name
        path.write_text(path.read_text() + text)
    return folder


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("course")
    write_sources(root)
    build(tiny.NAME, root)
    return root


@pytest.fixture(scope="module")
def course(built: Path) -> Assignment:
    return load_assignment(tiny.NAME, built)


@pytest.fixture(scope="module")
def book(course: Assignment) -> Notebook:
    return course.manifest.notebooks[0]


@pytest.fixture
def staff(built: Path) -> Raw:
    loaded: Raw = json.loads((built / "release" / tiny.NAME / tiny.NOTEBOOK).read_text())
    return loaded


@pytest.fixture
def rebuilt(staff: Raw, book: Notebook) -> Callable[[Raw], Raw]:
    """What a marker sees of a submitted notebook."""

    def copied(submitted: Raw) -> Raw:
        content = keep(copy.deepcopy(submitted))
        return clean_copy(staff, SubmittedNotebook(content, read_notebook(book, content))).notebook

    return copied


# --- source and release ------------------------------------------------------------


def test_the_release_keeps_the_starter_code_and_no_reference(course: Assignment, staff: Raw) -> None:
    released = cell(staff, "tiny-plot")
    assert (released["cell_type"], source_of(released)) == ("code", STUB)
    settings = released["metadata"]["nbgrader"]
    assert (settings["grade"], settings["solution"], settings["locked"], settings["points"]) == (True, True, False, 2)
    (known,) = [one for one in course.manifest.notebooks[0].cells if one.id == "tiny-plot"]
    assert (known.kind, known.source) == (CellKind.CODE_ANSWER, STUB)
    assert Manifest.from_json(course.manifest.to_json()) == course.manifest


def test_its_points_count_and_a_person_gives_them(course: Assignment) -> None:
    assert course.manifest.points["tiny-plot"] == 2
    assert "| `tiny-plot` | 2 | a person |" in handout(course, "{{points}}")


def test_the_reference_does_not_get_out(tmp_path: Path) -> None:
    folder = write_sources(tmp_path)
    tiny.edit(folder, "handout.md", "Open the notebook", f"{SECRET}\n\nOpen the notebook")
    with pytest.raises(Leak, match="the solution of tiny-plot"):
        build(tiny.NAME, tmp_path)


def test_a_stub_stands_in_a_function_and_an_empty_region_ships_the_rest(tmp_path: Path) -> None:
    source = '# %% tags=["answer:a"]\ndef draw():\n    ### BEGIN SOLUTION\n    ### END SOLUTION\n\ndraw()\n'
    path = tmp_path / "notebook.py"
    path.write_text(source)
    (found,) = read(path)
    assert found.released == "def draw():\n    ...  # your code here\n\ndraw()"


@pytest.mark.parametrize("text", ["# Draw it here.", "...", "", "# Two lines.\n\n..."])
def test_comments_alone_need_no_region(tmp_path: Path, text: str) -> None:
    path = tmp_path / "notebook.py"
    path.write_text(f'# %% tags=["answer:a"]\n{text}\n')
    (found,) = read(path)
    assert found.released == text


def test_code_without_a_region_is_refused_since_it_may_be_the_reference(tmp_path: Path) -> None:
    path = tmp_path / "notebook.py"
    path.write_text('# %% tags=["answer:a"]\nplot(3)\n')
    with pytest.raises(SourceError, match="put ### BEGIN SOLUTION and ### END SOLUTION where students are to write"):
        read(path)


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("problem.toml", "\n[answer.tiny-plot]\npoints = 2\n", "answer tiny-plot has no points"),
        ("rubric.md", "\n## tiny-plot\n\nTwo marks: every factor is drawn.\n", "no heading for the answer tiny-plot"),
    ],
)
def test_points_and_a_rubric_are_asked_for(tmp_path: Path, file: str, text: str, said: str) -> None:
    tiny.edit(write_sources(tmp_path), f"{tiny.PROBLEM}/{file}", text, "")
    with pytest.raises(CourseError, match=said):
        load_assignment(tiny.NAME, tmp_path)


# --- reading ------------------------------------------------------------


def test_what_it_defines_runs_at_grading_and_what_it_draws_is_left_out_without_a_word(
    book: Notebook, staff: Raw
) -> None:
    extraction = read_notebook(book, with_source(staff, "tiny-plot", OWN)).extraction
    assert any("def curve" in one.source for one in extraction.cells)
    assert not any("print(" in one.source for one in extraction.cells)
    assert not [one for one in extraction.left_out if "print" in one.text]


def test_code_that_is_no_python_is_said(book: Notebook, staff: Raw) -> None:
    extraction = read_notebook(book, with_source(staff, "tiny-plot", "plot the factors")).extraction
    assert any("plot the factors" in one.text for one in extraction.left_out)


def test_the_cell_is_found_without_ids(book: Notebook, staff: Raw) -> None:
    submitted = with_source(staff, "tiny-plot", OWN)
    for one in submitted["cells"]:
        del one["id"]
        one["metadata"] = {}
    assert read_notebook(book, submitted).answers["tiny-plot"].source == OWN


def test_a_copy_in_which_it_is_written_counts_as_more(book: Notebook, staff: Raw) -> None:
    assert "tiny-plot" not in written(read_notebook(book, staff))
    assert "tiny-plot" in written(read_notebook(book, with_source(staff, "tiny-plot", OWN)))


def test_a_remark_in_it_is_no_answer_to_a_question_nearby(book: Notebook, staff: Raw) -> None:
    submitted = with_source(staff, "tiny-plot", "# The factor grows, as one can see in the figure.\n" + OWN)
    submitted["cells"].remove(cell(submitted, "tiny-why"))
    assert answers.outside(read_notebook(book, submitted))["tiny-why"] == ()


def test_a_new_version_without_it_keeps_the_code_as_a_cell_of_the_students_own(
    book: Notebook, staff: Raw, course: Assignment
) -> None:
    cells = tuple(one for one in book.cells if one.id != "tiny-plot")
    new = dataclasses.replace(
        course.manifest,
        version="2.0",
        notebooks=(dataclasses.replace(book, cells=cells),),
        answers=course.manifest.answers[:1],
    )
    without = copy.deepcopy(staff)
    without["cells"].remove(cell(without, "tiny-plot"))
    mine = {tiny.PROBLEM: with_source(staff, "tiny-plot", OWN)}
    cells = update(course.manifest, new, mine, {book.file: without}).notebooks[book.file]["cells"]
    assert any(one["cell_type"] == "code" and one["source"] == OWN for one in cells)


# --- marking ------------------------------------------------------------


def test_markers_see_the_code_and_its_picture(rebuilt: Callable[[Raw], Raw], staff: Raw) -> None:
    submitted = with_source(staff, "tiny-plot", OWN)
    cell(submitted, "tiny-plot")["outputs"] = [printed("[3, 6, 9]"), figure(png())]
    shown = cell(rebuilt(submitted), "tiny-plot")
    assert (shown["cell_type"], shown["source"]) == ("code", OWN)
    assert shown["outputs"][0]["text"] == "[3, 6, 9]"
    assert "image/png" in shown["outputs"][1]["data"]


def test_code_in_a_cell_beside_it_is_named_so_that_a_person_looks(rebuilt: Callable[[Raw], Raw], staff: Raw) -> None:
    place = staff["cells"].index(cell(staff, "tiny-plot"))
    submitted = copy.deepcopy(staff)
    submitted["cells"].insert(place + 1, own("code", OWN))
    notebook = rebuilt(submitted)
    expected = f"# Nothing is written in this cell.\n# Of the student's own near it: cell {place + 2}."
    assert cell(notebook, "tiny-plot")["source"] == expected
    assert any(one["source"] == OWN for one in notebook["cells"])


def test_what_stands_near_code_that_is_written_leaves_it_alone(rebuilt: Callable[[Raw], Raw], staff: Raw) -> None:
    submitted = with_source(staff, "tiny-plot", OWN)
    submitted["cells"].insert(-2, own("markdown", "The factor triples what it gets."))
    notebook = rebuilt(submitted)
    assert cell(notebook, "tiny-plot")["source"] == OWN
    assert any("triples what it gets" in one["source"] for one in notebook["cells"])


@pytest.fixture
def marked(built: Path, tmp_path: Path) -> Callable[..., Assignment]:
    """A course whose gradebook holds one student's result, with this code."""
    marking.assignment(tmp_path)  # its gradebook takes six seconds to make
    for name in ("assignments", "release", "source"):
        shutil.copytree(built / name, tmp_path / name, dirs_exist_ok=True)
    made = load_assignment(tiny.NAME, tmp_path)

    def graded(code: str) -> Assignment:
        books = marking.notebooks(tmp_path)
        cell(books[tiny.NOTEBOOK], "tiny-plot")["source"] = code
        results = ResultFolder(tmp_path / "results" / tiny.NAME, made.course.state)
        results.path.mkdir(parents=True)
        results.write(marking.report("ada"), [], books)
        gradebook.write(made, results)
        feedback_pages.write(made, results)
        return made

    return graded


@pytest.mark.parametrize(("code", "score", "waits"), [(STUB, 0.0, False), (OWN, None, True)])
def test_untouched_code_is_zero_and_other_code_waits_for_a_person(
    marked: Callable[..., Assignment], code: str, score: float | None, waits: bool
) -> None:
    made = marked(code)
    with api.Gradebook(f"sqlite:///{made.root}/gradebook.db") as opened:
        grade = opened.find_grade("tiny-plot", "1_scaling", tiny.NAME, "ada")
        assert (grade.auto_score, grade.needs_manual_grade, grade.max_score) == (score, waits, 2.0)


def test_the_marker_has_the_rubric_before_it_and_the_feedback_shows_code(marked: Callable[..., Assignment]) -> None:
    made = marked(OWN)
    autograded = json.loads((made.root / "autograded/ada" / tiny.NAME / tiny.NOTEBOOK).read_text())
    place = autograded["cells"].index(cell(autograded, "tiny-plot"))
    assert "every factor is drawn" in autograded["cells"][place - 1]["source"]
    pages = {path.name: path.read_text() for path in (made.root / "feedback/ada" / tiny.NAME).glob("*.html")}
    assert '<span class="nf">curve</span>' in pages["1_scaling.html"]
    assert "every factor is drawn" not in "".join(pages.values())
    assert "tiny-plot" in pages["index.html"]


def test_the_starter_code_makes_nobody_alike(built: Path, course: Assignment, staff: Raw, tmp_path: Path) -> None:
    code = """\
heights = [one ** 2 for one in factors if one]
for number, height in enumerate(heights, start=2):
    print(number + height)
"""
    for name, text in (("ada", OWN), ("bob", STUB + "\n" + code), ("eve", "# mine\n" + code + "\n")):
        folder = tmp_path / "submitted" / name / tiny.NAME
        folder.mkdir(parents=True)
        (folder / tiny.NOTEBOOK).write_text(json.dumps(with_source(staff, "tiny-plot", text)))
    found = compared(course, tmp_path / "submitted", workers=1)
    assert {tuple(sorted(one.name for one in pair.answers)) for pair in found.alike} == {("bob", "eve")}
