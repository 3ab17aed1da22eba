"""One test on one submission, with everything that a TA may want to see."""

from __future__ import annotations

from pathlib import Path

from autograder.grading.exercise_runs import bind, with_staffs_answers
from autograder.grading.plan import Plan
from autograder.results import Earlier, Report
from autograder.sandbox.sandbox import Sandbox
from autograder.submission.read import read_submission
from kit.runner import Outcome


def no_longer(report: Report, folder: Path, plan: Plan) -> list[str]:
    """What of a result's submission, tests and the rest is another today, so that a replay may end otherwise."""
    digest = read_submission(folder, plan.assignment.manifest, student=report.student).digest
    differs = [name for name, part in report.made_of.items() if plan.made_of.get(name) != part]
    tests = [name.removeprefix("tests/") for name in differs if name.startswith("tests/")]
    others = [name for name in differs if not name.startswith("tests/")]
    if report.version != plan.assignment.version:
        others.append(f"version ({report.version}, now {plan.assignment.version})")
    notes = {
        "the submission is no longer the one of that result: this replays its seed on the one of today":
            digest != report.submission,
        f"the tests are no longer those of that result: {', '.join(tests)}": bool(tests),
        f"other than for that result: {', '.join(others)}": bool(others),
        "that result does not say which tests it was made with": not report.made_of,
    }  # fmt: skip
    return [note for note, holds in notes.items() if holds]


def run_one(
    folder: Path, student: str, plan: Plan, sandbox: Sandbox, test_id: str, earlier: Earlier | None = None
) -> Outcome:
    """Run `test_id` on the submission in `folder`, with the plan's seed, confined as in grading.

    earlier: whose answers to earlier exercises stand beside the exercise, as its result says.
    """
    submission = read_submission(folder, plan.assignment.manifest, student=student)
    extractions = dict(submission.extractions)
    if earlier is Earlier.STAFF:
        problem = plan.assignment.problem(test_id.partition("/")[0])
        exercise = next(test.mark.exercise for test in plan.tests if test.id == test_id)
        names = plan.assignment.manifest.earlier(exercise)
        extractions[problem.name] = with_staffs_answers(extractions[problem.name], problem, names)
    binding = bind(plan.assignment, extractions, sandbox, seed=plan.seed)
    try:
        (outcome,) = plan.collected.run(binding=binding, seed=plan.seed, only=test_id)
    finally:
        binding.close()
    return outcome
