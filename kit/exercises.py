"""The mark that ties a test to its exercise, and the helpers that a problem's test files share."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

HELPERS_FILE = "test_helpers.py"
STUB_TEXT = "{exercise}: write this function"

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Mark:
    """What a test says about itself: its exercise, its weight within it, a title and a hint for the student.

    broad: nearly any mistake fails it, so that another failure says more about the mistake.
    """

    exercise: str
    weight: float
    title: str
    hint: str
    broad: bool = False


@dataclass(frozen=True)
class Marker:
    """Marks the tests of one exercise: `@patchify("keeps channels together", hint="Which axis varies fastest?")`.

    The score of an exercise is its points times the passed weight over the total weight; every case of a parametrised
    test counts `weight`. The title says what holds when the test passes; the hint names a misconception, not the fix.
    A broad test (every number in its place) is explained only where no other test of the exercise fails.
    """

    exercise: str

    def __call__(self, title: str, *, hint: str, weight: float = 1, broad: bool = False) -> Callable[[F], F]:
        if weight <= 0:
            raise ValueError(f"the weight of a test of {self.exercise} should be positive, not {weight}")

        def mark(function: F) -> F:
            function.__exercise__ = Mark(self.exercise, weight, title, hint, broad)  # type: ignore[attr-defined]
            return function

        return mark


def exercise(exercise_id: str) -> Marker:
    """The marker of an exercise's tests: `patchify = exercise("mae-patchify")`, once in a test file."""
    return Marker(exercise_id)


def mark_of(function: Any) -> Mark | None:
    """The mark of a test function; None where it has none."""
    mark = getattr(function, "__exercise__", None)
    return mark if isinstance(mark, Mark) else None


def load_helpers(test_file: str) -> ModuleType:
    """The test_helpers.py beside a test file: `helpers = load_helpers(__file__)`.

    Read anew each time and registered nowhere: an edit counts at once, and no two problems' helpers meet.
    """
    path = Path(test_file).with_name(HELPERS_FILE)
    module = ModuleType(path.stem)
    module.__file__ = str(path)
    exec(compile(path.read_bytes(), str(path), "exec"), module.__dict__)
    return module
