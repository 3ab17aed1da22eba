"""Where everything of a course lies under its top folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class CourseFolders:
    """The folders and files of a course. nbgrader knows most of them by these names."""

    root: Path

    @property
    def assignments(self) -> Path:
        return self.root / "assignments"

    @property
    def source(self) -> Path:
        return self.root / "source"

    @property
    def release(self) -> Path:
        return self.root / "release"

    @property
    def submitted(self) -> Path:
        return self.root / "submitted"

    @property
    def autograded(self) -> Path:
        return self.root / "autograded"

    @property
    def feedback(self) -> Path:
        return self.root / "feedback"

    @property
    def results(self) -> Path:
        return self.root / "results"

    @property
    def roster(self) -> Path:
        """Who is in the course, as a course system exports it."""
        return self.root / "roster.csv"

    @property
    def extensions(self) -> Path:
        """Who has more time: student, assignment, due or days, reason."""
        return self.root / "extensions.csv"

    @property
    def groups(self) -> Path:
        """Who hands in together: group, student, assignment."""
        return self.root / "groups.csv"

    @property
    def attempts(self) -> Path:
        """<assignment>/<student>/<time>/: everything that was handed in; in submitted/ lies what counts."""
        return self.root / "attempts"

    @property
    def not_submissions(self) -> tuple[Path, ...]:
        """Folders of the course in which no submission lies."""
        return (
            self.assignments,
            self.source,
            self.release,
            self.autograded,
            self.feedback,
            self.results,
            self.attempts,
            self.state,
        )

    @property
    def gradebook(self) -> Path:
        return self.root / "gradebook.db"

    @property
    def state(self) -> Path:
        """What the engine remembers between commands: seeds, what was proved, what was built. Ignored by git."""
        return self.root / ".autograder"
