"""The texts that people write for an assignment, as far as all of it reads them: UTF-8, without a mark before it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from autograder.assignment.toml import Complaints, not_utf8
from autograder.files import is_left_behind

TEXTS = (".py", ".toml", ".md", ".txt")
_NO_SOURCES = ("data", "hidden", "weights", "releases")  # folders of files that others made, or the engine
_MARK = b"\xef\xbb\xbf"


def complain_of_unreadable(folder: Path, complaints: Complaints) -> None:
    """A complaint for every text below the assignment's folder that is not plain UTF-8 text."""
    for path in _texts(folder):
        try:
            data = path.read_bytes()
            data.decode("utf-8")
        except OSError as error:
            complaints.add(path, f"cannot be read ({error.strerror})")
        except UnicodeDecodeError as error:
            complaints.add(path, not_utf8(error), data.count(b"\n", 0, error.start) + 1)
        else:
            if data.startswith(_MARK):
                complaints.add(path, "begins with a byte order mark: save it as UTF-8 without one (without BOM)")
            elif (place := data.find(b"\0")) >= 0:
                complaints.add(path, "holds a NUL byte, so it is no text", data.count(b"\n", 0, place) + 1)


def _texts(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        inner = path.relative_to(folder)
        if path.suffix in TEXTS and not is_left_behind(inner) and not set(inner.parts[:-1]) & set(_NO_SOURCES):
            if path.is_file():
                yield path
