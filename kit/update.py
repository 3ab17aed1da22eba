"""Brings a student's folder to a new version: notebooks cell by cell (`kit.three_way`), the course's files whole.

Everything that is replaced is first put into a backup. What is to be written is written aside, whole, and then renamed
into place (`kit.unfinished`): a run that is killed leaves the old folder, or one that the next run ends.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import os
import shutil
import tempfile
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from kit import unfinished
from kit.archive import archive
from kit.copies import backup_stem, rank
from kit.manifest import Manifest, Notebook, version_order
from kit.notebooks import source_of
from kit.release import MANIFEST, Release, ReleaseError, SavedNotebook, read_saved
from kit.release_zip import DIGESTS, ReleaseZip, read_release
from kit.text import on_one_line, say
from kit.three_way import Updated, update

_READ_ME = """\
An update of this folder was stopped before its end. Nothing is lost. To end it, run in the folder above:

    python {folder}/finish.py
"""


@dataclass(frozen=True)
class UpdatePlan:
    """What an update does to the folder: paths to contents, paths to take away, and what to tell."""

    write: dict[str, bytes]
    remove: tuple[str, ...]
    remarks: tuple[str, ...]
    conflicts: tuple[str, ...]

    @property
    def touched(self) -> list[str]:
        return [*self.write, *self.remove]


def run(release: Release, path: Path) -> int:
    """`python -m kit update NEW.zip`; 0 where the folder is of the new version at the end."""
    new = read_release(path)
    if not _is_newer(release.manifest, new.manifest, path):
        say(f"This folder is of version {new.manifest.version} already: nothing to do.")
        return 0
    plan = plan_for(release, new)
    _refuse_links(release.root, plan)
    backup = _back_up(release, plan)
    _stage(release.root, plan, "\n".join(map(on_one_line, _told(release, new.manifest, plan, backup))))
    say(_finish(release.root))
    return 0


def finish(root: Path) -> None:
    """End an update of this folder that was stopped, and say so."""
    if told := _finish(root):
        say(f"An update of this folder had been stopped: it is finished now.\n{told}")


def _finish(root: Path) -> str:
    try:
        return unfinished.finish(root)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ReleaseError(
            f"the update could not put a file in its place ({on_one_line(str(error), 200)}). Close the programs that "
            f"have files of this folder open, then run: python {unfinished.FOLDER}/finish.py"
        ) from error


def _is_newer(mine: Manifest, new: Manifest, path: Path) -> bool:
    if new.assignment != mine.assignment:
        raise ReleaseError(f"{path.name} is a release of {new.assignment}, and this folder is {mine.assignment}")
    if version_order(new.version) < version_order(mine.version):
        raise ReleaseError(
            f"{path.name} is version {new.version}, older than this folder's {mine.version}: nothing was changed. "
            "To go back, take the notebooks out of a backup"
        )
    return version_order(new.version) != version_order(mine.version)


# --- what is to be done -----------------------------------------------------------------------------------------------


def plan_for(release: Release, new: ReleaseZip) -> UpdatePlan:
    """Everything in memory; ReleaseError, with nothing written, where it cannot be done without loss."""
    chosen, remarks = _notebooks(release, new.manifest)
    contents = {problem: saved.content for problem, saved in chosen.items()}
    made = update(release.manifest, new.manifest, contents, new.notebooks)
    _check_nothing_is_lost(release.manifest, chosen.values(), made)
    names = {book.file: _name(release, book, chosen) for book in new.manifest.notebooks}
    write = {names[file]: _as_bytes(content) for file, content in made.notebooks.items()}
    kept = {book.problem for book in new.manifest.notebooks}
    before = {saved.path.name for problem, saved in chosen.items() if problem in kept}
    remarks += [
        f"{names[book.file]}: new in this folder" for book in new.manifest.notebooks if book.problem not in chosen
    ]
    files, gone, edited = _course_files(release, new)
    remove = (*sorted(before - write.keys()), *gone)
    return UpdatePlan(write | files, remove, (*remarks, *made.kept, *edited), tuple(made.conflicts))


def _name(release: Release, book: Notebook, chosen: Mapping[str, SavedNotebook]) -> str:
    """The name of a notebook of the new version: the released one, unless the student has given it another."""
    mine = chosen.get(book.problem)
    name = book.file if mine is None or mine.path.name == mine.notebook.file else mine.path.name
    known = {saved.path.name for saved in chosen.values()}
    if name not in known and (release.root / name).exists():
        raise ReleaseError(f"{name} is in the way of the new notebook of that name: give it another name")
    return name


def _notebooks(release: Release, new: Manifest) -> tuple[dict[str, SavedNotebook], list[str]]:
    """The student's notebooks by problem, and remarks. Of several copies the one with the released name counts."""
    released = {book.file for manifest in (release.manifest, new) for book in manifest.notebooks}
    copies, remarks = _readable(release, released)
    chosen = {}
    for problem, found in copies.items():
        best = max(found, key=lambda one: (one.path.name == one.notebook.file, rank(one.path.name, one.reading)))
        others = ", ".join(other.path.name for other in found if other is not best)
        remarks += [f"{others}: a copy of {best.path.name}, stays as it is"] if others else []
        chosen[problem] = best
    kept = {book.problem for book in new.notebooks}
    gone = [saved.path.name for problem, saved in chosen.items() if problem not in kept]
    return chosen, remarks + [f"{name} is no longer part of the set: it stays as it is" for name in gone]


