"""A notebook that was made for nbgrader as a problem of the kit: its folder's files, and what a person must finish."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import jupytext
from nbformat.notebooknode import from_dict

from autograder.assignment.notebook_source import ANSWER_STUB, BEGIN, END
from autograder.assignment.unfinished import TODO
from autograder.errors import BadInput
from autograder.starting.imported_tests import ExerciseTests, test_file, tests_of
from autograder.starting.nbgrader_notebook import SCHEME, CellRole, NbgraderCell, within, without
from autograder.starting.solution_cells import (
    DefinedNames,
    as_exercise,
    names_defined,
    names_used,
    parsed,
    why_no_exercise,
)
from autograder.starting.student_calls import TestScope
from autograder.starting.turned_cells import LeftStep, TurnedCell, import_line, turn_cell

PICTURES = "pictures"
_ID = re.compile(r"[A-Za-z0-9_-]{1,58}")
_DRAWN_ID = re.compile(r"cell-[0-9a-f]{8,}")
_RESERVED = re.compile(r"setup|closing|preview|given-\d+|c-[0-9a-f]{12}.*|.*-?check")
_NUMBER = re.compile(r"^(#{1,2} )(?:\d+(?:\.\d+)+\.?\s|\d+\.\s)", re.MULTILINE)
_REFERENCE = re.compile(r"\[\[(#?[A-Za-z][\w-]*)\]\]")


@dataclass(frozen=True)
class ImportedProblem:
    """files: by their path in the problem's folder. to_do: what a person must finish, one line each.

    notes: what was decided on the way. packages: what its code imports beside Python's own library.
    """

    name: str
    files: dict[str, bytes]
    points: Decimal
    exercises: tuple[str, ...]
    answers: tuple[str, ...]
    to_do: tuple[str, ...]
    notes: tuple[str, ...]
    packages: frozenset[str]


@dataclass
class _Group:
    """A solution cell and the test cells that belong to it."""

    cell: NbgraderCell
    section: str
    id: str = ""
    tests: list[NbgraderCell] = field(default_factory=list)
    turned: list[TurnedCell] = field(default_factory=list)
    why_by_hand: str = ""

    @property
    def points(self) -> Decimal:
        return sum((cell.points for cell in self.tests), Decimal(0))


def import_problem(
    name: str, cells: tuple[NbgraderCell, ...], pictures: dict[str, bytes], taken: frozenset[str]
) -> ImportedProblem:
    """pictures: files beside the notebook, by the path that a text shows. taken: ids of the set's other problems."""
    return _Importer(name, cells, pictures, set(taken)).problem()


