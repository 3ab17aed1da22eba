"""`autograder release`: what it refuses, what it writes, and that it writes the same bytes again."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from autograder.build import build as builder
from autograder.build.build import build
from autograder.cli import release as command
from autograder.errors import BadInput, CourseError, Leak, Stale, Surprise
from autograder.publish import release as releasing
from autograder.tests import tiny
from autograder.tests.command_line import exit_code, run
from kit import three_way
from kit.release_zip import read_release

NOTES = "The second exercise says which factor it means.\n"
HIDDEN_TEST = "test_scale_on_drawn_numbers_of_any_size"
BOOK, TOML = f"{tiny.PROBLEM}/notebook.py", f"{tiny.PROBLEM}/problem.toml"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A course with the set built."""
    root = tmp_path_factory.mktemp("built")
    tiny.write(root)
    build(tiny.NAME, root)
    return root


@pytest.fixture
def course(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it as the current folder, with notes, where every problem counts as proved."""
    shutil.copytree(built, tmp_path / "course")
    monkeypatch.chdir(tmp_path / "course")
    monkeypatch.setattr(command, "prove_all", lambda name, workers, allow_weak: None)
    Path("notes.md").write_text(NOTES)
    return tmp_path / "course"


@pytest.fixture
def cached(built: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Builds what was built once: for tests of what comes after it."""
    made = builder.check(tiny.NAME, built)
    monkeypatch.setattr(builder, "check", lambda name, root: made)
    yield


def release(*more: str, version: str = "1.0") -> Path:
    """Release and return the zip file."""
    result = run("release", tiny.NAME, "--version", version, "--notes", "notes.md", *more)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return Path("out") / f"{tiny.NAME}-{version}.zip"


def record(version: str = "1.0") -> Path:
    return Path("assignments") / tiny.NAME / "releases" / f"{version}.json"


def next_version(course: Path) -> None:
    """1.1: a given cell and a stub reworded, an exercise renamed, other points, another hidden test."""
    folder = course / "assignments" / tiny.NAME
    tiny.edit(folder, "assignment.toml", 'version = "1.0"', 'version = "1.1"')
    tiny.edit(folder, BOOK, '"""Holds the factor."""', '"""Keeps the factor."""')
    tiny.edit(folder, BOOK, "Multiply values (B, D)", "Multiply each of values (B, D)")
    tiny.edit(folder, TOML, "points = 2", "points = 4")
    tiny.edit(folder, f"{tiny.PROBLEM}/test_hidden.py", "(4, 7)", "(4, 9)")
    tiny.edit(folder, f"{tiny.LIBRARY}/shapes.py", '"""Shapes."""', '"""Shapes of tensors."""')
    build(tiny.NAME, course)


def test_a_release_is_a_zip_file_that_students_can_update_to(course: Path, cached: None) -> None:
    path = release()
    read = read_release(path)
    assert (read.manifest.version, set(read.notebooks)) == ("1.0", {tiny.NOTEBOOK})
    assert f"## Version 1.0\n\n{NOTES}" in read.files["CHANGES.md"].decode()
    assert {"kit/update.py", f"{tiny.LIBRARY}/shapes.py", "handout.md"} <= read.files.keys()
    assert read.digests["1.0"]["handout.md"] == hashlib.sha256(read.files["handout.md"]).hexdigest()


def test_an_untouched_set_up_is_known_by_nbgraders_checksum(course: Path, cached: None) -> None:
    (content,) = read_release(release()).notebooks.values()
    setup = next(cell for cell in content["cells"] if cell["id"] == "setup")
    assert three_way.is_as_released(setup) and not three_way.is_as_released(setup | {"source": "mine"})


def test_what_is_kept_tells_ids_points_and_hashes_but_no_test(course: Path, cached: None) -> None:
    release()
    text = record().read_text()
    data = json.loads(text)
    scale = data["exercises"]["tiny-scale"]
    assert (scale["points"], scale["names"]) == (3.0, ["scale"])
    assert set(scale["tests"]) == {"public", "hidden"} and data["answers"] == {"tiny-why": {"points": 1.0}}
    assert data["cells"][tiny.NOTEBOOK]["tiny-scale"] and set(data["parts"]) == {"library", "kit", "engine"}
    assert HIDDEN_TEST not in text and tiny.CANARY not in text and "scaled_by_the_reference" not in text


def test_the_same_content_gives_the_same_bytes_whatever_the_machine_does(
    course: Path, cached: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = release().read_bytes()
    kept = record().read_bytes()
    monkeypatch.setenv("LC_ALL", "tr_TR.UTF-8")
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    before = os.umask(0o077)
    try:
        result = run("release", tiny.NAME, "--version", "1.0", "--notes", "notes.md", "--out", "elsewhere")
    finally:
        os.umask(before)
    assert result.exit_code == 0 and "as it was released before" in result.output
    assert Path("elsewhere/tinyset-1.0.zip").read_bytes() == first and record().read_bytes() == kept


def test_the_next_version_tells_students_what_changed_and_no_secret(course: Path) -> None:
    release()
    kept = record().read_bytes()
    next_version(course)
    Path("notes.md").write_text("More points for the scaler.\n")
    with zipfile.ZipFile(release(version="1.1")) as packed:
        changes = packed.read("tinyset/CHANGES.md").decode()
        everything = b"".join(packed.read(name) for name in packed.namelist() if "kit/" not in name)
    newest, oldest = changes.split("## Version 1.0")
    for line in (
        "More points for the scaler.",
        "- tiny-scale: text changed; hidden checks changed",
        "- tiny-scaler: points 2 → 4",
        f"- {tiny.NOTEBOOK}: given code changed in 1 cell",
        f"- library tinylib: changed in {tiny.LIBRARY}/shapes.py",
    ):
        assert f"{line}\n" in newest
    assert NOTES in oldest and HIDDEN_TEST.encode() not in everything
    assert record().read_bytes() == kept and record("1.1").is_file()


@pytest.mark.parametrize(
    ("notes", "why"),
    [
        (None, "cannot be read"),
        (b"", "is empty"),
        (b" \n\n", "is empty"),
        (b"\xff\xfe", "not UTF-8"),
        (b"a\0b", "no text"),
    ],
)
def test_notes_that_say_nothing_are_refused(course: Path, notes: bytes | None, why: str) -> None:
    Path("notes.md").unlink()
    if notes is not None:
        Path("notes.md").write_bytes(notes)
    with pytest.raises(BadInput, match=why):
        release()
    assert not Path("out").exists() and not record().exists()


def test_another_version_than_in_the_sources_is_refused_with_the_line_to_change(
    course: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code(monkeypatch, "release", tiny.NAME, "--version", "1.1", "--notes", "notes.md") == 10
    assert 'change that line to version = "1.1"' in capsys.readouterr().err


def test_a_version_that_was_released_with_other_content_is_refused(course: Path, cached: None) -> None:
    before = release().read_bytes()
    Path("notes.md").write_text("Other notes.\n")
    with pytest.raises(BadInput, match=r"released already with other content \(its notes\)"):
        release()
    assert Path("out/tinyset-1.0.zip").read_bytes() == before


def test_a_build_that_students_would_see_asks_for_a_version_once_one_is_released(course: Path) -> None:
    release()
    tiny.edit(course / "assignments" / tiny.NAME, TOML, "points = 2", "points = 4")
    before = (course / "release" / tiny.NAME / tiny.NOTEBOOK).read_bytes()
    for options in ((), ("--force",)):
        done = run("build", tiny.NAME, *options)
        assert isinstance(done.exception, CourseError) and 'Write version = "1.1" there' in str(done.exception)
        assert "  tiny-scaler: points 2 → 4\n" in str(done.exception)
    assert (course / "release" / tiny.NAME / tiny.NOTEBOOK).read_bytes() == before


@pytest.mark.parametrize("last", ["1.1", "1.0.0", "2"])
def test_a_version_that_does_not_come_after_the_last_is_refused(course: Path, cached: None, last: str) -> None:
    release()
    text = record().read_text().replace('"version": "1.0"', f'"version": "{last}"')
    record().unlink()
    record(last).write_text(text)
    with pytest.raises(BadInput, match=f"does not come after {last}"):
        release()


def test_a_damaged_record_is_named(course: Path, cached: None) -> None:
    release()
    record().write_text("{")
    with pytest.raises(BadInput, match=r"releases/1\.0\.json is damaged .* restore it from git"):
        release()


def test_stale_and_edited_products_are_refused(course: Path) -> None:
    handout = course / "release" / tiny.NAME / "handout.md"
    handout.write_text(handout.read_text() + "by hand\n")
    folder = course / "assignments" / tiny.NAME
    tiny.edit(folder, BOOK, '"""Holds the factor."""', '"""Keeps the factor."""')
    with pytest.raises(Stale, match=r"(?s)1_scaling.ipynb is not what .*handout.md was edited by hand"):
        release()
    assert not Path("out").exists() and not record().exists()


def test_notes_that_name_a_hidden_test_are_a_leak(course: Path, cached: None) -> None:
    Path("notes.md").write_text(f"We mended {HIDDEN_TEST}.\n")
    with pytest.raises(Leak, match=r"CHANGES.md: the name of the hidden test"):
        release()
    assert not Path("out").exists() and not record().exists()


def test_a_surprise_of_the_proof_stops_it(course: Path, cached: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def surprising(name: str, workers: int, allow_weak: bool) -> None:
        raise Surprise("1 surprises; see above.")

    monkeypatch.setattr(command, "prove_all", surprising)
    with pytest.raises(Surprise):
        release()
    assert not Path("out").exists() and not record().exists()


def test_a_support_archive_of_the_same_name_is_not_overwritten(course: Path, built: Path) -> None:
    made, _ = build(tiny.NAME, course)
    path = builder.write_archive(made, Path("out"))
    with pytest.raises(BadInput, match="is another file of that name"):
        releasing.write(releasing.prepare(tiny.NAME, course, "1.0", Path("notes.md")), Path("out"))
    assert path.read_bytes() == made.archive and not record().exists()


@pytest.mark.parametrize("out", ["release/tinyset", "source/tinyset/x", "assignments/tinyset", "notes.md/x"])
def test_a_folder_that_cannot_hold_it_is_refused(course: Path, cached: None, out: str) -> None:
    with pytest.raises(BadInput, match="give another --out"):
        release("--out", out)
    assert not record().exists()


def test_a_failure_in_the_middle_leaves_nothing_half_written(
    course: Path, cached: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(source: object, target: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        with pytest.raises(OSError, match="No space"):
            release()
    assert list(Path("out").iterdir()) == [] and not record().exists()
    assert release().is_file() and record().is_file()


def test_the_help_shows_examples() -> None:
    assert "autograder release ps3 --version 1.1 --notes notes.md" in run("release", "--help").output
