"""An assignment as its staff wrote it: its problems, their cells, exercises, answers and tests."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path

from autograder.assignment.notebook_source import SourceCell, whole_notebook
from autograder.assignment.policy import Policy
from autograder.assignment.references import References
from autograder.assignment.test_files import DeclaredTest
from autograder.course_folders import CourseFolders
from autograder.errors import CourseError
from kit.exercises import HELPERS_FILE
from kit.libraries import named
from kit.manifest import Answer, Cell, CellKind, Exercise, Manifest, Notebook, check_id

DATA = "data"  # the folder of an assignment that holds its packs of data
PICTURES = "pictures"  # a problem's folder of pictures; in a release it holds a folder for each problem
LESSON = "lesson"  # the folder of a problem that holds its own part of the library


@dataclass(frozen=True)
class HandoutPart:
    """What the handout says of a problem: a student's time, what its trainings take, its letters and its words."""

    time: str = ""
    computing: str = ""
    alphabet: dict[str, str] = field(default_factory=dict)
    glossary: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Problem:
    """One problem of an assignment: its folder, its cells as written, and what its files agree on.

    number: a core problem's place among them; None for an extra.
    presets: for each [preset.NAME] of problem.toml its numbers; they ship with the library.
    was: exercise or answer id to the ids that it had in earlier releases.
    mistake_limits: exercise id to the share of its points that one mistake may cost.
    packs: folders of data/ that its notebook needs; they ship with it.
    forbidden: exercise id to the calls that it is about (`forbidden`).
    pictures: what its texts show: place in a release to the file.
    """

    name: str
    title: str
    folder: Path
    number: int | None
    cells: tuple[SourceCell, ...]
    exercises: tuple[Exercise, ...]
    answers: tuple[Answer, ...]
    presets: dict[str, dict[str, float]]
    was: dict[str, tuple[str, ...]]
    mistake_limits: dict[str, float]
    public_cases: tuple[DeclaredTest, ...]
    hidden_cases: tuple[DeclaredTest, ...]
    handout: HandoutPart
    packs: tuple[str, ...]
    forbidden: dict[str, tuple[str, ...]] = field(default_factory=dict)
    pictures: dict[str, Path] = field(default_factory=dict)

    @property
    def notebook_file(self) -> str:
        """An extra's name holds no number, so that one more renames nothing."""
        return f"{self.number or 'extra'}_{self.name}.ipynb"

    @property
    def in_texts(self) -> str:
        """What texts call its notebook."""
        return f"notebook {self.number}" if self.number else f'the notebook "{self.title}"'

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
        return tuple(path for path in (self.public_tests, self.test_helpers) if path.is_file())

    @property
    def tests(self) -> tuple[Path, ...]:
        """Every file of tests: what students get, and the hidden ones."""
        return tuple(path for path in (*self.shipped_tests, self.hidden_tests) if path.is_file())

    @property
    def rubric(self) -> Path:
        return self.folder / "rubric.md"

    @property
    def hidden_data(self) -> tuple[Path, ...]:
        """What hidden tests read beside them, such as images: the files in hidden/, which are never released."""
        return tuple(path for path in sorted((self.folder / "hidden").rglob("*")) if path.is_file())

    @property
    def reference_weights(self) -> dict[str, bytes]:
        """Of the files that students may hand in, the staff's own, as far as they lie in weights/."""
        paths = (self.folder / "weights" / exercise.weights for exercise in self.exercises if exercise.weights)
        return {path.name: path.read_bytes() for path in paths if path.is_file()}

    @property
    def references(self) -> dict[str, str]:
        """Exercise id to the reference cell, solution included."""
        return {cell.name: cell.source for cell in self.cells if cell.kind == CellKind.EXERCISE}

    @property
    def stubs(self) -> dict[str, str]:
        """Exercise id to the cell as released."""
        return {cell.name: cell.released for cell in self.cells if cell.kind == CellKind.EXERCISE}


# Fields of assignment.toml that the handout tells, beside the due date, and what it calls them.
TOLD = {
    "hand_in": "Hand in at",
    "questions": "Ask at",
    "collaboration": "Working together",
    "late": "After the deadline",
}


