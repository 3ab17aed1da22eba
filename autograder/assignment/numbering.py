"""Writes the numbers of notebooks and sections into a set's texts; its authors refer by name.

A core problem's notebook is numbered by its place, its sections 3.1, 3.2, …; an extra's sections 1, 2, …. In texts,
`[[problem]]` becomes "notebook 3", `[[exercise-or-answer]]` the number of the section that holds it, and `[[#name]]`
that of the section whose heading ends in `{#name}`. A heading that ends in `{-}` has no number.
"""

from __future__ import annotations

import dataclasses
import io
import re
import tokenize
from collections.abc import Iterator, Sequence

from autograder.assignment.model import Problem
from autograder.assignment.notebook_source import SourceCell
from autograder.assignment.references import References
from autograder.assignment.toml import Complaints
from kit.manifest import CellKind

_HEADING = re.compile(r"(?P<marks>#{1,6}) (?P<title>.*?)(?: \{(?P<label>-|#[A-Za-z][\w-]*)\})?\s*")
_BY_HAND = re.compile(r"\d+(\.\d+)+\.?\s|\d+\.\s")
_FENCE = re.compile(r"\s*(```|~~~)")
_NUMBERED = (CellKind.TEXT, CellKind.SHOW, CellKind.GIVEN, CellKind.GUESS)
_QUOTED = (tokenize.COMMENT, tokenize.STRING)


def number_notebooks(problems: Sequence[Problem], complaints: Complaints) -> tuple[list[Problem], References]:
    """The problems with numbers in their texts, and what references stand for."""
    references = References()
    numbered = []
    for problem in problems:
        references.far[problem.name] = problem.in_texts
        cells = tuple(_Sections(problem, references, complaints).cells())
        numbered.append(dataclasses.replace(problem, cells=cells))
    return [_with_references(problem, references, complaints) for problem in numbered], references


class _Sections:
    """Walks through one notebook, numbers its headings and notes which section holds what."""

    def __init__(self, problem: Problem, references: References, complaints: Complaints) -> None:
        self.problem, self.references, self.complaints = problem, references, complaints
        self.near = references.near.setdefault(problem.name, {})
        self.count, self.section, self.titled = 0, "", False

    def cells(self) -> Iterator[SourceCell]:
        for cell in self.problem.cells:
            if cell.kind == CellKind.TEXT:
                yield dataclasses.replace(cell, source=self._text(cell))
                continue
            if cell.kind.is_solution and self.section:
                self._name(cell.name)
            yield cell

    def _text(self, cell: SourceCell) -> str:
        lines, fenced = [], False
        for number, line in enumerate(cell.source.split("\n"), cell.line + 1):
            fenced ^= bool(_FENCE.match(line))
            heading = None if fenced else _HEADING.fullmatch(line)
            lines.append(self._heading(heading, number) if heading else line)
        return "\n".join(lines)

    def _heading(self, heading: re.Match[str], line: int) -> str:
        marks, title, label = heading["marks"], heading["title"], heading["label"] or ""
        if len(marks) <= 2 and _BY_HAND.match(title):
            self._complain(f"{heading[0]!r}: leave the number out, the build writes it", line)
        if marks == "#" and not self.titled:
            self.titled = True
            title = f"{self.problem.number}. {title}" if self.problem.number else title
        elif marks == "##":
            title = self._next_section(title) if label != "-" else title
        if label.startswith("#"):
            self._name(label)
        return f"{marks} {title}"

    def _next_section(self, title: str) -> str:
        self.count += 1
        self.section = f"{self.problem.number}.{self.count}" if self.problem.number else str(self.count)
        return f"{self.section}{'' if self.problem.number else '.'} {title}"

    def _name(self, name: str) -> None:
        self.near[name] = self.section
        self.references.far[name] = (
            self.section if self.problem.number else f"{self.section} of {self.problem.in_texts}"
        )

    def _complain(self, text: str, line: int) -> None:
        self.complaints.add(self.problem.folder / "notebook.py", text, line)


def _with_references(problem: Problem, references: References, complaints: Complaints) -> Problem:
    def resolved(cell: SourceCell) -> SourceCell:
        if cell.kind not in _NUMBERED or "[[" not in cell.source:
            return cell

        def complain(text: str, line: int) -> None:
            complaints.add(problem.folder / "notebook.py", text, cell.line + 1 + line)

        spans = list(_quoted(cell.source)) if cell.is_code else None
        return dataclasses.replace(cell, source=references.resolved(cell.source, complain, problem.name, spans))

    return dataclasses.replace(problem, cells=tuple(resolved(cell) for cell in problem.cells))


def _quoted(source: str) -> Iterator[range]:
    """Where comments and strings stand in Python; elsewhere, [[name]] is a list."""
    lengths = [len(line) + 1 for line in source.split("\n")]
    starts = [sum(lengths[:number]) for number in range(len(lengths) + 1)]

    def place(position: tuple[int, int]) -> int:
        return starts[position[0] - 1] + position[1]

    opened: list[int] = []
    try:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            name = tokenize.tok_name[token.type]
            if name == "FSTRING_START":  # Python 3.12 and newer
                opened.append(place(token.start))
            elif name == "FSTRING_END":
                yield range(opened.pop(), place(token.end))
            elif token.type in _QUOTED:
                yield range(place(token.start), place(token.end))
    except (tokenize.TokenError, SyntaxError):
        yield range(len(source))  # a cell with shell commands: every reference counts
