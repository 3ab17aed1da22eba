"""Searches a release for what only the staff may see."""

from __future__ import annotations

import ast
import io
import json
import re
import tokenize
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path, PurePosixPath
from typing import Any

from autograder.assignment.answers import right_answers
from autograder.assignment.model import Assignment, Problem
from autograder.assignment.notebook_source import BEGIN, END
from autograder.build.copied_code import answers_of, copied

MARKERS = (BEGIN, END, "BEGIN HIDDEN TESTS", "END HIDDEN TESTS", "BEGIN MARK SCHEME")
WEIGHTS = (".safetensors", ".pt", ".pth", ".ckpt", ".npz", ".npy", ".pkl", ".pickle", ".onnx", ".bin", ".h5")
TEXTS = (".py", ".ipynb", ".json", ".md", ".txt", ".toml", ".cfg", ".csv", ".html", ".svg", ".rst", ".yml", ".yaml")
CHECKSUMS = "SHA256SUMS"
_READABLE = re.compile(rb"[\t\n\r\x20-\x7e]{12,}")
# A line this long (without spaces) is not written twice by chance; shorter ones count with their neighbour.
LONG = {"solution": 40, "hidden test": 60}
PIECE = 40


@dataclass(frozen=True, slots=True)
class Secret:
    """A text that must not leave: `text` is what to look for, `what` says what it gives away.

    `text` has no spaces and is looked for in the file without its spaces; a `word` must stand alone.
    """

    text: str
    what: str
    word: bool = False


def find(assignment: Assignment, files: dict[str, bytes]) -> list[str]:
    """Every trace of staff-only material in the files of a release, one line each: "PATH: what".

    In kit/, which is the engine's own and the same for every course, no line is anybody's answer.
    """
    names, passages = list(_names(assignment)), list(_passages(assignment))
    answers = [answer for problem in assignment.problems for answer in answers_of(problem)]
    hidden = {path.read_bytes(): path for problem in assignment.problems for path in problem.hidden_data}
    found = []
    for path, data in sorted(files.items()):
        if data and data in hidden:
            found.append(f"{path}: the same as {hidden[data].relative_to(assignment.folder)}")
        is_engine = path.startswith("kit/")
        found += [f"{path}: {what}" for what in _in_file(path, data, names if is_engine else [*names, *passages])]
        if path.endswith(TEXTS) and not is_engine:
            found += [f"{path}: {what}" for what in copied(answers, "\n".join(_texts(path, data)))]
        if _is_weights(path, data) and not _is_listed_data(path, files):
            found.append(f"{path}: looks like trained weights or stored arrays, and no data/**/{CHECKSUMS} lists it")
    return found


def _names(assignment: Assignment) -> Iterator[Secret]:
    """What has no business in any file."""
    yield Secret(assignment.canary, "the assignment's canary")
    for marker in MARKERS:
        yield Secret(_squeeze(marker), f"the marker {marker}")
    for problem in assignment.problems:
        for case in problem.hidden_cases:
            yield Secret(case.name, f"the name of the hidden test {case.name}", word=True)


def _passages(assignment: Assignment) -> Iterator[Secret]:
    """Lines of solutions, of hidden tests and of rubrics."""
    public = {_squeeze(line) for line in assignment.public_lines}
    for problem in assignment.problems:
        for secret in _fingerprints_of(problem):
            if not any(secret.text in line or line in secret.text for line in public if line):
                yield secret


