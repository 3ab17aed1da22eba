"""Pictures that lie beside a notebook: which of them its texts show, and where a release has them.

They lie in the problem's folder, beside notebook.py, or in its pictures/. A release has them in pictures/<problem>/, so
that two problems may use the same name, and its texts refer to them there.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from urllib.parse import quote, unquote

from autograder.assignment.model import PICTURES, Problem
from autograder.assignment.notebook_source import SourceCell
from autograder.assignment.toml import Complaints
from kit.manifest import CellKind

SUFFIXES = (".png", ".jpg", ".jpeg", ".gif", ".svg", ".webp")
# ![text](place "title"), <img src="place">, and [name]: place at the beginning of a line.
_REFERENCE = re.compile(
    r"""!\[[^\]\n]*\]\(\s*(?:<(?P<angled>[^<>\n]+)>|(?P<link>[^\s()<>]+))
    | <img\b[^<>]*?\bsrc\s*=\s*["'](?P<tag>[^"'<>\n]+)
    | ^[ ]{0,3}\[[^\]\n]+\]:[ \t]*<?(?P<definition>[^\s<>]+)
    """,
    re.VERBOSE | re.MULTILINE,
)
_ELSEWHERE = re.compile(
    r"[A-Za-z][A-Za-z0-9+.-]*:|//|#"
)  # an address with a scheme, another machine, a place in the text
_CODE = re.compile(r"^[ ]{0,3}(```|~~~).*?(?:^[ ]{0,3}\1|\Z)|(`+)[^`].*?\2", re.MULTILINE | re.DOTALL)


def with_pictures(problem: Problem, complaints: Complaints) -> Problem:
    """The problem with its pictures, and with texts that refer to them as a release has them.

    Complains of a reference to a picture that is not there, and of one that may not be shipped.
    """
    there = {path.relative_to(problem.folder).as_posix(): path for path in lying_beside(problem.folder)}
    shown: dict[str, Path] = {}
    cells = tuple(
        dataclasses.replace(cell, source=_released(problem, cell, there, shown, complaints))
        if cell.kind is CellKind.TEXT
        else cell
        for cell in problem.cells
    )
    code = "\n".join(cell.source for cell in cells if cell.is_code)
    shown |= {place: path for path in there.values() if (place := _place(problem, path)) in code}
    return dataclasses.replace(problem, cells=cells, pictures=dict(sorted(shown.items())))


def lying_beside(folder: Path) -> list[Path]:
    """The pictures of a problem's folder that may be shipped: beside notebook.py and in pictures/, links left out."""
    paths = [*folder.iterdir(), *(folder / PICTURES).rglob("*")] if folder.is_dir() else []
    return sorted(
        path
        for path in paths
        if path.suffix.lower() in SUFFIXES
        and path.is_file()
        and path.resolve() == folder.resolve() / path.relative_to(folder)
    )


def unshown(problem: Problem) -> list[Path]:
    """Pictures that no text of the notebook refers to: they stay out of the release."""
    shown = set(problem.pictures.values())
    return [path for path in lying_beside(problem.folder) if path not in shown]


def _place(problem: Problem, path: Path) -> str:
    """Where the release has a picture."""
    inner = path.relative_to(problem.folder).as_posix().removeprefix(f"{PICTURES}/")
    return f"{PICTURES}/{problem.name}/{inner}"


def _released(
    problem: Problem, cell: SourceCell, there: dict[str, Path], shown: dict[str, Path], complaints: Complaints
) -> str:
    text, end = "", 0
    for start, stop in _references(cell.source):
        written = cell.source[start:stop]
        path = there.get(str(PurePosixPath(unquote(written))))
        if path is None:
            line = cell.line + 1 + cell.source.count("\n", 0, start)
            complaints.add(problem.folder / "notebook.py", _not_there(problem, written), line)
            continue
        place = _place(problem, path)
        if shown.setdefault(place, path) != path:
            complaints.add(path, f"{place} is {shown[place].relative_to(problem.folder)} in a release too: rename one")
        text += cell.source[end:start] + quote(place)
        end = stop
    return text + cell.source[end:]


def _references(source: str) -> Iterator[tuple[int, int]]:
    """Where in a text the places of its pictures begin and end; what stands in code is none."""
    code = [match.span() for match in _CODE.finditer(source)]
    for match in _REFERENCE.finditer(source):
        name = match.lastgroup or ""
        is_picture = name != "definition" or match[name].lower().endswith(SUFFIXES)
        if is_picture and not _ELSEWHERE.match(match[name]):
            if not any(start <= match.start() < stop for start, stop in code):
                yield match.span(name)


def _not_there(problem: Problem, written: str) -> str:
    path = problem.folder / unquote(written)
    if path.is_file():
        fix = f"put it beside notebook.py or into {PICTURES}/ (no link), as one of {' '.join(SUFFIXES)}"
        return f"shows the picture {written!r}, which does not ship: {fix}"
    return f"shows the picture {written!r}, which is not in {problem.name}/: add it, or correct the name"
