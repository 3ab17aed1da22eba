"""`check("mae-patchify")`: an exercise's public checks against the notebook as it is in memory right now."""

from __future__ import annotations

import os
import random
import sys
import time
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from kit import libraries, tensors
from kit.cell_runs import why_not_run
from kit.check_output import Block, line_block, outcomes_block
from kit.earlier_checks import codes, to_pass_first
from kit.exercises import STUB_TEXT
from kit.far_side import Service
from kit.home_warnings import of_live_code
from kit.manifest import Exercise
from kit.outcomes import OutcomeStatus
from kit.release import Release, ReleaseError, find_release
from kit.student import LocalTransport, Student, StudentError
from kit.text import say

LOCAL_SEED = 0
_passed: dict[str, dict[str, object]] = {}  # exercise id -> fingerprints of what passed in this process


class ChecksFailed(Exception):
    """A check did not pass. In a notebook it shows as one line; what is wrong stands in the block above it."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


def check(exercise_id: str) -> None:
    """Run the public checks of an exercise and show the results.

    Raises ChecksFailed, so that the cell fails, where a check fails; a function that is not written yet gives one line
    and no error. Random state, default dtype, figures and the like are afterwards as they were before.
    """
    caller = sys._getframe(1)
    if caller.f_code.co_filename.startswith("<cell "):
        return  # inside a solution cell that is being read for grading
    try:
        release = find_release()
        exercise = release.manifest.exercise(exercise_id)
    except (ReleaseError, KeyError) as error:
        raise ChecksFailed(error.args[0]) from None
    block = _check(release, exercise, caller.f_globals)
    _show(block)
    for warning in of_live_code(exercise.names, caller.f_globals, release.manifest, release.root):
        _show(line_block(f"Warning: {warning}"))
    if block.failure:
        raise ChecksFailed(block.failure)


def passed(exercise_id: str) -> bool:
    """Whether this exercise passed its check in this kernel, and was not changed since."""
    return _has_passed(exercise_id, sys._getframe(1).f_globals)


def ready(*exercise_ids: str, force: bool = False) -> bool:
    """Whether all these exercises passed their checks; says which are not written yet, and which checks to run.

    For cells that train: `if ready("mae-encoder", "mae-loss"): …`. With `force=True` the answer is always yes.
    """
    namespace = sys._getframe(1).f_globals
    waiting = [name for name in exercise_ids if not _has_passed(name, namespace)]
    if force or not waiting:
        return True
    exercises = {name: find_release().manifest.exercise(name) for name in waiting}
    unwritten = [name for name, exercise in exercises.items() if _is_unwritten(exercise, namespace)]
    unchecked = [_with_reason(exercise) for name, exercise in exercises.items() if name not in unwritten]
    if unwritten:
        say(f"not written yet: {', '.join(unwritten)}")
    if unchecked:
        say(
            f"run the checks of {', '.join(unchecked)} first; to go on without, change this cell's ready(…) into "
            "ready(…, force=True)"
        )
    return False


def _with_reason(exercise: Exercise) -> str:
    if why := why_not_run(exercise.names):
        return f"{exercise.id} (its cell did not run: {why})"
    return f"{exercise.id} (changed)" if exercise.id in _passed else exercise.id


def written(*exercise_ids: str) -> bool:
    """Whether all these exercises are written; prints a line for the first that is not. For cells that draw figures."""
    release, namespace = find_release(), sys._getframe(1).f_globals
    for name in exercise_ids:
        exercise = release.manifest.exercise(name)
        if why := why_not_run(exercise.names):
            say(f"{_did_not_run(name, why)}: this cell needs it")
            return False
        if _is_unwritten(exercise, namespace):
            say(f"{name} is not written yet: this cell needs it")
            return False
    return True


class LiveBinding:
    """Tests on a live namespace. Every value crosses the wire's encoding, as at grading."""

    def __init__(self, release: Release, namespace: dict[str, Any]) -> None:
        self.transport = LocalTransport(
            Service(namespace, release.manifest.library, libraries=release.manifest.libraries)
        )
        self.release = release
        self.namespace = namespace
        self.exercises = {exercise.id: exercise for exercise in release.manifest.exercises}
        self.owners = {name: exercise.id for exercise in release.manifest.exercises for name in exercise.names}

    @property
    def libraries(self) -> tuple[str, ...]:
        return self.release.manifest.libraries

    def student(self, exercise: str) -> Student:
        student = Student(self.transport)
        student.find_file = self.release.find_file
        return student

    def record(self, exercise: str, status: OutcomeStatus) -> None:
        pass

    def shares(self, exercise: str) -> bool:
        return False

    def is_unwritten(self, exercise: str) -> bool:
        return False

    def is_unfinished(self, name: str) -> bool:
        known = self.exercises.get(name)
        return known is not None and _is_unwritten(known, self.namespace)

    def renew(self, exercise: str) -> None:
        pass

    def owner(self, name: str) -> str | None:
        return self.owners.get(name)

    def load_error(self, exercise: str) -> StudentError | None:
        return None

    def excuse(self, exercise: str) -> str | None:
        return None

    def absence(self, exercise: str, name: str) -> None:
        return None


