"""Results that later ones replaced, numbered for each student, so that every score can be compared and replayed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from autograder.files import write_atomically

DETAILS = ".details.json"


@dataclass(frozen=True)
class EarlierResults:
    """`<student>/<n>.json` and `<n>.details.json`, n from 1: the bytes of a result's files, its seal among them.

    Rebuilt notebooks are not kept: they are made of the submission. A result that only repeats the one before (other
    seconds, nothing else) takes no number.
    """

    folder: Path

    def report_path(self, student: str, number: int) -> Path:
        return self.folder / student / f"{number}.json"

    def details_path(self, student: str, number: int) -> Path:
        return self.folder / student / f"{number}{DETAILS}"

    def count(self, student: str) -> int:
        """How many there are of this student."""
        names = (path.name.removesuffix(".json") for path in (self.folder / student).glob("*.json"))
        return max((int(name) for name in names if name.isdecimal()), default=0)

    def keep(self, student: str, report: bytes, details: bytes | None) -> None:
        """Add one; nothing where the last one is the same, which a run that was stopped has kept already."""
        last = self.count(student)
        if last and self.report_path(student, last).read_bytes() == report:
            return
        if details is not None:
            write_atomically(self.details_path(student, last + 1), details)
        write_atomically(self.report_path(student, last + 1), report)

    def size(self) -> tuple[int, int]:
        """How many results there are of everyone, and their bytes, details included."""
        files = [path for path in self.folder.glob("*/*.json")]
        return sum(not path.name.endswith(DETAILS) for path in files), _bytes(files)


def _bytes(files: Iterable[Path]) -> int:
    return sum(path.stat().st_size for path in files)
