"""Runs one problem's cells and keeps the figures that follow each exercise: `python -m autograder.figure_cells`.

Works in the current folder, a copy of the release. Reads a job from standard input: `cells` (kind, name, source),
`answers` (exercise to a list of cells to try in its place, the reference first), `seconds` (for one cell) and `out`.
Each answer is tried in a forked process, so that all start from the same state; the outcome of answer 3 to an exercise
stands in <out>/<exercise>/3.json.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

import numpy as np  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402

from kit import libraries, tensors  # noqa: E402
from kit.manifest import CellKind  # noqa: E402

Cells = list[dict[str, str]]
_drawn: list[Figure] = []


class TooLong(BaseException):
    """A cell took longer than allowed. No `except Exception` in a cell holds it up."""


def main() -> None:
    """Walk through the notebook with the reference; at each exercise try every answer."""
    job = json.load(sys.stdin)
    cells, seconds, out = job["cells"], job["seconds"], Path(job["out"])
    libraries.ready(job["libraries"])
    _record_figures()
    namespace: dict[str, Any] = {"__name__": "__main__"}
    last = max(number for number, cell in enumerate(cells) if cell["kind"] == CellKind.EXERCISE)
    for number, cell in enumerate(cells[: last + 1]):
        if cell["kind"] == CellKind.EXERCISE:
            _try_answers(
                job["answers"].get(cell["name"], []), cells[number + 1 :], namespace, seconds, out, cell["name"]
            )
        if cell["kind"] in (CellKind.GIVEN, CellKind.GUESS, CellKind.EXERCISE):
            exec(compile(cell["source"], f"<{cell['name'] or cell['kind']}>", "exec"), namespace)
        elif cell["kind"] == CellKind.SHOW:  # it may define what later cells use
            with contextlib.suppress(Exception, TooLong), contextlib.redirect_stdout(io.StringIO()):
                _run(cell["source"], namespace, seconds)
    _drawn.clear()


def _try_answers(
    answers: list[str], following: Cells, namespace: dict[str, Any], seconds: float, out: Path, exercise: str
) -> None:
    folder = out / exercise
    folder.mkdir(parents=True)
    shown = _cells_to_show(following)
    for number, source in enumerate(answers):
        if (child := os.fork()) == 0:
            status = 1
            try:
                found = _try(source, shown, namespace, seconds, folder / str(number))
                (folder / f"{number}.json").write_text(json.dumps(found), encoding="utf-8")
                status = 0
            finally:
                sys.stderr.flush()
                os._exit(status)
        os.waitpid(child, 0)


def _cells_to_show(following: Cells) -> Cells:
    """What belongs to an exercise: code until the next exercise, or until a heading after the first show cell."""
    kept: Cells = []
    for cell in following:
        heading = cell["kind"] == CellKind.TEXT and cell["source"].lstrip().startswith("#")
        if cell["kind"] == CellKind.EXERCISE or (heading and any(item["kind"] == CellKind.SHOW for item in kept)):
            break
        if cell["kind"] in (CellKind.GIVEN, CellKind.GUESS, CellKind.SHOW):
            kept.append(cell)
    return kept


def _try(source: str, shown: Cells, namespace: dict[str, Any], seconds: float, target: Path) -> dict[str, Any]:
    """The answer's figures (as files), printed text, error and notes."""
    random.seed(0)
    np.random.seed(0)
    tensors.seed(0)
    _drawn.clear()
    printed, notes, error = io.StringIO(), [], ""
    with contextlib.redirect_stdout(printed):
        try:
            _run(source, namespace, seconds)
            for cell in shown:
                try:
                    _run(cell["source"], namespace, seconds)
                except TooLong:
                    notes.append(f"a cell was stopped after {seconds:g} s")
        except BaseException as caught:
            error = traceback.format_exception_only(caught)[-1].strip()
    files = []
    for number, figure in enumerate(_drawn):
        file = f"{target}-{number}.png"
        figure.savefig(file, dpi=100)
        files.append(file)
    return {"figures": files, "text": printed.getvalue(), "error": error, "notes": notes}


def _run(source: str, namespace: dict[str, Any], seconds: float) -> None:
    with _limit(seconds):
        exec(compile(source, "<cell>", "exec"), namespace)


@contextlib.contextmanager
def _limit(seconds: float) -> Iterator[None]:
    def stop(*_: object) -> None:
        raise TooLong

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _record_figures() -> None:
    """Keep every figure that is made, whichever helper makes it."""
    original: Callable[..., None] = Figure.__init__

    def recording(figure: Figure, *args: Any, **kwargs: Any) -> None:
        original(figure, *args, **kwargs)
        _drawn.append(figure)

    setattr(Figure, "__init__", recording)  # noqa: B010  (mypy refuses to assign to a method)


if __name__ == "__main__":
    main()
