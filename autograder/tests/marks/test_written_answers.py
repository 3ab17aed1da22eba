"""Whatever a student wrote in answer to a question reaches the marker and is marked by a person, wherever it stands."""

import copy
import json

import nbformat
import pytest
from nbconvert import HTMLExporter
from nbgrader import api

from autograder.marks import gradebook
from autograder.results import ResultFolder
from autograder.submission.clean_copy import clean_copy
from autograder.submission.notebook_file import keep
from autograder.submission.read import SubmittedNotebook
from autograder.tests import marking, tiny
from autograder.tests.handing_in import cell, own, png
from kit.notebooks import MAX_CELLS
from kit.reading import read_notebook

WORDS = "Because autograd follows the product"


def place(notebook, name="tiny-why"):
    return [cell["id"] for cell in notebook["cells"]].index(name)


def handed_in(tinyset, *changes):
    """Store the result of a submission changed so, and write the gradebook."""
    released = json.loads((tinyset.root / "release" / tiny.NAME / tiny.NOTEBOOK).read_text(encoding="utf-8"))
    submitted = copy.deepcopy(released)
    for change in changes:
        change(submitted)
    kept = keep(submitted)
    copied = clean_copy(released, SubmittedNotebook(kept, read_notebook(tinyset.manifest.notebooks[0], kept)))
    results = ResultFolder(tinyset.root / "results", tinyset.course.state)
    results.path.mkdir(exist_ok=True)
    results.write(marking.report("ada"), [], {tiny.NOTEBOOK: copied.notebook})
    return gradebook.write(tinyset, results)


def grade(tinyset):
    """Automatic score, mark, and whether a person has to mark it."""
    with api.Gradebook(f"sqlite:///{tinyset.root}/gradebook.db") as book:
        found = book.find_grade("tiny-why", "1_scaling", tiny.NAME, "ada")
        return found.auto_score, found.manual_score, found.needs_manual_grade


def to_mark(tinyset):
    """The answer's cell of the notebook that formgrader shows."""
    path = tinyset.root / "autograded" / "ada" / tiny.NAME / tiny.NOTEBOOK
    return cell(json.loads(path.read_text(encoding="utf-8")), "tiny-why")


# --- changes of a released notebook ---------------------------------------------------------------------------------


def beside(kind, source, behind=True, **more):
    return lambda notebook: notebook["cells"].insert(place(notebook) + behind, own(kind, source, id="mine", **more))


def typed(name, form):
    def change(notebook):
        entry = notebook["cells"][place(notebook) - 1] if name == "question" else cell(notebook, name)
        entry["source"] = form.format("".join(entry["source"]))

    return change


def turned(name, kind, source):
    def change(notebook):
        cell(notebook, name).update(own(kind, source) | {"metadata": cell(notebook, name)["metadata"]})

    return change


def deleted(name):
    return lambda notebook: notebook["cells"].pop(place(notebook, name))


def without_ids(notebook):
    notebook["metadata"] = {}
    for entry in notebook["cells"]:
        entry.pop("id")
        entry["metadata"] = {}


def at_the_end(kind, source):
    return lambda notebook: notebook["cells"].append(own(kind, source, id="mine"))


FORMS = {
    "in its cell": [turned("tiny-why", "markdown", WORDS)],
    "in its cell, now code": [turned("tiny-why", "code", WORDS)],
    "in its cell, now raw": [turned("tiny-why", "raw", WORDS)],
    "a new cell behind it": [beside("markdown", WORDS)],
    "a new cell before it": [beside("markdown", WORDS, behind=False)],
    "a new raw cell": [beside("raw", WORDS)],
    "a new code cell with comments": [beside("code", f"# {WORDS}")],
    "a new code cell with a string": [beside("code", f'"""\n{WORDS}\n"""')],
    "a new code cell that prints": [beside("code", f"print('{WORDS}')")],
    "a new code cell that is no Python": [beside("code", WORDS)],
    "comments among code": [beside("code", f"# {WORDS}\nx = scale(torch.ones(1, 1), 2.0)\nprint(x)")],
    "typed below the question": [typed("question", "{}\n\n" + WORDS)],
    "typed above the question": [typed("question", WORDS + "\n\n{}")],
    "typed into the question's line": [typed("question", "{} " + WORDS)],
    "typed into the last text": [typed("closing", WORDS + "\n\n{}")],
    "a comment in the check": [typed("tiny-scaler-check", "{}\n# " + WORDS)],
    "its cell deleted, a new one there": [beside("markdown", WORDS), deleted("tiny-why")],
    "its cell deleted, a new code cell": [beside("code", f"# {WORDS}"), deleted("tiny-why")],
    "merged with the question": [typed("question", "{}\n\n" + WORDS), deleted("tiny-why")],
    "merged into an exercise": [typed("tiny-scaler", "{}\n\n# " + WORDS), deleted("tiny-why")],
    "at the end of the notebook": [at_the_end("markdown", WORDS)],
    "at the beginning": [lambda notebook: notebook["cells"].insert(0, own("markdown", WORDS, id="mine"))],
    "without ids": [turned("tiny-why", "markdown", WORDS), without_ids],
    "without ids, a new cell": [beside("markdown", WORDS), without_ids],
    "without ids, in code": [beside("code", f"# {WORDS}"), without_ids],
    "without ids, typed into the question": [typed("question", "{}\n\n" + WORDS), without_ids],
    "without ids, merged with the question": [
        typed("question", "{}\n\n" + WORDS), deleted("tiny-why"), without_ids,
    ],
    "an exercise turned into text": [turned("tiny-scaler", "markdown", WORDS)],
}  # fmt: skip


