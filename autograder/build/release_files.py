"""What lies beside the released notebooks, and the archive of it that a notebook on its own can fetch."""

from __future__ import annotations

import hashlib
import textwrap
from pathlib import Path
from zipfile import ZIP_STORED

import kit
from autograder.assignment.model import Assignment
from autograder.build.composed_library import composed
from autograder.errors import CourseError
from autograder.files import files_under
from kit.archive import archive

KIT = Path(kit.__file__).parent
RELEASE_FILES = "release_files"
WIDTH = 116

# Kept short and free of helpers: it runs before any of our code can be imported.
_FIND = """\
# Set-up: finds the course's files beside this notebook.
{grader}
import importlib.util

if importlib.util.find_spec("{library}") is None:
    raise RuntimeError("This notebook needs the folder it came in (with {library}/ and kit/): open it there.")
"""
_FIND_OR_FETCH = """\
# Set-up: finds the course's files beside this notebook, or fetches them where it stands alone (as in Colab).
{grader}
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


def copies(assignment: Assignment) -> dict[str, bytes]:
    """What the release holds as it stands elsewhere: kit, library, data, public tests, licence. Git ignores them."""
    found = {f"{assignment.library}/{path}": data for path, data in composed(assignment).items()}
    for path, data in files_under(KIT).items():
        inner = path.removeprefix(f"{RELEASE_FILES}/")
        found[inner if inner != path else f"kit/{path}"] = data
    found |= {f"data/{path}": data for path, data in files_under(assignment.folder / "data").items()}
    if (licence := assignment.root / "LICENSE").is_file():
        found["LICENSE"] = licence.read_bytes()
    for problem in assignment.problems:
        for test_file in problem.shipped_tests:
            found[f"tests/{problem.name}/{test_file.name}"] = test_file.read_bytes()
    return found


def written(assignment: Assignment) -> dict[str, bytes]:
    """What is made for the release beside its notebooks: handout, requirements, manifest."""
    found = {"tests/manifest.json": assignment.manifest.to_json().encode()}
    for name in ("handout.md", "requirements.txt"):
        path = assignment.folder / name
        if not path.is_file():
            raise CourseError(f"{path.relative_to(assignment.root)} is missing: it belongs in every release")
        found[name] = path.read_bytes()
    found["requirements.txt"] += _optional_packages(assignment).encode()
    found["handout.md"] = handout(assignment, assignment.read(assignment.folder / "handout.md")).encode()
    return found


def _optional_packages(assignment: Assignment) -> str:
    """Lines for the student's requirements.txt: what the grader has as well, for whoever wants to use it."""
    if not assignment.packages:
        return ""
    lines = ["# Optional: the grader has these too, and no others.", *(f"# {name}" for name in assignment.packages)]
    return "\n".join([*lines, ""])


def handout(assignment: Assignment, text: str) -> str:
    """The handout with {{points}} replaced by a table and {{grader}} by what the grader has: each has one home."""
    manifest = assignment.manifest
    rows = ["| Exercise or question | Points | Marked by |", "|---|---|---|"]
    for problem in assignment.problems:
        rows += [f"| `{exercise.id}` | {exercise.points:g} | checks |" for exercise in problem.exercises]
        rows += [f"| `{answer.id}` | {answer.points:g} | a person |" for answer in problem.answers]
    total = sum(exercise.points for exercise in manifest.exercises) + sum(answer.points for answer in manifest.answers)
    text = text.replace("{{points}}", "\n".join([*rows, f"| all | {total:g} | |"]))
    return text.replace("{{grader}}", "\n".join(textwrap.wrap(manifest.grader, WIDTH)))


def support_archive(support: dict[str, bytes]) -> bytes:
    """The support files as a zip whose bytes depend on nothing but them."""
    return archive(support, ZIP_STORED)


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
        grader="\n".join(textwrap.wrap(assignment.manifest.grader, WIDTH, initial_indent="# ", subsequent_indent="# ")),
    ).rstrip()
