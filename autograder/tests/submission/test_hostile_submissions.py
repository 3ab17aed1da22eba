import json
import os
import re
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest

from autograder.submission.clean_copy import clean_copy
from autograder.submission.read import Submission, read_submission
from autograder.tests import tiny
from autograder.tests.submission import hostile_folders as hostile

FILE = tiny.NOTEBOOK


def snapshot(folder: Path):
    return sorted((str(path), os.lstat(path).st_size) for path in folder.rglob("*"))


@dataclass(frozen=True)
class TakenIn:
    case: hostile.Case
    root: Path
    taken: Submission
    touched: bool

    @property
    def said(self):
        return [*self.taken.notes, *self.taken.problems.values()]


@pytest.fixture(scope="module", params=hostile.CASES, ids=lambda case: case.name)
def hostile_one(request, tmp_path_factory, manifest, released):
    root = tmp_path_factory.mktemp("hostile")
    folder = root / "submitted" / "eve" / tiny.NAME
    hostile.write(request.param, folder, FILE, released)
    before = snapshot(root)
    taken = read_submission(folder, manifest)
    return TakenIn(request.param, root, taken, snapshot(root) != before)


def test_a_hostile_submission_is_taken_in_without_harm(hostile_one):
    taken, case = hostile_one.taken, hostile_one.case
    assert not hostile_one.touched, "reading wrote, moved or deleted something"
    contents = [notebook.content for notebook in taken.notebooks.values()]
    assert hostile.SECRET not in json.dumps(contents) + "".join(hostile_one.said)
    assert (taken.notebooks[FILE].content is not None) == case.accepted
    assert (FILE in taken.problems) != case.accepted
    assert case.noted in "\n".join(hostile_one.said)
    assert taken.unchanged is case.unchanged


def test_notes_about_a_hostile_submission_are_harmless(hostile_one):
    for note in hostile_one.said:
        assert note.isprintable()
        assert not re.search(r"[<>\[\]&]", note)
        assert str(hostile_one.root) not in note
        assert len(note) < 600
        note.encode("utf-8")


def test_what_is_accepted_holds_text_ids_and_outputs_only(hostile_one):
    accepted = hostile_one.taken.notebooks[FILE].content or {"cells": [], "metadata": {}}
    assert accepted["metadata"] == {}
    for cell in accepted["cells"]:
        assert cell.keys() <= {"cell_type", "id", "metadata", "source", "outputs", "dropped", "attachments", "cut"}
        assert cell["metadata"].keys() <= {"nbgrader", "id"}
        assert cell["metadata"].get("nbgrader", {"grade_id": ""}).keys() == {"grade_id"}
        assert isinstance(cell["source"], str) and len(cell["source"]) <= 100_001
        for output in cell.get("outputs", []):
            assert output.keys() <= {"text", "image", "dropped", "active", "cut"}
            assert all(isinstance(value, int if key == "cut" else str) for key, value in output.items())


def test_what_is_accepted_can_be_read_for_grading_and_rebuilt(hostile_one, manifest, released):
    submitted = hostile_one.taken.notebooks[FILE]
    assert submitted.reading.extraction.cells
    rebuilt = clean_copy(released, submitted).notebook
    text = json.dumps(rebuilt, allow_nan=False)
    assert len(text) < 20_000_000
    nbformat.validate(nbformat.reads(text, as_version=4))
    ids = [cell["id"] for cell in rebuilt["cells"] if not cell["id"].startswith("students-")]
    assert ids == [cell["id"] for cell in released["cells"]]
    for staff, cell in zip(released["cells"], [c for c in rebuilt["cells"] if c["id"] in ids], strict=True):
        assert (cell["metadata"], cell["cell_type"]) == (staff["metadata"], staff["cell_type"])
        if staff["metadata"].get("nbgrader", {}).get("locked"):
            assert cell["source"] == "".join(staff["source"])
            assert cell["outputs"] == []
