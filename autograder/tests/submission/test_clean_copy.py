import base64
import copy
import io
import json
from collections import Counter

import nbformat
import pytest
from nbconvert import HTMLExporter
from PIL import Image

from autograder.submission.clean_copy import MAX_FIGURES, MAX_OWN, clean_copy
from autograder.submission.notebook_file import keep
from autograder.submission.read import SubmittedNotebook
from autograder.tests.handing_in import cell, figure, own, png, printed
from autograder.tests.submission.hostile_text import SNIPPETS, active
from kit.reading import read_notebook

WRITTEN = "Because $\\frac{1}{2} < 1$, and **autograd** follows the product."


def copied(staff, submitted, book):
    """The clean copy of a submitted notebook file given as JSON; None: nothing was handed in."""
    content = None if submitted is None else keep(submitted)
    return clean_copy(staff, SubmittedNotebook(content, read_notebook(book, content)))


@pytest.fixture(scope="module")
def book(tiny_release):
    return tiny_release[0].notebooks[0]


@pytest.fixture(scope="module")
def staff(tiny_release):
    return tiny_release[1]


@pytest.fixture
def submitted(staff):
    """The released notebook, to be changed by a test."""
    return copy.deepcopy(staff)


@pytest.fixture
def rebuilt(staff, book):
    return lambda submitted: copied(staff, submitted, book)


def show_cell(notebook):
    shows = [cell for cell in notebook["cells"] if cell["metadata"].get("tags") == ["show"]]
    (found,) = [cell for cell in shows if cell["id"] != "preview"]
    return found


def ids(notebook):
    return [cell["id"] for cell in notebook["cells"]]


def insert_after(notebook, name, new):
    notebook["cells"].insert(ids(notebook).index(name) + 1, new)


# --- whose text stands where ----------------------------------------------------------------------------------------


def test_answers_stand_in_the_staffs_cells(submitted, rebuilt, staff):
    cell(submitted, "tiny-scale")["source"] = "def scale(values, factor): return 3"
    cell(submitted, "tiny-why")["source"] = WRITTEN
    notebook = rebuilt(submitted).notebook
    assert cell(notebook, "tiny-scale")["source"] == "def scale(values, factor): return 3"
    assert cell(notebook, "tiny-why")["source"] == WRITTEN
    assert ids(notebook) == ids(staff)


def test_a_notebook_of_an_older_release_with_the_set_up_cell_above_the_title_is_read(submitted, rebuilt, staff):
    cell(submitted, "tiny-scale")["source"] = "def scale(values, factor): return 3"
    submitted["cells"].insert(0, submitted["cells"].pop(ids(submitted).index("setup")))
    assert ids(submitted)[0] == "setup" != ids(staff)[0]
    notebook = rebuilt(submitted).notebook
    assert ids(notebook) == ids(staff)
    assert cell(notebook, "tiny-scale")["source"] == "def scale(values, factor): return 3"


def test_without_a_submission_the_staffs_notebook_stands(staff, book):
    notebook = copied(staff, None, book).notebook
    assert [(c["id"], c["source"]) for c in notebook["cells"]] == [
        (c["id"], "".join(c["source"])) for c in staff["cells"]
    ]


def test_the_staffs_notebook_is_not_changed(submitted, rebuilt, staff):
    before = copy.deepcopy(staff)
    cell(submitted, "tiny-why")["source"] = WRITTEN
    rebuilt(submitted)
    assert staff == before


@pytest.mark.parametrize("name", ["given-1", "given-2", "tiny-scale-check", "setup"])
def test_a_locked_cell_is_always_the_staffs(submitted, rebuilt, staff, name):
    cell(submitted, name)["source"] = "print('all passed')"
    cell(submitted, name)["outputs"] = [printed("all passed")]
    notebook = rebuilt(submitted).notebook
    assert cell(notebook, name)["source"] == "".join(cell(staff, name)["source"])
    assert cell(notebook, name)["outputs"] == []


def test_an_altered_locked_cell_is_shown_as_the_students_own_and_not_graded(submitted, rebuilt):
    cell(submitted, "given-2")["source"] = "class ScalerBase: pass"
    notebook = rebuilt(submitted).notebook
    place = ids(notebook).index("given-2")
    label, altered = notebook["cells"][place + 1 : place + 3]
    assert "another version of given-2, not graded" in label["source"]
    assert altered["source"] == "class ScalerBase: pass"


def test_show_and_guess_cells_keep_the_students_text(submitted, rebuilt):
    show_cell(submitted)["source"] = "print(steps := 200)"
    assert show_cell(rebuilt(submitted).notebook)["source"] == "print(steps := 200)"


