"""Executes instructor notebooks from top to bottom, as a student with all the right answers would see them."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbconvert import HTMLExporter

from autograder.assignment.model import Assignment
from autograder.build import copies
from autograder.errors import AutograderError, BadInput
from autograder.files import put_interpreter_on_path, write_atomically
from kit.conflicts import conflict_in

CELL_SECONDS = 3600


class DidNotRun(AutograderError):
    """A cell of an instructor notebook stopped with an error."""

    exit_code = 11


@dataclass(frozen=True)
class Solved:
    """One executed notebook: the page with its outputs, the notebook itself, and the time it took."""

    page: Path
    notebook: Path
    seconds: float


def solve(
    assignment: Assignment,
    out: Path,
    *,
    problem: str | None = None,
    settings: Mapping[str, str] | None = None,
    on_cell: Callable[[str, int, int], None] = lambda file, done, total: None,
) -> list[Solved]:
    """Run the notebooks of source/ in order, in a copy of the release, and write them with outputs to `out`.

    Weights that one notebook saves are there for the next. settings: environment variables for the kernels.
    Raises DidNotRun, naming notebook and cell; what ran until then is written all the same.
    """
    problems = [assignment.problem(problem)] if problem else list(assignment.problems)
    solved = []
    with release_copy(assignment) as folder, _environment(settings or {}):
        for item in problems:
            source = assignment.source / item.notebook_file
            if not source.is_file():
                raise BadInput(f"{source} is missing: run `autograder build {assignment.name}`")
            if line := conflict_in(source.read_bytes()):
                fix = f"run `autograder build {assignment.name}`, then git add"
                raise BadInput(f"{source} holds a merge conflict (line {line}): {fix}")
            solved.append(_run(source, folder, out, on_cell))
    return solved


def _run(source: Path, folder: Path, out: Path, on_cell: Callable[[str, int, int], None]) -> Solved:
    notebook = nbformat.read(source, as_version=4)  # type: ignore[no-untyped-call]
    total = len(notebook.cells)
    put_interpreter_on_path()
    client = NotebookClient(
        notebook,
        timeout=CELL_SECONDS,
        kernel_name="python3",
        extra_arguments=["--IPKernelApp.log_level=40"],
        resources={"metadata": {"path": str(folder)}},
        on_cell_complete=lambda cell, cell_index: on_cell(source.name, cell_index + 1, total),
    )
    started = time.perf_counter()
    failed = ""
    try:
        client.execute()
    except CellExecutionError as error:
        failed = f"{error.ename}: {error.evalue}"
    except (CellTimeoutError, DeadKernelError) as error:
        failed = str(error)
    seconds = time.perf_counter() - started
    executed, page = out / source.name, out / f"{source.stem}.html"
    write_atomically(executed, (nbformat.writes(notebook) + "\n").encode())  # type: ignore[no-untyped-call]
    body, _ = HTMLExporter().from_notebook_node(notebook)  # type: ignore[no-untyped-call]
    write_atomically(page, body.encode())
    if failed:
        raise DidNotRun(f"{source.name} stopped ({page} shows where): {failed}")
    return Solved(page, executed, seconds)


@contextmanager
def release_copy(assignment: Assignment) -> Iterator[Path]:
    """The release without its notebooks, in a temporary folder, its data linked."""
    release = assignment.release
    if not release.is_dir():
        raise BadInput(f"{release} is missing: run `autograder build {assignment.name}`")
    copies.refresh(assignment)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / assignment.name
        folder.mkdir()
        for path in release.iterdir():
            if path.name == "data":
                (folder / path.name).symlink_to(path.resolve())
            elif path.is_dir():
                shutil.copytree(path, folder / path.name)
            elif path.suffix != ".ipynb":
                shutil.copy(path, folder)
        yield folder


@contextmanager
def _environment(settings: Mapping[str, str]) -> Iterator[None]:
    """Kernels inherit this process's environment."""
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
