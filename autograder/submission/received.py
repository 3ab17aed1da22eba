"""What a submission's folder and archives hold: files that are not read yet, what came of them, and the limits."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from kit.notebooks import MAX_SUBMISSION
from kit.weights import MAX_WEIGHTS

MAX_NOTEBOOKS = 100  # files that are read whole since they may be notebooks
MAX_ENTRIES = 10_000  # of the folder with all below it, and of one archive
MAX_FOLDERS = 10  # folders within folders
MAX_ARCHIVES = 2  # an archive in an archive is opened, one within that is not
MAX_READ = MAX_SUBMISSION * 3 // 2  # bytes of all that is read whole: notebooks and archives, with every copy
MAX_WEIGHTS_READ = 3 * MAX_WEIGHTS  # bytes of all files of weights, with every copy
MAX_LOOKED = 1_000_000  # bytes of any other file that are looked at
MAX_LOOKED_ALL = 20_000_000

_ODD = re.compile(r"[^\w .,+@=()~/-]")


class Refused(Exception):
    """A file that is not read; the text says why."""


@dataclass(frozen=True)
class Item:
    """A file that has not been read.

    path: below the folder; the name of an archive stands in it like a folder's. size: in bytes, as its folder or
    archive says. read: its first bytes, at most so many; raises Refused or OSError. times: when it was made or handed
    in, by whose word. archives: those it lies in. refusal: why it is not read whole.
    """

    path: str
    size: int
    read: Callable[[int], bytes]
    times: Mapping[str, datetime] = field(default_factory=dict)
    archives: tuple[str, ...] = ()
    refusal: str = ""

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]


@dataclass(frozen=True)
class NotebookBytes:
    """The content of a file that may be a notebook; times and archives as in Item."""

    data: bytes
    times: Mapping[str, datetime]
    archives: tuple[str, ...]


@dataclass(frozen=True)
class Leftover:
    """A file that may be a notebook in a form that is not read: why, and which released ones it may be."""

    why: str
    files: frozenset[str]


@dataclass
class Received:
    """What was found, by path.

    files: what was read as a notebook. refused: notebook files and archives that were not read, with the reason.
    left: other files that may be a notebook. checkpoints: what Jupyter kept of notebooks. others: what grading does not
    read. limits: where not everything was looked at. plain: nothing is here that nbgrader would copy, except notebooks
    directly in the folder.
    weights: for each file of weights that the assignment asks for, the content of what bears its name, by path.
    weights_refused: why such a file is not read, by path.
    """

    files: dict[str, NotebookBytes] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    left: dict[str, Leftover] = field(default_factory=dict)
    checkpoints: dict[str, NotebookBytes] = field(default_factory=dict)
    others: list[str] = field(default_factory=list)
    limits: list[str] = field(default_factory=list)
    weights: dict[str, dict[str, bytes]] = field(default_factory=dict)
    weights_refused: dict[str, str] = field(default_factory=dict)
    plain: bool = True


def shown(name: str) -> str:
    """A file's name, harmless wherever it is printed: no control characters, markup or quotes, at most 60 long."""
    clean = _ODD.sub("?", name)
    return clean if len(clean) <= 60 else clean[:40] + "…" + clean[-19:]


def too_large(size: int, limit: int) -> str:
    """Why a file of `size` bytes is refused."""
    return f"it is too large ({size / 1e6:.0f} MB; {limit / 1e6:.0f} MB are read)"


def whole(item: Item, limit: int) -> bytes:
    """All bytes of a file. Raises Refused where it holds more than `limit`, and whatever its `read` raises."""
    if item.size > limit:
        raise Refused(too_large(item.size, limit))
    if item.refusal:
        raise Refused(item.refusal)
    data = item.read(limit + 1)
    if len(data) > limit:
        raise Refused(too_large(len(data), limit))
    return data
