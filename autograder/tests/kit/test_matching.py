"""Cells whose ids are gone, rewritten, doubled or merged still count as what they are."""

import copy

import pytest

from kit.manifest import Cell, CellKind, Manifest, Notebook
from kit.matching import RawCell, match
from kit.notebooks import submitted_cells, which_notebook
from kit.reading import read_notebook

DOUBLE_STUB = 'def double(x):\n    """Twice x."""\n    raise NotImplementedError("ex-double: write this function")'
HALF_STUB = 'def half(x):\n    """Half of x."""\n    raise NotImplementedError("ex-half: write this function")'
DOUBLE, HALF = "def double(x):\n    return 2 * x", "def half(x):\n    return x / 2"
BOOK = Notebook(
    "1_book.ipynb",
    "book",
    "A book",
    (
        Cell("c-title", CellKind.TEXT, "# A book\n\nTwo functions, then two questions about their gradients."),
        Cell("setup", CellKind.SHOW, ""),
        Cell("given-1", CellKind.GIVEN, "import math\n\nimport torch\nfrom torch import nn"),
        Cell("ex-double", CellKind.EXERCISE, DOUBLE_STUB),
        Cell("ex-double-check", CellKind.CHECK, 'check("ex-double")'),
        Cell("ex-half", CellKind.EXERCISE, HALF_STUB),
        Cell("ex-half-check", CellKind.CHECK, 'check("ex-half")'),
        Cell("c-guess", CellKind.GUESS, "guess_slope = None  # a number"),
        Cell("c-show", CellKind.SHOW, "figures.slopes(double, half, guess=guess_slope, labelled=True)"),
        Cell("c-a", CellKind.TEXT, "**(a)** Why is the slope of `double` the same everywhere? Three sentences."),
        Cell("ex-a", CellKind.ANSWER, "*Your answer here.*"),
        Cell("c-b", CellKind.TEXT, "**(b)** What would a learned factor change, and for which inputs?"),
        Cell("ex-b", CellKind.ANSWER, "*Your answer here.*"),
        Cell("c-end", CellKind.TEXT, "## The end\n\nSave the notebook before you hand it in."),
    ),
)
SETUP = "import sys\nsys.path.insert(0, '.')\nimport course"
IDS = [cell.id for cell in BOOK.cells]


def notebook(**sources):
    """The released notebook as a student saves it, without any id."""
    return [
        {
            "cell_type": "code" if cell.kind.is_code else "markdown",
            "metadata": {},
            "source": sources.get(cell.id.replace("-", "_"), cell.source or SETUP),
        }
        for cell in BOOK.cells
    ]


def told(cells):
    return [cell.released.id if cell.released else None for cell in submitted_cells(BOOK, {"cells": cells})]


def answer_texts(cells):
    return {name: cell.source for name, cell in read_notebook(BOOK, {"cells": cells}).answers.items()}


def read(cells):
    return read_notebook(BOOK, {"cells": cells}).extraction


# --- ids that are gone ----------------------------------------------------------------------------------------------


def test_an_untouched_notebook_without_ids_is_told_cell_by_cell():
    assert told(notebook()) == IDS


WRITTEN = {
    "exercises": {"ex_double": DOUBLE, "ex_half": HALF},
    "answers": {"ex_a": "It is linear.", "ex_b": "The slope."},
    "answers beside their placeholder": {"ex_a": "*Your answer here.* It is linear."},
    "a guess": {"c_guess": "guess_slope = 2  # or 3?"},
    "a figure with another setting": {"c_show": "figures.slopes(double, half, guess=guess_slope, labelled=False)"},
    "text typed into a question": {"c_b": BOOK.cells[11].source + "\n\nMy answer: it moves all of them."},
    "text typed above a question": {"c_b": "My answer: it moves all of them.\n\n" + BOOK.cells[11].source},
    "an altered given cell": {"given_1": "import math\n\nimport torch\nfrom torch import nn, Tensor"},
    "an answer that was emptied": {"ex_a": ""},
    "spaces at the ends of lines": {
        "c_title": "# A book  \n\n\nTwo functions, then two questions about their gradients. "
    },
}