def test_all_metadata_is_the_staffs(submitted, rebuilt, staff):
    for entry in submitted["cells"]:
        entry["metadata"]["evil"] = True
        entry["metadata"].setdefault("nbgrader", {})["points"] = 99
    submitted["metadata"] = {"kernelspec": {"name": "bash"}, "evil": True}
    notebook = rebuilt(submitted).notebook
    assert [entry["metadata"] for entry in notebook["cells"]] == [entry["metadata"] for entry in staff["cells"]]
    assert notebook["metadata"] == staff["metadata"]


def test_own_cells_follow_the_cell_they_stood_behind_under_a_label(submitted, rebuilt, staff):
    insert_after(submitted, "tiny-scale", own("code", "helper = 1", id="mine"))
    submitted["cells"].insert(0, own("markdown", "# My notebook", id="first"))
    submitted["cells"].append(own("markdown", "The end.", id="last"))
    cells = rebuilt(submitted).notebook["cells"]
    assert cells[0]["source"] == "*The student's own, cell 1:*\n\n# My notebook"
    place = [entry["id"] for entry in cells].index("tiny-scale")
    assert cells[place + 1]["source"] == "*The student's own, cell 6:*"
    assert (cells[place + 2]["cell_type"], cells[place + 2]["source"]) == ("code", "helper = 1")
    assert cells[-1]["source"].endswith("The end.")
    assert {json.dumps(entry["metadata"]) for entry in cells if entry["id"].startswith("students-")} == {
        '{"kit": {"role": "own"}}'
    }
    assert [entry["id"] for entry in cells if not entry["id"].startswith("students-")] == ids(staff)


def test_the_graded_copy_of_a_duplicated_cell_stands_in_the_staffs_cell(submitted, rebuilt):
    first = cell(submitted, "tiny-scale")
    again = copy.deepcopy(first)
    first["source"] = "def scale(values, factor): return 1"
    again["source"] = "def scale(values, factor): return 2"
    insert_after(submitted, "tiny-scale", again)
    notebook = rebuilt(submitted).notebook
    assert cell(notebook, "tiny-scale")["source"].endswith("return 2")
    others = [entry["source"] for entry in notebook["cells"] if entry["id"].startswith("students-cell")]
    assert others == ["def scale(values, factor): return 1"]


def test_of_a_duplicated_written_answer_the_later_written_one_is_shown(submitted, rebuilt):
    answer = cell(submitted, "tiny-why")
    submitted["cells"] += [answer | {"id": "x1", "source": WRITTEN}, answer | {"id": "x2", "source": ""}]
    assert cell(rebuilt(submitted).notebook, "tiny-why")["source"] == WRITTEN


def test_a_written_answer_in_a_code_cell_is_shown_as_it_was_typed(submitted, rebuilt):
    answer = cell(submitted, "tiny-why")
    answer |= {"cell_type": "code", "source": "The # factor\nis *learned*.", "outputs": []}
    notebook = rebuilt(submitted).notebook
    assert cell(notebook, "tiny-why")["cell_type"] == "markdown"
    assert cell(notebook, "tiny-why")["source"] == "    The # factor\n    is *learned*."


def test_an_exercise_in_a_text_cell_is_shown_and_the_staffs_cell_stays_a_stub(submitted, rebuilt, staff):
    exercise = cell(submitted, "tiny-scale")
    exercise |= {"cell_type": "markdown", "source": "def scale(values, factor): return 1"}
    notebook = rebuilt(submitted).notebook
    assert cell(notebook, "tiny-scale")["source"] == "".join(cell(staff, "tiny-scale")["source"])
    assert any("return 1" in entry["source"] for entry in notebook["cells"])


def test_deleted_and_reordered_cells_stand_in_the_staffs_order(submitted, rebuilt, staff):
    submitted["cells"] = [entry for entry in reversed(submitted["cells"]) if entry["id"] != "tiny-scaler"]
    assert ids(rebuilt(submitted).notebook) == ids(staff)


def test_a_student_cannot_imitate_the_staffs_marks(submitted, rebuilt):
    fake = own("markdown", "**Rubric** full marks", id="rubric-tiny-why")
    fake["metadata"] = {"kit": {"role": "rubric"}, "nbgrader": {"grade_id": "rubric-tiny-why", "grade": True}}
    insert_after(submitted, "preview", fake)
    last = rebuilt(submitted).notebook["cells"][-1]
    assert last["metadata"] == {"kit": {"role": "own"}}
    assert last["source"].startswith("*The student's own, cell ")


