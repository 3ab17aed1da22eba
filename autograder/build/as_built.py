"""What `grade` and everything after it work with: an assignment of which the build has every fact."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

from autograder.assignment import load
from autograder.assignment.model import Assignment
from autograder.assignment.version_changes import changes, other_changes
from autograder.build.on_disk import Products
from autograder.errors import BadInput, Stale
from kit.conflicts import conflict_in
from kit.manifest import Manifest

MANIFEST = "tests/manifest.json"
MAX_NAMED = 12


def load_built(name: str, root: Path | None = None) -> Assignment:
    """The assignment, as `load_assignment` reads it, for whoever grades with its release.

    BadInput where nothing was built; Stale as for `load_unless_stale`.
    """
    assignment = load_unless_stale(name, root)
    if not (path := assignment.release / MANIFEST).is_file():
        raise BadInput(f"{path.relative_to(assignment.root)} is missing: run `autograder build {name}`")
    return assignment


def load_unless_stale(name: str, root: Path | None = None) -> Assignment:
    """The same for whoever works with results alone, so that nothing need be built.

    Stale, naming each difference and the command, where points, version or any other fact of the sources is not what
    the last build wrote into source/ and release/: results, students' notebooks and gradebook would disagree. Tests
    may have changed since: what is graded with them is the staff's to mend.
    """
    assignment = load.load_assignment(name, root)
    if found := list(differences(assignment)):
        more = [f"… and {len(found) - MAX_NAMED} more"] if len(found) > MAX_NAMED else []
        raise Stale("\n".join([*found[:MAX_NAMED], *more, f"Run: autograder build {assignment.name}"]))
    return assignment


def differences(assignment: Assignment) -> Iterator[str]:
    """What the sources say and the build does not, a line each; then the products that are not as they were built."""
    path = assignment.release / MANIFEST
    shown = path.relative_to(assignment.root)
    if not path.is_file():
        return
    try:
        built = without_counts(Manifest.read(path))
    except ValueError as error:
        yield f"{shown}: {str(error).removeprefix(f'{path}: ')}."
        return
    now = without_counts(assignment.manifest)
    if built != now:
        sources = f"assignments/{assignment.name}"
        yield from (f"{sources} has changed since the build: {change}" for change in manifest_changes(built, now))
    for product in Products(assignment).not_as_built():
        yield f"{product} {product_trouble(assignment.root / product)}."


def product_trouble(path: Path) -> str:
    """What is the matter with a built file that is not as it was built."""
    line = conflict_in(path.read_bytes()) if path.is_file() else None
    return f"holds a merge conflict (line {line}): build, then git add" if line else "is not as it was built"


def manifest_changes(old: Manifest, new: Manifest) -> list[str]:
    """In words, what differs between two manifests."""
    fields = [field.name for field in dataclasses.fields(Manifest) if field.name not in ("notebooks", "answers")]
    plain = [name for name in fields if name != "exercises" and getattr(old, name) != getattr(new, name)]
    found = [f"{name} {_shown(getattr(old, name))} → {_shown(getattr(new, name))}" for name in plain]
    found += map(str, [*changes(old, new, {}, {}), *other_changes(old, new)])
    before = {exercise.id: exercise for exercise in old.exercises}
    for exercise in new.exercises:
        found += _of_exercise(before[exercise.id], exercise) if exercise.id in before else []
    return found or ["the order or the title of its notebooks"]


def without_counts(manifest: Manifest) -> Manifest:
    """The manifest without the numbers of tests: a test that is mended or added changes no student's notebook."""
    exercises = (dataclasses.replace(item, public_tests=0, hidden_tests=0) for item in manifest.exercises)
    return dataclasses.replace(manifest, exercises=tuple(exercises))


def _of_exercise(old: object, new: object) -> list[str]:
    """What differs in an exercise beside its points, which `changes` tells."""
    before, now = dataclasses.asdict(old), dataclasses.asdict(new)  # type: ignore[call-overload]
    names = [name for name in now if name not in ("points", "problem", "names") and before[name] != now[name]]
    return [f"{now['id']}: {name} {_shown(before[name])} → {_shown(now[name])}" for name in names]


def _shown(value: object) -> str:
    text = ", ".join(value) if isinstance(value, tuple) else f"{value:g}" if isinstance(value, float) else str(value)
    return text or "none"
