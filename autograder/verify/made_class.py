"""A made class: submissions of every kind that a real class brings, each with the grade it must get.

Made from an assignment's own release, reference, right/ and wrong/, so that it fits any assignment. `demo` shows it,
`bench` times it, and tests compare front ends on it.
"""

from __future__ import annotations

import copy
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autograder.assignment.answers import SampleAnswer, right_answers, wrong_answers
from autograder.assignment.model import Assignment, Problem
from autograder.assignment.released import release_notebook
from autograder.course_folders import CourseFolders
from autograder.results import Report, ReportStatus
from kit.manifest import earlier

Notebooks = dict[str, dict[str, Any]]
TEXT_ANSWER = "Neighbouring patches tell a lot about each other; the figure above shows it."
CODE_ANSWER = 'print("what I found")'
SCRIPT = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"


@dataclass
class Member:
    """One made submission.

    scores: what an exercise must get; full marks where it is not named, None for "not graded". below: exercises that
    must get less than full marks.
    """

    name: str
    what: str
    why: str
    files: dict[str, str]
    scores: dict[str, float | None] = field(default_factory=dict)
    below: frozenset[str] = frozenset()
    says: str = ""  # must stand in a note of the result
    state: ReportStatus = ReportStatus.GRADED

    def write(self, submitted: Path, assignment: str) -> None:
        folder = submitted / self.name / assignment
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in self.files.items():
            (folder / name).write_text(text, encoding="utf-8")

    def complaints(self, report: Report, assignment: Assignment) -> Iterator[str]:
        """How the grade differs from what it must be."""
        if report.status != self.state:
            yield f"is {report.status} ({report.reason}), not {self.state}"
        for result in report.exercises:
            wanted = self.scores.get(result.id, result.max_score)
            if result.id in self.below:
                if result.score is None or result.score >= result.max_score:
                    yield f"{result.id} got {result.score} of {result.max_score}, which should be less"
            elif result.score != wanted:
                yield f"{result.id} got {result.score} of {result.max_score}, not {wanted}"
        if self.says and not any(self.says in note for note in report.notes):
            yield f"no note says {self.says!r}"


class _Maker:
    """Writes notebooks of one assignment with chosen answers."""

    def __init__(self, assignment: Assignment) -> None:
        self.assignment = assignment
        self.references = {name: code for problem in assignment.problems for name, code in problem.references.items()}
        self.points = {exercise.id: exercise.points for exercise in assignment.manifest.exercises}

    def notebooks(self, answers: Mapping[str, str] | None = None) -> Notebooks:
        """Every notebook with the reference answers, or with `answers`."""
        answers = self.references if answers is None else answers
        books: Notebooks = {}
        for problem in self.assignment.problems:
            book = copy.deepcopy(release_notebook(self.assignment, problem.notebook_file))
            for cell in book["cells"]:
                if cell["id"] in answers:
                    cell["source"] = answers[cell["id"]]
                elif cell["id"] in {answer.id for answer in problem.answers}:
                    cell["source"] = CODE_ANSWER if cell["cell_type"] == "code" else TEXT_ANSWER
            books[problem.notebook_file] = book
        return books

    def but(self, exercise: str, code: str) -> Notebooks:
        """The reference with another answer for one exercise."""
        return self.notebooks(self.references | {exercise: code})

    def stub(self, exercise: str) -> str:
        book = self.assignment.manifest.notebook_of(exercise)
        return next(cell.source for cell in book.cells if cell.id == exercise)


def members(assignment: Assignment) -> list[Member]:
    """The made class, in the order in which the demo shows it."""
    maker = _Maker(assignment)
    first = next((problem for problem in assignment.problems if problem.exercises), None)
    if first is None:
        return list(_of_written_answers(maker))
    needed = _most_needed(first)
    return [*_honest(maker, first, needed), *_misconceptions(maker), *_odd_files(maker, first, needed),
            *_hostile(maker, first, needed)]  # fmt: skip


def _most_needed(problem: Problem) -> str:
    """The exercise on which most others build: what is lost with it must be it alone."""
    needs = Counter(item.id for other in problem.exercises for item in earlier(problem.exercises, other.id))
    return needs.most_common(1)[0][0] if needs else problem.exercises[0].id


def class_of(assignment: Assignment, count: int) -> Iterator[Notebooks]:
    """Notebooks of an ordinary class of this size: every fourth all right, the others with one mistake each."""
    maker = _Maker(assignment)
    wrong = [answer for problem in assignment.problems for answer in wrong_answers(problem)]
    for number in range(count):
        answer = wrong[number % len(wrong)]
        yield maker.notebooks() if number % 4 == 0 else maker.but(answer.exercise, answer.code)


