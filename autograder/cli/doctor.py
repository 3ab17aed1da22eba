"""What this machine can do for grading."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from pathlib import Path

import torch

from autograder.assignment.load import load_assignment
from autograder.sandbox.sandbox import Sandbox, SandboxError

MEANING = {
    "strong": "bubblewrap, Landlock, seccomp and limits: fit for real submissions",
    "good": "no bubblewrap, but all that was tried was denied: fit for real submissions",
    "weak": "not fit for real submissions: install bubblewrap, use a newer kernel, or the container",
}


def examine(root: Path, assignment: str | None) -> tuple[list[tuple[str, str]], str]:
    """Rows to show, and the sandbox's level."""
    rows = [
        ("system", f"{platform.system()} {platform.release()}, {platform.machine()}, {os.cpu_count()} cores"),
        ("python", platform.python_version()),
        ("torch", f"{torch.__version__}, threads {torch.get_num_threads()}"),
        ("device", _device()),
        *((name, metadata.version(name)) for name in ("nbgrader", "pytest", "numpy", "nbconvert")),
    ]
    level, found = _sandbox(root, assignment)
    return [*rows, *found], level


def _device() -> str:
    if torch.cuda.is_available():
        return f"CUDA: {torch.cuda.get_device_name()}"
    return "Apple MPS" if torch.backends.mps.is_available() else "CPU"


def _sandbox(root: Path, assignment: str | None) -> tuple[str, list[tuple[str, str]]]:
    names = [assignment] if assignment else sorted(p.parent.name for p in root.glob("assignments/*/assignment.toml"))
    if not names:
        return "unknown", [("sandbox", "not tried: run this in the course's top folder (the one with assignments/)")]
    course = load_assignment(names[0], root)
    try:
        with Sandbox.start(course.folder, course.library) as sandbox:
            tried = [(f"  {attempt}", outcome) for attempt, outcome in sandbox.findings.items()]
            layers = ", ".join(sandbox.layers)
            return sandbox.level, [
                ("sandbox", f"{sandbox.level} ({MEANING[sandbox.level]})"),
                ("layers", layers),
                *tried,
            ]
    except SandboxError as error:
        return "weak", [("sandbox", f"does not start: {error}")]
