"""The report of similar answers: a page that stands alone, and a table of all pairs."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from autograder.assignment.model import Assignment
from autograder.csv_cells import harmless
from autograder.files import write_atomically
from autograder.similarity.alike import Alike
from autograder.similarity.compare import Comparison
from kit.text import on_one_line

MAX_SHOWN = 200  # pairs that the page shows side by side
MAX_LINES = 400  # of an answer
COLUMNS = ("question", "one", "other", "lines alike", "of lines", "tokens alike")


@dataclass(frozen=True)
class Line:
    """A line of an answer. mark: "few" where only few have it, "both" where both have it, else empty."""

    number: int
    text: str
    mark: str


@dataclass(frozen=True)
class Couple:
    """Two students: the questions in which they are alike, each with its place on the page."""

    names: tuple[str, str]
    pairs: tuple[tuple[int, Alike], ...]

    @property
    def lines(self) -> int:
        return sum(pair.amount[0] for _, pair in self.pairs)


def write(assignment: Assignment, found: Comparison, folder: Path) -> tuple[Path, Path]:
    """Write index.html and pairs.csv into the folder; returns their paths."""
    page, table = folder / "index.html", folder / "pairs.csv"
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(page, html(assignment, found).encode("utf-8", "backslashreplace"))
    write_atomically(table, as_csv(found.alike).encode("utf-8", "backslashreplace"))
    return page, table


def as_csv(pairs: Iterable[Alike]) -> str:
    """One row a pair, those of one question together."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for pair in pairs:
        row = (pair.question, *(one.name for one in pair.answers), *pair.amount, pair.tokens)
        writer.writerow(map(harmless, row))
    return text.getvalue()


def html(assignment: Assignment, found: Comparison) -> str:
    """The page. Everything that students wrote is escaped, and shows what it holds."""
    templates = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True, undefined=StrictUndefined
    )
    templates.globals["shown"] = on_one_line
    couples = _couples(found.alike)
    shown = [pair for couple in couples for pair in couple.pairs][:MAX_SHOWN]
    return templates.get_template("similar.html.j2").render(
        title=f"{assignment.title}: similar answers",
        found=found,
        couples=couples,
        shown_up_to=MAX_SHOWN,
        compared=[(number, pair, _side(pair, 0), _side(pair, 1)) for number, pair in shown],
        more=len(found.alike) - len(shown),
    )


def _couples(pairs: Iterable[Alike]) -> list[Couple]:
    """By student pair, those with most in common first; pairs are numbered in this order."""
    by_names: dict[tuple[str, str], list[Alike]] = defaultdict(list)
    for pair in pairs:
        names = sorted(answer.name for answer in pair.answers)
        by_names[names[0], names[1]].append(pair)
    ordered = sorted(by_names.items(), key=lambda item: (-sum(pair.tokens for pair in item[1]), item[0]))
    couples, number = [], 0
    for couple, theirs in ordered:
        couples.append(Couple(couple, tuple(enumerate(theirs, start=number + 1))))
        number += len(theirs)
    return couples


def _side(pair: Alike, which: int) -> list[Line]:
    few, both = pair.lines[which], pair.like[which]
    return [
        Line(
            number,
            on_one_line(text.replace("\t", "    ")),
            "few" if number in few else "both" if number in both else "",
        )
        for number, text in enumerate(pair.answers[which].source.splitlines()[:MAX_LINES], start=1)
    ]
