"""Grades one submission: every front end (command line, nbgrader) calls `grade_submission`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from autograder.assignment.model import Assignment
from autograder.errors import BadInput, TooWeak
from autograder.grading.plan import Plan, answer_code, visibility
from autograder.results import Detail, ExerciseResult, Report, ReportStatus, TestResult
from autograder.sandbox.sandbox import Sandbox, SandboxError
from autograder.submission.read import Submission
from kit.binding import FarSide, NotebookBinding
from kit.manifest import Exercise
from kit.notebooks import Extraction
from kit.outcomes import OutcomeStatus
from kit.runner import Outcome

# What a student may read of a test that did not pass. None of it comes from the test's inputs or the student's code.
MESSAGES = {
    OutcomeStatus.PASSED: "{title}",
    OutcomeStatus.FAILED: "{title}. {hint}",
    OutcomeStatus.TIMEOUT: "{title}: no answer in the time allowed.",
    OutcomeStatus.CRASHED: "{title}: the process that ran the code ended or answered nonsense.",
    OutcomeStatus.MISSING: "{exercise} is not written.",
    OutcomeStatus.BLOCKED: "{title}: blocked by {blocked_by}, which is not written.",
    OutcomeStatus.ERROR: "{title}: not graded, since the test itself may be at fault.",
}


@dataclass(frozen=True)
class Graded:
    """A submission's report, and for TAs the text behind each test that did not pass."""

    report: Report
    details: list[Detail]


def grade_submission(submission: Submission, plan: Plan, sandbox: Sandbox) -> Graded:
    """Run every test on one accepted submission, each notebook in a confined process of its own.

    Never raises for anything a submission holds. What could not be graded is reported as that, with the reason.
    """
    manifest = plan.assignment.manifest
    unreadable = {
        book.problem: submission.problems[book.file] for book in manifest.notebooks if book.file in submission.problems
    }
    wanted = {exercise.id for exercise in manifest.exercises if exercise.problem not in unreadable}
    reason: str | None = None
    try:
        outcomes, notes = _tested_twice_if_need_be(submission, plan, sandbox, wanted)
    except SandboxError as error:
        outcomes, notes, reason = [], (), f"no confined process could be had: {error}"
    exercises = tuple(
        _exercise_result(exercise, plan, outcomes, unreadable.get(exercise.problem) or reason)
        for exercise in manifest.exercises
    )
    report = _report(submission, plan, sandbox.level, exercises, outcomes, notes)
    details = [
        Detail(outcome.id, outcome.status, outcome.text, outcome.trace)
        for outcome in outcomes
        if outcome.status != OutcomeStatus.PASSED
    ]
    return Graded(report, details)


def _tested_twice_if_need_be(
    submission: Submission, plan: Plan, sandbox: Sandbox, wanted: set[str]
) -> tuple[list[Outcome], tuple[str, ...]]:
    """Every outcome, and notes. A sandbox that was ended from outside is no student's fault: all is tried again."""
    try:
        return _tested(submission, plan, sandbox, wanted)
    except SandboxError:
        return _tested(submission, plan, sandbox, wanted)


def _tested(
    submission: Submission, plan: Plan, sandbox: Sandbox, wanted: set[str]
) -> tuple[list[Outcome], tuple[str, ...]]:
    binding = bind(plan.assignment, submission.extractions, sandbox)
    try:
        outcomes = plan.collected.run(binding=binding, seed=plan.seed, exercises=wanted)
        return [_adjudicated(outcome, plan, sandbox) for outcome in outcomes], binding.notes
    finally:
        binding.close()


def _report(
    submission: Submission,
    plan: Plan,
    isolation: str,
    exercises: tuple[ExerciseResult, ...],
    outcomes: list[Outcome],
    notes: Iterable[str],
) -> Report:
    scores = [exercise.score for exercise in exercises if exercise.score is not None]
    reasons = dict.fromkeys(exercise.reason for exercise in exercises if exercise.score is None and exercise.reason)
    return Report(
        assignment=plan.assignment.name,
        version=plan.assignment.version,
        student=submission.student,
        status=_status(len(scores), len(exercises)),
        reason="; ".join(reasons) or None,
        auto_score=round(sum(scores), 4) if scores else None,
        auto_max=sum(exercise.max_score for exercise in exercises),
        seed=plan.seed,
        isolation=isolation,
        engine=plan.engine,
        submission=submission.digest,
        exercises=exercises,
        tests=tuple(_test_result(outcome) for outcome in outcomes),
        notes=(*submission.notes, *_notes(submission.extractions), *notes),
    )


def confined(assignment: Assignment, allow_weak: bool) -> Sandbox:
    """A sandbox for this assignment's library. TooWeak where it holds too little and that was not allowed."""
    if not assignment.library_folder.is_dir():
        raise BadInput(f"{assignment.library_folder} is missing: run `autograder build {assignment.name}`")
    sandbox = Sandbox.start(assignment.release, assignment.library)
    if sandbox.level == "weak" and not allow_weak:
        sandbox.close()
        raise TooWeak(
            "this machine cannot confine a student's code: `autograder doctor` says what is missing. "
            "Install bubblewrap, use the container, or say --allow-weak to grade all the same."
        )
    return sandbox


