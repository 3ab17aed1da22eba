"""Finds the released assignment that this kit was shipped with, and the notebooks in its folder."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from kit.copies import rank
from kit.manifest import Manifest, Notebook
from kit.notebooks import which_notebook
from kit.reading import Reading, read_notebook
from kit.weights import MAX_WEIGHTS

MANIFEST = Path("tests") / "manifest.json"


class ReleaseError(Exception):
    """The released assignment, or a notebook in it, cannot be read; the text says what to do."""


@dataclass(frozen=True)
class Release:
    """A released assignment: its folder and what it is made of."""

    root: Path
    manifest: Manifest

    def public_tests(self, problem: str) -> tuple[str, Path]:
        """The public tests of a problem: the name under which the grader reports them, and the file."""
        name = f"{problem}/test_public.py"
        return name, self.root / "tests" / name

    def find_file(self, name: str) -> bytes | None:
        """A file of weights beside the notebooks; None where there is none that can be read."""
        try:
            with open(self.root / name, "rb") as file:
                return file.read(MAX_WEIGHTS + 1)
        except OSError:
            return None


@dataclass(frozen=True)
class SavedNotebook:
    """A notebook that was read, and the released notebook that it came from. ``data``: the file's bytes."""

    path: Path
    notebook: Notebook
    content: dict[str, Any]
    data: bytes

    @cached_property
    def reading(self) -> Reading:
        """The notebook as the grader reads it."""
        return read_notebook(self.notebook, self.content)


@dataclass(frozen=True)
class Saved:
    """The notebooks of a student, at most one for each released one; remarks; and what could not be read."""

    notebooks: tuple[SavedNotebook, ...]
    remarks: tuple[str, ...]
    errors: tuple[str, ...]


def find_release() -> Release:
    """The release that holds this kit, else the one that holds the working directory; else ReleaseError."""
    here = Path.cwd()
    for folder in (Path(__file__).resolve().parent.parent, here, *here.parents):
        if (folder / MANIFEST).is_file():
            return _read_release(folder, (folder / MANIFEST).stat().st_mtime_ns)
    raise ReleaseError(
        f"no {MANIFEST.as_posix()} beside kit/, in {here} or above it: "
        "open the notebook inside the folder that you were given"
    )


def named_libraries() -> tuple[str, ...]:
    """Those of torch, numpy and matplotlib that the release here names; none where there is no release."""
    try:
        return find_release().manifest.libraries
    except (ReleaseError, OSError):
        return ()


@lru_cache(maxsize=4)
def _read_release(folder: Path, changed: int) -> Release:
    try:
        return Release(folder, Manifest.read(folder / MANIFEST))
    except ValueError as error:
        raise ReleaseError(f"{error}. Copy the tests/ folder of the release again.") from error


def read_all(release: Release, paths: Sequence[Path] = ()) -> Saved:
    """Read these files, or all notebooks in the release folder. Of two copies the one with the released name counts."""
    by_problem: dict[str, SavedNotebook] = {}
    remarks: list[str] = []
    errors: list[str] = []
    for path in paths or sorted(release.root.glob("*.ipynb")):
        try:
            saved = read_saved(release, path)
        except ReleaseError as error:
            errors.append(str(error))
            continue
        if saved is None:
            (errors if paths else remarks).append(f"{path.name}: none of its cells belongs to this assignment")
            continue
        known = by_problem.get(saved.notebook.problem)
        if known is not None and saved.notebook.file in (known.path.name, path.name):
            kept, other = (known, saved) if known.path.name == saved.notebook.file else (saved, known)
            by_problem[saved.notebook.problem] = kept
            remarks.append(f"{other.path.name} is a copy of {kept.path.name} and is not read{_but_taken(kept, other)}")
        elif known is not None:
            errors.append(
                f"{known.path.name} and {path.name} are copies of {saved.notebook.file}: name the one you mean"
            )
        else:
            by_problem[saved.notebook.problem] = saved
    order = [book.problem for book in release.manifest.notebooks]
    return Saved(
        tuple(sorted(by_problem.values(), key=lambda s: order.index(s.notebook.problem))), tuple(remarks), tuple(errors)
    )


def _but_taken(kept: SavedNotebook, other: SavedNotebook) -> str:
    """What to know where grading would choose the other of two copies."""
    if other.data == kept.data or rank(other.path.name, other.reading) < rank(kept.path.name, kept.reading):
        return ""
    return ": if you hand in both, the grader takes it, so hand in one (`python -m kit pack` does)"


def read_saved(release: Release, path: Path) -> SavedNotebook | None:
    """Read a notebook, whatever its file is called; None if it is not of this assignment. ReleaseError if damaged."""
    try:
        data = path.read_bytes()
        content = json.loads(data)
    except OSError as error:
        raise ReleaseError(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise ReleaseError(
            f"{path.name}: not a notebook, or one that was not saved completely ({error}). Open it and save it again."
        ) from error
    if not isinstance(content, dict) or not isinstance(content.get("cells"), list):
        raise ReleaseError(f"{path.name}: not a notebook: it has no list of cells")
    notebook = which_notebook(release.manifest, content)
    return SavedNotebook(path, notebook, content, data) if notebook is not None else None