def link_course(root: Path, folder: Path) -> None:
    """Make `folder` a course of its own with the assignments of `root`: its submissions and grades stay apart."""
    folder.mkdir(parents=True)
    course = CourseFolders(root)
    for path in (course.assignments, course.source, course.release, root / "nbgrader_config.py"):
        if path.exists():
            (folder / path.name).symlink_to(path.resolve())


def texts(books: Notebooks) -> dict[str, str]:
    """Notebooks as the files of a submission."""
    return {name: json.dumps(book, indent=1) for name, book in books.items()}


def _honest(maker: _Maker, first: Problem, needed: str) -> Iterator[Member]:
    yield Member("reference", "the reference answers", "everything is right", texts(maker.notebooks()))
    ids = list(maker.references)
    written = set(ids[: len(ids) // 2])
    answers = {name: code for name, code in maker.references.items() if name in written}
    yield Member(
        "half-way", "the first half written, the rest untouched", "what is written is right",
        texts(maker.notebooks(answers)), dict.fromkeys(set(ids) - written, 0.0),
    )  # fmt: skip
    yield Member(
        "untouched", "the notebooks as released", "nothing is written", texts(_released(maker)),
        dict.fromkeys(ids, 0.0),
    )  # fmt: skip
    other = {answer.exercise: answer.code for answer in _one_each(maker.assignment, right_answers)}
    yield Member(
        "another-way", f"other right answers to {len(other)} exercises", "tests ask what it does, not how",
        texts(maker.notebooks(maker.references | other)),
    )  # fmt: skip
    crash = "def {name}(*args, **kwargs):\n    return undefined_helper(args)\n"
    yield Member(
        "crashes", f"{needed} raises a NameError", "one exercise is lost, with the line at fault",
        texts(maker.but(needed, _each_name(maker, needed, crash))), {needed: 0.0},
    )  # fmt: skip
    loop = "def {name}(*args, **kwargs):\n    while True:\n        pass\n"
    yield Member(
        "endless-loop", f"{needed} never returns", "stopped after its time; the rest is graded",
        texts(maker.but(needed, _each_name(maker, needed, loop))), {needed: 0.0},
    )  # fmt: skip


def _of_written_answers(maker: _Maker) -> Iterator[Member]:
    """Where people mark everything."""
    yield Member("reference", "every answer written", "people mark it", texts(maker.notebooks()))
    yield Member("untouched", "the notebooks as released", "nothing is written", texts(_released(maker)))
    file = maker.assignment.problems[0].notebook_file
    broken = texts(maker.notebooks())
    broken[file] = broken[file][: len(broken[file]) // 2]
    state = ReportStatus.PARTLY_GRADED if len(maker.assignment.problems) > 1 else ReportStatus.NOT_GRADED
    yield Member("broken-json", f"half of {file} was uploaded", "not graded, which is not a zero", broken, state=state)


def _released(maker: _Maker) -> Notebooks:
    problems = maker.assignment.problems
    return {item.notebook_file: release_notebook(maker.assignment, item.notebook_file) for item in problems}


def _misconceptions(maker: _Maker) -> Iterator[Member]:
    answers = list(_one_each(maker.assignment, wrong_answers))
    counts = Counter(answer.name for answer in answers)
    for answer in answers:
        shared = counts[answer.name] > 1  # two problems may use the same name
        yield Member(
            f"{answer.exercise}-{answer.name}" if shared else answer.name,
            f"{answer.exercise}: {' '.join(answer.about.split())}", "that exercise loses points, and no other one",
            texts(maker.but(answer.exercise, answer.code)), below=frozenset({answer.exercise}),
        )  # fmt: skip


def _one_each(assignment: Assignment, answers: Callable[[Problem], tuple[SampleAnswer, ...]]) -> Iterable[SampleAnswer]:
    """One answer for each exercise: the first, of wrong ones the first that most tests catch."""
    found: dict[str, SampleAnswer] = {}
    for answer in (answer for problem in assignment.problems for answer in answers(problem)):
        if len(answer.must_fail) > len(found.setdefault(answer.exercise, answer).must_fail):
            found[answer.exercise] = answer
    return found.values()


def _odd_files(maker: _Maker, first: Problem, needed: str) -> Iterator[Member]:
    file = first.notebook_file
    books = maker.notebooks()
    books[file]["cells"] = [cell for cell in books[file]["cells"] if cell["id"] != needed]
    yield Member(
        "deleted-cell", f"the cell of {needed} is gone", "it counts as not written; the maximum stays",
        texts(books), {needed: 0.0}, says=needed,
    )  # fmt: skip
    books = maker.notebooks()
    cells = books[file]["cells"]
    place = next(number for number, cell in enumerate(cells) if cell["id"] == needed)
    cells.insert(place, copy.deepcopy(cells[place]) | {"source": maker.stub(needed)})
    yield Member(
        "duplicated-cell", f"{needed} stands twice, an old copy first", "the later copy is graded, and a note says so",
        texts(books), says="appears twice",
    )  # fmt: skip
    renamed = texts(maker.notebooks())
    renamed["final FINAL (2).ipynb"] = renamed.pop(file)
    yield Member("renamed-file", f"{file} under another name", "found by the ids inside", renamed, says="final FINAL")
    broken = texts(maker.notebooks())
    broken[file] = broken[file][: len(broken[file]) // 2]
    ungraded: dict[str, float | None] = dict.fromkeys((item.id for item in first.exercises), None)
    several = len(maker.assignment.problems) > 1
    state = ReportStatus.PARTLY_GRADED if several else ReportStatus.NOT_GRADED
    yield Member(
        "broken-json", f"half of {file} was uploaded", "not graded, which is not a zero; other notebooks are graded",
        broken, ungraded, state=state,
    )  # fmt: skip
    if several:
        missing = texts(maker.notebooks())
        del missing[file]
        yield Member(
            "missing-notebook", f"{file} was not handed in", "its exercises count as not written", missing,
            dict.fromkeys((item.id for item in first.exercises), 0.0), says="was not handed in",
        )  # fmt: skip


def _hostile(maker: _Maker, first: Problem, needed: str) -> Iterator[Member]:
    file = first.notebook_file
    books = maker.notebooks()
    for cell in books[file]["cells"]:
        if cell["cell_type"] == "code" and cell["metadata"].get("tags") == ["show"]:
            data = {"text/html": SCRIPT, "image/svg+xml": f"<svg>{SCRIPT}</svg>", "image/png": "bm90IGEgcG5n"}
            cell["outputs"] = [{"output_type": "display_data", "data": data, "metadata": {}}]
        if cell["id"] in {answer.id for answer in first.answers}:
            cell["source"] = f"# My answer. {SCRIPT}"
    yield Member(
        "hostile-figure", "script in outputs and in a written answer", "graded; nothing of it reaches a page",
        texts(books),
    )  # fmt: skip
    points = copy.deepcopy(maker.notebooks({}))
    for cell in points[file]["cells"]:
        if "points" in cell["metadata"].get("nbgrader", {}):
            cell["metadata"]["nbgrader"]["points"] = 1000
            cell["source"] = "print(1000)"
            cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "1000"}]
    yield Member(
        "inflates-points", "1000 points in the metadata, baked outputs", "points come from the course",
        texts(points), dict.fromkeys(maker.references, 0.0),
    )  # fmt: skip
    yield Member(
        "equals-everything", f"{needed} returns a tensor that equals all, and patches torch's comparisons",
        "values are compared in another process", texts(maker.but(needed, _each_name(maker, needed, EQUALS))),
        {needed: 0.0},
    )  # fmt: skip
    yield Member(
        "leaves-early", f"{needed} ends the process with exit code 0", "a dead process passes nothing",
        texts(maker.but(needed, _each_name(maker, needed, LEAVES))), {needed: 0.0},
    )  # fmt: skip
    yield Member(
        "reads-the-tests", f"{needed} looks for tests, gradebook and answers",
        "its process sees no file of the course and has no network",
        texts(maker.but(needed, _each_name(maker, needed, READS))), {needed: 0.0},
    )  # fmt: skip


def _each_name(maker: _Maker, exercise: str, code: str) -> str:
    names = maker.assignment.manifest.exercise(exercise).names
    return "\n\n".join(code.replace("{name}", name) for name in names)


EQUALS = """
import torch, torch.testing, builtins

class Anything(torch.Tensor):
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        return True
    def __eq__(self, other):
        return True
    def __bool__(self):
        return True

torch.allclose = torch.equal = torch.testing.assert_close = lambda *args, **kwargs: True

def {name}(*args, **kwargs):
    return torch.zeros(1).as_subclass(Anything)
"""
LEAVES = """
import os

def {name}(*args, **kwargs):
    print("all tests passed, 100/100")
    os._exit(0)
"""
READS = """
import gc, glob, os, sys

def {name}(*args, **kwargs):
    found = glob.glob("/**/test_hidden.py", recursive=True) + glob.glob("/**/gradebook.db", recursive=True)
    for path in found:
        open(path, "ab").write(b"100")
    frames = [frame for frame in sys._current_frames().values()]
    expected = [item for item in gc.get_objects() if type(item).__name__ == "Outcome"]
    return expected[0] if expected else found[0] if found else frames[0].f_locals.get("expected")
"""
