import copy
import json
import re
import zipfile

import pytest

from autograder.submission import exchange_files
from autograder.submission.read import read_submission
from autograder.tests import tiny
from autograder.tests.handing_in import FILE, own, save, with_source

SCALE = "def scale(values, factor):\n    return values * factor\n"


def source(taken, name, file=FILE):
    return next(cell["source"] for cell in taken.notebooks[file].content["cells"] if cell.get("id") == name)


# --- ordinary submissions -------------------------------------------------------------------------------------------


def test_an_ordinary_submission_is_accepted_as_it_is(folder, manifest, released):
    save(folder, with_source(released, "tiny-scale", SCALE))
    (folder / exchange_files.TIMESTAMP).write_text("2029-12-01 10:00:00.000000 UTC")
    taken = read_submission(folder, manifest)
    assert taken.student == "ada"
    assert source(taken, "tiny-scale") == SCALE
    assert (taken.notes, taken.problems, taken.unchanged) == ((), {}, True)


def test_a_released_notebook_without_answers_is_accepted(folder, manifest, released):
    save(folder, released)
    taken = read_submission(folder, manifest)
    assert (taken.notes, taken.problems, taken.unchanged) == ((), {}, True)


def test_the_student_may_be_named_by_the_caller(folder, manifest, released):
    save(folder, released)
    assert read_submission(folder, manifest, student="grace").student == "grace"


def test_a_missing_folder_is_the_callers_mistake(folder, manifest):
    with pytest.raises(FileNotFoundError):
        read_submission(folder.parent / "other", manifest)


@pytest.mark.parametrize(
    "make", [lambda path, secret: path.symlink_to(secret), lambda path, secret: path.write_text("x")]
)
def test_a_link_or_file_in_place_of_the_folder_is_not_followed(tmp_path, manifest, released, make):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    save(elsewhere, released)
    make(tmp_path / tiny.NAME, elsewhere)
    taken = read_submission(tmp_path / tiny.NAME, manifest)
    assert taken.notebooks[FILE].content is None
    assert "not a folder that can be read" in taken.problems[FILE]
    assert not taken.unchanged


def test_an_empty_folder_is_no_zero(folder, manifest):
    taken = read_submission(folder, manifest)
    assert taken.problems == {FILE: f"{FILE} was not found"}
    assert not taken.unchanged


def test_the_problem_of_an_empty_folder_names_what_is_there_instead(folder, manifest):
    (folder / "my homework").mkdir()
    assert "there are: my homework/" in read_submission(folder, manifest).problems[FILE]


# --- digest ---------------------------------------------------------------------------------------------------------


def test_the_digest_depends_on_cells_and_not_on_files(tmp_path, manifest, released):
    digests = []
    for number, indent in enumerate((None, 1)):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / ("renamed.ipynb" if number else FILE)).write_text(json.dumps(released, indent=indent))
        digests.append(read_submission(folder, manifest).digest)
    assert digests[0] == digests[1]
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", digests[0])


@pytest.mark.parametrize("name", ["tiny-scale", "tiny-why", "given-1"])
def test_the_digest_changes_with_any_cell(folder, manifest, released, name):
    save(folder, released)
    before = read_submission(folder, manifest).digest
    save(folder, with_source(released, name, "x = 1"))
    assert read_submission(folder, manifest).digest != before


def test_the_digest_changes_with_a_figure(folder, manifest, released):
    save(folder, released)
    before = read_submission(folder, manifest).digest
    figure = {"output_type": "display_data", "metadata": {}, "data": {"image/png": "iVBO"}}
    released = copy.deepcopy(released)
    next(cell for cell in released["cells"] if cell["id"] == "tiny-scale")["outputs"] = [figure]
    save(folder, released)
    assert read_submission(folder, manifest).digest != before


def test_an_upload_that_broke_is_not_taken_for_none(folder, manifest):
    before = read_submission(folder, manifest).digest
    (folder / FILE).write_text('{"cells": [')
    assert read_submission(folder, manifest).digest != before


# --- which file is which notebook -----------------------------------------------------------------------------------


def test_a_renamed_notebook_is_found_by_the_ids_inside(folder, manifest, released):
    save(folder, with_source(released, "tiny-scale", SCALE), "final FINAL (2).ipynb")
    taken = read_submission(folder, manifest)
    assert source(taken, "tiny-scale") == SCALE
    assert taken.notes == (f"{FILE} was found under the name final FINAL (2).ipynb",)
    assert not taken.unchanged


