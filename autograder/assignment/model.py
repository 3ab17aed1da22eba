"""An assignment as its staff wrote it: its problems, their cells, exercises, answers and tests."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path

from autograder.assignment.notebook_source import (
    CLOSING,
    CLOSING_ID,
    PREVIEW,
    PREVIEW_ID,
    SETUP_ID,
    SourceCell,
    cells_above_setup,
)
from autograder.assignment.test_files import Case
from autograder.errors import CourseError
from kit.exercises import HELPERS_FILE
from kit.manifest import Answer, Cell, Exercise, Manifest, Notebook


@dataclass(frozen=True)
class Problem:
    """One problem of an assignment: its folder, its cells as written, and what its files agree on."""

    name: str
    title: str
    folder: Path
    notebook_file: str
    cells: tuple[SourceCell, ...]
    exercises: tuple[Exercise, ...]
    answers: tuple[Answer, ...]
    public_cases: tuple[Case, ...]
    hidden_cases: tuple[Case, ...]

    @property
    def public_tests(self) -> Path:
        return self.folder / "test_public.py"

    @property
    def hidden_tests(self) -> Path:
        return self.folder / "test_hidden.py"

    @property
    def test_helpers(self) -> Path:
        """What public and hidden tests share; there need not be any."""
        return self.folder / HELPERS_FILE

    @property
    def shipped_tests(self) -> tuple[Path, ...]:
        """The test files that students get."""
        return (self.public_tests, self.test_helpers) if self.test_helpers.is_file() else (self.public_tests,)

    @property
    def rubric(self) -> Path:
        return self.folder / "rubric.md"

    @property
    def references(self) -> dict[str, str]:
        """Exercise id to the reference cell, solution included."""
        return {cell.name: cell.source for cell in self.cells if cell.kind == "exercise"}


@dataclass(frozen=True)
class Assignment:
    """One assignment: what assignment.toml says, and its problems in teaching order."""

    root: Path
    name: str
    title: str
    version: str
    due: datetime | None
    library: str
    release_url: str
    submission_seconds: float
    canary: str
    public_lines: tuple[str, ...]
    problems: tuple[Problem, ...]

    @property
    def folder(self) -> Path:
        return self.root / "assignments" / self.name

    @property
    def library_folder(self) -> Path:
        return self.folder / self.library

    @cached_property
    def manifest(self) -> Manifest:
        """What the release says about itself. The set-up cell's text is left out: it holds the archive's own hash."""
        return Manifest(
            assignment=self.name,
            title=self.title,
            version=self.version,
            library=self.library,
            notebooks=tuple(_notebook(problem) for problem in self.problems),
            exercises=tuple(exercise for problem in self.problems for exercise in problem.exercises),
            answers=tuple(answer for problem in self.problems for answer in problem.answers),
            release_url=self.release_url,
            submission_seconds=self.submission_seconds,
        )

    def problem(self, name: str) -> Problem:
        """The problem of this name; CourseError naming the known ones otherwise."""
        for problem in self.problems:
            if problem.name == name:
                return problem
        known = ", ".join(problem.name for problem in self.problems)
        raise CourseError(f"{self.name} has no problem {name!r}. It has: {known}")


def _notebook(problem: Problem) -> Notebook:
    closing = (Cell(CLOSING_ID, "text", CLOSING), Cell(PREVIEW_ID, "show", PREVIEW))
    cells = [Cell(cell.id, cell.kind, cell.released) for cell in problem.cells]
    cells.insert(cells_above_setup(problem.cells), Cell(SETUP_ID, "show", ""))
    return Notebook(problem.notebook_file, problem.name, problem.title, (*cells, *closing))
