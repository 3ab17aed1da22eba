"""The student's text outside the answers' cells, and the question it belongs to."""

import pytest

from autograder.tests.kit.test_matching import BOOK, DOUBLE, IDS, notebook
from kit.answers import is_answered, outside, prose
from kit.manifest import CellKind, text_id
from kit.reading import read_notebook

WORDS = "Because the derivative is constant."


def cells_of(**sources):
    return [cell | {"id": name} for cell, name in zip(notebook(**sources), IDS, strict=True)]


def own(kind, source):
    return {"cell_type": kind, "metadata": {}, "source": source}


def inserted(before, kind, source, **sources):
    cells = cells_of(**sources)
    cells.insert(IDS.index(before) if before else len(cells), own(kind, source))
    return cells


def typed(name, source):
    return cells_of(**{name.replace("-", "_"): source})


def without(name, cells):
    return [cell for cell in cells if cell.get("id") != name]


def found(cells):
    """Answer id to the texts near it."""
    texts = outside(read_notebook(BOOK, {"cells": cells}))
    return {name: [item.text for item in items] for name, items in texts.items() if items}


SHOW, A, B = (cell.source for cell in (BOOK.cells[8], BOOK.cells[9], BOOK.cells[11]))
FORMS = {
    "a text cell": inserted("c-b", "markdown", WORDS),
    "a text cell above the answer": inserted("ex-a", "markdown", WORDS),
    "a raw cell": inserted("c-b", "raw", WORDS),
    "comments": inserted("c-b", "code", f"# {WORDS}"),
    "a string": inserted("c-b", "code", f'"""{WORDS}"""'),
    "a named string": inserted("c-b", "code", f"answer = '{WORDS}'"),
    "printed": inserted("c-b", "code", f"print('{WORDS}')"),
    "rendered": inserted("c-b", "code", f"display(Markdown('{WORDS}'))"),
    "text that is no Python": inserted("c-b", "code", WORDS),
    "a cell command for text": inserted("c-b", "code", f"%%markdown\n{WORDS}"),
    "a comment above code": inserted("c-b", "code", f"# {WORDS}\nslope = 3\nprint(slope)"),
    "a string among code": inserted("c-b", "code", f"slope = 3\nprint(slope, '{WORDS}')"),
    "typed below the question": typed("c-a", f"{A}\n\n{WORDS}"),
    "typed above the question": typed("c-a", f"{WORDS}\n\n{A}"),
    "typed into the line of the question": typed("c-a", f"{A} {WORDS}"),
    "in place of the question": typed("c-a", WORDS),
    "a comment in a figure's cell": typed("c-show", f"# {WORDS}\n{SHOW}"),
    "a comment in a check's cell": typed("ex-half-check", f'check("ex-half")\n# {WORDS}'),
    "a comment beside a guess": typed("c-guess", f"guess_slope = 2\n# {WORDS}"),
    "merged with its question and without id": without("ex-a", typed("c-a", f"{A}\n\n{WORDS}")),
    "merged with the question after it": without("ex-a", inserted("c-b", "markdown", WORDS)),
    "merged into an exercise": without("ex-a", typed("ex-half", f"# {WORDS}\n{BOOK.cells[5].source}")),
    "an exercise turned into text": [
        cell | ({"cell_type": "markdown", "source": WORDS} if cell["id"] == "ex-half" else {}) for cell in cells_of()
    ],
}


@pytest.mark.parametrize("cells", FORMS.values(), ids=FORMS)
def test_text_near_a_question_is_found_in_every_form(cells):
    reading = read_notebook(BOOK, {"cells": cells})
    texts = outside(reading)
    in_cell = reading.answers["ex-a"].source if "ex-a" in reading.answers else ""
    assert any(WORDS in text for text in [in_cell, *(item.text for item in texts["ex-a"])])
    assert is_answered("ex-a", reading, texts)
    assert not is_answered("ex-b", reading, texts)


NOTHING = {
    "untouched": cells_of(),
    "an exercise written with comments": typed("ex-half", "# halves\ndef half(x):\n    # by two\n    return x / 2"),
    "code of the student's own": inserted("c-guess", "code", "rate = 0.1\nfor n in range(3):\n    print(rate * n)"),
    "code put out of use": inserted("c-guess", "code", "# rate = 0.1\n# print(rate)\nrate = 0.2"),
    "an empty cell": inserted("c-b", "markdown", " \n"),
    "a rule": inserted("c-b", "markdown", "---"),
    "another setting of a figure": typed("c-show", SHOW.replace("True", "False")),
    "a guess in words": typed("c-guess", 'guess_slope = "the same for all of them"'),
    "a question that was deleted": without("c-a", cells_of()),
    "a question that was cut short": typed("c-a", A[:40] + "\n"),
    "the course's text, doubled": typed("c-a", f"{A}\n\n{B}"),
}


@pytest.mark.parametrize("cells", NOTHING.values(), ids=NOTHING)
def test_what_is_no_text_of_the_students_own_answers_nothing(cells):
    reading = read_notebook(BOOK, {"cells": cells})
    texts = outside(reading)
    assert not is_answered("ex-a", reading, texts) and not is_answered("ex-b", reading, texts)