def test_a_renamed_notebook_without_ids_is_found_by_the_courses_mark(folder, manifest, released):
    released = copy.deepcopy(released)
    for cell in released["cells"]:
        cell["metadata"] = {}
        del cell["id"]
    save(folder, released, "work.ipynb")
    assert read_submission(folder, manifest).notebooks[FILE].content is not None


def test_a_notebook_of_another_assignment_is_not_taken(folder, manifest, released):
    released = copy.deepcopy(released)
    released["cells"] = [{"cell_type": "code", "metadata": {}, "source": "1", "outputs": []}]
    released["metadata"]["kit"]["assignment"] = "ps9"
    save(folder, released, "other.ipynb")
    taken = read_submission(folder, manifest)
    assert taken.notebooks[FILE].content is None
    assert f"other.ipynb (no notebook of {tiny.NAME})" in taken.problems[FILE]


@pytest.mark.parametrize(
    ("files", "winner"),
    [
        ({FILE: 1, "copy.ipynb": 2}, "copy.ipynb"),
        ({FILE: 1, "copy.ipynb": 1}, FILE),
        ({FILE: 0, "copy.ipynb": 1}, "copy.ipynb"),
        ({FILE: 0, "copy.ipynb": 0}, FILE),
        ({"a-Copy2.ipynb": 2, "a-Copy10.ipynb": 1}, "a-Copy2.ipynb"),
        ({"a-Copy2.ipynb": 1, "a-Copy10.ipynb": 1}, "a-Copy10.ipynb"),
    ],
)
def test_of_two_files_for_one_notebook_the_documented_one_is_taken(folder, manifest, released, files, winner):
    for name, written in files.items():
        notebook = released
        for exercise in ("tiny-scale", "tiny-scaler")[:written]:
            notebook = with_source(notebook, exercise, f"# written in {name}")
        save(folder, with_source(notebook, "given-2", f"# {name}"), name)
    taken = read_submission(folder, manifest)
    assert source(taken, "given-2") == f"# {winner}"
    loser = next(name for name in files if name != winner)
    assert any(note.startswith(f"{FILE}: {winner} was taken (") and f"not {loser} (" in note for note in taken.notes)
    assert not taken.unchanged


def test_a_readable_copy_stands_in_for_a_broken_notebook(folder, manifest, released):
    save(folder, with_source(released, "tiny-scale", SCALE), "copy.ipynb")
    (folder / FILE).write_text("{")
    taken = read_submission(folder, manifest)
    assert source(taken, "tiny-scale") == SCALE
    assert taken.problems == {}
    assert any(f"{FILE} was not read: it is not valid JSON" in note for note in taken.notes)


def test_a_broken_file_of_another_name_may_be_the_missing_notebook(folder, manifest):
    (folder / "work.ipynb").write_text("{")
    taken = read_submission(folder, manifest)
    assert f"{FILE} was not found, and work.ipynb cannot be read: it is not valid JSON" in taken.problems[FILE]


# --- two notebooks --------------------------------------------------------------------------------------------------


def test_one_missing_notebook_leaves_the_other_and_is_no_problem(folder, pair):
    manifest, released = pair
    first, second = released
    save(folder, released[first], first)
    taken = read_submission(folder, manifest)
    assert taken.notebooks[first].content is not None and taken.notebooks[second].content is None
    assert taken.problems == {}
    assert taken.notes == (f"{second} was not handed in",)


def test_one_broken_notebook_leaves_the_other(folder, pair):
    manifest, released = pair
    first, second = released
    save(folder, released[first], first)
    (folder / second).write_text("[")
    taken = read_submission(folder, manifest)
    assert taken.notebooks[first].content is not None
    assert list(taken.problems) == [second]


def test_notebooks_with_exchanged_names_are_told_apart_by_their_cells(folder, pair):
    manifest, released = pair
    first, second = released
    save(folder, with_source(released[first], "tiny-scale", SCALE), second)
    save(folder, released[second], first)
    taken = read_submission(folder, manifest)
    assert source(taken, "tiny-scale", first) == SCALE
    assert taken.problems == {}
    assert not taken.unchanged


