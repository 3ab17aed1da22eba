"""Staff's answers to exercises: other right ones, and wrong ones that the tests must catch.

A file of right/ or wrong/ holds a whole cell. wrong/<exercise>.toml lists mistakes as patches of the reference: one
table a mistake, named by the misconception, with `about`, `put` (old text to new) and `must_fail` (tests' names); where
it applies also `crashes` and `costs_all`. A file of wrong/ has the same as MUST_FAIL, CRASHES and COSTS_ALL.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from autograder.assignment.model import Problem
from autograder.assignment.toml import Complaints, TomlTable
from autograder.errors import CourseError

_HEADERS = ("EXERCISE", "MUST_FAIL", "CRASHES", "COSTS_ALL")
_KEBAB = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


@dataclass(frozen=True)
class SampleAnswer:
    """An answer to one exercise that staff wrote.

    must_fail: the tests that catch it; empty for a right one. crashes: it stops with an exception where it is wrong.
    costs_all: why it may cost more than problem.toml allows one mistake.
    """

    problem: str
    exercise: str
    name: str
    code: str
    about: str
    must_fail: tuple[str, ...] = ()
    crashes: bool = False
    costs_all: str = ""


def right_answers(problem: Problem) -> tuple[SampleAnswer, ...]:
    """Every file of right/. CourseError for a malformed one."""
    return _sorted(problem, (read_cell(problem, path) for path in sorted((problem.folder / "right").glob("*.py"))))


def wrong_answers(problem: Problem) -> tuple[SampleAnswer, ...]:
    """Every patch and every file of wrong/, exercise by exercise. CourseError for a malformed one."""
    folder = problem.folder / "wrong"
    answers = [answer for path in sorted(folder.glob("*.toml")) for answer in read_patches(problem, path)]
    answers += [read_cell(problem, path) for path in sorted(folder.glob("*.py"))]
    counts = Counter((answer.exercise, answer.name) for answer in answers)
    for (exercise, name), count in counts.items():
        if count > 1:
            raise CourseError(f"{folder}: {count} wrong answers to {exercise} are named {name}: rename one")
    return _sorted(problem, answers)


def _sorted(problem: Problem, answers: Iterator[SampleAnswer] | list[SampleAnswer]) -> tuple[SampleAnswer, ...]:
    order = list(problem.references)
    return tuple(sorted(answers, key=lambda answer: order.index(answer.exercise)))


def read_cell(problem: Problem, path: Path) -> SampleAnswer:
    """An answer that is a whole cell: docstring, EXERCISE, MUST_FAIL if it is wrong, and the cell's code."""
    try:
        text = path.read_text(encoding="utf-8")
        tree = ast.parse(text)
        headers = {node.targets[0].id: ast.literal_eval(node.value) for node in _headers(tree)}  # type: ignore[attr-defined]
    except (SyntaxError, ValueError) as error:
        raise CourseError(f"{path}: {error}") from error
    about = ast.get_docstring(tree)
    if about is None:
        raise CourseError(f"{path}: begin with a docstring that says what this answer does")
    exercise = headers.get("EXERCISE")
    if exercise not in list(problem.references):
        raise CourseError(f"{path}: EXERCISE is {exercise!r}; {problem.name} has {', '.join(problem.references)}")
    names = headers.get("MUST_FAIL", [])
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise CourseError(f"{path}: MUST_FAIL is {names!r}; write a list of tests' names")
    if (path.parent.name == "wrong") != bool(names):
        raise CourseError(f"{path}: a wrong answer names in MUST_FAIL the tests that catch it; a right one has none")
    crashes, costs_all = headers.get("CRASHES", False), headers.get("COSTS_ALL", "")
    if not isinstance(crashes, bool) or not isinstance(costs_all, str):
        raise CourseError(f"{path}: write CRASHES = True and COSTS_ALL = a text that says why, or leave them out")
    name = path.stem.replace("_", "-")
    body, about = _body(text, tree), about.split("\n\n")[0]
    return SampleAnswer(problem.name, exercise, name, body, about, tuple(names), crashes, costs_all)


def _body(text: str, tree: ast.Module) -> str:
    """The file without docstring and headers; its lines keep their numbers."""
    lines = text.split("\n")
    for node in (tree.body[0], *_headers(tree)):
        for number in range(node.lineno - 1, node.end_lineno or node.lineno):
            lines[number] = ""
    return "\n".join(lines)


def _headers(tree: ast.Module) -> list[ast.Assign]:
    return [
        node
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id in _HEADERS
    ]


def read_patches(problem: Problem, path: Path) -> list[SampleAnswer]:
    """The mistakes of wrong/<exercise>.toml. CourseError with one line for each that does not fit the reference."""
    complaints = Complaints(problem.folder.parent.parent.parent)
    reference = problem.references.get(path.stem)
    if reference is None:
        complaints.add(path, f"name it after an exercise; {problem.name} has {', '.join(problem.references)}")
    complaints.raise_if_any()
    assert reference is not None
    tables = TomlTable.read(path, complaints).all_tables(_KEBAB)
    answers = [
        SampleAnswer(
            problem.name,
            path.stem,
            name,
            _patched(table, path.stem, reference),
            table.text("about", pattern=r"(?s:\s*\S.*)"),
            _must_fail(table),
            table.flag("crashes"),
            table.text("costs_all", ""),
        )
        for name, table in tables.items()
    ]
    for table in tables.values():
        table.refuse_others()
    complaints.raise_if_any()
    return answers


def _must_fail(table: TomlTable) -> tuple[str, ...]:
    names = table.strings("must_fail")
    if names == ():
        table.complain("must_fail names the tests that catch it, at least one", "must_fail")
    return names


def _patched(table: TomlTable, exercise: str, reference: str) -> str:
    """The reference with the table's replacements made; complains where the result is no other program."""
    put = table.texts("put")
    for old in put:
        if (count := reference.count(old)) != 1:
            table.complain(f"{old!r} should be in the reference of {exercise} once, but is found {count} times", "put")
            return ""
    try:
        code = replaced(reference, put)
        compile(code, exercise, "exec")
    except ValueError as error:
        table.complain(str(error), "put")
    except SyntaxError as error:
        table.complain(f"the patched cell is not Python: {error}", "put")
    else:
        if ast.dump(ast.parse(code)) == ast.dump(ast.parse(reference)):
            table.complain("the patched cell does the same as the reference", "put")
        return code
    return ""


def replaced(text: str, put: Mapping[str, str]) -> str:
    """The text with passages, each of which occurs once, replaced all at once. ValueError where two overlap."""
    end, parts = 0, []
    for start, old in sorted((text.index(old), old) for old in put):
        if start < end:
            raise ValueError(f"{old!r} overlaps with another passage that is replaced")
        parts += [text[end:start], put[old]]
        end = start + len(old)
    return "".join([*parts, text[end:]])
