"""Pictures that a student pasted into text, from the notebook file to the pages that people see."""

import base64
import copy
import io
from urllib.parse import quote

import nbformat
import pytest
from nbconvert import HTMLExporter
from PIL import Image

from autograder.marks.cells_html import cell_html
from autograder.submission import images, notebook_file, pictures
from autograder.submission.clean_copy import clean_copy
from autograder.submission.images import reencode_picture
from autograder.submission.notebook_file import keep
from autograder.submission.pictures import Pictures
from autograder.submission.read import SubmittedNotebook
from autograder.tests.handing_in import cell, own, png
from kit.reading import read_notebook

PICTURE = png(9, 7)


@pytest.fixture
def rebuilt(tiny_release):
    """A change of the released notebook to its clean copy."""
    manifest, staff = tiny_release

    def rebuild(change):
        submitted = copy.deepcopy(staff)
        change(submitted)
        kept = keep(submitted)
        return clean_copy(staff, SubmittedNotebook(kept, read_notebook(manifest.notebooks[0], kept)))

    return rebuild


def answered(source, attachments=None):
    def change(notebook):
        cell(notebook, "tiny-why").update({"source": source} | ({"attachments": attachments} if attachments else {}))

    return change


def sizes(notebook):
    """The pictures of the answer's cell, by their sizes."""
    bundles = cell(notebook, "tiny-why").get("attachments", {}).values()
    return [Image.open(io.BytesIO(base64.b64decode(data))).size for bundle in bundles for data in bundle.values()]


def pages(notebook):
    """What formgrader shows, and what the student gets."""
    node = nbformat.from_dict(notebook)
    nbformat.validate(node)
    theirs = "".join(str(cell_html(entry)) for entry in notebook["cells"])
    return HTMLExporter(template_name="basic").from_notebook_node(node)[0], theirs


# --- references -----------------------------------------------------------------------------------------------------

REFERENCES = {
    "as JupyterLab writes it": ("![a.png](attachment:a.png)", "a.png"),
    "as classic Jupyter writes it": ("![my%20scan.png](attachment:my%20scan.png)", "my scan.png"),
    "with spaces": ("![x](attachment:my scan.png)", "my scan.png"),
    "with brackets in its name": ("![x](attachment:scan%20(1).png)", "scan (1).png"),
    "encoded throughout": (f"![x](attachment:{quote('Größe (2).png')})", "Größe (2).png"),
    "with a title": ('![x](attachment:a.png "my proof")', "a.png"),
    "in angle brackets": ("![x](<attachment:my scan.png>)", "my scan.png"),
    "as HTML with a width": ('<img src="attachment:a.png" width="400">', "a.png"),
    "as closed HTML": ("<p><img alt='x' src='attachment:a.png' /></p>", "a.png"),
    "by a definition": ("![x][one]\n\n[one]: attachment:a.png", "a.png"),
    "in a list": ("- see\n- ![x](attachment:a.png)", "a.png"),
    "nowhere": ("See my proof.", "a.png"),
    "nowhere, and without text": ("", "a.png"),
}


@pytest.mark.parametrize("source, name", REFERENCES.values(), ids=REFERENCES)
def test_an_attached_picture_stays_however_the_text_refers_to_it(rebuilt, source, name):
    copied = rebuilt(answered(source, {name: {"image/png": PICTURE}}))
    assert sizes(copied.notebook) == [(9, 7)]
    for page in pages(copied.notebook):
        assert page.count("<img") == 1 and 'src="data:image/png;base64,' in page
    assert not any("picture" in note for note in copied.notes)


@pytest.mark.parametrize(
    "kind, mime", [("PNG", "png"), ("JPEG", "jpeg"), ("JPEG", "jpg"), ("GIF", "gif"), ("WEBP", "webp")]
)
@pytest.mark.parametrize("form", ["![x]({})", '<img width=30 src="{}"/>', "![x][r]\n\n[r]: <{}>", "![x](attached)"])
def test_each_format_stays_attached_or_written_out_as_data(rebuilt, kind, mime, form):
    data = png(9, 7, format=kind)
    attached = {"x.y": {f"image/{mime}": data}} if "attached" in form else None
    copied = rebuilt(answered(form.format(f"data:image/{mime};base64,{data}"), attached))
    assert sizes(copied.notebook) == [(9, 7)]
    assert all(page.count("<img") == 1 for page in pages(copied.notebook))


def test_a_picture_written_out_as_data_may_be_longer_than_text_may_be(rebuilt):
    noise = io.BytesIO()
    Image.effect_noise((700, 700), 90).save(noise, "PNG")
    data = base64.b64encode(noise.getvalue()).decode()
    assert len(data) > 300_000
    copied = rebuilt(answered(f"Before ![x](data:image/png;base64,{data}) and after."))
    assert sizes(copied.notebook) == [(700, 700)]
    assert cell(copied.notebook, "tiny-why")["source"].endswith("and after.")


def test_pictures_in_an_own_cell_beside_the_question_are_shown_with_the_answer(rebuilt):
    def change(notebook):
        place = notebook["cells"].index(cell(notebook, "tiny-why"))
        source = "My proof: ![x](attachment:a.png)"
        notebook["cells"].insert(place, own("markdown", source, id="m", attachments={"a.png": {"image/png": PICTURE}}))

    copied = rebuilt(change)
    assert sizes(copied.notebook) == [(9, 7)]
    assert all(page.count("<img") == 1 for page in pages(copied.notebook))


# --- what cannot be shown -------------------------------------------------------------------------------------------

