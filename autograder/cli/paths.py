"""Folders that a command writes into: refused before any work where nothing could be written there, or must not be."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from autograder.course_folders import CourseFolders
from autograder.errors import BadInput


class OutFolder(click.Path):
    """A folder to write into, which need not be there yet. Refused: a file, a place below one, one without permission.

    Also refused: the course's own folders of sources and products, which hold what no command may write among.
    is_read: for an option of commands that read what lies there, too, so that permission to write is not asked for.
    """

    def __init__(self, *, is_read: bool = False) -> None:
        super().__init__(path_type=Path)
        self._is_read = is_read

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        folder = Path(os.fsdecode(super().convert(value, param, ctx)))
        refuse(folder, param.opts[0] if param is not None else "the folder", is_read=self._is_read)
        return folder


def refuse(folder: Path, what: str, *, is_read: bool = False) -> None:
    """BadInput where nothing can be written into the folder, or must not be. `what`: the option that names it."""
    another = f"give another {what}"
    there = next(path for path in (folder.absolute(), *folder.absolute().parents) if os.path.lexists(path))
    if not there.is_dir():
        raise BadInput(f"{what} {folder}: {there.name} is {'a file' if there.is_file() else 'no folder'}: {another}")
    if not is_read and not os.access(there, os.W_OK | os.X_OK):
        raise BadInput(f"{what} {folder}: nothing may be written into {there}: {another}, or change its permissions")
    if (own := _own_folder(folder)) is not None:
        raise BadInput(f"{what} {folder} lies in the course's own {own.name}/: {another}")


def refuse_file(file: Path, what: str) -> None:
    """BadInput where the file cannot be written or is one of the course's own. `what`: the option that names it."""
    another = f"give another file with {what}"
    course, place = CourseFolders(Path.cwd()), file.resolve()
    if not file.absolute().parent.is_dir():
        raise BadInput(f"no folder {file.parent}: make it, or {another}")
    owns = [course.roster, course.extensions, course.groups, course.gradebook, course.root / "nbgrader_config.py"]
    if place in [own.resolve() for own in owns] or _own_folder(file) is not None:
        raise BadInput(f"{file} is the course's own, and would be lost: {another}")


def _own_folder(path: Path) -> Path | None:
    """The course's folder of sources, products or submissions in which a path lies."""
    course, place = CourseFolders(Path.cwd()), path.resolve()
    owns = (course.assignments, course.source, course.release, course.submitted, course.attempts, course.state)
    return next((own for own in owns if place.is_relative_to(own.resolve())), None)
