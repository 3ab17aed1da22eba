"""What the names in a set's texts stand for: `[[masked_autoencoder]]` is "notebook 1", `[[mae-patchify]]` is "1.1"."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

_REFERENCE = re.compile(r"\[\[(#?[A-Za-z][\w-]*)\]\]")

Complain = Callable[[str, int], None]


@dataclass(frozen=True)
class References:
    """What each name stands for: `near` in texts of the problem that holds it, `far` everywhere else."""

    near: dict[str, dict[str, str]] = field(default_factory=dict)
    far: dict[str, str] = field(default_factory=dict)

    def resolved(self, text: str, complain: Complain, problem: str = "", spans: Sequence[range] | None = None) -> str:
        """The text with its references replaced; `spans` says where in it they count.

        complain: hears of each reference to nothing, with the number of its line, from 0.
        """

        def number(match: re.Match[str]) -> str:
            if spans is not None and not any(match.start() in span for span in spans):
                return match[0]
            known = self.far | self.near.get(problem, {})
            if match[1] in known:
                return known[match[1]]
            line = text.count("\n", 0, match.start())
            complain(f"{match[0]} refers to no released problem, exercise, answer or {{#name}} of a heading", line)
            return match[0]

        return _REFERENCE.sub(number, text)
