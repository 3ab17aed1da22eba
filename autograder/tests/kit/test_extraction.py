"""Which code of a submitted notebook runs at grading."""

import random
from typing import Any

import pytest

from kit.cells import MAX_SOURCE, read_python
from kit.manifest import Cell, CellKind, Manifest, Notebook
from kit.notebooks import Extraction, submitted_cells, which_notebook
from kit.reading import extract

STUB = 'def double(x):\n    """Twice x."""\n    raise NotImplementedError("ex-double: write this function")'
CLASS_STUB = """\
class Net(Base):
    def forward(self, x):
        raise NotImplementedError("ex-net: write this function")

    def features(self, x):
        raise NotImplementedError("ex-net: write this function")"""
DOUBLE = "def double(x):\n    return 2 * x"
NET = "class Net(Base):\n    def forward(self, x):\n        return x\n\n    def features(self, x):\n        return x"
BOOK = Notebook(
    "1_book.ipynb",
    "book",
    "A book",
    (
        Cell("given-1", CellKind.GIVEN, "import torch\nfrom torch import nn"),
        Cell("c-text", CellKind.TEXT, "# Title"),
        Cell("ex-double", CellKind.EXERCISE, STUB),
        Cell("ex-double-check", CellKind.CHECK, 'check("ex-double")'),
        Cell("given-2", CellKind.GIVEN, "class Base:\n    pass"),
        Cell("ex-net", CellKind.EXERCISE, CLASS_STUB),
        Cell("c-guess", CellKind.GUESS, "guess_best = None"),
        Cell("c-show", CellKind.SHOW, "plot(double)"),
        Cell("ex-why", CellKind.ANSWER, "*Your answer here.*"),
    ),
)
RELEASED = {cell.id: cell for cell in BOOK.cells}


def cell(name: str, source: Any = None, **more: Any) -> dict[str, Any]:
    known = RELEASED.get(name)
    kind = "markdown" if known is not None and known.kind in ("text", "answer") else "code"
    text = known.source if known is not None and source is None else source
    return {"cell_type": kind, "id": name, "metadata": {}, "source": text} | more


def whole(**sources: Any) -> list[dict[str, Any]]:
    return [cell(name, sources.get(name.replace("-", "_"))) for name in RELEASED]


def read(*cells: Any) -> Extraction:
    return extract(BOOK, {"cells": list(cells)})


def own(source: str) -> Extraction:
    """What becomes of one cell of the student's own, in an otherwise untouched notebook."""
    return read(*whole(), cell("own", source))


def ran(extraction: Extraction, label: str) -> list[str]:
    return [code.source.lstrip("\n") for code in extraction.cells if code.label == label]


OWN = f"cell {len(BOOK.cells) + 1}"


# --- the ordinary case ----------------------------------------------------------------------------------------------


def test_given_and_solution_cells_run_in_order_and_nothing_else_does() -> None:
    extraction = read(*whole(ex_double=DOUBLE, ex_net=NET))
    labels = [(code.label, code.exercise) for code in extraction.cells]
    assert labels == [
        ("given-1", None), ("ex-double", "ex-double"), ("given-2", None), ("ex-net", "ex-net"), ("cell 7", None),
    ]  # fmt: skip
    assert extraction.cells[1].source == DOUBLE
    assert not (extraction.left_out or extraction.notes or extraction.missing or extraction.stubs)


def test_an_untouched_notebook_consists_of_stubs() -> None:
    extraction = read(*whole())
    assert extraction.stubs == {"ex-double", "ex-net"} and not extraction.missing and not extraction.notes


def test_no_notebook_at_all_leaves_the_given_cells() -> None:
    extraction = extract(BOOK, None)
    assert [code.label for code in extraction.cells] == ["given-1", "given-2"]
    assert extraction.missing == {"ex-double", "ex-net"} and not extraction.notes


def test_a_partly_written_class_is_no_stub_and_is_said() -> None:
    half = CLASS_STUB.replace('raise NotImplementedError("ex-net: write this function")', "return x", 1)
    extraction = read(*whole(ex_net=half))
    assert extraction.stubs == {"ex-double"}
    assert extraction.notes == ("ex-net: 1 of 2 parts still to write",)


