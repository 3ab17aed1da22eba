"""Pairs of answers to one question that share what is neither the course's nor common in the class.

An answer is cut into runs of tokens. Runs that the released text, the reference or an answer of right/ has say nothing,
nor do runs that many of the class have; the others lead from one answer to those that share them, so that a class of a
thousand is compared without looking at all pairs.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from rapidfuzz.distance import LCSseq

from autograder.similarity.tokens import Token

RUN = 12  # tokens: about a line
LEAST = 24  # tokens in such runs: about two lines
COMMON = 0.05  # of the class
COMMON_AT_LEAST = 5  # answers
_IN_ORDER = 6  # tokens of a stretch that is shown as the same in both

Run = tuple[str, ...]


@dataclass(frozen=True)
class Answered:
    """One student's answer to one question. year: the folder it comes from, empty for this class."""

    student: str
    source: str
    tokens: Sequence[Token]
    year: str = ""

    @property
    def name(self) -> str:
        return f"{self.year}: {self.student}" if self.year else self.student


@dataclass(frozen=True)
class Alike:
    """Two answers to one question. tokens: how many are in runs that only few have.

    lines: of each answer, those with such runs; like: those that are in both in the same order, common or not.
    """

    question: str
    answers: tuple[Answered, Answered]
    tokens: int
    lines: tuple[frozenset[int], frozenset[int]]
    like: tuple[frozenset[int], frozenset[int]]

    @property
    def amount(self) -> tuple[int, int]:
        """Lines that are alike, and lines, of the answer with more of them that are."""
        return max(
            ((len(lines), len({token.line for token in answer.tokens})) for lines, answer in
             zip(self.lines, self.answers, strict=True)),
            key=lambda counts: counts[0] / max(1, counts[1]),
        )  # fmt: skip


def alike(
    question: str,
    answers: Sequence[Answered],
    known: Iterable[Sequence[Token]],
    may_share: Callable[[str, str], bool] = lambda one, other: False,
) -> list[Alike]:
    """Pairs in which each answer has at least LEAST tokens in runs that few have, those with most first.

    known: the course's own answers and texts. may_share: whether two students worked together.
    """
    ours = {run for tokens in known for run in _runs(tokens)}
    places = _places(answers, ours)
    pairs = _pairs(places, answers, may_share)
    found = (_compared(question, answers[one], answers[other], runs) for (one, other), runs in pairs.items())
    return sorted((pair for pair in found if pair is not None), key=lambda pair: (-pair.tokens, _names(pair)))


def _runs(tokens: Sequence[Token]) -> Iterator[Run]:
    texts = [token.text for token in tokens]
    return (tuple(texts[start : start + RUN]) for start in range(len(texts) - RUN + 1))


def _places(answers: Sequence[Answered], ours: set[Run]) -> dict[Run, list[int]]:
    """Run to the answers that have it, of runs that are in some but not in many."""
    places: dict[Run, list[int]] = defaultdict(list)
    for number, answer in enumerate(answers):
        for run in set(_runs(answer.tokens)) - ours:
            places[run].append(number)
    most = _most(sum(not answer.year for answer in answers))
    return {run: numbers for run, numbers in places.items() if 2 <= len(numbers) <= most}


def _most(students: int) -> int:
    """How many may have a run that is not common; in a small class no more than half."""
    return min(max(COMMON_AT_LEAST, round(COMMON * students)), max(2, students // 2))


def _pairs(
    places: dict[Run, list[int]], answers: Sequence[Answered], may_share: Callable[[str, str], bool]
) -> dict[tuple[int, int], set[Run]]:
    """Pairs with enough runs in common; one of them at least is of this class."""
    counts: Counter[tuple[int, int]] = Counter()
    for numbers in places.values():
        counts.update(combinations(numbers, 2))
    wanted = {
        pair
        for pair, count in counts.items()
        if count > LEAST - RUN and not _is_apart(answers[pair[0]], answers[pair[1]], may_share)
    }
    found: dict[tuple[int, int], set[Run]] = defaultdict(set)
    for run, numbers in places.items():
        for pair in combinations(numbers, 2):
            if pair in wanted:
                found[pair].add(run)
    return found


def _is_apart(one: Answered, other: Answered, may_share: Callable[[str, str], bool]) -> bool:
    """Whether the two are not to be compared: earlier years with each other, a person with herself, a group."""
    if one.year and other.year:
        return True
    return one.student == other.student or (one.year == other.year and may_share(one.student, other.student))


def _compared(question: str, one: Answered, other: Answered, runs: set[Run]) -> Alike | None:
    covered = [_covered(answer.tokens, runs) for answer in (one, other)]
    tokens = min(map(len, covered))
    if tokens < LEAST:
        return None
    lines = [
        frozenset(answer.tokens[place].line for place in places)
        for answer, places in zip((one, other), covered, strict=True)
    ]
    return Alike(question, (one, other), tokens, (lines[0], lines[1]), _in_order(one.tokens, other.tokens))


def _covered(tokens: Sequence[Token], runs: set[Run]) -> set[int]:
    return {
        place for start, run in enumerate(_runs(tokens)) if run in runs for place in range(start, start + RUN)
    }  # fmt: skip


def _in_order(one: Sequence[Token], other: Sequence[Token]) -> tuple[frozenset[int], frozenset[int]]:
    blocks = [
        step
        for step in LCSseq.opcodes([token.text for token in one], [token.text for token in other])
        if step.tag == "equal" and step.src_end - step.src_start >= _IN_ORDER
    ]
    here = {one[place].line for step in blocks for place in range(step.src_start, step.src_end)}
    there = {other[place].line for step in blocks for place in range(step.dest_start, step.dest_end)}
    return frozenset(here), frozenset(there)


def _names(pair: Alike) -> tuple[str, str]:
    return pair.answers[0].name, pair.answers[1].name