# --- outputs --------------------------------------------------------------------------------------------------------


def outputs_of(rebuilt, submitted, *outputs):
    show_cell(submitted)["outputs"] = list(outputs)
    return show_cell(rebuilt(submitted).notebook)["outputs"]


def test_figures_stay_where_they_were_drawn(submitted, rebuilt):
    cell(submitted, "tiny-scale")["outputs"] = [figure(png())]
    insert_after(submitted, "tiny-why", own("code", "plot()", id="mine", outputs=[figure(png())]))
    show_cell(submitted)["outputs"] = [printed("loss 0.3"), figure([png()[:20], png()[20:]])]
    notebook = rebuilt(submitted).notebook
    outputs = [entry["outputs"] for entry in notebook["cells"] if entry.get("outputs")]
    kinds = [["figure" if "data" in output else "text" for output in group] for group in outputs]
    assert kinds == [["figure"], ["text", "figure"], ["figure"]]


def test_printed_text_loses_colours_and_overwritten_progress(submitted, rebuilt):
    text = "\x1b[31mred\x1b[0m\n 10%\r 50%\r100%\r\n\x1b]8;;http://x\x07link\x1b]8;;\x07\n\u202edone"
    (output,) = outputs_of(rebuilt, submitted, printed(text))
    assert output == printed("red\n100%\nlink\ndone")


def test_an_error_is_kept_as_one_line_of_text(submitted, rebuilt):
    error = {"output_type": "error", "ename": "ValueError", "evalue": "no <b>", "traceback": ["\x1b[0;31m---"]}
    assert outputs_of(rebuilt, submitted, error) == [printed("ValueError: no <b>")]


@pytest.mark.parametrize(
    "kind",
    ["text/html", "image/svg+xml", "application/javascript", "text/latex", "text/markdown", "image/gif",
     "application/vnd.jupyter.widget-view+json", "application/pdf"],
)  # fmt: skip
def test_outputs_of_other_kinds_are_dropped_for_their_plain_text(submitted, rebuilt, kind):
    bundle = {"output_type": "execute_result", "metadata": {}, "data": {kind: "<x>", "text/plain": "a table"}}
    assert outputs_of(rebuilt, submitted, bundle) == [printed("a table")]


def test_long_output_is_cut_and_said(staff, book, submitted):
    show_cell(submitted)["outputs"] = [printed("x" * 9_000)] * 100
    result = copied(staff, submitted, book)
    assert len(json.dumps(show_cell(result.notebook)["outputs"])) < 12_000
    assert any("output was cut" in note for note in result.notes)


def test_of_thousands_of_own_cells_the_first_are_shown(staff, book, submitted):
    submitted["cells"] += [own("markdown", f"Note {n}", id=f"m{n}") for n in range(1_000)]
    result = copied(staff, submitted, book)
    assert len(result.notebook["cells"]) == len(staff["cells"]) + MAX_OWN + 1
    assert result.notebook["cells"][-1]["source"] == "[… 700 more cells are not shown; see the submitted file]"
    assert any("own cells are shown" in note for note in result.notes)


def test_too_many_figures_are_cut_and_said(staff, book, submitted):
    show_cell(submitted)["outputs"] = [figure(png(1, 1))] * (MAX_FIGURES + 5)
    result = copied(staff, submitted, book)
    *kept, said = show_cell(result.notebook)["outputs"]
    assert len(kept) == MAX_FIGURES
    assert said == printed("[… 5 more outputs are not shown; see the submitted file]")
    assert any("figures are kept" in note for note in result.notes)


def test_a_picture_that_cannot_be_decoded_is_dropped_and_said(staff, book, submitted):
    show_cell(submitted)["outputs"] = [{"output_type": "display_data", "metadata": {}, "data": {"image/png": "abcd"}}]
    result = copied(staff, submitted, book)
    said = printed("[… 1 more output is not shown; see the submitted file]")
    assert show_cell(result.notebook)["outputs"] == [said]
    assert any("it is no picture" in note for note in result.notes)


def test_the_rebuilt_notebook_stays_below_twenty_megabytes(staff, book, submitted):
    noise = Image.effect_noise((1_500, 1_500), 90)
    buffer = io.BytesIO()
    noise.save(buffer, "PNG", compress_level=0)
    heavy = base64.b64encode(buffer.getvalue()).decode()
    show_cell(submitted)["outputs"] = [figure(heavy)] * 9
    submitted["cells"] += [own("markdown", "word " * 19_000, id=f"m{n}") for n in range(30)]
    submitted["cells"] += [own("code", f"x = '{'a' * 99_000}'", id=f"c{n}") for n in range(30)]
    result = copied(staff, submitted, book)
    assert len(json.dumps(result.notebook)) < 20_000_000
    assert len(result.notes) == 5


