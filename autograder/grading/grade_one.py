"""Grades one submission: every front end (command line, nbgrader) calls `grade_submission`."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from autograder.assignment.forbidden import uses
from autograder.assignment.model import Assignment
from autograder.errors import BadInput, TooWeak
from autograder.grading.exercise_runs import ExerciseRun, SubmissionRun, bind, run_exercises
from autograder.grading.faults import in_words, is_ours
from autograder.grading.plan import Plan, answer_code, visibility
from autograder.grading.stops import stopped_with
from autograder.results import Detail, ExerciseResult, Report, ReportStatus, TestResult
from autograder.sandbox.sandbox import MEMORY, Idle, Sandbox, SandboxError
from autograder.submission.read import Submission
from kit.explanation import explained
from kit.manifest import Exercise, Manifest
from kit.notebooks import Extraction
from kit.outcomes import OutcomeStatus
from kit.runner import Outcome
from kit.text import for_terminal, on_one_line

# What a student may read of a test that did not pass. None of it comes from the test's inputs or the student's code.
MESSAGES = {
    OutcomeStatus.PASSED: "{title}",
    OutcomeStatus.FAILED: "{title}. {hint}",
    OutcomeStatus.TIMEOUT: "{title}: {slow}.",
    OutcomeStatus.CRASHED: "{title}: the process that ran the code ended or answered nonsense.",
    OutcomeStatus.MISSING: "{exercise} is not written.",
    OutcomeStatus.BLOCKED: "{title}: blocked by {blocked_by}, which is not written.",
    OutcomeStatus.ERROR: "{title}: not graded, since the test itself may be at fault.",
}

NOT_RUN = "not run yet"


@dataclass(frozen=True)
class Graded:
    """A submission's report, and for TAs the text behind each test that did not pass. again: worth another try."""

    report: Report
    details: list[Detail]
    again: bool = False


def grade_submission(
    submission: Submission, plan: Plan, sandbox: Sandbox, on_progress: Callable[[Report], None] | None = None
) -> Graded:
    """Run every test on one accepted submission, each notebook in a confined process of its own.

    Never raises for anything a submission holds. What could not be graded is reported as that, with the reason.
    on_progress: called with what is known whenever an exercise is done; what has not run is "not graded" in it.
    """
    manifest = plan.assignment.manifest
    unread = _not_to_be_graded(submission, manifest)
    wanted = {exercise.id for exercise in manifest.exercises} - unread.keys()
    runs, reason = SubmissionRun(), None

    def on_run(so_far: SubmissionRun) -> None:
        if on_progress is not None:
            waiting = dict.fromkeys(wanted - so_far.exercises.keys(), NOT_RUN)
            on_progress(_whole_report(submission, plan, sandbox.level, so_far, {**waiting, **unread}))

    try:
        runs = _tested_twice_if_need_be(submission, plan, sandbox, wanted, on_run)
    except Exception as error:
        if not is_ours(error):
            raise
        reason = in_words(error)
    reasons = {**(dict.fromkeys(wanted, reason) if reason else {}), **unread}
    report = _whole_report(submission, plan, sandbox.level, runs, reasons)
    details = [
        Detail(outcome.id, outcome.status, for_terminal(outcome.text), for_terminal(outcome.trace))
        for outcome in runs.outcomes
        if outcome.status != OutcomeStatus.PASSED
    ]
    return Graded(report, details, again=reason is not None)


def _whole_report(
    submission: Submission, plan: Plan, isolation: str, runs: SubmissionRun, reasons: Mapping[str, str]
) -> Report:
    """reasons: why an exercise could not be graded, whatever has run."""
    exercises = tuple(
        _exercise_result(exercise, plan, runs.exercises.get(exercise.id), reasons.get(exercise.id))
        for exercise in plan.assignment.manifest.exercises
    )
    lacking = _lacking(plan.assignment, submission)
    lost = {one.id: submission.lost_weights.get(one.weights) for one in plan.assignment.manifest.exercises}
    exercises = tuple(_with_reason(result, lacking.get(result.id) or lost[result.id]) for result in exercises)
    noted = (*lacking.values(), *forbidden_means(plan.assignment, submission), *runs.notes)
    runs = dataclasses.replace(runs, notes=noted)
    return _report(submission, plan, isolation, exercises, runs)


def _not_to_be_graded(submission: Submission, manifest: Manifest) -> dict[str, str]:
    """Exercises that could not be read, were not in the released notebook, or need a newer Python; with the reason."""
    unread = {
        book.problem: submission.problems[book.file] for book in manifest.notebooks if book.file in submission.problems
    }
    too_new = {name: why for extraction in submission.extractions.values() for name, why in extraction.newer.items()}
    unheld = {**submission.not_held, **too_new}
    reasons = {exercise.id: unread.get(exercise.problem) or unheld.get(exercise.id) for exercise in manifest.exercises}
    return {exercise: reason for exercise, reason in reasons.items() if reason is not None}


