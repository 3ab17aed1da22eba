"""The small files that nbgrader's exchange puts beside a submission, read without trusting them."""

from __future__ import annotations

import os
import re
import stat
from datetime import UTC, datetime, tzinfo
from pathlib import Path

import dateutil.parser  # type: ignore[import-untyped]
import dateutil.tz  # type: ignore[import-untyped]

TIMESTAMP = "timestamp.txt"
SECRET = "submission_secret.txt"
MAX_TEXT = 200


def timestamp(folder: Path) -> tuple[datetime | None, str | None]:
    """When a submission was handed in (naive UTC), if its timestamp.txt says so; else a complaint, if it has one."""
    if not os.path.lexists(folder / TIMESTAMP):
        return None, None
    return parsed(_small_text(folder / TIMESTAMP))


def parsed(text: str | None) -> tuple[datetime | None, str | None]:
    """The time that the text of a timestamp.txt holds (naive UTC), or a complaint. None: it is no short text."""
    try:
        if text is None or not text.isascii():
            raise ValueError("not a short line of text")
        # Not nbgrader's parse_utc, which takes +0100 for a hundred seconds.
        moment = dateutil.parser.parse(text, tzinfos=_zone)
        return (moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment), None
    except Exception:  # dateutil raises what its parts do: decimal's errors, an IndexError, a RecursionError
        return None, f"{TIMESTAMP} holds no time: the submission counts as undated"


def _zone(name: str, seconds: int | None) -> tzinfo | int | None:
    return dateutil.tz.gettz(name) if seconds is None else seconds


def secret(folder: Path) -> str | None:
    """The exchange's secret of a submission, which names its feedback there; None where it is missing or odd."""
    text = _small_text(folder / SECRET)
    return text if text and re.fullmatch(r"[\w.+-]+", text, re.ASCII) else None


def _small_text(path: Path) -> str | None:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            return None
        data = file.read(MAX_TEXT + 1)
    if len(data) > MAX_TEXT:
        return None
    return data.decode("utf-8", errors="replace").strip()
