"""What a running notebook knows of itself: which file it is, what it ran last, whether it is a file at all."""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kit.cells import normalise
from kit.notebooks import which_notebook
from kit.release import Release, ReleaseError, SavedNotebook

COLAB_SECONDS = 30


def shell() -> Any | None:
    """The IPython shell that runs this code; None in plain Python."""
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython is not None else None


def in_colab() -> bool:
    return "google.colab" in sys.modules


def problem_here(release: Release, namespace: Mapping[str, Any]) -> str | None:
    """The problem whose notebook runs here: by its file's name where that is known, else by what is defined."""
    path = str(namespace.get("__vsc_ipynb_file__") or os.environ.get("JPY_SESSION_NAME") or "")
    for book in release.manifest.notebooks:
        if Path(path).name == book.file:
            return book.problem
    counts = {
        book.problem: sum(
            name in namespace for e in release.manifest.exercises if e.problem == book.problem for name in e.names
        )
        for book in release.manifest.notebooks
    }
    best = max(counts, key=lambda problem: counts[problem], default=None)
    return best if best is not None and counts[best] else None


def colab_notebook(release: Release) -> SavedNotebook:
    """The notebook as Colab's page holds it now. ReleaseError, saying what to do by hand, where Colab gives none."""
    try:
        from google.colab import _message  # type: ignore[import-not-found,unused-ignore]

        content = _message.blocking_request("get_ipynb", request="", timeout_sec=COLAB_SECONDS)["ipynb"]
        data = json.dumps(content, indent=1).encode()
    except Exception as error:
        raise ReleaseError(
            f"Colab did not hand over the notebook ({type(error).__name__}). Choose File > Download > Download .ipynb."
        ) from error
    notebook = which_notebook(release.manifest, content)
    if notebook is None:
        raise ReleaseError("none of this notebook's cells belongs to this assignment")
    return SavedNotebook(Path(notebook.file), notebook, content, data)


def saved_remark(saved: SavedNotebook) -> tuple[bool, str]:
    """Whether the file is surely not what was run last, and a sentence on how fresh it is and how that is known."""
    age = _age(saved.path)
    history = _history()
    if history is None:
        return False, f"last saved {age}. An open editor may hold newer text: save there first."
    differs, unknown = [], []
    in_file = {cell.exercise: cell for cell in saved.reading.extraction.cells if cell.exercise}
    for exercise, cell in in_file.items():
        names = re.findall(r"^(?:def|class)\s+(\w+)", cell.source, re.MULTILINE)
        last = _last_run(history, names)
        if last is None:
            unknown.append(exercise)
        elif _squeezed(last) != _squeezed(str(cell.source)):
            differs.append(exercise)
    if differs:
        return True, (
            f"last saved {age}. It differs from what you ran last in {', '.join(differs)}: "
            "run what you changed, save the notebook, then run this cell again."
        )
    if len(unknown) == len(in_file):
        return (
            False,
            f"last saved {age}. This kernel has run none of its exercises: an open editor may hold newer text.",
        )
    not_run = f"; not run in this kernel: {', '.join(unknown)}" if unknown else ""
    return (
        False,
        f"last saved {age}; its exercises are what this kernel ran last{not_run}. Text cells cannot be compared.",
    )


def _history() -> list[str] | None:
    manager = getattr(shell(), "history_manager", None)
    history = getattr(manager, "input_hist_raw", None)
    return [str(text) for text in history] if history else None


def _last_run(history: list[str], names: list[str]) -> str | None:
    for text in reversed(history):
        if any(re.search(rf"^(?:def|class)\s+{name}\b", text, re.MULTILINE) for name in names):
            return text
    return None


def _squeezed(text: str) -> str:
    """For comparison: without trailing space, blank lines, and commands, which the reader blanks out."""
    lines = [line.rstrip() for line in normalise(text).split("\n")]
    return "\n".join(line for line in lines if line and not line.lstrip().startswith(("%", "!", "?")))


def _age(path: Path) -> str:
    try:
        seconds = time.time() - path.stat().st_mtime
    except OSError:
        return "at an unknown time"
    clock = time.strftime("%H:%M" if seconds < 36_000 else "%Y-%m-%d %H:%M", time.localtime(time.time() - seconds))
    if seconds < 90:
        return f"less than two minutes ago ({clock})"
    if seconds < 5400:
        return f"{seconds / 60:.0f} minutes ago ({clock})"
    return f"{seconds / 3600:.0f} hours ago ({clock})" if seconds < 172_800 else f"on {clock}"