def test_each_notebook_may_come_in_an_archive_of_its_own(folder, pair):
    manifest, released = pair
    for number, (name, notebook) in enumerate(released.items()):
        with zipfile.ZipFile(folder / f"{number}.zip", "w") as archive:
            archive.writestr(name, json.dumps(notebook))
    taken = read_submission(folder, manifest)
    assert all(notebook.content is not None for notebook in taken.notebooks.values())
    assert sum("read from the archive" in note for note in taken.notes) == 2


# --- archives -------------------------------------------------------------------------------------------------------


def test_a_packed_submission_is_read_like_the_files_in_it(tmp_path, folder, manifest, released):
    notebook = with_source(released, "tiny-scale", SCALE)
    with zipfile.ZipFile(folder / "tinyset-submission.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(FILE, json.dumps(notebook))
        archive.writestr("submission.json", "{}")
    other = tmp_path / "loose"
    other.mkdir()
    save(other, notebook)
    packed, loose = read_submission(folder, manifest), read_submission(other, manifest)
    assert packed.digest == loose.digest
    assert packed.notes == (f"{FILE} read from the archive tinyset-submission.zip",)
    assert not packed.unchanged and loose.unchanged


@pytest.mark.parametrize("later", ["tinyset-submission (1).zip", "tinyset-submission-2.zip"])
def test_of_two_archives_the_later_download_is_read(folder, released, manifest, later):
    for name, book in (("tinyset-submission.zip", released), (later, with_source(released, "tiny-scale", SCALE))):
        with zipfile.ZipFile(folder / name, "w") as archive:
            archive.writestr(FILE, json.dumps(book))
    assert source(read_submission(folder, manifest), "tiny-scale") == SCALE


# --- plain nbgrader -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["notes.txt", "data.csv", "torch.py", "x.zip", "timestamp.txt", "deep/file.txt"])
def test_plain_nbgrader_may_not_follow_where_it_would_copy_more(folder, manifest, released, name):
    save(folder, released)
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text("anything")
    assert not read_submission(folder, manifest).unchanged


@pytest.mark.parametrize("name", ["__pycache__/x.pyc", "x.pyc", ".ipynb_checkpoints/1-checkpoint.ipynb"])
def test_plain_nbgrader_may_follow_past_what_it_does_not_copy(folder, manifest, released, name):
    save(folder, released)
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text("anything")
    assert read_submission(folder, manifest).unchanged


# --- cells ----------------------------------------------------------------------------------------------------------


def test_alterations_are_told_cell_by_cell(folder, manifest, released):
    notebook = with_source(with_source(released, "given-1", "import os"), "tiny-why", "")
    check = next(cell for cell in notebook["cells"] if cell["id"] == "tiny-scale-check")
    check["metadata"]["nbgrader"]["points"] = 300
    notebook["cells"] = [cell for cell in notebook["cells"] if cell["id"] != "tiny-scaler-check"]
    save(folder, notebook)
    assert read_submission(folder, manifest).notes == (
        f"{FILE}: nbgrader's settings of tiny-scale-check were changed: the course's own points and settings are used",
        f"{FILE}: deleted cells: tiny-scaler-check",
        f"{FILE}: locked cells were altered: given-1; the course's own text is used",
        f"{FILE}: the written answer tiny-why is empty",
    )


def test_an_exercise_behind_the_cells_that_are_read_is_not_graded_and_not_a_zero(folder, manifest, released):
    notebook = with_source(released, "tiny-scale", SCALE)
    place = [cell["id"] for cell in notebook["cells"]].index("tiny-scaler")
    notebook["cells"][place:place] = [own("code", "", id=f"x{n}") for n in range(2_000)]
    save(folder, notebook)
    taken = read_submission(folder, manifest)
    assert taken.not_held == {"tiny-scaler": "tiny-scaler is not among the first 2,000 cells, and no more are read"}


def test_own_cells_between_the_released_ones_are_nothing_to_tell(folder, manifest, released):
    notebook = copy.deepcopy(released)
    for place in (0, 3, len(notebook["cells"])):
        own = {"cell_type": "code", "id": f"x{place}", "metadata": {}, "source": "1", "outputs": []}
        notebook["cells"].insert(place, own | {"execution_count": None})
    save(folder, notebook)
    taken = read_submission(folder, manifest)
    assert (taken.notes, taken.unchanged) == ((), True)
