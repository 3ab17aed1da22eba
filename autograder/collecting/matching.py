"""Whose a hand-in is, by the roster. Nobody is chosen between two, and a match by name is said."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from autograder.collecting.layouts import Claim
from autograder.roster.roster import Person, Roster


@dataclass(frozen=True)
class PersonMatch:
    """people: whom it may be; one: it is. by: what told so."""

    people: tuple[Person, ...]
    by: str

    @property
    def person(self) -> Person | None:
        return self.people[0] if len(self.people) == 1 else None


_AFTER_ID = r"[_+\-(),;=~]"  # neither a blank, as after a first name, nor . or @, which belong to ids and addresses


class Matcher:
    """The roster by everything that a download may call its people."""

    def __init__(self, roster: Roster) -> None:
        self._ids: dict[str, set[Person]] = defaultdict(set)
        self._names: dict[str, set[Person]] = defaultdict(set)
        for person in roster.people:
            for said in (person.id, person.email, *person.other_ids):
                if said:
                    self._ids[said.casefold()].add(person)
            for name in _spellings(person.name):
                self._names[name].add(person)

    def match(self, claim: Claim) -> PersonMatch:
        """Ids before names; where both are given and disagree, all whom they name."""
        if claim.label:
            return self._by_label(claim.label)
        by_id = self._by_ids(claim.ids or ((claim.number,) if claim.number else ()))
        by_name = self._names.get(_letters(claim.name), set())
        if not by_id:
            return _match(by_name, "name")
        what = "number" if claim.number else "id"
        if claim.number and not all(_fits(person, claim.name) for person in by_id):
            return _match(by_id | by_name, "number and name disagree")
        return _match(by_id, what)

    def may_be(self, label: str) -> bool:
        """Whether a folder's name begins like that of someone on the roster."""
        return bool(self._by_label(label).people)

    def _by_ids(self, ids: Iterable[str]) -> set[Person]:
        return set().union(*(self._ids.get(said.casefold(), set()) for said in ids))

    def _by_label(self, label: str) -> PersonMatch:
        """By the longest id or e-mail address, and the longest name, with which the label begins."""
        text, words = label.strip().casefold(), _words(label)
        at_id = next((end for end in _ends(text, _AFTER_ID) if text[:end] in self._ids), 0)
        at_name = next((end for end in _ends(words, r" ") if _letters(words[:end]) in self._names), 0)
        by_id = self._ids[text[:at_id]] if at_id else set()
        by_name = self._names[_letters(words[:at_name])] if at_name else set()
        if at_id == len(text) or not by_name:
            return _match(by_id, "id" if at_id == len(text) else "id at the beginning")
        how = "name" if at_name == len(words) else "name at the beginning"
        return _match(by_id | by_name if by_id - by_name else by_name, how)


def _match(people: set[Person], by: str) -> PersonMatch:
    return PersonMatch(tuple(sorted(people, key=lambda person: person.id)), by)


def _ends(text: str, after: str) -> list[int]:
    """Where a first part of the text may end, the longest first."""
    return [len(text), *reversed([found.start() for found in re.finditer(after, text)])]


def _spellings(name: str) -> set[str]:
    """A full name as downloads write it: first name first, last name first."""
    words = name.split()
    return {_letters(" ".join(words[at:] + words[:at])) for at in range(len(words))} if len(words) > 1 else set()


def _fits(person: Person, name: str) -> bool:
    return not person.name or not name or _letters(name) in _spellings(person.name) | {_letters(person.name)}


def _letters(text: str) -> str:
    return _words(text).replace(" ", "")


def _words(text: str) -> str:
    """Lower case, without accents, other signs as blanks, apostrophes gone."""
    text = unicodedata.normalize("NFKD", text).replace("'", "").replace("’", "")
    bare = "".join(letter for letter in text if not unicodedata.combining(letter))
    return " ".join(re.sub(r"[\W_]+", " ", bare.casefold()).split())