class _Importer:
    def __init__(self, name: str, cells: tuple[NbgraderCell, ...], pictures: dict[str, bytes], taken: set[str]) -> None:
        self.name, self.cells, self.pictures, self.taken = name, cells, pictures, taken
        self.notebook: list[tuple[str, str, str]] = []  # cell type, tag, source
        self.tables: list[str] = []
        self.rubric: list[str] = []
        self.to_do: list[str] = []
        self.notes: list[str] = []
        self.shown: dict[str, bytes] = {}
        self.total = Decimal(0)
        self.sections = self._sections()
        self.groups = self._grouped()
        self.import_lines: dict[str, str] = {}
        self.imports = self._imports()
        self.given = self._given()
        self.ready = False  # whether `from kit import check` stands already

    def problem(self) -> ImportedProblem:
        self._turn_tests()
        for cell in self.cells:
            self._place(cell)
        exercises = [group for group in self.groups.values() if self._is_exercise(group)]
        wanted = sum((cell.points for cell in self.cells), Decimal(0))
        if self.total != wanted:
            raise AssertionError(f"{self.name}: {self.total} points came over of {wanted}")
        if not self.tables:
            raise BadInput(f"{self.name}: nothing in the notebook is worth points; give a cell its points in nbgrader")
        files = {
            "notebook.py": self._percent(),
            "problem.toml": "\n\n".join([f"title = {_toml(self._title())}", *self.tables]) + "\n",
            **self._test_files(exercises),
        }
        if self.rubric:
            files["rubric.md"] = "# Rubric\n\n" + "\n\n".join(self.rubric) + "\n"
        return ImportedProblem(
            self.name,
            {path: text.encode() for path, text in files.items()} | self.shown,
            self.total,
            tuple(group.id for group in exercises),
            tuple(table.split("]")[0].removeprefix("[answer.") for table in self.tables if "[answer." in table),
            tuple(self.to_do),
            tuple(self.notes),
            frozenset(path.split(".")[0] for path in self.imports.values()),
        )

    # -- what belongs together

    def _sections(self) -> dict[int, str]:
        """For each cell, the heading above it."""
        found, heading = {}, ""
        for cell in self.cells:
            if cell.role in (CellRole.TEXT, CellRole.TASK):
                titles = re.findall(r"^#{1,6} +(.+?)\s*$", cell.source, re.MULTILINE)
                heading = titles[-1] if titles else heading
            found[cell.number] = heading or self.name.replace("_", " ")
        return found

    def _grouped(self) -> dict[int, _Group]:
        """Each test cell with the nearest solution cell above whose names it uses, else the nearest one."""
        groups: dict[int, _Group] = {}
        for cell in self.cells:
            if cell.role == CellRole.SOLUTION:
                groups[cell.number] = _Group(cell, self.sections[cell.number])
            elif cell.role == CellRole.TESTS:
                used = names_used(cell.source)
                above = [group for group in groups.values() if names_defined(group.cell.source).all & used]
                if above or groups:
                    ([*groups.values()] if not above else above)[-1].tests.append(cell)
        for group in groups.values():
            group.id = self._new_id(group.cell, group.section)
        return groups

    def _imports(self) -> dict[str, str]:
        """What cells outside of tests import: the name, and the path that it stands for."""
        found = {}
        for cell in self.cells:
            tree = parsed(_code(cell.source)) if cell.role not in (CellRole.TEXT, CellRole.TESTS) else None
            for node in tree.body if tree else []:
                if isinstance(node, ast.Import | ast.ImportFrom):
                    for alias in node.names:
                        module = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
                        whole = alias.name if alias.asname or module else alias.name.split(".")[0]
                        name = alias.asname or alias.name.split(".")[0]
                        found[name] = f"{module}{whole}"
                        self.import_lines[name] = import_line(node, alias)
        return found

    def _given(self) -> frozenset[str]:
        cells = [cell for cell in self.cells if cell.role in (CellRole.CODE, CellRole.LOCKED)]
        return frozenset(name for cell in cells for name in names_defined(_code(cell.source)).all)

    def _turn_tests(self) -> None:
        students = DefinedNames()
        for cell in self.cells:
            if cell.role in (CellRole.SOLUTION, CellRole.MARKED_CODE):
                students |= names_defined(cell.source)
            group = next((one for one in self.groups.values() if cell in one.tests), None)
            if group is not None:
                scope = TestScope(students, self.given - students.all, dict(self.imports))
                group.turned.append(turn_cell(cell, scope))
        for group in self.groups.values():
            group.why_by_hand = self._why_by_hand(group)

    def _why_by_hand(self, group: _Group) -> str:
        if (why := why_no_exercise(group.cell.source)) is not None:
            return why
        return "" if any(cell.claims for cell in group.turned) else "none of its tests could be turned"

    def _is_exercise(self, group: _Group) -> bool:
        return group.points > 0 and not group.why_by_hand

    # -- the notebook

    def _place(self, cell: NbgraderCell) -> None:
        place = {
            CellRole.TEXT: self._text, CellRole.CODE: self._code, CellRole.LOCKED: self._code,
            CellRole.SOLUTION: self._solution, CellRole.TESTS: self._lone_tests, CellRole.WRITTEN: self._written,
            CellRole.MARKED_CODE: self._marked_code, CellRole.TASK: self._task,
        }[cell.role]  # fmt: skip
        place(cell)

    def _text(self, cell: NbgraderCell) -> None:
        if text := self._prose(cell):
            self.notebook.append(("markdown", "", text))

    def _prose(self, cell: NbgraderCell) -> str:
        """The text without numbers that the build writes, and with pictures from the problem's folder."""
        text = _NUMBER.sub(r"\1", without(cell.source, SCHEME))
        text = _REFERENCE.sub(r"[ [\1] ]", text)
        for name, data in cell.pictures.items():
            inner = f"{PICTURES}/{cell.number}-{re.sub(r'[^A-Za-z0-9._-]', '-', name)}"
            self.shown[inner] = data
            text = text.replace(f"(attachment:{name})", f"({inner})")
        for path, data in self.pictures.items():
            if f"({path})" in text or f'"{path}"' in text:
                self.shown[path] = data
        return text.strip()

    def _code(self, cell: NbgraderCell) -> None:
        """Given where it only defines; shown, and never run at grading, where it uses what students write."""
        magic = "\n".join(line for line in cell.source.split("\n") if _is_magic(line))
        source = _code(cell.source)
        if magic:
            self.notebook.append(("code", "show", magic))
        if not source.strip():
            return
        students = frozenset(name for group in self.groups.values() for name in names_defined(group.cell.source).all)
        tree = parsed(source)
        needed = names_defined(source).all & self._needed_names()
        defines = tree is not None and all(map(_only_defines, tree.body))
        if tree is not None and not names_used(source) & students and (defines or needed):
            self._needs_kit()
            self.notebook.append(("code", "given", source))
        else:
            self.notebook.append(("code", "show", source))

    def _needed_names(self) -> frozenset[str]:
        """What solutions use."""
        graded = (CellRole.SOLUTION, CellRole.MARKED_CODE)
        return frozenset(name for cell in self.cells if cell.role in graded for name in names_used(cell.source))

    def _needs_kit(self) -> None:
        if not self.ready:
            self.ready = True
            self.notebook.append(("code", "given", "from kit import check"))

    def _solution(self, cell: NbgraderCell) -> None:
        group = self.groups[cell.number]
        if self._is_exercise(group):
            self._exercise(group)
        elif group.points > 0:
            self._by_hand(group)
        else:
            self.notes.append(f"{cell.spoken} is worth no points: it ships as its stub; its solution is in rubric.md")
            self.notebook.append(("code", "show", _cleared(cell.source)))
            self.rubric.append(f"## Not graded: {cell.spoken}\n\n{_fenced(cell.source)}")

    def _exercise(self, group: _Group) -> None:
        self._needs_kit()
        source = as_exercise(group.cell.source)
        if BEGIN not in group.cell.source:
            self.notes.append(f"{group.cell.spoken} had no solution region: signatures and docstrings ship now")
        self.notebook += [
            ("code", f"exercise:{group.id}", source),
            ("code", f"check:{group.id}", f'check("{group.id}")'),
        ]
        earlier = [one for number, one in self.groups.items() if number < group.cell.number and self._is_exercise(one)]
        used = names_used(source)
        depends = [one.id for one in earlier if names_defined(one.cell.source).all & used]
        table = [f"[exercise.{group.id}]", f"points = {_number(group.points)}"]
        if depends:
            table.append(f"depends = [{', '.join(map(_toml, depends))}]")
        self.tables.append("\n".join(table))
        self.total += group.points
        for cell in group.turned:
            if cell.cell.points and not cell.claims:
                points = _number(cell.cell.points)
                self.notes.append(f"{cell.cell.spoken}: its {points} points went to the other tests of {group.id}")

    def _by_hand(self, group: _Group) -> None:
        tests = "\n\n".join(_fenced(cell.source) for cell in group.tests)
        said = f"{TODO}: {group.cell.spoken} is marked by a person, since {group.why_by_hand}"
        self.to_do.append(f"{said.removeprefix(TODO + ': ')}: see {group.id} in rubric.md")
        scheme = f"<!-- {said} -->\n\nThe notebook tested it so:\n\n{tests}"
        self._answer(group.id, group.points, "code", group.cell.source, scheme)

    def _lone_tests(self, cell: NbgraderCell) -> None:
        """Tests with no solution cell above: their points stay, and a person gives them."""
        if any(cell in group.tests for group in self.groups.values()) or not cell.points:
            return
        name = self._new_id(cell, self.sections[cell.number])
        said = f"{TODO}: {cell.spoken} tests nothing that a solution cell above defines"
        self.to_do.append(f"{said.removeprefix(TODO + ': ')}: see {name} in rubric.md")
        self._answer(name, cell.points, "markdown", ANSWER_STUB, f"<!-- {said} -->\n\n{_fenced(cell.source)}")

    def _written(self, cell: NbgraderCell) -> None:
        if not cell.points:
            self.notes.append(f"{cell.spoken} is worth no points: its text is in rubric.md, students get an empty cell")
            self.notebook.append(("markdown", "", ANSWER_STUB))
            self.rubric.append(f"## Not graded: {cell.spoken}\n\n{cell.source}")
            return
        scheme = within(cell.source, SCHEME) or "Compare with the reference in the notebook."
        text = without(cell.source, SCHEME).strip() or ANSWER_STUB
        self._answer(self._new_id(cell, self.sections[cell.number]), cell.points, "markdown", text, scheme)

    def _marked_code(self, cell: NbgraderCell) -> None:
        name = self._new_id(cell, self.sections[cell.number])
        scheme = within(cell.source, SCHEME) or "Compare with the reference in the notebook."
        if cell.points:
            self._answer(name, cell.points, "code", without(cell.source, SCHEME), scheme)
        else:
            self.notes.append(f"{cell.spoken} is worth no points: it ships as its stub; its solution is in rubric.md")
            self.notebook.append(("code", "show", _cleared(cell.source)))
            self.rubric.append(f"## Not graded: {cell.spoken}\n\n{_fenced(cell.source)}")

    def _task(self, cell: NbgraderCell) -> None:
        """A task is a text below which students add cells; here one answer cell stands below it."""
        self._text(cell)
        if cell.points:
            scheme = within(cell.source, SCHEME) or "The notebook had no mark scheme: write down what earns the points."
            name = self._new_id(cell, self.sections[cell.number])
            self._answer(name, cell.points, "markdown", ANSWER_STUB, scheme)
            self.notes.append(f"{cell.spoken} was a task: students answer in one text cell, {name}")

    def _answer(self, name: str, points: Decimal, kind: str, source: str, scheme: str) -> None:
        if kind == "code" and BEGIN not in source and source.strip():
            source = f"### {BEGIN}\n{source}\n### {END}"
        self.notebook.append((kind, f"answer:{name}", source))
        self.tables.append(f"[answer.{name}]\npoints = {_number(points)}")
        self.rubric.append(f"## {name}\n\n{_number(points)} point{'s' * (points != 1)}. {scheme.strip()}")
        self.total += points

    def _new_id(self, cell: NbgraderCell, section: str) -> str:
        """The grade_id where people chose it, else of what the cell defines or its heading. Unique in the set."""
        wanted = cell.id
        if not _ID.fullmatch(wanted) or _DRAWN_ID.fullmatch(wanted) or _RESERVED.fullmatch(wanted):
            defined = names_defined(cell.source) if cell.role != CellRole.TASK else DefinedNames()
            words = next(iter(sorted(defined.functions | defined.classes)), section)
            wanted = re.sub(r"[^A-Za-z0-9]+", "-", re.sub(r"\(.*?\)", "", words)).strip("-").lower()[:40] or "answer"
            wanted = f"{wanted}-answer" if _RESERVED.fullmatch(wanted) else wanted
        candidates = [wanted, f"{self.name}-{wanted}"[:58], *(f"{wanted[:50]}-{number}" for number in range(2, 1000))]
        chosen = next(name for name in candidates if name not in self.taken)
        self.taken.add(chosen)
        return chosen

    # -- files

    def _title(self) -> str:
        found = re.search(r"^# +(.+?)\s*$", "\n".join(text for kind, _, text in self.notebook if kind == "markdown"),
                          re.MULTILINE)  # fmt: skip
        return found[1] if found else self.name.replace("_", " ").capitalize()

    def _percent(self) -> str:
        if not re.search(r"(?m)^# ", self.notebook[0][2]) or self.notebook[0][0] != "markdown":
            self.notebook.insert(0, ("markdown", "", f"# {self._title()}"))
        cells: list[dict[str, Any]] = []
        for kind, tag, source in self.notebook:
            cell = {"cell_type": kind, "source": source, "metadata": {"tags": [tag]} if tag else {}}
            cells.append(cell | ({"outputs": [], "execution_count": None} if kind == "code" else {}))
        options = {"notebook_metadata_filter": "-all", "cell_metadata_filter": "tags,-all"}
        notebook = {"cells": cells, "metadata": {"jupytext": options}, "nbformat": 4, "nbformat_minor": 5}
        text = jupytext.writes(from_dict(notebook), fmt="py:percent")  # type: ignore[no-untyped-call]
        return str(re.sub(r"\A# ---\n.*?# ---\n+", "", text, flags=re.DOTALL))

    def _test_files(self, exercises: list[_Group]) -> dict[str, str]:
        imports = dict(self.import_lines)
        tests: list[ExerciseTests] = []
        left: list[LeftStep] = []
        for group in exercises:
            for cell in group.turned:
                imports |= cell.imports
                left += [*cell.left]
            tests.append(tests_of(group.id, group.section, group.turned))
            if tests[-1].repeated:
                self.to_do.append(f"{group.id}: its one hidden test asks what the public one asks; write another")
        left = [step if step.hidden else replace(step, hidden=False) for step in left]
        self.to_do += [f"{step.place}: {step.why}" for step in left]
        names = [group.id for group in exercises]
        shown = [step for step in left if not step.hidden]
        kept = [step for step in left if step.hidden]
        title = self._title()
        public = [test for one in tests for test in one.public]
        hidden = [test for one in tests for test in one.hidden]
        return {
            "test_public.py": test_file(f"Public tests of {title}.", public, imports, [], names),
            "test_hidden.py": test_file(f"Hidden tests of {title}.", hidden, imports, [*kept, *shown], names),
        }


