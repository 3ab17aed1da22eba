"""Measures the budgets: what grading costs, beside stock nbgrader with the same tests, and beside the floor.

    python -m autograder.verify.bench ps3
    python -m autograder.verify.bench ps3 --stock 4 --sizes 20
    PS3_PRESET=tiny python -m autograder.verify.bench ps3 --stock-whole 2

Every figure is processor time (user and system) of a whole command and all its children, unless it says otherwise.
The class is made from the reference and from wrong answers; answers that never return are left out, since stock
nbgrader would wait for each of them.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from autograder.assignment.load import load_assignment
from autograder.assignment.model import Assignment, Problem
from autograder.build import copies
from autograder.course_folders import CourseFolders
from autograder.files import put_interpreter_on_path
from autograder.verify.bench_stock import prepare_stock
from autograder.verify.made_class import class_of, link_course, texts
from kit.manifest import CellKind


@dataclass(frozen=True)
class Cost:
    """One command: processor seconds, wall seconds, and the largest memory its processes held together (MiB)."""

    cpu: float
    wall: float
    memory: float


@click.command()
@click.argument("assignment")
@click.option("--sizes", default="20,100,300", show_default=True, help="Class sizes to grade.")
@click.option("--stock", default=20, show_default=True, help="How many submissions stock nbgrader grades.")
@click.option("--stock-whole", default=0, show_default=True, help="How many of them with training and figures too.")
@click.option("--workers", default=2, show_default=True)
@click.option("--json", "as_json", type=click.Path(path_type=Path), help="Also write the figures here.")
def bench(assignment: str, sizes: str, stock: int, stock_whole: int, workers: int, as_json: Path | None) -> None:
    """Print the figures of the budgets for ASSIGNMENT as a table."""
    put_interpreter_on_path()  # stock nbgrader starts alembic by name
    figures: dict[str, str] = {}

    def tell(name: str, value: str) -> None:
        figures[name] = value
        click.echo(f"| {name} | {value} |")

    click.echo("| What | Measured |\n|---|---|")
    with tempfile.TemporaryDirectory() as temporary:
        made = load_assignment(assignment)
        copies.restore(made)
        counts = [int(size) for size in sizes.split(",")]
        floor = _floor(made, counts[0])
        tell(f"floor, per submission of {counts[0]}", f"{floor:.3f} CPU s")
        ours = 0.0
        for count in counts:
            root = _lay_out(made, Path(temporary) / f"class-{count}", count)
            cost = _cost([*_autograder(), "grade", assignment, "--no-gradebook", "--workers", str(workers)], root)
            each = cost.cpu / count
            ours = ours or each
            tell(
                f"`autograder grade`, {count} submissions",
                f"{each:.3f} CPU s each, {cost.wall:.0f} s in all on {workers} workers, {cost.memory:.0f} MiB",
            )
            if count > 1:
                cost = _cost([*_autograder(), "similar", assignment, "--workers", str(workers)], root)
                tell(
                    f"`autograder similar`, {count} submissions",
                    f"{cost.cpu / count:.3f} CPU s each, {cost.wall:.0f} s in all, {cost.memory:.0f} MiB",
                )
        tell("grade against floor", f"{ours / floor:.1f}x")
        root = Path(temporary) / f"class-{counts[0]}"
        # All results stand now: what a run with the gradebook costs more than one without is the gradebook.
        again = [*_autograder(), "grade", assignment, "--workers", str(workers)]
        without, with_gradebook = _cost([*again, "--no-gradebook"], root), _cost(again, root)
        gradebook = (with_gradebook.cpu - without.cpu) / counts[0]
        feedback = _cost([*_autograder(), "feedback", assignment], root).cpu / counts[0]
        tell(
            f"gradebook and feedback, per submission of {counts[0]}",
            f"{gradebook:.3f} and {feedback:.3f} CPU s (database made, feedback's command start included)",
        )
        tell("`check` in a warm notebook", _check_latency(made))
        for whole, number in ((False, stock), (True, stock_whole)):
            if number:
                folder = Path(temporary) / f"stock-{whole}"
                prepare_stock(made, folder, number, whole=whole)
                cost = _cost([sys.executable, "-m", "nbgrader", "autograde", assignment], folder)
                kind = "with" if whole else "without"
                tell(
                    f"stock `nbgrader autograde`, {number} submissions {kind} training and figures",
                    f"{cost.cpu / number:.2f} CPU s each, {cost.cpu / number / ours:.1f}x grade",
                )
    if as_json:
        as_json.write_text(json.dumps(figures, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _autograder() -> list[str]:
    return [sys.executable, "-m", "autograder"]


def _lay_out(made: Assignment, root: Path, count: int) -> Path:
    link_course(made.root, root)
    for number, books in enumerate(class_of(made, count)):
        folder = CourseFolders(root).submitted / f"s{number:03}" / made.name
        folder.mkdir(parents=True)
        for name, text in texts(books).items():
            (folder / name).write_text(text, encoding="utf-8")
    return root


def _cost(command: list[str], folder: Path) -> Cost:
    """Run a command; raises if it fails."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    peak = [0.0]
    watcher = threading.Thread(target=_watch, args=(process, peak))
    watcher.start()
    output, _ = process.communicate()
    watcher.join()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if process.returncode:
        raise click.ClickException(f"{' '.join(command)} ended with {process.returncode}:\n{output[-2000:]}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(cpu, time.perf_counter() - started, peak[0])


def _watch(process: subprocess.Popen[str], peak: list[float]) -> None:
    """The largest sum of proportional set sizes (proc(5), smaps_rollup) over the process and its descendants."""
    while process.poll() is None:
        peak[0] = max(peak[0], sum(_memory(pid) for pid in _family(process.pid)))
        time.sleep(0.3)


def _family(pid: int) -> Iterator[int]:
    yield pid
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return
    for child in children:
        yield from _family(int(child))


def _memory(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def _floor(made: Assignment, count: int) -> float:
    code = "import sys; from autograder.verify.bench_floor import main; main(sys.argv[1], int(sys.argv[2]))"
    command = [sys.executable, "-c", code, made.name, str(count)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=made.root, env=environment, check=True, capture_output=True, text=True)
    return float(done.stdout.split()[-1])


# Runs in the release folder, as a notebook's kernel does: each check twice, and the second is timed.
_CHECKS = """
import contextlib, io, json, sys, time
given = json.load(sys.stdin)
namespace = {"__name__": "__main__"}
for source in given["cells"]:
    exec(source, namespace)
for exercise in given["exercises"]:
    for _ in range(2):
        started = time.perf_counter()
        with contextlib.redirect_stdout(io.StringIO()):
            exec(f"check({exercise!r})", namespace)
    print(time.perf_counter() - started)
"""


def _check_latency(made: Assignment) -> str:
    seconds = [latency for problem in made.problems for latency in _check_latencies(made, problem)]
    return f"{statistics.median(seconds):.2f} s median, {max(seconds):.2f} s slowest exercise"


def _check_latencies(made: Assignment, problem: Problem) -> list[float]:
    """Seconds for each check of a notebook, in a process of its own; what goes wrong there is shown."""
    code = [cell.source for cell in problem.cells if cell.kind in (CellKind.GIVEN, CellKind.EXERCISE)]
    given = json.dumps({"cells": code, "exercises": [exercise.id for exercise in problem.exercises]})
    command = [sys.executable, "-c", _CHECKS]
    done = subprocess.run(command, cwd=made.release, input=given, check=True, stdout=subprocess.PIPE, text=True)
    return [float(word) for word in done.stdout.split()]


main: Callable[[], None] = bench

if __name__ == "__main__":
    main()
