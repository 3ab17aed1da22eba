"""What a proof has found: how each answer came out, and what of it is no good."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from autograder.assignment.model import Assignment
from autograder.grading.plan import hidden_share
from autograder.verify.cases import FIRST, KINDS, WRONG, Case
from autograder.verify.empty_answers import LIES, MOST, MOST_OF_A_PROBLEM, Earned, Gift, Way
from autograder.verify.mistakes import MistakeCost
from kit.manifest import Exercise
from kit.runner import TestInfo

HIDDEN_SHARE = 2 / 3  # of every exercise's points, at least: what public tests ask, anyone can read
NAMED = 3  # answers that a surprise names; of the others it gives the number


@dataclass(frozen=True)
class Verdict:
    """The outcome of a case: its surprises (none is good), the tests that did not pass, and what a mistake costs.

    remark: what is worth a look and no surprise.
    """

    case: Case
    surprises: tuple[str, ...]
    caught_by: tuple[str, ...]
    cost: MistakeCost | None = None
    earned: Earned | None = None
    remark: str = ""


@dataclass
class Proof:
    """All verdicts of one run.

    exercises: those that were to be proved; None: all of the problems that were tried. before: what ways of answering
    without a method earned of exercises that were proved before. untried: how many answers to an exercise were not
    tried, since its tests fail the reference.
    """

    assignment: Assignment
    tests: tuple[TestInfo, ...]
    verdicts: list[Verdict] = field(default_factory=list)
    exercises: Collection[str] | None = None
    before: Mapping[str, Mapping[Way, Earned]] = field(default_factory=dict)
    untried: Mapping[str, int] = field(default_factory=dict)

    @property
    def idle_tests(self) -> list[str]:
        """Tests that no wrong answer fails: they do not pull their weight."""
        caught = {test for verdict in self.verdicts if verdict.case.kind == WRONG for test in verdict.caught_by}
        tried = (test for test in self.tests if test.mark.exercise not in self.untried)
        return [test.id for test in tried if test.id not in caught]

    @property
    def costs(self) -> list[MistakeCost]:
        """What each wrong answer costs, exercise by exercise."""
        return [verdict.cost for verdict in self.verdicts if verdict.cost is not None]

    @property
    def problems(self) -> list[str]:
        """The problems that were tried."""
        return list(dict.fromkeys(verdict.case.problem for verdict in self.verdicts))

    def earned_of(self, exercise: str) -> dict[Way, Earned]:
        """What ways of answering without a method earn of an exercise, now or when it was proved before."""
        now = {
            (verdict.case.kind, verdict.case.name): verdict.earned
            for verdict in self.verdicts
            if verdict.earned is not None and verdict.case.exercise == exercise
        }
        return now or dict(self.before.get(exercise, {}))

    def gifts(self, problem: str = "") -> list[Gift]:
        """What ways of answering without a method earn of one problem's points, or of all that were proved now."""
        rows: dict[Way, list[Earned]] = {}
        for name in [problem] if problem else self.problems:
            for exercise in self.assignment.problem(name).exercises:
                if problem or exercise.id not in self.before:
                    for way, earned in self.earned_of(exercise.id).items():
                        rows.setdefault(way, []).append(earned)
        most = MOST_OF_A_PROBLEM if problem else MOST
        return [Gift.of(*way, own, most[way[0]]) for way, own in rows.items()]

    @property
    def surprising_problems(self) -> set[str]:
        if list(self._of_the_set()):
            return set(self.problems)
        return {problem for problem in self.problems if list(self._gifts_too_large(problem))}

    @property
    def surprising_exercises(self) -> set[str]:
        """Those of which nothing is proved."""
        tests = {test.id: test.mark.exercise for test in self.tests}
        surprising = [verdict for verdict in self.verdicts if verdict.surprises]
        found = {verdict.case.exercise for verdict in surprising} | {tests[test] for test in self.idle_tests}
        found |= {tests[test] for verdict in surprising if verdict.case.kind in FIRST for test in verdict.caught_by}
        problems = self.surprising_problems
        found |= {exercise.id for exercise in self.tried if exercise.problem in problems}
        return (found | self.untried.keys() | {name for name, _ in self._with_few_hidden()}) - {""}

    @property
    def surprises(self) -> list[str]:
        """One line for each surprise of each answer."""
        found = [f"{v.case.label}: {text}" for v in self.verdicts for text in v.surprises]
        return [*found, *map(_idle, self.idle_tests), *self._of_the_problems()]

    @property
    def told_once(self) -> list[str]:
        """One line for each cause, which names the first answers that it surprised with."""
        idle: dict[str, list[str]] = {test: [] for test in self.idle_tests}
        groups: dict[str, list[tuple[str, str]]] = {}
        for verdict in self.verdicts:
            for text in verdict.surprises:
                named = next((test for test in idle if text == UNCAUGHT.format(test=test.split("::")[1])), None)
                if named is not None:
                    idle[named].append(verdict.case.name)
                else:
                    groups.setdefault(_cause(verdict.case, text), []).append((verdict.case.label, text))
        found = [f"{rows[0][0]}: {rows[0][1]}{_others([label for label, _ in rows[1:]])}" for rows in groups.values()]
        found += [_idle(test) + _should_catch(names) for test, names in idle.items()]
        return [*found, *self._of_the_problems()]

    @property
    def remarks(self) -> list[str]:
        """What was left out, and what is worth a look."""
        why = "other answers were not tried: let its tests pass on the reference first"
        left = [f"{exercise}: {count} {why}" for exercise, count in self.untried.items()]
        return [*left, *(f"{one.case.label}: {one.remark}" for one in self.verdicts if one.remark)]

    def lies(self, problem: str) -> float:
        """The points of a problem that a worker which lies about itself could buy."""
        return sum(gift.points for gift in self.gifts(problem) if gift.kind == LIES)

    @property
    def tried(self) -> list[Exercise]:
        """The exercises that were to be proved."""
        found = [exercise for name in self.problems for exercise in self.assignment.problem(name).exercises]
        return [exercise for exercise in found if self.exercises is None or exercise.id in self.exercises]

    def _is_complete(self, problem: str) -> bool:
        """Whether what is earned without a method is known of the whole problem, from now or before."""
        known = self.before.keys() | {exercise.id for exercise in self.tried}
        return {exercise.id for exercise in self.assignment.problem(problem).exercises} <= known - self.untried.keys()

    def _of_the_problems(self) -> Iterator[str]:
        """What is to be changed in a problem's tests as a whole."""
        for problem in self.problems:
            yield from self._gifts_too_large(problem)
        for _, text in self._with_few_hidden():
            yield text
        yield from self._of_the_set()

    def _of_the_set(self) -> Iterator[str]:
        """Of each problem lies may buy more than of the set, so they are summed once all problems are proved."""
        if all(self._is_complete(problem.name) for problem in self.assignment.problems):
            points = sum(exercise.points for problem in self.assignment.problems for exercise in problem.exercises)
            lies = sum(self.lies(problem.name) for problem in self.assignment.problems)
            gift = Gift(LIES, "", lies, points, MOST[LIES] * points, ())
            if gift.is_too_much:
                yield f"in all, {gift}"

    def _gifts_too_large(self, problem: str) -> Iterator[str]:
        for gift in self.gifts(problem) if self._is_complete(problem) else ():
            if gift.is_too_much:
                names = ", ".join(test.split("::")[1] for test in gift.tests)
                yield f"{problem}: {gift}: let these tests demand right values, or weigh less: {names}"

    def _with_few_hidden(self) -> Iterator[tuple[str, str]]:
        """Exercises with too few points in hidden tests, and what is said of them."""
        for exercise in self.tried:
            if (share := hidden_share(self.tests, exercise.id)) < HIDDEN_SHARE - 1e-9:
                text = (
                    f"{exercise.id}: hidden tests hold {share:.0%} of the points, at least {HIDDEN_SHARE:.0%} are "
                    f"wanted: raise weights in {exercise.problem}/test_hidden.py"
                )
                yield exercise.id, text


