"""Lays the turned claims of an exercise's test cells out as the kit's two test files."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from autograder.assignment.unfinished import TODO
from autograder.starting.turned_cells import LeftStep, TurnedCell, TurnedStep

WIDTH = 120
# Of what a cell is worth that had no hidden tests: the claims that stay public, which anyone can answer by a table.
PUBLIC_SHARE = Decimal("0.1")
PUBLIC_CLAIMS = 3  # one in so many
Part = tuple[TurnedCell, list[TurnedStep], Decimal]
_KIT = ("Lib", "assert_equal", "assert_raises", "assert_same")


@dataclass(frozen=True)
class ImportedTest:
    """One test function: the claims of one cell, or a part of them."""

    exercise: str
    name: str
    title: str
    hint: str
    weight: Decimal
    lines: tuple[str, ...]


@dataclass(frozen=True)
class ExerciseTests:
    """The tests of one exercise in each file. repeated: hidden ones ask what the public one asks."""

    public: tuple[ImportedTest, ...]
    hidden: tuple[ImportedTest, ...]
    repeated: bool = False


def tests_of(exercise: str, section: str, cells: list[TurnedCell]) -> ExerciseTests:
    """The claims of an exercise's cells, those that were hidden in the hidden tests; each file gets one at least.

    Where the exercise had no hidden claims, of each cell the longest stay public and the others go: short ones, such as
    f(1) == 1, are met by too many wrong answers. A test of exceptions alone demands a right value as well.
    """
    with_claims = [cell for cell in cells if cell.claims]
    parts = [(cell, step.hidden, [step]) for cell in with_claims for step in cell.claims]
    hidden_somewhere = any(hidden for _, hidden, _ in parts)
    public: list[Part] = []
    hidden: list[Part] = []
    repeated = False
    for cell in with_claims:
        shown = [step for step in cell.claims if not step.hidden]
        kept = [step for step in cell.claims if step.hidden]
        if not hidden_somewhere:
            shown, kept = _divided(shown) if len(shown) > 1 and cell.divides else ([], shown)
        share = PUBLIC_SHARE if shown and kept else Decimal(1)
        points = cell.cell.points or Decimal("0.01")
        if shown:
            public.append((cell, shown, points * share))
        if kept:
            hidden.append((cell, kept, points * (1 - share) if shown else points))
    if not public and len(hidden) > 1:
        cell, claims, points = hidden.pop(0)
        public = [(cell, claims, points * PUBLIC_SHARE)]
    if not public or not hidden:
        only = (public or hidden)[0]
        public = [(only[0], only[1], only[2] * PUBLIC_SHARE)]
        hidden, repeated = [(only[0], only[1], only[2] * (1 - PUBLIC_SHARE)), *hidden[1:]], True
    seen, unseen = (_value_claim(file) or _value_claim([*public, *hidden]) for file in (public, hidden))
    return ExerciseTests(
        tuple(_test(exercise, section, *part, "", seen) for part in public),
        tuple(_test(exercise, section, *part, "_hidden", unseen) for part in hidden),
        repeated,
    )


def _divided(claims: list[TurnedStep]) -> tuple[list[TurnedStep], list[TurnedStep]]:
    """Those that stay public, and those that become hidden."""
    count = max(1, len(claims) // PUBLIC_CLAIMS)
    by_length = sorted(claims, key=lambda step: -sum(map(len, step.lines)))
    public = by_length[:count]
    return (
        [step for step in claims if any(step is one for one in public)],
        [step for step in claims if not any(step is one for one in public)],
    )


def _value_claim(parts: list[Part]) -> TurnedStep | None:
    """A claim about a value that needs nothing before it."""
    found = None
    for cell, claims, _ in parts:
        for step in claims:
            if cell.divides and not _only_raises([step]) and cell.needed([step]) == [step]:
                found = step
    return found


def _only_raises(claims: list[TurnedStep]) -> bool:
    return all(line.startswith("assert_raises(") for step in claims for line in step.lines)


def _test(
    exercise: str,
    section: str,
    cell: TurnedCell,
    claims: list[TurnedStep],
    weight: Decimal,
    ending: str,
    value: TurnedStep | None,
) -> ImportedTest:
    name = re.sub(r"\W", "_", cell.cell.id) or f"cell_{cell.cell.number}"
    hint = next((step.hint for step in claims if step.hint), "") or f"Read once more: {section}."
    also = [value] if value is not None and _only_raises(claims) else []
    lines = [line for step in [*cell.needed(claims), *also] for line in step.lines]
    title = " ".join(cell.title.split()) or name.replace("_", " ")
    return ImportedTest(exercise, f"test_{name}{ending}", title.rstrip("."), hint, weight, tuple(lines))


def test_file(
    heading: str, tests: Iterable[ImportedTest], imports: dict[str, str], left: list[LeftStep], exercises: list[str]
) -> str:
    """The text of a test file. imports: by the name that the notebook uses, the statement."""
    tests = list(tests)
    markers = {name: _marker(name, set(imports)) for name in exercises}
    body = "".join(f"\n\n\n{_function(test, markers)}" for test in tests)
    code = "\n".join(line for test in tests for line in test.lines)
    used = {node.id for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Name)}
    needed = sorted({line for name, line in imports.items() if name in used and name not in _KIT})
    kit = [*(name for name in _KIT if name in used), "exercise"]
    top = [f'"""{heading}"""', "", *needed, f"from kit import {', '.join(kit)}", ""]
    top += [f'{markers[name]} = exercise("{name}")' for name in exercises]
    if not exercises:
        top = top[:1]
    return "\n".join(top) + body + "".join(f"\n\n\n{part}" for part in _to_do(left)) + "\n"


def _marker(exercise: str, taken: set[str]) -> str:
    name = re.sub(r"\W", "_", exercise).lower()
    name = f"_{name}" if name[0].isdigit() else name
    return f"{name}_" if name in taken | {"exercise", "student", *_KIT} else name


def _function(test: ImportedTest, markers: dict[str, str]) -> str:
    mark = (
        f"@{markers[test.exercise]}({_text(test.title)}, hint={_text(test.hint)}, weight={test.weight.normalize():f})"
    )
    return "\n".join([*_wrapped(mark), f"def {test.name}(student):", *_indented(test.lines)])


def _text(text: str) -> str:
    return '"' + " ".join(text.split()).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _indented(lines: tuple[str, ...]) -> Iterator[str]:
    inside = False  # a string over several lines
    for line in lines:
        text = line if inside else f"    {line}" if line else ""
        inside ^= bool(line.count('"""') % 2 or line.count("'''") % 2)
        yield from _wrapped(text)