def test_code_above_a_forgotten_raise_is_still_a_stub_and_is_said() -> None:
    extraction = read(*whole(ex_double=STUB.replace("    raise", "    y = 2 * x\n    raise")))
    assert "ex-double" in extraction.stubs
    assert extraction.notes == ("ex-double still raises NotImplementedError: delete that line",)


def test_a_function_that_returns_before_a_forgotten_raise_is_written() -> None:
    assert "ex-double" not in read(*whole(ex_double=STUB.replace("    raise", "    return 2 * x\n    raise"))).stubs


# --- own cells ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "source",
    [
        "import math as m, os",
        "from torch import *",
        "def helper(x, *, scale=2):\n    return train(x)",
        "@torch.no_grad()\ndef helper(x):\n    return x",
        "@(\n    torch.no_grad()\n)\nclass Helper:\n    pass",
        "async def helper(): ...",
        "class Helper:\n    size = 3",
        "size = 3",
        "a, (b, *c) = 1, (2, 3)",
        "sizes = {'a': [1, 2.5, -3], **{}}",
        "size: int = 2 ** 3 if flag else ~4",
        "size += 1",
        "area = sizes['a'][1:2] @ other.T",
        "name = f'{size:03d} of {area!r}'",
        "mean = torch.tensor([0.5], dtype=torch.float64)",
        "device = torch.device('cuda' if torch.cuda.is_available() else 'cpu')",
        "angle = math.sin(math.pi / 2)",
        "key = lambda pair: run(pair)",
        "config['dim'] = 3",
    ],
)
def test_definitions_and_simple_assignments_of_own_cells_run(source: str) -> None:
    extraction = own(source)
    assert ran(extraction, OWN) == [source] and not extraction.left_out


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("model = train(steps=5)", "it calls train()"),
        ("x = torch.rand(3)", "it calls torch.rand()"),
        ("x = [run() for _ in y]", "more than a simple assignment"),
        ("x = (y := 3)", "more than a simple assignment"),
        ("x: run() = 3", "it calls run()"),
        ("x = math.sin(run())", "it calls run()"),
        ("x = items[0]()", "it calls something()"),
        ("x = lambda y=run(): y", "it calls run()"),
        ("print(3)", "only imports, definitions"),
        ("for i in x:\n    print(i)", "only imports, definitions"),
        ("if __name__ == '__main__':\n    def helper(): ...", "a definition inside `if`"),
        ("try:\n    import seaborn\nexcept ImportError:\n    run()", "a definition inside `try`"),
        ("with x:\n    for i in y:\n        class Helper: ...", "a definition inside `with`"),
        ("del double", "only imports, definitions"),
        ("double", "only imports, definitions"),
        ("def broken(:\n    pass", "SyntaxError"),
        ("x = 1\n  y = 2", "IndentationError"),
        ("x = " + "(" * 5000, "SyntaxError"),
        ("x = " + "-" * 90_000 + "1", "nested too deeply"),
        ("x = '" + "a" * MAX_SOURCE + "'", "longer than"),
        ("x = " + "9" * 5000, "SyntaxError"),
    ],
)
def test_everything_else_in_own_cells_is_left_out_with_the_reason(source: str, why: str) -> None:
    extraction = own(source)
    assert ran(extraction, OWN) == []
    (item,) = extraction.left_out
    assert item.label == OWN and why in item.why
    assert len(item.text) <= 80 and item.text.isprintable()


def test_docstrings_and_pass_are_no_news() -> None:
    extraction = own('"""Notes."""\npass\n...')
    assert ran(extraction, OWN) == [] and not extraction.left_out


def test_neighbours_left_out_for_one_reason_are_listed_once_with_the_first_line() -> None:
    extraction = own("size = 1\nprint(1)\nprint(2)\nwidth = 2\nprint(3)")
    assert [(item.line, item.text) for item in extraction.left_out] == [(2, "print(1)"), (5, "print(3)")]


def test_each_statement_of_an_own_cell_runs_apart_on_its_own_line() -> None:
    extraction = own("import seaborn; print('é'); size = 'é'\n\ndef helper():\n    return size")
    pieces = [code.source for code in extraction.cells if code.label == OWN]
    assert pieces == ["import seaborn", "size = 'é'", "\n\ndef helper():\n    return size"]


