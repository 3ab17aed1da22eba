"""Puts imported problems into a set: a new one, or one that is there."""

from __future__ import annotations

import re
import shutil
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

from packaging.utils import canonicalize_name

from autograder.assignment.load import load_assignment
from autograder.build.needs import required
from autograder.course_folders import CourseFolders
from autograder.errors import BadInput
from autograder.files import write_atomically
from autograder.names import assignment_name
from autograder.starting.course import library_name, new_canary, new_set_folder, write_settings, write_whole
from autograder.starting.imported_problem import ImportedProblem, import_problem, referenced_pictures
from autograder.starting.nbgrader_notebook import read_notebook
from autograder.starting.new_set import due

MAX_PICTURE = 10 * 2**20
_CORE = re.compile(r"^(core\s*=\s*\[)(.*?)(,?\s*\])", re.MULTILINE | re.DOTALL)
_PACKAGES = {"PIL": "pillow", "sklearn": "scikit-learn", "cv2": "opencv-python", "skimage": "scikit-image",
             "yaml": "pyyaml", "bs4": "beautifulsoup4"}  # fmt: skip


def import_notebooks(root: Path, name: str, notebooks: Sequence[Path], problem: str = "") -> list[ImportedProblem]:
    """Write a problem for each notebook into assignments/<name>, all of them or none.

    The set is made where it is not there. BadInput where a problem of the name is, or a notebook cannot be read.
    """
    name = assignment_name(name)
    folder = CourseFolders(root).assignments / name
    there = (folder / "assignment.toml").is_file()
    taken = _ids(root, name) if there else frozenset()
    names = [problem or problem_name(path) for path in notebooks]
    if twice := [one for one in names if names.count(one) > 1]:
        raise BadInput(f"two notebooks would both become the problem {twice[0]!r}: import one alone, with --problem")
    made = []
    for path, one in zip(notebooks, names, strict=True):
        if not re.fullmatch(r"[a-z_][a-z0-9_]*", one):
            raise BadInput(f"{one!r} cannot be a problem's name: give lower-case letters, digits and _ with --problem")
        if (folder / one).exists():
            raise BadInput(f"assignments/{name}/{one} is there already: remove it, or name another with --problem")
        cells = read_notebook(path)
        made.append(import_problem(one, cells, _pictures(path, set(referenced_pictures(cells))), taken))
        taken |= {*made[-1].exercises, *made[-1].answers}
    if there:
        _add(folder, made)
    else:
        write_whole(new_set_folder(root, name), _new_set(name, made))
        write_settings(root)
    return made


def problem_name(path: Path) -> str:
    name = re.sub(r"[^a-z0-9]+", "_", path.stem.lower()).strip("_") or "problem"
    return f"_{name}" if name[0].isdigit() else name


def _ids(root: Path, name: str) -> frozenset[str]:
    problems = load_assignment(name, root).problems
    exercises = {item.id for problem in problems for item in problem.exercises}
    return frozenset(exercises | {item.id for problem in problems for item in problem.answers})


def _pictures(notebook: Path, paths: set[str]) -> dict[str, bytes]:
    """The pictures that lie beside the notebook; addresses elsewhere stay what they are."""
    found = {}
    top = notebook.parent.resolve()
    for path in sorted(paths):
        file = (top / path).resolve()
        if "://" not in path and file.is_relative_to(top) and file.is_file() and file.stat().st_size <= MAX_PICTURE:
            if file.suffix.lower() in (".png", ".jpg", ".jpeg", ".gif", ".svg", ".webp"):
                found[path] = file.read_bytes()
    return found


def _new_set(name: str, made: list[ImportedProblem]) -> dict[str, bytes]:
    library = library_name(name)
    core = ", ".join(f'"{problem.name}"' for problem in made)
    texts = {
        "assignment.toml": (
            f'title = "{name}"\nversion = "1.0"\ndue = {due()}\nhand_in = ""\nquestions = ""\ncollaboration = ""\n'
            f'late = ""\nlibrary = "{library}"\ncore = [{core}]\ncanary = "{new_canary()}"\n'
        ),
        "handout.md": f"# {name}\n\n{{{{course}}}}\n\n{{{{notebooks}}}}\n\n## Points\n\n{{{{points}}}}\n",
        "requirements.txt": "\n".join(["pytest", "ipykernel", *_packages(made)]) + "\n",
        f"{library}/__init__.py": '"""What the course gives: notebooks import from here."""\n',
    }
    return {path: text.encode() for path, text in texts.items()} | {
        f"{problem.name}/{path}": data for problem in made for path, data in problem.files.items()
    }


def _packages(made: list[ImportedProblem]) -> list[str]:
    others = {name for problem in made for name in problem.packages if name not in sys.stdlib_module_names}
    return sorted({_PACKAGES.get(name, name) for name in others - {"nose", "pytest", "kit", "IPython"}})


def _requirements(folder: Path, made: list[ImportedProblem]) -> str:
    """The set's requirements.txt, with a line more for each package that it does not name."""
    path = folder / "requirements.txt"
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    missing = [package for package in _packages(made) if canonicalize_name(package) not in required(text)]
    end = "\n" if missing and text and not text.endswith("\n") else ""
    return text + end + "".join(f"{package}\n" for package in missing)


def _add(folder: Path, made: list[ImportedProblem]) -> None:
    """The problems' folders, their packages, and last the line that names them, without which they are no part."""
    path = folder / "assignment.toml"
    text = path.read_text(encoding="utf-8")
    names = [f'"{problem.name}"' for problem in made]

    def added(match: re.Match[str]) -> str:
        before = match[2].rstrip().rstrip(",")
        return f"{match[1]}{before}{', ' if before.strip() else ''}{', '.join(names)}]"

    changed = _CORE.sub(added, text, count=1)
    wanted = [*tomllib.loads(text).get("core", []), *(problem.name for problem in made)]
    if tomllib.loads(changed).get("core") != wanted:
        raise BadInput(f"{path} has no `core = [...]` that can be added to: write it on lines without comments first")
    written: list[Path] = []
    try:
        for problem in made:
            write_whole(folder / problem.name, problem.files)
            written.append(folder / problem.name)
        write_atomically(folder / "requirements.txt", _requirements(folder, made).encode())
        write_atomically(path, changed.encode())
    except BaseException:
        for made_folder in written:
            shutil.rmtree(made_folder, ignore_errors=True)
        raise
