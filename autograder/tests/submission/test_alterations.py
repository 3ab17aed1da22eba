"""What the course changed between versions is never told as the student's doing; what the student changed still is."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from autograder.submission.read import read_submission
from autograder.tests.handing_in import FILE, cell
from autograder.tests.released import SCALE
from kit.manifest import Manifest

Data = dict[str, Any]
BLAMES = re.compile(r"were changed|were altered|another type|another order than released|claim to be graded")


def exercise_points(data: Data) -> None:
    data["exercises"][0]["points"] = 30


def answer_points(data: Data) -> None:
    data["answers"][0]["points"] = 10


def renamed(data: Data) -> None:
    """tiny-why becomes tiny-reason, tiny-scale becomes tiny-stretch."""
    for old, new in {"tiny-why": "tiny-reason", "tiny-scale-check": "tiny-stretch-check"}.items():
        item = next(item for item in data["notebooks"][0]["cells"] if item["id"] == old)
        item |= {"id": new, "was": [old]}
    data["answers"][0]["id"] = "tiny-reason"


def given_code(data: Data) -> None:
    for item in data["notebooks"][0]["cells"]:
        item["source"] += "\n# of 1.1" if item["kind"] == "given" and item["source"] else ""


def check_text(data: Data) -> None:
    for item in data["notebooks"][0]["cells"]:
        item["source"] += "\n# of 1.1" if item["kind"] == "check" else ""


def locked(data: Data) -> None:
    """What was given is to be written, and is an exercise's now."""
    next(item for item in data["notebooks"][0]["cells"] if item["id"] == "given-2")["kind"] = "exercise"


def order(data: Data) -> None:
    cells = data["notebooks"][0]["cells"]
    place = [item["id"] for item in cells].index("tiny-scaler")
    cells[1:1] = [cells.pop(place), cells.pop(place)]


COURSE = (exercise_points, answer_points, renamed, given_code, check_text, locked, order)


def after(manifest: Manifest, change: Callable[[Data], None], version: str) -> Manifest:
    data = json.loads(manifest.to_json()) | {"version": version}
    change(data)
    return Manifest.from_json(json.dumps(data))


def hand_in(folder: Path, notebook: Data, word: str | None) -> None:
    """A written notebook that says it was made for this version; None: it says nothing."""
    made = copy.deepcopy(notebook)
    cell(made, "tiny-scale")["source"] = SCALE
    cell(made, "tiny-why")["source"] = "Because autograd follows it."
    made["metadata"]["kit"]["version"] = word
    if word is None:
        del made["metadata"]["kit"]
    (folder / FILE).write_text(json.dumps(made))


# The version that the notebook says, today's, and whether the notebook's is kept.
KNOWN = {
    "kept": ("1.0", "1.1", True),
    "not kept": ("0.9", "1.1", False),
    "not said": (None, "1.1", False),
    "not said but kept": (None, "1.1", True),
    "not raised": ("1.0", "1.0", False),
}


@pytest.mark.parametrize("known", KNOWN)
@pytest.mark.parametrize("change", COURSE, ids=lambda change: change.__name__)
def test_what_the_course_changed_blames_nobody(folder, manifest, released, change, known):
    word, today, is_kept = KNOWN[known]
    if (change, known) == (order, "not raised"):
        today = "1.1"  # of one version there is one order: released again, it would be another version
    hand_in(folder, released, word)
    taken = read_submission(folder, after(manifest, change, today), earlier=[manifest] if is_kept else [])
    assert not [note for note in taken.notes if BLAMES.search(note)]


@pytest.mark.parametrize("known", KNOWN)
def test_settings_that_an_older_nbgrader_wrote_blame_nobody(folder, manifest, released, known):
    word, today, is_kept = KNOWN[known]
    old = copy.deepcopy(released)
    for item in old["cells"]:
        if "nbgrader" in item["metadata"]:
            item["metadata"]["nbgrader"]["schema_version"] = 2
    old["metadata"]["kernelspec"] = {"name": "another", "display_name": "Another", "language": "python"}
    hand_in(folder, old, word)
    new = after(manifest, exercise_points, today)
    taken = read_submission(folder, new, earlier=[manifest] if is_kept else [])
    assert not [note for note in taken.notes if BLAMES.search(note)]


def points(check: Data) -> None:
    check["metadata"]["nbgrader"]["points"] = 300


def unlocked(check: Data) -> None:
    check["metadata"]["nbgrader"] |= {"locked": False, "solution": True}


def ungraded(check: Data) -> None:
    check["metadata"]["nbgrader"]["grade"] = False


STUDENT = {
    points: "settings of tiny-scaler-check were changed",
    unlocked: "settings of tiny-scaler-check were changed",
    ungraded: "settings of tiny-scaler-check were changed",
}


@pytest.mark.parametrize("known", KNOWN)
@pytest.mark.parametrize("change", STUDENT, ids=lambda change: change.__name__)
def test_what_the_student_changed_is_told_whatever_the_course_did(folder, manifest, released, change, known):
    word, today, is_kept = KNOWN[known]
    mine = copy.deepcopy(released)
    change(cell(mine, "tiny-scaler-check"))
    hand_in(folder, mine, word)
    new = after(manifest, exercise_points, today)
    taken = read_submission(folder, new, earlier=[manifest] if is_kept else [])
    (told,) = [note for note in taken.notes if BLAMES.search(note)]
    assert STUDENT[change] in told and not taken.unchanged


@pytest.mark.parametrize("known", KNOWN)
def test_a_locked_cell_that_the_student_changed_is_told(folder, manifest, released, known):
    word, today, is_kept = KNOWN[known]
    mine = copy.deepcopy(released)
    cell(mine, "given-1")["source"] = "import os"
    hand_in(folder, mine, word)
    new = after(manifest, check_text, today)
    taken = read_submission(folder, new, earlier=[manifest] if is_kept else [])
    assert [note for note in taken.notes if BLAMES.search(note)] == [
        f"{FILE}: locked cells were altered: given-1; the course's own text is used"
    ]


def test_settings_of_which_nobody_knows_the_version_are_told_without_blame(folder, manifest, released):
    mine = copy.deepcopy(released)
    cell(mine, "tiny-scale")["metadata"]["nbgrader"] |= {"schema_version": 1, "checksum": None}
    hand_in(folder, mine, "0.9")
    (told,) = [note for note in read_submission(folder, manifest).notes if "settings" in note]
    assert "settings of tiny-scale are not those of version 1.0, and nobody knows" in told