DAMAGED = {
    "gone": ("![x](attachment:gone.png)", None),
    "no picture": ("![x](attachment:a.png)", {"a.png": {"image/png": "QUJD"}}),
    "a drawing that can hold scripts": ("![x](attachment:a.svg)", {"a.svg": {"image/svg+xml": "<svg>"}}),
    "a page": ("![x](attachment:a.png)", {"a.png": {"text/html": "<script>"}}),
    "data of another kind": ("![x](data:image/svg+xml;base64,PHN2Zz4=)", None),
    "data that is damaged": ("![x](data:image/png;base64,QUJD)", None),
    "of a strange type": ("![x](attachment:a.png)", {"a.png": ["image/png"]}),
}


@pytest.mark.parametrize("source, attachments", DAMAGED.values(), ids=DAMAGED)
def test_a_picture_that_cannot_be_shown_is_named_in_the_text_and_in_the_notes(rebuilt, source, attachments):
    copied = rebuilt(answered(f"See {source} here.", attachments))
    text = cell(copied.notebook, "tiny-why")["source"]
    assert text.startswith("See  [a picture is not shown: it is ") and text.endswith(" here.")
    assert any("a picture in the text of tiny-why is not shown" in note for note in copied.notes)
    assert all("<img" not in page for page in pages(copied.notebook))


def test_pictures_beyond_the_limits_are_named_in_the_text_and_in_the_notes(rebuilt, monkeypatch):
    source = " ".join(f"![x](attachment:{n}.png)" for n in range(8))
    attachments = {f"{n}.png": {"image/png": PICTURE} for n in range(8)}
    monkeypatch.setattr(pictures, "MAX_PICTURES", 5)
    copied = rebuilt(answered(source, attachments))
    assert len(sizes(copied.notebook)) == 5
    assert cell(copied.notebook, "tiny-why")["source"].count("[a picture is not shown: at most 5 are;") == 3
    monkeypatch.setattr(notebook_file, "MAX_ATTACHED", 3)
    copied = rebuilt(answered(source, attachments))
    assert len(sizes(copied.notebook)) == 3
    assert cell(copied.notebook, "tiny-why")["source"].count("[a picture is not shown: ") == 5
    assert any("is not shown" in note for note in copied.notes)


def test_pictures_that_are_too_large_together_are_named(monkeypatch):
    shown = Pictures(left=len(PICTURE) + 100)
    text, drawn = shown.drawn("![x](attachment:a) ![x](attachment:b)", {"a": PICTURE, "b": PICTURE}, "cell 3")
    assert len(drawn) == 1 and "[a picture is not shown: together they are too large;" in text
    assert shown.notes == ["a picture in the text of cell 3 is not shown: together they are too large"]


@pytest.mark.parametrize("before, after", [
    ("<", ">"), ("[", "](javascript:alert(1))"), ("[![x](y)", "](http://x)"), ("\\", ""), ("`", "`"), ("&", ";"),
    ("<a href=", ">"), ("<!", "]]>"), ("$", "$"), ("```mermaid\n", "\n```"),
])  # fmt: skip
def test_what_surrounds_a_picture_stays_harmless(rebuilt, before, after):
    copied = rebuilt(answered(f"{before}![x](attachment:a.png){after}", {"a.png": {"image/png": PICTURE}}))
    for page in pages(copied.notebook):
        for active in ('<a href="javascript', '<a href="http', "<script>alert", "<!", 'class="mermaid"'):
            assert active not in page


@pytest.mark.parametrize(
    "pattern", ["![", "![x](attachment:", "<img ", '<img src="attachment:', "[a]: attachment:", "("]
)
def test_broken_references_take_a_bounded_time(pattern):
    text, drawn = Pictures().drawn(pattern * (19_000 // len(pattern)), {"a": PICTURE}, "cell 3")
    assert text and not drawn


# --- formats --------------------------------------------------------------------------------------------------------


def photo(width, height, **save):
    buffer = io.BytesIO()
    Image.linear_gradient("L").resize((width, height)).convert("RGB").save(buffer, "JPEG", **save)
    return base64.b64encode(buffer.getvalue()).decode()


def reencoded(text):
    found = reencode_picture(text)
    assert found is not None
    return found


def opened(found):
    return Image.open(io.BytesIO(base64.b64decode(found[1])))


def test_a_photograph_of_a_telephone_stays_and_is_made_smaller():
    found = reencoded(photo(4032, 3024))
    assert found[0] == "image/jpeg"
    assert max(opened(found).size) <= images.MAX_SIDE
    assert len(found[1]) < 400_000


def test_a_photograph_that_was_turned_stands_upright_and_holds_nothing_of_the_camera():
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "maker"  # turned by 90 degrees
    found = reencoded(photo(60, 40, exif=exif))
    assert opened(found).size == (40, 60)
    assert b"maker" not in base64.b64decode(found[1])


def test_a_picture_of_too_many_pixels_is_refused(monkeypatch):
    monkeypatch.setattr(images, "MAX_PIXELS", 50)
    monkeypatch.setattr(images, "MAX_PHOTO_PIXELS", 60)
    assert reencode_picture(png(8, 7)) is None
    assert reencode_picture(png(8, 7, format="JPEG")) is not None
    assert reencode_picture(png(8, 8, format="JPEG")) is None


@pytest.mark.parametrize(
    "text", ["", "!!", png(format="BMP"), png(format="TIFF"), base64.b64encode(b"<svg/>").decode()]
)
def test_other_formats_are_no_pictures(text):
    assert reencode_picture(text) is None