def test_a_cell_of_very_many_statements_runs_as_one_with_its_line_numbers() -> None:
    source = "\n".join(f"print({n})\na{n} = 0; b{n} = 0" for n in range(100))
    (code,) = [code for code in own(source).cells if code.label == OWN]
    assert code.source.split("\n")[199] == "a99 = 0; b99 = 0" and "print" not in code.source


def test_a_guess_is_kept_and_a_training_call_in_its_place_is_not() -> None:
    assert ran(read(*whole(c_guess="guess_best = .75")), "cell 7") == ["guess_best = .75"]
    assert ran(read(*whole(c_guess="guess_best = train()")), "cell 7") == []


def test_code_in_a_show_or_check_cell_never_runs_and_a_change_there_is_said() -> None:
    assert not read(*whole(c_show="plot(double)\n")).left_out
    extraction = read(*whole(c_show="def helper(): ...", ex_double_check="score = 100"))
    assert [(item.label, item.text) for item in extraction.left_out] == [
        ("cell 4", "score = 100"),
        ("cell 8", "def helper(): ..."),
    ]


def test_a_show_cell_whose_released_text_is_not_known_is_no_news() -> None:
    book = Notebook("1.ipynb", "p", "", (Cell("setup", CellKind.SHOW, ""),))
    assert not extract(book, {"cells": [cell("setup", "fetch()")]}).left_out


# --- given cells ------------------------------------------------------------------------------------------------------


def test_a_changed_given_cell_runs_as_released() -> None:
    extraction = read(*whole(given_2="class Base:\n    cheat = True"))
    assert ran(extraction, "given-2") == [RELEASED["given-2"].source]
    assert [(item.label, item.text) for item in extraction.left_out] == [("given-2", "class Base:")]


def test_a_deleted_given_cell_is_put_back_before_what_follows_it() -> None:
    extraction = read(cell("own", "size = 1"), cell("ex-double", DOUBLE), cell("ex-net", NET))
    assert [code.label for code in extraction.cells] == ["cell 1", "given-1", "ex-double", "given-2", "ex-net"]
    assert "the given cell given-2 is not in the notebook: it was put back" in extraction.notes


def test_a_given_cell_that_was_moved_down_runs_before_what_needs_it() -> None:
    extraction = read(cell("ex-net", NET), cell("ex-double", DOUBLE), cell("given-2"), cell("given-1"))
    labels = [code.label for code in extraction.cells]
    assert labels.index("given-1") < labels.index("given-2") < labels.index("ex-net")


def test_own_cells_keep_their_place_among_the_given_ones() -> None:
    cells = [cell("given-1"), cell("own", "size = 1"), *whole()[1:]]
    assert [code.label for code in read(*cells).cells][:3] == ["given-1", "cell 2", "ex-double"]


# --- which cell is which ----------------------------------------------------------------------------------------------


def test_a_cell_is_known_by_its_grade_id_its_own_id_or_the_id_that_colab_keeps() -> None:
    graded = cell("x", DOUBLE, metadata={"nbgrader": {"grade_id": "ex-double"}})
    colab = cell("x", NET, metadata={"id": "ex-net"})
    assert not read(graded, colab).missing
    assert not read(cell("ex-double", DOUBLE), cell("ex-net", NET)).missing


def test_a_deleted_solution_cell_is_missing_and_said() -> None:
    extraction = read(*[c for c in whole(ex_net=NET) if c["id"] != "ex-double"])
    assert extraction.missing == {"ex-double"} and "ex-double" not in extraction.stubs
    assert extraction.notes == ("the cell of ex-double is not in the notebook",)


def test_a_solution_cell_turned_into_text_is_missing_and_said() -> None:
    cells = whole(ex_double=DOUBLE, ex_net=NET)
    cells[2]["cell_type"] = "markdown"
    extraction = read(*cells)
    assert extraction.missing == {"ex-double"}
    assert extraction.notes == ("the cell of ex-double is not a code cell any more",)


