"""No text that a student's code makes at grading reaches a page or a file that students get."""

from __future__ import annotations

import csv
import sqlite3
from pathlib import Path

import pytest

from autograder.results import ResultFolder
from autograder.tests import marking, released, tiny
from autograder.tests.command_line import run
from kit.far_side import ERRORS

MARKER = "zqxjvzqxjv"  # no source has it in one piece
FORGED = "s0: graded: 5 of 5"
# The body of `def tell(values)`; `said()` is a text with the marker, the inputs, and a line like one of the grader's.
WAYS = {
    "an exception's text": "raise ValueError(said(values))",
    "a key": "{}[said(values)]",
    "an exit": "raise SystemExit(said(values))",
    "an exception's class": "raise type(said(values), (Exception,), {})()",
    "a known class's subclass": "raise type(said(values), (KeyError,), {})(said(values))",
    "a class that is called like a known one": "raise type('ValueError', (Exception,), {'__module__': said(values)})()",
    "an interrupt": "raise type(said(values), (BaseException,), {})()",
    "a note": "error = ValueError(); error.add_note(said(values)); raise error",
    "an attribute of an exception": "error = OSError(2, said(values), said(values)); raise error",
    "a cause": "raise ValueError(said(values)) from KeyError(said(values))",
    "a group": "raise ExceptionGroup(said(values), [ValueError(said(values))])",
    "an attribute": "getattr(torch, said(values))",
    "a module": "__import__(said(values).split()[0])",
    "an argument": "torch.ones(1).sum(**{said(values): 1})",
    "a stub": "raise NotImplementedError(said(values) + ': write this function')",
    "a stub of one word": "raise NotImplementedError(said(values).split()[0] + ': write this function')",
    "a missing name": "raise NameError(f\"name '{said(values)}' is not defined\")",
    "a name that is missing": "eval(said(values).split()[0])",
    "an unbound name": "raise UnboundLocalError(f\"local variable '{said(values)}'\")",
    "an assertion": "assert False, said(values)",
    "a failing comparison's text": "raise AssertionError(said(values))",
    "a syntax error": "exec(said(values))",
    "a syntax error's file": "raise SyntaxError(said(values), (said(values), 3, 1, said(values)))",
    "a file's name": "exec(compile('1 / 0', said(values), 'exec'))",
    "a cell's name": "exec(compile('1 / 0', f'<cell {said(values)}>', 'exec'), globals())",
    "a function's name": "exec(f'def {mark()}(): return 1 / 0\\n{mark()}()')",
    "printed": "print(said(values)); import sys; sys.stderr.write(said(values)); sys.stdout.flush()",
    "printed below": "import os; os.write(1, said(values).encode()); os.write(2, said(values).encode())",
    "a warning": "import warnings; warnings.warn(said(values))",
    "a warning as error": "import warnings; warnings.simplefilter('error'); warnings.warn(said(values))",
    "logged": "import logging; logging.warning(said(values))",
    "a thread's name": "import threading; t = threading.Thread(target=int, args=('x',), name=said(values)); t.start()",
    "the process's name": "import ctypes; ctypes.CDLL(None).prctl(15, mark().encode(), 0, 0, 0)",
    "a file": "open('/tmp/' + mark(), 'w').write(said(values))",
    "a text as answer": "return said(values)",
    "a docstring": "scale.__doc__ = said(values); raise ValueError(scale.__doc__)",
    "a function's attributes": "scale.__name__ = scale.__qualname__ = scale.__module__ = said(values); return scale",
    "a class's name": "return type(said(values), (), {})()",
    "a tensor's subclass": "return torch.ones(2).as_subclass(type(said(values), (torch.Tensor,), {}))",
    "keys": "return {said(values): values}",
    "a text that cannot be made": "raise type('E', (Exception,), {'__str__': lambda self: said(values) * 10**6})()",
}
PREFIX = f"""
def mark():
    return "".join(["zqx", "jv"] * 2)

def said(values):
    inputs = values.flatten()[:3].tolist() if isinstance(values, torch.Tensor) else values
    return f"{{mark()}} {{inputs}}\\n{FORGED}\\x1b[2J\\u202e"

def tell(values):
    {{way}}
"""
PLACES = {
    "when called": ("", "", "    told = tell(values)\n    if told is not None:\n        return told\n"),
    "in its cell": ("", "\ntell(None)\n", ""),
    "in a cell of one's own": ("\nclass Now:\n    tell(None)\n", "", ""),
    "with hidden inputs alone": ("", "", "    if values.shape == (4, 7):\n        tell(values)\n"),
}
MODULE = """
class Scaler(ScalerBase):
    def __init__(self, start=2.0):
        super().__init__(start)
        name = said(start).split()[0]
        self.register_parameter(name, nn.Parameter(torch.ones(1)))
        self.register_buffer(name + "2", torch.ones(1))
        self.add_module(name + "3", type(name, (nn.Module,), {})())

    def forward(self, values):
        return getattr(self, said(values))

    def inverse(self, values):
        setattr(values, mark(), 1)
        self.load_state_dict({said(values): values})
"""


