"""Reads the bytes of a submitted notebook file, of which nothing is trusted, and keeps what grading may use.

Parsing: size, depth and number of values are checked by a linear scan before the JSON parser sees the text.
Keeping: the result holds cells with a type, a text, the ids, and outputs of a few harmless kinds; all else is dropped.
"""

from __future__ import annotations

import codecs
import json
import math
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any
from urllib.parse import unquote

from kit.cells import MAX_SOURCE
from kit.conflicts import conflict_line
from kit.notebooks import MAX_CELLS, source_of

MAX_DEPTH = 60
MAX_VALUES = 1_000_000
MAX_VALUES_ALL = 2_000_000  # of all notebooks of a submission, with every copy
MAX_TEXT_MEMORY = 110_000_000  # bytes: one emoji makes Python keep four for every character of a text
MAX_DIGITS = 20
MAX_OUTPUTS = 200
MAX_IMAGE_TEXT = 14_000_000
MAX_OUTPUT_TEXT = 100_000
MAX_OUTPUT_TOTAL = 5_000_000  # characters of all outputs of a notebook
MAX_ATTACHED = 20  # pictures of one cell
CELL_TYPES = ("code", "markdown", "raw")
IMAGES = ("image/png", "image/jpeg")
PICTURES = (*IMAGES, "image/gif", "image/webp", "image/jpg")
ACTIVE = re.compile(r"script|svg|pdf|widget|bokeh|plotly|vega|latex", re.IGNORECASE)

_INLINE = re.compile(r"data:([\w.+-]{1,40}/[\w.+-]{1,60});base64,([A-Za-z0-9+/=]+)", re.ASCII)
_BYTE_ORDER_MARKS = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?+', re.DOTALL)
_NOT_BRACKET = bytes(set(range(256)) - set(b"[]{}"))
_STEP = dict.fromkeys(b"[{", 1) | dict.fromkeys(b"]}", -1)


class NotANotebook(ValueError):
    """A file that cannot be read as a notebook; the text says why, without quoting the file."""


@dataclass
class Room:
    """What the notebooks of one submission may still hold together: JSON values."""

    values: int = MAX_VALUES_ALL


@dataclass(frozen=True, slots=True)
class NotebookFile:
    """A parsed file. ``raw``: the JSON object, in notebook format 4. ``kept``: what grading may use. ``remarks``: odd
    things about it. ``plain``: nbgrader would read the very same cells from it."""

    raw: dict[str, Any]
    kept: dict[str, Any]
    remarks: tuple[str, ...]
    plain: bool

    def without_contents(self) -> NotebookFile:
        """Raw is then only what is asked for later: the cells' metadata, the course's mark, its Python."""
        cells = [{"metadata": cell.get("metadata")} if isinstance(cell, dict) else {} for cell in self.raw["cells"]]
        metadata = _mapping(self.raw.get("metadata"))
        known = {key: metadata[key] for key in ("kit", "language_info") if key in metadata}
        return replace(self, raw={"metadata": known, "cells": cells})


def parse_notebook(data: bytes, room: Room | None = None) -> NotebookFile:
    """Parse a notebook file. Raises NotANotebook, and nothing else, for whatever the bytes are."""
    raw, repeated = parse(data, room)
    remarks = ["a JSON key stands twice in one object: the later one counts"] if repeated else []
    if not isinstance(raw, dict):
        raise NotANotebook("it is JSON, but no notebook")
    version = raw.get("nbformat")
    if isinstance(version, int) and not 3 <= version <= 4:
        raise NotANotebook(f"its notebook format is {version}: save it as format 4")
    if version == 3:
        raw = _upgraded(raw)
        remarks.append("it was in notebook format 3 and has been converted")
    elif version != 4:
        remarks.append("it does not say its notebook format: it is read as format 4")
    if not isinstance(raw.get("cells"), list) or not raw["cells"]:
        raise NotANotebook("it has no cells")
    remarks += _remarks(raw)
    plain = version == 4 and not repeated and not data.startswith(_BYTE_ORDER_MARKS) and _well_formed(raw)
    return NotebookFile(raw, keep(raw), tuple(remarks), plain)


