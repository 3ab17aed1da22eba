"""Where a new set goes: its name, its folder, its canary, and files that are all written or none."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

from autograder.course_folders import CourseFolders
from autograder.errors import BadInput
from autograder.names import assignment_name

SETTINGS = {"nbgrader_config.py": "nbgrader_config.py.in", ".gitignore": "gitignore.in"}  # from files beside this one
# As in .gitattributes of this repository.
GIT_RULES = """\
# Built files are compared byte by byte. Whatever git makes of two versions, `autograder build` makes anew: no conflict.
release/** -text merge=union
source/** -text merge=union
"""
_LIBRARY = re.compile(r"[a-z_][a-z0-9_]*")


def new_set_folder(root: Path, name: str) -> Path:
    """assignments/<name> of a course, which must not be there. BadInput where it is, or the folder is no course's."""
    folder = CourseFolders(root).assignments / assignment_name(name)
    others = [path.name for path in folder.parent.iterdir()] if folder.parent.is_dir() else []
    if same := [other for other in others if other.casefold() == folder.name.casefold()]:
        raise BadInput(f"assignments/{same[0]} is there already: choose another name, or remove that folder first")
    if not folder.parent.is_dir() and any(path for path in root.iterdir() if not path.name.startswith(".")):
        raise BadInput(
            f"{root} is no course: it holds other files, but no assignments/. Run the command in a course's top folder "
            f"(the one that holds assignments/), or in an empty folder, which becomes a course"
        )
    return folder


def library_name(name: str) -> str:
    """The package of a set: its name where Python can import that and nothing else is called so."""
    library = re.sub(r"[^a-z0-9_]", "_", name.lower())
    if not _LIBRARY.fullmatch(library):
        library = f"set_{library}"
    taken = (
        library in sys.stdlib_module_names or library in ("kit", "tests", "worker") or find_spec(library) is not None
    )
    return f"{library}_course" if taken else library


def new_canary() -> str:
    """Drawn anew for every set, so that what got out says from which it is."""
    return f"kit-canary-{secrets.token_hex(12)}"


def write_whole(folder: Path, files: dict[str, bytes]) -> None:
    """Write a folder that is not there with all of its files, or nothing."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=".writing-", dir=folder.parent))
    try:
        for name, content in files.items():
            path = made / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        made.chmod(0o755)
        os.rename(made, folder)
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise


def write_settings(root: Path) -> None:
    """nbgrader's settings, what git leaves alone (marks and names of students), how it merges, where there are none."""
    for name, source in SETTINGS.items():
        if not (root / name).exists():
            (root / name).write_bytes((Path(__file__).parent / source).read_bytes())
    if not (rules := root / ".gitattributes").exists():
        rules.write_text(GIT_RULES, encoding="utf-8")
