"""Which of several copies of one notebook counts, and what the notes say of the others."""

import json
import zipfile

import pytest

from autograder.submission.choose import moment_in
from autograder.submission.read import read_submission
from autograder.tests.handing_in import FILE, save, with_source
from kit.copies import backup_stem

SCALE = "def scale(values, factor):\n    return values * factor\n"
SCALER = "class Scaler:\n    pass\n"
PARTS = {"tiny-scale": SCALE, "tiny-scaler": SCALER, "tiny-why": "Since it is linear."}
BACKUP = backup_stem("tinyset", "1.0")


def put(folder, released, path, written, time=(1980, 1, 1, 0, 0, 0)):
    """A copy in which so many parts are written; its path stands in it. What lies "in" a zip file goes into one."""
    notebook = released
    for part, text in list(PARTS.items())[:written]:
        notebook = with_source(notebook, part, text)
    if written:
        notebook = with_source(notebook, "given-2", f"# {path}")
    if ".zip/" in path:
        name, _, inner = path.partition(".zip/")
        with zipfile.ZipFile(folder / f"{name}.zip", "a") as archive:
            archive.writestr(zipfile.ZipInfo(inner, time), json.dumps(notebook))
    else:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        save(folder, notebook, path)


def taken_from(folder, manifest):
    cells = read_submission(folder, manifest).notebooks[FILE].reading.cells
    return next(cell.source for cell in cells if cell.label == "given-2").removeprefix("# ")


COPIES = {
    "a draft beside a complete pack": ({FILE: 1, f"ps3-submission.zip/{FILE}": 3}, 1),
    "a complete notebook beside an old pack": ({FILE: 3, f"ps3-submission.zip/{FILE}": 1}, 0),
    "a second download, complete": ({"X.ipynb": 1, "X (1).ipynb": 3}, 1),
    "a second download, poorer": ({"X.ipynb": 3, "X (1).ipynb": 1}, 0),
    "a second download, untouched": ({"X.ipynb": 1, "X (1).ipynb": 0}, 0),
    "a second download, as much written": ({"X.ipynb": 2, "X (1).ipynb": 2}, 1),
    "a tenth download, as much written": ({"X (9).ipynb": 2, "X (10).ipynb": 2}, 1),
    "a copy made by Jupyter, complete": ({FILE: 1, FILE.replace(".", "-Copy1."): 3}, 1),
    "a copy made by Jupyter, old": ({FILE: 3, FILE.replace(".", "-Copy1."): 1}, 0),
    "a copy made by Colab": ({FILE: 0, f"Copy of {FILE}": 1}, 1),
    "two packs": ({f"a.zip/{FILE}": 3, f"b.zip/{FILE}": 1}, 0),
    "two packs, downloaded twice": ({f"a.zip/{FILE}": 2, f"a (1).zip/{FILE}": 2}, 1),
    "two folders": ({f"new/{FILE}": 1, f"old/{FILE}": 3}, 1),
    "one above another": ({FILE: 1, f"work/{FILE}": 2}, 1),
    "the latest by name": ({"ps3_2026-11-28T10-00-00.ipynb": 3, "ps3_2026-11-28T12-30-00.ipynb": 2}, 1),
    "the latest by the folder's name": ({f"2026-11-28-10-00-00/{FILE}": 1, f"2026-11-27-10-00-00/{FILE}": 3}, 0),
    "the latest by the pack's name": (
        {f"ada_attempt_2026-11-28-10-00-00_ps3.zip/{FILE}": 1, f"ada_attempt_2026-11-28-09-00-00_ps3.zip/{FILE}": 2},
        0,
    ),
    "an untouched latest": ({"ps3_2026-11-28T10-00-00.ipynb": 2, "ps3_2026-11-28T12-30-00.ipynb": 0}, 0),
    "a backup of an update": ({FILE: 1, f"{BACKUP}-1.zip/{FILE}": 3}, 0),
    "a backup of an update, unpacked": ({FILE: 1, f"{BACKUP}-2/{FILE}": 3}, 0),
    "a backup beside an untouched notebook": ({FILE: 0, f"{BACKUP}-1.zip/{FILE}": 1}, 1),
    "a backup beside two that have times": (
        {"2026-11-28T12-30-00.ipynb": 1, "2026-11-28T10-00-00.ipynb": 2, f"{BACKUP}-1.zip/{FILE}": 3},
        0,
    ),
    "a time of one alone": ({"ps3_2026-11-28T10-00-00.ipynb": 1, FILE: 2}, 1),
}


