"""Makes the one file to hand in: the notebooks, and a short list of what they are."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kit import home_warnings, running_notebook
from kit.archive import archive as zip_of
from kit.notebooks import MAX_BYTES, MAX_SUBMISSION
from kit.preview import examine, missing_notebooks, weights_lines
from kit.release import Release, ReleaseError, Saved, SavedNotebook, find_release, read_all
from kit.text import on_one_line, say, visible

LIST = "submission.json"


def pack() -> None:
    """Make the file to hand in, from inside a notebook: all saved notebooks; in Colab this one, which is downloaded."""
    try:
        release = find_release()
        if not running_notebook.in_colab():
            run(release, [], None)
            return
        own = running_notebook.colab_notebook(release)
        out = release.root / default_name(release, own.notebook.problem)
        if _pack(release, Saved((own,), (), ()), out, alone=True) == 0:
            _download(out)
    except ReleaseError as error:
        say(f"Nothing was packed: {error}")


def run(release: Release, paths: Sequence[Path], out: Path | None) -> int:
    """`python -m kit pack`: write the file and say what is in it and what is missing; 1 where nothing was written."""
    return _pack(release, read_all(release, paths), out or release.root / default_name(release))


def default_name(release: Release, problem: str = "") -> str:
    """The file's name; with the problem in it where a notebook is packed alone, so that no other one has it too."""
    return "-".join(part for part in (release.manifest.assignment, problem, "submission.zip") if part)


def archive(release: Release, notebooks: Sequence[SavedNotebook]) -> bytes:
    """The zip's bytes, which depend on notebooks and weights alone. Notebooks get back their released names."""
    listed: dict[str, Any] = {
        "assignment": release.manifest.assignment,
        "version": release.manifest.version,
        "notebooks": {own.notebook.file: hashlib.sha256(own.data).hexdigest() for own in notebooks},
    }
    files = {own.notebook.file: own.data for own in notebooks}
    weights = {name: data for name in release.manifest.weights if (data := release.find_file(name)) is not None}
    if weights:
        listed["weights"] = {name: hashlib.sha256(data).hexdigest() for name, data in weights.items()}
        files |= weights
    files[LIST] = (json.dumps(listed, indent=1) + "\n").encode()
    return zip_of(files)


def _pack(release: Release, saved: Saved, out: Path, *, alone: bool = False) -> int:
    for remark in saved.remarks:
        say(on_one_line(remark))
    data, errors = _packed(release, saved)
    if errors:
        say("\n".join([*(f"error: {error}" for error in errors), "Nothing was packed."]), sys.stderr)
        return 1
    _write(out, data)
    say(f"{visible(out.name)}: {len(data) / 1024:.0f} kB, version {release.manifest.version}, in {out.parent}")
    say("\n".join(map(on_one_line, [*_contents(release, saved), *_next_steps(release, saved, alone=alone)])))
    return 0


def _packed(release: Release, saved: Saved) -> tuple[bytes, list[str]]:
    """The zip's bytes, and the errors for which it is not to be written."""
    if errors := _errors(release, saved):
        return b"", errors
    data = archive(release, saved.notebooks)
    return data, _errors_of_archive(saved.notebooks, data)


def _errors(release: Release, saved: Saved) -> list[str]:
    """What is wrong with the notebooks."""
    errors = [*saved.errors, *(_too_large(own) for own in saved.notebooks if len(own.data) > MAX_BYTES)]
    if saved.notebooks or errors:
        return errors
    return [f"no notebook of {release.manifest.title} in {release.root}"]


def _errors_of_archive(notebooks: Sequence[SavedNotebook], data: bytes) -> list[str]:
    """Why notebooks that are small enough each are too large together."""
    total = sum(len(own.data) for own in notebooks)
    if len(data) <= MAX_BYTES and total <= MAX_SUBMISSION:
        return []
    largest = max(notebooks, key=lambda own: len(own.data))
    return [
        f"the notebooks hold {total / 1e6:.0f} MB together and {len(data) / 1e6:.0f} MB as a zip file, over the "
        f"{MAX_SUBMISSION / 1e6:.0f} MB and {MAX_BYTES / 1e6:.0f} MB that are read. "
        f"Largest in {largest.path.name}: {_largest_cells(largest)}. Clear the outputs of those cells and save."
    ]


def _contents(release: Release, saved: Saved) -> list[str]:
    """Lines on each packed notebook: whether it is saved, what is unfinished, and what will not run."""
    lines = []
    for own in saved.notebooks:
        report = examine(release.manifest, own, compare=not running_notebook.in_colab())
        renamed = "" if own.path.name == own.notebook.file else f" (from {own.path.name})"
        unfinished = [f"unfinished: {', '.join(report.unfinished)}"] if report.unfinished else []
        lines.append(f"  {own.notebook.file}{renamed}: {report.freshness}")
        lines += [f"    {line}" for line in (*unfinished, *report.uncompiled, *report.elsewhere, *report.notes)]
    lines += [f"  {line}" for line in weights_lines(release)]
    folders = {release.root, *(own.path.absolute().parent for own in saved.notebooks)}
    return lines + [f"  Warning: {line}" for line in home_warnings.of_folder(release.manifest, folders)]


def _next_steps(release: Release, saved: Saved, *, alone: bool) -> list[str]:
    if alone:
        return ["In Colab each notebook is packed by itself: hand in one such file for each, all together."]
    return [
        *(f"  {line}" for line in missing_notebooks(release, saved)),
        "See what will be graded: python -m kit preview. Then hand in this file.",
    ]


def _write(path: Path, data: bytes) -> None:
    """All or nothing: a half-written file is never seen under this name."""
    part = path.with_name(path.name + ".part")
    try:
        part.write_bytes(data)
        os.replace(part, path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise ReleaseError(f"{path}: cannot be written: {error.strerror}") from error


def _largest_cells(own: SavedNotebook) -> str:
    cells = own.content["cells"]
    sizes = sorted(((len(json.dumps(cell)), number) for number, cell in enumerate(cells, start=1)), reverse=True)
    return ", ".join(f"cell {number} ({size / 1e6:.1f} MB)" for size, number in sizes[:3])


def _too_large(own: SavedNotebook) -> str:
    return (
        f"{own.path.name} holds {len(own.data) / 1e6:.0f} MB, over the {MAX_BYTES / 1e6:.0f} MB that are read. "
        f"Largest: {_largest_cells(own)}. Clear the outputs of those cells and save."
    )


def _download(path: Path) -> None:
    """Download the file in the browser, where Colab allows it."""
    try:
        from google.colab import files  # type: ignore[import-not-found,unused-ignore]

        download: Any = files.download
        download(str(path))
    except Exception:
        say(f"Download it from the folder pane on the left: {path}")