def _code(source: str) -> str:
    return "\n".join(line for line in source.split("\n") if not _is_magic(line))


def _is_magic(line: str) -> bool:
    return line.startswith(("%", "!"))


def _only_defines(node: ast.stmt) -> bool:
    """An import, a function, a class or a constant: nothing that computes or prints."""
    if isinstance(node, ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef):
        return True
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    return isinstance(node, ast.Assign | ast.AnnAssign) and not any(isinstance(n, ast.Call) for n in ast.walk(node))


def _cleared(source: str) -> str:
    """A solution cell as nbgrader ships it."""
    if BEGIN not in source:
        return "# your code here"
    lines, inside = [], False
    for line in source.split("\n"):
        if BEGIN in line:
            lines.append(line[: len(line) - len(line.lstrip())] + "...  # your code here")
        if BEGIN in line or END in line:
            inside = BEGIN in line
        elif not inside:
            lines.append(line)
    return "\n".join(lines)


def _fenced(source: str) -> str:
    return f"```python\n{source}\n```"


def _number(points: Decimal) -> str:
    return f"{points.normalize():f}"


def _toml(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def referenced_pictures(cells: tuple[NbgraderCell, ...]) -> Iterator[str]:
    """Paths of files that texts show, as they stand there."""
    for cell in cells:
        if cell.role in (CellRole.TEXT, CellRole.TASK, CellRole.WRITTEN):
            yield from re.findall(r"!\[[^\]]*\]\(([^)\s]+)", cell.source)
            yield from re.findall(r"<img[^>]*\bsrc=[\"']([^\"']+)", cell.source)
