"""Cells of CSV files as spreadsheets may read them: a text that begins like a formula is not run."""

from __future__ import annotations

import re

from kit.text import visible

_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?", re.ASCII)
# Where a cell begins, also for a spreadsheet that takes another character for the separator, and what begins a formula
# there: the ASCII signs, their full-width and small forms, the minus sign, and what some programs skip before them.
_FORMULA = re.compile(r"""(^|[;,|\t\r\n])([\s'"]*)(?=[=+\-@＝＋－＠﹦﹢﹣﹫−])""")


def harmless(value: object) -> object:
    """A cell's value. Numbers stay numbers; of a text nothing changes but a formula's start and what nobody sees."""
    if not isinstance(value, str) or _NUMBER.fullmatch(value):
        return value
    return visible(_FORMULA.sub(r"\1'\2", value))