@pytest.mark.parametrize("before, answer", [
    ("c-title", "ex-a"), ("ex-double", "ex-a"), ("c-guess", "ex-a"), ("c-a", "ex-a"), ("ex-a", "ex-a"),
    ("c-b", "ex-a"), ("ex-b", "ex-b"), ("c-end", "ex-b"), (None, "ex-b"),
])  # fmt: skip
def test_text_belongs_to_the_question_whose_part_of_the_notebook_holds_it(before, answer):
    assert found(inserted(before, "markdown", WORDS, ex_a="Written.", ex_b="Written.")) == {answer: [WORDS]}


def test_an_answer_split_into_several_cells_stays_together():
    cells = cells_of(ex_a="First,")
    at = IDS.index("c-b")
    cells[at:at] = [own("markdown", "second,"), own("code", "# third,"), own("raw", "fourth.")]
    assert found(cells) == {"ex-a": ["second,", "# third,", "fourth."]}


def test_without_the_questions_text_the_nearer_answer_gets_it_and_of_two_the_one_before():
    cells = without("c-b", cells_of(ex_a="A.", ex_b="B."))
    at = [cell["id"] for cell in cells].index("ex-b")
    cells[at:at] = [own("markdown", f"Part {n}.") for n in range(1, 4)]
    assert found(cells) == {"ex-a": ["Part 1.", "Part 2."], "ex-b": ["Part 3."]}


def test_other_cells_with_the_id_of_an_answer_belong_to_it_wherever_they_stand():
    cells = cells_of(ex_a="First half,")
    cells.append(cells[10] | {"source": "second half."})
    assert found(cells) == {"ex-a": ["second half."]}


def test_text_of_the_course_in_another_version_is_not_the_students():
    text = "Question (a) as it was worded before: is the slope constant?"
    older = own("markdown", text) | {"id": text_id(CellKind.TEXT, text)}
    cells = cells_of()
    cells.insert(IDS.index("ex-a"), older)
    assert found(cells) == {}
    assert found([cell if cell is not older else older | {"source": f"{text} Yes."} for cell in cells]) != {}


def test_code_directly_beside_an_answer_may_show_it_and_is_pointed_at():
    cells = inserted("c-b", "code", "Image('my_answer.jpg')")
    assert found(cells) == {"ex-a": [""]}
    assert found(inserted("ex-double", "code", "Image('my_answer.jpg')")) == {}


def test_added_text_keeps_its_paragraphs_lists_and_tables():
    text = "It is *linear*:\n\n- first\n- second\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n$$f'(x) = 2$$"
    assert found(typed("c-a", f"{A}\n\n{text}")) == {"ex-a": [text]}


@pytest.mark.parametrize("source, text, whole", [
    ("# why: it is linear\n\n# and bounded", "# why: it is linear\n\n# and bounded", True),
    ("# x = 3\n# plot(x)", "", False),
    ("x = 1\n# so the slope is one", "# so the slope is one", False),
    ("x = 1  # a note in passing", "", False),
    ("'yes'", "'yes'", True),
    ("device = 'cuda'", "", False),
    ("", "", False),
    ("pass", "", False),
])  # fmt: skip
def test_the_text_in_a_code_cell(source, text, whole):
    assert prose(source) == (text, whole)


def test_a_notebook_of_thousands_of_long_cells_is_read():
    cells = [cell | {"source": cell["source"] + "\nline\n" * 500} for cell in cells_of(ex_double=DOUBLE)] * 140
    assert found(cells[:2_000])


def test_a_notebook_without_cells_answers_nothing():
    reading = read_notebook(BOOK, None)
    assert outside(reading) == {"ex-a": (), "ex-b": ()}


TOGETHER = {
    "numbered": cells_of(ex_a=f"It rises.\n\n2. {WORDS}"),
    "by letter": cells_of(ex_a=f"(a) It rises. (b) no.\n\n(b) {WORDS}"),
    "by letter, in bold": cells_of(ex_a=f"**a)** It rises.\n\n**b)** {WORDS}"),
    "named": cells_of(ex_a=f"Question 1: it rises.\nQuestion 2: {WORDS}"),
    "under a heading": cells_of(ex_a=f"It rises.\n\n## Q2.\n{WORDS}"),
    "behind the question, which was merged too": cells_of(ex_a=f"It rises.\n\n{B}\n\n{WORDS}"),
    "merged, its own cell gone": without("ex-b", cells_of(ex_a=f"It rises.\n\n{WORDS}")),
    "in one new cell": inserted("c-b", "markdown", f"a) It rises.\n\nb) {WORDS}"),
    "in one new cell at the end": inserted(None, "markdown", f"1) {WORDS}\n\n2) It falls."),
}


@pytest.mark.parametrize("cells", TOGETHER.values(), ids=TOGETHER)
def test_answers_that_were_written_together_are_shown_with_each_question(cells):
    reading = read_notebook(BOOK, {"cells": cells})
    texts = outside(reading)
    for answer in ("ex-a", "ex-b"):
        in_cell = reading.answers[answer].source if answer in reading.answers else ""
        assert is_answered(answer, reading, texts)
        assert any(WORDS in text for text in [in_cell, *(item.text for item in texts[answer])])


@pytest.mark.parametrize(
    "text", ["It rises since b is positive.", "2 of 3 numbers rise.", "b", "3. It rises.", "ab) c"]
)
def test_an_answer_that_names_no_other_question_leaves_that_one_empty(text):
    reading = read_notebook(BOOK, {"cells": cells_of(ex_a=text)})
    assert not is_answered("ex-b", reading, outside(reading))