# --- nothing is cut without a word ----------------------------------------------------------------------------------


def stream(length):
    return [printed("x" * length)]


def gif(notebook):
    return {"output_type": "display_data", "metadata": {}, "data": {"image/png": "R0lGODlh", "text/plain": "<Figure>"}}


CUTS = {
    "a long answer": (
        lambda notebook: cell(notebook, "tiny-why").update(source="w" * 25_000),
        "[… 5,200 more characters are not shown; see the submitted file]",
        "the student's text was cut to 19,800 characters a cell: tiny-why",
    ),
    "an answer longer than a file's text is kept": (
        lambda notebook: cell(notebook, "tiny-why").update(source="w" * 250_000),
        "[… 230,200 more characters are not shown; see the submitted file]",
        "the student's text was cut to 19,800 characters a cell: tiny-why",
    ),
    "an answer that is code": (
        lambda notebook: cell(notebook, "tiny-why").update(cell_type="code", outputs=[], source="w" * 25_000),
        "more characters are not shown; see the submitted file]",
        "the student's text was cut to 19,800 characters a cell: tiny-why",
    ),
    "a long exercise": (
        lambda notebook: cell(notebook, "tiny-scale").update(source="# " + "w" * 120_000),
        "[… 20,002 more characters are not shown; see the submitted file]",
        "the student's code was cut: there is too much of it",
    ),
    "many long texts": (
        lambda notebook: notebook["cells"].extend(own("markdown", "w" * 19_000, id=f"m{n}") for n in range(8)),
        "more characters are not shown; see the submitted file]",
        "the student's text was cut: there is too much of it",
    ),
    "many own cells": (
        lambda notebook: notebook["cells"].extend(own("code", "x = 1", id=f"m{n}") for n in range(MAX_OWN + 1)),
        "[… 1 more cell is not shown; see the submitted file]",
        "only the first 300 of the student's own cells are shown, not 1 more",
    ),
    "more cells than are read": (
        lambda notebook: notebook["cells"].extend(own("code", "", id=f"m{n}") for n in range(2_000)),
        "more cells are not shown; see the submitted file]",
        "cells beyond the first 2,000 are not read",
    ),
    "printed text": (
        lambda notebook: show_cell(notebook).update(outputs=stream(12_000)),
        "[… 2,000 more characters are not shown; see the submitted file]",
        "the student's output was cut: there is too much of it",
    ),
    "very much printed text": (
        lambda notebook: show_cell(notebook).update(outputs=stream(300_000)),
        "[… 290,000 more characters are not shown; see the submitted file]",
        "the student's output was cut: there is too much of it",
    ),
    "many outputs": (
        lambda notebook: show_cell(notebook).update(outputs=[printed("x\n")] * 230),
        "[… 30 more outputs are not shown; see the submitted file]",
        "some outputs are not shown: there are too many, or they are no figures",
    ),
    "a figure that is none": (
        lambda notebook: show_cell(notebook).update(outputs=[gif(notebook)]),
        "[… 1 more output is not shown; see the submitted file]",
        "it is no picture, or too large",
    ),
    "an output that is active": (
        lambda notebook: show_cell(notebook).update(
            outputs=[{"output_type": "display_data", "metadata": {}, "data": {"image/svg+xml": "<svg/>"}}]
        ),
        "[… 1 more output is not shown; see the submitted file]",
        "some outputs are not shown: there are too many, or they are no figures",
    ),
    "a link": (
        lambda notebook: cell(notebook, "tiny-why").update(source="See [He](https://x.example)."),
        "See [He] (https://x.example).",
        "links and HTML in the student's text are shown as text",
    ),
    "HTML": (
        lambda notebook: cell(notebook, "tiny-why").update(source="<b>Because</b>"),
        "< b>Because< /b>",
        "links and HTML in the student's text are shown as text",
    ),
    "a TeX definition": (
        lambda notebook: cell(notebook, "tiny-why").update(source="$\\def\\x{1} \\x$"),
        "⧵def",
        "TeX commands in the student's text that are no notation are shown as text",
    ),
    "a long line of dashes": (
        lambda notebook: cell(notebook, "tiny-why").update(source="-" * 80),
        "-" * 40,
        "runs of more than 40 of one sign in the student's text are shortened",
    ),
}  # fmt: skip