def parse(data: bytes, room: Room | None = None) -> tuple[Any, bool]:
    """JSON bytes as Python values, and whether an object repeats a key. NaN and numbers out of range become None."""
    if not data.strip(b" \t\r\n\0"):
        raise NotANotebook("it is empty")
    text = _text(data)
    _check_shape(text.encode("utf-8"), room or Room())
    repeated = False

    def mapping(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal repeated
        found = dict(pairs)
        repeated = repeated or len(found) < len(pairs)
        return found

    try:
        value = json.loads(
            text, object_pairs_hook=mapping, parse_int=_integer, parse_float=_float, parse_constant=lambda name: None
        )
    except json.JSONDecodeError as error:
        if line := conflict_line(text):
            raise NotANotebook(f"it holds a merge conflict of git (line {line})") from None
        raise NotANotebook(f"it is not valid JSON (line {error.lineno}, column {error.colno})") from None
    except (ValueError, RecursionError, MemoryError):
        raise NotANotebook("it is not valid JSON") from None
    return value, repeated


def _text(data: bytes) -> str:
    is_utf16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = data.decode("utf-16" if is_utf16 else "utf-8-sig")
    except UnicodeDecodeError:
        raise NotANotebook("it is not UTF-8 text") from None
    if sys.getsizeof(text) > MAX_TEXT_MEMORY:
        raise NotANotebook(f"its text takes more than {MAX_TEXT_MEMORY / 1e6:.0f} MB of memory")
    return text


def _check_shape(data: bytes, room: Room) -> None:
    """Refuse deep or crowded JSON, in time linear in its length: the parser would need the stack, or the memory."""
    outside = _STRING.sub(b"", data)
    brackets = outside.translate(None, _NOT_BRACKET)
    values = len(brackets) + outside.count(b",")
    if values > MAX_VALUES:
        raise NotANotebook(f"it holds more than {MAX_VALUES:,} values")
    room.values -= values
    if room.values < 0:
        raise NotANotebook(f"it and other notebooks hold more than {MAX_VALUES_ALL:,} values together")
    if max(accumulate(_STEP[bracket] for bracket in brackets), default=0) > MAX_DEPTH:
        raise NotANotebook(f"it is nested more than {MAX_DEPTH} levels deep")


def _integer(digits: str) -> int | None:
    return int(digits) if len(digits) <= MAX_DIGITS else None


def _float(digits: str) -> float | None:
    value = float(digits) if len(digits) <= 2 * MAX_DIGITS else math.nan
    return value if math.isfinite(value) else None


def _upgraded(raw: dict[str, Any]) -> dict[str, Any]:
    from nbformat import convert, from_dict

    try:
        newer = convert(from_dict(raw), 4)  # type: ignore[no-untyped-call]
        upgraded: dict[str, Any] = json.loads(json.dumps(newer))
        for cell in upgraded["cells"]:
            cell.pop("id", None)  # drawn at random by the converter
    except Exception:  # the converter was not written for damaged files: it raises whatever it meets
        raise NotANotebook("it is in notebook format 3 and cannot be converted: save it as format 4") from None
    return upgraded


def _remarks(raw: dict[str, Any]) -> Iterator[str]:
    kernel = _mapping(_mapping(raw.get("metadata")).get("kernelspec"))
    language = kernel.get("language", "python")
    if language != "python" or not str(kernel.get("name", "python3")).startswith("python"):
        yield "it asks for another kernel than Python: its code is read as Python all the same"
    odd = sum(not isinstance(cell, dict) or cell.get("cell_type") not in CELL_TYPES for cell in raw["cells"])
    if odd:
        yield f"{odd} of its cells are damaged: they are read as empty or as text"


# --- what is kept ---------------------------------------------------------------------------------------------------


def keep(raw: Mapping[str, Any]) -> dict[str, Any]:
    """The notebook with nothing in it but cell types, ids, texts, pictures of text, and outputs that are text or PNG
    or JPEG. What is too much is counted: `cut` cells of the notebook, characters of a text, outputs or pictures."""
    cells = [_kept_cell(cell if isinstance(cell, dict) else {}) for cell in raw["cells"][:MAX_CELLS]]
    _limit_outputs(cells)
    kept: dict[str, Any] = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}
    return kept | _cut(len(raw["cells"]) - MAX_CELLS)


def _limit_outputs(cells: list[dict[str, Any]]) -> None:
    left = MAX_OUTPUT_TOTAL
    for output in (output for cell in cells for output in cell.get("outputs", ())):
        text = output.get("text", "")
        if len(text) > left:
            output |= {"text": text[:left], "cut": output.get("cut", 0) + len(text) - left}
        left -= min(len(text), left)


def _kept_cell(raw: dict[str, Any]) -> dict[str, Any]:
    metadata = _mapping(raw.get("metadata"))
    grade_id = _mapping(metadata.get("nbgrader")).get("grade_id")
    kind = raw.get("cell_type")
    source = source_of(raw)
    pictures: dict[str, str] = {}
    if kind != "code":
        source, pictures = _pictures(source, _mapping(raw.get("attachments")))
    cell: dict[str, Any] = {
        "cell_type": kind if kind in CELL_TYPES else "raw",
        "metadata": {"nbgrader": {"grade_id": grade_id}} if _is_id(grade_id) else {},
        "source": source[: MAX_SOURCE + 1],
    } | _cut(len(source) - MAX_SOURCE - 1)
    if _is_id(metadata.get("id")):
        cell["metadata"]["id"] = metadata["id"]
    if _is_id(raw.get("id")):
        cell["id"] = raw["id"]
    if kind == "code":
        outputs = raw.get("outputs")
        cell["outputs"] = list(_kept_outputs(outputs)) if isinstance(outputs, list) else []
    if pictures:
        cell["attachments"] = dict(list(pictures.items())[:MAX_ATTACHED])
    if len(pictures) > MAX_ATTACHED or len(pictures) < len(_mapping(raw.get("attachments"))):
        cell["dropped"] = ["attachments"]
    return cell


