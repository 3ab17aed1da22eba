"""The block that a check prints: one count, every check's title, the first failure in full. Under twelve lines."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from kit.cells import one_line
from kit.earlier_checks import first_line
from kit.manifest import Exercise
from kit.outcomes import OutcomeStatus

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
_BLAMELESS = (OutcomeStatus.MISSING, OutcomeStatus.BLOCKED)
# An index such as (0, 0, 2) stays on one line.
_BETWEEN_INDICES, _UNBREAKABLE = re.compile(r"(?<=\d), (?=\d)"), ",\N{NO-BREAK SPACE}"


@dataclass(frozen=True)
class Block:
    """What to show of one check. ``passed``: everything did. ``failure``: one line to stop the cell with, or empty.

    first: what to do before anything else, or empty.
    """

    head: str
    rows: tuple[tuple[str, str], ...]
    details: tuple[str, ...]
    tail: str
    seconds: str
    passed: bool
    failure: str
    first: str = ""

    def text(self) -> str:
        """Plain text of at most 11 lines, 96 columns wide."""
        good = [title for word, title in self.rows if word == "ok"]
        bad = [f"  {word:<11} {title}" for word, title in self.rows if word != "ok"]
        room = MAX_LINES - 1 - bool(self.first) - bool(self.tail) - len(self.details)
        shown = (
            bad
            if len(bad) <= room - bool(good)
            else [*bad[: room - 1 - bool(good)], f"  and {len(bad) - room + 1 + bool(good)} more"]
        )
        lines = [f"{self.head:<{WIDTH - len(self.seconds) - 1}} {self.seconds}".rstrip()]
        lines += [f"  {one_line(self.first, WIDTH - 2)}"] if self.first else []
        lines += _columns(good, room - len(shown))
        lines += shown[:1] + [f"{'':14}{line}" for line in self.details] + shown[1:]
        return "\n".join([*lines, self.tail] if self.tail else lines)

    def html(self) -> str:
        """The same as HTML that keeps the reader's theme."""
        rows = []
        shown_details = False
        for word, title in self.rows:
            color = "#2a8a3e" if word == "ok" else "#c4520b"
            cell = escape(title)
            if word != "ok" and not shown_details:
                cell = f"<b>{cell}</b>" + "".join(f"<br>{escape(line)}" for line in self.details)
                shown_details = True
            rows.append(
                f'<tr style="background:none"><td style="color:{color};text-align:left;vertical-align:top;'
                f'white-space:nowrap"><b>{escape(word)}</b></td><td style="text-align:left">{cell}</td></tr>'
            )
        seconds = f' <span style="opacity:.6">{escape(self.seconds)}</span>' if self.seconds else ""
        table = f'<table style="margin:4px 0">{"".join(rows)}</table>' if rows else ""
        first = f"<div><b>{escape(self.first)}</b></div>" if self.first else ""
        tail = f"<div>{escape(self.tail)}</div>" if self.tail else ""
        color = "#c4520b" if self.failure else "#2a8a3e" if self.passed else "#888888"
        return (
            f'<div style="border-left:4px solid {color};padding:2px 10px">'
            f"<b>{escape(self.head)}</b>{seconds}{first}{table}{tail}</div>"
        )


def line_block(head: str, failure: str = "") -> Block:
    """A block of one line."""
    return Block(head, (), (), "", "", False, failure)


def outcomes_block(exercise: Exercise, outcomes: Sequence[Outcome], seconds: float, first: Sequence[str] = ()) -> Block:
    """The block for the outcomes of one exercise's public checks. first: earlier exercises that have to pass first."""
    statuses = [outcome.status for outcome in outcomes]
    if not outcomes:
        return line_block(f"{exercise.id} has no public checks. {_hidden(exercise)}".strip())
    if set(statuses) <= set(_BLAMELESS):
        return line_block(_waiting(exercise.id, outcomes))
    good, total = statuses.count(OutcomeStatus.PASSED), len(statuses)
    rows = tuple((_WORDS[outcome.status], outcome.mark.title) for outcome in outcomes)
    took = f"{seconds:.1f} s"
    if good == total:
        checks = "check" if total == 1 else "checks"
        head = f"{exercise.id}: {total} public {checks} passed; {_hidden(exercise)}"
        return Block(head, rows, (), _slow(exercise, outcomes), took, True, "")
    head = f"{exercise.id}: {good} of {total} public checks passed"
    failed = next((o for o in outcomes if o.status not in (OutcomeStatus.PASSED, *_BLAMELESS)), None)
    ordered = tuple(sorted(rows, key=lambda row: row[0] == "ok")) if failed is None else _first(rows, failed)
    advice = first_line(exercise.id, first)
    what = advice or f"{total - good} of {total} public checks did not pass, see above"
    failure = f"{exercise.id}: {what}" if failed else ""
    shown = failed or next(o for o in outcomes if o.status in _BLAMELESS)
    tail = f"{_hidden(exercise).capitalize()} {_slow(exercise, outcomes)}".rstrip()
    return Block(head, ordered, tuple(_details(shown)), tail, took, False, failure, advice)


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


def _first(rows: tuple[tuple[str, str], ...], first: Outcome) -> tuple[tuple[str, str], ...]:
    """The failure that is explained before the other failures, and those before what passed."""
    key = (_WORDS[first.status], first.mark.title)
    rest = [row for row in rows if row != key]
    return (key, *(row for row in rest if row[0] != "ok"), *(row for row in rest if row[0] == "ok"))


def _details(outcome: Outcome) -> list[str]:
    text = " ".join(one_line(outcome.text.replace("\n", " "), 600).split())
    whole = _BETWEEN_INDICES.sub(_UNBREAKABLE, text)
    lines = [
        line.replace(_UNBREAKABLE, ", ") for line in textwrap.wrap(whole, WIDTH - 14, max_lines=3, placeholder=" …")
    ]
    if outcome.status == OutcomeStatus.ERROR:
        return [*lines, "The check itself could not finish. If your code looks right, tell the course staff."]
    if outcome.hint and outcome.status not in _BLAMELESS:
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
