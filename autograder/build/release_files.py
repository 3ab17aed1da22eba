"""What lies beside the released notebooks, and the archive of it that a notebook on its own can fetch."""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path

import kit
from autograder.assignment.model import Assignment
from autograder.errors import CourseError

KIT = Path(kit.__file__).parent
RELEASE_FILES = "release_files"
NEVER = ("__pycache__", ".ipynb_checkpoints", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".DS_Store")
LAID_AS_IS = ("handout.md", "requirements.txt")

# Kept short and free of helpers: it runs before any of our code can be imported.
_FIND = """\
# Set-up: finds the course's files beside this notebook.
import importlib.util

if importlib.util.find_spec("{library}") is None:
    raise RuntimeError("This notebook needs the folder it came in (with {library}/ and kit/): open it there.")
"""
_FIND_OR_FETCH = """\
# Set-up: finds the course's files beside this notebook, or fetches them where it stands alone (as in Colab).
import hashlib, http.client, importlib.util, io, os, sys, urllib.request, zipfile

if importlib.util.find_spec("{library}") is None:
    url, sha256, folder = "{url}", "{sha256}", "{folder}"
    if not os.path.isdir(folder):
        try:
            data = urllib.request.urlopen(url, timeout=60).read()
        except (OSError, http.client.HTTPException) as error:
            raise RuntimeError(f"Could not fetch {{url}} ({{error}}). Go online and run this cell again.") from None
        if hashlib.sha256(data).hexdigest() != sha256:
            raise RuntimeError(f"{{url}} is not what version {version} expects. Ask the course for the right notebook.")
        zipfile.ZipFile(io.BytesIO(data)).extractall(folder + ".part")
        os.replace(folder + ".part", folder)
    os.chdir(folder)
    sys.path.insert(0, os.getcwd())
"""


def files(assignment: Assignment) -> dict[str, bytes]:
    """Everything of the release except its notebooks: path in the release to content."""
    found = {f"{assignment.library}/{path}": data for path, data in _tree(assignment.library_folder).items()}
    for path, data in _tree(KIT).items():
        inner = path.removeprefix(f"{RELEASE_FILES}/")
        found[inner if inner != path else f"kit/{path}"] = data
    found |= {f"data/{path}": data for path, data in _tree(assignment.folder / "data").items()}
    for name in LAID_AS_IS:
        laid = assignment.folder / name
        if not laid.is_file():
            raise CourseError(f"{laid.relative_to(assignment.root)} is missing: it belongs in every release")
        found[name] = laid.read_bytes()
    found["handout.md"] = handout(assignment, found["handout.md"].decode("utf-8")).encode()
    if (licence := assignment.root / "LICENSE").is_file():
        found["LICENSE"] = licence.read_bytes()
    for problem in assignment.problems:
        for test_file in problem.shipped_tests:
            found[f"tests/{problem.name}/{test_file.name}"] = test_file.read_bytes()
    found["tests/manifest.json"] = assignment.manifest.to_json().encode()
    return dict(sorted(found.items()))


def handout(assignment: Assignment, text: str) -> str:
    """The handout with its line {{points}} replaced by a table: points have one home, problem.toml."""
    manifest = assignment.manifest
    rows = ["| Exercise or question | Points | Marked by |", "|---|---|---|"]
    for problem in assignment.problems:
        rows += [f"| `{exercise.id}` | {exercise.points:g} | checks |" for exercise in problem.exercises]
        rows += [f"| `{answer.id}` | {answer.points:g} | a person |" for answer in problem.answers]
    total = sum(exercise.points for exercise in manifest.exercises) + sum(answer.points for answer in manifest.answers)
    return text.replace("{{points}}", "\n".join([*rows, f"| all | {total:g} | |"]))


def archive(support: dict[str, bytes]) -> bytes:
    """The support files as a zip whose bytes depend on nothing but them (stored: no compressor's version matters)."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as out:
        for name, data in sorted(support.items()):
            info = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            info.create_system, info.external_attr = 3, 0o644 << 16
            out.writestr(info, data)
    return buffer.getvalue()


def archive_name(assignment: Assignment) -> str:
    return f"{assignment.name}-{assignment.version}.zip"


def setup_cell(assignment: Assignment, packed: bytes) -> str:
    """The first code cell of every notebook: it knows where the archive lies and what it must hash to."""
    digest = hashlib.sha256(packed).hexdigest()
    template = _FIND_OR_FETCH if assignment.release_url else _FIND
    return template.format(
        library=assignment.library,
        url=assignment.release_url,
        sha256=digest,
        folder=f"{assignment.name}-{assignment.version}-{digest[:8]}",
        version=assignment.version,
    ).rstrip()


def _tree(folder: Path) -> dict[str, bytes]:
    """All files under a folder by relative path, without what Python and editors leave there."""
    found = {}
    for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
        inner = path.relative_to(folder)
        if path.is_file() and not any(part in NEVER for part in inner.parts) and path.suffix != ".pyc":
            found[inner.as_posix()] = path.read_bytes()
    return found
