"""Compares a class's answers, exercise by exercise, and with those of earlier years."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import combinations
from pathlib import Path

from autograder.assignment.answers import right_answers
from autograder.assignment.model import Assignment
from autograder.errors import BadInput
from autograder.grading.class_folder import submissions
from autograder.grading.grade_one import forbidden_means
from autograder.grading.processes import forked_pool
from autograder.roster.groups import course_groups
from autograder.roster.roster import course_roster
from autograder.similarity.alike import Alike, Answered, alike
from autograder.similarity.tokens import Token, code_tokens, word_tokens
from autograder.submission.read import read_submission

SHORT = 40  # tokens that the reference adds to the stub: with fewer, answers are alike by themselves
FEW = 8  # submissions, for which no process is started
CHUNK = 10  # submissions that a process gets at once
LONGEST = 50_000  # characters of an answer that are looked at
MOST_TOKENS = 10_000  # of it: to lay two answers side by side takes memory by the product


@dataclass(frozen=True)
class Comparison:
    """What is alike, by question; questions that are too short to compare; who uses what an exercise is about.

    students: how many were compared; earlier: with how many of other years. left: folders that hold no submission that
    can be read, each with the reason.
    """

    alike: tuple[Alike, ...]
    short: tuple[str, ...]
    uses: Mapping[str, tuple[str, ...]]
    students: int
    earlier: int
    left: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Read:
    """What of one submission is compared: question to answer; and what it uses."""

    answers: Mapping[str, Answered]
    uses: tuple[str, ...]


def compared(
    assignment: Assignment,
    folder: Path,
    against: Sequence[Path] = (),
    progress: Callable[[str], None] = lambda student: None,
    *,
    workers: int = 1,
) -> Comparison:
    """Every answer of the submissions in `folder`, with each other and with those in each folder of `against`.

    BadInput where one of the folders holds no submissions, or is named twice.
    """
    _refuse_twice([folder, *against])
    found = submissions(folder, assignment.name, assignment.course)
    places = [(student, "", place) for student, place in found.folders.items()]
    for path in against:
        earlier = submissions(path, assignment.name, assignment.course).folders
        places += [(student, _year(path), place) for student, place in earlier.items()]
    answers: dict[str, list[Answered]] = {}
    uses: dict[str, tuple[str, ...]] = {}
    for (student, year, _), one in zip(places, _all_read(assignment, places, workers), strict=True):
        for question, answered in one.answers.items():
            answers.setdefault(question, []).append(answered)
        if one.uses and not year:
            uses[student] = one.uses
        progress(student)
    short, together = tuple(_too_short(assignment)), _together(assignment)
    pairs = [
        pair
        for question, known in _known(assignment).items()
        if question not in short
        for pair in alike(question, answers.get(question, ()), known, together)
    ]
    return Comparison(tuple(pairs), short, uses, len(found.folders), len(places) - len(found.folders), found.left)


def _all_read(assignment: Assignment, places: Sequence[tuple[str, str, Path]], workers: int) -> Iterator[_Read]:
    """Each submission, in order."""
    read = partial(_read, assignment)
    if workers == 1 or len(places) < FEW:
        yield from map(read, places)
        return
    with forked_pool(workers) as pool:
        yield from pool.map(read, places, chunksize=CHUNK)


def _read(assignment: Assignment, where: tuple[str, str, Path]) -> _Read:
    student, year, place = where
    submission = read_submission(place, assignment.manifest, student=student)
    found = {}
    for notebook in submission.notebooks.values():
        for name, cell in (*notebook.reading.solutions.items(), *notebook.reading.answers.items()):
            source = cell.source[:LONGEST]
            tokens = code_tokens(source) if cell.is_code else word_tokens(source)
            found[name] = Answered(student, source, tuple(tokens[:MOST_TOKENS]), year)
    return _Read(found, tuple(forbidden_means(assignment, submission)))


def _refuse_twice(folders: Sequence[Path]) -> None:
    for place, other in combinations(folders, 2):
        if place.resolve() == other.resolve():
            raise BadInput(f"{other} would be compared with itself: name another folder after --against")


def expected(assignment: Assignment, folders: Iterable[Path]) -> int:
    """How many submissions there are to read."""
    return sum(len(submissions(folder, assignment.name, assignment.course).folders) for folder in folders)


def _year(path: Path) -> str:
    """A name for an earlier class: of its folder, or of the one above where it is called submitted."""
    place = path.resolve()
    return place.parent.name if place.name == "submitted" else place.name


def _known(assignment: Assignment) -> dict[str, list[list[Token]]]:
    """Question to the course's own texts about it."""
    known: dict[str, list[list[Token]]] = {}
    for problem in assignment.problems:
        given = [code_tokens(cell.released) for cell in problem.cells if cell.kind.is_code]
        rubric = [word_tokens(cell.released) for cell in problem.cells if not cell.kind.is_code]
        for name, reference in problem.references.items():
            right = [code_tokens(answer.code) for answer in right_answers(problem) if answer.exercise == name]
            known[name] = [*given, code_tokens(reference), *right]
        for cell in (cell for cell in problem.cells if cell.kind.is_answer):
            known[cell.name] = [*given, code_tokens(cell.source)] if cell.is_code else rubric
    return known


def _too_short(assignment: Assignment) -> Iterable[str]:
    for problem in assignment.problems:
        for name, reference in problem.references.items():
            if len(code_tokens(reference)) - len(code_tokens(problem.stubs[name])) < SHORT:
                yield name


def _together(assignment: Assignment) -> Callable[[str, str], bool]:
    roster = course_roster(assignment.course)
    groups = course_groups(assignment.course, frozenset(roster.by_id) if roster else None)
    return lambda one, other: other in groups.together(assignment.name, one)
