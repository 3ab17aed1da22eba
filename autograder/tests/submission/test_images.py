import base64
import io
import tracemalloc
import zlib

import pytest
from PIL import Image, PngImagePlugin

from autograder.submission.images import MAX_SCANS, MAX_SIDE, MAX_WORK, Work, reencode, reencode_picture
from autograder.tests.handing_in import png


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
    after = base64.b64decode(reencode(loaded) or "")
    chunks, at = [], 8
    while at < len(after):
        chunks.append(after[at + 4 : at + 8])
        at += 12 + int.from_bytes(after[at : at + 4], "big")
    assert set(chunks) == {b"IHDR", b"IDAT", b"IEND"}


def test_an_animation_becomes_its_first_picture():
    moving = png(save_all=True, append_images=[Image.new("RGB", (4, 3), n) for n in ("red", "blue")])
    assert b"acTL" in base64.b64decode(moving)
    still = reencode(moving)
    assert still is not None and b"acTL" not in base64.b64decode(still)


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


def jpeg(size=(64, 48), **options):
    buffer = io.BytesIO()
    Image.effect_noise(size, 60).convert("RGB").save(buffer, "JPEG", **options)
    return buffer.getvalue()


def with_scans(data, count):
    """A progressive JPEG whose last scan stands there so many times."""
    last = data.rindex(b"\xff\xda")
    return data[:last] + (data[last:-2] * count) + data[-2:]


def encoded(data):
    return base64.b64encode(data).decode()


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"progressive": True, "subsampling": 0, "quality": 95}])
def test_a_jpeg_as_programs_write_it_is_drawn(options):
    assert reencode_picture(encoded(jpeg(**options))) is not None


@pytest.mark.parametrize("count", [MAX_SCANS, 300, 10_000])
def test_a_jpeg_of_too_many_scans_is_not_decoded(count, monkeypatch):
    crowded = encoded(with_scans(jpeg(progressive=True), count))
    monkeypatch.setattr("autograder.submission.images._plain", None)
    work = Work()
    assert reencode(crowded, work) is None and reencode_picture(crowded, work) is None
    assert work.left == MAX_WORK


@pytest.mark.parametrize(("kind", "times"), [("PNG", 1), ("JPEG", 1), ("GIF", 1), ("WEBP", 1), ("progressive", 10)])
def test_all_pictures_of_a_notebook_draw_on_one_amount_of_work(kind, times):
    picture = encoded(jpeg((30, 20), progressive=True)) if kind == "progressive" else png(30, 20, format=kind)
    work = Work(3 * 600 * times + 10)
    drawn = [reencode_picture(picture, work) is not None for _ in range(5)]
    assert drawn == [True, True, True, False, False]


def test_a_small_picture_is_still_drawn_where_a_large_one_was_too_much():
    work = Work(1000)
    assert reencode(png(40, 30), work) is None
    assert reencode(png(30, 20), work) is not None


@pytest.mark.parametrize("name", [b"iCCP", b"zTXt", b"iTXt"])
def test_a_chunk_that_explodes_takes_no_memory(name):
    squeezed = zlib.compress(bytes(64 << 20), 9)
    content = {b"iCCP": b"x\0\0", b"zTXt": b"x\0\0", b"iTXt": b"x\0\1\0\0\0"}[name] + squeezed
    plain = base64.b64decode(png(4, 3))
    chunk = len(content).to_bytes(4, "big") + name + content + zlib.crc32(name + content).to_bytes(4, "big")
    tracemalloc.start()
    reencode(encoded(plain[:33] + chunk + plain[33:]))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 << 20
