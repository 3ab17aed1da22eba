"""Which global names code uses, and which of them nothing makes at grading."""

from __future__ import annotations

import builtins
import re
import symtable
from collections.abc import Collection, Iterator
from dataclasses import dataclass

MAX_NAMES = 1_000
_BUILTIN = frozenset(dir(builtins))
_WORD = re.compile(r"[^\W\d]\w*")
_MADE = re.compile(
    r"^([^\W\d]\w*(?:\s*,\s*[^\W\d]\w*)*)\s*(?::[^=\n]+)?=(?!=)|^(?:async\s+def|def|class)\s+(\w+)", re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class Maker:
    """The cell that makes a name in the notebook, in code that does not run at grading."""

    label: str

    def __str__(self) -> str:
        cell = self.label if self.label.startswith("cell ") else f"cell {self.label}"
        return f"{cell} makes in a statement that does not run at grading"


def used_names(source: str, among: Collection[str]) -> set[str]:
    """Which of these names the code reads as globals, at its top level or inside its functions."""
    words = set(_WORD.findall(source)) & set(among)
    if not words:
        return set()
    try:
        return words & set(_globals_of(symtable.symtable(source, "<cell>", "exec"), at_top=True))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set()


def _globals_of(table: symtable.SymbolTable, *, at_top: bool = False) -> Iterator[str]:
    for symbol in table.get_symbols():
        if symbol.is_referenced() and (at_top or symbol.is_global()):
            yield symbol.get_name()
    for inner in table.get_children():
        yield from _globals_of(inner)


def names_by_their_look(source: str) -> set[str]:
    """What the lines of a text that is no Python seem to make: `x = …`, `def x`, `class x` without indentation."""
    found = (name for names, definition in _MADE.findall(source) for name in (*names.split(","), definition))
    return {name.strip() for name in found if name.strip()}


def is_builtin(name: str) -> bool:
    return name in _BUILTIN
