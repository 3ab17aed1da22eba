"""Makes a release: everything that it refuses, then the zip file, then what is kept of the version."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from autograder.assignment.kept_versions import KeptVersion, digest, kept_versions, place
from autograder.assignment.load import load_assignment
from autograder.assignment.model import Assignment
from autograder.assignment.test_digests import digests_of_tests
from autograder.build import build as builder
from autograder.build import leaks
from autograder.build.build import Build
from autograder.course_folders import CourseFolders
from autograder.errors import BadInput, Leak
from autograder.files import write_atomically
from autograder.grading.fingerprint import fingerprint
from autograder.publish.changelog import FILE as CHANGES
from autograder.publish.changelog import changelog
from kit.archive import archive
from kit.manifest import version_order
from kit.release_zip import DIGESTS

MAX_NOTES = 100_000  # bytes


@dataclass(frozen=True)
class Prepared:
    """A release that nothing speaks against but the proof of its tests. again: it was released already, as it is."""

    assignment: Assignment
    kept: KeptVersion
    archive: bytes
    changes: str
    again: bool

    @property
    def file(self) -> str:
        return f"{self.assignment.name}-{self.kept.version}.zip"


def check_out(assignment: str, root: Path, out: Path) -> None:
    """BadInput where the zip file would lie among what a build makes or is made of."""
    course = CourseFolders(root.resolve())
    for folder in (course.release / assignment, course.source / assignment, course.assignments / assignment):
        if out.resolve().is_relative_to(folder):
            raise BadInput(f"{out} lies in {folder.relative_to(course.root)}: give another --out, such as out/")


def prepare(name: str, root: Path, version: str, notes: Path) -> Prepared:
    """Build in memory and look for all that speaks against a release. Nothing is written.

    BadInput: the version, the notes; Stale: a product is not what the sources build; Leak: the release or its notes
    hold something of the staff's.
    """
    assignment = load_assignment(name, root)
    text = _notes(notes)
    kept = kept_versions(assignment)
    _check_version(assignment, version, kept)
    made = builder.check(name, root)
    return _prepared(assignment, made, text, kept)


def write(prepared: Prepared, out: Path) -> list[Path]:
    """Write the zip file, and keep the version; returns what was written."""
    target = out / prepared.file
    is_other = target.is_file() and target.read_bytes() != prepared.archive
    if is_other and not _is_release(target, prepared.assignment.name):
        what = "such as a support archive or another set's release"
        raise BadInput(f"{target} is another file of that name, {what}: move it, or give another --out")
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(f"{out} cannot be made a folder ({error.strerror}): give another --out") from error
    write_atomically(target, prepared.archive)
    if prepared.again:
        return [target]
    record = place(prepared.assignment, prepared.kept.version)
    write_atomically(record, prepared.kept.to_json().encode())
    return [target, record]


def _notes(path: Path) -> str:
    """What the release's notes say."""
    what = "write into it, for students, what is new and why"
    try:
        data = path.read_bytes()
        text = data.decode("utf-8-sig").replace("\r\n", "\n").strip()
    except UnicodeDecodeError as error:
        raise BadInput(f"{path} is not UTF-8 text (byte {error.start}): save it as UTF-8") from error
    except OSError as error:
        raise BadInput(f"{path} cannot be read ({error.strerror}): {what}") from error
    if not text:
        raise BadInput(f"{path} is empty: {what}")
    if len(data) > MAX_NOTES or "\0" in text:
        raise BadInput(f"{path} is no text for students: notes are some lines of Markdown")
    return text


def _check_version(assignment: Assignment, version: str, kept: list[KeptVersion]) -> None:
    if version != assignment.version:
        table = f"assignments/{assignment.name}/assignment.toml"
        raise BadInput(
            f'{table} says version = "{assignment.version}". To release {version}, change that line to '
            f'version = "{version}" and run: autograder build {assignment.name}'
        )
    last = max((item for item in kept if item.version != version), default=None, key=lambda k: version_order(k.version))
    is_kept = any(item.version == version for item in kept)
    if last is not None and not is_kept and version_order(version) <= version_order(last.version):
        raise BadInput(f"version {version} does not come after {last.version}, the last released: raise it")


def _prepared(assignment: Assignment, made: Build, notes: str, kept: list[KeptVersion]) -> Prepared:
    files = made.released
    now = KeptVersion(
        manifest=assignment.manifest,
        notes=notes,
        tests={name: row for item in assignment.problems for name, row in digests_of_tests(item).items()},
        files={path: digest(data) for path, data in files.items()},
        parts=_parts(assignment, files),
        archive="",
    )
    earlier = [item for item in kept if version_order(item.version) < version_order(now.version)]
    changes = changelog([*earlier, now])
    _check_leaks(assignment, changes)
    known = {item.version: item.files for item in (*earlier, now)}
    more = {CHANGES: changes.encode(), DIGESTS: (json.dumps(known, indent=1, sort_keys=True) + "\n").encode()}
    packed = archive({f"{assignment.name}/{path}": data for path, data in (files | more).items()}, zipfile.ZIP_STORED)
    now = replace(now, archive=digest(packed))
    same = next((item for item in kept if item.version == now.version), None)
    if same is not None and (same.archive, same.tests) != (now.archive, now.tests):
        raise BadInput(
            f"version {now.version} was released already with other content ({_other(same, now)}): raise `version` in "
            f"assignments/{assignment.name}/assignment.toml, or go back to what was released"
        )
    return Prepared(assignment, now, packed, changes, again=same is not None)


def _other(before: KeptVersion, now: KeptVersion) -> str:
    """What is not as it was released under the same version."""
    paths = sorted({path for path, _ in before.files.items() ^ now.files.items()})
    tests = sorted(name for name in now.tests if before.tests.get(name) != now.tests[name])
    reasons = [*(["its notes"] if before.notes != now.notes else []), *paths[:3], *(f"tests of {n}" for n in tests[:3])]
    return ", ".join(reasons) or "an earlier version's notes"


def _parts(assignment: Assignment, files: Mapping[str, bytes]) -> dict[str, str]:
    return {
        "library": _digest_of(files, assignment.library),
        "kit": _digest_of(files, "kit"),
        "engine": fingerprint(assignment),
    }


def _digest_of(files: Mapping[str, bytes], folder: str) -> str:
    whole = hashlib.sha256()
    for path, data in sorted(files.items()):
        if path.startswith(f"{folder}/"):
            whole.update(f"{path}\0{len(data)}\0".encode() + data)
    return whole.hexdigest()


def _check_leaks(assignment: Assignment, text: str) -> None:
    """What is written for students, beside the build's own files, which were searched when they were built."""
    found: Iterable[str] = leaks.find(assignment, {CHANGES: text.encode()})
    if lines := "\n".join(found):
        raise Leak(f"{lines}\nNothing was written. Take it out of the notes: students read them")


def _is_release(path: Path, assignment: str) -> bool:
    """Whether it is the zip of a release of this assignment; a support archive holds no list of versions."""
    try:
        with zipfile.ZipFile(io.BytesIO(path.read_bytes())) as packed:
            return f"{assignment}/{DIGESTS}" in packed.namelist()
    except zipfile.BadZipFile:
        return False
