"""The autograder zip: engine, kit, the assignment with its hidden tests, what is drawn for its seeds, two programs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import autograder
import kit
from autograder.assignment.model import DATA, Assignment
from autograder.build.release_files import unneeded_packs
from autograder.course_folders import CourseFolders
from autograder.course_key import keyed_digest
from autograder.errors import BadInput
from autograder.exports.gradescope.layout import COURSE, ENGINE, SETTINGS, Settings
from autograder.files import files_under
from autograder.grading.seed import course_seed, seed_name
from kit.archive import archive

PROGRAMS = ("setup.sh", "run_autograder")
MARGIN_SECONDS = 60  # between a run's own end and the harness's
CPU_SHARE = 0.5  # of a core, which Gradescope's smallest container has
# What grading imports beside the engine; with all that these need, in the versions that are installed here.
NEEDED = ("pillow", "pytest", "jupytext", "nbformat", "packaging", "safetensors")
_ENGINE = Path(autograder.__file__).parent
_KIT = Path(kit.__file__).parent
_IMAGE = Path(__file__).parent / "image"


def autograder_zip(assignment: Assignment, minutes: int) -> bytes:
    """The zip's bytes: the same for the same course, engine and installed packages. It holds secrets.

    minutes: the time limit that is set in Gradescope. BadInput where a submission may take longer than that.
    """
    seconds = minutes * 60 - MARGIN_SECONDS
    if (longest := assignment.submission_seconds / CPU_SHARE) > seconds:
        raise BadInput(
            f"a submission may take {assignment.submission_seconds:g} processor seconds (submission_seconds in "
            f"assignment.toml), {longest:g} seconds on half a core, and {seconds} are left of {minutes} minutes: say "
            f"--minutes {-(-(longest + MARGIN_SECONDS) // 60):g}, and choose that limit in Gradescope's settings"
        )
    files = {name: (_IMAGE / name).read_bytes() for name in PROGRAMS}
    files["setup.sh"] = files["setup.sh"].replace(b"@PYTHON@", assignment.python.encode())
    files["requirements.txt"] = "".join(
        f"{pin}\n" for pin in pins((*NEEDED, *assignment.libraries, *assignment.packages))
    ).encode()
    files[SETTINGS] = Settings(assignment.name, seconds).to_json()
    files |= {f"{ENGINE}/{path}": data for path, data in _engine()}
    files |= {f"{COURSE}/{path}": data for path, data in _course(assignment).items()}
    return archive(files, executable=PROGRAMS)


def pins(names: tuple[str, ...]) -> list[str]:
    """name==version of these packages and of all that they need, as far as they are installed here."""
    found: dict[str, str] = {}
    waiting = list(names)
    while waiting:
        name = canonicalize_name(waiting.pop())
        if name not in found and (version := _version(name)) is not None:
            found[name] = version.partition("+")[0]  # torch's build for a kind of machine is not in its number
            needed = map(Requirement, metadata.requires(name) or ())
            waiting += [one.name for one in needed if one.marker is None or one.marker.evaluate({"extra": ""})]
    return [f"{name}=={version}" for name, version in sorted(found.items())]


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _engine() -> Iterator[tuple[str, bytes]]:
    for package in (_ENGINE, _KIT):
        for path, data in files_under(package).items():
            if not path.startswith("tests/"):
                yield f"{package.name}/{path}", data


def _course(assignment: Assignment) -> dict[str, bytes]:
    """By path under a course's top folder: what grading reads, and no more."""
    top = CourseFolders(Path())
    source = {(top.assignments / assignment.name / path).as_posix(): data for path, data in _sources(assignment)}
    folder, shared = top.release / assignment.name / assignment.library, assignment.library_folder
    released = {} if shared is None else files_under(shared)
    library = {(folder / path).as_posix(): data for path, data in released.items()}
    return source | library | {(top.state / name).as_posix(): data for name, data in _secrets(assignment).items()}


def _sources(assignment: Assignment) -> Iterator[tuple[str, bytes]]:
    """Of assignments/<name>: its tables, library and data, and the released problems without made answers."""
    problems = {problem.name for problem in assignment.problems}
    unneeded = set(unneeded_packs(assignment))
    for path, data in files_under(assignment.folder).items():
        first, *rest = path.split("/")
        if not rest or first == assignment.library or (first == DATA and rest[0] not in unneeded):
            yield path, data
        elif first in problems and rest[0] not in ("wrong", "right"):
            yield path, data


def _secrets(assignment: Assignment) -> dict[str, bytes]:
    """The seed of the grades, drawn now unless it is already, and a key for seeds before the deadline.

    That key is derived: with the course's own, which stays at home, results are sealed.
    """
    seeds = {seed_name(assignment): course_seed(assignment)}
    key = bytes.fromhex(keyed_digest(assignment.course.state, "a key for Gradescope", assignment.name.encode()))
    return {"seeds.json": (json.dumps(seeds, indent=1) + "\n").encode(), "key": key}
