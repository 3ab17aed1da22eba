"""The block that a check prints: a count, every title, the most telling failure in full. Under twelve lines."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from kit.cells import one_line
from kit.earlier_checks import first_line
from kit.explanation import alike, explained, failures
from kit.manifest import Exercise
from kit.outcomes import BLAMELESS, OutcomeStatus

if TYPE_CHECKING:
    from kit.runner import Outcome  # not at run time: it imports pytest

WIDTH = 96
MAX_LINES = 11
_WORDS = {
    OutcomeStatus.PASSED: "ok",
    OutcomeStatus.FAILED: "FAILED",
    OutcomeStatus.MISSING: "not written",
    OutcomeStatus.BLOCKED: "waits",
    OutcomeStatus.TIMEOUT: "TIMEOUT",
    OutcomeStatus.CRASHED: "FAILED",
    OutcomeStatus.ERROR: "BROKEN",
}
# Words keep the reader's own colour, which every theme makes legible; colour is in borders only, where 3:1 will do.
_WRONG, _RIGHT, _OPEN = "#c4520b", "#2a8a3e", "#888888"
# An index such as (0, 0, 2) stays on one line.
_BETWEEN_INDICES, _UNBREAKABLE = re.compile(r"(?<=\d), (?=\d)"), ",\N{NO-BREAK SPACE}"


@dataclass(frozen=True)
class CheckRow:
    """One check, or several that are one failure. ``details``: what is wrong, in lines; ``titles``: of all of them."""

    word: str
    title: str
    details: tuple[str, ...] = ()
    titles: tuple[str, ...] = ()

    @property
    def is_good(self) -> bool:
        return self.word == _WORDS[OutcomeStatus.PASSED]

    @property
    def lines(self) -> tuple[str, ...]:
        """Everything below its title."""
        return (*self.details, *self.titles)


@dataclass(frozen=True)
class Block:
    """What to show of one check. ``passed``: everything did. ``failure``: one line to stop the cell with, or empty.

    rows: the failure that is explained, the others, then what passed.
    first: what to do before anything else, or empty.
    """

    head: str
    rows: tuple[CheckRow, ...]
    tail: str
    seconds: str
    passed: bool
    failure: str
    first: str = ""

    def text(self) -> str:
        """Plain text of at most 11 lines, 96 columns wide."""
        good = [row.title for row in self.rows if row.is_good]
        bad = [f"  {row.word:<11} {row.title}" for row in self.rows if not row.is_good]
        details = self.rows[0].details if bad else ()
        room = MAX_LINES - 1 - bool(self.first) - bool(self.tail) - len(details)
        shown = (
            bad
            if len(bad) <= room - bool(good)
            else [*bad[: room - 1 - bool(good)], f"  and {len(bad) - room + 1 + bool(good)} more"]
        )
        lines = [f"{self.head:<{WIDTH - len(self.seconds) - 1}} {self.seconds}".rstrip()]
        lines += [f"  {one_line(self.first, WIDTH - 2)}"] if self.first else []
        lines += _columns(good, room - len(shown))
        lines += shown[:1] + [f"{'':14}{line}" for line in details] + shown[1:]
        return "\n".join([*lines, self.tail] if self.tail else lines)

    def html(self) -> str:
        """The same as HTML that keeps the reader's theme, the details of the other failures folded under them."""
        rows = [_html(row, explained=number == 0) for number, row in enumerate(self.rows)]
        seconds = f" <small>{escape(self.seconds)}</small>" if self.seconds else ""
        table = f'<table style="margin:4px 0;color:inherit">{"".join(rows)}</table>' if rows else ""
        first = f"<div><b>{escape(self.first)}</b></div>" if self.first else ""
        tail = f"<div>{escape(self.tail)}</div>" if self.tail else ""
        color = _WRONG if self.failure else _RIGHT if self.passed else _OPEN
        return (
            f'<div style="border-left:4px solid {color};padding:2px 10px">'
            f"<b>{escape(self.head)}</b>{seconds}{first}{table}{tail}</div>"
        )


def line_block(head: str, failure: str = "") -> Block:
    """A block of one line."""
    return Block(head, (), "", "", False, failure)


def outcomes_block(exercise: Exercise, outcomes: Sequence[Outcome], seconds: float, first: Sequence[str] = ()) -> Block:
    """The block for the outcomes of one exercise's public checks. first: earlier exercises that have to pass first."""
    statuses = [outcome.status for outcome in outcomes]
    if not outcomes:
        return line_block(f"{exercise.id} has no public checks. {_hidden(exercise)}".strip())
    if set(statuses) <= set(BLAMELESS):
        return line_block(_waiting(exercise.id, outcomes))
    good, total = statuses.count(OutcomeStatus.PASSED), len(statuses)
    took = f"{seconds:.1f} s"
    if good == total:
        checks = "check" if total == 1 else "checks"
        head = f"{exercise.id}: {total} public {checks} passed; {_hidden(exercise)}"
        return Block(head, _rows(outcomes), _slow(exercise, outcomes), took, True, "")
    head = f"{exercise.id}: {good} of {total} public checks passed"
    failed = bool(failures(outcomes))
    advice = first_line(exercise.id, first)
    what = advice or f"{total - good} of {total} public checks did not pass, see above"
    failure = f"{exercise.id}: {what}" if failed else ""
    tail = f"{_hidden(exercise).capitalize()} {_slow(exercise, outcomes)}".rstrip()
    return Block(head, _rows(outcomes), tail, took, False, failure, advice)


