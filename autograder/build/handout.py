"""The handout: its text, with what has its home elsewhere put in, built from what is released."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from datetime import UTC

from autograder.assignment.model import TOLD, Assignment, Problem

WIDTH = 116
NOT_SAID = "your course tells you"


def handout(assignment: Assignment, text: str) -> str:
    """The text with each {{part}} replaced: course, notebooks, points, presets, grader, alphabet, glossary."""
    parts = {
        "course": _course(assignment),
        "notebooks": _notebooks(assignment),
        "points": _points(assignment),
        "presets": _presets(assignment),
        "grader": textwrap.wrap(assignment.manifest.grader, WIDTH),
        "alphabet": _alphabet(assignment),
        "glossary": _glossary(assignment),
    }
    for name, lines in parts.items():
        text = text.replace(f"{{{{{name}}}}}", "\n".join(lines))
    return text


def _course(assignment: Assignment) -> list[str]:
    due = assignment.due.astimezone(UTC).strftime("%A %d %B %Y, %H:%M UTC") if assignment.due else ""
    rows = {"Due": due} | {TOLD[name]: text for name, text in assignment.told.items()}
    return ["| | |", "|---|---|", *(f"| {name} | {text or NOT_SAID} |" for name, text in rows.items())]


def _notebooks(assignment: Assignment) -> list[str]:
    """What each notebook takes of a student's time, and what its trainings take."""
    rows = []
    for problem in assignment.problems:
        said = problem.handout
        rows.append(f"| {problem.title}: `{problem.notebook_file}` | {said.time} | {said.computing} |")
    return ["| Notebook | You | Computing (two CPU cores) |", "|---|---|---|", *rows]


def _points(assignment: Assignment) -> list[str]:
    manifest = assignment.manifest
    rows = ["| Exercise or question | Points | Marked by |", "|---|---|---|"]
    for problem in assignment.problems:
        rows += [f"| `{exercise.id}` | {exercise.points:g} | checks |" for exercise in problem.exercises]
        rows += [f"| `{answer.id}` | {answer.points:g} | a person |" for answer in problem.answers]
    total = sum(exercise.points for exercise in manifest.exercises) + sum(answer.points for answer in manifest.answers)
    return [*rows, f"| all | {total:g} | |"]


def _presets(assignment: Assignment) -> list[str]:
    """The steps of each problem's longest training: a row a problem, a column a preset."""
    problems = [problem for problem in assignment.problems if problem.presets]
    names = list(dict.fromkeys(name for problem in problems for name in problem.presets))
    rows = ["| Notebook | " + " | ".join(f"`{name}`" for name in names) + " |", "|---" * (len(names) + 1) + "|"]
    return rows + [
        f"| {problem.title} | {' | '.join(_steps(problem, name) for name in names)} |" for problem in problems
    ]


def _steps(problem: Problem, preset: str) -> str:
    return f"{max(problem.presets[preset].values()):,.0f} steps" if preset in problem.presets else "as `small`"


def _alphabet(assignment: Assignment) -> list[str]:
    """Letters for axes: the set's own, then what a problem adds, said together where two use one letter."""
    letters: dict[str, list[str]] = {letter: [text] for letter, text in assignment.alphabet.items()}
    for problem in assignment.problems:
        for letter, text in problem.handout.alphabet.items():
            letters.setdefault(letter, []).append(f"{text} ({_short(problem)})")
    return ["| | |", "|---|---|", *(f"| `{letter}` | {'; '.join(texts)} |" for letter, texts in letters.items())]


def _glossary(assignment: Assignment) -> list[str]:
    """Words in alphabetical order, each as the first released problem explains it."""
    words = {word: text for word, text in assignment.glossary.items()}
    for word, text in _words(assignment):
        words.setdefault(word, text)
    rows = sorted(words.items(), key=lambda item: item[0].lower())
    return ["| Word | What it means here |", "|---|---|", *(f"| {word} | {text} |" for word, text in rows)]


def _words(assignment: Assignment) -> Iterator[tuple[str, str]]:
    for problem in assignment.problems:
        yield from ((word, f"{text} ({_short(problem)})") for word, text in problem.handout.glossary.items())


def _short(problem: Problem) -> str:
    """How a table names a problem's notebook: a core problem by its number, an extra by its title."""
    return str(problem.number or problem.title)
