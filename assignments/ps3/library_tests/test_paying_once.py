"""What builds on patchify is judged against true values, whatever the same notebook's patchify answers beside it.

A patchify may answer otherwise where another exercise calls it, and an answer may never look at the images: neither
earns anything, and neither costs a right answer anything.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from autograder.build.every_problem import with_every_problem
from autograder.grading.exercise_runs import run_exercises
from autograder.grading.grade_one import confined
from autograder.grading.plan import Plan, answer_code
from autograder.sandbox.sandbox import Sandbox
from autograder.verify.empty_answers import MOST, ZEROS

ASSIGNMENT = with_every_problem("ps3", Path(__file__).resolve().parents[3])
PROBLEM = ASSIGNMENT.problem("masked_autoencoder")
PATCHIFY, ENCODER, LOSS = "mae-patchify", "mae-encoder", "mae-loss"
SPY = """
{code}
import sys

def patchify(images, patch_size, right=patchify):
    patches = right(images, patch_size)
    frame = sys._getframe(1)
    return torch.zeros_like(patches) if {condition} else patches
"""
# Right in its own tests, zeros where the loss or the encoder calls it.
ONLY_ELSEWHERE = {
    "by the caller's name": SPY.format(
        code=PROBLEM.references[PATCHIFY], condition='frame.f_code.co_name in ("mae_loss", "forward")'
    ),
    "by the caller's variables": SPY.format(
        code=PROBLEM.references[PATCHIFY], condition='bool({"predictions", "mask_ratio"} & set(frame.f_locals))'
    ),
}
WRONG_EVERYWHERE = {
    "zeros": "patchify = lambda images, patch_size: 0 * ({})(images, patch_size)",
    "random numbers": "patchify = lambda images, patch_size: torch.rand_like(({})(images, patch_size))",
    "an exception": "def patchify(images, patch_size):\n    raise ValueError('no')",
    "nothing": "def patchify(images, patch_size):\n    return None",
}
CUT = "lambda images, p: F.unfold(images, p, stride=p).transpose(1, 2)"
PATCHIFIES = ONLY_ELSEWHERE | {name: code.format(CUT) for name, code in WRONG_EVERYWHERE.items()}
TARGETS = "targets = patchify(images, patch_size)"
# Losses that never read the images, by what stands in place of the patches.
BLIND_LOSSES = {
    "zeros": "torch.zeros_like(predictions)",
    "random numbers": "torch.rand_like(predictions)",
    "the predictions": "predictions.detach()",
    "the predictions' mean": "predictions.detach().mean(dim=-1, keepdim=True).expand_as(predictions)",
}

pytestmark = pytest.mark.slow
Share = Callable[[dict[str, str], str], float]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with confined(ASSIGNMENT, allow_weak=True) as started:
        yield started


@pytest.fixture(scope="module")
def share(sandbox: Sandbox) -> Share:
    """Which part of its points an exercise earns, where these answers stand in place of the reference's."""
    plan = Plan.of(ASSIGNMENT, 5)

    def of(answers: dict[str, str], exercise: str) -> float:
        cells = {PROBLEM.name: answer_code(PROBLEM, answers)}
        wanted = {*ASSIGNMENT.manifest.earlier(exercise), exercise}
        run = run_exercises(cells, plan, sandbox, seed=5, exercises=wanted).exercises[exercise]
        return run.weight / sum(outcome.mark.weight for outcome in run.outcomes)

    return of


@pytest.mark.parametrize("name", PATCHIFIES)
def test_a_right_loss_is_worth_all_beside_any_patchify(share: Share, name: str) -> None:
    assert share({PATCHIFY: PATCHIFIES[name]}, LOSS) == 1


@pytest.mark.parametrize("name", [*ONLY_ELSEWHERE, "zeros", "an exception"])
@pytest.mark.parametrize("targets", BLIND_LOSSES)
def test_a_loss_that_never_reads_the_images_is_worth_next_to_nothing(share: Share, name: str, targets: str) -> None:
    assert TARGETS in PROBLEM.references[LOSS]
    blind = PROBLEM.references[LOSS].replace(TARGETS, f"targets = {BLIND_LOSSES[targets]}")
    earned = share({PATCHIFY: PATCHIFIES[name], LOSS: blind}, LOSS)
    assert earned <= MOST[ZEROS]


@pytest.mark.parametrize("name", ONLY_ELSEWHERE)
def test_a_patchify_that_answers_zeros_elsewhere_keeps_its_own_points(share: Share, name: str) -> None:
    assert share({PATCHIFY: PATCHIFIES[name]}, PATCHIFY) == 1


@pytest.mark.parametrize("name", PATCHIFIES)
def test_a_right_encoder_is_worth_all_beside_any_patchify(share: Share, name: str) -> None:
    assert share({PATCHIFY: PATCHIFIES[name]}, ENCODER) == 1
