"""nbgrader's checksum of a cell: what it was when the course released it, whatever has become of it since."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any


def checksum(source: str, cell_type: object, settings: Mapping[str, Any]) -> str:
    """As nbgrader.utils.compute_checksum; empty where the points are no number."""
    grade, solution = bool(settings.get("grade")), bool(settings.get("solution"))
    locked = not solution and (grade or bool(settings.get("locked")))
    try:
        points = str(float(settings["points"])) if grade else ""
    except (KeyError, TypeError, ValueError, OverflowError):
        return ""
    text = f"{source}{cell_type}{grade}{solution}{locked}{settings.get('grade_id')}{points}"
    return hashlib.md5(text.encode(errors="replace"), usedforsecurity=False).hexdigest()
