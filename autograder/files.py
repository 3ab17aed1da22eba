"""Files written whole, folders read whole, and the interpreter's folder on PATH."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

# What Python, editors and tools leave beside sources.
LEFT_BEHIND = ("__pycache__", ".ipynb_checkpoints", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".DS_Store")


def put_interpreter_on_path() -> None:
    """Put this interpreter's folder first on PATH, unless it is there: nbgrader starts `alembic` by name."""
    folder = str(Path(sys.executable).parent)
    folders = os.environ.get("PATH", "").split(os.pathsep)
    if folder not in folders:
        os.environ["PATH"] = os.pathsep.join([folder, *folders])


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that a reader sees the old content or the new, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=".writing-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def files_under(folder: Path) -> dict[str, bytes]:
    """All files under a folder by relative path, without what tools left there; none where there is no folder."""
    found = {}
    for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
        inner = path.relative_to(folder)
        if path.is_file() and not is_left_behind(inner) and path.suffix != ".pyc":
            found[inner.as_posix()] = path.read_bytes()
    return found


def make_same(folder: Path, files: dict[str, bytes]) -> None:
    """Make `folder` hold these files, by relative path, and no others; what is the same already is not written."""
    there = files_under(folder)
    for path, content in files.items():
        if there.get(path) != content:
            write_atomically(folder / path, content)
    for path in there.keys() - files.keys():
        (folder / path).unlink(missing_ok=True)


def is_left_behind(path: Path) -> bool:
    return any(part in LEFT_BEHIND for part in path.parts)
