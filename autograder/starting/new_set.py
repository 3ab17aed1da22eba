"""The skeleton of a set: one problem, one exercise, one of each kind of file."""

from __future__ import annotations

import datetime
from pathlib import Path

from autograder import clock
from autograder.starting.course import library_name, new_canary, new_set_folder, write_settings, write_whole

FILES = Path(__file__).parent / "skeleton"
ENDING = ".in"  # so that no tool takes a file of the skeleton for one of ours
PROBLEM = "smoothing"
WEEKS = 4  # from now until it is due; the instructor writes the true date


def write_skeleton(root: Path, name: str) -> Path:
    """Write assignments/<name>, whole or not at all, and nbgrader's settings where there are none; the folder."""
    folder = new_set_folder(root, name)
    words = {
        "TITLE": folder.name.replace("_", " ").replace("-", " ").capitalize(),
        "LIBNAME": library_name(folder.name),
        "CANARY": new_canary(),
        "DUE": due(),
    }
    write_whole(folder, {_filled(path, words): text.encode() for path, text in _texts(words).items()})
    write_settings(root)
    return folder


def _texts(words: dict[str, str]) -> dict[str, str]:
    paths = sorted(path for path in FILES.rglob(f"*{ENDING}") if path.is_file())
    return {
        path.relative_to(FILES).as_posix().removesuffix(ENDING): _filled(path.read_text(encoding="utf-8"), words)
        for path in paths
    }


def _filled(text: str, words: dict[str, str]) -> str:
    for word, value in words.items():
        text = text.replace(word, value)
    return text


def due() -> str:
    day = clock.now().date() + datetime.timedelta(weeks=WEEKS)
    return f"{day.isoformat()}T23:59:00Z"
