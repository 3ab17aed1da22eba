"""A page that compares what submitted weights reach. It names nobody unless that is asked for."""

from __future__ import annotations

from dataclasses import dataclass

from autograder.assignment.model import Assignment
from autograder.errors import BadInput
from autograder.marks.pages import render as render
from autograder.results import ResultFolder


@dataclass(frozen=True)
class Place:
    """One student's. rank: equal for equal accuracies. name: empty where none is shown."""

    rank: int
    accuracy: float
    name: str


def page(assignment: Assignment, results: ResultFolder, *, names: bool) -> str:
    """The page. BadInput where no exercise has a leaderboard, or nothing has been measured yet."""
    asked = [exercise for exercise in assignment.manifest.exercises if exercise.leaderboard]
    if not asked:
        raise BadInput(f"no exercise of {assignment.name} has a leaderboard: see docs/instructor.md, Submitted weights")
    lists = {exercise.leaderboard: places(results, exercise.id, names=names) for exercise in asked}
    if not any(lists.values()):
        raise BadInput(f"nobody of {results.path} has handed in weights that could be measured")
    return render("leaderboard.html.j2", assignment, title=f"{assignment.title}: leaderboard", lists=lists)


def places(results: ResultFolder, exercise: str, *, names: bool) -> list[Place]:
    """Best first; of equal ones in the order of their names, where these are shown."""
    measured = [(report.student, report.exercise(exercise)) for report in results.all()]
    found = sorted(
        (-one.accuracy, student) for student, one in measured if one is not None and one.accuracy is not None
    )
    better = {negative: sum(other < negative for other, _ in found) for negative, _ in found}
    return [Place(better[negative] + 1, -negative, student if names else "") for negative, student in found]
