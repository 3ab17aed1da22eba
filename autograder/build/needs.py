"""What a release needs to run at a student's: packages that its requirements name, and names that its cells define."""

from __future__ import annotations

import ast
import re
import symtable
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import metadata

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

import kit
from autograder.assignment.model import Assignment, Problem
from autograder.assignment.notebook_source import SourceCell
from kit.cells import read_python
from kit.global_names import is_builtin

REQUIREMENTS = "requirements.txt"
# Where Python runs a notebook, whatever a set names: IPython, its own names, the kit.
ALWAYS = ("kit", "IPython", "__future__")
OF_IPYTHON = ("display", "get_ipython", "In", "Out", "exit", "quit", "__file__", "__name__", "_", "__", "___")
# Packages that are called otherwise than what is imported of them, where they are not installed here to be asked.
PACKAGES = {
    "PIL": "pillow", "sklearn": "scikit-learn", "skimage": "scikit-image", "cv2": "opencv-python", "yaml": "pyyaml",
    "bs4": "beautifulsoup4", "mpl_toolkits": "matplotlib", "pylab": "matplotlib", "dateutil": "python-dateutil",
    "attr": "attrs", "Bio": "biopython", "OpenSSL": "pyopenssl", "dotenv": "python-dotenv", "umap": "umap-learn",
    "community": "python-louvain", "fitz": "pymupdf", "serial": "pyserial", "gym": "gym", "git": "gitpython",
}  # fmt: skip
_CATCHING = ("ImportError", "ModuleNotFoundError", "Exception", "BaseException")
_DEFINING_COMMAND = re.compile(r"\s*%(?:run|pylab|load|store|%)")
_ASSIGNED_COMMAND = re.compile(r"\s*([A-Za-z_]\w*)\s*=")


@dataclass(frozen=True)
class _Use:
    """A package that is imported: by which name, and where."""

    name: str
    place: str


def complaints(assignment: Assignment, release: Mapping[str, bytes]) -> list[str]:
    """A line for each package and each name that is missing. release: path to content, beside the notebooks."""
    names = [line for problem in assignment.problems for line in _undefined(assignment, problem)]
    return [*names, *_unnamed(assignment, release)]


# --- packages -------------------------------------------------------------------------------------------------------


def _unnamed(assignment: Assignment, release: Mapping[str, bytes]) -> Iterator[str]:
    own = {assignment.library, *ALWAYS, *sys.stdlib_module_names}
    own |= {path.split("/")[-1].removesuffix(".py") for path in release if path.startswith("tests/")}
    own |= {path.split("/")[0].removesuffix(".py") for path in release}
    named = required(release.get(REQUIREMENTS, b"").decode("utf-8", errors="replace"))
    missing: dict[str, list[_Use]] = {}
    for use in [*_in_notebooks(assignment), *_in_modules(release)]:
        packages = packages_of(use.name)
        if use.name not in own and not named & set(map(canonicalize_name, packages)):
            missing.setdefault(packages[0], []).append(use)
    path = (assignment.folder / REQUIREMENTS).relative_to(assignment.root)
    for package, uses in missing.items():
        more = f" and {len(uses) - 1} more" if len(uses) > 1 else ""
        yield f"{path} does not name {package}, but {uses[0].place}{more} has `import {uses[0].name}`: add {package}"


def required(text: str) -> set[str]:
    """The packages that a requirements file names, as canonical names."""
    lines = (re.sub(r"(^|\s)#.*", "", line).strip() for line in text.splitlines())
    found = {_requirement(line) for line in lines if line and not line.startswith("-")}
    return {canonicalize_name(name) for name in found if name}


def _requirement(line: str) -> str:
    if (egg := re.search(r"#egg=([\w.-]+)", line)) is not None:
        return egg[1]
    try:
        return Requirement(re.split(r"\s--", line)[0]).name
    except InvalidRequirement:
        return ""


def packages_of(name: str) -> list[str]:
    """The packages from which a module may be, the likeliest first; its own name where nobody knows."""
    return list(dict.fromkeys([*([PACKAGES[name]] if name in PACKAGES else []), *_installed().get(name, ()), name]))


@cache
def _installed() -> Mapping[str, list[str]]:
    return metadata.packages_distributions()


def _in_notebooks(assignment: Assignment) -> Iterator[_Use]:
    for problem in assignment.problems:
        for cell in _code(problem):
            tree = read_python(cell.released).tree
            yield from (_Use(name, _place(assignment, problem, cell)) for name, _ in _imported(tree))