@dataclass(frozen=True)
class Assignment:
    """One assignment: what assignment.toml says, and its problems in teaching order.

    policy: what late work costs; None: nothing.
    told: for each of TOLD its text, empty until an instructor fills it.
    feedback_a_day: how many submissions of a student get a page on one day before the deadline.
    dropped: ids of exercises and answers that are gone for good, marks included.
    was: names that the set had before; None: not said.
    alphabet, glossary: letters and words that the handout explains whatever is released; a problem adds its own.
    """

    root: Path
    name: str
    title: str
    version: str
    due: datetime | None
    policy: Policy | None
    feedback_a_day: int
    library: str  # empty: none
    release_url: str
    submission_seconds: float
    canary: str
    public_lines: tuple[str, ...]
    packages: tuple[str, ...]
    python: str
    torch: str
    dropped: tuple[str, ...]
    was: tuple[str, ...] | None
    alphabet: dict[str, str]
    glossary: dict[str, str]
    told: dict[str, str]
    problems: tuple[Problem, ...]
    references: References

    @property
    def untold(self) -> tuple[str, ...]:
        """Names of the fields that the handout tells and that nobody has filled yet."""
        return (*(() if self.due else ("due",)), *(name for name, text in self.told.items() if not text))

    @property
    def folder(self) -> Path:
        return self.course.assignments / self.name

    @property
    def shared_library(self) -> Path | None:
        """What the problems share of the library, as the staff write it; None where the assignment has none."""
        return self.folder / self.library if self.library else None

    @property
    def course(self) -> CourseFolders:
        return CourseFolders(self.root)

    @property
    def source(self) -> Path:
        return self.course.source / self.name

    @property
    def release(self) -> Path:
        """The release: of the library, what is graded is what was released, and it lies in here."""
        return self.course.release / self.name

    @property
    def library_folder(self) -> Path | None:
        """The released library: what the problems share, and each problem's own part of it. None: there is none."""
        return self.release / self.library if self.library else None

    @cached_property
    def libraries(self) -> tuple[str, ...]:
        """Those of torch, numpy and matplotlib that requirements.txt or `packages` names."""
        path = self.folder / "requirements.txt"
        requirements = path.read_text(encoding="utf-8") if path.is_file() else ""
        return named("\n".join((requirements, *self.packages)))

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
            packages=tuple(name for name in self.packages if name not in self.libraries),
            libraries=self.libraries,
            python=self.python,
            torch=self.torch if "torch" in self.libraries else "",
        )

    @property
    def has_tests(self) -> bool:
        """Whether anything in it is tested, and not only marked by people."""
        return any(problem.exercises for problem in self.problems)

    @property
    def pictures(self) -> dict[str, bytes]:
        """The pictures that texts of the released notebooks show, by their place in a release."""
        return {place: path.read_bytes() for problem in self.problems for place, path in problem.pictures.items()}

    def read(self, path: Path) -> str:
        """A text of the staff's, such as the handout, with its references replaced; CourseError for one to nothing."""
        complaints: list[str] = []
        shown = path.relative_to(self.root)
        text = self.references.resolved(
            path.read_text(encoding="utf-8"), lambda text, line: complaints.append(f"{shown}:{line + 1}: {text}")
        )
        if complaints:
            raise CourseError("\n".join(complaints))
        return text

    def problem(self, name: str) -> Problem:
        """The problem of this name; CourseError naming the known ones otherwise."""
        for problem in self.problems:
            if problem.name == name:
                return problem
        known = ", ".join(problem.name for problem in self.problems)
        raise CourseError(f"{self.name} has no problem {name!r}. It has: {known}")


def _notebook(problem: Problem) -> Notebook:
    cells = tuple(
        Cell(cell.id, cell.kind, cell.released, _earlier_ids(problem, cell)) for cell in whole_notebook(problem.cells)
    )
    return Notebook(problem.notebook_file, problem.name, problem.title, cells)


def _earlier_ids(problem: Problem, cell: SourceCell) -> tuple[str, ...]:
    was = problem.was.get(cell.name, ())
    return tuple(map(check_id, was)) if cell.kind is CellKind.CHECK else was
