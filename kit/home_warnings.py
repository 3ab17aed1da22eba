"""What works at home and will not at grading: imports, newer Python, files beside the notebook."""

from __future__ import annotations

import linecache
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import Any

from kit import python_version, versions
from kit.cells import read_python
from kit.earlier_checks import codes, globals_of
from kit.imports import Import, imports, missing_at_grading, what_there_is
from kit.manifest import Manifest
from kit.notebooks import Extraction

MAX_WARNINGS = 20
_WITH_A_MODULE = (FunctionType, BuiltinFunctionType, type)


def of_notebook(manifest: Manifest, extraction: Extraction, folder: Path) -> list[str]:
    """A line for each import that the grader lacks and each cell that its Python cannot read.

    folder: where the notebook lies.
    """
    found = [
        line
        for label, one in extraction.lacking(manifest)
        for line in _of_imports([one], _cell(label), manifest, folder)
    ]
    sources = {cell.label: "" for cell in extraction.cells}
    for cell in extraction.cells:
        sources[cell.label] = sources[cell.label] or _newer(cell.source, _cell(cell.label), manifest)
    return [*dict.fromkeys(found), *filter(None, sources.values())][:MAX_WARNINGS]


def of_folder(manifest: Manifest, folders: Iterable[Path]) -> list[str]:
    """A line for each Python file beside the notebooks: a release has none there. And versions that are newer here."""
    files = sorted({path.name for folder in folders for path in folder.glob("*.py")})
    return [*(_not_handed_in(name) for name in files[:MAX_WARNINGS]), *_newer_versions(manifest)]


def of_live_code(names: Sequence[str], namespace: Mapping[str, Any], manifest: Manifest, folder: Path) -> list[str]:
    """The same for what is in memory: these functions and classes, and what they use of the student's own."""
    lines: dict[str, None] = {}
    sources: dict[str, str] = {}  # of the cells, to the first name that is defined there
    for name, thing in _reached(names, namespace):
        if _is_own(thing, namespace):
            for code in codes(thing):
                sources.setdefault(_source(code), f"the cell with {name}")
        elif module := _module_of(thing):
            lines |= dict.fromkeys(_of_imports([Import(0, module)], name, manifest, folder))
    for source, cell in sources.items():
        if (tree := read_python(source).tree) is not None:
            lines |= dict.fromkeys(_of_imports(imports(tree), cell, manifest, folder))
            lines |= dict.fromkeys(filter(None, [_newer(source, cell, manifest)]))
    return list(lines)[:MAX_WARNINGS]


def _reached(names: Sequence[str], namespace: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    """What these names stand for, and everything global that its code uses, once each."""
    todo, seen = list(names), set(names)
    for name in todo:
        thing = namespace.get(name)
        yield name, thing
        if _is_own(thing, namespace):
            used = [other for code in codes(thing) for other in globals_of(code) if other in namespace]
            todo += [other for other in dict.fromkeys(used) if other not in seen]
            seen.update(used)


def _is_own(thing: object, namespace: Mapping[str, Any]) -> bool:
    """Whether the student's cells define it."""
    return getattr(thing, "__module__", None) in ("__main__", namespace.get("__name__", ""))


def _module_of(thing: object) -> str:
    if isinstance(thing, ModuleType):
        return thing.__name__
    module = getattr(thing, "__module__", None) if isinstance(thing, _WITH_A_MODULE) else None
    return module if isinstance(module, str) else ""


def _source(code: CodeType) -> str:
    return "".join(linecache.getlines(code.co_filename))


def _of_imports(found: Sequence[Import], cell: str, manifest: Manifest, folder: Path) -> Iterator[str]:
    for one in missing_at_grading(found, manifest.library, manifest.importable):
        place = f"{cell}, line {one.line}, imports" if one.line else f"{cell} comes from"
        if beside := next((name for name in (f"{one.root}.py", one.root) if (folder / name).exists()), None):
            yield f"{place} {one.module}: {_not_handed_in(beside)}"
        else:
            yield f"{place} {one.module}, which is missing at grading: {what_there_is(manifest.importable)}"


def _not_handed_in(name: str) -> str:
    return f"{name} is not handed in and the grader does not see it: put its functions into a cell"


def _newer(source: str, cell: str, manifest: Manifest) -> str:
    why = python_version.unreadable(source, min(python_version.numbers(manifest.python), python_version.RUNNING))
    here = read_python(source).tree
    return f"{cell}, {why}: the grader's Python {manifest.python} cannot read it" if why and here is not None else ""


def _newer_versions(manifest: Manifest) -> Iterator[str]:
    here = ".".join(map(str, python_version.RUNNING))
    if python_version.RUNNING > python_version.numbers(manifest.python):
        yield f"this is Python {here} and the grader has {manifest.python}: what only newer ones have fails there"
    torch = versions.version_of("torch")
    if manifest.torch and torch is not None and versions.numbers(torch) > versions.numbers(manifest.torch):
        yield f"this is torch {torch} and the grader has {manifest.torch}: what only newer ones have fails there"


def _cell(label: str) -> str:
    return label if label.startswith("cell ") else f"cell {label}"
