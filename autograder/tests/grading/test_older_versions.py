"""A class of several versions: who handed in an older one gets a fair grade, and reads what has changed since."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from autograder.assignment.kept_versions import KeptVersion, place
from autograder.assignment.load import load_assignment
from autograder.assignment.model import Assignment
from autograder.assignment.test_digests import digests_of_tests
from autograder.build import copies
from autograder.grading.class_folder import submissions
from autograder.grading.fingerprint import fingerprint
from autograder.grading.grade_class import grade_class
from autograder.tests import marking, released, tiny, versions

BOOK, TOML, HIDDEN = (f"{tiny.PROBLEM}/{file}" for file in ("notebook.py", "problem.toml", "test_hidden.py"))


def keep(assignment: Assignment) -> None:
    """Keep the version as released."""
    tests = digests_of_tests(assignment.problem(tiny.PROBLEM))
    kept = KeptVersion(assignment.manifest, "The first.", tests, {}, {}, "")
    path = place(assignment, assignment.version)
    path.parent.mkdir(exist_ok=True)
    path.write_text(kept.to_json())


@pytest.fixture
def second(tmp_path: Path, one_sandbox: None) -> Assignment:
    """Version 1.1 of a set of which 1.0 is kept, with a submission of 1.0: other points, tests, an exercise renamed."""
    first = marking.without_gradebook(tmp_path)
    keep(first)
    content = versions.notebook(first.manifest, first.manifest.notebooks[0])
    folder = tmp_path / "submitted" / "ada" / tiny.NAME
    folder.mkdir(parents=True)
    for cell in content["cells"]:
        cell["source"] = {"tiny-scale": released.SCALE, "tiny-scaler": released.SCALER}.get(cell["id"], cell["source"])
    released_again(folder / tiny.NOTEBOOK, content)
    tiny.edit(first.folder, "assignment.toml", 'version = "1.0"', 'version = "1.1"')
    tiny.edit(first.folder, TOML, "points = 2", "points = 4")
    tiny.edit(first.folder, HIDDEN, "(4, 7)", "(4, 9)")
    for file, names in {
        TOML: ("[exercise.tiny-scale]",),
        BOOK: ('exercise:tiny-scale"', 'check:tiny-scale"', 'check("tiny-scale")'),
    }.items():
        for old in names:
            tiny.edit(first.folder, file, old, old.replace("tiny-scale", "tiny-stretch"))
    tiny.edit(first.folder, TOML, "points = 3", 'points = 3\nwas = "tiny-scale"')
    tiny.edit(first.folder, TOML, 'depends = ["tiny-scale"]', 'depends = ["tiny-stretch"]')
    for file in (HIDDEN, f"{tiny.PROBLEM}/test_public.py"):
        tiny.edit(first.folder, file, 'exercise("tiny-scale")', 'exercise("tiny-stretch")')
    wrong = first.folder / tiny.PROBLEM / "wrong"
    (wrong / "tiny-scale.toml").rename(wrong / "tiny-stretch.toml")
    tiny.edit(first.folder, f"{tiny.PROBLEM}/right/einsum.py", '"tiny-scale"', '"tiny-stretch"')
    made = load_assignment(tiny.NAME, tmp_path)
    copies.refresh(made)
    path = made.release / tiny.NOTEBOOK
    released_again(path, versions.notebook(made.manifest, made.manifest.notebooks[0]))
    return made


def released_again(path: Path, content: dict[str, Any]) -> None:
    path.write_bytes(versions.as_bytes(content))


def test_a_submission_of_the_version_before_gets_todays_points_and_a_note(second: Assignment) -> None:
    folders = submissions(second.root / "submitted", second.name, second.course).folders
    (done,) = grade_class(second, folders, second.root / "results", seed=1, workers=1)
    assert {item.id: (item.score, item.max_score) for item in done.report.exercises} == {
        "tiny-stretch": (3.0, 3.0),
        "tiny-scaler": (4.0, 4.0),
    }
    assert f"{tiny.NOTEBOOK} was made for version 1.0 of the set; this is 1.1" in done.report.notes
    (note,) = [note for note in done.report.notes if note.startswith("changed since version 1.0: ")]
    assert (
        "tiny-stretch: renamed, was tiny-scale; hidden checks changed" in note and "tiny-scaler: points 2 → 4" in note
    )


def test_a_version_that_is_kept_decides_how_others_are_read_so_results_are_made_again(second: Assignment) -> None:
    before = fingerprint(second)
    keep(second)
    assert fingerprint(second) == before  # today's version is not an earlier one
    place(second, "1.0").unlink()
    assert fingerprint(second) != before