def test_of_two_copies_the_later_one_is_graded_and_said() -> None:
    extraction = read(*whole(ex_double="def double(x):\n    return 0"), cell("ex-double", DOUBLE))
    assert [code.source for code in extraction.cells if code.exercise == "ex-double"] == [DOUBLE]
    assert extraction.notes == ("cell ex-double appears twice: the later one is graded",)


def test_a_copy_that_is_an_unwritten_stub_does_not_undo_the_written_one() -> None:
    extraction = read(*whole(ex_double=DOUBLE, ex_net=NET), cell("ex-double", STUB))
    assert [code.source for code in extraction.cells if code.exercise] == [DOUBLE, NET]
    assert not extraction.stubs and STUB not in [code.source for code in extraction.cells]
    assert extraction.notes == ("cell ex-double appears twice: cell 3 is graded",)


def test_a_split_solution_cell_keeps_both_halves() -> None:
    upper, lower = "def double(x):\n    return factor() * x", "def factor():\n    return 2"
    extraction = read(*whole(ex_double=upper), cell("ex-double", lower))
    assert [code.source for code in extraction.cells if code.exercise == "ex-double"] == [upper]
    assert lower in [code.source for code in extraction.cells]


def test_an_exercise_merged_into_a_cell_above_what_it_needs_runs_behind_that() -> None:
    cells = [one for one in whole(ex_double=f"{DOUBLE}\n\n{NET}") if one["id"] != "ex-net"]
    extraction = read(*cells)
    assert [(code.label, code.exercise) for code in extraction.cells][:4] == [
        ("given-1", None),
        ("ex-double", "ex-double"),
        ("given-2", None),
        ("ex-double", "ex-net"),
    ]
    assert ran(extraction, "ex-double") == [DOUBLE + "\n" * (NET.count("\n") + 2), NET]


def test_a_later_definition_of_the_same_name_counts_as_in_the_notebook() -> None:
    extraction = own(DOUBLE)
    assert extraction.stubs == {"ex-net"}
    assert f"{OWN} defines double again: that one is graded for ex-double" in extraction.notes
    assert "double again" not in " ".join(read(cell("own", DOUBLE), *whole()).notes)


def test_an_exercise_without_its_cell_is_found_by_the_name_it_defines() -> None:
    extraction = read(cell("a", DOUBLE), cell("b", NET))
    assert not extraction.missing
    assert [(code.label, code.exercise) for code in extraction.cells if code.exercise] == [
        ("cell 1", "ex-double"),
        ("cell 2", "ex-net"),
    ]


def test_an_inflated_locked_or_retyped_cell_is_what_the_release_says_it_is() -> None:
    cheat = {"nbgrader": {"grade_id": "ex-double-check", "solution": True, "points": 1000, "locked": False}}
    extraction = read(*whole(), cell("x", "def double(x):\n    return 2 * x", metadata=cheat))
    assert "ex-double" in extraction.stubs and all("return 2" not in code.source for code in extraction.cells)


def test_a_file_is_matched_to_a_notebook_by_the_ids_inside() -> None:
    other = Notebook("2.ipynb", "other", "", (Cell("o-1", CellKind.EXERCISE, ""), Cell("c-text", CellKind.TEXT, "")))
    manifest = Manifest("a", "A", "1", "lib", (other, BOOK), (), (), "", 60)
    assert which_notebook(manifest, {"cells": whole()}) is BOOK
    assert which_notebook(manifest, {"cells": [cell("o-1", "")]}) is other
    assert which_notebook(manifest, {"cells": [cell("x", "")]}) is None
    assert which_notebook(manifest, {}) is None


# --- commands of the notebook -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line",
    [
        "%matplotlib inline",
        "!pip install seaborn",
        "files = !ls",
        "out = %timeit -o double(3)",
        "?double",
        "double?",
        "torch.nn??",
        "pip install seaborn",
        "!ls \\\n  -l",
        "cd data",
    ],
)
def test_a_command_is_blanked_and_every_other_line_keeps_its_number(line: str) -> None:
    extraction = read(*whole(ex_double=f"import math\n{line}\n{DOUBLE}"))
    source = next(code.source for code in extraction.cells if code.exercise == "ex-double")
    blank = "\n" * (line.count("\n") + 1)
    assert source == f"import math\n{blank}{DOUBLE}"
    (item,) = extraction.left_out
    assert (item.label, item.line) == ("ex-double", 2) and "notebook commands" in item.why