def _pictures(source: str, attachments: dict[str, Any]) -> tuple[str, dict[str, str]]:
    """A text that refers to all its pictures as attachments, and these by name in base64.

    Pictures written out as data become attachments, and those that nothing refers to stand at the end of the text.
    """
    attached = {
        name: _base64(bundle[kind])
        for name, bundle in attachments.items()
        if _is_id(name) and isinstance(bundle, dict)
        for kind in PICTURES
        if kind in bundle
    }
    text = source + unquote(source) if attached else ""
    pictures = {name: data for name, data in attached.items() if f"attachment:{name}" in text}

    def attach(match: re.Match[str]) -> str:
        name = f"inline-{len(pictures) + 1}"
        if match.group(1).lower() in PICTURES:
            pictures[name] = match.group(2)[: MAX_IMAGE_TEXT + 1]
        return f"attachment:{name}"

    if ";base64," in source:
        source = _INLINE.sub(attach, source)
    for name in [name for name in attached if name not in pictures]:
        pictures[f"behind-{len(pictures) + 1}"] = attached[name]
        source += f"\n\n![picture](attachment:behind-{len(pictures)})"
    return source, pictures


def _kept_outputs(outputs: list[Any]) -> Iterator[dict[str, Any]]:
    for output in outputs[:MAX_OUTPUTS]:
        output = _mapping(output)
        kind = output.get("output_type")
        if kind == "stream":
            yield _kept_text(output.get("text"))
        elif kind == "error":
            yield {"text": f"{_joined(output.get('ename'), 100)}: {_joined(output.get('evalue'), 1000)}"}
        elif kind in ("display_data", "execute_result"):
            yield from _kept_display(_mapping(output.get("data")))
    if len(outputs) > MAX_OUTPUTS:
        yield {"dropped": f"{len(outputs) - MAX_OUTPUTS}"}


def _kept_display(data: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for kind in IMAGES:
        if kind in data:
            yield {"image": _base64(data[kind])}
            return
    if any(ACTIVE.search(kind) for kind in data):
        yield {"active": "1"}
    if "text/plain" in data:
        yield _kept_text(data["text/plain"])
    elif data:
        yield {"dropped": "1"}


def _kept_text(value: object) -> dict[str, Any]:
    text = _whole(value)
    return {"text": text[:MAX_OUTPUT_TEXT]} | _cut(len(text) - MAX_OUTPUT_TEXT)


def _cut(number: int) -> dict[str, int]:
    return {"cut": number} if number > 0 else {}


def _joined(value: object, limit: int) -> str:
    """A text that may be stored as a list of lines; with one character too many where it is longer than the limit."""
    return _whole(value)[: limit + 1]


def _base64(value: object) -> str:
    """The text of a picture; empty where it cannot be one, and would take four bytes for a character."""
    text = _joined(value, MAX_IMAGE_TEXT)
    return text if text.isascii() else ""


def _whole(value: object) -> str:
    if isinstance(value, list):
        return "".join(part for part in value if isinstance(part, str))
    return value if isinstance(value, str) else ""


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _is_id(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 100


# --- whether nbgrader can read it too --------------------------------------------------------------------------------


def _well_formed(raw: dict[str, Any]) -> bool:
    """Whether nbformat would read the same cells without complaint."""
    cells = raw["cells"]
    ids = [cell["id"] for cell in cells if isinstance(cell, dict) and "id" in cell]
    return (
        isinstance(raw.get("metadata"), dict)
        and isinstance(raw.get("nbformat_minor"), int)
        and len(cells) <= MAX_CELLS
        and all(_cell_well_formed(cell) for cell in cells)
        and all(isinstance(name, str) and re.fullmatch(r"[\w-]{1,64}", name, re.ASCII) for name in ids)
        and len(set(ids)) == len(ids)
    )


def _cell_well_formed(cell: object) -> bool:
    if not isinstance(cell, dict) or cell.get("cell_type") not in CELL_TYPES:
        return False
    source = cell.get("source")
    text = "".join(source) if isinstance(source, list) and all(isinstance(x, str) for x in source) else source
    outputs = cell.get("outputs", [] if cell["cell_type"] != "code" else None)
    return (
        isinstance(text, str)
        and text.encode("utf-8", "replace").decode() == text
        and isinstance(cell.get("metadata"), dict)
        and isinstance(outputs, list)
        and all(isinstance(output, dict) for output in outputs)
    )
