"""Reads everything in a submission's folder that may be a notebook, whatever it is called and wherever it lies.

Opened are folders, zip files, tar files and gzip files, also one archive in another; all in memory, with limits. What
may be a notebook but cannot be read is kept in mind with its name and the reason (`Received.refused`, `.left`).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from autograder.submission import forms
from autograder.submission.archive import is_archive, list_archive
from autograder.submission.folder import FolderListing, open_folder, reason
from autograder.submission.received import (
    MAX_ARCHIVES,
    MAX_LOOKED,
    MAX_LOOKED_ALL,
    MAX_NOTEBOOKS,
    MAX_READ,
    MAX_WEIGHTS_READ,
    Item,
    Leftover,
    NotebookBytes,
    Received,
    Refused,
    shown,
    whole,
)
from kit.manifest import Manifest
from kit.notebooks import MAX_BYTES
from kit.weights import MAX_WEIGHTS


def receive(folder: Path, manifest: Manifest) -> Received:
    """Read what may be notebooks below a folder.

    Raises FileNotFoundError if there is nothing at `folder`; whatever is in it raises nothing.
    """
    received = Received()
    os.lstat(folder)
    try:
        handle = open_folder(folder)
    except OSError as error:
        received.plain = False
        received.limits.append(f"the submission is not a folder that can be read ({reason(error)})")
        return received
    try:
        _Intake(manifest, received).take(FolderListing(handle, manifest, received).read())
    finally:
        os.close(handle)
    return received


@dataclass
class _Intake:
    """left: bytes that may still be read, of notebooks and archives, and of other files."""

    manifest: Manifest
    received: Received
    left_to_read: int = MAX_READ
    left_to_look: int = MAX_LOOKED_ALL
    left_for_weights: int = MAX_WEIGHTS_READ
    notebooks: int = 0
    skipped: int = 0
    archived: list[Item] = field(default_factory=list)
    checkpoints: list[Item] = field(default_factory=list)

    def take(self, items: list[Item]) -> None:
        """Read these files and the archives among them; what bears a notebook's name comes first."""
        self._take_all(items)
        while self.archived:
            archive = self.archived.pop(0)
            self._attempt(archive, self._open)
        for item in self.checkpoints[:MAX_NOTEBOOKS]:
            with suppress(OSError, Refused):
                data = self._whole(item)
                self.received.checkpoints[item.path] = NotebookBytes(data, item.times, item.archives)
        if self.skipped:
            total = self.notebooks + self.skipped
            self.received.limits.append(f"of {total} notebook files, the first {MAX_NOTEBOOKS} were looked at")
            self.received.plain = False

    def _take_all(self, items: list[Item]) -> None:
        library = forms.library_files([item.path for item in items], self.manifest)
        for item in sorted(items, key=self._order):
            self._attempt(item, self._set_aside if item.path in library else self._take)

    def _order(self, item: Item) -> tuple[bool, bool, int, str]:
        released = any(item.name == book.file for book in self.manifest.notebooks)
        return not released, not forms.has_notebooks_name(item.name), item.path.count("/"), item.path

    def _attempt(self, item: Item, step: Callable[[Item], None]) -> None:
        try:
            step(item)
        except OSError as error:
            self._refuse(item, reason(error))
        except Refused as error:
            self._refuse(item, str(error))

    def _refuse(self, item: Item, why: str) -> None:
        self.received.plain = False
        self.received.refused[item.path] = why

    def _take(self, item: Item) -> None:
        if forms.is_checkpoint(item.path.split("/")):
            self.checkpoints.append(item)
        elif forms.is_weights(item.path.split("/"), self.manifest):
            self._take_weights(item)
        elif why := forms.unread_form(item.name):
            self._leave(item, why)
        elif forms.is_by_product(item.path.split("/")):
            self._set_aside(item)
        elif forms.has_archives_name(item.name):
            self._put_off(item)
        elif forms.has_notebooks_name(item.name):
            self._read(item)
        else:
            self._look(item)

    def _read(self, item: Item) -> None:
        """Read a file that is called a notebook, unless its bytes say that it is something else."""
        if self.notebooks == MAX_NOTEBOOKS:
            self.skipped += 1
            return
        self.notebooks += 1
        data = self._whole(item)
        if is_archive(data):
            self._put_off(item)
        elif why := forms.unread_bytes(data):
            raise Refused(why)
        else:
            self.received.files[self._free_path(item)] = NotebookBytes(data, item.times, item.archives)
            self.received.plain &= item.name.endswith(forms.NOTEBOOK)

    def _look(self, item: Item) -> None:
        """Look at the beginning of any other file: it may be a notebook all the same."""
        limit = min(MAX_LOOKED, self.left_to_look)
        if limit <= 0:
            self._leave(item, f"it was not looked at, since other files hold over {MAX_LOOKED_ALL / 1e6:.0f} MB")
            return
        data = item.read(limit)
        self.left_to_look -= len(data)
        if is_archive(data):
            self._put_off(item)
        elif forms.looks_like_a_notebook(data):
            self._read(item)
        elif why := forms.unread_bytes(data) or ("" if data.strip() else "it is empty"):
            self._leave(item, why)
        else:
            self._judge_text(item, data)

    def _judge_text(self, item: Item, data: bytes) -> None:
        text = forms.as_text(data)
        if text is None:
            self._leave(item, "it is of a kind that is not read")
        elif files := forms.mentioned(text, self.manifest) | forms.named(item.name, self.manifest):
            self._leave(item, "it is a text, not a notebook", files)
        else:
            self._set_aside(item)

    def _take_weights(self, item: Item) -> None:
        """A file of weights says nothing of notebooks, whatever is wrong with it."""
        try:
            data = whole(item, min(MAX_WEIGHTS, self.left_for_weights))
        except OSError as error:
            self.received.weights_refused[item.path] = reason(error)
        except Refused as error:
            self.received.weights_refused[item.path] = str(error)
        else:
            self.left_for_weights -= len(data)
            self.received.weights.setdefault(item.name, {})[item.path] = data

    def _put_off(self, item: Item) -> None:
        """An archive is opened when all files beside it have been read: where limits are met, those go first."""
        self.received.plain = False
        if len(item.archives) >= MAX_ARCHIVES:
            self._leave(item, "it is an archive inside an archive inside an archive: hand in the notebooks themselves")
        else:
            self.archived.append(item)

    def _open(self, item: Item) -> None:
        before = self._found()
        self._take_all(list_archive(item, self._whole(item), self.received, self.manifest))
        if self._found() == before:
            self.received.others.append(shown(item.path))

    def _found(self) -> int:
        return (
            len(self.received.files)
            + len(self.received.weights)
            + len(self.received.refused)
            + len(self.received.left)
            + len(self.archived)
        )

    def _whole(self, item: Item) -> bytes:
        data = whole(item, min(MAX_BYTES, self.left_to_read))
        self.left_to_read -= len(data)
        return data

    def _leave(self, item: Item, why: str, files: frozenset[str] = frozenset()) -> None:
        """Keep a file in mind that may be a notebook: those that it names, else any."""
        self._set_aside(item)
        self.received.left[item.path] = Leftover(why, files or forms.named(item.path, self.manifest))

    def _set_aside(self, item: Item) -> None:
        self.received.plain = False
        if not item.archives:
            self.received.others.append(shown(item.path))

    def _free_path(self, item: Item) -> str:
        """An archive may hold two files of the same path."""
        return next(
            path
            for path in (item.path, *(f"{item.path} ({number})" for number in range(2, MAX_NOTEBOOKS + 2)))
            if path not in self.received.files
        )