def _readable(release: Release, released: Set[str]) -> tuple[dict[str, list[SavedNotebook]], list[str]]:
    """All copies of each notebook in the folder; ReleaseError where one under a released name is damaged."""
    copies: dict[str, list[SavedNotebook]] = {}
    remarks: list[str] = []
    for path in sorted(release.root.glob("*.ipynb")):
        try:
            saved = read_saved(release, path)
        except ReleaseError as error:
            if path.name in released:
                raise ReleaseError(f"{error} Or move it elsewhere. Nothing was changed.") from error
            remarks.append(f"{path.name} cannot be read and stays as it is")
            continue
        if saved is not None:
            copies.setdefault(saved.notebook.problem, []).append(saved)
    return copies, remarks


def _check_nothing_is_lost(base: Manifest, mine: Iterable[SavedNotebook], made: Updated) -> None:
    """Every line of every cell that is not as released must stand in the new notebooks."""
    there = {line.strip() for content in made.notebooks.values() for cell in content["cells"] for line in _lines(cell)}
    course = {line.strip() for book in base.notebooks for cell in book.cells for line in cell.source.split("\n")}
    problems = {content["metadata"]["kit"]["problem"] for content in made.notebooks.values()}
    for saved in mine:
        if saved.notebook.problem in problems:
            for cell in saved.content["cells"]:
                lost = [line for line in _lines(cell) if line.strip() not in there | course and not _is_stub(line)]
                if lost and not _is_set_up(cell):
                    raise ReleaseError(
                        f"{saved.path.name}: a line of yours would be lost, so nothing was changed: "
                        f"{on_one_line(lost[0], 100)}. Tell the course, and unpack the new version beside this folder"
                    )


def _is_stub(line: str) -> bool:
    """What names an exercise by its id, and so changes with it."""
    return "NotImplementedError(" in line


def _lines(cell: object) -> list[str]:
    return source_of(cell).split("\n") if isinstance(cell, Mapping) else []


def _is_set_up(cell: Mapping[str, Any]) -> bool:
    return "Set-up" in source_of(cell).split("\n")[0]


def _course_files(release: Release, new: ReleaseZip) -> tuple[dict[str, bytes], list[str], list[str]]:
    """What of the course's files differs here, what the new version does not have, and what the student had edited."""
    write, edited = {}, []
    released = {(path, digest) for known in new.digests.values() for path, digest in known.items()}
    for path, data in new.files.items():
        if path in new.notebooks:
            continue
        there = _read(release.root / path)
        if there != data:
            write[path] = data
        if there not in (None, data) and path in _of_versions(new) and (path, _digest(there or b"")) not in released:
            edited.append(f"{path} was changed by you: yours is in the backup, the course's new one is in its place")
    gone = []
    for path, digest in new.digests.get(release.manifest.version, {}).items():
        there = _read(release.root / path)
        if path not in new.files and not path.endswith(".ipynb") and there is not None:
            if _digest(there) == digest:
                gone.append(path)
            else:
                edited.append(f"{path} is no longer part of the set, but was changed by you: it stays")
    return write, gone, edited


