"""What is demanded of a wrong answer besides being caught: it answers, it costs little, its explanation fits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from autograder.assignment.answers import SampleAnswer
from autograder.assignment.model import Problem
from kit.explanation import explained, failures
from kit.outcomes import BLAMELESS, OutcomeStatus
from kit.runner import Outcome

SLIPS = ("NameError", "UnboundLocalError", "SyntaxError", "IndentationError", "ImportError", "ModuleNotFoundError")


@dataclass(frozen=True)
class MistakeCost:
    """What a wrong answer costs of its own exercise.

    explained: the test that the student would read about. failed: the names of all that it fails.
    """

    answer: SampleAnswer
    points: float
    max_points: float
    tests: int
    failed: tuple[str, ...]
    explained: str

    @property
    def share(self) -> float:
        return self.points / self.max_points


def cost_of(answer: SampleAnswer, problem: Problem, outcomes: Sequence[Outcome]) -> MistakeCost:
    """outcomes: of all tests of the answer's exercise, at least."""
    own = _own(answer, outcomes)
    failed = [outcome for outcome in own if outcome.status != OutcomeStatus.PASSED]
    points = next(item.points for item in problem.exercises if item.id == answer.exercise)
    lost = points * _weight(failed) / _weight(own)
    first = explained(own)
    names = tuple(_name(outcome) for outcome in failed)
    return MistakeCost(answer, lost, points, len(own), names, _name(first) if first else "")


def surprises(answer: SampleAnswer, problem: Problem, outcomes: Sequence[Outcome]) -> Iterator[str]:
    """One line for each demand that the answer does not meet."""
    own = _own(answer, outcomes)
    yield from _slips(own)
    yield from _ways_to_fail(answer, own)
    yield from _misleading(answer, own)
    yield from _dear(cost_of(answer, problem, outcomes), problem.mistake_limits[answer.exercise])


def _slips(own: Sequence[Outcome]) -> Iterator[str]:
    for outcome in own:
        if outcome.status in BLAMELESS:
            yield f"{_name(outcome)} finds it {outcome.status}: is it the stub, or does it define another name?"
            return
        if outcome.raised is not None and outcome.raised.error in SLIPS:
            yield f"{_name(outcome)} stopped with {outcome.text}: a slip, not a misconception; mend the wrong answer"
            return


def _ways_to_fail(answer: SampleAnswer, own: Sequence[Outcome]) -> Iterator[str]:
    named = [outcome for outcome in failures(own) if _is_named(answer, outcome)]
    answered = [outcome for outcome in named if _has_answered(outcome)]
    if named and not answered and not answer.crashes:
        how = named[0].text or named[0].status
        yield (
            f"no test of its must_fail fails by what it answers; {_name(named[0])} ended with {how}. "
            "Mend it, or say crashes = true"
        )
    if answered and answer.crashes:
        yield f"it says that it crashes, but {_name(answered[0])} fails by what it answers: omit crashes"


def _misleading(answer: SampleAnswer, own: Sequence[Outcome]) -> Iterator[str]:
    first = explained(own)
    if first is not None and _has_answered(first) and not _is_named(answer, first):
        yield (
            f"{_name(first)} is the failure that is explained, and its must_fail does not name it: "
            "mark that test broad, or put a more telling one before it"
        )


def _dear(cost: MistakeCost, limit: float) -> Iterator[str]:
    is_dear = cost.share > limit + 1e-9
    price = f"costs {cost.points:.4g} of {cost.max_points:g} points"
    if is_dear and not cost.answer.costs_all:
        yield (
            f"{price} where mistake_limit is {limit:g}: let each test compare what it is about, "
            'or say costs_all = "why everything is wrong then"'
        )
    if cost.answer.costs_all and not is_dear:
        yield f"{price}, no more than mistake_limit allows ({limit:g}): omit costs_all"


def _own(answer: SampleAnswer, outcomes: Sequence[Outcome]) -> list[Outcome]:
    return [outcome for outcome in outcomes if outcome.mark.exercise == answer.exercise]


def _has_answered(outcome: Outcome) -> bool:
    """Whether the code gave an answer, and the test found it wrong."""
    return outcome.status is OutcomeStatus.FAILED and outcome.raised is None


def _is_named(answer: SampleAnswer, outcome: Outcome) -> bool:
    name = _name(outcome)
    return name in answer.must_fail or name.partition("[")[0] in answer.must_fail


def _name(outcome: Outcome) -> str:
    return outcome.id.split("::")[1]


def _weight(outcomes: Sequence[Outcome]) -> float:
    return sum(outcome.mark.weight for outcome in outcomes)
