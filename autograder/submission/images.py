"""A student's figures, decoded and encoded anew, so that no byte of the submitted file is passed on."""

from __future__ import annotations

import base64
import binascii
import io
import re
import warnings
import zlib

from PIL import Image

MAX_PIXELS = 8_000_000
MAX_SIDE = 1_600
FORMATS = ("PNG", "JPEG")
_SPACE = re.compile(r"\s+")


def reencode(text: str) -> str | None:
    """A base64 PNG or JPEG as a base64 PNG without metadata or animation; None where it is no such picture.

    Pictures of more than MAX_PIXELS are refused before they are decoded; larger sides are scaled to MAX_SIDE.
    """
    try:
        data = base64.b64decode(_SPACE.sub("", text), validate=True)
    except (binascii.Error, ValueError):
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data), formats=FORMATS) as picture:
                if not 0 < picture.width * picture.height <= MAX_PIXELS:
                    return None
                pixels = _plain(picture)
    except Exception:  # decoders raise a dozen kinds of error for damaged pictures
        return None
    buffer = io.BytesIO()
    pixels.save(buffer, "PNG", compress_level=1, compress_type=zlib.Z_RLE)  # twice as fast as the default, no larger
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def _plain(picture: Image.Image) -> Image.Image:
    """The first frame's pixels as grey, RGB or, if any is transparent, RGBA; with no other information."""
    clear = "A" in picture.getbands() or "transparency" in picture.info
    pixels = picture.convert("RGBA" if clear else "L" if picture.mode in ("1", "L") else "RGB")
    if clear and pixels.getchannel("A").getextrema() == (255, 255):
        pixels = pixels.convert("RGB")
    pixels.info.clear()
    pixels.thumbnail((MAX_SIDE, MAX_SIDE))
    return pixels
