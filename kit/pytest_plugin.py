"""`pytest` in the release folder: the public tests on the saved notebooks, read as they are at grading.

Of an exercise's failures the most telling one is explained; `pytest -v` explains all.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from itertools import groupby
from typing import Any

import pytest

from kit import libraries
from kit.binding import LocalFarSide, NotebookBinding
from kit.budget import Budget
from kit.earlier_checks import first_line, to_pass_first
from kit.exercises import STUB_TEXT
from kit.explanation import explained
from kit.notebooks import Extraction
from kit.outcomes import OutcomeStatus
from kit.reading import extract
from kit.release import Release, ReleaseError, find_release, read_all
from kit.runner import Outcome, Plugin, TestFile, run_tests
from kit.student import Student
from kit.text import for_terminal

LOCAL_SEED = 0


def pytest_configure(config: pytest.Config) -> None:
    """Give every test its `student`: the conftest.py of a release imports this."""
    try:
        release = find_release()
        libraries.ready(release.manifest.libraries)
        config.pluginmanager.register(SavedPlugin(release, _extractions(release)))
    except ReleaseError as error:
        raise pytest.UsageError(str(error)) from error


class SavedPlugin(Plugin):
    """The runner's fixtures, and reports that say what a student can act on instead of a traceback."""

    def __init__(self, release: Release, extractions: dict[str, Extraction]) -> None:
        manifest = release.manifest
        self.release = release
        self.extractions = extractions
        self.notebooks = {exercise.id: manifest.notebook_of(exercise.id).file for exercise in manifest.exercises}
        self.advice: dict[str, str] = {}  # by exercise: what has to pass first
        files = [TestFile(*release.public_tests(book.problem)) for book in manifest.notebooks]
        super().__init__(files, self._fresh_binding(), LOCAL_SEED)
        self.reports: dict[str, pytest.TestReport] = {}  # by test

    def _fresh_binding(self) -> NotebookBinding:
        manifest = self.release.manifest
        budget = Budget(math.inf)
        return NotebookBinding(
            manifest,
            self.extractions,
            lambda: LocalFarSide(manifest.library, manifest.libraries),
            seed=LOCAL_SEED,
            budget=budget,
            find_file=self.release.find_file,
        )

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
        outcome = self.record(item, call)
        report = yield
        if outcome is not None and outcome.status == OutcomeStatus.MISSING:
            exercise = outcome.mark.exercise
            report.longrepr = f"{STUB_TEXT.format(exercise=exercise)}, in {self.notebooks[exercise]}"
        elif outcome is not None and outcome.status not in (OutcomeStatus.PASSED, OutcomeStatus.ERROR):
            report.longrepr = self._first_line(outcome.mark.exercise) + _explanation(outcome)
            self.reports[outcome.id] = report
        return report

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Before pytest prints the failures: leave the explanation to the most telling one of each exercise."""
        if session.config.get_verbosity() > 0:
            return
        for _, group in groupby(self.outcomes, key=lambda outcome: outcome.mark.exercise):
            outcomes = list(group)
            first = explained(outcomes)
            for outcome in outcomes:
                if first is not None and outcome is not first and outcome.id in self.reports:
                    self.reports[outcome.id].longrepr = _reference(outcome, first)

    def _first_line(self, exercise: str) -> str:
        if exercise not in self.advice:
            line = first_line(exercise, self._to_pass_first(exercise))
            self.advice[exercise] = f"{line}\n" if line else ""
        return self.advice[exercise]

    def _to_pass_first(self, exercise_id: str) -> tuple[str, ...]:
        manifest, binding = self.release.manifest, self._fresh_binding()
        exercise = manifest.exercise(exercise_id)
        files = [TestFile(*self.release.public_tests(exercise.problem))]

        def run(exercises: Collection[str]) -> list[Outcome]:
            return run_tests(files, binding=binding, seed=LOCAL_SEED, exercises=exercises)

        far_side = LocalFarSide(manifest.library, manifest.libraries)
        cells = self.extractions[exercise.problem].cells
        Student(far_side).load_cells([(cell.label, cell.source) for cell in cells])
        first = to_pass_first(manifest, exercise, far_side.service.namespace, run)
        far_side.close()
        binding.close()
        return first


def _explanation(outcome: Outcome) -> str:
    hint = f"\nThink about: {outcome.hint}" if outcome.status == OutcomeStatus.FAILED and outcome.hint else ""
    return f"{outcome.mark.title}: {outcome.status}\n{for_terminal(outcome.text)}{hint}"


def _reference(outcome: Outcome, first: Outcome) -> str:
    same = outcome.raised is not None and outcome.raised == first.raised
    where = f"stopped with {first.raised} too" if same else f'see "{first.mark.title}" first; pytest -v explains all'
    return f"{outcome.mark.title}: {outcome.status}; {where}"


def _extractions(release: Release) -> dict[str, Extraction]:
    """What runs of each saved notebook; one that is not there counts as untouched."""
    saved = read_all(release)
    if saved.errors:
        raise ReleaseError("\n".join(saved.errors))
    found = {own.notebook.problem: own.reading.extraction for own in saved.notebooks}
    return {book.problem: found.get(book.problem) or extract(book, None) for book in release.manifest.notebooks}
