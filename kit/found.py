"""Lists and dicts of what a student's code did: to look for what is not there fails the test, with a sentence."""

from __future__ import annotations

from typing import Any


class Found(list):  # type: ignore[type-arg]
    """A list of things such as "lines of the axes"; an index that it has not is an AssertionError."""

    def __init__(self, items: Any, what: str) -> None:
        super().__init__(items)
        self.what = what

    def __getitem__(self, place: Any) -> Any:
        try:
            return super().__getitem__(place)
        except IndexError:
            number = f"number {place + 1}" if place >= 0 else f"number {-place} from the end"
            there = f"there are {len(self)}" if len(self) > 1 else "there is one" if self else "there are none"
            raise AssertionError(f"{self.what}: {there}, and the test looks at {number}") from None


class FoundByName(dict):  # type: ignore[type-arg]
    """A dict of things such as "files"; a name that it has not is an AssertionError."""

    def __init__(self, items: Any, what: str) -> None:
        super().__init__(items)
        self.what = what

    def __missing__(self, name: Any) -> Any:
        raise AssertionError(f"{self.what}: there is no {name!r}, and the test looks at it")