def _tested_twice_if_need_be(
    submission: Submission, plan: Plan, sandbox: Sandbox, wanted: set[str], on_run: Callable[[SubmissionRun], None]
) -> SubmissionRun:
    """Every exercise's run. A sandbox that was ended from outside is no student's fault: all is tried again."""
    try:
        return _tested(submission, plan, sandbox, wanted, on_run)
    except SandboxError:
        return _tested(submission, plan, sandbox, wanted, on_run)


def _tested(
    submission: Submission, plan: Plan, sandbox: Sandbox, wanted: set[str], on_run: Callable[[SubmissionRun], None]
) -> SubmissionRun:
    runs = run_exercises(
        submission.extractions,
        plan,
        sandbox,
        seed=plan.seed,
        exercises=wanted,
        weights=submission.weights,
        on_run=on_run,
    )
    exercises = {name: _adjudicated(run, plan, sandbox) for name, run in runs.exercises.items()}
    return dataclasses.replace(runs, exercises=exercises)


def _report(
    submission: Submission,
    plan: Plan,
    isolation: str,
    exercises: tuple[ExerciseResult, ...],
    runs: SubmissionRun,
) -> Report:
    scores = [exercise.score for exercise in exercises if exercise.score is not None]
    reasons = dict.fromkeys(exercise.reason for exercise in exercises if exercise.score is None and exercise.reason)
    pages = [book.file for book in plan.assignment.manifest.notebooks if not book.is_tested]
    unread = [submission.problems[file] for file in pages if file in submission.problems]
    return Report(
        assignment=plan.assignment.name,
        version=plan.assignment.version,
        student=submission.student,
        status=_status(len(scores) + len(pages) - len(unread), len(exercises) + len(pages)),
        reason=on_one_line("; ".join([*reasons, *unread])) or None,
        auto_score=round(sum(scores), 4) if scores or len(unread) < len(pages) else None,
        auto_max=sum(exercise.max_score for exercise in exercises),
        seed=plan.seed,
        stage=plan.stage,
        isolation=isolation,
        engine=plan.engine,
        made_of=plan.made_of,
        submission=submission.digest,
        exercises=exercises,
        tests=_test_results(submission.extractions, runs),
        notes=tuple(map(on_one_line, (*submission.notes, *_notes(submission.extractions), *runs.notes))),
    )


def confined(assignment: Assignment, allow_weak: bool, *, memory: int = MEMORY) -> Sandbox:
    """A sandbox for this assignment's library; an idle one where nothing is to be run.

    TooWeak where it holds too little and that was not allowed.
    memory: bytes that one worker may use.
    """
    if not assignment.has_tests:
        return Idle()
    if assignment.library_folder is not None and not assignment.library_folder.is_dir():
        raise BadInput(f"{assignment.library_folder} is missing: run `autograder build {assignment.name}`")
    sandbox = Sandbox.start(
        assignment.release,
        assignment.library,
        libraries=assignment.libraries,
        installed=assignment.packages,
        memory=memory,
    )
    if sandbox.level == "weak" and not allow_weak:
        sandbox.close()
        raise TooWeak(
            "this machine cannot confine a student's code: `autograder doctor` says what is missing. "
            "Install bubblewrap, use the container, or say --allow-weak to grade all the same."
        )
    return sandbox


def _adjudicated(run: ExerciseRun, plan: Plan, sandbox: Sandbox) -> ExerciseRun:
    outcomes = tuple(_adjudicated_outcome(outcome, plan, sandbox) for outcome in run.outcomes)
    return dataclasses.replace(run, outcomes=outcomes)


def _adjudicated_outcome(outcome: Outcome, plan: Plan, sandbox: Sandbox) -> Outcome:
    """A test that broke on an answer which the reference answer does not break on has met nonsense: it failed."""
    if outcome.status != OutcomeStatus.ERROR or outcome.text.startswith("Skipped"):
        return outcome
    if not reference_passes(outcome, plan, sandbox):
        return outcome
    text = f"the answer has a form that the test did not foresee: {outcome.text}"
    return Outcome(outcome.id, outcome.mark, OutcomeStatus.FAILED, outcome.seconds, text, outcome.hint, outcome.trace)


def reference_passes(outcome: Outcome, plan: Plan, sandbox: Sandbox) -> bool:
    """Whether the reference answer passes this test with this run's seed.

    All tests of the exercise are tried at the first question, once for all submissions of this process: what a
    submission can make the grader do here does not grow with the tests that it breaks.
    """
    exercise = outcome.mark.exercise
    if exercise not in plan.reference_passes:
        plan.reference_passes[exercise] = _passed_by_the_reference(exercise, plan, sandbox)
    return outcome.id in plan.reference_passes[exercise]


