"""An assignment with other extras than it releases, such as all of them to prove them, in a course of its own."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from autograder.assignment.kept_versions import FOLDER as RELEASES
from autograder.assignment.load import load_assignment
from autograder.assignment.model import Assignment
from autograder.build import copies
from autograder.course_folders import CourseFolders
from autograder.files import files_under, make_same

TABLE, PROBLEM = "assignment.toml", "problem.toml"
_EXTRA = re.compile(r"^extra\s*=\s*\[[^\]]*\][^\n]*\n?", re.MULTILINE)


def with_every_problem(name: str, root: Path, into: Path | None = None) -> Assignment:
    """The assignment as if every problem in its folder were released: those it names, then the others by name.

    It lies in a course of its own, `into` (default: in the state folder of `root`), which is brought up to date; what
    `root` releases stays as it is.
    """
    assignment = load_assignment(name, root)
    named = [problem.name for problem in assignment.problems]
    core = [problem.name for problem in assignment.problems if problem.number]
    others = sorted({path.parent.name for path in assignment.folder.glob(f"*/{PROBLEM}")} - set(named))
    extra = [*named[len(core) :], *others]
    return with_extras(name, root, into or CourseFolders(assignment.root).state / "every_problem", extra)


def with_extras(name: str, root: Path, into: Path, extra: Sequence[str]) -> Assignment:
    """The assignment with these extras, in a course of its own: sources are brought up to date, nothing is built.

    What was released of it stays behind: it is no version of that one.
    """
    folder = CourseFolders(root).assignments / name
    files = {path: data for path, data in files_under(folder).items() if not path.startswith(f"{RELEASES}/")}
    others = _EXTRA.sub("", files[TABLE].decode("utf-8"))
    files[TABLE] = f"extra = {json.dumps(list(extra))}\n{others}".encode()
    make_same(CourseFolders(into).assignments / name, files)
    return load_assignment(name, into)


if __name__ == "__main__":  # for a tool that reads the composed library, such as a type check
    copies.refresh(with_every_problem(sys.argv[1], Path.cwd()))
