"""What lies beside the released notebooks, and the archive of it that a notebook on its own can fetch."""

from __future__ import annotations

import hashlib
import textwrap
from pathlib import Path
from zipfile import ZIP_STORED

import kit
from autograder.assignment.model import DATA, Assignment
from autograder.build.composed_library import composed
from autograder.build.handout import WIDTH, handout
from autograder.errors import CourseError
from autograder.files import files_under
from kit.archive import archive

KIT = Path(kit.__file__).parent
RELEASE_FILES = "release_files"

# Runs before any of our code can be imported, in a folder that may hold nothing else, perhaps without torch.
_SET_UP = """\
# Set-up: finds the course's files beside this notebook; where it stands alone (Colab), in {archive} or online.
{grader}
import glob, hashlib, http.client, importlib.util, io, json, os, sys, urllib.request, zipfile

URL, SHA256, FOLDER, VERSION = "{url}", "{sha256}", "{folder}", "{version}"
FILES = ["kit/__init__.py", "{library}/{landmark}"]
DRIVE = "/content/drive/My*Drive"
PLACES = [os.getcwd(), "/content", *sorted(glob.glob(DRIVE)), *sorted(glob.glob(DRIVE + "/*/"))]

def lacking(folder):
    return [file for file in FILES if not os.path.isfile(os.path.join(folder, file))]

def unpack(packed, folder):  # without notebooks: yours is this one
    names = packed.namelist()
    top = next(name for name in names if name.endswith(FILES[0]))[: -len(FILES[0])]
    if top + FILES[1] not in names or json.loads(packed.read(top + "tests/manifest.json"))["version"] != VERSION:
        raise ValueError("not the files of version " + VERSION)
    for name in names:
        if name.startswith(top) and not name.endswith(("/", ".ipynb")) and ".." not in name:
            path = os.path.join(folder + ".part", name[len(top) :])
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as file:
                file.write(packed.read(name))
    os.replace(folder + ".part", folder)
    return folder

def unpacked():
    for place in PLACES:
        if not lacking(os.path.join(place, FOLDER)):
            return os.path.join(place, FOLDER)
    for zip_file in [file for place in PLACES for file in sorted(glob.glob(os.path.join(place, "*.zip")))]:
        try:
            with zipfile.ZipFile(zip_file) as packed:
                return unpack(packed, os.path.join(os.path.dirname(zip_file), FOLDER))
        except (KeyError, StopIteration, ValueError, zipfile.BadZipFile) as error:
            print(f"{{zip_file}} is not used: {{str(error) or 'it holds other files'}}")
    if not URL:
        raise RuntimeError("This notebook needs the folder it came in (with {library}/ and kit/): open it there. "
            "In Colab: click the folder at the left and upload {archive}, or put it on your Drive and run: from "
            "google.colab import drive; drive.mount('/content/drive'). Then run this cell again.")
    try:
        data = urllib.request.urlopen(URL, timeout=60).read()
    except (OSError, http.client.HTTPException) as error:
        raise RuntimeError(f"Could not fetch {{URL}} ({{error}}). Go online, or upload {archive} beside this notebook, "
            "and run this cell again.") from None
    if hashlib.sha256(data).hexdigest() != SHA256:
        raise RuntimeError(f"{{URL}} is not what version {{VERSION}} expects. Ask the course for the right notebook.")
    return unpack(zipfile.ZipFile(io.BytesIO(data)), os.path.abspath(FOLDER))

if absent := [name for name in {needed} if importlib.util.find_spec(name) is None]:
    raise RuntimeError(f"Not installed for this notebook's Python, {{sys.executable}}: {{', '.join(absent)}}. "
        "Choose the kernel where you installed requirements.txt (Kernel > Change Kernel; VS Code: Select Kernel), or "
        "install it there as handout.md says, and restart the kernel.")
if all(lacking(folder or os.curdir) for folder in [os.curdir, *sys.path]):
    if inner := [folder for folder in sorted(glob.glob("*/")) if not lacking(folder) and folder != FOLDER + os.sep]:
        raise RuntimeError(f"The course's files are in {{os.path.abspath(inner[0])}}: move this notebook there.")
    if os.path.isdir("kit") and os.path.isdir("{library}"):
        raise RuntimeError(f"{{os.getcwd()}} lacks {{lacking(os.curdir)[0]}}: unpack the course's files once more.")
    os.chdir(unpacked())
    sys.path.insert(0, os.getcwd())
"""


def copies(assignment: Assignment) -> dict[str, bytes]:
    """What the release holds as it stands elsewhere, which git ignores: kit, library, data, pictures, public tests."""
    found = {f"{assignment.library}/{path}": data for path, data in composed(assignment).items()}
    for path, data in files_under(KIT).items():
        inner = path.removeprefix(f"{RELEASE_FILES}/")
        found[inner if inner != path else f"kit/{path}"] = data
    found |= assignment.pictures
    found |= {f"{DATA}/{path}": content for path, content in _data(assignment).items()}
    if (licence := assignment.root / "LICENSE").is_file():
        found["LICENSE"] = licence.read_bytes()
    for problem in assignment.problems:
        for test_file in problem.shipped_tests:
            found[f"tests/{problem.name}/{test_file.name}"] = test_file.read_bytes()
    return found


def _data(assignment: Assignment) -> dict[str, bytes]:
    """What lies in data/: its files, and the folders that a released problem names."""
    unneeded = unneeded_packs(assignment)
    files = files_under(assignment.folder / DATA)
    return {path: content for path, content in files.items() if path.split("/")[0] not in unneeded}


def unneeded_packs(assignment: Assignment) -> list[str]:
    """Folders of data/ that stay out of the release, since no released problem names them."""
    folder = assignment.folder / DATA
    needed = {pack for problem in assignment.problems for pack in problem.packs}
    there = [path.name for path in sorted(folder.iterdir())] if folder.is_dir() else []
    return [name for name in there if name not in needed and (folder / name).is_dir()]


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


def support_archive(support: dict[str, bytes]) -> bytes:
    """The support files as a zip whose bytes depend on nothing but them."""
    return archive(support, ZIP_STORED)


def archive_name(assignment: Assignment) -> str:
    return f"{assignment.name}-{assignment.version}.zip"


def setup_cell(assignment: Assignment, packed: bytes) -> str:
    """The first code cell of every notebook: it knows where the archive lies and what it must hash to."""
    digest = hashlib.sha256(packed).hexdigest()
    return _SET_UP.format(
        library=assignment.library or "tests",
        landmark=_landmark(assignment),
        needed=_needed(assignment),
        archive=archive_name(assignment),
        url=assignment.release_url,
        sha256=digest,
        folder=f"{assignment.name}-{assignment.version}-{digest[:8]}",
        version=assignment.version,
        grader="\n".join(textwrap.wrap(assignment.manifest.grader, WIDTH, initial_indent="# ", subsequent_indent="# ")),
    ).rstrip()


def _needed(assignment: Assignment) -> tuple[str, ...]:
    """What has to be there before anything of ours is imported."""
    pictures = ("PIL",) if "matplotlib" in assignment.libraries else ()
    return (*assignment.libraries, *pictures, "pytest")


def _landmark(assignment: Assignment) -> str:
    """A module that tells the library from any other folder of its name; without a library, a file of tests/."""
    if not assignment.library:
        return "manifest.json"
    modules = [path for path in composed(assignment) if path.endswith(".py") and "/" not in path]
    return "data.py" if "data.py" in modules else modules[-1]