def test_a_command_inside_a_block_leaves_the_block_whole() -> None:
    python = read_python("def double(x):\n    %time y = 2\n    return 2 * x")
    assert python.tree is not None and python.source.split("\n")[1] == "    pass"


def test_text_and_brackets_that_look_like_commands_are_left_alone() -> None:
    source = 'text = """\n%matplotlib\n!ls\n"""\nrest = (7\n% 4)\nhere = 7 \\\n% 4\nquote = "\'\\"#("  # "\n%time\n'
    python = read_python(source)
    assert python.source == source.replace("%time", "") and [item.line for item in python.blanked] == [10]


@pytest.mark.parametrize("magic", ["%%time", "%%capture out", "\n%%timeit -n 1"])
def test_the_body_under_a_timing_command_runs(magic: str) -> None:
    source = next(code.source for code in read(*whole(ex_double=f"{magic}\n{DOUBLE}")).cells if code.exercise)
    assert source.strip() == DOUBLE and source.split("\n").index("def double(x):") == magic.count("\n") + 1


def test_a_cell_in_another_language_runs_nothing_and_is_said() -> None:
    extraction = own("%%bash\nx=1\necho $x")
    assert ran(extraction, OWN) == [] and "%%bash is not Python" in extraction.left_out[0].why


def test_code_pasted_with_prompts_is_read_as_ipython_reads_it() -> None:
    assert ran(own(">>> def helper():\n...     return 1\n>>> size = 1"), OWN) == [
        "def helper():\n    return 1",
        "size = 1",
    ]


def test_a_text_over_several_lines_that_asks_a_question_is_no_request_for_help() -> None:
    source = 'question = """Why?\nWhy not?\n"""\n'
    assert read_python(source + "%time").source == source


def test_a_cell_that_is_indented_as_a_whole_is_read_as_ipython_reads_it() -> None:
    assert ran(own("    size = 1\n    width = 2"), OWN) == ["size = 1", "width = 2"]


# --- broken and hostile notebooks -------------------------------------------------------------------------------------


def test_a_syntax_error_in_a_solution_cell_stays_so_that_running_it_names_the_line() -> None:
    broken = "import math\n%time\ndef double(x):\n    return 2 *"
    extraction = read(*whole(ex_double=broken))
    source = next(code.source for code in extraction.cells if code.exercise == "ex-double")
    with pytest.raises(SyntaxError) as caught:
        compile(source, "cell", "exec")
    assert caught.value.lineno == 4
    assert "ex-double" not in extraction.stubs and "ex-double" not in extraction.missing


def test_an_oversized_solution_cell_is_missing_with_the_reason() -> None:
    extraction = read(*whole(ex_double=DOUBLE + "#" * MAX_SOURCE))
    assert extraction.missing == {"ex-double"} and "longer than" in extraction.left_out[0].why


def test_odd_characters_neither_crash_nor_change_the_meaning_of_texts() -> None:
    assert ran(own("x = '\ud800 \0'\r\ny = 1\rz = 2"), OWN) == ["x = '\\ud800 \\x00'", "y = 1", "z = 2"]
    assert ran(own("\ufeffx = 1"), OWN) == ["x = 1"]
    assert own("x = 1\0").left_out


def test_left_out_text_cannot_steer_a_terminal() -> None:
    assert all(item.text.isprintable() for item in own("print('\x1b[2J\u202e')").left_out)


def test_an_invalid_escape_in_a_text_is_no_error() -> None:
    assert ran(own("pattern = '\\d'"), OWN) == ["pattern = '\\d'"]


def test_a_notebook_with_thousands_of_cells_or_commands_stays_bounded() -> None:
    extraction = read(*[cell(f"own-{n}", "%time\nprint(1)") for n in range(3000)])
    assert len(extraction.left_out) == 201 and "only the first 2,000 cells are read" in extraction.notes
    extraction = read(*[cell(f"own-{n}", f"x{n} = '" + "a" * 90_000 + "'") for n in range(9)])
    assert len([code for code in extraction.cells if code.label.startswith("cell")]) == 5


