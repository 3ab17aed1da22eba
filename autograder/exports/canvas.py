"""Canvas's gradebook as it was exported, with one column filled."""

from __future__ import annotations

import csv
import io
import re
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from autograder.csv_cells import harmless
from autograder.errors import BadInput
from autograder.exports.scores import FinalScore
from autograder.roster import csv_table
from autograder.roster.csv_table import CsvRow, CsvText, plain
from autograder.roster.roster import Roster, is_canvas, is_canvas_student

POINTS_POSSIBLE = "Points Possible"
_ASSIGNMENT = re.compile(r"(?P<title>.*) \((?P<id>\d+)\)", re.DOTALL)
_IDS = ("id", "sis user id", "sis login id")


@dataclass
class Filled:
    """The file's text; and whom it has no score for, each with the reason.

    unknown: rows that belong to no student of ours. absent: students with a result and no row.
    """

    text: str = ""
    column: str = ""
    written: int = 0
    open: dict[str, str] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def fill(
    path: Path,
    scores: Mapping[str, FinalScore],
    roster: Roster | None,
    *,
    column: str | None,
    titles: Collection[str],
    max_points: float,
) -> Filled:
    """Canvas's file with the assignment's column filled; every other cell as it was.

    column: its name; None: the one that is named like one of `titles`. Canvas finds students by the number in "ID", so
    that a name which begins like a formula can be made harmless. BadInput for a file that is not Canvas's gradebook.
    """
    source = csv_table.read_rows(path)
    header = source.rows[0].cells
    if not is_canvas(tuple(map(plain, header))):
        raise BadInput(f"{path} is not Canvas's gradebook, whose first columns are Student and ID: export it there")
    place = _column(path, header, column, titles)
    filled = Filled(column=header[place])
    known = _by_any_id(roster, scores)
    rows = [header]
    for line in source.rows[1:]:
        cells = [*line.cells, *[""] * (len(header) - len(line.cells))]
        row = CsvRow(line.line, {plain(name): cell.strip() for name, cell in zip(header, cells, strict=False)})
        if row.get("student") == POINTS_POSSIBLE:
            _compare_points(cells[place], max_points, filled)
        elif is_canvas_student(row):
            cells[place] = _cell(row, cells[place], known, scores, filled)
        rows.append(cells)
    found = {student for row in rows[1:] for student in _students(header, row, known)}
    filled.absent = sorted(scores.keys() - found)
    filled.text = _written(source, rows)
    return filled


def _column(path: Path, header: list[str], wanted: str | None, titles: Collection[str]) -> int:
    """Where the assignment's column is; BadInput naming the columns that it could be."""
    assignments = {place: found["title"] for place, name in enumerate(header) if (found := _ASSIGNMENT.fullmatch(name))}
    names = {plain(title) for title in ([wanted] if wanted is not None else titles)}
    places = [place for place, title in assignments.items() if plain(title) in names or plain(header[place]) in names]
    if len(places) == 1:
        return places[0]
    there = ", ".join(repr(header[place]) for place in assignments) or "none"
    what = f"{len(places)} columns" if places else "no column"
    said = repr(wanted) if wanted is not None else " or ".join(map(repr, titles))
    raise BadInput(f"{path} has {what} {said}. Give one with --column: {there}")


def _by_any_id(roster: Roster | None, scores: Mapping[str, FinalScore]) -> dict[str, set[str]]:
    """Whatever a row may say of a person, to the students whom it says it of."""
    known: dict[str, set[str]] = defaultdict(set)
    for name in scores:
        known[name].add(name)
    for person in roster.people if roster is not None else ():
        for said in (person.id, person.email, *person.other_ids):
            known[said].add(person.id)
    known.pop("", None)
    return known


def _said(row: CsvRow) -> set[str]:
    login = row.get("sis login id")
    return {row.get(name) for name in _IDS} | ({login.partition("@")[0]} if login else set()) - {""}


def _student(row: CsvRow, known: Mapping[str, set[str]]) -> set[str]:
    return set().union(*(known.get(said, set()) for said in _said(row)))


def _students(header: list[str], cells: list[str], known: Mapping[str, set[str]]) -> set[str]:
    row = CsvRow(0, {plain(name): cell.strip() for name, cell in zip(header, cells, strict=False)})
    return _student(row, known) if is_canvas_student(row) else set()


def _cell(
    row: CsvRow, before: str, known: Mapping[str, set[str]], scores: Mapping[str, FinalScore], filled: Filled
) -> str:
    """A student's new cell; as it was where there is no final score."""
    students = _student(row, known)
    who = f"line {row.line}: {row.get('student')} ({row.get(*_IDS)})"
    if len(students) != 1:
        why = "is nobody of ours" if not students else f"may be {' or '.join(sorted(students))}"
        filled.unknown.append(f"{who} {why}")
        return before
    (student,) = students
    score = scores.get(student)
    if score is None or score.points is None:
        filled.open[student] = score.why if score is not None else "no result"
        return before
    filled.written += 1
    return f"{score.points:g}"


def _compare_points(cell: str, max_points: float, filled: Filled) -> None:
    try:
        same = float(cell) == max_points
    except ValueError:
        same = False
    if not same:
        there = cell.strip() or "no"
        filled.notes.append(f"Canvas has {there} points for {filled.column}, this set {max_points:g}: change it there")


def _written(source: CsvText, rows: list[list[str]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=source.separator, lineterminator="\r\n" if source.is_windows else "\n")
    writer.writerows([[str(harmless(cell)) for cell in row] for row in rows])
    return text.getvalue()
