import base64
import json
import os
from pathlib import Path

import pytest

from autograder.assignment.load import load_assignment
from autograder.assignment.model import Assignment
from autograder.assignment.pictures import unshown
from autograder.build import build
from autograder.errors import CourseError, Leak
from autograder.marks import feedback_pages, gradebook
from autograder.results import ResultFolder
from autograder.tests import marking, tiny
from kit.manifest import CellKind

PIXEL = base64.b64decode(marking.PIXEL)
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>'
TEXT = "# Two exercises and a question."


def show(sources: Path, text: str, problem: str = tiny.PROBLEM) -> None:
    """Put a line into the first text of the notebook."""
    tiny.edit(sources, f"{problem}/notebook.py", TEXT, f"{TEXT}\n#\n# {text}")


def put(sources: Path, file: str, data: bytes = PIXEL) -> None:
    path = sources / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def load(sources: Path) -> Assignment:
    return load_assignment(tiny.NAME, sources.parents[1])


def first_text(made: Assignment, number: int = 0) -> str:
    return next(cell.source for cell in made.manifest.notebooks[number].cells if cell.kind is CellKind.TEXT)


@pytest.mark.parametrize(
    ("file", "written", "released"),
    [
        ("scaling/line.png", "![a line](line.png)", "![a line](pictures/scaling/line.png)"),
        ("scaling/pictures/line.PNG", '![a](pictures/line.PNG "t")', '![a](pictures/scaling/line.PNG "t")'),
        ("scaling/pictures/deep/a b.jpg", "![](pictures/deep/a%20b.jpg)", "![](pictures/scaling/deep/a%20b.jpg)"),
        ("scaling/pictures/a b.gif", "![](<./pictures/a b.gif>)", "![](<pictures/scaling/a%20b.gif>)"),
        ("scaling/x.svg", '<img width="9" src="x.svg">', '<img width="9" src="pictures/scaling/x.svg">'),
        ("scaling/x.jpeg", "[fig]: x.jpeg", "[fig]: pictures/scaling/x.jpeg"),
    ],
)
def test_a_picture_beside_a_notebook_ships_and_its_text_shows_it_there(
    sources: Path, file: str, written: str, released: str
) -> None:
    put(sources, file)
    show(sources, written)
    made = load(sources)
    assert released in first_text(made)
    assert list(made.pictures.values()) == [PIXEL]


@pytest.mark.parametrize(
    "written",
    [
        "![far](https://example.org/line.png)",
        "`![code](line.png)`",
        "![](data:image/png;base64,AAAA)",
        "[a link](line.png)",
    ],
)
def test_what_is_no_picture_beside_the_notebook_is_left_as_it_stands(sources: Path, written: str) -> None:
    put(sources, "scaling/line.png")
    show(sources, written)
    made = load(sources)
    assert written in first_text(made)
    assert [path.name for path in unshown(made.problems[0])] == ["line.png"]


@pytest.mark.parametrize(
    ("file", "written", "told"),
    [
        ("scaling/lime.png", "line.png", r"notebook.py:6: shows the picture 'line.png', which is not in scaling/"),
        ("scaling/wrong/line.png", "wrong/line.png", "'wrong/line.png', which does not ship"),
        ("scaling/hidden/line.png", "hidden/line.png", "'hidden/line.png', which does not ship"),
        ("other/line.png", "../other/line.png", r"'../other/line.png', which does not ship"),
        ("scaling/line.tiff", "line.tiff", "'line.tiff', which does not ship.*as one of .png"),
    ],
)
def test_a_picture_that_is_missing_or_may_not_ship_is_named_with_its_line(
    sources: Path, file: str, written: str, told: str
) -> None:
    put(sources, file)
    show(sources, f"![a line]({written})")
    with pytest.raises(CourseError, match=told):
        load(sources)


def test_a_link_to_hidden_data_does_not_ship_as_a_picture(sources: Path) -> None:
    put(sources, "scaling/hidden/line.png")
    os.symlink("hidden/line.png", sources / "scaling/line.png")
    show(sources, "![a line](line.png)")
    with pytest.raises(CourseError, match="does not ship"):
        load(sources)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (PIXEL + tiny.CANARY.encode(), "the assignment's canary"),
        (
            SVG.replace(b"/>", b"><desc>return scale(values, 1.0) * self.factor.reshape(1, 1)</desc></svg>"),
            "a line of the solution",
        ),
        (b"of hidden tests", "the same as scaling/hidden/line.png"),
    ],
)
def test_the_search_for_leaks_reads_pictures(sources: Path, data: bytes, told: str) -> None:
    put(sources, "scaling/hidden/line.png", b"of hidden tests")
    put(sources, "scaling/line.svg", data)
    show(sources, "![a line](line.svg)")
    with pytest.raises(Leak, match=f"release/tinyset/pictures/scaling/line.svg: {told}"):
        build.make(load(sources))


def test_pictures_of_the_same_name_in_two_problems_both_ship(sources: Path) -> None:
    tiny.add_problem(sources, "shifting", "shift-")
    tiny.edit(sources, "assignment.toml", 'core = ["scaling"]', 'core = ["scaling", "shifting"]')
    for problem, data in (("scaling", PIXEL), ("shifting", SVG)):
        put(sources, f"{problem}/line.svg", data)
        show(sources, "![a line](line.svg)", problem)
    root = sources.parents[1]
    build.build(tiny.NAME, root)
    for place in (root / "release/tinyset", root / "source/tinyset"):
        assert (place / "pictures/scaling/line.svg").read_bytes() == PIXEL
        assert (place / "pictures/shifting/line.svg").read_bytes() == SVG
    released = json.loads((root / "release/tinyset/2_shifting.ipynb").read_text())
    assert "](pictures/shifting/line.svg)" in released["cells"][0]["source"][-1]
    (root / "release/tinyset/pictures/shifting/line.svg").unlink()
    build.check(tiny.NAME, root)  # as in a fresh clone: git does not keep it


def test_a_marker_and_a_student_see_the_courses_pictures(tinyset: Assignment, tmp_path: Path) -> None:
    sources = tinyset.folder
    put(sources, "scaling/line.png")
    show(sources, "![a line](line.png)")
    build.build(tiny.NAME, tmp_path, force=True)
    made = load(sources)
    results = ResultFolder(tmp_path / "results/tinyset", made.course.state)
    handed_in = json.loads((made.release / tiny.NOTEBOOK).read_text())
    results.write(marking.report("ada"), [], {tiny.NOTEBOOK: handed_in})
    gradebook.write(made, results)
    assert (tmp_path / "autograded/ada/tinyset/pictures/scaling/line.png").read_bytes() == PIXEL
    feedback_pages.write(made, results)
    page = (tmp_path / "feedback/ada/tinyset/1_scaling.html").read_text()
    assert f'src="data:image/png;base64,{marking.PIXEL}"' in page
    assert "pictures/scaling" not in page
