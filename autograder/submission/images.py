"""A student's figures and pictures, decoded and encoded anew, so that no byte of the submitted file is passed on."""

from __future__ import annotations

import base64
import binascii
import io
import re
import warnings
import zlib

from PIL import Image, ImageOps

MAX_PIXELS = 16_000_000
MAX_PHOTO_PIXELS = 26_000_000  # of a JPEG, which is decoded at the size that is kept
MAX_SIDE = 1_600
FORMATS = ("PNG", "JPEG")
PICTURES = ("PNG", "JPEG", "GIF", "WEBP")
_SPACE = re.compile(r"\s+")


def reencode(text: str) -> str | None:
    """A figure, a base64 PNG or JPEG, as a base64 PNG without metadata or animation; None where it is no such picture.

    Pictures of too many pixels are refused before they are decoded; larger sides are scaled to MAX_SIDE.
    """
    found = _decoded(text, FORMATS)
    return _encoded(found[0], "PNG") if found is not None else None


def reencode_picture(text: str) -> tuple[str, str] | None:
    """A picture pasted into text (PNG, JPEG, GIF, WebP) as a media type and base64; photographs stay JPEGs."""
    found = _decoded(text, PICTURES)
    if found is None:
        return None
    pixels, kind = found
    if kind == "JPEG" and pixels.mode in ("L", "RGB"):
        return "image/jpeg", _encoded(pixels, "JPEG")
    return "image/png", _encoded(pixels, "PNG")


def _decoded(text: str, formats: tuple[str, ...]) -> tuple[Image.Image, str] | None:
    """The pixels, and the format they came in."""
    try:
        data = base64.b64decode(_SPACE.sub("", text), validate=True)
    except (binascii.Error, ValueError):
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data), formats=formats) as picture:
                kind = str(picture.format)
                if not 0 < picture.width * picture.height <= (MAX_PHOTO_PIXELS if kind == "JPEG" else MAX_PIXELS):
                    return None
                if max(picture.size) > MAX_SIDE:
                    picture.draft(None, (MAX_SIDE, MAX_SIDE))
                return _plain(ImageOps.exif_transpose(picture)), kind
    except Exception:  # decoders raise a dozen kinds of error for damaged pictures
        return None


def _encoded(pixels: Image.Image, kind: str) -> str:
    buffer = io.BytesIO()
    if kind == "JPEG":
        pixels.save(buffer, "JPEG", quality=85)
    else:  # twice as fast as the default, no larger
        pixels.save(buffer, "PNG", compress_level=1, compress_type=zlib.Z_RLE)
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
