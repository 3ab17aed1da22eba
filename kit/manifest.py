"""What a release is made of: its notebooks cell by cell, its exercises and their points.

Shipped as ``tests/manifest.json``; the grader and the student's side read the same one.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from kit.conflicts import conflict_line
from kit.libraries import LARGE

SCHEMA = 1
CHECK = "-check"


class CellKind(StrEnum):
    """What a released cell is for."""

    EXERCISE = "exercise"
    CHECK = "check"
    ANSWER = "answer"
    CODE_ANSWER = "code_answer"
    GIVEN = "given"
    SHOW = "show"
    GUESS = "guess"
    TEXT = "text"

    @property
    def is_code(self) -> bool:
        return self not in (CellKind.TEXT, CellKind.ANSWER)

    @property
    def is_answer(self) -> bool:
        """Whether students write here what a person marks: text, or code."""
        return self in (CellKind.ANSWER, CellKind.CODE_ANSWER)

    @property
    def is_solution(self) -> bool:
        """Whether students write here what is graded."""
        return self is CellKind.EXERCISE or self.is_answer

    @property
    def has_points(self) -> bool:
        """Whether nbgrader keeps a score for the cell."""
        return self is CellKind.CHECK or self.is_answer

    @property
    def is_locked(self) -> bool:
        """Whether students are to leave the cell as it is."""
        return self in (CellKind.CHECK, CellKind.GIVEN)

    @property
    def is_known_to_nbgrader(self) -> bool:
        return self.is_solution or self.is_locked


def check_id(exercise_id: str) -> str:
    """The id of an exercise's check cell: nbgrader's grade_id, which holds the points."""
    return exercise_id + CHECK


def version_order(version: str) -> tuple[tuple[int, str], ...]:
    """What versions are ordered by: 1.9 comes before 1.10, and 1.1 is 1.1.0."""
    parts = [(int(number or 0), word) for number, word in re.findall(r"(\d{1,9})|([^\d._-]+)", version, re.ASCII)]
    while parts and parts[-1] == (0, ""):
        parts.pop()
    return tuple(parts)


def text_id(kind: CellKind, source: str) -> str:
    """The id of a cell that is known by its text alone: the same text has the same id in every version."""
    return "c-" + hashlib.sha256(f"{kind}\n{source}".encode()).hexdigest()[:12]


def exercise_of_check(cell_id: str) -> str | None:
    """The exercise of a check cell's id; None for any other id."""
    return cell_id.removesuffix(CHECK) if cell_id.endswith(CHECK) else None


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell as released. ``id`` is the notebook's cell id and, for graded cells, nbgrader's grade_id.

    The set-up cell's source is left out (empty). was: ids that the cell had in earlier releases.
    """

    id: str
    kind: CellKind
    source: str
    was: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Notebook:
    """One released notebook: ``file`` is its name in the release, such as 1_masked_autoencoder.ipynb."""

    file: str
    problem: str
    title: str
    cells: tuple[Cell, ...]

    @property
    def by_id(self) -> dict[str, Cell]:
        """The cells by their ids, those of earlier releases among them."""
        return {name: cell for cell in self.cells for name in (*cell.was, cell.id)}

    @property
    def is_tested(self) -> bool:
        """Whether it holds an exercise, rather than written answers alone."""
        return any(cell.kind is CellKind.EXERCISE for cell in self.cells)


@dataclass(frozen=True, slots=True)
class Exercise:
    """One automatically graded exercise. ``names``: the top-level functions and classes its cell defines.

    weights: the name of a file of trained weights that is handed in with it; empty where there is none.
    leaderboard: what the list is called in which a probe's accuracy is compared; empty where it is not.
    """

    id: str
    problem: str
    points: float
    depends: tuple[str, ...]
    names: tuple[str, ...]
    public_tests: int
    hidden_tests: int
    call_seconds: float
    weights: str = ""
    leaderboard: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer that a person marks: a text, or code."""

    id: str
    problem: str
    points: float


