"""What commands print: the one place of the command line that writes to a terminal what may come from a submission.

`kit.text` is imported where it is used: the kit imports torch, for which `--help` should not wait.
"""

from __future__ import annotations

import click
from rich.text import Text

PLAIN = 1_000  # characters: so much text without anything special needs no closer look


def say(text: str = "", *, err: bool = False) -> None:
    """Print lines. Control characters and the like, in whatever part of them, are shown as escapes."""
    if len(text) > PLAIN or not (text.isascii() and text.replace("\n", "").isprintable()):
        from kit.text import for_terminal

        text = for_terminal(text)
    click.echo(text, err=err)


def say_line(text: str) -> None:
    """Print a remark, which is one line whatever it quotes."""
    say(f"  {line(text)}", err=True)


def say_quoted(text: str) -> None:
    """Print a student's text under a bar; nothing where it is empty."""
    from kit.text import quoted

    if text:
        click.echo(quoted(text))


def say_csv(text: str) -> None:
    """Print a CSV file, whose cells are harmless already (`autograder.csv_cells`)."""
    click.echo(text, nl=False)


def line(text: str, limit: int | None = None) -> str:
    """A text on one line, cut where it is long."""
    from kit.text import MAX_LINE, on_one_line

    return on_one_line(text, limit or MAX_LINE)


def cell(text: str) -> Text:
    """A table's cell: as it stands, without rich's markup."""
    return Text(line(text))
