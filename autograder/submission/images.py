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
MAX_SCANS = 24  # passes over a JPEG; cameras write one, programs for the web about ten
MAX_WORK = 1_000_000_000  # pixels of all pictures and figures of a notebook, each as often as it is passed over
FORMATS = ("PNG", "JPEG")
PICTURES = ("PNG", "JPEG", "GIF", "WEBP")
_JPEGS = ("JPEG", "MPO")
_SPACE = re.compile(r"\s+")


class Work:
    """How many pixels may still be decoded for one notebook: a count, so that the same is shown on any machine."""

    def __init__(self, pixels: int = MAX_WORK) -> None:
        self.left = pixels

    def allows(self, pixels: int) -> bool:
        """Whether these may be decoded too; they are counted if so."""
        if pixels > self.left:
            return False
        self.left -= pixels
        return True


def reencode(text: str, work: Work | None = None) -> str | None:
    """A figure, a base64 PNG or JPEG, as a base64 PNG without metadata or animation; None where it is no such picture.

    Pictures of too many pixels are refused before they are decoded; larger sides are scaled to MAX_SIDE.
    """
    found = _decoded(text, FORMATS, work or Work())
    return _encoded(found[0], "PNG") if found is not None else None


def reencode_picture(text: str, work: Work | None = None) -> tuple[str, str] | None:
    """A picture pasted into text (PNG, JPEG, GIF, WebP) as a media type and base64; photographs stay JPEGs."""
    found = _decoded(text, PICTURES, work or Work())
    if found is None:
        return None
    pixels, kind = found
    if kind == "JPEG" and pixels.mode in ("L", "RGB"):
        return "image/jpeg", _encoded(pixels, "JPEG")
    return "image/png", _encoded(pixels, "PNG")


def _decoded(text: str, formats: tuple[str, ...], work: Work) -> tuple[Image.Image, str] | None:
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
                pixels, scans = picture.width * picture.height, _scans(data) if kind in _JPEGS else 1
                if not 0 < pixels <= (MAX_PHOTO_PIXELS if kind == "JPEG" else MAX_PIXELS) or scans > MAX_SCANS:
                    return None
                if not work.allows(pixels * scans):
                    return None
                if max(picture.size) > MAX_SIDE:
                    picture.draft(None, (MAX_SIDE, MAX_SIDE))
                return _plain(ImageOps.exif_transpose(picture)), kind
    except Exception:  # decoders raise a dozen kinds of error for damaged pictures
        return None


def _scans(data: bytes) -> int:
    """How often a JPEG's decoder passes over the picture, at most: its markers SOS (ITU T.81, B.1.1.3).

    Entropy-coded data holds no such pair of bytes; a comment may, and then counts too.
    """
    return max(data.count(b"\xff\xda"), 1)


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