@pytest.mark.parametrize("sources", WRITTEN.values(), ids=WRITTEN)
def test_a_written_notebook_without_ids_is_told_cell_by_cell(sources):
    assert told(notebook(**sources)) == IDS


@pytest.mark.parametrize(
    "ids", [{"id": "8f2e"}, {"metadata": {"id": "x"}}, {"metadata": {"nbgrader": {"grade_id": 3}}}]
)
def test_ids_that_a_tool_rewrote_are_as_good_as_none(ids):
    cells = [cell | copy.deepcopy(ids) for cell in notebook(ex_double=DOUBLE, ex_a="It is linear.")]
    assert told(cells) == IDS
    assert answer_texts(cells)["ex-a"] == "It is linear."


def test_an_exercise_without_ids_counts_as_with_them():
    without, cells = read(notebook(ex_double=DOUBLE, ex_half=HALF)), notebook(ex_double=DOUBLE, ex_half=HALF)
    with_ids = read([cell | {"id": name} for cell, name in zip(cells, IDS, strict=True)])
    assert without.cells == with_ids.cells
    assert (without.missing, without.stubs) == (frozenset(), frozenset())


def test_the_notes_say_which_cells_were_told_by_their_text():
    (note,) = read(notebook()).notes
    assert note.startswith(
        "14 cells without their ids were told by text and place: ex-double is cell 4, ex-half is cell 6"
    )
    assert read([cell | {"id": name} for cell, name in zip(notebook(), IDS, strict=True)]).notes == ()


def test_own_cells_between_cells_without_ids_stay_the_students_own():
    cells = notebook(ex_double=DOUBLE, ex_a="It is linear.")
    own = [
        {"cell_type": "code", "metadata": {}, "source": "helper = 3"},
        {"cell_type": "code", "metadata": {}, "source": "def again(x):\n    return double(x)"},
        {"cell_type": "markdown", "metadata": {}, "source": "A remark on the whole."},
    ]
    cells[11:11] = own[2:]
    cells[4:4] = own[:2]
    expected = [*IDS[:4], None, None, *IDS[4:10], IDS[10], None, *IDS[11:]]
    assert told(cells) == expected


def test_a_few_ids_that_are_left_go_before_texts():
    cells = notebook(ex_a="It is linear.", ex_b="The slope.")
    cells[10]["id"], cells[12]["id"] = "ex-b", "ex-a"
    assert answer_texts(cells) == {"ex-a": "The slope.", "ex-b": "It is linear."}


def test_an_answer_that_was_deleted_and_typed_anew_is_told_by_its_place():
    cells = [cell | {"id": name} for cell, name in zip(notebook(), IDS, strict=True)]
    cells[10] = {"cell_type": "markdown", "id": "new", "metadata": {}, "source": "It is linear."}
    assert answer_texts(cells)["ex-a"] == "It is linear."


def test_answers_whose_questions_were_deleted_too_are_told_in_their_order():
    cells = notebook(ex_a="It is linear.", ex_b="The slope.")
    del cells[11], cells[9]
    assert answer_texts(cells) == {"ex-a": "It is linear.", "ex-b": "The slope."}


def test_code_of_the_students_own_is_not_taken_for_a_given_cell_that_it_resembles():
    cells = [cell | {"id": name} for cell, name in zip(notebook(), IDS, strict=True)]
    del cells[2]
    source = "import math\n\nimport torch\n" + "\n".join(f"rate_{n} = {n}" for n in range(20))
    cells.insert(2, {"cell_type": "code", "metadata": {}, "source": source})
    assert told(cells)[2] is None
    assert any("rate_7" in code.source for code in read(cells).cells)


# --- which notebook -------------------------------------------------------------------------------------------------