def _in_modules(release: Mapping[str, bytes]) -> Iterator[_Use]:
    for path, data in release.items():
        if path.endswith(".py") and not path.startswith("kit/"):
            try:
                tree = ast.parse(data)
            except (SyntaxError, ValueError):
                continue
            yield from (_Use(name, f"{path}:{line}") for name, line in _imported(tree))


def _imported(tree: ast.AST | None) -> Iterator[tuple[str, int]]:
    """Top-level modules that code imports, with the line; not where it goes on without them."""
    if tree is None or _is_optional(tree):
        return
    if isinstance(tree, ast.Import):
        yield from ((alias.name.partition(".")[0], tree.lineno) for alias in tree.names)
    elif isinstance(tree, ast.ImportFrom) and tree.module and not tree.level:
        yield tree.module.partition(".")[0], tree.lineno
    for node in ast.iter_child_nodes(tree):
        yield from _imported(node)


def _is_optional(node: ast.AST) -> bool:
    if isinstance(node, ast.If):
        return "TYPE_CHECKING" in ast.unparse(node.test)
    if not isinstance(node, ast.Try):
        return False
    caught = [name for handler in node.handlers if handler.type for name in ast.walk(handler.type)]
    bare = any(handler.type is None for handler in node.handlers)
    return bare or any(isinstance(name, ast.Name) and name.id in _CATCHING for name in caught)


# --- names ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _CellNames:
    """What a cell makes; what it uses at once, and what its functions use when they are called."""

    made: frozenset[str]
    at_once: frozenset[str]
    later: frozenset[str]


def _undefined(assignment: Assignment, problem: Problem) -> Iterator[str]:
    cells = [(cell, names) for cell in _code(problem) if (names := _names(cell.released)) is not None]
    if any(_may_define_anything(cell) for cell in _code(problem)):
        return
    everything = {name for _, names in cells for name in names.made}
    above: set[str] = set()
    for cell, names in cells:
        above |= names.made
        for name in sorted((names.at_once - above) | (names.later - everything)):
            if not is_builtin(name) and name not in OF_IPYTHON:
                yield f"{_place(assignment, problem, cell)}: {_told(cell, name, is_below=name in everything)}"


def _told(cell: SourceCell, name: str, *, is_below: bool) -> str:
    what = f"the cell {cell.kind}:{cell.name}" if cell.name else f"this {cell.kind} cell"
    if name in kit.__all__ and not is_below:
        return f"{what} uses {name}, which no cell imports: add `from kit import {name}` to the first given cell"
    where = "only a cell below it defines" if is_below else "no cell of the notebook defines"
    return f"{what} uses {name}, which {where}"


def _names(source: str) -> _CellNames | None:
    """None where the cell is no Python."""
    python = read_python(source)
    if python.tree is None:
        return None
    table = symtable.symtable(python.source, "<cell>", "exec")
    made = {symbol.get_name() for symbol in table.get_symbols() if symbol.is_assigned() or symbol.is_imported()}
    made |= {name[1] for line in python.blanked if (name := _ASSIGNED_COMMAND.match(line.text)) is not None}
    made |= {name for star in _star_imports(python.tree) if star == "kit" for name in kit.__all__}
    at_once = {symbol.get_name() for symbol in table.get_symbols() if symbol.is_referenced()}
    later = set()
    for inner in _inside(table):
        later |= {symbol.get_name() for symbol in inner.get_symbols() if symbol.is_global() and symbol.is_referenced()}
        made |= {symbol.get_name() for symbol in inner.get_symbols() if symbol.is_declared_global()}
    return _CellNames(frozenset(made), frozenset(at_once), frozenset(later))


def _inside(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    for inner in table.get_children():
        yield inner
        yield from _inside(inner)


def _may_define_anything(cell: SourceCell) -> bool:
    """Whether a cell takes names from where they cannot be read: `from x import *`, a command that runs a file."""
    python = read_python(cell.released)
    if python.tree is None:
        return True
    stars = _star_imports(python.tree)
    return any(star != "kit" for star in stars) or any(_DEFINING_COMMAND.match(line.text) for line in python.blanked)


def _star_imports(tree: ast.Module) -> list[str]:
    nodes: Iterable[ast.AST] = ast.walk(tree)
    found = [node for node in nodes if isinstance(node, ast.ImportFrom)]
    return [node.module or "" for node in found if any(alias.name == "*" for alias in node.names)]


def _code(problem: Problem) -> list[SourceCell]:
    return [cell for cell in problem.cells if cell.is_code]


def _place(assignment: Assignment, problem: Problem, cell: SourceCell) -> str:
    return f"{(problem.folder / 'notebook.py').relative_to(assignment.root)}:{cell.line}"
