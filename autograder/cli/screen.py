"""What commands print: the one place of the command line that writes to a terminal what may come from a submission.

`kit.text` is imported where it is used: the kit imports torch, for which `--help` should not wait.
"""

from __future__ import annotations

import codecs
import io
import os
import sys
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.text import Text

from autograder.cli import json_output

if TYPE_CHECKING:
    from rich.table import Table

PLAIN = 1_000  # characters: so much text without anything special needs no closer look


# What our own texts and rich's tables hold beyond ASCII. Anything else, such as a name, is shown as an escape.
_IN_ASCII = {"…": "...", "–": "-", "—": "-", "·": "-", "×": "x", "→": "->", "’": "'", "“": '"', "”": '"', "≥": ">="}


def print_on_any_terminal() -> None:
    """Let no output fail for a letter that the terminal's encoding lacks."""
    codecs.register_error("in_ascii", _in_ascii)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="in_ascii")


def _in_ascii(error: UnicodeError) -> tuple[str | bytes, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    letters = error.object[error.start : error.end]
    escaped = (_IN_ASCII.get(letter) or letter.encode("ascii", "backslashreplace").decode() for letter in letters)
    return "".join(escaped), error.end


def say(text: str = "", *, err: bool = False) -> None:
    """Print lines. Control characters and the like, in whatever part of them, are shown as escapes."""
    if len(text) > PLAIN or not (text.isascii() and text.replace("\n", "").isprintable()):
        from kit.text import for_terminal

        text = for_terminal(text)
    document = json_output.current()
    if document is not None:
        document.messages.append(text)
    _print(text + "\n", err or document is not None)


def say_line(text: str) -> None:
    """Print a remark, which is one line whatever it quotes."""
    say(f"  {line(text)}", err=True)


def say_aside(text: str) -> None:
    """Print a line about how far a command is: for people alone, so that --json does not repeat it."""
    _print(line(text) + "\n", True)


def say_quoted(text: str) -> None:
    """Print a student's text under a bar; nothing where it is empty."""
    from kit.text import quoted

    if text:
        _print(quoted(text) + "\n", json_output.current() is not None)


def say_csv(text: str) -> None:
    """Print a CSV file, whose cells are harmless already (`autograder.csv_cells`)."""
    json_output.record(csv=text)
    say_data(text)


def say_data(text: str) -> None:
    """Print what a program is to read, as it stands; with --json that is the object alone, and this goes elsewhere."""
    _print(text, json_output.current() is not None)


def _print(text: str, err: bool) -> None:
    """On the stream as it is: click's own choice writes UTF-8 to what says that it reads ASCII."""
    click.echo(text, file=sys.stderr if err else sys.stdout, nl=False)


def console(width: int | None = None, *, err: bool = False) -> Console:
    """Where tables and bars go. width: on anything but a terminal. NO_COLOR (no-color.org) leaves no styles at all."""
    file = sys.stderr if err or json_output.current() is not None else sys.stdout
    plain = bool(os.environ.get("NO_COLOR"))
    return Console(
        file=file,
        width=None if file.isatty() else width,
        color_system=None if plain else "auto",
        no_color=plain or None,
    )


def say_table(table: Table, width: int | None = None) -> None:
    """Print a table; `width` is for what is no terminal."""
    console(width).print(table)


def line(text: str, limit: int | None = None) -> str:
    """A text on one line, cut where it is long."""
    from kit.text import MAX_LINE, on_one_line

    return on_one_line(text, limit or MAX_LINE)


def cell(text: str) -> Text:
    """A table's cell: as it stands, without rich's markup."""
    return Text(line(text))
