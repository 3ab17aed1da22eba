import base64
import copy
import io
import json
import zlib
from collections import Counter

import nbformat
import pytest
from nbconvert import HTMLExporter
from nbconvert.filters.markdown_mistune import markdown2html_mistune
from PIL import Image, PngImagePlugin

from autograder import course
from autograder.build import build
from autograder.images import MAX_SIDE, reencode
from autograder.markdown import MAX_LENGTH, harmless
from autograder.notebook_file import keep
from autograder.rebuild import MAX_FIGURES, rebuild
from autograder.tests import tiny
from autograder.tests.hostile_text import SNIPPETS, active

WRITTEN = "Because $\\frac{1}{2} < 1$, and **autograd** follows the product."


@pytest.fixture(scope="module")
def assignment(tmp_path_factory):
    root = tmp_path_factory.mktemp("course")
    tiny.write(root)
    build(tiny.NAME, root)
    return course.load(tiny.NAME, root)


@pytest.fixture(scope="module")
def book(assignment):
    return assignment.manifest.notebooks[0]


@pytest.fixture(scope="module")
def staff(assignment):
    return json.loads((assignment.root / "release" / tiny.NAME / tiny.NOTEBOOK).read_text())


@pytest.fixture
def submitted(staff):
    """The released notebook, to be changed by a test."""
    return copy.deepcopy(staff)


@pytest.fixture
def rebuilt(staff, book):
    return lambda submitted: rebuild(staff, keep(submitted), book)


def cell(notebook, name):
    (found,) = [cell for cell in notebook["cells"] if cell["id"] == name]
    return found


def show_cell(notebook):
    (found,) = [cell for cell in notebook["cells"] if cell["metadata"].get("tags") == ["show"]]
    return found


def ids(notebook):
    return [cell["id"] for cell in notebook["cells"]]


def own(kind, source, **more):
    code = {"outputs": [], "execution_count": None} if kind == "code" else {}
    return {"cell_type": kind, "metadata": {}, "source": source} | code | more


def insert_after(notebook, name, new):
    notebook["cells"].insert(ids(notebook).index(name) + 1, new)


