"""CSV files as course systems and spreadsheets write them: any of their encodings and separators, lines counted."""

from __future__ import annotations

import codecs
import csv
import io
from dataclasses import dataclass
from pathlib import Path

from autograder.errors import BadInput

MAX_BYTES = 20_000_000
SEPARATORS = (",", ";", "\t")
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


@dataclass(frozen=True)
class CsvRow:
    """A row below the header: its line in the file, and its cells by the header's names in `plain` spelling."""

    line: int
    cells: dict[str, str]

    def get(self, *names: str) -> str:
        """The first cell of these columns that is not empty; empty where there is none."""
        return next((cell for name in names if (cell := self.cells.get(name, ""))), "")


@dataclass(frozen=True)
class CsvTable:
    """A file's header and rows. columns: `plain` names in order."""

    path: Path
    columns: tuple[str, ...]
    rows: tuple[CsvRow, ...]

    def refuse(self, line: int, why: str) -> BadInput:
        """The error to raise for one line."""
        return BadInput(f"{self.path}:{line}: {why}")

    def require(self, *names: str) -> None:
        """BadInput where a column is missing."""
        missing = [name for name in names if name not in self.columns]
        if missing:
            has = ", ".join(self.columns)
            raise BadInput(f"{self.path} has no column {', '.join(missing)}. Its columns are: {has}")

    def refuse_other_columns(self, *known: str) -> None:
        """BadInput for a column that nobody reads: most are misspelt."""
        unknown = next((name for name in self.columns if name and name not in known), None)
        if unknown is not None:
            raise BadInput(f"{self.path} has an unknown column {unknown!r}; known are {', '.join(known)}")


def plain(name: str) -> str:
    """A column's name however it is spelt: "SIS_Login  ID" is "sis login id"."""
    return " ".join(name.replace("_", " ").split()).casefold()


def read(path: Path) -> CsvTable:
    """A CSV file with a header. BadInput where it is missing, no CSV, or has no row."""
    lines = rows_of(path)
    header = tuple(map(plain, lines[0][1]))
    twice = next((name for name in header if name and header.count(name) > 1), None)
    if twice is not None:
        raise BadInput(f"{path} has two columns {twice!r}: remove one")
    rows = [CsvRow(line, _cells(path, line, header, cells)) for line, cells in lines[1:]]
    if not rows:
        raise BadInput(f"{path} holds a header and no row: export it again")
    return CsvTable(path, header, tuple(rows))


def rows_of(path: Path) -> list[tuple[int, list[str]]]:
    """The rows that are not empty, header first, each with the number of the line in which it begins."""
    text = read_text(path)
    text = text.partition("\n")[2] if (marked := text.lower().startswith("sep=")) else text
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=_separator(text), strict=True)
        found, before = [], int(marked)
        for cells in reader:
            if any(cell.strip() for cell in cells):
                found.append((before + 1, cells))
            before = reader.line_num + int(marked)
    except csv.Error as error:
        raise BadInput(f"{path} is no CSV file ({error}): export it again") from error
    if not found:
        raise BadInput(f"{path} is empty: export it again")
    return found


def read_text(path: Path) -> str:
    """The file's text, in UTF-8 or UTF-16. BadInput for anything else."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise BadInput(f"no file {path}: check its name") from None
    except OSError as error:
        raise BadInput(f"{path} cannot be read ({error.strerror})") from error
    if len(data) > MAX_BYTES:
        raise BadInput(f"{path} is too large for a list of students ({MAX_BYTES / 1e6:.0f} MB are read)")
    if data.startswith(b"PK\x03\x04") or data.startswith(b"\xd0\xcf\x11\xe0"):
        raise BadInput(f"{path} is a spreadsheet: save it as CSV (UTF-8)")
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), "utf-8")
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        raise BadInput(f"{path} is neither UTF-8 nor UTF-16 text: save it as CSV (UTF-8)") from None
    if "\0" in text:
        raise BadInput(f"{path} holds bytes of 0 and is no CSV file: save it as CSV (UTF-8)")
    return text


def _separator(text: str) -> str:
    """The one that divides the header into most columns."""
    header = next((line for line in text.splitlines() if line.strip()), "")
    return max(SEPARATORS, key=lambda separator: len(next(csv.reader([header], delimiter=separator))))


def _cells(path: Path, line: int, header: tuple[str, ...], cells: list[str]) -> dict[str, str]:
    if any(cell.strip() for cell in cells[len(header) :]):
        raise BadInput(f"{path}:{line}: more cells than the header has columns: quote cells that hold a separator")
    return {name: cell.strip() for name, cell in zip(header, cells, strict=False)}
