"""Names that people type or hand in: an assignment's, a student's. Put into one form, or refused, here alone."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable

from autograder.errors import BadInput

# What the engine puts beside the folders of sets: source/ps3.build.json, feedback/ps3.html, out/ps3-1.0.zip.
FILES = (".json", ".html", ".zip", ".csv")
_ASSIGNMENT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
# Folders of results/ and the course's own: an assignment of that name would write among their files.
RESERVED = ("details", "notebooks", "earlier", "regrades")


def assignment_name(text: str) -> str:
    """The name in what was typed: `ps3`, `ps3/` and `./assignments/ps3/` are ps3. BadInput where there is none."""
    parts = [part for part in text.split("/") if part not in ("", ".")]
    if parts[:1] == ["assignments"]:
        parts = parts[1:]
    if len(parts) != 1 or not _ASSIGNMENT.fullmatch(parts[0]) or text.startswith("/"):
        raise BadInput(f"no assignment {text!r}: give the name of a folder of assignments/, such as ps3")
    if parts[0] in RESERVED:
        raise BadInput(f"no assignment can be called {parts[0]!r}: results/ has a folder of that name; rename it")
    if parts[0].lower().endswith(FILES):
        raise BadInput(f"no assignment can be called {parts[0]!r}, like a file that commands write: rename it")
    return parts[0]


def student_name(text: str) -> str:
    """A student's name as typed, `ada` or `ada/`. BadInput where it is no folder's name."""
    name = text.rstrip("/")
    if not name or "/" in name or name in (".", ".."):
        raise BadInput(f"no student {text!r}: give the name of the student's folder alone, such as ada")
    return name


def why_no_student(name: str, assignment: str) -> str | None:
    """Why a folder's name cannot stand for a student; None where it can."""
    from kit.text import is_unseen  # here, since the kit imports torch

    if any(unicodedata.category(letter) == "Cs" for letter in name):
        return "the folder's name is not UTF-8 text"
    if any(map(is_unseen, name)):
        return "the folder's name holds characters that nobody can see"
    if name.startswith("."):
        return "the folder's name begins with a dot, which hides it from nbgrader"
    if name != name.strip():
        return "the folder's name begins or ends with a space"
    if name in (assignment, f"{assignment}.html"):
        return "the folder is named like the assignment"
    return None


def alike(names: Iterable[str]) -> list[list[str]]:
    """Names that some file systems (macOS, Windows) take for one: they differ in case or in how accents are coded."""
    groups: dict[str, list[str]] = defaultdict(list)
    for name in sorted(names):
        groups[unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())].append(name)
    return [group for group in groups.values() if len(group) > 1]
