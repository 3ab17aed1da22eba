"""Which folder is graded for whom: members of a group share one, and of several attempts each may have a result."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from autograder.assignment.policy import AttemptRule
from autograder.grading.class_folder import ClassFolder
from autograder.roster.attempts import Attempt, attempts_of, handed_in
from autograder.roster.term import Term


@dataclass(frozen=True)
class SharedWork:
    """The class with every member of a group; handed_in_by: student to the member whose folder it is."""

    found: ClassFolder
    handed_in_by: Mapping[str, str]

    def only(self, student: str | None) -> SharedWork:
        """This student alone; everyone where none is named."""
        return self if student is None else SharedWork(self.found.only(student), self.handed_in_by)


def shared(found: ClassFolder, term: Term, assignment: str) -> SharedWork:
    """Give every member of a group the one submission that counts by the policy.

    Where that cannot be said, since of several members' work not all has a time, the group is left, with the reason.
    """
    folders, left, senders = dict(found.folders), dict(found.left), {}
    for group in term.groups.of(assignment):
        senders_here = [member for member in group if member in found.folders]
        if not senders_here:
            continue
        counting = term.chosen(assignment, list(_of_group(found, term, assignment, senders_here)))
        for member in group:
            if counting is None:
                folders.pop(member, None)
                left[repr(member)] = _undecided(senders_here, assignment)
            elif member != counting.student:
                folders[member] = found.folders[counting.student]
                senders[member] = counting.student
    return SharedWork(ClassFolder(dict(sorted(folders.items())), left), senders)


def to_compare(found: ClassFolder, term: Term, assignment: str) -> dict[str, Path]:
    """By key the attempts that need a result of their own before the best can be named; none for other rules."""
    if term.rule(assignment) is not AttemptRule.BEST:
        return {}
    wanted: dict[str, Path] = {}
    for student in found.folders:
        group = [member for member in term.groups.together(assignment, student) if member in found.folders]
        attempts = list(_of_group(found, term, assignment, [student]))
        if len(attempts) > 1 or len(group) > 1:
            wanted |= {attempt.key: attempt.folder for attempt in attempts}
    return wanted


def _of_group(found: ClassFolder, term: Term, assignment: str, members: list[str]) -> Iterator[Attempt]:
    """All attempts of these members; where none are kept, what lies in submitted/."""
    for member in members:
        folder = found.folders[member]
        yield from attempts_of(term.course, assignment, member) or [Attempt(member, folder, handed_in(folder))]


def _undecided(members: list[str], assignment: str) -> str:
    who = " and ".join(members)
    return (
        f"{who} of one group handed in, and it cannot be said whose work counts: write the time into timestamp.txt of "
        f"each (2026-12-11 23:59:00 UTC), or remove a folder {assignment}"
    )
