"""Reads a problem's notebook.py (py:percent) into cells, and cuts solutions out of them."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import jupytext

from kit.exercises import STUB_TEXT
from kit.manifest import CellKind, check_id, text_id

TAGGED_BY_ID = (CellKind.EXERCISE, CellKind.CHECK, CellKind.ANSWER)  # and CODE_ANSWER, which is tagged answer:ID too
PLAIN_TAGS = (CellKind.GIVEN, CellKind.SHOW, CellKind.GUESS)
BEGIN, END = "BEGIN SOLUTION", "END SOLUTION"
ANSWER_STUB = "*Your answer here.*"
CODE_STUB = "...  # your code here"  # runs as it stands, also inside a function
SETUP_ID = "setup"
# The last two cells of every notebook.
CLOSING_ID, PREVIEW_ID = "closing", "preview"
CLOSING = """\
## Before you hand in

Save the notebook, then run the next cell: it shows what will be graded, what is still a stub, and what is left out.
`python -m kit pack` in a terminal, or `pack()` in a cell, then makes the file to hand in."""
PREVIEW = "from kit import preview\n\npreview()"
_MARKER = re.compile(r"^# ?%%(?!%)")
_ID = re.compile(r"[A-Za-z0-9_-]{1,58}")


class SourceError(ValueError):
    """A mistake in a notebook source; `line` is 1-based in the file."""

    def __init__(self, line: int, text: str) -> None:
        super().__init__(text)
        self.line = line


@dataclass(frozen=True, slots=True)
class SourceCell:
    """One cell as its author wrote it. ``name`` is the exercise or answer it belongs to, else empty."""

    id: str
    kind: CellKind
    name: str
    source: str
    line: int

    @property
    def is_code(self) -> bool:
        return self.kind.is_code

    @property
    def released(self) -> str:
        """The cell as a student receives it."""
        if self.kind == CellKind.EXERCISE:
            return stubbed(self.source, stub_line(self.name))
        if self.kind == CellKind.ANSWER:
            return stubbed(self.source, ANSWER_STUB) if BEGIN in self.source else ANSWER_STUB
        if self.kind == CellKind.CODE_ANSWER:
            return stubbed(self.source, CODE_STUB)
        return self.source

    @property
    def defines(self) -> tuple[str, ...]:
        """The top-level functions and classes of the cell, in order."""
        kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
        return tuple(node.name for node in ast.parse(self.source).body if isinstance(node, kinds))

    @property
    def regions(self) -> tuple[str, ...]:
        """The text inside each solution region; for an answer without one, the whole text."""
        found: list[str] = []
        region: list[str] | None = None
        for line in self.source.split("\n"):
            if BEGIN in line:
                region = []
            elif END in line and region is not None:
                found.append("\n".join(region))
                region = None
            elif region is not None:
                region.append(line)
        if self.kind == CellKind.ANSWER and not found and self.source.strip() != ANSWER_STUB:
            found.append(self.source)
        return tuple(found)


def whole_notebook(cells: Sequence[SourceCell], setup: str = "") -> tuple[SourceCell, ...]:
    """A problem's cells with those that every notebook has: set-up, below the title where there is one, and closing."""
    above = sum(cell.kind == CellKind.TEXT and cell.source.startswith("# ") for cell in cells[:1])
    first = SourceCell(SETUP_ID, CellKind.SHOW, "", setup, 0)
    last = (
        SourceCell(CLOSING_ID, CellKind.TEXT, "", CLOSING, 0),
        SourceCell(PREVIEW_ID, CellKind.SHOW, "", PREVIEW, 0),
    )
    return (*cells[:above], first, *cells[above:], *last)


def stub_line(exercise_id: str) -> str:
    """What stands in a released notebook instead of a solution region."""
    return f'raise NotImplementedError("{STUB_TEXT.format(exercise=exercise_id)}")'


def stubbed(source: str, stub: str) -> str:
    """The source with each solution region replaced by the stub at the region's indentation."""
    lines, inside = [], False
    for line in source.split("\n"):
        if BEGIN in line:
            inside = True
            lines.append(line[: len(line) - len(line.lstrip())] + stub)
        elif END in line:
            inside = False
        elif not inside:
            lines.append(line)
    return "\n".join(lines)


def read(path: Path) -> tuple[SourceCell, ...]:
    """All cells of a notebook source. SourceError names the first line at fault."""
    text = path.read_text(encoding="utf-8")
    starts = [number for number, line in enumerate(text.split("\n"), 1) if _MARKER.match(line)]
    nodes = jupytext.reads(text, fmt="py:percent").cells
    if not starts or text.split("\n# %%", 1)[0].strip() and starts[0] != 1:
        raise SourceError(1, 'the file must begin with a cell marker "# %%"')
    if len(nodes) != len(starts):
        raise SourceError(starts[0], f"{len(starts)} cell markers make {len(nodes)} cells: is one inside a string?")
    cells, counts = [], Counter[str]()
    for node, line in zip(nodes, starts, strict=True):
        kind, name = _kind(node, line)
        cells.append(SourceCell(_cell_id(kind, name, node.source, counts), kind, name, node.source, line))
        _check_cell(cells[-1])
    return tuple(cells)