@pytest.mark.parametrize("change, said, noted", CUTS.values(), ids=CUTS)
def test_what_is_cut_or_changed_is_said_where_it_stood_and_in_the_notes(staff, book, submitted, change, said, noted):
    change(submitted)
    result = copied(staff, submitted, book)
    assert said in json.dumps(result.notebook, ensure_ascii=False)
    assert any(noted in note for note in result.notes)


def test_a_cut_inside_a_block_of_code_does_not_hide_the_word_on_it(submitted, rebuilt):
    cell(submitted, "tiny-why")["source"] = "```python\n" + "x = 1\n" * 5_000
    node = nbformat.from_dict(rebuilt(submitted).notebook)
    page = HTMLExporter(template_name="basic").from_notebook_node(node)[0]
    assert "<p>[… 10,210 more characters are not shown; see the submitted file]</p>" in page


def test_ordinary_answers_are_nothing_to_note(staff, book, submitted):
    table = "| a | b |\n|---|---|\n| $x_1$ | 2 |\n\n```python\nx < 3\n```\n\n> quoted\n\n1. one\n   - two"
    cell(submitted, "tiny-why")["source"] = f"{WRITTEN}\n\n{table}\n\n$$\\sum_i x_i \\leq 1$$"
    result = copied(staff, submitted, book)
    assert result.notes == ()
    assert cell(result.notebook, "tiny-why")["source"] == cell(submitted, "tiny-why")["source"]


def test_answers_are_shown_before_budgets_are_used_up_above_them(staff, book, submitted):
    submitted["cells"][1:1] = [own("markdown", "w" * 19_000, id=f"m{n}") for n in range(8)]
    cell(submitted, "tiny-why")["source"] = WRITTEN
    assert cell(copied(staff, submitted, book).notebook, "tiny-why")["source"] == WRITTEN


def test_an_answer_that_the_submitted_version_does_not_hold_says_so_and_is_not_as_released(staff, book, submitted):
    why = "added in version 1.1, and the notebook is of 1.0"
    content = keep(submitted)
    taken = SubmittedNotebook(content, read_notebook(book, content), "1.0", {"tiny-why": why})
    assert cell(clean_copy(staff, taken).notebook, "tiny-why")["source"] == f"*{why}*"


def test_of_very_many_cells_near_a_question_the_first_are_repeated_and_the_others_named(staff, book, submitted):
    submitted["cells"] += [own("markdown", f"Note {n}.", id=f"m{n}") for n in range(45)]
    result = copied(staff, submitted, book)
    text = cell(result.notebook, "tiny-why")["source"]
    assert "Note 39." in text and "Note 40." not in text
    assert "[… 5 more cells are not shown; see the submitted file] (cell 55, cell 56," in text


# --- the page -------------------------------------------------------------------------------------------------------


def filled(submitted, snippets):
    """A submission with snippets wherever a student can put text."""
    filled = copy.deepcopy(submitted)
    cell(filled, "tiny-why")["source"] = "\n\n".join(snippets)
    printing = [printed("\n".join(snippets)), figure(png())]
    cell(filled, "tiny-scale").update(source=snippets[0], outputs=printing)
    show_cell(filled)["outputs"] = printing
    for number, snippet in enumerate(snippets):
        metadata = {"tags": [snippet], "format": "text/html", "raw_mimetype": "text/html"}
        for kind in ("markdown", "raw", "code"):
            more = (
                {"outputs": [printed(snippet)]}
                if kind == "code"
                else {"attachments": {snippet: {"image/png": snippet}}}
            )
            filled["cells"].append(own(kind, snippet, id=f"{kind}-{number}", **more) | {"metadata": metadata})
    return filled


@pytest.mark.parametrize("template", ["basic", "lab"])
def test_a_page_of_hostile_text_holds_nothing_more_than_a_harmless_one(submitted, rebuilt, template):
    exporter = HTMLExporter(template_name=template)

    def page(snippets):
        node = nbformat.from_dict(rebuilt(filled(submitted, snippets)).notebook)
        return exporter.from_notebook_node(node)[0].replace('src="data:image/png;base64,', 'src="figure:')

    hostile, harmless_page = page(SNIPPETS), page(["some *text* at https://x.example\n\n# A heading"])
    found, known = Counter(active(hostile)), Counter(active(harmless_page))
    assert found.keys() <= known.keys()
    for kind in ("script", "iframe", "style", "svg", "object", "form", "link", "meta", "img", "base", "embed"):
        assert found[f"<{kind}>"] == known[f"<{kind}>"], kind
    assert "figure:" in hostile
