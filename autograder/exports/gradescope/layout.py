"""Where everything lies in Gradescope's container, and what the zip says about the grading. Needs no torch."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder.errors import BadInput
from autograder.files import write_atomically

ENGINE = "engine"  # in the zip: the packages `autograder` and `kit`
COURSE = "course"  # in the zip: a course's top folder with what grading reads of it
SETTINGS = "settings.json"


@dataclass(frozen=True)
class Settings:
    """assignment: its name. seconds: after which a run ends by itself, before the harness ends it."""

    assignment: str
    seconds: float

    def to_json(self) -> bytes:
        return (json.dumps(dataclasses.asdict(self), indent=1) + "\n").encode()


@dataclass(frozen=True)
class Harness:
    """The harness's folder, /autograder."""

    base: Path

    @property
    def source(self) -> Path:
        return self.base / "source"

    @property
    def course(self) -> Path:
        return self.source / COURSE

    @property
    def submission(self) -> Path:
        return self.base / "submission"

    @property
    def metadata(self) -> Path:
        return self.base / "submission_metadata.json"

    @property
    def results(self) -> Path:
        return self.base / "results" / "results.json"

    def settings(self) -> Settings:
        """BadInput where the zip was not made by `autograder export gradescope`."""
        path = self.source / SETTINGS
        try:
            return Settings(**json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError) as error:
            raise BadInput(f"{path}: {error}. Upload what `autograder export gradescope` wrote, whole") from error

    def write_results(self, results: dict[str, Any]) -> None:
        """Whole or not at all: whoever stops this run leaves the last file that was whole."""
        write_atomically(self.results, (json.dumps(results, indent=1, ensure_ascii=False) + "\n").encode())
