"""What a class's results say together: totals, pass rates, failures, tests, what is open. Numbers only, no page."""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from autograder.marks.standings import Score, Standing, StandingStatus
from autograder.results import TestResult
from kit.manifest import Manifest
from kit.outcomes import OutcomeStatus

UNWRITTEN = (OutcomeStatus.MISSING, OutcomeStatus.BLOCKED)
WRONG = (OutcomeStatus.FAILED, OutcomeStatus.TIMEOUT, OutcomeStatus.CRASHED)
MAX_BINS = 12


@dataclass(frozen=True)
class Bin:
    """Totals from `low` up to but not including `high`, which the last one includes."""

    low: float
    high: float
    students: int


@dataclass(frozen=True)
class ExerciseRate:
    """One exercise over all submissions in which it was graded.

    full: with all points of its tests. mean: of the automatic points; None where it was graded for nobody.
    """

    id: str
    max_points: float
    graded: int
    full: int
    unwritten: int
    not_graded: int
    mean: float | None

    @property
    def share(self) -> float | None:
        """Of 1: who got full points."""
        return self.full / self.graded if self.graded else None


@dataclass(frozen=True)
class TestRate:
    """One test function (all its cases) over the submissions in which its exercise was written.

    students: who wrote it; passed, of them. hint: what those who failed read. longest: seconds of the slowest case.
    """

    __test__ = False

    name: str
    exercise: str
    visibility: str
    title: str
    hint: str
    students: int
    passed: int
    late: int
    longest: float
    mean_seconds: float

    @property
    def failed(self) -> int:
        return self.students - self.passed


@dataclass(frozen=True)
class Waiting:
    """A written answer, and who still waits for its mark."""

    id: str
    students: tuple[str, ...]
    marked: int


def totals(standings: Iterable[Standing]) -> list[float]:
    """The points so far of everyone for whom something is graded, sorted."""
    return sorted(item.points for item in standings if item.status is not StandingStatus.NOT_GRADED)


def bins(points: Sequence[float], max_points: float) -> list[Bin]:
    """Of equal width and round ends, from 0 to the full points; further for who has more by extra credit."""
    width = _round_width(max_points / MAX_BINS)
    top = max([max_points, *points])
    count = max(1, int(-(-top // width)))
    places = Counter(min(int(max(value, 0.0) // width), count - 1) for value in points)
    return [Bin(number * width, (number + 1) * width, places[number]) for number in range(count)]


def _round_width(least: float) -> float:
    """The next of 1, 2, 2.5 and 5 times a power of ten."""
    power = 10.0 ** (len(str(int(least))) - 1) if least >= 1 else 0.1
    return next(step * power for step in (1, 2, 2.5, 5, 10, 20, 50, 100) if step * power >= least)


def exercises(manifest: Manifest, standings: Sequence[Standing]) -> list[ExerciseRate]:
    """In teaching order."""
    return [_exercise(exercise.id, exercise.points, standings) for exercise in manifest.exercises]


def _exercise(name: str, max_points: float, standings: Sequence[Standing]) -> ExerciseRate:
    results = [found for item in standings if item.report and (found := item.report.exercise(name))]
    scores = [(result.score, result.max_score) for result in results if result.score is not None]
    return ExerciseRate(
        id=name,
        max_points=max_points,
        graded=len(scores),
        full=sum(score >= most for score, most in scores),
        unwritten=sum(result.reason == "not written" for result in results),
        not_graded=len(results) - len(scores),
        mean=statistics.fmean(score for score, _ in scores) if scores else None,
    )


def tests(standings: Iterable[Standing]) -> list[TestRate]:
    """Every test function, in the order in which tests ran; whose exercise nobody wrote is left out."""
    by_name: dict[tuple[str, str], dict[str, list[TestResult]]] = defaultdict(lambda: defaultdict(list))
    for standing in standings:
        for test in standing.report.tests if standing.report else ():
            if test.status not in (*UNWRITTEN, OutcomeStatus.ERROR):
                by_name[(test.exercise, test.id.partition("[")[0])][standing.student].append(test)
    return [_test(name, exercise, list(cases.values())) for (exercise, name), cases in by_name.items()]


def _test(name: str, exercise: str, of_students: list[list[TestResult]]) -> TestRate:
    every = [test for cases in of_students for test in cases]
    return TestRate(
        name=name,
        exercise=exercise,
        visibility=every[0].visibility,
        title=every[0].title,
        hint=_hint([test for test in every if test.status in WRONG]),
        students=len(of_students),
        passed=sum(all(test.status is OutcomeStatus.PASSED for test in cases) for cases in of_students),
        late=sum(any(test.status is OutcomeStatus.TIMEOUT for test in cases) for cases in of_students),
        longest=max(test.seconds for test in every),
        mean_seconds=statistics.fmean(test.seconds for test in every),
    )


def _hint(wrong: Sequence[TestResult]) -> str:
    """The text that most of them read: the test's own hint, unless an exception ended all of them."""
    plain = [test for test in wrong if not test.stopped and test.status is OutcomeStatus.FAILED] or wrong
    texts = Counter(test.message.removeprefix(test.title).lstrip(".: ") for test in plain)
    return texts.most_common(1)[0][0] if texts else ""


def frequent(rates: Iterable[TestRate], most: int) -> list[TestRate]:
    """The tests that most students fail, first."""
    return sorted((rate for rate in rates if rate.failed), key=lambda rate: -rate.failed)[:most]


def slowest(rates: Iterable[TestRate], most: int) -> list[TestRate]:
    """Those that took a second for somebody, the longest first."""
    slow = (rate for rate in rates if rate.longest >= 1 or rate.late)
    return sorted(slow, key=lambda rate: (-rate.longest, -rate.mean_seconds))[:most]


def not_graded(standings: Iterable[Standing]) -> list[tuple[str, list[tuple[str, tuple[str, ...]]]]]:
    """Each reason with its students and their exercises, the most frequent first."""
    found: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for standing in standings:
        for score, reason in _open(standing):
            found[reason][standing.student].append(score.id)
    rows = [(reason, [(name, tuple(ids)) for name, ids in of.items()]) for reason, of in found.items()]
    return sorted(rows, key=lambda row: -len(row[1]))


def _open(standing: Standing) -> Iterator[tuple[Score, str]]:
    whole = standing.report.reason if standing.report and not standing.report.tests else None
    for score in standing.not_graded:
        yield score, whole or score.reason or "no result"


def waiting(manifest: Manifest, standings: Iterable[Standing]) -> list[Waiting]:
    """Written answers for which somebody waits, in teaching order."""
    open_: dict[str, list[str]] = defaultdict(list)
    marked: Counter[str] = Counter()
    for standing in standings:
        for score in standing.scores:
            if score.written and score.points is None:
                open_[score.id].append(standing.student)
            elif score.written:
                marked[score.id] += 1
    return [
        Waiting(answer.id, tuple(open_[answer.id]), marked[answer.id])
        for answer in manifest.answers
        if open_[answer.id]
    ]