@pytest.mark.parametrize("kind", COPIES)
@pytest.mark.parametrize("backwards", [False, True])
def test_of_several_copies_this_one_counts(folder, manifest, released, kind, backwards):
    copies, winner = COPIES[kind]
    for path, written in sorted(copies.items(), reverse=backwards):
        put(folder, released, path, written)
    assert taken_from(folder, manifest) == list(copies)[winner]
    assert any(" was taken (" in note and ", not " in note for note in read_submission(folder, manifest).notes)


@pytest.mark.parametrize(("first", "second"), [((2026, 11, 28), (2026, 11, 27)), ((2026, 11, 27), (2026, 11, 28))])
def test_the_times_in_zip_files_tell_the_latest(folder, manifest, released, first, second):
    put(folder, released, f"a.zip/{FILE}", 2, (*first, 10, 0, 0))
    put(folder, released, f"b.zip/{FILE}", 3, (*second, 10, 0, 0))
    assert taken_from(folder, manifest) == (f"a.zip/{FILE}" if first > second else f"b.zip/{FILE}")


def test_a_time_in_a_zip_file_is_not_compared_with_one_in_a_name(folder, manifest, released):
    put(folder, released, f"a.zip/{FILE}", 3, (2026, 11, 1, 10, 0, 0))
    put(folder, released, "2026-11-28-10-00-00.ipynb", 1)
    assert taken_from(folder, manifest) == f"a.zip/{FILE}"


def test_a_folders_timestamp_file_tells_the_latest(folder, manifest, released):
    for name, written, day in (("one", 3, 27), ("two", 1, 28)):
        put(folder, released, f"{name}/{FILE}", written)
        (folder / name / "timestamp.txt").write_text(f"2026-11-{day} 10:00:00 UTC")
    assert taken_from(folder, manifest) == f"two/{FILE}"


def test_the_note_of_a_latest_copy_says_that_more_is_written_in_another(folder, manifest, released):
    put(folder, released, "ps3_2026-11-28T10-00-00.ipynb", 3)
    put(folder, released, "ps3_2026-11-28T12-30-00.ipynb", 1)
    note = next(note for note in read_submission(folder, manifest).notes if "was taken" in note)
    assert "(the latest, 2026-11-28 12:30; 1 of 3 parts written)" in note
    assert note.endswith("In ps3_2026-11-28T10-00-00.ipynb alone are tiny-scaler, tiny-why written: look at it")


def test_the_note_names_the_parts_that_are_written_in_another_copy_alone(folder, manifest, released):
    save(folder, with_source(with_source(released, "tiny-scale", SCALE), "tiny-why", "Since."), "a.ipynb")
    save(folder, with_source(released, "tiny-scaler", SCALER), "b.ipynb")
    note = next(note for note in read_submission(folder, manifest).notes if "a.ipynb was taken" in note)
    assert note.endswith("In b.ipynb alone are tiny-scaler written: look at it")


def test_equal_copies_are_one(folder, manifest, released):
    save(folder, with_source(released, "tiny-scale", SCALE))
    with zipfile.ZipFile(folder / "pack.zip", "w") as archive:
        archive.writestr(FILE, json.dumps(with_source(released, "tiny-scale", SCALE)))
    notes = read_submission(folder, manifest).notes
    assert f"{FILE}: pack.zip/{FILE}: the same as {FILE}" in notes
    assert not any("was taken" in note for note in notes)


@pytest.mark.parametrize(
    ("path", "moment"),
    [
        ("ps3_2026-11-28T10-00-00.ipynb", "2026-11-28 10:00:00"),
        ("ps1_ada_attempt_2016-01-30-15-30-10_problem1.ipynb", "2016-01-30 15:30:10"),
        ("20261128_101112.zip/x.ipynb", "2026-11-28 10:11:12"),
        ("2026-11-27/2026-11-28.ipynb", "2026-11-28 00:00:00"),
        ("Ada - Nov 28, 2026 1000 AM.ipynb", None),
        ("2026-19-39.ipynb", None),
        ("12345678901234.ipynb", None),
        ("x.ipynb", None),
    ],
)
def test_a_time_is_read_from_a_name(path, moment):
    assert (str(moment_in(path)) if moment_in(path) else None) == moment
