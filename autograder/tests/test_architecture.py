"""The house stands: imports run downward, two walls hold, and nothing edits the search path."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import autograder
import kit

ENGINE = Path(autograder.__file__).parent
KIT = Path(str(kit.__file__)).parent
# From the ground up. A module imports from its own floor and from those below it.
FLOORS = (
    {"kit"},
    {
        "autograder",
        "autograder.errors",
        "autograder.files",
        "autograder.course_folders",
        "autograder.names",
        "autograder.csv_cells",
        "autograder.clock",
        "autograder.course_key",
        "autograder.interrupts",
    },
    {"autograder.results", "autograder.result_layout", "autograder.earlier_results"},
    {"autograder.submission", "autograder.assignment", "autograder.sandbox"},
    {"autograder.build", "autograder.roster", "autograder.starting"},
    {"autograder.grading"},
    {"autograder.marks"},
    {"autograder.exports", "autograder.collecting", "autograder.similarity"},
    {"autograder.verify"},
    {"autograder.publish"},
    {"autograder.cli"},
    {"autograder.__main__"},
)
# What stands on one floor without a door between its rooms.
APART = ({"autograder.submission", "autograder.assignment", "autograder.sandbox"},)
WALLS = {
    "autograder.submission": {"kit", "autograder.files", "autograder.submission"},
    "autograder.sandbox": {"kit", "autograder.errors", "autograder.sandbox"},
}


def modules() -> dict[str, Path]:
    """Every module of engine and kit, tests left out, by its full name."""
    found = {}
    for root in (ENGINE, KIT):
        for path in sorted(root.rglob("*.py")):
            parts = (root.name, *path.relative_to(root).with_suffix("").parts)
            if "tests" not in parts and "release_files" not in parts:
                found[".".join(part for part in parts if part != "__init__")] = path
    return found


MODULES = modules()


def imports(name: str) -> Iterator[tuple[str, int]]:
    """The engine's and the kit's modules that a module imports, wherever in it, with the line."""
    package = name if MODULES[name].name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(MODULES[name].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names if known(alias.name))
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1]
            base = ".".join([*above, *([node.module] if node.module else [])]) if node.level else str(node.module)
            for alias in node.names:
                target = f"{base}.{alias.name}" if f"{base}.{alias.name}" in MODULES else base
                if known(target):
                    yield target, node.lineno


def known(name: str) -> bool:
    return name.split(".")[0] in ("autograder", "kit")


def room(name: str) -> str:
    """The package that a module belongs to: kit, autograder.grading, or itself at the engine's top."""
    return "kit" if name.split(".")[0] == "kit" else ".".join(name.split(".")[:2])


def floor(name: str) -> int:
    return next(number for number, rooms in enumerate(FLOORS) if room(name) in rooms)


@pytest.mark.parametrize("name", MODULES)
def test_every_module_stands_on_a_floor_and_imports_only_downward(name: str) -> None:
    upward = [f"line {line}: {target}" for target, line in imports(name) if floor(target) > floor(name)]
    assert upward == [], f"{name} imports from above: {upward}"


@pytest.mark.parametrize("name", MODULES)
def test_rooms_of_one_floor_have_no_door_between_them(name: str) -> None:
    others = set().union(*(rooms - {room(name)} for rooms in APART if room(name) in rooms))
    assert [target for target, _ in imports(name) if room(target) in others] == []


@pytest.mark.parametrize("package", WALLS)
def test_the_walls_round_what_meets_students_hold(package: str) -> None:
    reached = {room(target) for name in MODULES if room(name) == package for target, _ in imports(name)}
    assert reached <= WALLS[package], f"{package} reaches {sorted(reached - WALLS[package])}"


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = {name: {target for target, _ in imports(name) if target != name} for name in MODULES}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


@pytest.mark.parametrize("name", MODULES)
def test_no_module_edits_the_search_path(name: str) -> None:
    edits = [
        node.lineno
        for node in ast.walk(ast.parse(MODULES[name].read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr == "path"
        and isinstance(node.value, ast.Name) and node.value.id == "sys"
    ]  # fmt: skip
    assert edits == [], f"{name} touches sys.path in lines {edits}"


def classes(name: str) -> Iterator[str]:
    """The classes that a module defines, aliases of types among them."""
    tree = ast.parse(MODULES[name].read_text(encoding="utf-8"))
    yield from (node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef))
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else []
        yield from (t.id for t in targets if isinstance(t, ast.Name) and re.match(r"_?[A-Z]\w*[a-z]", t.id))


def test_no_class_name_has_two_meanings() -> None:
    homes = defaultdict(list)
    for name in MODULES:
        for defined in classes(name):
            homes[defined].append(name)
    assert {defined: names for defined, names in homes.items() if len(names) > 1} == {}


def test_one_function_prints_in_the_command_line_and_one_in_the_kit() -> None:
    printing = {
        name
        for name, path in MODULES.items()
        if name.startswith(("autograder.cli.", "kit."))
        and re.search(r"click\.echo\(|(?<![.\w])print\(", path.read_text())
    }
    assert printing == {"autograder.cli.screen", "kit.text"}