@dataclass(frozen=True, slots=True)
class Manifest:
    """Everything both sides must agree on about one version of an assignment.

    libraries: those of torch, numpy and matplotlib that the set works with.
    packages: what students' code may import at grading, beside those and the set's own library.
    python, torch: the versions with which it is graded ("3.11"; empty: not said).
    """

    assignment: str
    title: str
    version: str
    library: str
    notebooks: tuple[Notebook, ...]
    exercises: tuple[Exercise, ...]
    answers: tuple[Answer, ...]
    release_url: str
    submission_seconds: float
    packages: tuple[str, ...] = ()
    libraries: tuple[str, ...] = LARGE
    python: str = "3.11"
    torch: str = ""

    @property
    def grader(self) -> str:
        """What the grader has, in two sentences for students."""
        versions = [f"Python {self.python}", *([f"torch {self.torch}"] if self.torch else [])]
        packages = ["Python's own library", *self.libraries, *filter(None, [self.library]), *self.packages]
        *first, last = packages
        allowed = f"{', '.join(first)} and {last}" if first else last
        return (
            f"The grader has {' and '.join(versions)}. Code may import {allowed}: "
            "anything else is missing there, and an error where it is used."
        )

    @property
    def importable(self) -> tuple[str, ...]:
        """What students' code may import at grading, beside Python's own library and the set's."""
        return tuple(dict.fromkeys((*self.libraries, *self.packages)))

    @property
    def points(self) -> dict[str, float]:
        """Points by the id of the cell for which nbgrader keeps them."""
        checks = {check_id(exercise.id): exercise.points for exercise in self.exercises}
        return checks | {answer.id: answer.points for answer in self.answers}

    def exercise(self, exercise_id: str) -> Exercise:
        """The exercise of this id; KeyError naming the known ones otherwise."""
        for exercise in self.exercises:
            if exercise.id == exercise_id:
                return exercise
        known = ", ".join(exercise.id for exercise in self.exercises)
        raise KeyError(f"no exercise {exercise_id!r} in {self.assignment}; there are: {known}")

    @property
    def weights(self) -> tuple[str, ...]:
        """The files of weights that may be handed in."""
        return tuple(exercise.weights for exercise in self.exercises if exercise.weights)

    def earlier(self, exercise_id: str) -> tuple[str, ...]:
        """The exercises that this one builds on, directly or not, in teaching order."""
        return tuple(exercise.id for exercise in earlier(self.exercises, exercise_id))

    def notebook_of(self, cell_id: str) -> Notebook:
        """The notebook that holds the exercise or written answer of this id; KeyError if none does."""
        for notebook in self.notebooks:
            if any(cell.id == cell_id and cell.kind.is_solution for cell in notebook.cells):
                return notebook
        raise KeyError(f"no notebook of {self.assignment} holds {cell_id!r}")

    def to_json(self) -> str:
        """The manifest as stable, readable JSON text, ending with a newline."""
        data = dataclasses.asdict(self)
        for cell in (cell for book in data["notebooks"] for cell in book["cells"] if not cell["was"]):
            del cell["was"]
        for exercise in data["exercises"]:
            for name in [name for name in ("weights", "leaderboard") if not exercise[name]]:
                del exercise[name]
        return json.dumps({"schema": SCHEMA, **data}, indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Manifest:
        """Read what `to_json` wrote; ValueError saying what is wrong otherwise."""
        try:
            data: Any = json.loads(text)
            schema = data.pop("schema")
            if schema != SCHEMA:
                raise ValueError(f"schema {schema}, this kit reads schema {SCHEMA}")
            return cls(**data | _parts(data))
        except (AttributeError, KeyError, TypeError, json.JSONDecodeError) as error:
            raise ValueError(f"not a manifest: {type(error).__name__}: {error}") from error

    @classmethod
    def read(cls, path: Path) -> Manifest:
        """Read a manifest file; ValueError names the file when it is damaged."""
        try:
            text = path.read_text(encoding="utf-8")
            if line := conflict_line(text):
                raise ValueError(f"it holds a merge conflict (line {line}); staff build it again and git add it")
            return cls.from_json(text)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error


def _cell(data: Mapping[str, Any]) -> Cell:
    return Cell(**{**data, "kind": CellKind(data["kind"]), "was": tuple(data.get("was", ()))})


def earlier(exercises: Sequence[Exercise], exercise_id: str) -> tuple[Exercise, ...]:
    """Those of the exercises, given in teaching order, that one of them builds on, directly or not."""
    found = {exercise_id}
    for exercise in reversed(exercises):  # an exercise depends on earlier ones only
        found |= set(exercise.depends) if exercise.id in found else set()
    return tuple(exercise for exercise in exercises if exercise.id in found - {exercise_id})


def _parts(data: Mapping[str, Any]) -> dict[str, Any]:
    notebooks = tuple(Notebook(**{**book, "cells": tuple(map(_cell, book["cells"]))}) for book in data["notebooks"])
    exercises = tuple(
        Exercise(**{**item, "depends": tuple(item["depends"]), "names": tuple(item["names"])})
        for item in data["exercises"]
    )
    answers = tuple(Answer(**item) for item in data["answers"])
    lists = {name: tuple(data[name]) for name in ("packages", "libraries") if name in data}
    return {"notebooks": notebooks, "exercises": exercises, "answers": answers} | lists
