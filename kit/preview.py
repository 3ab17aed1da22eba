"""What of a notebook will be graded, before it is handed in: read by the same code as at grading."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from kit import home_warnings, running_notebook, versions
from kit.answers import Outside, outside
from kit.cells import compile_error, one_line
from kit.manifest import Manifest
from kit.notebooks import Extraction, is_written
from kit.reading import Reading
from kit.release import Release, ReleaseError, Saved, SavedNotebook, find_release, read_all
from kit.text import on_one_line, say, visible
from kit.weights import WeightsError, read_weights

WRITTEN, NOT_WRITTEN, NO_CELL, NOT_COMPILED = "written", "NOT WRITTEN", "NOT THERE", "does not compile, "
ELSEWHERE = "written elsewhere, in "
MAX_NAMED = 4
PreviewTable = tuple[str, tuple[str, ...], tuple[tuple[str, ...], ...]]  # title, columns, rows


@dataclass(frozen=True)
class NotebookPreview:
    """One notebook as the grader will read it."""

    saved: SavedNotebook
    extraction: Extraction
    exercises: tuple[tuple[str, str], ...]
    answers: tuple[tuple[str, str], ...]
    stale: bool
    freshness: str
    warnings: tuple[str, ...]

    @property
    def unfinished(self) -> list[str]:
        """Exercises and answers in which nothing is written."""
        return [name for name, state in (*self.exercises, *self.answers) if state in (NOT_WRITTEN, NO_CELL)]

    @property
    def uncompiled(self) -> list[str]:
        """A line for each exercise that gets no points because its cell does not compile."""
        return [f"{name}: {state}" for name, state in self.exercises if state.startswith(NOT_COMPILED)]

    @property
    def elsewhere(self) -> list[str]:
        """A line for each answer that stands outside its cell."""
        return [
            f"your answer to {name} stands outside its cell, in {state.removeprefix(ELSEWHERE)}: markers will see it"
            for name, state in self.answers
            if state.startswith(ELSEWHERE)
        ]

    @property
    def notes(self) -> list[str]:
        """What to know about how it will be read, and what works here and will not at grading."""
        notes = [f"Note: {note}" for note in self.extraction.notes]
        return [*notes, *(f"Warning: {warning}" for warning in self.warnings)]

    @property
    def title(self) -> str:
        name, released = self.saved.path.name, self.saved.notebook.file
        return name if name == released else f"{name} (released as {released})"

    @property
    def tables(self) -> list[PreviewTable]:
        """What to show, each as title, column heads and rows. Tables without rows are left out."""
        work = [(name, "code", state) for name, state in self.exercises]
        kinds = {cell.id: cell.kind for cell in self.saved.notebook.cells}
        work += [(name, "code" if kinds[name].is_code else "text", state) for name, state in self.answers]
        left_out = [(f"{item.label}, line {item.line}", item.text, item.why) for item in self.extraction.left_out]
        tables: list[PreviewTable] = [
            ("Your work", ("id", "kind", "state"), tuple(work)),
            ("Code that will run at grading", ("cell", "begins with"), tuple(_beginnings(self.extraction))),
            ("Left out", ("where", "text", "why"), tuple(left_out)),
        ]
        return [table for table in tables if table[2]]


def examine(manifest: Manifest, saved: SavedNotebook, *, compare: bool = True) -> NotebookPreview:
    """Read one notebook as at grading. compare: also against what this kernel ran, if it is the notebook's own."""
    extraction = saved.reading.extraction
    here = {cell.id for cell in saved.notebook.cells if cell.kind.is_solution}
    exercises = tuple((e.id, _exercise_state(e.id, extraction)) for e in manifest.exercises if e.id in here)
    texts = outside(saved.reading)
    answers = tuple(
        (answer.id, _answer_state(answer.id, saved.reading, texts.get(answer.id, ())))
        for answer in manifest.answers
        if answer.id in here
    )
    stale, freshness = running_notebook.saved_remark(saved) if compare else (False, "read from the page as it is now")
    warnings = tuple(home_warnings.of_notebook(manifest, extraction, saved.path.absolute().parent))
    return NotebookPreview(saved, extraction, exercises, answers, stale, freshness, warnings)


def preview() -> None:
    """Show what of this notebook will be graded, and whether it is saved: the last cell of every notebook."""
    try:
        release = find_release()
        reports, remarks = _reports_here(release, sys._getframe(1).f_globals)
    except ReleaseError as error:
        say(f"No preview: {error}")
        return
    remarks = [
        *remarks,
        *weights_lines(release),
        *_remarks(reports),
        *_of_folders(release, reports),
        *versions.remarks(),
    ]
    text = "\n\n".join([*(as_text(report) for report in reports), "\n".join([*remarks, versions.summary()])])
    if running_notebook.shell() is None:
        say(text)
        return
    from IPython.display import display

    html = "".join(as_html(report) for report in reports) + _html_lines([*remarks, versions.summary()])
    display({"text/plain": text, "text/html": html}, raw=True)  # type: ignore[no-untyped-call]


def run(release: Release, paths: Sequence[Path]) -> int:
    """`python -m kit preview`: print a report for each notebook; 0, or 1 where one could not be read."""
    saved = read_all(release, paths)
    reports = [examine(release.manifest, own) for own in saved.notebooks]
    for report in reports:
        say(as_text(report) + "\n")
    missing = [] if paths else missing_notebooks(release, saved)
    remarks = _remarks(reports) if reports else []
    for line in [
        *saved.remarks,
        *missing,
        *weights_lines(release),
        *remarks,
        *_of_folders(release, reports),
        *versions.remarks(),
    ]:
        say(on_one_line(line))
    say(versions.summary())
    for error in saved.errors:
        say(f"error: {error}", sys.stderr)
    return 1 if saved.errors or not reports else 0


