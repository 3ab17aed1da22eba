"""Runs a submission's exercises, each beside the student's own earlier answers or beside the staff's.

A mistake is paid for once: an exercise that builds on others is not lost because they are. Beside full marks for what
it builds on, it runs with the student's own earlier answers, whose helpers and extra arguments are legitimate; where
points are lost, or earlier answers are not right, with the staff's. The better run counts.

Nothing of the staff's answers leaves: a student reads statuses, titles and hints, and notes of the other runs alone.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from autograder.assignment.model import Assignment, Problem
from autograder.grading.plan import Plan
from autograder.results import Earlier
from autograder.sandbox.sandbox import Sandbox
from autograder.sandbox.worker_process import WorkerKilled
from kit.binding import NotebookBinding
from kit.budget import Budget
from kit.manifest import Exercise
from kit.notebooks import CodeCell, Extraction
from kit.outcomes import OutcomeStatus
from kit.runner import Outcome

STAFFS_CELL = "cell {exercise} of the course"
NO_FILES: Mapping[str, bytes] = {}


@dataclass(frozen=True)
class ExerciseRun:
    """How an exercise's tests ended. earlier: whose earlier answers stood beside it; None where it needs none."""

    outcomes: tuple[Outcome, ...]
    earlier: Earlier | None = None

    @property
    def is_full(self) -> bool:
        return all(outcome.status is OutcomeStatus.PASSED for outcome in self.outcomes)

    @property
    def weight(self) -> float:
        return sum(outcome.mark.weight for outcome in self.outcomes if outcome.status is OutcomeStatus.PASSED)


@dataclass(frozen=True)
class SubmissionRun:
    """The runs that count, by exercise, and remarks on cells that did not run to their end."""

    exercises: Mapping[str, ExerciseRun] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def outcomes(self) -> list[Outcome]:
        return [outcome for run in self.exercises.values() for outcome in run.outcomes]


def run_exercises(
    extractions: Mapping[str, Extraction],
    plan: Plan,
    sandbox: Sandbox,
    *,
    seed: int,
    exercises: Collection[str],
    weights: Mapping[str, bytes] = NO_FILES,
    on_run: Callable[[SubmissionRun], None] = lambda so_far: None,
) -> SubmissionRun:
    """Run the tests of these exercises in teaching order. Raises SandboxError where no worker can be had.

    weights: files that were handed in beside the notebooks.
    on_run: called with what has run so far whenever an exercise is done.
    """
    runner = _Runner(extractions, plan, sandbox, seed, weights)
    try:
        for exercise in plan.assignment.manifest.exercises:
            if exercise.id in exercises:
                runner.runs[exercise.id] = runner.run(exercise)
                on_run(runner.so_far)
    finally:
        runner.own.close()
    return runner.so_far


def bind(
    assignment: Assignment,
    extractions: Mapping[str, Extraction],
    sandbox: Sandbox,
    *,
    seed: int,
    budget: Budget | None = None,
    share: bool = True,
    weights: Mapping[str, bytes] = NO_FILES,
) -> NotebookBinding:
    """Tests on these cells, each notebook in a confined worker."""
    budget = budget or Budget(assignment.submission_seconds)
    return NotebookBinding(
        assignment.manifest, extractions, sandbox.worker, seed=seed, budget=budget, share=share, find_file=weights.get
    )


def with_staffs_answers(
    extraction: Extraction, problem: Problem, earlier: Collection[str], *, leave_out: Collection[int] = ()
) -> Extraction:
    """A student's cells with the staff's answers to earlier exercises; without the cells numbered in `leave_out`.

    A staff's cell stands behind the student's, so that helpers written there stay, or else before the first later
    exercise. At the end all of them run once more, since a student's later cell may define their names again.
    """
    staffs = {
        name: CodeCell(STAFFS_CELL.format(exercise=name), source)
        for name, source in problem.references.items()
        if name in earlier
    }
    places = _places(extraction.cells, list(problem.references), staffs)
    cells: list[CodeCell] = []
    for number, cell in enumerate(extraction.cells):
        cells += [staffs[name] for name in staffs if places[name] == number]
        cells += [] if number in leave_out else [cell]
    cells += staffs.values()
    stubs, missing = extraction.stubs - staffs.keys(), extraction.missing - staffs.keys()
    return dataclasses.replace(extraction, cells=tuple(cells), notes=(), stubs=stubs, missing=missing)


