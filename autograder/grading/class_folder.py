"""The folder of a class: DIR/<student>/<assignment>/. Who can be graded, and who cannot for name or link alone.

One rule for links: DIR itself may be one, since the staff name it. Nothing below it is followed: a student's folder or
an assignment's that is a link is not graded, nor is a linked file in it (`submission/folder`), wherever they lead.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from autograder.course_folders import CourseFolders
from autograder.errors import BadInput
from autograder.files import is_left_behind
from autograder.names import alike, why_no_student
from autograder.results import ResultFolder

PACKED = (".ipynb", ".zip")


@dataclass(frozen=True)
class ClassFolder:
    """Student to folder of the submission; and what was found but cannot be graded, each with its reason."""

    folders: dict[str, Path]
    left: dict[str, str] = field(default_factory=dict)

    def only(self, student: str) -> ClassFolder:
        """This student alone."""
        folders = {name: path for name, path in self.folders.items() if name == student}
        return ClassFolder(folders, {name: why for name, why in self.left.items() if name == repr(student)})

    def storable(self, results: ResultFolder) -> ClassFolder:
        """Without those whose result could not be stored under their name, each with the reason."""
        refused = {name: why for name in self.folders if (why := results.refuses(name))}
        rest = [name for name in self.folders if name not in refused]
        if rest and _ignores_case(results.path):
            refused |= {
                name: f"results/ cannot tell this name from {first}" for first, *more in alike(rest) for name in more
            }
        folders = {name: path for name, path in self.folders.items() if name not in refused}
        return ClassFolder(folders, self.left | {repr(name): f"{why}; rename it" for name, why in refused.items()})


def submissions(folder: Path, assignment: str, course: CourseFolders, student: str | None = None) -> ClassFolder:
    """Every DIR/<student>/<assignment>. BadInput where DIR is no folder of submissions or holds none."""
    _refuse_other_folders(folder, assignment, course)
    paths = sorted(folder.iterdir())
    found = sorted_out([path / assignment for path in paths if _hands_it_in(path, assignment)], assignment)
    found.left.update(_misplaced(paths, assignment))
    if student is not None:
        found = found.only(student)
    if not found.folders and not found.left:
        who = f"{student}/{assignment}" if student else f"<student>/{assignment}"
        raise BadInput(f"no submission {folder}/{who}: check the folder's name and the spelling")
    return found


def submission_of(student: str, folder: Path, assignment: str, course: CourseFolders) -> Path:
    """DIR/<student>/<assignment>. BadInput where it is not there or cannot be graded."""
    found = submissions(folder, assignment, course, student)
    if student not in found.folders:
        raise BadInput(f"{student}: {found.left[repr(student)]}")
    return found.folders[student]


def sorted_out(folders: Iterable[Path], assignment: str) -> ClassFolder:
    """Folders of submissions by student, those apart whose names cannot stand for one."""
    found = ClassFolder({})
    for path in folders:
        name = path.parent.name
        if is_left_behind(Path(name)):
            continue
        if why := why_no_student(name, assignment):
            found.left[repr(name)] = f"{why}; rename it"
        elif linked := next((link for link in (path.parent, path) if link.is_symlink()), None):
            found.left[repr(name)] = f"{linked} is a link: put the folder itself there"
        else:
            found.folders[name] = path
    return found


def _refuse_other_folders(folder: Path, assignment: str, course: CourseFolders) -> None:
    expected = f"submissions are read from DIR/<student>/{assignment}/*.ipynb, such as {course.submitted.name}/"
    if not folder.is_dir():
        raise BadInput(f"no folder {folder}: {expected}")
    place = folder.resolve()
    own = next((own for own in course.not_submissions if place.is_relative_to(own.resolve())), None)
    if own is not None or course.root.resolve().is_relative_to(place):
        what = f"part of {own.name}/" if own is not None else "the course's own folder"
        raise BadInput(f"{folder} is {what} and holds no submissions: {expected}")
    theirs = CourseFolders(folder)
    if any((place / assignment).is_dir() for place in (theirs.assignments, theirs.release, theirs.source)):
        raise BadInput(f"{folder} is the folder of a course: give its {theirs.submitted.name}/. {expected}")
    inside = folder / assignment
    if any((inside / name).exists() for name in ("assignment.toml", "tests/manifest.json")):
        raise BadInput(f"{folder} holds an assignment of a course and no submissions: {expected}")
    alone = not any(os.path.isdir(path / assignment) for path in folder.iterdir() if path.name != assignment)
    if alone and inside.is_dir():
        raise BadInput(f"{folder} is the folder of one student: give the one above, and --student {folder.name}")
    if alone and _hands_in(folder) and folder.name == assignment:
        raise BadInput(f"{folder} is one submission: give {folder.parent.parent}/ and --student {folder.parent.name}")


def _hands_it_in(student: Path, assignment: str) -> bool:
    """Whether there is a folder of the assignment, or a link in its place or the student's."""
    inner = student / assignment
    return os.path.isdir(inner) or inner.is_symlink() or (student.is_symlink() and not student.exists())


def _misplaced(paths: Iterable[Path], assignment: str) -> dict[str, str]:
    """What may have been handed in, but does not lie in <student>/<assignment>/."""
    found = {}
    for path in paths:
        if path.suffix in PACKED and path.is_file():
            found[repr(path.name)] = f"no student's folder: move it into <student>/{assignment}/"
        elif path.is_dir() and not is_left_behind(Path(path.name)) and not _hands_it_in(path, assignment):
            if why := _why_misplaced(path, assignment):
                found[repr(path.name)] = why
    return found


def _why_misplaced(student: Path, assignment: str) -> str | None:
    """None for the folder of somebody who has handed in nothing of this assignment."""
    try:
        like = [path.name for path in student.iterdir() if path.name.strip().casefold() == assignment.casefold()]
        if like:
            return f"holds {like[0]!r}: make it a folder called {assignment}"
        return f"holds notebooks: move them into {student.name}/{assignment}/" if _hands_in(student) else None
    except OSError as error:
        return f"the folder cannot be read ({error.strerror})"


def _hands_in(folder: Path) -> bool:
    return any(path.suffix in PACKED for path in folder.iterdir())


def _ignores_case(folder: Path) -> bool:
    """Whether this file system takes Ada and ada for one."""
    with tempfile.NamedTemporaryFile(prefix=".writing-Case", dir=folder) as probe:
        return Path(probe.name.replace("Case", "case")).exists()
