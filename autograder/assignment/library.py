"""The shipped library, imported on the trusted side: tests may use it as students do."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from autograder.errors import BadInput, CourseError

_imported: dict[str, Path] = {}


def import_library(folder: Path, name: str) -> ModuleType:
    """Import the package `name` that lies in `folder`, under its name and without a search path.

    Imported once; the same name from another folder takes its place. BadInput where the folder holds no such package,
    CourseError where the name belongs to something else.
    """
    place = (folder / name / "__init__.py").resolve()
    if name in sys.modules and _imported.get(name) == place:
        return sys.modules[name]
    if not place.is_file():
        raise BadInput(f"{folder / name} is missing: run `autograder build {folder.name}`")
    if name in sys.modules and name not in _imported:
        raise CourseError(f"the library cannot be called {name}: another module has that name")
    _forget(name)
    return _load(name, place)


def _load(name: str, place: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, place, submodule_search_locations=[str(place.parent)])
    assert spec is not None and spec.loader is not None
    sys.modules[name] = module = importlib.util.module_from_spec(spec)
    _imported[name] = place
    try:
        spec.loader.exec_module(module)
    except BaseException:
        _forget(name)
        raise
    return module


def _forget(name: str) -> None:
    _imported.pop(name, None)
    for module in [module for module in sys.modules if module == name or module.startswith(f"{name}.")]:
        del sys.modules[module]