def _places(cells: tuple[CodeCell, ...], order: list[str], earlier: Collection[str]) -> dict[str, int]:
    """Before which cell the staff's answer to each earlier exercise stands; none where only the end is left."""
    at = {cell.exercise: number for number, cell in enumerate(cells) if cell.exercise in order}
    return {
        name: at[name] + 1
        if name in at
        else min((number for other, number in at.items() if order.index(other) > order.index(name)), default=len(cells))
        for name in earlier
    }


class _Runner:
    """The runs of one submission, as far as they are done."""

    def __init__(
        self,
        extractions: Mapping[str, Extraction],
        plan: Plan,
        sandbox: Sandbox,
        seed: int,
        weights: Mapping[str, bytes],
    ) -> None:
        self.extractions = extractions
        self.plan = plan
        self.sandbox = sandbox
        self.seed = seed
        self.budget = Budget(plan.assignment.submission_seconds)
        self.weights = weights
        self.own = bind(plan.assignment, extractions, sandbox, seed=seed, budget=self.budget, weights=weights)
        self.runs: dict[str, ExerciseRun] = {}
        self.harmful: set[CodeCell] = set()  # cells that end or block a process beside the staff's answers

    @property
    def so_far(self) -> SubmissionRun:
        return SubmissionRun(dict(self.runs), (*self.own.notes, *self.budget.spent.values()))

    def run(self, exercise: Exercise) -> ExerciseRun:
        """The better of the runs that are worth trying; of equal ones the first."""
        earlier = self.plan.assignment.manifest.earlier(exercise.id)
        if not earlier or self.own.is_unwritten(exercise.id):
            return ExerciseRun(self._outcomes(self.own, exercise))
        best: ExerciseRun | None = None
        for whose in self._worth_trying(earlier):
            run = self._run_beside(whose, exercise, earlier)
            best = run if best is None or run.weight > best.weight else best
            if best.is_full:
                break
        assert best is not None
        return best

    def _worth_trying(self, earlier: Collection[str]) -> tuple[Earlier, ...]:
        """In this order. Own answers that do not come to an end, or of which nothing is known, are not tried."""
        before = [self.runs[name] for name in earlier if name in self.runs]
        statuses = {outcome.status for run in before for outcome in run.outcomes}
        if len(before) < len(earlier) or statuses - {OutcomeStatus.PASSED, OutcomeStatus.FAILED}:
            return (Earlier.STAFF,)
        if all(run.is_full for run in before):
            return Earlier.OWN, Earlier.STAFF
        return Earlier.STAFF, Earlier.OWN

    def _run_beside(self, whose: Earlier, exercise: Exercise, earlier: Collection[str]) -> ExerciseRun:
        if whose is Earlier.OWN:
            return ExerciseRun(self._outcomes(self.own, exercise), whose)
        problem = self.plan.assignment.problem(exercise.problem)
        cells = self.extractions[problem.name]
        known = {broken.cell for (name, _), broken in self.own.broken.items() if name == problem.name} | self.harmful
        harmful = [n for n, cell in enumerate(cells.cells) if cell in known and cell.exercise != exercise.id]
        staffs = with_staffs_answers(cells, problem, earlier, leave_out=harmful)
        binding = bind(
            self.plan.assignment,
            {problem.name: staffs},
            self.sandbox,
            seed=self.seed,
            budget=self.budget,
            share=False,
            weights=self.weights,
        )
        try:
            outcomes = self._outcomes(binding, exercise)
            return ExerciseRun(tuple(self._without_lines(outcome) for outcome in outcomes), whose)
        finally:
            binding.close()
            self.harmful |= {broken.cell for broken in binding.broken.values()}

    def _without_lines(self, outcome: Outcome) -> Outcome:
        """Beside the staff's answers, a line in which a cell is slow is the student's to choose by what it reads."""
        if not outcome.slow_cell:
            return outcome
        known = (cell.note for cell in self.own.broken.values() if cell.exercise == outcome.mark.exercise)
        return dataclasses.replace(outcome, slow_cell=next(known, "a cell of the notebook ran out of time"))

    def _outcomes(self, binding: NotebookBinding, exercise: Exercise) -> tuple[Outcome, ...]:
        """Once more, alone, where something outside has ended the worker."""
        try:
            return tuple(self.plan.collected.run(binding=binding, seed=self.seed, exercises={exercise.id}))
        except WorkerKilled:
            binding.renew(exercise.id)
            return tuple(self.plan.collected.run(binding=binding, seed=self.seed, exercises={exercise.id}))
