"""TOML tables read with one complaint per mistake, all collected before the author hears of them."""

from __future__ import annotations

import math
import re
import tomllib
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from autograder.errors import CourseError


@dataclass
class Complaints:
    """Everything found wrong, so that the author meets all of it at once."""

    root: Path
    lines: list[str] = field(default_factory=list)

    def add(self, path: Path, text: str, line: int | None = None) -> None:
        shown = path.relative_to(self.root) if path.is_relative_to(self.root) else path
        self.lines.append(f"{shown}:{line}: {text}" if line else f"{shown}: {text}")

    def raise_if_any(self) -> None:
        """CourseError with one line per complaint, if there is one."""
        if self.lines:
            raise CourseError("\n".join(self.lines))


def not_utf8(error: UnicodeDecodeError) -> str:
    """What is said of a file that cannot be decoded."""
    return f"not UTF-8 text ({error.reason} at byte {error.start}): save it as UTF-8"


class TomlTable:
    """A TOML table whose values are asked for by name and kind; what nobody asked for is refused at the end."""

    def __init__(self, path: Path, data: dict[str, Any], complaints: Complaints, heading: str = "") -> None:
        self._path, self._data, self._complaints, self._heading = path, data, complaints, heading
        self._asked: list[str] = []

    @classmethod
    def read(cls, path: Path, complaints: Complaints) -> TomlTable:
        """The table of a whole file; a file that is no TOML complains and reads as empty."""
        try:
            data = tomllib.loads(path.read_text(encoding="utf-8"))
        except UnicodeDecodeError as error:
            complaints.add(path, not_utf8(error))
            complaints.raise_if_any()
            data = {}
        except OSError as error:
            complaints.add(path, f"cannot be read ({error.strerror})")
            complaints.raise_if_any()
            data = {}
        except tomllib.TOMLDecodeError as error:
            complaints.add(path, f"not TOML: {error}")
            complaints.raise_if_any()
            data = {}
        return cls(path, data, complaints)

    def complain(self, text: str, key: str = "") -> None:
        self._complaints.add(self._path, f"{self._heading}{text}", self._line(key))

    def text(self, key: str, default: str | None = None, pattern: str = "(?s:.*)") -> str:
        value = self._get(key, default)
        if isinstance(value, str) and re.fullmatch(pattern, value):
            return value
        if value is not None:
            self.complain(f"{key} = {value!r} should be a string like {pattern}", key)
        return ""

    def positive(self, key: str, default: float | None = None) -> float:
        """A positive finite number."""
        value = self._get(key, default)
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < math.inf:
            return float(value)
        if value is not None:
            self.complain(f"{key} = {value!r} should be a number above 0", key)
        return 0.0

    def count(self, key: str, default: int) -> int:
        """A whole number from 0."""
        value = self._get(key, default)
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            return value
        self.complain(f"{key} = {value!r} should be a whole number, 0 or above", key)
        return default

    def optional_count(self, key: str) -> int | None:
        """A whole number from 0; None where it is not given."""
        if key in self._data:
            return self.count(key, 0)
        self._asked.append(key)
        return None

    def percent(self, key: str) -> float:
        """A number from 0 to 100; 0 where it is not given."""
        value = self._get(key, 0)
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 100:
            return float(value)
        self.complain(f"{key} = {value!r} should be a number from 0 to 100", key)
        return 0.0

    def one_of(self, key: str, choices: tuple[str, ...]) -> str:
        """One of these texts; the first where it is not given."""
        value = self._get(key, choices[0])
        if value not in choices:
            self.complain(f"{key} = {value!r} should be one of {', '.join(map(repr, map(str, choices)))}", key)
            return choices[0]
        return str(value)

    def table(self, key: str) -> TomlTable | None:
        """The sub-table [key]; None where it is not given."""
        value = self._get(key, ())
        if isinstance(value, dict):
            return TomlTable(self._path, value, self._complaints, f"[{key}] ")
        if value != ():
            self.complain(f"write [{key}] as a table", key)
        return None

    def share(self, key: str, default: float) -> float:
        """A number above 0 and at most 1."""
        value = self.positive(key, default)
        if value > 1:
            self.complain(f"{key} = {value:g} should be a share, at most 1", key)
        return value

    def flag(self, key: str) -> bool:
        """true or false; false where it is not given."""
        value = self._get(key, False)
        if not isinstance(value, bool):
            self.complain(f"{key} = {value!r} should be true or false", key)
        return value is True

    def strings(self, key: str, default: tuple[str, ...] | None = None) -> tuple[str, ...]:
        value = self._get(key, default)
        if isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
            return tuple(value)
        if value is not None:
            self.complain(f"{key} = {value!r} should be a list of strings", key)
        return ()

    def names(self, key: str) -> tuple[str, ...]:
        """One name, or a list of names; none where it is not given."""
        value = self._data.get(key)
        if isinstance(value, str):
            self._asked.append(key)
            return (value,)
        return self.strings(key, ())

    def holds(self, key: str) -> bool:
        """Whether it is given."""
        self._asked.append(key)
        return key in self._data

    def moment(self, key: str) -> datetime | None:
        """A date and time with its offset from UTC; None where it is not given."""
        value = self._get(key, ())
        if isinstance(value, datetime) and value.tzinfo is not None:
            return value
        if value != ():
            self.complain(
                f"{key} = {value} should be a date and time with its offset, such as 2026-12-11T23:59:00Z", key
            )
        return None

    def tables(self, key: str) -> dict[str, TomlTable]:
        """Sub-tables by name: [key.NAME]."""
        value = self._get(key, {})
        if not isinstance(value, dict) or not all(isinstance(item, dict) for item in value.values()):
            self.complain(f"write [{key}.ID] tables", key)
            return {}
        return {name: TomlTable(self._path, item, self._complaints, f"[{key}.{name}] ") for name, item in value.items()}

    def numbers(self) -> dict[str, float]:
        """Every entry of a table that holds numbers alone."""
        found = {}
        for key, value in self._data.items():
            self._asked.append(key)
            if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
                found[key] = value
            else:
                self.complain(f"{key} = {value!r} should be a number", key)
        return found

    def all_tables(self, pattern: re.Pattern[str]) -> dict[str, TomlTable]:
        """Every entry of this table as a sub-table: [NAME], where each name fits the pattern."""
        found = {}
        for name, item in self._data.items():
            if not isinstance(item, dict) or not pattern.fullmatch(name):
                self.complain(f"{name}: write [NAME] tables, each name like {pattern.pattern}", name)
            else:
                found[name] = TomlTable(self._path, item, self._complaints, f"[{name}] ")
        return found

    def texts(self, key: str, default: dict[str, str] | None = None) -> dict[str, str]:
        """A table of at least one text by text: key = {"old" = "new"}, or [NAME.key] with one a line."""
        value = self._get(key, default)
        if default is not None and value == default:
            return default
        if isinstance(value, dict) and value and all(name and isinstance(text, str) for name, text in value.items()):
            return value
        if value is not None:
            self.complain(f"{key} = {value!r} should be a table of texts", key)
        return {}

    def refuse_others(self) -> None:
        """Complain about every key that nobody asked for: most are misspelt."""
        for key in self._data:
            if key not in self._asked:
                self.complain(f"unknown setting {key!r}; known are {', '.join(self._asked)}", key)

    def _get(self, key: str, default: Any) -> Any:
        self._asked.append(key)
        if key not in self._data and default is None:
            self.complain(f"{key} is missing")
        return self._data.get(key, default)

    def _line(self, key: str) -> int | None:
        """Where the key, or else the table's heading, stands in the file."""
        table = self._heading.strip()
        inside = not table
        for number, line in enumerate(self._path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
            if line.strip().startswith("["):
                inside = line.strip() == table
                if inside and not key:
                    return number
            elif inside and key and re.match(rf"\s*{re.escape(key)}\s*=", line):
                return number
        return None
