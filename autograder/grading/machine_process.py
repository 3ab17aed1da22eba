"""A process on another machine that grades one submission after another, as asked on its standard input.

    python -m autograder.grading.machine_process PARENT

A request and its answer are a line of JSON each. Before it grades, it makes sure that it would give the result that the
machine which asks would give: the same files, engine and packages, and a sandbox that confines.
"""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from autograder.assignment.load import load_assignment
from autograder.errors import AutograderError, TooWeak
from autograder.grading.fingerprint import fingerprint, of_the_installation
from autograder.grading.grade_class import Task, close_contexts, grade_and_store, prepare
from autograder.results import Stage
from autograder.sandbox.sandbox import SandboxError
from autograder.sandbox.worker import confine


@dataclass(frozen=True)
class Expected:
    """What a machine must have: the engine's fingerprint, and files that this run has written, by their text."""

    engine: str
    seen: dict[str, str]


def request(task: Task, expected: Expected) -> str:
    """One line that asks for a submission."""
    return json.dumps({"task": dataclasses.asdict(task), "expected": dataclasses.asdict(expected)})


def main(parent: int) -> None:
    """Answer until the standard input ends, or the thread that started this process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the Dask worker's to handle
    confine.die_with_parent(parent)
    requests, answers = os.fdopen(os.dup(0), encoding="utf-8"), os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what the tests print is no answer
    sys.stdin = None
    try:
        for line in requests:
            _say(answers, _answer(json.loads(line)))
    finally:
        close_contexts()


def _answer(asked: dict[str, Any]) -> dict[str, Any]:
    task = Task(**asked["task"] | {"stage": Stage(asked["task"]["stage"])})
    refusal = _refusal(task, Expected(**asked["expected"]))
    return refusal or dataclasses.asdict(grade_and_store(task))


_fit: set[tuple[str, str, str]] = set()  # what was found fit already


def _refusal(task: Task, expected: Expected) -> dict[str, Any] | None:
    """Why this machine must not grade the task; None where it may. The fields are those of `scheduler.Refusal`."""
    key = (task.root, task.assignment, expected.engine)
    if key in _fit:
        return None
    try:
        unseen = _unseen(task, expected)
        if unseen:
            return {"refused": "files", "why": f"it does not see {unseen} as this machine does: share that folder"}
        assignment = load_assignment(task.assignment, Path(task.root))
        if fingerprint(assignment) != expected.engine:
            return {"refused": "engine", "why": "", "installation": of_the_installation()}
        prepare(assignment, task.allow_weak)
    except TooWeak:
        return {"refused": "weak", "why": "it cannot confine a student's code (run `autograder doctor` there)"}
    except (SandboxError, AutograderError, OSError) as error:
        return {"refused": "failed", "why": f"{type(error).__name__}: {error}"}
    _fit.add(key)
    return None


def _unseen(task: Task, expected: Expected) -> str | None:
    """A folder that is not the one which the asking machine has under this path."""
    for path, text in expected.seen.items():
        try:
            if Path(path).read_text(encoding="utf-8") != text:
                return str(Path(path).parent)
        except OSError:
            return str(Path(path).parent)
    return None if Path(task.folder).is_dir() else task.folder


def _say(answers: IO[str], what: dict[str, Any]) -> None:
    answers.write(json.dumps(what) + "\n")
    answers.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]))
