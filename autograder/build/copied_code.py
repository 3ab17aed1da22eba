"""Finds copies of an answer in what ships, also with other names and spacing: in code, docstrings, comments, prose.

Two texts are compared by their runs of RUN tokens, in which every name but a keyword or an attribute is the same. What
this cannot see: an answer written another way, cut into pieces shorter than a run, told in words, or drawn.
"""

from __future__ import annotations

import ast
import keyword
import re
from collections.abc import Iterator
from dataclasses import dataclass

from autograder.assignment.answers import right_answers
from autograder.assignment.model import Problem

RUN = 12
SHARE = 0.5  # of an answer's runs; what stands in a release by chance holds less than half of that
ENOUGH = 8  # runs, or all where an answer has fewer: two calls in a row hold some of a short one
_TOKEN = re.compile(r"[A-Za-z_]\w*|\d[\w.]*|[^\w\s]")
_PROMPT = re.compile(r"^[\s#]*(?:>|\.\.\.)+", re.MULTILINE)  # of a quotation or a doctest
_AROUND_CODE = frozenset("#\"'`\\")  # what makes code a comment, a string, a quotation

Runs = frozenset[tuple[str, ...]]


@dataclass(frozen=True)
class KnownAnswer:
    """The code of a solution or of another right answer, without what is given."""

    what: str
    runs: Runs


def copied(answers: list[KnownAnswer], text: str) -> Iterator[str]:
    """What of the answers stands in the text, with its share in per cent."""
    shipped = runs_of(text)
    for answer in answers:
        found = len(answer.runs & shipped)
        share = found / len(answer.runs)
        if share >= SHARE and found >= min(ENOUGH, len(answer.runs)):
            yield f"{share:.0%} of {answer.what}, whatever its names"


def answers_of(problem: Problem) -> Iterator[KnownAnswer]:
    """Every solution and right answer that is long enough to be told from chance."""
    for cell in problem.cells:
        yield from _answer(f"the solution of {cell.name}", runs_of("\n".join(cell.regions)))
    given = {name: runs_of(_without_docstrings(stub)) for name, stub in problem.stubs.items()}
    for answer in right_answers(problem):
        what = f"the right answer {answer.name} to {answer.exercise}"
        yield from _answer(what, runs_of(_without_docstrings(answer.code)) - given[answer.exercise])


def _answer(what: str, runs: Runs) -> Iterator[KnownAnswer]:
    if runs:
        yield KnownAnswer(what, runs)


def runs_of(text: str) -> Runs:
    """Every run of tokens of a text."""
    tokens = list(_tokens(text))
    return frozenset(tuple(tokens[start : start + RUN]) for start in range(len(tokens) - RUN + 1))


def _tokens(text: str) -> Iterator[str]:
    before = ""
    for token in _TOKEN.findall(_PROMPT.sub("", text)):
        if token not in _AROUND_CODE:
            is_name = token[0].isidentifier() and not keyword.iskeyword(token) and before != "."
            yield "name" if is_name else token
            before = token


def _without_docstrings(source: str) -> str:
    """Code without docstrings and imports, both of which answers share with what is given."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Module) and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    tree.body = [node for node in tree.body if not isinstance(node, ast.Import | ast.ImportFrom)]
    return ast.unparse(tree)
