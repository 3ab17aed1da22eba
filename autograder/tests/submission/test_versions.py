"""A submission that was made for another version of the set: what it could not hold is no zero."""

import copy

import pytest

from autograder.submission.read import read_submission
from autograder.tests.handing_in import FILE, own, save, with_source

SCALE = "def scale(values, factor):\n    return values * factor\n"
SCALER = "class Scaler:\n    pass\n"


def made_for(notebook, version, without=()):
    """A copy of the notebook that says it was made for a version, without these cells."""
    notebook = copy.deepcopy(notebook)
    notebook["cells"] = [cell for cell in notebook["cells"] if cell["id"] not in without]
    if version is None:
        del notebook["metadata"]["kit"]
    else:
        notebook["metadata"]["kit"]["version"] = version
    return notebook


ADDED = {
    "an exercise": (["tiny-scaler", "tiny-scaler-check"], {"tiny-scaler"}),
    "an answer": (["tiny-why"], {"tiny-why"}),
    "both": (["tiny-scaler", "tiny-scaler-check", "tiny-why"], {"tiny-scaler", "tiny-why"}),
    "a given cell": (["given-2"], set()),
    "nothing": ([], set()),
}


@pytest.mark.parametrize("kind", ADDED)
def test_what_an_older_notebook_could_not_hold_is_named(folder, manifest, released, kind):
    without, not_held = ADDED[kind]
    save(folder, made_for(with_source(released, "tiny-scale", SCALE), "0.9", without))
    taken = read_submission(folder, manifest)
    assert taken.not_held.keys() == taken.notebooks[FILE].not_held.keys() == not_held
    assert taken.notebooks[FILE].version == "0.9"
    assert f"{FILE} was made for version 0.9 of the set; this is 1.0" in taken.notes
    assert not any("deleted" in note for note in taken.notes)
    assert all(why in taken.notes and "version 0.9" in why for why in taken.not_held.values())


@pytest.mark.parametrize("version", ["1.0", None, 7, ["0.9"]])
def test_a_cell_that_is_gone_from_a_notebook_of_this_version_was_deleted(folder, manifest, released, version):
    save(folder, made_for(released, version, ADDED["both"][0]))
    taken = read_submission(folder, manifest)
    assert taken.not_held == {}
    assert any("deleted cells: tiny-scaler-check, tiny-why" in note for note in taken.notes)


def test_an_exercise_that_was_written_all_the_same_is_graded(folder, manifest, released):
    older = made_for(released, "0.9", ADDED["an exercise"][0])
    older["cells"].append(own("code", SCALER))
    save(folder, older)
    assert read_submission(folder, manifest).not_held == {}


def test_an_exercise_whose_check_is_still_there_was_deleted(folder, manifest, released):
    save(folder, made_for(released, "0.9", ["tiny-scaler"]))
    assert read_submission(folder, manifest).not_held == {}


def test_the_digest_tells_another_version_where_it_decides(folder, manifest, released):
    digests = set()
    for version in ("1.0", "0.9", "0.8"):
        save(folder, made_for(released, version, ADDED["an answer"][0]))
        digests.add(read_submission(folder, manifest).digest)
    assert len(digests) == 3


def test_a_version_is_shown_harmlessly(folder, manifest, released):
    save(folder, made_for(released, "<script>\n" * 100, ADDED["an answer"][0]))
    for note in read_submission(folder, manifest).notes:
        assert note.isprintable() and "<" not in note and len(note) < 400


@pytest.mark.parametrize(("version", "is_problem"), [("0.9", True), ("1.0", False), (None, False)])
def test_a_whole_notebook_may_have_been_added_since(folder, pair, version, is_problem):
    manifest, released = pair
    first, second = released
    save(folder, made_for(released[first], version), first)
    taken = read_submission(folder, manifest)
    assert (second in taken.problems) == is_problem
    assert (f"{second} was not handed in" in taken.notes) != is_problem