def _wrapped(line: str) -> list[str]:
    """A call that is too long, with each of its arguments on a line of its own."""
    if len(line) <= WIDTH:
        return [line]
    text = line.strip().removeprefix("@")
    indent = line[: len(line) - len(line.lstrip())]
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return [line]
    call = tree.body[0].value if len(tree.body) == 1 and isinstance(tree.body[0], ast.Expr) else None
    if not isinstance(call, ast.Call):
        return [line]
    at = "@" if line.strip().startswith("@") else ""
    parts = [*map(ast.unparse, call.args), *(f"{item.arg}={ast.unparse(item.value)}" for item in call.keywords)]
    parts = [_double(part) for part in parts]
    return [f"{indent}{at}{ast.unparse(call.func)}(", *(f"{indent}    {part}," for part in parts), f"{indent})"]


def _double(text: str) -> str:
    """An argument with the house's quotation marks."""
    name, is_named, value = text.partition("=") if re.match(r"\w+='", text) else ("", "", text)
    if value.startswith("'") and value.endswith("'") and '"' not in value and "\\" not in value:
        value = f'"{value[1:-1]}"'
    return f"{name}{is_named}{value}"


def _to_do(left: list[LeftStep]) -> Iterator[str]:
    """One block for what a cell leaves on one run of lines: the first reason, and the text."""
    groups: list[list[LeftStep]] = []
    for step in left:
        if groups and groups[-1][0].cell is step.cell:
            groups[-1].append(step)
        else:
            groups.append([step])
    for group in groups:
        reasons = dict.fromkeys(f"line {step.line}: {step.why}" for step in group)
        head = [f"# {TODO}: {group[0].cell.spoken}", *(f"#   {reason}" for reason in reasons)]
        text = [f"#     {line}".rstrip() for step in group for line in step.text.split("\n")]
        yield "\n".join([*head, *text])
