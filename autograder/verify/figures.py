"""Draws each exercise's figures for the reference and every wrong answer on one sheet: wrong should look wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image, ImageChops, ImageDraw, ImageFont

from autograder.assignment.answers import SampleAnswer, wrong_answers
from autograder.assignment.model import Assignment, Problem
from autograder.errors import CourseError
from autograder.verify.solve import release_copy

CELL_SECONDS = 20.0
WIDTH, COLUMNS, MARGIN = 480, 4, 16  # a panel, in pixels
NEARLY = 0.5  # per cent of the pixels
INK, SOFT, ALARM = "#222222", "#767676", "#B00020"


@dataclass(frozen=True)
class Panel:
    """One answer's figures, what its cells printed, the error that stopped them, and notes about cells left out."""

    name: str
    about: str
    figures: tuple[Image.Image, ...]
    text: str
    error: str
    notes: tuple[str, ...]

    def difference(self, other: Panel) -> float:
        """The share of pixels in which the figures differ: 0 where all are the same, 1 for others in number or size."""
        if [figure.size for figure in self.figures] != [figure.size for figure in other.figures]:
            return 1.0
        pairs = [_differing(*pair) for pair in zip(self.figures, other.figures, strict=True)]
        return sum(count for count, _ in pairs) / max(1, sum(total for _, total in pairs))


@dataclass(frozen=True)
class Sheet:
    """The panels of one exercise; the first is the reference's."""

    exercise: str
    panels: tuple[Panel, ...]

    def remark(self, panel: Panel) -> str:
        """What to say of a wrong answer beside its figures; empty where it stands out."""
        if panel.error:
            return panel.error
        percent = 100 * panel.difference(self.panels[0])
        if percent:
            return f"looks much the same: {percent:.2g} % of the pixels differ" if percent < NEARLY else ""
        if not panel.figures:
            return "no figure"
        return "looks the same" if panel.text == self.panels[0].text else "looks the same; the printed text differs"


def draw_sheets(
    assignment: Assignment,
    into: Path,
    *,
    problem: str | None = None,
    settings: Mapping[str, str] | None = None,
    seconds: float = CELL_SECONDS,
) -> list[Path]:
    """One PNG an exercise, <into>/<exercise>.png: the reference first, then each answer of wrong/.

    settings: environment variables for the cells. seconds: longer cells are stopped, and a note says so. Needs the
    built release. CourseError where a reference cell does not run.
    """
    chosen = [assignment.problem(problem)] if problem else assignment.problems
    problems = [item for item in chosen if item.exercises]
    into.mkdir(parents=True, exist_ok=True)
    written = []
    for item in problems:
        for sheet in sheets(assignment, item, settings or {}, seconds):
            written.append(into / f"{sheet.exercise}.png")
            temporary = into / f".writing-{sheet.exercise}"
            drawn(sheet).save(temporary, format="PNG")
            os.replace(temporary, written[-1])
    return written


def sheets(assignment: Assignment, problem: Problem, settings: Mapping[str, str], seconds: float) -> Iterator[Sheet]:
    """Run the problem's cells in a process of its own, and collect what each answer drew."""
    wrong: dict[str, list[SampleAnswer]] = {name: [] for name in problem.references}
    for answer in wrong_answers(problem):
        wrong[answer.exercise].append(answer)
    with release_copy(assignment) as folder, tempfile.TemporaryDirectory() as out:
        job = {
            "cells": [{"kind": cell.kind, "name": cell.name, "source": cell.source} for cell in problem.cells],
            "answers": {
                name: [source, *(answer.code for answer in wrong[name])] for name, source in problem.references.items()
            },
            "seconds": seconds,
            "libraries": list(assignment.libraries),
            "out": out,
        }
        done = subprocess.run(
            [sys.executable, "-m", "autograder.verify.figure_cells"],
            cwd=folder, input=json.dumps(job), capture_output=True, text=True,
            env={**os.environ, "CUDA_VISIBLE_DEVICES": "", **settings},  # a forked process cannot use a GPU
        )  # fmt: skip
        if done.returncode:
            raise CourseError(f"{problem.folder / 'notebook.py'} did not run:\n{done.stderr[-2000:].rstrip()}")
        for name, answers in wrong.items():
            about = [("reference", ""), *((answer.name, " ".join(answer.about.split())) for answer in answers)]
            yield Sheet(name, tuple(_panel(Path(out) / name, number, *who) for number, who in enumerate(about)))


def _panel(folder: Path, number: int, name: str, about: str) -> Panel:
    path = folder / f"{number}.json"
    if not path.is_file():
        return Panel(name, about, (), "", "the process ended", ())
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    figures = tuple(Image.open(file).convert("RGB") for file in found["figures"])
    return Panel(name, about, figures, found["text"], found["error"], tuple(found["notes"]))


def _differing(one: Image.Image, other: Image.Image) -> tuple[int, int]:
    """How many pixels differ, and how many there are."""
    changed = ImageChops.difference(one, other).convert("L").point(lambda level: 255 if level else 0)
    return changed.histogram()[255], one.width * one.height


def drawn(sheet: Sheet) -> Image.Image:
    """The sheet as one picture."""
    tiles = [_tile(panel, sheet.remark(panel) if number else panel.error) for number, panel in enumerate(sheet.panels)]
    rows = [tiles[start : start + COLUMNS] for start in range(0, len(tiles), COLUMNS)]
    heights = [max(tile.height for tile in row) + MARGIN for row in rows]
    width = MARGIN + min(len(tiles), COLUMNS) * (WIDTH + MARGIN)
    canvas = Image.new("RGB", (width, sum(heights) + 2 * MARGIN + 24), "#F2F2F2")
    ImageDraw.Draw(canvas).text((MARGIN, MARGIN), sheet.exercise, INK, ImageFont.load_default(20))
    top = 2 * MARGIN + 24
    for row, height in zip(rows, heights, strict=True):
        for column, tile in enumerate(row):
            canvas.paste(tile, (MARGIN + column * (WIDTH + MARGIN), top))
        top += height
    return canvas


def _tile(panel: Panel, remark: str) -> Image.Image:
    lines = [(panel.name, INK, 15)]
    lines += [(line, SOFT, 13) for line in textwrap.wrap(panel.about, 68)[:3]]
    lines += [(line, ALARM, 13) for line in textwrap.wrap(remark, 68)[:6]]
    lines += [(line, SOFT, 13) for line in textwrap.wrap("; ".join(panel.notes), 68)]
    figures = [figure.resize((WIDTH, max(1, figure.height * WIDTH // figure.width))) for figure in panel.figures]
    text = [(line, INK, 12) for printed in panel.text.splitlines() for line in textwrap.wrap(printed, 74)][:6]
    height = 20 * (len(lines) + len(text)) + sum(figure.height for figure in figures) + 2 * MARGIN
    tile = Image.new("RGB", (WIDTH, height), "white")
    draw, top = ImageDraw.Draw(tile), MARGIN // 2
    top = _write(draw, lines, top)
    for figure in figures:
        tile.paste(figure, (0, top))
        top += figure.height
    _write(draw, text, top)
    return tile


def _write(draw: ImageDraw.ImageDraw, lines: list[tuple[str, str, int]], top: int) -> int:
    for line, colour, size in lines:
        draw.text((8, top), line, colour, ImageFont.load_default(size))
        top += 20
    return top
