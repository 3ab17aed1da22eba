"""Facts of the figures that a call drew: which figures, what is in them, and what a hostile worker may say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

from autograder.sandbox.sandbox import Sandbox
from kit import figure_facts
from kit.far_side import Service
from kit.student import LocalTransport, Student
from kit.wire import Unsent, WireError, encode

CODE = """
import matplotlib
matplotlib.use("Agg")
import io
import numpy as np
import matplotlib.pyplot as plt

plt.figure().suptitle("at load")

def go(code):
    names = {}
    exec("def inner():\\n" + "\\n".join("    " + line for line in code.split("\\n")), globals(), names)
    return names["inner"]()

class Plotter:
    def __init__(self):
        self.figure, self.axes = plt.subplots()
    def draw(self):
        self.axes.plot([1, 2])
        return self.figure
"""


def loaded(student: Student) -> Student:
    student.load_cell("demo", CODE)
    student.begin(1)
    return student


def local() -> Student:
    return loaded(Student(LocalTransport(Service({"__name__": "__main__"}, "tinylib", strict=True))))


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    import matplotlib.pyplot as plt

    plt.close("all")


@pytest.fixture(params=["live", "saved", "worker"])
def student(request: pytest.FixtureRequest) -> Iterator[Student]:
    if request.param == "worker":
        sandbox: Sandbox = request.getfixturevalue("sandbox")
        with sandbox.worker() as worker:
            yield loaded(Student(worker, call_seconds=30))
    elif request.param == "saved":
        yield local()
    else:
        namespace: dict[str, Any] = {"__name__": "__main__"}
        exec(compile(CODE, "/tmp/ipykernel_1/2.py", "exec"), namespace)
        yield Student(LocalTransport(Service(namespace, "tinylib")))


def drawn(student: Student, code: str) -> figure_facts.Axes:
    """The one pair of axes of the one figure that this code draws."""
    student.go(code)
    (figure,) = student.figures
    (axes,) = figure.axes
    assert isinstance(axes, figure_facts.Axes)
    return axes


# --- which figures ----------------------------------------------------------------------------------------------------

ONE: dict[str, str] = {
    "pyplot alone": "plt.plot([1, 2])",
    "shown": "plt.plot([1, 2])\nplt.show()",
    "closed again": "plt.plot([1, 2])\nplt.close()",
    "all closed": "plt.plot([1, 2])\nplt.close('all')",
    "saved in memory": "plt.plot([1, 2])\nplt.savefig(io.BytesIO())",
    "subplots": "figure, axes = plt.subplots()\naxes.plot([1, 2])",
    "returned": "figure = plt.figure()\nfigure.add_subplot().plot([1, 2])\nreturn figure",
    "without pyplot": "from matplotlib.figure import Figure\nf = Figure()\nf.subplots().plot([1, 2])\nreturn f",
    "its axes returned": "axes = plt.gca()\naxes.plot([1, 2])\nreturn axes",
    "its lines returned": "return plt.plot([1, 2])",
    "both returned": "figure, axes = plt.subplots()\naxes.plot([1, 2])\nreturn figure, axes",
}


@pytest.mark.parametrize("name", ONE)
def test_the_figure_of_a_call_is_found_however_it_was_drawn(student: Student, name: str) -> None:
    axes = drawn(student, ONE[name])
    assert axes.lines[0].y.tolist() == [1.0, 2.0]
    assert student.warnings == []


def test_a_result_of_matplotlibs_arrives_as_the_name_of_its_class(student: Student) -> None:
    assert student.go("return plt.figure()") == Unsent("Figure")
    assert student.go("return (3, *plt.subplots())") == (3, Unsent("Figure"), Unsent("Axes"))
    assert student.go("return {'a': plt.subplots(1, 2)[1]}") == {"a": [Unsent("Axes"), Unsent("Axes")]}
    assert student.go("return plt.bar([1], [2])") == Unsent("BarContainer")
    assert student.go("return [1, (2, 'x')]") == [1, (2, "x")]


def test_a_figure_is_no_other_calls_nor_an_earlier_ones_of_the_notebook(student: Student) -> None:
    student.go("plt.plot([1])\nplt.title('one')")
    student.go("plt.plot([2])\nplt.title('two')")
    assert [figure.axes[0].title for figure in student.figures] == ["two"]
    student.go("return len(plt.get_fignums())")
    assert student.figures == []
    assert student.go("return len(plt.get_fignums())") == 0


def test_figures_of_the_notebook_are_there_again_afterwards() -> None:
    import matplotlib.pyplot as plt

    plt.close("all")
    student = local()
    student.go("plt.plot([1])")
    assert [plt.figure(number).get_suptitle() for number in plt.get_fignums()] == ["at load"]


def test_a_figure_that_an_object_keeps_is_found_in_the_call_that_returns_it(student: Student) -> None:
    plotter = student.make("Plotter")
    assert len(student.figures) == 1 and student.figures[0].axes[0].lines == []
    plotter.draw()
    assert student.figures[0].axes[0].lines[0].y.tolist() == [1.0, 2.0]


def test_what_is_not_drawn_fails_the_test_with_a_sentence(student: Student) -> None:
    student.go("return 1")
    with pytest.raises(AssertionError, match="figures of the call: there are none, and the test looks at number 1"):
        student.figures[0]
    axes = drawn(student, "plt.plot([1])")
    with pytest.raises(AssertionError, match="lines: there is one, and the test looks at number 2"):
        axes.lines[1]


# --- what is in them --------------------------------------------------------------------------------------------------


def test_titles_labels_limits_and_scales(student: Student) -> None:
    axes = drawn(
        student,
        "f, a = plt.subplots(figsize=(4, 3))\nf.suptitle('all')\na.set(title='T', xlabel='x', ylabel='y')\n"
        "a.set_xlim(0, 5)\na.set_ylim(1, 100)\na.set_yscale('log')\na.grid()\na.text(1, 2, 'here')\n"
        "a.set_xticks([0, 5], ['low', 'high'])",
    )
    assert (axes.title, axes.xlabel, axes.ylabel, axes.kind) == ("T", "x", "y", "rectilinear")
    assert (axes.xlim, axes.ylim, axes.xscale, axes.yscale) == ((0.0, 5.0), (1.0, 100.0), "linear", "log")
    assert axes.has_grid and axes.texts == [figure_facts.Writing(1.0, 2.0, "here")]
    assert axes.xticks == ["low", "high"] and axes.number_of_artists == 1
    assert (student.figures[0].suptitle, student.figures[0].size) == ("all", (4.0, 3.0))


def test_lines_with_data_colour_style_marker_and_legend(student: Student) -> None:
    axes = drawn(
        student,
        "plt.plot([1, 2], [3, np.nan], 'r--o', label='first')\nplt.plot(np.array([5]), color=(0, 0, 1))\nplt.legend()",
    )
    first, second = axes.lines
    assert first.x.tolist() == [1.0, 2.0] and first.y[0] == 3.0 and np.isnan(first.y[1]) and first.z.size == 0
    assert (first.label, first.color, first.style, first.marker) == ("first", "#ff0000ff", "--", "o")
    assert (second.label, second.color, second.marker, second.cut) == ("", "#0000ffff", "", False)
    assert axes.legend == ["first"] and axes.number_of_artists == 2 and not axes.has_grid


def test_bars_and_histograms(student: Student) -> None:
    axes = drawn(student, "plt.bar(['a', 'b'], [3, 4], width=0.5, label='votes')")
    assert [(bar.x, bar.y, bar.width, bar.height, bar.label) for bar in axes.bars] == [
        (-0.25, 0.0, 0.5, 3.0, "votes"),
        (0.75, 0.0, 0.5, 4.0, "votes"),
    ]
    assert axes.xticks == ["a", "b"]
    axes = drawn(student, "plt.hist([1, 1, 2, 5], bins=[0, 2, 4, 6])")
    assert [(bar.x, bar.height) for bar in axes.bars] == [(0.0, 2.0), (2.0, 1.0), (4.0, 1.0)]


def test_points_images_and_errorbars(student: Student) -> None:
    axes = drawn(student, "plt.scatter([1, 2], [3, 4], s=9, label='seen')")
    assert np.stack([axes.points[0].x, axes.points[0].y]).tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert (axes.points[0].sizes.tolist(), axes.points[0].label) == ([9.0], "seen")
    axes = drawn(student, "plt.imshow([[0.0, 1.0], [2.0, 3.0]], cmap='gray', vmax=5)")
    image = axes.images[0]
    assert (image.shape, image.data.tolist(), image.cmap) == ((2, 2), [[0.0, 1.0], [2.0, 3.0]], "gray")
    assert (image.limits, image.extent) == ((0.0, 5.0), (-0.5, 1.5, 1.5, -0.5))
    axes = drawn(student, "plt.errorbar([1, 2], [3, 4], yerr=1, label='measured')")
    assert axes.errorbars == 1 and axes.lines[0].y.tolist() == [3.0, 4.0]


def test_several_axes_twins_colourbars_and_other_kinds(student: Student) -> None:
    student.go("f, a = plt.subplots(2, 2)\na[1, 0].plot([1])\nreturn a")
    assert [len(axes.lines) for axes in student.figures[0].axes] == [0, 0, 1, 0]
    student.go(
        "a = plt.gca()\na.plot([1])\na.twinx().plot([2], label='right')\nplt.colorbar(plt.cm.ScalarMappable(), ax=a)"
    )
    left, right, bar = student.figures[0].axes
    assert (left.lines[0].y[0], right.lines[0].label) == (1.0, "right")
    assert (left.is_colorbar, bar.is_colorbar) == (False, True)
    assert left.position == pytest.approx(right.position)
    axes = drawn(student, "a = plt.axes(projection='polar')\na.plot([0, 1], [1, 2])")
    assert axes.kind == "polar"


def test_axes_in_space(student: Student) -> None:
    axes = drawn(
        student,
        "a = plt.axes(projection='3d')\na.plot([1, 2], [3, 4], [5, 6])\na.scatter([1], [2], [3])\n"
        "a.set_zlabel('up')\na.set_zlim(0, 9)",
    )
    line, points = axes.lines[0], axes.points[0]
    assert (axes.kind, axes.zlabel, axes.zlim) == ("3d", "up", (0.0, 9.0))
    assert (line.x.tolist(), line.y.tolist(), line.z.tolist()) == ([1.0, 2.0], [3.0, 4.0], [5.0, 6.0])
    assert (points.x.tolist(), points.y.tolist(), points.z.tolist()) == ([1.0], [2.0], [3.0])


def test_what_is_drawn_is_bounded_and_says_so(student: Student) -> None:
    axes = drawn(student, "plt.plot(np.zeros(50_000))\nplt.scatter(np.zeros(30_000), np.zeros(30_000))")
    assert (axes.lines[0].y.size, axes.lines[0].cut, axes.points[0].x.size, axes.points[0].cut) == (20_000, True) * 2
    axes = drawn(student, "plt.imshow(np.zeros((300, 300)))\nplt.title('t' * 5000)")
    assert (axes.images[0].shape, axes.images[0].data.size, len(axes.title)) == ((300, 300), 0, 200)
    axes = drawn(student, "for _ in range(150): plt.plot([1])")
    assert len(axes.lines) == 100 and axes.number_of_artists == 150
    student.go("for _ in range(12): plt.figure()")
    assert len(student.figures) == figure_facts.MAX_FIGURES


# --- what a hostile worker may say ------------------------------------------------------------------------------------


class Liar:
    def __init__(self, facts: object, arrays: object) -> None:
        text = facts if isinstance(facts, str) else json.dumps(facts)
        self.reply = encode({"status": "ok", "seen": {"facts": text, "arrays": arrays}, "modes": []})

    def exchange(self, frame: bytes, seconds: float) -> bytes:
        return self.reply


ARRAYS = [np.zeros(2)]
LINE = {"x": 0, "y": 0, "z": 0, "label": "", "color": "", "style": "-", "marker": "", "cut": False}
AXES: dict[str, Any] = {
    "title": "", "kind": "rectilinear", "is_colorbar": False, "xlabel": "", "ylabel": "", "zlabel": "",
    "xlim": [0.0, 1], "ylim": [0.0, 1.0], "zlim": [], "xscale": "linear", "yscale": "linear", "xticks": [],
    "yticks": [], "legend": [], "has_grid": False, "position": [], "lines": [LINE], "bars": [], "points": [],
    "images": [], "texts": [], "errorbars": 0, "number_of_artists": 1,
}  # fmt: skip


def figure(**changes: object) -> dict[str, object]:
    return {"suptitle": "", "size": [1.0, 2.0], "axes": [AXES]} | changes


def lying(change: dict[str, object]) -> list[object]:
    return [figure(axes=[AXES | change])]


FORGED = {
    "no list": figure(),
    "too many": [figure()] * 9,
    "no figure": [1],
    "a field too many": [figure(more=1)],
    "a field missing": [{"suptitle": ""}],
    "a long text": lying({"title": "x" * 201}),
    "a number as a text": lying({"title": 1}),
    "a text as a flag": lying({"has_grid": "yes"}),
    "a flag as a number": lying({"errorbars": True}),
    "a fraction as a count": lying({"errorbars": 1.5}),
    "a huge number": lying({"number_of_artists": 10**300}),
    "a huge limit": lying({"xlim": [10**400, 1]}),
    "too many parts": lying({"lines": [LINE] * 101}),
    "parts that are no list": lying({"lines": {"a": LINE}}),
    "an array that is not there": lying({"lines": [LINE | {"x": 1}]}),
    "an array before the first": lying({"lines": [LINE | {"x": -1}]}),
    "an array by a flag": lying({"lines": [LINE | {"x": False}]}),
    "an array in words": lying({"lines": [LINE | {"x": [1, 2]}]}),
    "deep JSON": "[" * 5_000,
    "digits without end": "[" + "9" * 80_000 + "]",
}


@pytest.mark.parametrize("name", FORGED)
def test_forged_facts_are_wire_errors(name: str) -> None:
    assert Student(Liar([figure()], ARRAYS)).figures[0].axes[0].lines[0].x.tolist() == [0.0, 0.0]
    with pytest.raises(WireError):
        Student(Liar(FORGED[name], ARRAYS)).figures.clear()


@pytest.mark.parametrize(
    "arrays",
    [[1], ["x"], [torch.zeros(2)], [np.zeros(2, dtype=np.float32)], [np.zeros(2, dtype=np.int64)], {"0": ARRAYS[0]},
     [np.zeros(figure_facts.MAX_POINTS + 1)]],
)  # fmt: skip
def test_forged_arrays_are_wire_errors(arrays: object) -> None:
    with pytest.raises(WireError):
        Student(Liar([figure()], arrays)).figures.clear()
