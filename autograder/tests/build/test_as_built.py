"""Whoever grades, or shows what was graded, works with an assignment that source/ and release/ have as well."""

from __future__ import annotations

from pathlib import Path

import pytest

from autograder.assignment.model import Assignment
from autograder.build import as_built
from autograder.errors import AutograderError, BadInput, Stale
from autograder.tests import marking, tiny
from autograder.tests.command_line import run

TOML, BOOK = f"{tiny.PROBLEM}/problem.toml", f"{tiny.PROBLEM}/notebook.py"
CHANGES = {
    "the version": ("assignment.toml", 'version = "1.0"', 'version = "1.1"', "version 1.0 → 1.1"),
    "points of an exercise": (TOML, "points = 3", "points = 30", "tiny-scale: points 3 → 30"),
    "points of an answer": (TOML, "points = 1", "points = 0.5", "tiny-why: points 1 → 0.5"),
    "what it depends on": (TOML, 'depends = ["tiny-scale"]', "", "tiny-scaler: depends tiny-scale → none"),
    "a file of weights": (TOML, "points = 2", 'points = 2\nweights = "w.safetensors"', "weights none → w.safetensors"),
    "an exercise's limit": (TOML, "points = 2", "points = 2\ncall_seconds = 9", "tiny-scaler: call_seconds 2 → 9"),
    "a submission's limit": ("assignment.toml", "= 60", "= 90", "submission_seconds 60 → 90"),
    "the set's title": ("assignment.toml", "A tiny set", "A small set", "title A tiny set → A small set"),
    "a notebook's title": (TOML, '"Scaling"', '"Scales"', "the order or the title of its notebooks"),
    "a package": ("assignment.toml", "extra = []", 'extra = []\npackages = ["einops"]', "packages none → einops"),
    "given code": (BOOK, "Holds the factor.", "Keeps the factor.", "given code changed in 1 cell"),
    "a stub": (BOOK, "Multiply values", "Multiply all values", "tiny-scale: text changed"),
    "a text": (BOOK, "Two exercises", "Some exercises", "text changed in 1 cell"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_the_build_does_not_have_is_named_with_the_command(tinyset: Assignment, change: str) -> None:
    file, old, new, told = CHANGES[change]
    tiny.edit(tinyset.folder, file, old, new)
    with pytest.raises(Stale) as refused:
        as_built.load_built(tiny.NAME, tinyset.root)
    assert told in str(refused.value) and str(refused.value).endswith("Run: autograder build tinyset")
    marking.rebuild(tinyset.root)
    assert as_built.load_built(tiny.NAME, tinyset.root).title


def test_a_renamed_exercise_and_a_problem_more_are_named(tinyset: Assignment) -> None:
    tiny.add_problem(tinyset.folder, "turning", "turn-")
    tiny.edit(tinyset.folder, "assignment.toml", "extra = []", 'extra = ["turning"]')
    with pytest.raises(Stale, match=r"turn-scale: added\n(.*\n)*.*extra_turning.ipynb: new notebook"):
        as_built.load_built(tiny.NAME, tinyset.root)


@pytest.mark.parametrize("file", ["test_hidden.py", "test_public.py"])
def test_a_mended_or_added_test_needs_no_build(tinyset: Assignment, file: str) -> None:
    path = tinyset.folder / tiny.PROBLEM / file
    more = '@scaling("stays", hint="")\ndef test_more_{}(student):\n    pass\n'.format(file.removesuffix(".py"))
    path.write_text(f"{path.read_text()}\n\n{more}")
    assert as_built.load_built(tiny.NAME, tinyset.root).manifest != tinyset.manifest


COMMANDS = (
    ("grade", tiny.NAME), ("grade", tiny.NAME, "--regrade", "--why", "a fix"), ("rerun", tiny.NAME, "ada", "test_x"),
    ("table", tiny.NAME), ("report", tiny.NAME), ("feedback", tiny.NAME), ("export", "nbgrader", tiny.NAME),
    ("export", "canvas", tiny.NAME, "--gradebook", "Grades.csv"), ("export", "gradescope", tiny.NAME),
)  # fmt: skip


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_that_gives_or_shows_marks_refuses(
    tinyset: Assignment, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tinyset.root)
    tiny.edit(tinyset.folder, TOML, "points = 3", "points = 30")
    done = run(*words)
    assert isinstance(done.exception, Stale) and "tiny-scale: points 3 → 30" in str(done.exception)
    assert not (tinyset.root / "results").exists() and not (tinyset.root / "feedback").exists()


def test_a_set_that_was_never_built_is_not_graded(sources: Path) -> None:
    with pytest.raises(BadInput, match=r"manifest\.json is missing: run `autograder build tinyset`"):
        as_built.load_built(tiny.NAME, sources.parents[1])


def test_a_manifest_that_cannot_be_read_is_named(tinyset: Assignment) -> None:
    (tinyset.release / as_built.MANIFEST).write_text("{")
    with pytest.raises(AutograderError, match=r"release/tinyset/tests/manifest\.json: not a manifest(.*\n)+Run: auto"):
        as_built.load_built(tiny.NAME, tinyset.root)
