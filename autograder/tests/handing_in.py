"""The tiny assignment's released notebook, and submissions made of it."""

from __future__ import annotations

import base64
import copy
import io
import json
from pathlib import Path
from typing import Any

from PIL import Image

from autograder.assignment.load import load_assignment
from autograder.build.build import build
from autograder.tests import tiny
from kit.manifest import Manifest

FILE = tiny.NOTEBOOK


def released(root: Path) -> tuple[Manifest, dict[str, Any]]:
    """Build the tiny assignment under `root`: its manifest, and its notebook as a student gets it."""
    tiny.write(root)
    build(tiny.NAME, root)
    notebook = json.loads((root / "release" / tiny.NAME / FILE).read_text(encoding="utf-8"))
    return load_assignment(tiny.NAME, root).manifest, notebook


def with_source(notebook: dict[str, Any], name: str, source: str) -> dict[str, Any]:
    """A copy of the notebook with another text in one cell."""
    notebook = copy.deepcopy(notebook)
    cell(notebook, name)["source"] = source
    return notebook


def save(folder: Path, notebook: dict[str, Any], name: str = FILE) -> None:
    (folder / name).write_text(json.dumps(notebook), encoding="utf-8")


def cell(notebook: dict[str, Any], name: str) -> dict[str, Any]:
    """The one cell with this id."""
    (found,) = [cell for cell in notebook["cells"] if cell["id"] == name]
    return found


def own(kind: str, source: str, **more: Any) -> dict[str, Any]:
    """A cell of the student's own."""
    code: dict[str, Any] = {"outputs": [], "execution_count": None} if kind == "code" else {}
    return {"cell_type": kind, "metadata": {}, "source": source} | code | more


def png(width: int = 4, height: int = 3, **save: Any) -> str:
    """A picture in base64; further arguments go to Pillow's save."""
    buffer = io.BytesIO()
    picture = Image.new("RGB", (width, height))
    picture.putdata([(x % 256, x // 256 % 256, 7) for x in range(width * height)])
    picture.save(buffer, save.pop("format", "PNG"), **save)
    return base64.b64encode(buffer.getvalue()).decode()


def figure(data: Any) -> dict[str, Any]:
    """An output that shows a picture."""
    return {"output_type": "display_data", "metadata": {}, "data": {"image/png": data, "text/plain": "<Figure>"}}


def printed(text: str) -> dict[str, Any]:
    """An output of print."""
    return {"output_type": "stream", "name": "stdout", "text": text}