def _passed_by_the_reference(exercise: str, plan: Plan, sandbox: Sandbox) -> frozenset[str]:
    problem = plan.assignment.problem(plan.assignment.manifest.exercise(exercise).problem)
    weights = problem.reference_weights
    binding = bind(plan.assignment, {problem.name: answer_code(problem)}, sandbox, seed=plan.seed, weights=weights)
    try:
        outcomes = plan.collected.run(binding=binding, seed=plan.seed, exercises={exercise})
    finally:
        binding.close()
    return frozenset(outcome.id for outcome in outcomes if outcome.status is OutcomeStatus.PASSED)


def _status(graded: int, exercises: int) -> ReportStatus:
    if graded == exercises:
        return ReportStatus.GRADED
    return ReportStatus.PARTLY_GRADED if graded else ReportStatus.NOT_GRADED


def _exercise_result(exercise: Exercise, plan: Plan, run: ExerciseRun | None, reason: str | None) -> ExerciseResult:
    run = run or ExerciseRun(())
    expected = {test.id: test.mark.weight for test in plan.tests if test.mark.exercise == exercise.id}
    mine = {outcome.id: outcome for outcome in run.outcomes}
    if reason is None and mine.keys() != expected.keys():
        reason = f"{exercise.id}: {len(mine)} of {len(expected)} tests ran, a fault of the grader"
    faulty = [outcome for outcome in mine.values() if outcome.status == OutcomeStatus.ERROR]
    if reason is None and faulty:
        reason = f"test {faulty[0].id} is itself at fault (the error stands in details/)"
    if reason is not None:
        return ExerciseResult(exercise.id, ReportStatus.NOT_GRADED, None, exercise.points, on_one_line(reason))
    passed = sum(weight for test_id, weight in expected.items() if mine[test_id].status == OutcomeStatus.PASSED)
    score = round(exercise.points * passed / sum(expected.values()), 4)
    first = explained(run.outcomes)
    return ExerciseResult(
        exercise.id,
        ReportStatus.GRADED,
        score,
        exercise.points,
        _why(run.outcomes),
        run.earlier,
        first.id if first else None,
        None if run.accuracy is None else round(run.accuracy, 4),
    )


def _why(outcomes: Iterable[Outcome]) -> str | None:
    """One reason that holds for every test of an exercise, where there is one."""
    statuses = {outcome.status for outcome in outcomes}
    if statuses == {OutcomeStatus.MISSING}:
        return "not written"
    if statuses == {OutcomeStatus.BLOCKED}:
        return "blocked by " + ", ".join(sorted({outcome.blocked_by for outcome in outcomes}))
    slow = {outcome.slow_cell for outcome in outcomes}
    return slow.pop() if len(slow) == 1 and slow != {""} else None


def _test_results(extractions: Mapping[str, Extraction], runs: SubmissionRun) -> tuple[TestResult, ...]:
    """Of the tests in the order in which they ran."""
    return tuple(
        _test_result(outcome, stopped_with(outcome, extractions.get(outcome.id.partition("/")[0]), run.earlier))
        for run in runs.exercises.values()
        for outcome in run.outcomes
    )


def _test_result(outcome: Outcome, stopped: str) -> TestResult:
    message = MESSAGES[outcome.status].format(
        title=outcome.mark.title,
        hint=f"The code stopped with {stopped}." if stopped else outcome.hint,
        exercise=outcome.mark.exercise,
        blocked_by=outcome.blocked_by,
        slow=outcome.slow_cell or "no answer in the time allowed",
    )
    return TestResult(
        id=outcome.id,
        exercise=outcome.mark.exercise,
        visibility=visibility(outcome.id),
        status=outcome.status,
        seconds=round(outcome.seconds),  # finer, and code could tell by it what a hidden test showed
        message=message,
        title=outcome.mark.title,
        weight=outcome.mark.weight,
        stopped=stopped,
    )


def _with_reason(result: ExerciseResult, reason: str | None) -> ExerciseResult:
    """Where points are lost and nothing better is known."""
    lost = result.score is not None and result.score < result.max_score
    return dataclasses.replace(result, reason=reason) if lost and result.reason is None else result


def _lacking(assignment: Assignment, submission: Submission) -> dict[str, str]:
    """For each cell that imports what is not among the grader's packages, by its label, a sentence that says so."""
    found: dict[str, str] = {}
    for extraction in submission.extractions.values():
        for label, one in extraction.lacking(assignment.manifest):
            place = f"{label}, line {one.line}, imports {one.module}"
            found.setdefault(label, f"{place}, which is not among the grader's packages")
    return found


def forbidden_means(assignment: Assignment, submission: Submission) -> list[str]:
    """A sentence for each call that an exercise is about and the answer uses. It costs nothing: a person looks."""
    extractions = submission.extractions
    return [
        str(use)
        for book, problem in zip(assignment.manifest.notebooks, assignment.problems, strict=True)
        if problem.forbidden and problem.name in extractions
        for use in uses(extractions[problem.name].cells, problem.forbidden, given={cell.id for cell in book.cells})
    ]


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
        stage=plan.stage,
        isolation=isolation,
        engine=plan.engine,
        made_of=plan.made_of,
        submission=submission,
        exercises=tuple(exercises),
        tests=(),
        notes=(),
    )
