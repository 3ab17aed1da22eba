"""`--json`, which every command has: what it did as one object on standard output, what it says on standard error."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

import click


@dataclass
class Document:
    """What a command leaves for a program to read.

    messages: every line that it said. result: what it did: files, students, rows.
    """

    messages: list[str] = field(default_factory=list)
    result: dict[str, Any] = field(default_factory=dict)

    def text(self, command: str, exit_code: int, error: tuple[str, str] | None) -> str:
        told = {"kind": error[0], "message": error[1]} if error else None
        whole = {"command": command, "exit_code": exit_code, "error": told, "messages": self.messages}
        return json.dumps(whole | {"result": self.result}, default=_plain, indent=2) + "\n"


_current: Document | None = None


def begin(wanted: bool) -> Document | None:
    """For one run of a command: a fresh document where one is wanted."""
    global _current
    _current = Document() if wanted else None
    return _current


def current() -> Document | None:
    """The document of this run; None where people read what is printed."""
    return _current


def record(**facts: Any) -> None:
    """What a command did, for --json; nothing happens without it."""
    if _current is not None:
        _current.result |= facts


def add_to(commands: Iterable[click.Command]) -> None:
    """Give every command, also those of groups, the option."""
    for command in commands:
        if isinstance(command, click.Group):
            add_to(command.commands.values())
        elif not any("--json" in option.opts for option in command.params):
            command.params.append(_option())


def _option() -> click.Option:
    told = "Print one JSON object: exit code, error, messages, result. What is for people goes to standard error."
    return click.Option(["--json"], is_flag=True, expose_value=False, help=told)


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {item.name: getattr(value, item.name) for item in dataclasses.fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, set | frozenset):
        return sorted(value)
    if isinstance(value, Path):
        return value.as_posix()
    return str(value)