def png(width=4, height=3, **save):
    buffer = io.BytesIO()
    picture = Image.new("RGB", (width, height))
    picture.putdata([(x % 256, x // 256 % 256, 7) for x in range(width * height)])
    picture.save(buffer, save.pop("format", "PNG"), **save)
    return base64.b64encode(buffer.getvalue()).decode()


def figure(data, kind="image/png"):
    return {"output_type": "display_data", "metadata": {}, "data": {kind: data, "text/plain": "<Figure>"}}


def printed(text):
    return {"output_type": "stream", "name": "stdout", "text": text}


# --- whose text stands where ----------------------------------------------------------------------------------------


def test_answers_stand_in_the_staffs_cells(submitted, rebuilt, staff):
    cell(submitted, "tiny-scale")["source"] = "def scale(values, factor): return 3"
    cell(submitted, "tiny-why")["source"] = WRITTEN
    notebook = rebuilt(submitted).notebook
    assert cell(notebook, "tiny-scale")["source"] == "def scale(values, factor): return 3"
    assert cell(notebook, "tiny-why")["source"] == WRITTEN
    assert ids(notebook) == ids(staff)


def test_without_a_submission_the_staffs_notebook_stands(staff, book):
    notebook = rebuild(staff, None, book).notebook
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
    insert_after(submitted, "tiny-why", fake)
    last = rebuilt(submitted).notebook["cells"][-1]
    assert last["metadata"] == {"kit": {"role": "own"}}
    assert last["source"].startswith("*The student's own, cell ")


# --- outputs --------------------------------------------------------------------------------------------------------


def outputs_of(rebuilt, submitted, *outputs):
    show_cell(submitted)["outputs"] = list(outputs)
    return show_cell(rebuilt(submitted).notebook)["outputs"]


def test_figures_stay_where_they_were_drawn(submitted, rebuilt):
    cell(submitted, "tiny-scale")["outputs"] = [figure(png())]
    insert_after(submitted, "tiny-why", own("code", "plot()", id="mine", outputs=[figure(png(), "image/png")]))
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
    result = rebuild(staff, keep(submitted), book)
    assert len(json.dumps(show_cell(result.notebook)["outputs"])) < 12_000
    assert any("output was cut" in note for note in result.notes)


def test_too_many_figures_are_cut_and_said(staff, book, submitted):
    show_cell(submitted)["outputs"] = [figure(png(1, 1))] * (MAX_FIGURES + 5)
    result = rebuild(staff, keep(submitted), book)
    assert len(show_cell(result.notebook)["outputs"]) == MAX_FIGURES
    assert any("figures are kept" in note for note in result.notes)


def test_a_picture_that_cannot_be_decoded_is_dropped_and_said(staff, book, submitted):
    show_cell(submitted)["outputs"] = [{"output_type": "display_data", "metadata": {}, "data": {"image/png": "abcd"}}]
    result = rebuild(staff, keep(submitted), book)
    assert show_cell(result.notebook)["outputs"] == []
    assert any("it is no picture" in note for note in result.notes)


def test_the_rebuilt_notebook_stays_below_twenty_megabytes(staff, book, submitted):
    noise = Image.effect_noise((1_500, 1_500), 90)
    buffer = io.BytesIO()
    noise.save(buffer, "PNG", compress_level=0)
    heavy = base64.b64encode(buffer.getvalue()).decode()
    show_cell(submitted)["outputs"] = [figure(heavy)] * 9
    submitted["cells"] += [own("markdown", "word " * 19_000, id=f"m{n}") for n in range(30)]
    submitted["cells"] += [own("code", f"x = '{'a' * 99_000}'", id=f"c{n}") for n in range(30)]
    result = rebuild(staff, keep(submitted), book)
    assert len(json.dumps(result.notebook)) < 20_000_000
    assert len(result.notes) == 3


# --- pictures -------------------------------------------------------------------------------------------------------


def opened(text):
    return Image.open(io.BytesIO(base64.b64decode(text)))


def test_a_picture_keeps_its_pixels():
    before, after = opened(png(40, 30)), opened(reencode(png(40, 30)))
    assert (after.format, after.size) == ("PNG", (40, 30))
    assert list(after.convert("RGB").tobytes()) == list(before.tobytes())


def test_a_jpeg_becomes_a_png():
    assert opened(reencode(png(8, 8, format="JPEG"))).format == "PNG"


def test_nothing_of_the_file_goes_on_but_pixels():
    text = PngImagePlugin.PngInfo()
    text.add_text("comment", "<script>", zip=True)
    exif = Image.Exif()
    exif[0x010E] = "<script>"
    loaded = png(pnginfo=text, exif=exif, icc_profile=b"<script>", dpi=(300, 300))
    loaded = base64.b64encode(base64.b64decode(loaded) + b"<script>alert(1)</script>").decode()
    after = base64.b64decode(reencode(loaded))
    chunks, at = [], 8
    while at < len(after):
        chunks.append(after[at + 4 : at + 8])
        at += 12 + int.from_bytes(after[at : at + 4], "big")
    assert set(chunks) == {b"IHDR", b"IDAT", b"IEND"}


def test_an_animation_becomes_its_first_picture():
    moving = png(save_all=True, append_images=[Image.new("RGB", (4, 3), n) for n in ("red", "blue")])
    assert b"acTL" in base64.b64decode(moving)
    assert b"acTL" not in base64.b64decode(reencode(moving))


def test_transparency_survives():
    buffer = io.BytesIO()
    Image.new("P", (4, 4)).save(buffer, "PNG", transparency=0)
    assert opened(reencode(base64.b64encode(buffer.getvalue()).decode())).getpixel((0, 0))[3] == 0


def test_a_wide_picture_is_made_smaller():
    assert max(opened(reencode(png(2 * MAX_SIDE, 10))).size) == MAX_SIDE


def claiming(width, height):
    """A PNG of one row that claims other dimensions."""

    def chunk(kind, data):
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([8, 0, 0, 0, 0])
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b"")
    return base64.b64encode(b"\x89PNG\r\n\x1a\n" + body).decode()


@pytest.mark.parametrize(
    "text",
    ["", "!!!!", "é", "QUJD", claiming(60_000, 60_000), claiming(4_000, 2_001), claiming(0, 5), png()[:60],
     base64.b64encode(b"GIF89a\x01\x00\x01\x00\x00\x00\x00;").decode(),
     base64.b64encode(b"<svg onload=alert(1)/>").decode(), png(format="BMP"), png(format="TIFF")],
)  # fmt: skip
def test_what_is_no_small_png_or_jpeg_is_refused(text):
    assert reencode(text) is None


# --- text -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("snippet", SNIPPETS)
def test_no_snippet_is_active_on_a_page(snippet):
    assert active(markdown2html_mistune(harmless(snippet))) == []


@pytest.mark.parametrize("snippet", SNIPPETS)
def test_no_snippet_is_active_between_other_text(snippet):
    text = harmless(f"*Why*: $a$ `x` [b]: [c](d)\n\n- one\n\n  {snippet} $ {snippet}\n\n> {snippet}\n\n{snippet}")
    assert active(markdown2html_mistune(text)) == []


@pytest.mark.parametrize("snippet", SNIPPETS)
def test_making_text_harmless_twice_changes_nothing(snippet):
    assert harmless(harmless(snippet)) == harmless(snippet)


def test_most_snippets_are_active_without_it():
    alarms = 0
    for snippet in SNIPPETS:
        try:
            alarms += bool(active(markdown2html_mistune(snippet)))
        except Exception:  # a page that cannot be made at all
            alarms += 1
    assert alarms > 60


@pytest.mark.parametrize(
    "text",
    [
        WRITTEN,
        "# A heading\n\n- one\n- two\n\n1. *three* and `code[i][j]`\n\n| a | b |\n|---|---|\n| 1 | 2 |",
        "$$\\begin{aligned} \\mathcal{L} &= \\sum_i \\|x_i - \\hat{x}_i\\|_2^2 \\\\ &\\leq \\epsilon \\end{aligned}$$",
        "3 < 4 & 5 > 2, R&D, a <= b, f(x)[0], 50 % — naïve, Größe, 平均, 🙂",
        "https://arxiv.org/abs/2111.06377",
        "```python\nx = {'a': 1}\nif x < 3 and y[0] == 1:\n    pass\n```",
    ],
)
def test_ordinary_text_stays_as_it_is(text):
    assert harmless(text) == text


def test_what_is_disarmed_stays_readable():
    text = harmless("see [He et al.](https://arxiv.org/abs/2111.06377) on a<b, `if y[0]:` and \\href{x}{y}")
    assert text == "see [He et al.] (https://arxiv.org/abs/2111.06377) on a< b, `if y[0] :` and ⧵href{x}{y}"


def test_long_text_is_cut():
    assert len(harmless("a b " * 100_000)) < MAX_LENGTH + 100


@pytest.mark.parametrize("pattern", ["> ", "- ", "1. ", "* > ", "[", "*_", "![](", "`a``b", "$ ", "<a "])
def test_text_nested_without_end_can_be_shown(pattern):
    assert markdown2html_mistune(harmless(pattern * 4_000))


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
            outputs = {"outputs": [printed(snippet)]} if kind == "code" else {}
            filled["cells"].append(own(kind, snippet, id=f"{kind}-{number}", **outputs) | {"metadata": metadata})
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