def _check(release: Release, exercise: Exercise, namespace: dict[str, Any]) -> Block:
    from kit.runner import Outcome, TestFile, run_tests  # here, since it imports pytest

    _passed.pop(exercise.id, None)
    if why := why_not_run(exercise.names):
        line = f"{_did_not_run(exercise.id, why)}, so there is nothing new to check: correct it and run it first"
        return line_block(line, failure=line)
    undefined = [name for name in exercise.names if name not in namespace]
    if undefined:
        line = f"{exercise.id}: {' and '.join(undefined)} is not defined here: run the cell of {exercise.id} first"
        return line_block(line, failure=line)
    if (
        _is_unwritten(exercise, namespace)
        and len(exercise.names) == 1
        and not isinstance(namespace[exercise.names[0]], type)
    ):
        return line_block(f"{exercise.id} is not written yet")
    libraries.load(release.manifest.libraries)
    started = time.perf_counter()
    files, binding = [TestFile(*release.public_tests(exercise.problem))], LiveBinding(release, namespace)

    def run(exercises: Collection[str]) -> list[Outcome]:
        return run_tests(files, binding=binding, seed=LOCAL_SEED, exercises=exercises)

    first: tuple[str, ...] = ()
    try:
        with _undisturbed():
            outcomes = run([exercise.id])
            seconds = time.perf_counter() - started
            if any(outcome.status is not OutcomeStatus.PASSED for outcome in outcomes):
                first = to_pass_first(release.manifest, exercise, namespace, run)
    except KeyboardInterrupt:
        line = f"{exercise.id}: the check was stopped by hand"
        return line_block(line, failure=line)
    except ValueError as error:
        line = f"{exercise.id}: the checks could not run: {error}"
        return line_block(line, failure=line)
    block = outcomes_block(exercise, outcomes, seconds, first)
    if block.passed:
        _passed[exercise.id] = {name: _fingerprint(namespace[name]) for name in exercise.names}
    return block


def _show(block: Block) -> None:
    """One display with HTML and plain text in a notebook; plain text elsewhere."""
    ipython = sys.modules.get("IPython")
    if ipython is not None and ipython.get_ipython() is not None:
        from IPython.display import display

        display({"text/plain": block.text(), "text/html": block.html()}, raw=True)  # type: ignore[no-untyped-call]
    else:
        say(block.text())


# --- what passed, and is it still the same --------------------------------------------------------------------------


def _did_not_run(exercise: str, why: str) -> str:
    return f"the cell of {exercise} did not run ({why})"


def _has_passed(exercise: str, namespace: dict[str, Any]) -> bool:
    known = _passed.get(exercise)
    if known is None or why_not_run(known):
        return False
    return all(name not in namespace or _fingerprint(namespace[name]) == mark for name, mark in known.items())


def _fingerprint(thing: object) -> object:
    """Equal for a definition that was run again unchanged."""
    return tuple(codes(thing)) or thing


def _is_unwritten(exercise: Exercise, namespace: dict[str, Any]) -> bool:
    """Whether a name is missing or still holds the text of the stub's error."""
    text = STUB_TEXT.format(exercise=exercise.id)
    things = [namespace.get(name) for name in exercise.names]
    return any(thing is None or any(text in code.co_consts for code in codes(thing)) for thing in things)


# --- leave no trace -------------------------------------------------------------------------------------------------


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Put back whatever a test, or the code under test, changes for the whole process."""
    with ExitStack() as after:
        after.callback(random.setstate, random.getstate())
        if (numpy := sys.modules.get("numpy")) is not None:
            after.callback(numpy.random.set_state, numpy.random.get_state())
        tensors.put_back(after)
        tensors.use_one_thread()
        after.callback(os.chdir, os.getcwd())
        after.callback(_close_figures, _figures())
        after.callback(_restore_last_error, {n: vars(sys)[n] for n in _LAST_ERROR if hasattr(sys, n)})
        yield


_LAST_ERROR = ("last_type", "last_value", "last_traceback", "last_exc")


def _restore_last_error(before: dict[str, Any]) -> None:
    for name in _LAST_ERROR:
        vars(sys).pop(name, None)
    vars(sys).update(before)


def _figures() -> list[int]:
    pyplot = sys.modules.get("matplotlib.pyplot")
    return list(pyplot.get_fignums()) if pyplot is not None else []


def _close_figures(kept: list[int]) -> None:
    for number in set(_figures()) - set(kept):
        sys.modules["matplotlib.pyplot"].close(number)