def bind(assignment: Assignment, extractions: dict[str, Extraction], sandbox: Sandbox) -> NotebookBinding:
    """Tests on these cells, each notebook in a confined worker."""
    open_worker: Callable[[], FarSide] = sandbox.worker
    seconds = assignment.submission_seconds
    return NotebookBinding(assignment.manifest, extractions, open_worker, seconds=seconds, share=True)


def _adjudicated(outcome: Outcome, plan: Plan, sandbox: Sandbox) -> Outcome:
    """A test that broke on an answer which the reference answer does not break on has met nonsense: it failed."""
    if outcome.status != OutcomeStatus.ERROR or outcome.text.startswith("Skipped"):
        return outcome
    if not reference_passes(outcome.id, plan, sandbox):
        return outcome
    text = f"the answer has a form that the test did not foresee: {outcome.text}"
    return Outcome(outcome.id, outcome.mark, OutcomeStatus.FAILED, outcome.seconds, text, outcome.hint, outcome.trace)


def reference_passes(test_id: str, plan: Plan, sandbox: Sandbox) -> bool:
    """Whether the reference answer passes this test with this run's seed."""
    problem = plan.assignment.problem(test_id.partition("/")[0])
    binding = bind(plan.assignment, {problem.name: answer_code(problem)}, sandbox)
    try:
        outcomes = plan.collected.run(binding=binding, seed=plan.seed, only=test_id)
    finally:
        binding.close()
    return [outcome.status for outcome in outcomes] == [OutcomeStatus.PASSED]


def _status(graded: int, exercises: int) -> ReportStatus:
    if graded == exercises:
        return ReportStatus.GRADED
    return ReportStatus.PARTLY_GRADED if graded else ReportStatus.NOT_GRADED


def _exercise_result(exercise: Exercise, plan: Plan, outcomes: list[Outcome], reason: str | None) -> ExerciseResult:
    expected = {test.id: test.mark.weight for test in plan.tests if test.mark.exercise == exercise.id}
    mine = {outcome.id: outcome for outcome in outcomes if outcome.mark.exercise == exercise.id}
    if reason is None and mine.keys() != expected.keys():
        reason = f"{exercise.id}: {len(mine)} of {len(expected)} tests ran, a fault of the grader"
    faulty = [outcome for outcome in mine.values() if outcome.status == OutcomeStatus.ERROR]
    if reason is None and faulty:
        reason = f"test {faulty[0].id} is itself at fault (the error stands in details/)"
    if reason is not None:
        return ExerciseResult(exercise.id, ReportStatus.NOT_GRADED, None, exercise.points, reason)
    passed = sum(weight for test_id, weight in expected.items() if mine[test_id].status == OutcomeStatus.PASSED)
    score = round(exercise.points * passed / sum(expected.values()), 4)
    return ExerciseResult(exercise.id, ReportStatus.GRADED, score, exercise.points, _why(list(mine.values())))


def _why(outcomes: list[Outcome]) -> str | None:
    """One reason that holds for every test of an exercise, where there is one."""
    statuses = {outcome.status for outcome in outcomes}
    if statuses == {OutcomeStatus.MISSING}:
        return "not written"
    if statuses == {OutcomeStatus.BLOCKED}:
        return "blocked by " + ", ".join(sorted({outcome.blocked_by for outcome in outcomes}))
    return None


def _test_result(outcome: Outcome) -> TestResult:
    message = MESSAGES[outcome.status].format(
        title=outcome.mark.title,
        hint=outcome.hint or "The code stopped with an error.",
        exercise=outcome.mark.exercise,
        blocked_by=outcome.blocked_by,
    )
    return TestResult(
        id=outcome.id,
        exercise=outcome.mark.exercise,
        visibility=visibility(outcome.id),
        status=outcome.status,
        seconds=round(outcome.seconds, 4),
        message=message,
        title=outcome.mark.title,
        weight=outcome.mark.weight,
    )


def _notes(extractions: dict[str, Extraction]) -> list[str]:
    return [note for extraction in extractions.values() for note in extraction.notes]


def not_graded(student: str, plan: Plan, reason: str, *, isolation: str, submission: str = "") -> Report:
    """The report of a submission on which grading itself failed. Never a zero."""
    exercises: list[Any] = [
        ExerciseResult(exercise.id, ReportStatus.NOT_GRADED, None, exercise.points, reason)
        for exercise in plan.assignment.manifest.exercises
    ]
    return Report(
        assignment=plan.assignment.name,
        version=plan.assignment.version,
        student=student,
        status=ReportStatus.NOT_GRADED,
        reason=reason,
        auto_score=None,
        auto_max=sum(exercise.points for exercise in plan.assignment.manifest.exercises),
        seed=plan.seed,
        isolation=isolation,
        engine=plan.engine,
        submission=submission,
        exercises=tuple(exercises),
        tests=(),
        notes=(),
    )
