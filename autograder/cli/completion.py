"""Completion of names in bash, zsh and fish: assignments, problems, exercises, students, tests."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import click
from click.shell_completion import CompletionItem, get_completion_class

from autograder.cli.screen import say_data
from autograder.course_folders import CourseFolders

PROGRAM = "autograder"
_EXERCISE = re.compile(r"^\[(?:exercise|answer)\.([\w-]+)\]", re.MULTILINE)
_TEST = re.compile(r"^def (test_\w+)\(", re.MULTILINE)

Completer = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


@click.command()
@click.argument("shell", type=click.Choice(("bash", "zsh", "fish")))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the code with which a shell completes commands, options and names: press Tab.

    \b
    Examples:
      echo 'eval "$(autograder completion bash)"' >> ~/.bashrc
      echo 'eval "$(autograder completion zsh)"' >> ~/.zshrc
      autograder completion fish > ~/.config/fish/completions/autograder.fish
    """
    kind = get_completion_class(shell)
    assert kind is not None
    say_data(kind(context.find_root().command, {}, PROGRAM, "_AUTOGRADER_COMPLETE").source())


def _completer(names: Callable[[CourseFolders, str], Iterable[str]]) -> Completer:
    """What begins as it was typed, of the names that a course holds; an unreadable course has none."""

    def complete(context: click.Context, _: click.Parameter, typed: str) -> list[CompletionItem]:
        typed_before = (word for word in context.args if not word.startswith("-"))
        assignment = context.params.get("assignment") or next(typed_before, "")
        try:
            found = sorted(set(names(CourseFolders(Path()), assignment)))
        except (OSError, UnicodeDecodeError):
            found = []
        return [CompletionItem(name) for name in found if name.startswith(typed)]

    return complete


def _assignments(course: CourseFolders, _: str) -> Iterator[str]:
    return (path.parent.name for path in course.assignments.glob("*/assignment.toml"))


def _problems(course: CourseFolders, assignment: str) -> Iterator[str]:
    return (path.parent.name for path in (course.assignments / assignment).glob("*/problem.toml"))


def _exercises(course: CourseFolders, assignment: str) -> Iterator[str]:
    for path in (course.assignments / assignment).glob("*/problem.toml"):
        yield from _EXERCISE.findall(path.read_text(encoding="utf-8"))


def _students(course: CourseFolders, assignment: str) -> Iterator[str]:
    handed_in = (path.parent.name for path in course.submitted.glob(f"*/{assignment}"))
    graded = (path.stem for path in (course.results / assignment).glob("*.json"))
    return (name for names in (handed_in, graded) for name in names)


def _tests(course: CourseFolders, assignment: str) -> Iterator[str]:
    for path in (course.assignments / assignment).glob("*/test_*.py"):
        yield from _TEST.findall(path.read_text(encoding="utf-8"))


assignments = _completer(_assignments)
problems = _completer(_problems)
exercises = _completer(_exercises)
students = _completer(_students)
tests = _completer(_tests)

# By the name of an argument or option, whatever the command.
BY_PARAMETER = {
    "assignment": assignments, "problem": problems, "exercise": exercises, "student": students, "students": students,
    "test": tests,
}  # fmt: skip


def add_to(commands: Iterable[click.Command]) -> None:
    """Complete the parameters of these commands, also of those in groups, by their names."""
    for command in commands:
        if isinstance(command, click.Group):
            add_to(command.commands.values())
        for parameter in command.params:
            if parameter.name in BY_PARAMETER:
                parameter._custom_shell_complete = BY_PARAMETER[parameter.name]
