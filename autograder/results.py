"""The result of one submission: its fields, its file, and how it is written so that nothing is ever half there."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from autograder.errors import BadInput
from autograder.files import write_atomically
from kit.manifest import Manifest
from kit.outcomes import OutcomeStatus

SCHEMA = 1


class ReportStatus(StrEnum):
    """Whether a submission, or an exercise (never partly), has a score."""

    GRADED = "graded"
    PARTLY_GRADED = "partly graded"
    NOT_GRADED = "not graded"


class Earlier(StrEnum):
    """Whose answers to earlier exercises stood beside an exercise in the run that counted."""

    OWN = "own"
    STAFF = "staff"


@dataclass(frozen=True, slots=True)
class TestResult:
    """One test: `message` is its title and hint, never an input, an expected value or a student's text.

    stopped: the exception that ended it, as far as a student may know; empty where none did.
    """

    __test__ = False

    id: str
    exercise: str
    visibility: str  # public or hidden
    status: OutcomeStatus
    seconds: float
    message: str
    title: str
    weight: float
    stopped: str = ""


@dataclass(frozen=True, slots=True)
class ExerciseResult:
    """One exercise; `score` is None where it could not be graded, and `reason` says why.

    earlier: None for an exercise that builds on no other one, or was not tested.
    explained: the test whose failure says most about what is wrong; None where none failed.
    """

    id: str
    status: ReportStatus
    score: float | None
    max_score: float
    reason: str | None = None
    earlier: Earlier | None = None
    explained: str | None = None


def tested_beside(result: ExerciseResult, manifest: Manifest) -> str:
    """In plain words: with whose earlier answers it was tested, where these are not the student's own."""
    if result.earlier is not Earlier.STAFF:
        return ""
    return f"tested with the course's own {' and '.join(manifest.earlier(result.id))}"


@dataclass(frozen=True, slots=True)
class Report:
    """What the grader says about one submission: the content of `<out>/<assignment>/<student>.json`.

    `auto_score` is None for a submission that could not be graded, and counts the graded exercises of one that was
    partly graded.
    """

    assignment: str
    version: str
    student: str
    status: ReportStatus
    reason: str | None
    auto_score: float | None
    auto_max: float
    seed: int
    isolation: str
    engine: str
    submission: str
    exercises: tuple[ExerciseResult, ...]
    tests: tuple[TestResult, ...]
    notes: tuple[str, ...]
    schema: int = SCHEMA

    def exercise(self, exercise_id: str) -> ExerciseResult | None:
        return next((result for result in self.exercises if result.id == exercise_id), None)

    @property
    def key(self) -> tuple[str, str, int, str, str]:
        """Same key, same result: a submission is graded again only if one of these changed."""
        return self.version, self.engine, self.seed, self.submission, self.isolation

    def to_json(self) -> str:
        data = dataclasses.asdict(self)
        return json.dumps({"schema": data.pop("schema")} | data, indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Report:
        """Raises ValueError for anything that `to_json` did not write."""
        try:
            data = json.loads(text)
            if data["schema"] != SCHEMA:
                raise ValueError(f"schema {data['schema']}, this grader reads {SCHEMA}")
            data["status"] = ReportStatus(data["status"])
            data["notes"] = tuple(data["notes"])
            data["exercises"] = tuple(_exercise(item) for item in data["exercises"])
            data["tests"] = tuple(
                TestResult(**item | {"status": OutcomeStatus(item["status"])}) for item in data["tests"]
            )
            return cls(**data)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"not a result: {error}") from error


def _exercise(item: dict[str, Any]) -> ExerciseResult:
    earlier = item.get("earlier")
    values = {"status": ReportStatus(item["status"]), "earlier": None if earlier is None else Earlier(earlier)}
    return ExerciseResult(**item | values)


@dataclass(frozen=True, slots=True)
class Detail:
    """What a TA may read about a test and no export contains: the assertion's text, and where it arose."""

    id: str
    status: OutcomeStatus
    text: str
    trace: str


@dataclass(frozen=True)
class ResultFolder:
    """`<out>/<assignment>/`: `<student>.json`, `details/<student>.json`, `notebooks/<student>/*.ipynb`."""

    path: Path

    def report_path(self, student: str) -> Path:
        return self.path / f"{student}.json"

    def details_path(self, student: str) -> Path:
        return self.path / "details" / f"{student}.json"

    def notebooks_path(self, student: str) -> Path:
        return self.path / "notebooks" / student

    def refuses(self, student: str) -> str | None:
        """Why the file system takes no file named after this student, such as "File name too long"; None: it does."""
        self.path.mkdir(parents=True, exist_ok=True)
        try:
            self.report_path(student).lstat()
        except FileNotFoundError:
            return None
        except OSError as error:
            return f"no result can have this name ({error.strerror})"
        return None

    def read(self, student: str) -> Report | None:
        """The stored report; None where there is none or it cannot be read."""
        try:
            return Report.from_json(self.report_path(student).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None

    def is_whole(self, student: str) -> bool:
        """Whether all files stand that `write` leaves: a folder of notebooks that is gone is made again by grading."""
        return self.details_path(student).exists() and self.notebooks_path(student).is_dir()

    def all(self) -> list[Report]:
        """Every stored report, by student. BadInput where the folder is missing or a file is damaged."""
        if not self.path.is_dir():
            raise BadInput(f"no results in {self.path}: run `autograder grade` first, or give its --out")
        reports = []
        for path in sorted(self.path.glob("*.json")):
            try:
                reports.append(Report.from_json(path.read_text(encoding="utf-8")))
            except (OSError, ValueError) as error:
                raise BadInput(f"{path} is damaged ({error}): delete it and grade that student again") from error
        return reports

    def write(self, report: Report, details: list[Detail], notebooks: dict[str, dict[str, Any]]) -> None:
        """Store all of one student's files; the report comes last, so that it stands only where the rest does."""
        folder = self.notebooks_path(report.student)
        folder.mkdir(parents=True, exist_ok=True)
        for name, notebook in notebooks.items():
            text = json.dumps(notebook, ensure_ascii=False) + "\n"
            write_atomically(folder / name, text.encode("utf-8", "backslashreplace"))
        for old in folder.glob("*.ipynb"):
            if old.name not in notebooks:
                old.unlink()
        rows = [dataclasses.asdict(detail) for detail in details]
        self.details_path(report.student).parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps(rows, indent=1, ensure_ascii=False) + "\n"
        write_atomically(self.details_path(report.student), text.encode("utf-8", "backslashreplace"))
        write_atomically(self.report_path(report.student), report.to_json().encode("utf-8", "backslashreplace"))

    def sweep(self) -> None:
        """Remove what an interrupted run left half-written."""
        for path in self.path.rglob(".writing-*"):
            path.unlink(missing_ok=True)
