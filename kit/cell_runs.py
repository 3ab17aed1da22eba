"""What became of the cells that were run in this kernel: definitions that did not run, names that are missing.

IPython reports each cell before and after it ran; `watch` asks it to, once. Without IPython nothing is known here.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Collection, Iterator, Sequence
from functools import cache
from typing import Any

from kit.manifest import Manifest
from kit.release import ReleaseError, find_release
from kit.running_notebook import shell
from kit.text import say

RUN_ABOVE = "choose Run > Run All Above Selected Cell (Colab: Runtime > Run before). Finished trainings are loaded"
GUESS_HELP = "A guess is a number such as 0.4, a word in quotes such as 'frog', or None for no guess. Nothing is lost."
_DEFINITION = re.compile(r"^(?:async\s+)?(?:def|class)\s+(\w+)", re.MULTILINE)
_GUESS = re.compile(r"^guess_\w+\s*=", re.MULTILINE)

_before: dict[str, object] = {}  # name -> what it stood for when the running cell began
_failed: dict[str, str] = {}  # name -> why the latest cell that was to define it did not


def watch() -> None:
    """Have IPython report its cells, where one is running. Calling it again changes nothing."""
    running = shell()
    if running is None or getattr(running, "_kit_is_watching", False):
        return
    running._kit_is_watching = True
    running.events.register("pre_run_cell", _cell_begins)
    running.events.register("post_run_cell", _cell_ended)


def why_not_run(names: Collection[str]) -> str | None:
    """Why the latest cell that was to define one of the names did not do so; None where all is well."""
    return next((_failed[name] for name in names if name in _failed), None)


def have(*names: str) -> bool:
    """Whether cells above have made all these names; else says in a sentence what to do.

    For cells that show what a long training made: `from kit import have` works in a kernel that has run nothing yet. A
    name that is there and False or None stands for a training that is not finished.
    """
    namespace = sys._getframe(1).f_globals
    missing = [name for name in names if name not in namespace]
    unfinished = [name for name in names if name in namespace and namespace[name] in (None, False)]
    if missing:
        say(_missing_sentence(missing))
    elif unfinished:
        say("The training above is not finished: run its cell first. It goes on where it was stopped.")
    return not missing and not unfinished


# --- what IPython reports -------------------------------------------------------------------------------------------


def _cell_begins(info: Any) -> None:
    _before.clear()
    namespace = shell().user_ns  # type: ignore[union-attr]
    _before.update({name: namespace[name] for name in _names_of(info) if name in namespace})


def _cell_ended(result: Any) -> None:
    error = result.error_before_exec or result.error_in_exec
    source = str(result.info.raw_cell or "")
    _note_definitions(_names_of(result.info), error)
    if isinstance(error, (SyntaxError, NameError)) and _GUESS.search(source):
        say(GUESS_HELP)
    elif isinstance(error, NameError) and (name := _missing_name(error)):
        say(_missing_sentence([name]))


def _note_definitions(names: Collection[str], error: BaseException | None) -> None:
    namespace = shell().user_ns  # type: ignore[union-attr]
    for name in names:
        is_older = name in _before and namespace.get(name) is _before[name]
        if error is not None and (is_older or name not in namespace):
            _failed[name] = _short(error)
        else:
            _failed.pop(name, None)


def _names_of(info: Any) -> set[str]:
    """The functions and classes that a cell is to define: by its text, and by its id where that is an exercise's."""
    names = set(_DEFINITION.findall(str(info.raw_cell or "")))
    manifest, cell = _manifest(), getattr(info, "cell_id", None)
    if manifest is not None and cell is not None:
        names |= {name for exercise in manifest.exercises if exercise.id == cell for name in exercise.names}
    return names


def _short(error: BaseException) -> str:
    line = getattr(error, "lineno", None)
    return type(error).__name__ + (f" in line {line}" if line else "")


def _missing_name(error: NameError) -> str | None:
    """A name that is not there, though a cell of a released notebook makes it."""
    name = getattr(error, "name", None)
    manifest = _manifest()
    if not name or manifest is None or name in shell().user_ns:  # type: ignore[union-attr]
        return None
    return name if name in _made_by_cells(manifest) else None


def _missing_sentence(names: Sequence[str]) -> str:
    subject = f"{' and '.join(names)} {'is' if len(names) == 1 else 'are'}"
    return f"{subject} made by a cell above that has not run in this kernel (after a restart, none has): {RUN_ABOVE}."


def _manifest() -> Manifest | None:
    try:
        return find_release().manifest
    except ReleaseError:
        return None


def _made_by_cells(manifest: Manifest) -> frozenset[str]:
    sources = (cell.source for book in manifest.notebooks for cell in book.cells if cell.kind.is_code)
    return frozenset(name for source in sources for name in _made_by(source))


@cache
def _made_by(source: str) -> tuple[str, ...]:
    try:
        body = ast.parse(source).body
    except SyntaxError:  # commands of a notebook
        return ()
    return tuple(name for statement in body for name in _bound_by(statement))


def _bound_by(statement: ast.stmt) -> Iterator[str]:
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        yield statement.name
    elif isinstance(statement, (ast.Import, ast.ImportFrom)):
        yield from ((alias.asname or alias.name).split(".")[0] for alias in statement.names)
    else:
        yield from (n.id for n in ast.walk(statement) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store))
