"""A submission of an earlier version: it is recognised, and its answers are found where the set has them now."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest

from autograder.assignment.load import load_assignment
from autograder.errors import CourseError
from autograder.submission.read import read_submission
from autograder.tests import released, tiny, versions
from autograder.tests.handing_in import FILE, cell
from kit.manifest import Manifest

BOOK, TOML = f"{tiny.PROBLEM}/notebook.py", f"{tiny.PROBLEM}/problem.toml"
SECOND = "2_turning.ipynb"
SCALER = "class Scaler(ScalerBase):\n    mine = True\n"
BOTH = "class Scaler(ScalerBase):\n    mine = True\n\n\ndef undo(x):\n    return x - 7\n"


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    return versions.write_sources(tmp_path_factory.mktemp("first"), "1.0", second=True)


def changed(manifest: Manifest, change) -> Manifest:
    """Version 1.1: the manifest after `change` has edited its JSON."""
    data = json.loads(manifest.to_json())
    data["version"] = "1.1"
    change(data)
    return Manifest.from_json(json.dumps(data))


def moved(data):
    """tiny-scaler goes to the second notebook."""
    one, two = (book["cells"] for book in data["notebooks"])
    going = [item for item in one if item["id"].startswith("tiny-scaler")]
    one[:] = [item for item in one if item not in going]
    two[4:4] = going


def split(data):
    """tiny-scaler becomes tiny-forward and tiny-back."""
    cells = data["notebooks"][0]["cells"]
    place = [item["id"] for item in cells].index("tiny-scaler")
    one, check = cells[place : place + 2]
    cells[place : place + 2] = [
        made
        for name in ("tiny-forward", "tiny-back")
        for made in (one | {"id": name, "was": [one["id"]]}, check | {"id": f"{name}-check", "was": [check["id"]]})
    ]
    place = [item["id"] for item in data["exercises"]].index("tiny-scaler")
    old = data["exercises"][place]
    data["exercises"][place : place + 1] = [
        old | {"id": "tiny-forward", "names": ["Scaler"]},
        old | {"id": "tiny-back", "names": ["undo"]},
    ]


def reworded(data):
    for item in (item for item in data["notebooks"][0]["cells"] if item["kind"] in ("given", "text")):
        item["source"] += "\n# of 1.1" if item["source"] else ""


def hand_in(folder: Path, manifest: Manifest, *, mark: bool = True, files=(FILE, SECOND), **sources: str) -> None:
    for book in manifest.notebooks:
        if book.file in files:
            content = versions.notebook(manifest, book)
            for name, source in sources.items():
                if any(item["id"] == name.replace("_", "-") for item in content["cells"]):
                    cell(content, name.replace("_", "-"))["source"] = source
            if not mark:
                del content["metadata"]["kit"]
            (folder / book.file).write_text(json.dumps(content))


def solution(taken, file: str, name: str) -> str:
    return taken.notebooks[file].reading.solutions[name].source


@pytest.mark.parametrize("mark", [True, False], ids=["by its word", "by its text"])
def test_an_earlier_version_is_recognised(folder, first, mark):
    hand_in(folder, first, mark=mark, tiny_scaler=SCALER)
    taken = read_submission(folder, changed(first, reworded), earlier=[first])
    assert taken.notebooks[FILE].version == "1.0"
    assert f"{FILE} was made for version 1.0 of the set; this is 1.1" in taken.notes


def test_a_notebook_without_a_word_that_agrees_with_todays_is_todays(folder, first):
    new = changed(first, reworded)
    hand_in(folder, new, mark=False, tiny_scaler=SCALER)
    assert read_submission(folder, new, earlier=[first]).notebooks[FILE].version is None


def test_given_cells_that_the_course_changed_were_not_altered_by_the_student(folder, first):
    hand_in(folder, first, tiny_scaler=SCALER)
    new = changed(first, reworded)
    assert not any("locked cells were altered" in note for note in read_submission(folder, new, earlier=[first]).notes)
    hand_in(folder, first, given_2="class ScalerBase: pass")
    notes = read_submission(folder, new, earlier=[first]).notes
    assert any("locked cells were altered: given-2" in note for note in notes)


def test_a_moved_exercise_is_read_from_where_it_stood(folder, first):
    hand_in(folder, first, tiny_scaler=SCALER)
    taken = read_submission(folder, changed(first, moved), earlier=[first])
    assert solution(taken, SECOND, "tiny-scaler") == SCALER
    assert "tiny-scaler" in [code.exercise for code in taken.extractions["turning"].cells]
    assert any("tiny-scaler was read from 1_scaling.ipynb" in note for note in taken.notes)
    assert taken.not_held == {} and not any("deleted" in note or "claim to be" in note for note in taken.notes)


@pytest.mark.parametrize("is_new", [False, True], ids=["known", "added since"])
def test_a_moved_exercise_counts_though_its_notebook_of_today_was_not_handed_in(folder, first, is_new):
    hand_in(folder, first, files=(FILE,), tiny_scaler=SCALER)
    new = changed(first, moved)
    base = changed(first, lambda data: data.update(notebooks=data["notebooks"][:1], version="1.0"))
    taken = read_submission(folder, new, earlier=[base if is_new else first])
    assert solution(taken, SECOND, "tiny-scaler") == SCALER and taken.problems == {}
    assert f"{SECOND} was not handed in" in taken.notes and f"{SECOND} was made for" not in str(taken.notes)
    assert "turn-scale" in taken.extractions["turning"].missing and ("turn-scale" in taken.not_held) == is_new


def test_a_moved_exercise_that_was_not_written_is_not_written(folder, first):
    hand_in(folder, first, files=(FILE,), tiny_scale="def scale(values, factor):\n    return values\n")
    taken = read_submission(folder, changed(first, moved), earlier=[first])
    assert taken.problems == {} and "tiny-scaler" in taken.extractions["turning"].stubs


def test_a_moved_exercise_whose_notebook_of_today_cannot_be_read_is_not_graded(folder, first):
    hand_in(folder, first, files=(FILE,), tiny_scaler=SCALER)
    (folder / SECOND).write_text("{")
    assert SECOND in read_submission(folder, changed(first, moved), earlier=[first]).problems


@pytest.mark.parametrize("files", [(FILE,), (FILE, SECOND)], ids=["alone", "both"])
def test_a_moved_exercise_takes_along_what_it_calls_of_the_students_own_code(folder, first, files):
    hand_in(folder, first, files=files, tiny_scaler="class Scaler(ScalerBase):\n    size = half(4)\n")
    content = json.loads((folder / FILE).read_text())
    place = [item["id"] for item in content["cells"]].index("tiny-scaler")
    own = ["import math", "def half(x):\n    return math.floor(x / 2)", "def unused():\n    return 1"]
    content["cells"][place:place] = [released.code(text, id=f"own-{number}") for number, text in enumerate(own)]
    (folder / FILE).write_text(json.dumps(content))
    code = read_submission(folder, changed(first, moved), earlier=[first]).extractions["turning"].cells
    assert [own.index(one.source) for one in code if one.source in own] == [0, 1]


def test_of_an_exercise_in_two_notebooks_of_two_versions_the_newer_counts(folder, first):
    new = changed(first, moved)
    hand_in(folder, first, files=(FILE,), tiny_scaler=SCALER)
    hand_in(folder, new, files=(SECOND,), tiny_scaler="class Scaler:\n    newer = True\n")
    assert "newer" in solution(read_submission(folder, new, earlier=[first]), SECOND, "tiny-scaler")
    hand_in(folder, new, files=(SECOND,))
    assert solution(read_submission(folder, new, earlier=[first]), SECOND, "tiny-scaler") == SCALER


def test_a_copy_of_a_cell_in_another_notebook_of_todays_version_stays_where_it_is(folder, first):
    new = changed(first, moved)
    hand_in(folder, new)
    content = json.loads((folder / FILE).read_text())
    content["cells"].append(copy.deepcopy(cell(versions.notebook(first, first.notebooks[0]), "tiny-scaler")))
    (folder / FILE).write_text(json.dumps(content))
    assert not any("was read from" in note for note in read_submission(folder, new, earlier=[first]).notes)


def test_a_split_exercise_counts_in_each_of_its_parts(folder, first):
    hand_in(folder, first, tiny_scaler=BOTH)
    taken = read_submission(folder, changed(first, split), earlier=[first])
    assert solution(taken, FILE, "tiny-forward").strip() == SCALER.strip()
    assert solution(taken, FILE, "tiny-back").startswith("def undo")
    assert taken.not_held == {} and not any("deleted" in note for note in taken.notes)


def test_a_part_that_the_earlier_version_did_not_ask_for_is_not_graded(folder, first):
    hand_in(folder, first, tiny_scaler=SCALER)
    taken = read_submission(folder, changed(first, split), earlier=[first])
    assert solution(taken, FILE, "tiny-forward").strip() == SCALER.strip()
    assert taken.not_held.keys() == {"tiny-back"}
    assert "asks for undo since version 1.0" in taken.not_held["tiny-back"]


def test_a_function_that_has_another_name_since_is_not_graded_under_it(folder, first):
    def called_otherwise(data):
        (item,) = [item for item in data["exercises"] if item["id"] == "tiny-scale"]
        item["names"] = ["stretch"]

    hand_in(folder, first, tiny_scale="def scale(values, factor):\n    return values\n")
    new = changed(first, called_otherwise)
    assert read_submission(folder, new, earlier=[first]).not_held.keys() == {"tiny-scale"}
    hand_in(folder, first, tiny_scale="def stretch(values, factor):\n    return values\n")
    assert read_submission(folder, new, earlier=[first]).not_held == {}


def test_the_digest_is_the_same_each_time_and_another_where_the_set_is(folder, first):
    hand_in(folder, first, tiny_scaler=BOTH)
    new = changed(first, split)
    one, again = (read_submission(folder, new, earlier=[first]).digest for _ in range(2))
    assert one == again != read_submission(folder, first).digest


def test_what_is_missing_though_it_was_there_is_not_taken_for_new(folder, first):
    hand_in(folder, first)
    content = json.loads((folder / FILE).read_text())
    content["cells"] = [item for item in content["cells"] if not item["id"].startswith("tiny-scaler")]
    (folder / FILE).write_text(json.dumps(content))
    new = changed(first, reworded)
    assert read_submission(folder, new, earlier=[first]).not_held == {}
    assert "tiny-scaler" in read_submission(folder, new).not_held  # as long as nobody knows what 1.0 held


def test_a_cell_of_a_removed_exercise_claims_nothing(folder, first):
    def removed(data):
        cells = data["notebooks"][0]["cells"]
        cells[:] = [item for item in cells if not item["id"].startswith("tiny-scaler")]
        data["exercises"] = [item for item in data["exercises"] if item["id"] != "tiny-scaler"]

    hand_in(folder, first, tiny_scaler=SCALER)
    new = changed(first, removed)
    assert not any("claim to be graded" in note for note in read_submission(folder, new, earlier=[first]).notes)
    assert any("claim to be graded" in note for note in read_submission(folder, new).notes)


def test_what_was_added_since_is_not_graded_and_says_so(folder, first):
    def without(data):
        cells = data["notebooks"][0]["cells"]
        cells[:] = [item for item in cells if not item["id"].startswith("tiny-scaler")]
        data["exercises"] = [item for item in data["exercises"] if item["id"] != "tiny-scaler"]
        data["version"] = "0.9"

    base = changed(first, without)
    hand_in(folder, base)
    taken = read_submission(folder, first, earlier=[base])
    assert taken.not_held.keys() == {"tiny-scaler"} and "was added since" in taken.not_held["tiny-scaler"]


def test_a_whole_notebook_that_the_version_had_was_not_handed_in(folder, first):
    hand_in(folder, first, files=(FILE,), tiny_scaler=SCALER)
    new = changed(first, reworded)
    assert read_submission(folder, new, earlier=[first]).problems == {}
    assert SECOND in read_submission(folder, new).problems


def test_an_exercise_may_be_split_but_a_question_may_not(sources):
    tiny.edit(sources, TOML, "points = 3\n", 'points = 3\nwas = "tiny-both"\n')
    tiny.edit(sources, TOML, "points = 2\n", 'points = 2\nwas = "tiny-both"\n')
    book = load_assignment(tiny.NAME, sources.parent.parent).manifest.notebooks[0]
    assert [item.id for item in book.cells if "tiny-both" in item.was] == ["tiny-scale", "tiny-scaler"]
    tiny.edit(sources, TOML, "points = 1\n", 'points = 1\nwas = "tiny-both"\n')
    with pytest.raises(CourseError, match="an earlier id has one successor"):
        load_assignment(tiny.NAME, sources.parent.parent)