UNCAUGHT = "{test} should catch it, but passes"


def _idle(test: str) -> str:
    return f"{test} catches no wrong answer: add one in wrong/, or drop the test"


def _should_catch(names: list[str]) -> str:
    return f" (by their must_fail it should catch {_listed(names)})" if names else ""


def _cause(case: Case, text: str) -> str:
    """What surprises with one cause have in common: all of it up to what the answer itself adds."""
    return f"{case.problem} {text.partition(': ')[0]}"


def _others(labels: list[str]) -> str:
    """The other answers of a group."""
    return f" (likewise {_listed(labels)})" if labels else ""


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


def summary(proof: Proof) -> list[tuple[str, ...]]:
    """One row an exercise: points, tests, and how many answers of each kind came out as they should."""
    rows = []
    for exercise in proof.tried:
        mine = [v for v in proof.verdicts if v.case.problem == exercise.problem]
        counts = []
        for kind in KINDS:
            tried = [v for v in mine if v.case.kind == kind and v.case.exercise in ("", exercise.id)]
            counts.append(f"{sum(not v.surprises for v in tried)}/{len(tried)}")
        tests = (str(exercise.public_tests), str(exercise.hidden_tests))
        rows.append((exercise.id, f"{exercise.points:g}", *tests, *counts))
    return rows
