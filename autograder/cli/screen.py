"""What commands print: the one place of the command line that writes to a terminal what may come from a submission."""

from __future__ import annotations

import click
from rich.text import Text

from kit.text import for_terminal, on_one_line


def say(text: str = "", *, err: bool = False) -> None:
    """Print lines. Control characters and the like, in whatever part of them, are shown as escapes."""
    click.echo(for_terminal(text), err=err)


def say_csv(text: str) -> None:
    """Print a CSV file, whose cells are harmless already (`autograder.csv_cells`)."""
    click.echo(text, nl=False)


def cell(text: str) -> Text:
    """A table's cell: as it stands, without rich's markup."""
    return Text(on_one_line(text))