OTHER = Notebook(
    "2_other.ipynb",
    "other",
    "Other",
    tuple(Cell(f"d-{n}", CellKind.TEXT, f"Section {n} of something else, on topic {n}") for n in range(6)),
)
MANIFEST = Manifest("set", "A set", "1.0", "lib", (OTHER, BOOK), (), (), "", 60.0)


def test_a_file_without_ids_is_known_by_its_texts():
    assert which_notebook(MANIFEST, {"cells": notebook(ex_double=DOUBLE)}) is BOOK


@pytest.mark.parametrize(
    "sources",
    [
        ["# My notes", "def double(x):\n    return x + x"],
        ["*Your answer here.*"] * 6,
        ['check("ex-double")', DOUBLE],
        [""] * 20,
    ],
)
def test_a_notebook_of_something_else_is_not_taken(sources):
    cells = [
        {"cell_type": "code" if "(" in source else "markdown", "metadata": {}, "source": source} for source in sources
    ]
    assert which_notebook(MANIFEST, {"cells": cells}) is None


# --- merged and doubled ---------------------------------------------------------------------------------------------


def labelled(**sources):
    cells = notebook(**sources)
    return {name: cell | {"id": name} for cell, name in zip(cells, IDS, strict=True)}


def sources_of(extraction):
    return {code.exercise: code.source.strip() for code in extraction.cells if code.exercise}


@pytest.mark.parametrize("kept, lost", [("ex-double", "ex-half"), ("ex-half", "ex-double")])
def test_two_exercises_merged_into_one_cell_both_count(kept, lost):
    cells = labelled(**{kept.replace("-", "_"): f"{DOUBLE}\n\n\n{HALF}"})
    del cells[lost]
    extraction = read(list(cells.values()))
    assert sources_of(extraction) == {"ex-double": DOUBLE, "ex-half": HALF}
    assert (extraction.missing, extraction.stubs) == (frozenset(), frozenset())


def test_a_merged_cell_keeps_the_line_numbers_of_the_notebook():
    cells = labelled(ex_double=f"{DOUBLE}\n\n\n{HALF}")
    del cells["ex-half"]
    by_exercise = {code.exercise: code.source for code in read(list(cells.values())).cells}
    assert by_exercise["ex-half"].split("\n").index("def half(x):") == 4


def test_a_merged_cell_and_the_untouched_stub_below_it_count_as_written():
    extraction = read(list(labelled(ex_double=f"{DOUBLE}\n\n\n{HALF}").values()))
    assert not extraction.stubs and not extraction.missing
    assert "NotImplementedError" not in "".join(code.source for code in extraction.cells)
    assert "ex-half is taken from cell 4, which defines half" in extraction.notes


def test_a_function_written_in_an_own_cell_above_its_untouched_stub_counts():
    cells = list(labelled(ex_double=DOUBLE).values())
    cells.insert(3, {"cell_type": "code", "metadata": {}, "source": HALF})
    extraction = read(cells)
    assert not extraction.stubs
    assert "ex-half is taken from cell 4, which defines half" in extraction.notes


def test_a_copy_of_a_stub_does_not_count_as_written():
    cells = list(labelled(ex_double=DOUBLE).values())
    cells.insert(3, {"cell_type": "code", "metadata": {}, "source": HALF_STUB})
    assert read(cells).stubs == {"ex-half"}
    del cells[6]
    assert read(cells).stubs == {"ex-half"}


def test_of_an_answer_in_two_cells_with_one_id_the_first_written_one_stands_for_it():
    cells = list(labelled(ex_a="").values())
    cells[11:11] = [cells[10] | {"source": "First half,"}, cells[10] | {"source": "second half."}]
    assert answer_texts(cells)["ex-a"] == "First half,"


def test_matching_takes_a_bounded_time_whatever_the_cells_hold():
    text = " ".join(cell.source for cell in BOOK.cells)
    cells = [RawCell((), False, text[n % 700 :] * 20) for n in range(2_000)]
    assert len(match(BOOK, cells)) == 2_000