JUNK: tuple[Any, ...] = (
    None,
    3,
    -1.5,
    True,
    "",
    "x = 1",
    "def double(x",
    [],
    {},
    ["x = 1\n", None, "y = 2"],
    [[[]]],
    {"a": 1},
)


def test_cells_with_any_types_in_any_field_are_read() -> None:
    draw = random.Random(0)
    for kind, name, metadata, source in (draw.choices(JUNK, k=4) for _ in range(2000)):
        read({"cell_type": kind, "id": name, "metadata": metadata, "source": source})
    for junk in JUNK:
        read(
            junk,
            cell("ex-double", DOUBLE, metadata={"nbgrader": junk}),
            cell("x", "", metadata={"nbgrader": {"grade_id": junk}}),
        )
        assert extract(BOOK, {"cells": junk}).missing == {"ex-double", "ex-net"}
        assert extract(BOOK, junk).missing == {"ex-double", "ex-net"}


def test_random_text_made_of_python_fragments_is_always_read() -> None:
    draw = random.Random(0)
    parts = [
        "def f(x):",
        "\n",
        "    ",
        "'",
        '"""',
        "(",
        "]",
        "%time",
        "!ls",
        "?",
        "x = ",
        "\\",
        "#",
        "@a",
        ";",
        "é",
        "\0",
        "if",
        "class A:",
    ]
    for _ in range(2000):
        source = "".join(draw.choice(parts) for _ in range(draw.randrange(25)))
        extraction = read(*whole(ex_double=source), cell("own", source))
        for code in extraction.cells:
            if code.label == OWN:
                assert read_python(code.source).tree is not None


def test_submitted_cells_count_from_one_and_carry_their_released_cell() -> None:
    cells = submitted_cells(BOOK, {"cells": [cell("own", "x"), cell("ex-why", "Because.")]})
    assert [(c.position, c.is_code, c.label) for c in cells] == [(1, True, "cell 1"), (2, False, "ex-why")]
    assert cells[1].released is RELEASED["ex-why"] and cells[1].source == "Because."


# --- names that nothing makes at grading, and code for a newer Python -------------------------------------------------

USES = "def double(x):\n    return 2 * x.to(DEV)"


@pytest.mark.parametrize(
    "source",
    [
        "if True:\n    DEV = 'cpu'",
        "if cuda():\n    pass\nelse:\n    DEV = 'cpu'",
        "for DEV in ['cpu']:\n    pass",
        "with best() as DEV:\n    pass",
        "try:\n    DEV = best()\nexcept Exception:\n    DEV = 'cpu'",
        "while True:\n    DEV = 1\n    break",
        "match x:\n    case 1:\n        DEV = 2",
        "match x:\n    case DEV:\n        pass",
        "match x:\n    case str() as DEV:\n        pass",
        "match x:\n    case [1, *DEV]:\n        pass",
        "match x:\n    case {'device': 1, **DEV}:\n        pass",
        "DEV = best()",
        "A, (B, *DEV) = best()",
        "DEV: str = best()",
        "print(DEV := 3)",
        "DEV = !nvidia-smi",
        "DEV = %env DEVICE",
        "if True:\n    import torch as DEV",
        "if True:\n    def DEV(): ...",
        "if True:\n    class DEV: ...",
        "DEV = 1\n  broken",
    ],
)
def test_a_name_that_only_a_left_out_statement_makes_is_noted_where_it_is_used(source: str) -> None:
    extraction = read(cell("own", source), *whole(ex_double=USES))
    maker = "cell 1 makes in a statement that does not run at grading"
    assert f"ex-double uses DEV, which {maker}" in extraction.notes
    assert str(extraction.unmade["DEV"]) == maker


@pytest.mark.parametrize("name", ["c-show", "ex-double-check", "given-1"])
def test_a_name_of_a_cell_that_does_not_run_is_noted_too(name: str) -> None:
    added = f"{RELEASED[name].source}\nDEV = 'cpu'"
    extraction = read(*whole(ex_double=USES, **{name.replace("-", "_"): added}))
    assert any(note.startswith("ex-double uses DEV, which cell ") for note in extraction.notes)


