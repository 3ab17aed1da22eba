"""What this machine can do for grading."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from pathlib import Path

import click
from rich.table import Table

from autograder.cli.json_output import record
from autograder.cli.screen import say_table
from autograder.course_folders import CourseFolders

_MEANING = {
    "strong": "bubblewrap, Landlock, seccomp and limits: fit for real submissions",
    "good": "no bubblewrap, but every forbidden action was denied: fit for real submissions",
    "weak": "not fit for real submissions: install bubblewrap, use a newer kernel, or the container",
}


@click.command()
@click.option("--assignment", help="Also check this assignment's library in the sandbox.", default=None)
def doctor(assignment: str | None) -> None:
    """Say what this machine can do: sandbox level, torch, device, threads. Exit code 9 where it cannot confine code.

    \b
    Examples:
      autograder doctor
      autograder doctor --assignment ps3
    """
    rows, level = examine(Path.cwd(), assignment)
    table = Table(show_header=False, box=None, pad_edge=False)
    for name, value in rows:
        table.add_row(name, value)
    say_table(table)
    record(level=level, machine=[{"what": name, "found": value} for name, value in rows])
    if level == "weak":
        raise click.exceptions.Exit(9)


def examine(root: Path, assignment: str | None) -> tuple[list[tuple[str, str]], str]:
    """Rows to show, and the sandbox's level."""
    rows = [
        ("system", f"{platform.system()} {platform.release()}, {platform.machine()}, {os.cpu_count()} cores"),
        ("python", platform.python_version()),
        *_torch(),
        *((name, metadata.version(name)) for name in ("nbgrader", "pytest", "numpy", "nbconvert")),
    ]
    level, sandbox_rows = _sandbox(root, assignment)
    return [*rows, *_promised(root, assignment), *sandbox_rows], level


def _promised(root: Path, name: str | None) -> list[tuple[str, str]]:
    """Whether this machine has what the assignment's students are told that the grader has."""
    from autograder.assignment.load import load_assignment

    name = name or _first_assignment(root)
    if name is None:
        return []
    manifest = load_assignment(name, root).manifest
    rows = [(package, _state_of(package)) for package in manifest.packages]
    if (here := platform.python_version()).split(".")[:2] != manifest.python.split("."):
        rows.append(("python", f"{name} promises {manifest.python} to students, this is {here}: change one of them"))
    if manifest.torch and not metadata.version("torch").startswith(f"{manifest.torch}."):
        rows.append(("torch", f"{name} promises {manifest.torch} to students: change assignment.toml or install it"))
    return rows


def _state_of(package: str) -> str:
    from kit.imports import is_installed

    if not is_installed(package):
        return "MISSING, though students may import it: pip install -r requirements.txt"
    names = metadata.packages_distributions().get(package, [])
    return metadata.version(names[0]) if names else "installed"


def _torch() -> list[tuple[str, str]]:
    """Its version and device; no rows where it is not installed, which is right for a course that needs none."""
    try:
        import torch
    except ImportError:
        return []
    return [("torch", f"{torch.__version__}, threads {torch.get_num_threads()}"), ("device", _device())]


def _device() -> str:
    import torch

    if torch.cuda.is_available():
        return f"CUDA: {torch.cuda.get_device_name()}"
    return "Apple MPS" if torch.backends.mps.is_available() else "CPU"


def _sandbox(root: Path, assignment: str | None) -> tuple[str, list[tuple[str, str]]]:
    from autograder.assignment.load import load_assignment
    from autograder.build import copies
    from autograder.sandbox.sandbox import Sandbox, SandboxError

    name = assignment or _first_assignment(root)
    if name is None:
        return "unknown", [("sandbox", "not tried: run this in the course's top folder (the one with assignments/)")]
    course = load_assignment(name, root)
    try:
        copies.refresh(course)
        if not course.has_tests:
            return "unknown", [("sandbox", f"not tried: {name} has nothing to run")]
        with Sandbox.start(course.release, course.library, libraries=course.libraries) as sandbox:
            return sandbox.level, [
                ("sandbox", f"{sandbox.level} ({_MEANING[sandbox.level]})"),
                ("layers", ", ".join(sandbox.layers)),
                *((f"  {attempt}", outcome) for attempt, outcome in sandbox.findings.items()),
                *(("note", note) for note in sandbox.notes),
            ]
    except SandboxError as error:
        return "weak", [("sandbox", f"does not start: {error}")]


def _first_assignment(root: Path) -> str | None:
    names = sorted(path.parent.name for path in CourseFolders(root).assignments.glob("*/assignment.toml"))
    return names[0] if names else None