@pytest.mark.parametrize("changes", FORMS.values(), ids=FORMS)
def test_an_answer_is_shown_with_its_question_and_waits_for_a_person(tinyset, changes):
    summary = handed_in(tinyset, *changes)
    assert grade(tinyset) == (None, None, True)
    assert summary.to_mark == 1
    assert WORDS in to_mark(tinyset)["source"]


NOTHING = {
    "untouched": [],
    "untouched, without ids": [without_ids],
    "emptied": [turned("tiny-why", "markdown", "")],
    "deleted": [deleted("tiny-why")],
    "deleted, without ids": [deleted("tiny-why"), without_ids],
    "an empty text cell": [beside("markdown", " \n")],
    "an empty code cell": [beside("code", "")],
    "a rule under the question": [typed("question", "{}\n\n---\n")],
    "a comment in an exercise": [typed("tiny-scale", "# scales\n{}")],
    "code far above": [lambda notebook: notebook["cells"].insert(4, own("code", "rate = 3\nprint(rate)", id="mine"))],
}


@pytest.mark.parametrize("changes", NOTHING.values(), ids=NOTHING)
def test_an_answer_is_closed_as_empty_where_the_student_wrote_nothing(tinyset, changes):
    summary = handed_in(tinyset, *changes)
    assert grade(tinyset) == (0.0, None, False)
    assert summary.to_mark == 0


def test_a_picture_is_an_answer(tinyset):
    handed_in(tinyset, beside("markdown", "![](attachment:a.png)", attachments={"a.png": {"image/png": png()}}))
    assert grade(tinyset) == (None, None, True)
    node = nbformat.from_dict({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [to_mark(tinyset)]})
    assert HTMLExporter(template_name="basic").from_notebook_node(node)[0].count("<img") == 1


def test_a_picture_attached_to_an_empty_answer_is_an_answer(tinyset):
    handed_in(
        tinyset, lambda notebook: cell(notebook, "tiny-why").update(source="", attachments={"a": {"image/png": png()}})
    )
    assert grade(tinyset) == (None, None, True)


def test_an_answer_beyond_the_last_cell_that_is_read_is_not_closed(tinyset):
    def crowd(notebook):
        notebook["cells"][place(notebook) + 1 :] = [own("code", "", id=f"x{n}") for n in range(MAX_CELLS)]
        notebook["cells"].append(own("markdown", WORDS, id="mine"))

    handed_in(tinyset, crowd)
    assert grade(tinyset) == (None, None, True)
    assert "more cells are not shown; see the submitted file]" in to_mark(tinyset)["source"]


def test_marks_and_comments_stay_where_text_is_found_beside_the_answer_later(tinyset):
    handed_in(tinyset, turned("tiny-why", "markdown", WORDS))
    with api.Gradebook(f"sqlite:///{tinyset.root}/gradebook.db") as book:
        found = book.find_grade("tiny-why", "1_scaling", tiny.NAME, "ada")
        found.manual_score, found.needs_manual_grade = 0.75, False
        book.find_comment("tiny-why", "1_scaling", tiny.NAME, "ada").manual_comment = "Well put."
        book.db.commit()
    handed_in(tinyset, turned("tiny-why", "markdown", WORDS))
    assert grade(tinyset) == (None, 0.75, False)
    (change,) = handed_in(
        tinyset, turned("tiny-why", "markdown", WORDS), beside("markdown", "More.", behind=False)
    ).changed
    assert change.what == "the answer was rewritten"
    assert grade(tinyset) == (None, 0.75, True)
    with api.Gradebook(f"sqlite:///{tinyset.root}/gradebook.db") as book:
        assert book.find_comment("tiny-why", "1_scaling", tiny.NAME, "ada").comment == "Well put."


def test_each_part_of_an_answer_in_several_cells_says_where_it_stood(tinyset):
    handed_in(
        tinyset,
        typed("question", "{}\n\nbefore that,"),
        turned("tiny-why", "markdown", "First:"),
        beside("markdown", "zeroth,", behind=False),
    )
    text = to_mark(tinyset)["source"]
    assert text.startswith("First:\n\n---\n\n*From cell 11, typed into the course's text:*\n\nbefore that,")
    assert text.endswith("*From cell 12, a cell of the student's own:*\n\nzeroth,")
    assert "Why does the factor" not in text