def _of_versions(new: ReleaseZip) -> set[str]:
    """Paths of which it is known how they were released."""
    return {path for known in new.digests.values() for path in known} - {DIGESTS, MANIFEST.as_posix()}


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise ReleaseError(f"{path} is in the way of a file of the new version ({error.strerror}): move it") from error


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _as_bytes(content: Mapping[str, Any]) -> bytes:
    """As Jupyter writes it, but for half a character, which no UTF-8 file can hold."""
    try:
        return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()
    except UnicodeEncodeError:
        return (json.dumps(content, indent=1) + "\n").encode()


# --- doing it ---------------------------------------------------------------------------------------------------------


def _refuse_links(root: Path, plan: UpdatePlan) -> None:
    """What is a link may lead anywhere, and would be written through."""
    for name in plan.touched:
        for part in (Path(name), *Path(name).parents):
            if (root / part).is_symlink():
                raise ReleaseError(f"{part} is a link: put the file or folder itself in its place. Nothing was changed")


def _back_up(release: Release, plan: UpdatePlan) -> Path:
    """A zip beside the notebooks with all of them and with everything that is replaced; never over an older one."""
    files = {path.name: path.read_bytes() for path in release.root.glob("*.ipynb") if path.is_file()}
    files |= {name: data for name in plan.touched if (data := _read(release.root / name)) is not None}
    stem = backup_stem(release.manifest.assignment, release.manifest.version)
    data = archive(files, zipfile.ZIP_DEFLATED)
    try:
        return _written(release.root, stem, data)
    except OSError as error:
        raise ReleaseError(f"the backup cannot be written: {error.strerror}. Nothing was changed") from error


def _written(root: Path, stem: str, data: bytes) -> Path:
    handle, part = tempfile.mkstemp(prefix=".backup-", dir=root)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        return _under_a_free_name(Path(part), (root / f"{stem}-{number}.zip" for number in count(1)))
    finally:
        Path(part).unlink(missing_ok=True)


def _under_a_free_name(part: Path, names: Iterator[Path]) -> Path:
    for name in names:
        try:
            with name.open("xb"):  # the name is ours, or somebody else's
                pass
        except FileExistsError:
            continue
        os.replace(part, name)
        return name
    raise AssertionError("there is always one more name")


def _stage(root: Path, plan: UpdatePlan, told: str) -> None:
    """Write the new files aside, the plan last: with it the update counts as begun."""
    staged = root / unfinished.FOLDER
    try:
        for name, data in plan.write.items():
            target = staged / unfinished.NEW / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
        (staged / "READ_ME.txt").write_text(_READ_ME.format(folder=unfinished.FOLDER), encoding="utf-8")
        (staged / "finish.py").write_text(inspect.getsource(unfinished), encoding="utf-8")
        part = staged / f"{unfinished.PLAN}.part"
        whole = {"write": list(plan.write), "remove": plan.remove, "told": told}
        part.write_text(json.dumps(whole), encoding="utf-8")
        os.replace(part, staged / unfinished.PLAN)
    except OSError as error:
        shutil.rmtree(staged, ignore_errors=True)
        raise ReleaseError(f"the new files cannot be written: {error.strerror}. Nothing was changed") from error


def _told(release: Release, new: Manifest, plan: UpdatePlan, backup: Path) -> Iterator[str]:
    yield f"Updated from version {release.manifest.version} to {new.version}. As it was before: {backup.name}"
    yield from (f"  {remark}" for remark in plan.remarks)
    if plan.conflicts:
        yield "Changed by you and by the new version: yours was kept. What is new there stands in a cell below it:"
        yield from (f"  {line}" for line in plan.conflicts)
    yield "CHANGES.md says what is new." if "CHANGES.md" in plan.write else "Nothing of yours was deleted."
    yield (
        "A notebook that is open: File > Reload Notebook from Disk (where Jupyter asks, choose Revert, not Overwrite), "
        "then restart its kernel."
    )
    if os.environ.get("JPY_PARENT_PID") or os.environ.get("JPY_SESSION_NAME"):
        yield "This was run from a notebook: do so now, before you save it."
