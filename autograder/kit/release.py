"""Finds the released assignment that this kit was shipped with, and the notebooks that lie in it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from kit.manifest import Manifest, Notebook
from kit.notebooks import which_notebook

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
        return f"{problem}/test_public.py", self.root / "tests" / f"test_{problem}.py"

    def notebook_files(self) -> list[Path]:
        """The notebooks in the release folder, by name."""
        return sorted(path for path in self.root.glob("*.ipynb") if path.is_file())


@dataclass(frozen=True)
class SavedNotebook:
    """A notebook file that was read, and the released notebook that it came from."""

    path: Path
    notebook: Notebook
    content: dict[str, Any]


def find_release() -> Release:
    """The release round this kit, else round the working directory. ReleaseError if there is none."""
    here = Path.cwd()
    for folder in (Path(__file__).resolve().parent.parent, here, *here.parents):
        if (folder / MANIFEST).is_file():
            return _read_release(folder, (folder / MANIFEST).stat().st_mtime_ns)
    raise ReleaseError(
        f"no {MANIFEST.as_posix()} beside kit/ or round {here}: open the notebook inside the folder that you were given"
    )


@lru_cache(maxsize=4)
def _read_release(folder: Path, changed: int) -> Release:
    try:
        return Release(folder, Manifest.read(folder / MANIFEST))
    except ValueError as error:
        raise ReleaseError(f"{error}. Copy the tests/ folder of the release again.") from error


def read_notebook(path: Path) -> dict[str, Any]:
    """A notebook file as parsed JSON. ReleaseError says what is wrong with it."""
    try:
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise ReleaseError(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise ReleaseError(
            f"{path.name}: not a notebook, or one that was not saved completely ({error}). Open it and save it again."
        ) from error
    if not isinstance(content, dict) or not isinstance(content.get("cells"), list):
        raise ReleaseError(f"{path.name}: not a notebook: it has no list of cells")
    return content


def read_saved(release: Release, path: Path) -> SavedNotebook:
    """Read a notebook of this assignment, whatever its file is called. ReleaseError if it is none."""
    content = read_notebook(path)
    notebook = which_notebook(release.manifest, content)
    if notebook is None:
        raise ReleaseError(f"{path.name}: none of its cells belongs to {release.manifest.title}")
    return SavedNotebook(path, notebook, content)
