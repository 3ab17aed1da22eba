import dataclasses
import html.parser
import json

import pytest

from autograder.errors import BadInput
from autograder.grading import regrade
from autograder.marks import feedback_pages, gradebook
from autograder.marks.cells_html import cell_html, markdown
from autograder.marks.marker_notebook import dress, rubrics
from autograder.marks.standings import standings
from autograder.results import ResultFolder
from autograder.tests import marking, tiny
from autograder.tests.marks.test_gradebook import mark
from kit.outcomes import OutcomeStatus


def pages(tinyset, *reports, answer="Because autograd follows it."):
    """Grade, write the gradebook and the pages; returns ada's two pages as text."""
    results = marking.store(tinyset.root, *reports, answer=answer)
    gradebook.write(tinyset, results)
    feedback_pages.write(tinyset, results)
    return texts(tinyset)


def texts(tinyset, student="ada"):
    folder = tinyset.root / "feedback" / student / tiny.NAME
    return {path.name: path.read_text() for path in folder.iterdir()}


class Reader(html.parser.HTMLParser):
    """The tags, attributes and visible text of a page."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.attributes, self.text = [], [], ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]

    def handle_data(self, data):
        self.text += f"{data} "


def test_a_student_reads_scores_titles_hints_and_the_revision(tinyset):
    page = Reader(pages(tinyset, marking.report("ada", scale=1.0))["index.html"]).text
    for text in ("3 / 6 so far", "1 / 3", "multiplies every entry", "Which entries should change?", "0123456789ab"):
        assert text in page
    assert "not marked yet" in page
    assert "against version 1.0" in page


def test_marks_and_comments_by_people_are_shown(tinyset):
    pages(tinyset, marking.report("ada", scale=1.0))
    mark(tinyset, "ada", "tiny-why", 1.0, extra=0.5, comment="Well *put*.")
    mark(tinyset, "ada", "tiny-scale-check", 2.0)
    feedback_pages.write(tinyset, ResultFolder(tinyset.root / "results" / tiny.NAME, tinyset.course.state))
    for page in texts(tinyset).values():
        assert "<em>put</em>" in page
        assert "Marked by hand: 2 (automatic: 1)." in page
        assert "Extra credit: 0.5." in page
        assert "5.5 / 6" in page


def test_the_notebook_page_shows_the_students_own_answer_and_figure(tinyset):
    page = pages(tinyset, marking.report("ada"))["1_scaling.html"]
    assert "Because autograd follows it." in page
    assert f'src="data:image/png;base64,{marking.PIXEL}"' in page


def test_a_page_begins_with_the_total_what_is_missing_and_what_failed_and_folds_what_passed(tinyset):
    page = pages(tinyset, marking.report("ada", scale=1.0))["index.html"]
    places = [
        page.index(text)
        for text in (
            "3 / 6 so far",
            "What is missing",
            ">tiny-why</a>: not marked yet.",
            "What did not pass",
            ">tiny-scale</a>, 1 / 3",
            "Which entries should change?",
            'id="tiny-scale"',
            'id="tiny-scaler"',
        )  # fmt: skip
    ]
    assert places == sorted(places)
    assert page.count("Which entries should change?") == 2  # one for each test that failed, and nowhere else
    folded = page[page.index('<details class="passed-tests">') :]
    assert "1 passed" in folded and "uses its factor" in folded
    assert "uses its factor" not in page[: page.index('<details class="passed-tests">')]


def test_an_exercise_that_was_not_written_is_missing_and_not_failed(tinyset):
    report = marking.report("ada", scale=0.0)
    tests = tuple(
        dataclasses.replace(test, status=OutcomeStatus.MISSING, message="tiny-scale is not written.")
        if test.exercise == "tiny-scale"
        else test
        for test in report.tests
    )
    page = pages(tinyset, dataclasses.replace(report, tests=tests))["index.html"]
    assert ">tiny-scale</a>: not written." in page
    assert "What did not pass" not in page


HINT = "<details><summary>Hint</summary>\n\nLook at $x^2$.\n\n</details>"


def with_hint(tinyset, texts):
    """The pages of a set whose course text is a folded hint, of a submission in which these cells have other texts."""
    book = next(iter(tinyset.manifest.notebooks))
    name = next(cell.id for cell in book.cells if cell.kind == "text")
    cells = tuple(dataclasses.replace(cell, source=HINT) if cell.id == name else cell for cell in book.cells)
    made = {
        "cells": [{"cell_type": "markdown", "id": key or name, "metadata": {}, "source": text} for key, text in texts]
    }
    (standing,) = standings(
        tinyset.manifest, marking.store(tinyset.root, marking.report("ada")), tinyset.root / "none.db"
    )
    revised = feedback_pages.Revision("", 1, ())
    return Reader(
        feedback_pages._notebook_page(tinyset, standing, dataclasses.replace(book, cells=cells), made, revised)
    )


def test_the_courses_folded_hints_are_folded_and_its_formulas_drawn(tinyset):
    page = with_hint(tinyset, [("", HINT)])
    assert {"details", "summary", "math", "msup"} <= set(page.tags)
    assert "$" not in page.text


@pytest.mark.parametrize(
    "written",
    [("", HINT + "\n<b>mine</b>"), ("own-1", HINT), ("tiny-why", HINT), ("own-1", "<script>1</script>")],
    ids=["in the course's cell", "the same text elsewhere", "in an answer", "a script"],
)
def test_what_a_student_writes_is_never_read_as_html(tinyset, written):
    page = with_hint(tinyset, [written])
    assert not {"details", "b", "script"} & set(page.tags)
    assert f"<{'script' if 'script' in written[1] else 'summary'}>" in page.text


def test_nothing_of_a_hidden_test_reaches_a_page(tinyset):
    report = marking.report("ada", scale=None)
    quoting = f"test {tiny.PROBLEM}/test_hidden.py::{marking.HIDDEN_NAME} is itself at fault: tensor([0.5])"
    exercises = tuple(dataclasses.replace(item, reason=quoting) for item in report.exercises)
    tests = tuple(dataclasses.replace(test, status=OutcomeStatus.ERROR) for test in report.tests)
    made = pages(tinyset, dataclasses.replace(report, exercises=exercises, tests=tests, reason=quoting))
    for page in made.values():
        assert "a test of this exercise is at fault" in page
        for secret in (marking.HIDDEN_NAME, "test_hidden", "tensor([0.5])", str(report.seed)):
            assert secret not in page


def test_the_rubric_reaches_no_page(tinyset):
    for page in pages(tinyset, marking.report("ada")).values():
        assert "Rubric" not in page
        assert "follows through the product" not in page


HOSTILE = [
    "<script>alert(1)</script>",
    "```mermaid\n<script>alert(1)</script>\n```",
    "$$\n<script>alert(1)</script>\n$$",
    "[x](javascript:alert(1))",
    "![x](attachment:gone)",
    '<img src=x onerror="alert(1)">',
    "| <script> | b |\n|--|--|\n| <iframe src=x> | 2 |",
    "[x]: vbscript:a\n\n[x]",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_script_in_markdown_reaches_no_page(text):
    read = Reader(markdown(text))
    assert not {"script", "iframe", "object", "embed", "style", "base", "form"} & set(read.tags)
    assert not [name for _, name, _ in read.attributes if name.startswith("on")]
    assert not [value for _, name, value in read.attributes if name in ("href", "src") and "script:" in value]


@pytest.mark.parametrize(
    "output",
    [
        {"output_type": "display_data", "data": {"text/html": "<script>alert(1)</script>"}},
        {"output_type": "display_data", "data": {"image/svg+xml": "<svg onload=alert(1)>"}},
        {"output_type": "display_data", "data": {"application/javascript": "alert(1)"}},
        {"output_type": "display_data", "data": {"image/png": '"><script>alert(1)</script>'}},
        {"output_type": "stream", "name": "stdout", "text": ["<script>", "alert(1)"]},
        {"output_type": "error", "ename": "<script>", "evalue": "alert(1)"},
    ],
)
def test_script_in_outputs_reaches_no_page(output):
    cell = {"cell_type": "code", "source": "'</pre><script>alert(1)</script>'", "outputs": [output]}
    read = Reader(cell_html(cell))
    assert not {"script", "svg", "iframe"} & set(read.tags)
    assert not [name for _, name, _ in read.attributes if name.startswith("on")]


def test_every_page_forbids_scripts_and_loads_nothing(tinyset):
    name = "<script>alert(1)</script>"
    made = pages(tinyset, marking.report("ada", notes=(f"file {name} was renamed",)), answer=name)
    for page in made.values():
        read = Reader(page)
        assert "script" not in read.tags
        policy = [value for tag, key, value in read.attributes if (tag, key) == ("meta", "content")][0]
        assert policy == "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
        assert not [value for _, key, value in read.attributes if key in ("src", "href") and "://" in value]


def test_an_ungraded_exercise_reads_as_not_graded_and_never_as_zero(tinyset):
    page = Reader(pages(tinyset, marking.report("ada", scale=None))["index.html"]).text
    assert "Not graded: the worker ended." in page
    assert "0 / 3" not in page


def test_an_ungraded_submission_gets_a_page_that_says_why(tinyset):
    made = pages(tinyset, marking.report("ada", scale=None, scaler=None, notes=("1_scaling.ipynb is no JSON",)))
    assert set(made) == {"index.html"}
    assert "ada: not graded" in made["index.html"]
    assert "1_scaling.ipynb is no JSON" in made["index.html"]


def test_the_class_page_links_every_student(tinyset):
    pages(tinyset, marking.report("ada"), marking.report("o'brien & co", scale=None, scaler=None))
    page = (tinyset.root / "feedback" / f"{tiny.NAME}.html").read_text()
    links = [value for tag, key, value in Reader(page).attributes if tag == "a"]
    assert sorted({link for link in links if link.endswith("index.html")}) == [
        "ada/tinyset/index.html",
        "o%27brien%20%26%20co/tinyset/index.html",
    ]
    assert "5 / 6 so far" in page and "not graded" in page


def test_one_students_pages_can_be_written_alone(tinyset):
    results = marking.store(tinyset.root, marking.report("ada"), marking.report("bob"))
    gradebook.write(tinyset, results)
    assert feedback_pages.write(tinyset, results, students=["bob"]).students == ("bob",)
    assert not (tinyset.root / "feedback/ada").exists()


def test_a_student_without_a_result_is_named(tinyset):
    results = marking.store(tinyset.root, marking.report("ada"))
    with pytest.raises(BadInput, match="no result for eve"):
        feedback_pages.write(tinyset, results, students=["eve"])


def test_pages_can_be_written_without_a_gradebook(tinyset):
    (tinyset.root / "gradebook.db").unlink()
    results = marking.store(tinyset.root, marking.report("ada"))
    feedback_pages.write(tinyset, results)
    assert "5 / 6 so far" in texts(tinyset)["index.html"]


def test_a_dressed_notebook_is_still_a_notebook(tinyset):
    import nbformat

    (book,) = marking.notebooks(tinyset.root).values()
    dressed = dress(book, tinyset.manifest, marking.report("ada"), rubrics(tinyset))
    nbformat.validate(nbformat.reads(json.dumps(dressed), as_version=4))


def test_a_page_says_which_result_it_shows_and_which_regrades_it_went_through(tinyset):
    made = pages(tinyset, marking.report("ada"), marking.report("bob"))
    assert "against version 1.0: result 1." in Reader(made["index.html"]).text and "egraded" not in made["index.html"]
    results = marking.store(tinyset.root)
    regrades = (("a <b>test</b> was wrong.", ["ada", "bob"], 1.0), ("of ada alone", ["ada"], 2.0))
    for why, graded, scale in regrades:
        begun, _ = regrade.begin(results, why, graded)
        marking.store(tinyset.root, marking.report("ada", scale=scale))
        regrade.finish(results, begun, regrade.changes_of(results, begun, tinyset.manifest))
    for student, said in (
        (
            "ada",
            ["result 3", "because a <b>test</b> was wrong (your automatic points changed).", "because of ada alone ("],
        ),
        ("bob", ["result 1", "because a <b>test</b> was wrong (your points stayed the same)."]),
    ):
        feedback_pages.write(tinyset, results, students=[student])
        for page in ("index.html", "1_scaling.html"):
            text = Reader((tinyset.root / "feedback" / student / tiny.NAME / page).read_text()).text
            assert all(" ".join(words.split()) in " ".join(text.split()) for words in said), text
