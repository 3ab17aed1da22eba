"""The result of one submission: its fields, its file, and how it is written so that nothing is ever half there."""

from __future__ import annotations

import dataclasses
import hashlib
import hmac
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from autograder.course_key import keyed_digest
from autograder.earlier_results import EarlierResults
from autograder.errors import BadInput
from autograder.files import write_atomically
from kit.manifest import Manifest
from kit.outcomes import OutcomeStatus

SCHEMA = 1
SEAL = "seal"  # the field that holds the digest, made with the course's key, of all others


class ReportStatus(StrEnum):
    """Whether a submission, or an exercise (never partly), has a score."""

    GRADED = "graded"
    PARTLY_GRADED = "partly graded"
    NOT_GRADED = "not graded"


class Earlier(StrEnum):
    """Whose answers to earlier exercises stood beside an exercise in the run that counted."""

    OWN = "own"
    STAFF = "staff"


class Stage(StrEnum):
    """Before the deadline a submission is tested with inputs of its own, after it with those of everyone."""

    PROVISIONAL = "provisional"
    FINAL = "final"


@dataclass(frozen=True, slots=True)
class TestResult:
    """One test: `message` is its title and hint, never an input, an expected value or a student's text.

    stopped: the exception that ended it, as far as a student may know; empty where none did.
    seconds: whole ones, since the time that code takes could tell what a hidden test showed it.
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
    partly graded. files: path to SHA-256 of what is stored beside the report.
    made_of: digests of what `engine` is made of, to tell what a regrade came from: engine, installation, library,
    release, and `tests/<exercise>`.
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
    stage: Stage = Stage.FINAL
    made_of: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    schema: int = SCHEMA

    def exercise(self, exercise_id: str) -> ExerciseResult | None:
        return next((result for result in self.exercises if result.id == exercise_id), None)

    @property
    def key(self) -> tuple[str, str, int, Stage, str, str]:
        """Same key, same result: a submission is graded again only if one of these changed."""
        return self.version, self.engine, self.seed, self.stage, self.submission, self.isolation

    def repeats(self, other: Report) -> bool:
        """Whether another result says the same, apart from how long it took."""
        return self._without_times() == other._without_times()

    def _without_times(self) -> Report:
        tests = tuple(dataclasses.replace(test, seconds=0.0) for test in self.tests)
        return dataclasses.replace(self, tests=tests, files={})

    def to_json(self, **more: str) -> str:
        data = dataclasses.asdict(self)
        return json.dumps({"schema": data.pop("schema")} | data | more, indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Report:
        """Raises ValueError for anything that `to_json` did not write."""
        try:
            return cls.from_data(json.loads(text))
        except RecursionError as error:
            raise ValueError("nested too deep") from error

    @classmethod
    def from_data(cls, data: dict[str, Any]) -> Report:
        """From what `to_json` wrote, parsed; ValueError for anything else."""
        try:
            data = {name: value for name, value in data.items() if name != SEAL}
            if data["schema"] != SCHEMA:
                raise ValueError(f"schema {data['schema']}, this grader reads {SCHEMA}")
            data["status"] = ReportStatus(data["status"])
            data["stage"] = Stage(data.get("stage", Stage.FINAL))
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
    """`<out>/<assignment>/`: `<student>.json`, `details/<student>.json`, `notebooks/<student>/*.ipynb`, `earlier/`.

    A report carries a seal made with the key in the course's `state` folder, and the digests of the other files: what
    was changed since it was written, or was written elsewhere, is not used.
    """

    path: Path
    state: Path

    def report_path(self, student: str) -> Path:
        return self.path / f"{student}.json"

    def details_path(self, student: str) -> Path:
        return self.path / "details" / f"{student}.json"

    def notebooks_path(self, student: str) -> Path:
        return self.path / "notebooks" / student

    @property
    def earlier(self) -> EarlierResults:
        return EarlierResults(self.path / "earlier")

    def number(self, student: str) -> int:
        """The number of the stored result, one more than that of the last one that it replaced."""
        return self.earlier.count(student) + 1

    def numbered(self, student: str, number: int) -> Report:
        """The stored result or an earlier one, as sealed. BadInput where there is none, or it was changed."""
        path, last = self._numbered_path(student, number), self.number(student)
        try:
            return self._trusted(student, path)
        except FileNotFoundError:
            which = f"the numbers are 1 to {last}" if last > 1 else "there is one, number 1, or none"
            raise BadInput(f"{student} has no result {number}: {which}, in {self.path}") from None
        except (OSError, ValueError) as error:
            raise BadInput(f"{path} {error}: it cannot be replayed") from error

    def numbered_unchecked(self, student: str, number: int) -> Report | None:
        """The same whoever wrote it, to compare with; None where there is none or it cannot be read."""
        return _unchecked(self._numbered_path(student, number))

    def _numbered_path(self, student: str, number: int) -> Path:
        is_stored = number == self.number(student)
        return self.report_path(student) if is_stored else self.earlier.report_path(student, number)

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
        """The stored report; None where there is none, or none that can be used (`doubts` says why)."""
        try:
            return self._trusted(student)
        except (OSError, ValueError):
            return None

    def read_unchecked(self, student: str) -> Report | None:
        """The stored report whoever wrote it, to compare with; None where there is none or it cannot be read."""
        return _unchecked(self.report_path(student))

    def is_whole(self, report: Report) -> bool:
        """Whether all files stand as `write` left them."""
        return bool(report.files) and all(self._differs(name, digest) is None for name, digest in report.files.items())

    def doubts(self, students: Iterable[str]) -> dict[str, str]:
        """Those whose stored result cannot be used as it is, each with the reason; grading makes it again."""
        found = {student: self._doubt(student) for student in students}
        return {student: why for student, why in found.items() if why is not None}

    def all(self, students: Collection[str] | None = None) -> list[Report]:
        """Every stored report, or those of some students, by student.

        BadInput where the folder is missing, or naming each report that is damaged or was changed.
        """
        if not self.path.is_dir():
            raise BadInput(f"no results in {self.path}: run `autograder grade` first, or give its --out")
        reports, complaints = [], []
        for path in sorted(self.path.glob("*.json")):
            if students is None or path.stem in students:
                try:
                    reports.append(self._trusted(path.stem))
                except (OSError, ValueError) as error:
                    complaints.append(f"{path} {error}")
        if complaints:
            fix = (
                f"to grade again those alone: `autograder grade {self.path.name}`; one without a submission: delete it"
            )
            raise BadInput("\n".join([*complaints, fix]))
        return reports

    def notebooks(self, report: Report) -> dict[str, dict[str, Any]]:
        """A student's rebuilt notebooks by file name; none where their folder is gone. BadInput if one was changed."""
        folder = self.notebooks_path(report.student)
        if not folder.is_dir():
            return {}
        inner = folder.relative_to(self.path).as_posix() + "/"
        found = {name: digest for name, digest in report.files.items() if name.startswith(inner)}
        for name, digest in found.items():
            if (why := self._differs(name, digest)) is not None:
                fix = f"run `autograder grade {report.assignment} --student {report.student}`"
                raise BadInput(f"{self.path / name} {why}: {fix}")
        return {
            name.removeprefix(inner): json.loads((self.path / name).read_text(encoding="utf-8"))
            for name in sorted(found)
        }

    def write(self, report: Report, details: list[Detail], notebooks: dict[str, dict[str, Any]]) -> None:
        """Store all of one student's files; the report comes last, so that it stands only where the rest does.

        A result that says something else than the one there was is added to the earlier ones.
        """
        self._keep_earlier(report)
        folder = self.notebooks_path(report.student)
        folder.mkdir(parents=True, exist_ok=True)
        files = {folder / name: json.dumps(book, ensure_ascii=False) + "\n" for name, book in notebooks.items()}
        rows = [dataclasses.asdict(detail) for detail in details]
        files[self.details_path(report.student)] = json.dumps(rows, indent=1, ensure_ascii=False) + "\n"
        written = {path: _bytes(text) for path, text in files.items()}
        for path, data in written.items():
            write_atomically(path, data)
        for old in folder.glob("*.ipynb"):
            if old.name not in notebooks:
                old.unlink()
        digests = {path.relative_to(self.path).as_posix(): _sha256(data) for path, data in written.items()}
        text = self._sealed(dataclasses.replace(report, files=digests))
        write_atomically(self.report_path(report.student), _bytes(text))

    def _keep_earlier(self, report: Report) -> None:
        try:
            before = self.report_path(report.student).read_bytes()
        except FileNotFoundError:
            return
        old, new = self.read_unchecked(report.student), Report.from_json(_bytes(report.to_json()).decode())
        if old is None or not old.repeats(new):
            details = self.details_path(report.student)
            self.earlier.keep(report.student, before, details.read_bytes() if details.is_file() else None)

    def sweep(self) -> None:
        """Remove what an interrupted run left half-written."""
        for path in self.path.rglob(".writing-*"):
            path.unlink(missing_ok=True)

    def _doubt(self, student: str) -> str | None:
        try:
            report = self._trusted(student)
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            return f"its stored result {error}"
        reasons = ((name, self._differs(name, digest)) for name, digest in report.files.items())
        return next((f"{self.path / name} {why}" for name, why in reasons if why is not None), None)

    def _trusted(self, student: str, path: Path | None = None) -> Report:
        """ValueError for what this course's grader has not written like this for this student: what it is, in words."""
        try:
            data = json.loads((path or self.report_path(student)).read_text(encoding="utf-8"))
            report = Report.from_data(data)
        except (ValueError, AttributeError, RecursionError) as error:
            raise ValueError(f"is damaged ({error})") from error
        self._check_seal(data)
        if report.student != student:
            raise ValueError(f"is the result of {report.student!r}")
        return report

    def _sealed(self, report: Report) -> str:
        key, seal = self._key_name(), self._seal(json.loads(report.to_json()))
        return report.to_json(**{SEAL: f"{key}:{seal}"})

    def _check_seal(self, data: dict[str, Any]) -> None:
        key, _, seal = str(data.get(SEAL) or "").partition(":")
        if not seal:
            raise ValueError("has no seal: an earlier version of the grader wrote it, or it was changed by hand")
        if key != self._key_name():
            raise ValueError(f"was sealed in another course, or {self.state / 'key'} is not the key it was sealed with")
        if not hmac.compare_digest(seal.encode(), self._seal(data).encode()):
            raise ValueError("was changed after the grader wrote it")

    def _seal(self, data: dict[str, Any]) -> str:
        content = {name: value for name, value in data.items() if name != SEAL}
        canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
        return keyed_digest(self.state, "a result", canonical.encode())

    def _key_name(self) -> str:
        """Tells one key from another, and nothing else about it."""
        return keyed_digest(self.state, "the key's name", b"")[:8]

    def _differs(self, name: str, digest: str) -> str | None:
        try:
            data = (self.path / name).read_bytes()
        except FileNotFoundError:
            return "is gone"
        except OSError as error:
            return f"cannot be read ({error.strerror})"
        return None if _sha256(data) == digest else "was changed after the grader wrote it"


def _unchecked(path: Path) -> Report | None:
    try:
        return Report.from_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "backslashreplace")


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