def missing_notebooks(release: Release, saved: Saved) -> list[str]:
    """A line for each released notebook that is not there."""
    there = {own.notebook.file for own in saved.notebooks}
    return [f"{book.file} is not there" for book in release.manifest.notebooks if book.file not in there]


def weights_lines(release: Release) -> list[str]:
    """A line for each file of weights that may be handed in: whether it is there and can be used."""
    return [f"{name}: {_weights_state(release.find_file(name))}" for name in release.manifest.weights]


def _weights_state(data: bytes | None) -> str:
    if data is None:
        return "not there (it is written beside the notebooks)"
    try:
        tensors = read_weights(data)
    except WeightsError as error:
        return f"CANNOT BE USED: {error}"
    return f"{len(tensors)} tensors, {sum(tensor.numel() for tensor in tensors.values()):,} numbers"


def as_text(report: NotebookPreview) -> str:
    """The report as plain text."""
    lines = [report.title, f"  {report.freshness}"]
    for title, _, rows in report.tables:
        lines += ["", f"  {title}"]
        widths = [min(max(len(row[i]) for row in rows), 44) for i in range(len(rows[0]) - 1)]
        for row in rows:
            cells = [one_line(cell, 44).ljust(width) for cell, width in zip(row, widths, strict=False)]
            lines.append("    " + "  ".join([*cells, row[-1]]))
    lines += ["", *(f"  {line}" for line in report.notes)] if report.notes else []
    return "\n".join(map(on_one_line, lines))


def as_html(report: NotebookPreview) -> str:
    """The report as tables that keep the reader's theme."""
    freshness = f"<b>{escape(report.freshness)}</b>" if report.stale else escape(report.freshness)
    parts = [f"<h4>{escape(visible(report.title))}</h4><div>{freshness}</div>"]
    for title, columns, rows in report.tables:
        parts.append(f"<b>{escape(title)}</b>{_html_table(columns, rows)}")
    return "".join(parts) + _html_lines(report.notes)


def _reports_here(release: Release, namespace: dict[str, object]) -> tuple[list[NotebookPreview], list[str]]:
    if running_notebook.in_colab():
        report = examine(release.manifest, running_notebook.colab_notebook(release), compare=False)
        return [report], ["In Colab the notebook is no file here: kit.pack() makes the file to hand in."]
    saved = read_all(release)
    here = running_notebook.problem_here(release, namespace)
    wanted = [own for own in saved.notebooks if here is None or own.notebook.problem == here]
    remarks = [*saved.remarks, *saved.errors]
    if not wanted:
        remarks.append(f"This notebook is not saved in {release.root}: save it there, then run this cell again.")
    return [examine(release.manifest, own) for own in wanted], remarks


def _remarks(reports: Iterable[NotebookPreview]) -> list[str]:
    reports = list(reports)
    unfinished = [name for report in reports for name in report.unfinished]
    remarks = [line for report in reports for line in (*report.uncompiled, *report.elsewhere)]
    remarks += [f"Unfinished: {', '.join(unfinished)}."] if unfinished else []
    is_finished = not unfinished and not any(report.uncompiled for report in reports)
    return [*remarks, "Nothing is unfinished."] if is_finished else remarks


def _of_folders(release: Release, reports: Iterable[NotebookPreview]) -> list[str]:
    folders = {release.root, *(report.saved.path.absolute().parent for report in reports)}
    return [f"Warning: {line}" for line in home_warnings.of_folder(release.manifest, folders)]


def _exercise_state(exercise: str, extraction: Extraction) -> str:
    if exercise in extraction.missing:
        return NO_CELL
    if exercise in extraction.stubs:
        return NOT_WRITTEN
    own = [cell.source for cell in extraction.cells if cell.exercise == exercise]
    error = "" if exercise in extraction.redefined else "".join(compile_error(source) for source in own)
    return NOT_COMPILED + error if error else WRITTEN


def _answer_state(answer: str, reading: Reading, texts: Iterable[Outside]) -> str:
    cell = reading.answers.get(answer)
    if cell is not None and is_written(cell):
        return WRITTEN
    cells = list(dict.fromkeys(f"cell {item.cell.position}" for item in texts if item.text and item.beside))
    if cells:
        return ELSEWHERE + ", ".join(cells[:MAX_NAMED]) + (" and others" if len(cells) > MAX_NAMED else "")
    return NO_CELL if cell is None else NOT_WRITTEN


def _beginnings(extraction: Extraction) -> Iterable[tuple[str, str]]:
    """Every cell that runs, once, with its first line and how many parts of it run; guesses only by their number."""
    parts: dict[str, list[str]] = {}
    guesses = 0
    for cell in extraction.cells:
        line = one_line(cell.source)
        if line.startswith("guess_"):
            guesses += 1
        else:
            parts.setdefault(cell.label, []).append(line)
    for label, lines in parts.items():
        yield label, lines[0] + (f"  (and {len(lines) - 1} more)" if len(lines) > 1 else "")
    if guesses:
        yield (f"{guesses} guesses", "which are never graded") if guesses > 1 else ("1 guess", "which is never graded")


def _html_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    style = 'style="text-align:left;vertical-align:top"'
    head = "".join(f"<th {style}>{escape(name)}</th>" for name in columns)
    body = "".join("<tr>" + "".join(f"<td {style}>{_marked(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>"


def _marked(cell: str) -> str:
    shown = escape(visible(cell))
    return f"<b>{shown}</b>" if cell.startswith((NOT_WRITTEN, NO_CELL, NOT_COMPILED)) else shown


def _html_lines(lines: Iterable[str]) -> str:
    return "".join(f"<div>{escape(visible(line))}</div>" for line in lines)
