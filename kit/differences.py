"""A difference between two values, and how numbers that differ are said."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from kit.plain_values import number, shown

RTOL = 1e-9
_ATOL = {"float16": 2e-3, "float32": 1e-5, "complex64": 1e-5, "int": 0.0}


@dataclass(frozen=True, slots=True)
class ValueDifference:
    """path: where in the value, such as [2]['name']; empty for the whole. said: what is wrong. detail: both values.

    share: how many items differ, of the outermost collection that has several.
    """

    path: str
    said: str
    detail: str = ""
    share: str = ""

    def with_share(self, share: str) -> ValueDifference:
        """The same as an item of a collection."""
        return replace(self, share=share) if share else self

    def told(self) -> str:
        place = f" at {self.path}" if self.path else ""
        details = "; ".join(part for part in (self.detail, self.share) if part)
        return f"{self.said}{place}{f': {details}' if details else ''}"


@dataclass(frozen=True, slots=True)
class Tolerance:
    """What a test gives; None where it leaves it open."""

    atol: float | None = None
    rtol: float | None = None

    @property
    def is_open(self) -> bool:
        return self.atol is None and self.rtol is None

    def of(self, dtype: str) -> tuple[float, float]:
        """atol and rtol for numbers of a dtype; "int" for whole ones, which are exact."""
        atol = _ATOL.get(dtype, 1e-9) if self.atol is None else self.atol
        rtol = (0.0 if dtype == "int" else RTOL) if self.rtol is None else self.rtol
        return atol, rtol


def pair(mine: Any, theirs: Any) -> str:
    """Both values, with as many digits as tell them apart."""
    yours, expected = number(mine), number(theirs)
    if yours == expected:
        yours, expected = shown(mine), shown(theirs)
    return f"yours {yours}, expected {expected}"


def off_by(gap: float | int) -> str:
    return f"off by {shown(gap) if type(gap) is int else f'{gap:.3g}'}"
