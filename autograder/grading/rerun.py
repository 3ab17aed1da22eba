"""One test on one submission, with everything that a TA may want to see."""

from __future__ import annotations

from pathlib import Path

from autograder.grading.grade_one import bind
from autograder.grading.plan import Plan
from autograder.sandbox.sandbox import Sandbox
from autograder.submission.read import read_submission
from kit.runner import Outcome


def run_one(folder: Path, student: str, plan: Plan, sandbox: Sandbox, test_id: str) -> Outcome:
    """Run `test_id` on the submission in `folder`, with the plan's seed, confined as in grading."""
    submission = read_submission(folder, plan.assignment.manifest, student=student)
    binding = bind(plan.assignment, submission.extractions, sandbox)
    try:
        (outcome,) = plan.collected.run(binding=binding, seed=plan.seed, only=test_id)
    finally:
        binding.close()
    return outcome