@pytest.mark.parametrize(
    ("own_cell", "answer"),
    [
        ("if True:\n    DEV = 1\nDEV = 'cpu'", USES),
        ("for DEV in x:\n    pass", "def double(x, DEV=2):\n    return DEV * x"),
        ("for DEV in x:\n    pass", "def double(x):\n    DEV = 2\n    return DEV * x"),
        ("for DEV in x:\n    pass", "DEV = 2\ndef double(x):\n    return DEV * x"),
        ("for DEV in x:\n    pass", "def double(x):\n    return x.DEV, 'DEV'"),
        ("total = [DEV for DEV in x]", USES),
        ("for sum in x:\n    pass", "def double(x):\n    return sum([x, x])"),
        ("for DEV in x:\n    pass", STUB + "\n# DEV"),
    ],
)
def test_names_that_something_makes_or_nothing_uses_are_no_news(own_cell: str, answer: str) -> None:
    extraction = read(cell("own", own_cell), *whole(ex_double=answer))
    assert not any("does not run at grading" in note for note in extraction.notes)


def test_a_helper_that_uses_such_a_name_is_named_itself() -> None:
    helper = "if True:\n    DEV = 1\ndef helper(x):\n    return x * DEV"
    extraction = read(cell("own", helper), *whole(ex_double="def double(x):\n    return helper(x)"))
    assert "cell 1 uses DEV, which cell 1 makes in a statement that does not run at grading" in extraction.notes


@pytest.mark.parametrize(
    "source",
    [
        "try:\n    import tqdm\nexcept ImportError:\n    tqdm = None",
        "try:\n    from tqdm import tqdm\nexcept ImportError:\n    def tqdm(x): return x",
        "try:\n    import einops\n    HAVE = True\nexcept (ImportError, OSError):\n    HAVE = False",
        "try:\n    import a\nexcept ImportError:\n    import b as a\nelse:\n    x = 1\nfinally:\n    y = 2",
    ],
)
def test_an_import_with_a_way_out_runs(source: str) -> None:
    extraction = own(source)
    assert ran(extraction, OWN) == [source] and not extraction.left_out


def test_imports_of_what_runs_are_known_with_their_cell_and_of_nothing_else() -> None:
    extraction = read(
        *whole(ex_double="import a.b\n" + DOUBLE, c_show="import unused"),
        cell("own", "x = 1\nfrom c import d\nprint(3)"),
    )
    assert [(label, one.line, one.module) for label, one in extraction.imports] == [
        ("ex-double", 1, "a.b"),
        (OWN, 2, "c"),
    ]


NEWER = {"language_info": {"version": "3.99.0"}}


@pytest.mark.parametrize("text", ["type A = int\n", "x = f'{y['a']}'\n", "def f[T](x): ...\n", "t'{x}'\n"])
def test_an_exercise_for_a_newer_python_is_told_from_a_mistake(text: str) -> None:
    cells = whole(ex_double=text + DOUBLE)
    assert not extract(BOOK, {"cells": cells}).newer
    newer = extract(BOOK, {"cells": cells, "metadata": NEWER}).newer
    assert list(newer) == ["ex-double"] and newer["ex-double"].startswith("line 1 of ex-double cannot be read")


def test_an_exercise_that_needs_a_cell_for_a_newer_python_is_told_as_well() -> None:
    cells = [
        cell("a", "def twice[T](x: T): return 2 * x"),
        cell("b", "def helper(x): return twice(x)"),
        *whole(ex_double="def double(x):\n    return helper(x)", ex_net=NET),
    ]
    newer = extract(BOOK, {"cells": cells, "metadata": NEWER}).newer
    assert list(newer) == ["ex-double"] and newer["ex-double"].startswith("line 1 of the cell with twice")


def test_a_definition_for_a_newer_python_in_another_cell_counts_as_its_exercise() -> None:
    cells = [cell(name) for name in RELEASED if name != "ex-double"] + [
        cell("own", "def double[T](x: T): return 2 * x")
    ]
    assert list(extract(BOOK, {"cells": cells, "metadata": NEWER}).newer) == ["ex-double"]