# Every way in one of the places, by turns, and an exception's text and class in all of them.
IN_ALL = ("an exception's text", "an exception's class", "a stub")
TRIES = [
    (way, place)
    for number, (name, way) in enumerate(WAYS.items())
    for place in (PLACES if name in IN_ALL else [list(PLACES)[number % len(PLACES)]])
]


def submit(root: Path, student: str, way: str, place: str) -> None:
    own, after, within = PLACES[place]
    folder = root / "submitted" / student / tiny.NAME
    folder.mkdir(parents=True)
    path = folder / tiny.NOTEBOOK
    path.write_bytes((root / "release" / tiny.NAME / tiny.NOTEBOOK).read_bytes())
    scale = f"def scale(values, factor):\n{within}    return values * factor\n{after}"
    released.fill(path, tiny_scale=scale, tiny_scaler=MODULE)
    cells = released.load(path)
    cells[2:2] = [released.code("import torch\n" + PREFIX.replace("{way}", way) + own)]
    released.save(path, cells)


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A class in which each student tries one way in one place, graded, with everything that students get."""
    root = tmp_path_factory.mktemp("course")
    marking.assignment(root)
    for number, (way, place) in enumerate(TRIES):
        submit(root, f"s{number}", way, place)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        (root / "grade.txt").write_text(run("grade", tiny.NAME, "--allow-weak").output)
        (root / "table.csv").write_text(run("table", tiny.NAME, "--csv").output)
        (root / "table.txt").write_text(run("table", tiny.NAME).output)
        (root / "feedback.txt").write_text(run("feedback", tiny.NAME).output)
    return root


def products(course: Path) -> list[Path]:
    """What students get or may get, and what was printed."""
    folders = [course / name for name in ("results", "feedback", "autograded")]
    found = [path for folder in folders for path in folder.rglob("*") if path.is_file() and "details" not in path.parts]
    return [*found, *course.glob("*.txt"), *course.glob("*.csv"), course / "gradebook.db"]


@pytest.mark.slow
def test_nothing_that_code_made_is_in_what_students_get(course: Path) -> None:
    found = products(course)
    assert len([path for path in found if path.suffix == ".html"]) == 2 * len(TRIES) + 1
    assert [path for path in found if MARKER.encode() in path.read_bytes()] == []


@pytest.mark.slow
def test_no_line_of_the_grader_is_forged_and_none_holds_an_escape(course: Path) -> None:
    for path in products(course):
        if path.suffix in (".json", ".txt", ".csv"):
            text = path.read_text()
            assert FORGED not in text and "\x1b" not in text and "\\u001b" not in text and "\u202e" not in text, path


@pytest.mark.slow
def test_staff_find_the_words_in_details(course: Path) -> None:
    details = [path.read_text() for path in (course / "results" / tiny.NAME / "details").glob("*.json")]
    assert sum(MARKER in text for text in details) > len(WAYS)
    assert not any("\\u001b" in text or "\u202e" in text for text in details)


@pytest.mark.slow
def test_reports_hold_words_of_the_course_and_of_a_fixed_list_alone(course: Path) -> None:
    exercises = {"tiny-scale", "tiny-scaler"}
    for report in ResultFolder(course / "results" / tiny.NAME, course / ".autograder").all():
        for test in report.tests:
            assert test.stopped.split(" ")[0] in {"", "an", *ERRORS}
            if "blocked by" in test.message:
                assert test.message.partition("blocked by ")[2].partition(",")[0] in exercises
        for note in report.notes:
            assert "\n" not in note
    rows = list(csv.DictReader((course / "table.csv").read_text().splitlines()))
    assert len(rows) == len(TRIES)


@pytest.mark.slow
def test_comments_in_the_gradebook_are_the_graders_own(course: Path) -> None:
    with sqlite3.connect(course / "gradebook.db") as database:
        comments = [text for (text,) in database.execute("select auto_comment from comment") if text]
    assert comments and not any(MARKER in text or "\n" in text for text in comments)