def _fingerprints_of(problem: Problem) -> Iterator[Secret]:
    for cell in problem.cells:
        released = _squeeze(_code_alone(cell.released))
        for region in cell.regions:
            for text in _fingerprints(region.splitlines(), "solution", whole=True):
                if text not in released:
                    yield Secret(text, f"a line of the solution of {cell.name}")
    everything = "".join(_squeeze(_code_alone(cell.released)) for cell in problem.cells)
    for answer in right_answers(problem):
        for text in _fingerprints(_body(answer.code), "solution"):
            if text not in everything:
                yield Secret(text, f"a line of the right answer {answer.name} to {answer.exercise}")
    shipped = _squeeze("\n".join(path.read_text(encoding="utf-8") for path in problem.shipped_tests))
    hidden = problem.hidden_tests.read_text(encoding="utf-8") if problem.hidden_tests.is_file() else ""
    for text in _fingerprints(_body(hidden), "hidden test"):
        if text not in shipped:
            yield Secret(text, f"a line of {problem.name}/{problem.hidden_tests.name}")
    if problem.rubric.is_file():
        lines = problem.rubric.read_text(encoding="utf-8").splitlines()
        own = [line for line in lines if not line.startswith(("#", ">"))]  # headings and quotations are no secret
        prose = _squeeze("\n".join(own))
        for start in range(0, len(prose) - PIECE + 1, PIECE // 2):  # found however its lines are wrapped
            yield Secret(prose[start : start + PIECE], f"a passage of {problem.name}/{problem.rubric.name}")


def _code_alone(source: str) -> str:
    """A cell without docstrings and comments, where an answer is as much given away as in code. Text stays as it is."""
    try:
        tree = ast.parse(source)
        comments = [
            item for item in tokenize.generate_tokens(io.StringIO(source).readline) if item.type == tokenize.COMMENT
        ]
    except (SyntaxError, tokenize.TokenError):
        return source
    lines = source.split("\n")
    for comment in comments:
        lines[comment.start[0] - 1] = lines[comment.start[0] - 1][: comment.start[1]]
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            lines[node.lineno - 1 : node.end_lineno] = [""] * ((node.end_lineno or node.lineno) - node.lineno + 1)
    return "\n".join(lines)


def _body(source: str) -> list[str]:
    """The lines of a Python file without its imports."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return source.splitlines()
    imports = {
        number
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for number in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }
    return ["" if number in imports else line for number, line in enumerate(source.splitlines(), 1)]


def _fingerprints(lines: list[str], kind: str, whole: bool = False) -> Iterator[str]:
    """Squeezed texts that give the lines away: long lines, long pairs of neighbours, a short region as a whole."""
    squeezed = [text for text in map(_squeeze, lines) if text]
    long = LONG[kind]
    for line, following in zip_longest(squeezed, squeezed[1:], fillvalue=""):
        if len(line) >= long:
            yield line
        elif following and len(following) < long <= len(line + following):
            yield line + following
    joined = "".join(squeezed)
    if whole and 20 <= len(joined) < long:
        yield joined


def _in_file(path: str, data: bytes, secrets: list[Secret]) -> list[str]:
    plain = "\n".join([path, *_texts(path, data)])
    squeezed = _squeeze(plain)
    found = []
    for secret in secrets:
        if secret.text not in (plain if secret.word else squeezed):
            continue
        if not secret.word or re.search(rf"(?<!\w){re.escape(secret.text)}(?!\w)", plain):
            found.append(secret.what)
    if path.endswith(".ipynb"):
        found += _outputs(data)
    return found


def _texts(path: str, data: bytes) -> Iterator[str]:
    """What can be read in a file: its text (a binary one: readable runs), strings inside JSON, members of a zip."""
    try:
        yield data.decode("utf-8")
    except UnicodeDecodeError:
        yield "\n".join(run.decode("ascii") for run in _READABLE.findall(data))
    if path.endswith((".ipynb", ".json")):
        try:
            yield "\n".join(_strings(json.loads(data)))
        except ValueError:
            pass
    if zipfile.is_zipfile(io.BytesIO(data)):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for member in archive.namelist():
                yield member
                yield from _texts(member, archive.read(member))


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from _strings(inner)
    elif isinstance(value, list):
        if all(isinstance(item, str) for item in value):
            yield "".join(value)
        else:
            for inner in value:
                yield from _strings(inner)


def _outputs(data: bytes) -> Iterable[str]:
    try:
        cells = json.loads(data)["cells"]
        return [
            f"cell {number} has outputs or a run count"
            for number, cell in enumerate(cells, 1)
            if cell.get("outputs") or cell.get("execution_count") is not None or cell.get("attachments")
        ]
    except (ValueError, KeyError, TypeError, AttributeError):
        return ["not a readable notebook"]


def _is_weights(path: str, data: bytes) -> bool:
    if PurePosixPath(path).suffix.lower() in WEIGHTS or data[:6] == b"\x93NUMPY":
        return True
    if data[8:10] == b'{"' and int.from_bytes(data[:8], "little") < len(data):
        return True  # safetensors: a length, then a JSON header
    if zipfile.is_zipfile(io.BytesIO(data)):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return any(name.endswith(("data.pkl", ".npy")) for name in archive.namelist())
    return data[:2] in (b"\x80\x02", b"\x80\x04", b"\x80\x05")  # a pickle


def _is_listed_data(path: str, files: dict[str, bytes]) -> bool:
    """Whether a checksum list beside or above the file, inside data/, names it."""
    place = Path(path)
    for folder in place.parents:
        listing = files.get((folder / CHECKSUMS).as_posix(), b"").decode("utf-8", errors="replace")
        names = {line.split(maxsplit=1)[1].strip().lstrip("*") for line in listing.splitlines() if " " in line}
        if folder.parts[:1] == ("data",) and place.relative_to(folder).as_posix() in names:
            return True
    return False


def _squeeze(text: str) -> str:
    return "".join(text.split())
