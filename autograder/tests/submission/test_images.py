import base64
import io
import zlib

import pytest
from PIL import Image, PngImagePlugin

from autograder.submission.images import MAX_SIDE, reencode
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