def _slow(exercise: Exercise, outcomes: Sequence[Outcome]) -> str:
    slowest = max(outcome.seconds for outcome in outcomes)
    if slowest <= exercise.call_seconds:
        return ""
    return f"The slowest took {slowest:.0f} s; at grading a call has {exercise.call_seconds:g} s."


def _waiting(exercise: str, outcomes: Sequence[Outcome]) -> str:
    blocked = {outcome.blocked_by for outcome in outcomes if outcome.status == OutcomeStatus.BLOCKED}
    if any(outcome.status == OutcomeStatus.MISSING for outcome in outcomes) or not blocked:
        return f"{exercise} is not written yet"
    return f"{exercise} waits for {' and '.join(sorted(blocked))}: write that first"


def _rows(outcomes: Sequence[Outcome]) -> tuple[CheckRow, ...]:
    """The failure that is explained before the other failures, then what is not written, then what passed."""
    first = explained(outcomes)
    failed = sorted(alike(failures(outcomes)), key=lambda group: first not in group)
    unwritten = [[outcome] for outcome in outcomes if outcome.status in BLAMELESS]
    good = [CheckRow(_WORDS[o.status], o.mark.title) for o in outcomes if o.status is OutcomeStatus.PASSED]
    return (*(_row(group) for group in (*failed, *unwritten)), *good)


def _row(group: Sequence[Outcome]) -> CheckRow:
    word, details = _WORDS[group[0].status], tuple(_details(group[0]))
    if len(group) == 1:
        return CheckRow(word, group[0].mark.title, details)
    titles = tuple(outcome.mark.title for outcome in group)
    return CheckRow(word, f"{len(group)} checks: stopped with {group[0].raised}", details, titles)


def _html(row: CheckRow, *, explained: bool) -> str:
    border = f"border-left:4px solid {_RIGHT if row.is_good else _WRONG}"
    style = f"{border};text-align:left;vertical-align:top;white-space:nowrap"
    return (
        f'<tr style="background:none"><td style="{style}"><b>{escape(row.word)}</b></td>'
        f'<td style="text-align:left">{_html_cell(row, explained and not row.is_good)}</td></tr>'
    )


def _html_cell(row: CheckRow, explained: bool) -> str:
    title = escape(row.title)
    if explained:
        return "<br>".join([f"<b>{title}</b>", *map(escape, row.details)]) + _folded("which", row.titles)
    return _folded(title, row.lines) if row.lines else title


def _folded(title: str, lines: Sequence[str]) -> str:
    return f"<details><summary>{title}</summary>{'<br>'.join(map(escape, lines))}</details>" if lines else ""


def _details(outcome: Outcome) -> list[str]:
    text = " ".join(one_line(outcome.text.replace("\n", " "), 600).split())
    whole = _BETWEEN_INDICES.sub(_UNBREAKABLE, text)
    lines = [
        line.replace(_UNBREAKABLE, ", ") for line in textwrap.wrap(whole, WIDTH - 14, max_lines=3, placeholder=" …")
    ]
    if outcome.status == OutcomeStatus.ERROR:
        return [*lines, "The check itself could not finish. If your code looks right, tell the course staff."]
    if outcome.hint and outcome.status not in BLAMELESS:
        lines += textwrap.wrap(f"Think about: {outcome.hint}", WIDTH - 14, max_lines=2, placeholder=" …")
    return lines


def _columns(titles: Sequence[str], room: int) -> list[str]:
    """Passed checks, two to a line where both fit, the last line counting those that do not fit."""
    half = WIDTH // 2 - 6
    lines: list[str] = []
    waiting: str | None = None
    for title in titles:
        if waiting is not None and len(title) <= half:
            lines[-1] = f"  ok  {waiting:<{half}}  ok  {title}"
            waiting = None
        else:
            lines.append(f"  ok  {title}")
            waiting = title if len(title) <= half else None
    if len(lines) <= room:
        return lines
    shown = lines[: room - 1]
    left = len(titles) - sum(line.count("  ok  ") for line in shown)
    return [*shown, f"  ok  and {left} more" if shown else f"  ok  {left} checks"]


def _hidden(exercise: Exercise) -> str:
    count = exercise.hidden_tests
    if not count:
        return "no hidden checks follow."
    return f"{count} hidden check{'s run' if count > 1 else ' runs'} at grading."