def _kind(node: object, line: int) -> tuple[CellKind, str]:
    metadata, cell_type = node.metadata, node.cell_type  # type: ignore[attr-defined]
    tags = metadata.get("tags", [])
    if cell_type == "markdown" and not tags:
        return CellKind.TEXT, ""
    if len(tags) != 1 or cell_type not in ("code", "markdown"):
        wanted = "exercise:ID, check:ID, answer:ID, given, show or guess (markdown: answer:ID or none)"
        raise SourceError(line, f"a {cell_type} cell with {len(tags)} tags: give it one of {wanted}")
    kind, _, name = str(tags[0]).partition(":")
    if kind in TAGGED_BY_ID and not _ID.fullmatch(name):
        raise SourceError(line, f'tag "{tags[0]}": an id is 1 to 58 letters, digits, "_" and "-"')
    if kind not in TAGGED_BY_ID and tags[0] not in PLAIN_TAGS:
        known = ", ".join([f"{kind}:ID" for kind in TAGGED_BY_ID] + list(PLAIN_TAGS))
        raise SourceError(line, f'unknown tag "{tags[0]}": known are {known}')
    if kind == CellKind.ANSWER and cell_type == "code":
        return CellKind.CODE_ANSWER, name
    if kind != CellKind.ANSWER and cell_type == "markdown":
        raise SourceError(line, f'tag "{tags[0]}" on a markdown cell: only answers may be text, all else is code')
    return CellKind(kind), name


def _cell_id(kind: CellKind, name: str, source: str, counts: Counter[str]) -> str:
    """Graded cells are known by their exercise, given ones by their place, others by their text."""
    if kind in TAGGED_BY_ID or kind.is_answer:
        return check_id(name) if kind == CellKind.CHECK else name
    if kind == CellKind.GIVEN:
        counts[kind] += 1
        return f"given-{counts[kind]}"
    digest = text_id(kind, source)
    counts[digest] += 1
    return digest if counts[digest] == 1 else f"{digest}-{counts[digest]}"


def _check_cell(cell: SourceCell) -> None:
    _check_regions(cell)
    if cell.kind == CellKind.GIVEN:
        _parse(cell, cell.source)
    if cell.kind == CellKind.CHECK and cell.source.strip() != f'check("{cell.name}")':
        raise SourceError(cell.line, f'a check cell holds exactly check("{cell.name}")')
    if cell.kind == CellKind.EXERCISE:
        _parse(cell, cell.source)
        _check_stub(cell)


def _check_regions(cell: SourceCell) -> None:
    inside, found = False, 0
    for number, line in enumerate(cell.source.split("\n"), cell.line + 1):
        if BEGIN in line or END in line:
            if not cell.kind.is_solution:
                raise SourceError(number, f"a solution region in a {cell.kind} cell: only exercise and answer cells")
            if (BEGIN in line) == inside:
                state = "a region begins inside another" if inside else "a region ends that never began"
                raise SourceError(number, f"{state}: pair each ### {BEGIN} with one ### {END}")
            inside, found = not inside, found + 1
    if inside:
        raise SourceError(cell.line, f"a solution region of {cell.name} is never closed: add ### {END}")
    if cell.kind == CellKind.CODE_ANSWER and not found and any(map(_is_code, cell.source.split("\n"))):
        said = f"answer {cell.name} holds code, and does not say whether it ships"
        raise SourceError(cell.line, f"{said}: put ### {BEGIN} and ### {END} where students are to write")
    if cell.kind == CellKind.EXERCISE and not found:
        raise SourceError(cell.line, f"exercise {cell.name} has no solution region: add ### {BEGIN} and ### {END}")


def _is_code(line: str) -> bool:
    return line.partition("#")[0].strip() not in ("", "...", "pass")


def _parse(cell: SourceCell, source: str) -> ast.Module:
    try:
        return ast.parse(source)
    except SyntaxError as error:
        raise SourceError(cell.line + (error.lineno or 0), f"{cell.id}: not Python: {error.msg}") from error


def _check_stub(cell: SourceCell) -> None:
    """The whole answer, its return included, must stand inside the region."""
    tree = _parse(cell, cell.released)
    if not cell.defines:
        raise SourceError(cell.line, f"exercise {cell.name} defines no function or class at its top level")
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        statements = body if isinstance(body, list) else []
        if any(ast.unparse(statement) == ast.unparse(ast.parse(stub_line(cell.name))) for statement in statements[:-1]):
            raise SourceError(
                cell.line, f"exercise {cell.name}: code after a solution region cannot be reached; move it inside"
            )
