"""Takes bulk downloads into attempts/ and submitted/, and says what could not be matched to the roster."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from autograder.assignment.policy import AttemptRule
from autograder.collecting import store
from autograder.collecting.layouts import HandIn, layout
from autograder.collecting.matching import Matcher
from autograder.collecting.sources import open_source
from autograder.collecting.store import Content
from autograder.csv_cells import harmless
from autograder.errors import BadInput
from autograder.files import write_atomically
from autograder.roster.attempts import Attempt, attempts_of, chosen, handed_in
from autograder.roster.roster import Person, Roster
from autograder.roster.term import Term

NO_TIME = "no time in the download"
REPORT = "collect-report.csv"
COLUMNS = ("status", "student", "name", "matched_by", "handed_in", "source", "called", "note")


class RowStatus(StrEnum):
    """What became of one hand-in, file or student."""

    NEW = "new attempt"
    UNCHANGED = "unchanged"
    COUNTS = "counts now"
    UNDECIDED = "to be decided"
    AMBIGUOUS = "ambiguous"
    NOT_MATCHED = "not matched"
    LEFT_OUT = "left out"
    MISSING = "nothing handed in"


@dataclass(frozen=True)
class CollectedRow:
    """A line of the report."""

    status: RowStatus
    person: Person | None = None
    by: str = ""
    moment: datetime | None = None
    source: str = ""
    called: str = ""
    note: str = ""

    @property
    def cells(self) -> tuple[str, ...]:
        person = self.person or Person("")
        when = self.moment.isoformat() if self.moment is not None else ""
        return (self.status, person.id, person.name, self.by, when, self.source, self.called, self.note)


@dataclass
class Collected:
    """The report. dry: nothing was written."""

    rows: list[CollectedRow] = field(default_factory=list)
    dry: bool = False

    def of(self, *statuses: RowStatus) -> list[CollectedRow]:
        return [row for row in self.rows if row.status in statuses]

    def as_csv(self) -> str:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows([[harmless(cell) for cell in row.cells] for row in self.rows])
        return text.getvalue()


def collect(
    term: Term,
    assignment: str,
    paths: Sequence[Path],
    *,
    dry: bool = False,
    on_hand_in: Callable[[str], None] = lambda label: None,
) -> Collected:
    """Take zip files and folders; without any, bring submitted/ in line with policy and extensions as they are now.

    dry: report alone. Running it again changes nothing. BadInput where there is no roster, or a download is no such.
    """
    if term.roster is None:
        raise BadInput(
            f"no {term.course.roster.name}, by which hand-ins find their student: export it from Canvas (Grades > "
            "Export) or Gradescope (Roster > Download), or write one with the columns id and name"
        )
    collector = _Collecting(term, assignment, Matcher(term.roster), Collected(dry=dry))
    for path in paths:
        collector.take(path, on_hand_in)
    collector.place_all()
    collector.missing()
    if not dry and paths:
        report = term.course.attempts / assignment / REPORT
        write_atomically(report, collector.made.as_csv().encode("utf-8", "backslashreplace"))
    return collector.made


def bring_in_line(term: Term, assignment: str) -> Collected:
    """Put into submitted/ what counts now of the attempts that are kept: by policy, extensions and their results."""
    collecting = _Collecting(term, assignment, Matcher(term.roster or Roster(())), Collected())
    collecting.place_all()
    return collecting.made


@dataclass
class _Collecting:
    term: Term
    assignment: str
    matcher: Matcher
    made: Collected
    planned: dict[str, list[tuple[str, datetime | None]]] = field(default_factory=dict)  # of a dry run

    def take(self, path: Path, on_hand_in: Callable[[str], None]) -> None:
        """One archive or folder."""
        with ExitStack() as stack:
            source = open_source(path, stack)
            found = layout(source, self.assignment, self.matcher.may_be)
            for name, why in (source.refused | found.left).items():
                self._note(RowStatus.LEFT_OUT, path, name, why)
            for hand_in in _merged(found.hand_ins, self.matcher):
                self._hand_in(path, hand_in)
                on_hand_in(hand_in.label)

    def _note(self, status: RowStatus, path: Path, called: str, note: str) -> None:
        self.made.rows.append(CollectedRow(status, source=str(path), called=called, note=note))

    def _hand_in(self, path: Path, hand_in: HandIn) -> None:
        match = self.matcher.match(hand_in.claim)
        if match.person is None:
            status = RowStatus.AMBIGUOUS if match.people else RowStatus.NOT_MATCHED
            who = " or ".join(person.id for person in match.people)
            why = f"{match.by}: may be {who}" if match.people else "nobody on the roster is called so"
            self._note(status, path, hand_in.label, why)
            return
        if linked := self._linked(match.person.id):
            self._note(RowStatus.LEFT_OUT, path, hand_in.label, linked)
            return
        content = store.read(hand_in.files)
        notes = [*hand_in.notes, *(f"{name} left out: {why}" for name, why in content.left.items())]
        if hand_in.moment is None:
            notes.append(NO_TIME)
        status = self._keep(match.person, hand_in, content) if content.files else RowStatus.LEFT_OUT
        if not content.files:
            notes.append("no file of it could be read")
        row = CollectedRow(
            status, match.person, match.by, hand_in.moment, str(path), hand_in.label, "; ".join(notes)
        )  # fmt: skip
        self.made.rows.append(row)

    def _keep(self, person: Person, hand_in: HandIn, content: Content) -> RowStatus:
        """Keep it as an attempt, unless it is there."""
        parent = self._attempts(person.id)
        self._keep_submitted(person.id)
        digest, same = content.digest, RowStatus.UNCHANGED
        for attempt in attempts_of(self.term.course, self.assignment, person.id):
            is_same_time = hand_in.moment is None or attempt.moment in (None, hand_in.moment)
            if is_same_time and store.read_folder(attempt.folder).digest == digest:
                if attempt.moment is not None or hand_in.moment is None:
                    return same
                self._forget(attempt)  # the same work, of which the time is known now
        planned = self.planned.setdefault(person.id, [])
        if self.made.dry:
            if (digest, hand_in.moment) in planned:
                return same
            planned.append((digest, hand_in.moment))
        else:
            store.keep(parent, content, hand_in.moment, hand_in.number)
        return RowStatus.NEW

    def _forget(self, attempt: Attempt) -> None:
        if not self.made.dry:
            attempt.folder.rename(attempt.folder.with_name(f"{store.WRITING}{attempt.name}"))
            store.sweep(attempt.folder.parent)

    def _keep_submitted(self, student: str) -> None:
        """What lies in submitted/ and came in another way becomes an attempt too, so that nothing of it is lost."""
        target = self._submitted(student)
        if self.made.dry or not target.is_dir():
            return
        content, moment = store.read_folder(target), handed_in(target)
        kept = attempts_of(self.term.course, self.assignment, student)
        same = [attempt for attempt in kept if store.read_folder(attempt.folder).digest == content.digest]
        if not content.files or any(moment in (None, attempt.moment) for attempt in same):
            return
        store.keep_folder(self._attempts(student), target)
        for attempt in same:
            if attempt.moment is None:  # its time was written into submitted/ since
                self._forget(attempt)

    def place_all(self) -> None:
        """Bring submitted/ in line with the attempts that are kept."""
        folder = self.term.course.attempts / self.assignment
        students = sorted(path.name for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
        for student in students:
            self._place(student)

    def _place(self, student: str) -> None:
        target = self._submitted(student)
        if self._linked(student):
            return
        attempts, moment = attempts_of(self.term.course, self.assignment, student), handed_in(target)
        if moment is None or all(attempt.moment != moment for attempt in attempts):
            self._keep_submitted(student)
            attempts = attempts_of(self.term.course, self.assignment, student)
        person = self._person(student)
        counting = self.term.chosen(self.assignment, attempts)
        if counting is None and not target.is_dir():
            counting = chosen(attempts, AttemptRule.LAST, self.term.late_attempt(self.assignment))
        if counting is None:
            if any(attempt.moment is None for attempt in attempts):
                why = f"{len(attempts)} attempts, not all with a time: submitted/ stays as it is. {_FIX}"
                self.made.rows.append(CollectedRow(RowStatus.UNDECIDED, person, note=why))
        elif not store.is_placed(counting, target):
            note = f"the attempt {counting.name}" + (f" of {len(attempts)}" if len(attempts) > 1 else "")
            self.made.rows.append(CollectedRow(RowStatus.COUNTS, person, moment=counting.moment, note=note))
            self._keep_submitted(student)
            if not self.made.dry:
                store.place(counting, target)

    def _person(self, student: str) -> Person:
        known = self.term.roster.by_id if self.term.roster is not None else {}
        return known.get(student, Person(student))

    def missing(self) -> None:
        """Students of whom, and of whose group, nothing is there."""
        for person in self.term.roster.people if self.term.roster is not None else ():
            group = self.term.groups.together(self.assignment, person.id)
            if not any(self._submitted(member).is_dir() or self.planned.get(member) for member in group):
                if not attempts_of(self.term.course, self.assignment, person.id):
                    self.made.rows.append(CollectedRow(RowStatus.MISSING, person))

    def _linked(self, student: str) -> str:
        """The place of ours that is a link, through which nothing is written; empty where none is."""
        places = (self._submitted(student), self._submitted(student).parent, self._attempts(student))
        return next((f"{path} is a link: put the folder itself there" for path in places if path.is_symlink()), "")

    def _submitted(self, student: str) -> Path:
        return self.term.course.submitted / student / self.assignment

    def _attempts(self, student: str) -> Path:
        return self.term.course.attempts / self.assignment / student


_FIX = "Write the time into timestamp.txt of each (2026-12-11 23:59:00 UTC), or remove what does not count; run again"


def _merged(hand_ins: Sequence[HandIn], matcher: Matcher) -> list[HandIn]:
    """Files that lie side by side and begin with one student's name are one hand-in."""
    merged: list[HandIn] = []
    flat: dict[str, int] = {}
    for hand_in in hand_ins:
        is_flat = bool(hand_in.claim.label) and list(hand_in.files) == [hand_in.label]
        person = matcher.match(hand_in.claim).person if is_flat else None
        if person is None:
            merged.append(hand_in)
        elif person.id in flat:
            before = merged[flat[person.id]]
            files = before.files | hand_in.files
            merged[flat[person.id]] = HandIn(before.label, before.claim, files, notes=before.notes)
        else:
            flat[person.id] = len(merged)
            merged.append(hand_in)
    return merged
