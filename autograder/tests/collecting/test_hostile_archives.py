"""Downloads that were made to do harm, or are broken: nothing leaves its place, and everything left out is named."""

from __future__ import annotations

import os
import stat
import zipfile
from pathlib import Path

import pytest

from autograder.collecting.collect import RowStatus
from autograder.errors import BadInput
from autograder.tests.collecting.downloads import BOOK, collected, course, laid_out, packed, rows, tree


def left_out(root: Path, archive: Path) -> dict[str, str]:
    return {row.called: row.note for row in collected(root, archive).of(RowStatus.LEFT_OUT)}


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("ada/../../evil.ipynb", "leads out"), ("/etc/evil.ipynb", "leads out"), ("C:/evil.ipynb", "leads out"),
        ("ada\\..\\..\\evil.ipynb", "leads out"), ("ada//x.ipynb", "leads out"), ("~/x.ipynb", "leads out"),
        ("ada/" + "d/" * 40 + "x.ipynb", "folders deep"), ("ada/\u202egpj.ipynb", "nobody can see"),
        ("ada/" + "x" * 230 + ".ipynb", "too long"),
    ],
)  # fmt: skip
def test_paths_that_lead_elsewhere_are_left_out(tmp_path: Path, path: str, why: str) -> None:
    course(tmp_path)
    archive = packed(tmp_path, {path: BOOK, "ada/good.ipynb": BOOK})
    assert [why in note for note in left_out(tmp_path, archive).values()] == [True]
    assert set(tree(tmp_path)) == {
        "submitted/ada/ps1/good.ipynb", next(name for name in tree(tmp_path) if name.startswith("attempts/ps1/ada/")),
    }  # fmt: skip


def test_links_in_archives_and_folders_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret.ipynb").write_text("secret")
    link = zipfile.ZipInfo("ada/link.ipynb")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(packed(course(tmp_path), {"ada/good.ipynb": BOOK}), "a") as archive:
        archive.writestr(link, str(tmp_path / "secret.ipynb"))
    folder = laid_out(tmp_path, {"zoe/good.ipynb": BOOK})
    (folder / "zoe/link.ipynb").symlink_to(tmp_path / "secret.ipynb")
    os.mkfifo(folder / "zoe/pipe.ipynb")
    done = collected(tmp_path, tmp_path / "download.zip", folder)
    assert {row.called for row in done.rows if "link" in row.note} == {
        "ada/link.ipynb", "zoe/link.ipynb", "zoe/pipe.ipynb",
    }  # fmt: skip
    assert b"secret" not in tree(tmp_path).values()


def test_a_hard_link_to_a_file_of_somebody_else_is_left_out(tmp_path: Path) -> None:
    folder = laid_out(course(tmp_path), {"ada/good.ipynb": BOOK, "key": "secret"})
    os.link(folder / "key", folder / "ada/hard.ipynb")
    collected(tmp_path, folder)
    assert b"secret" not in tree(tmp_path).values()


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    course(tmp_path)
    archive = packed(tmp_path, {"ada/bomb.ipynb": b"0" * 60_000_000, "ada/good.ipynb": BOOK})
    assert left_out(tmp_path, archive) == {"ada/bomb.ipynb": "it grows more than a notebook can when it is unpacked"}
    assert list(tree(tmp_path).values()) == [BOOK.encode()] * 2


def test_a_size_that_is_not_true_is_no_way_past_the_limit(tmp_path: Path) -> None:
    archive = packed(course(tmp_path), {"ada/x.ipynb": b"0" * 1_000_000})
    data = archive.read_bytes().replace((1_000_000).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    archive.write_bytes(data)
    done = collected(tmp_path, archive)
    assert ("left out", "ada", "id") in rows(done) and tree(tmp_path) == {}


def test_a_name_twice_in_an_archive_is_taken_once(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="Duplicate"):
        archive = packed(course(tmp_path), {"ada/x.ipynb": "first"})
        with zipfile.ZipFile(archive, "a") as opened:
            opened.writestr("ada/x.ipynb", "second")
    assert left_out(tmp_path, archive) == {"ada/x.ipynb": "it is there twice"}
    assert set(tree(tmp_path).values()) == {b"first"}


def test_a_file_in_the_place_of_a_folder_stops_nobody(tmp_path: Path) -> None:
    archive = packed(course(tmp_path), {"ada/x": BOOK, "ada/x/y.ipynb": BOOK, "zoe/z.ipynb": BOOK})
    done = collected(tmp_path, archive)
    assert {("new attempt", "ada", "id"), ("new attempt", "zoe", "id")} <= rows(done)
    assert any("another file's name is its folder" in row.note for row in done.rows)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "no zip file"), (b"GIF89a", "no zip file"), (b"PK\x03\x04broken", "Download it again"),
        (b"PK\x05\x06" + bytes(18), "holds no file"),
    ],
)  # fmt: skip
def test_a_damaged_download_is_refused(tmp_path: Path, content: bytes, why: str) -> None:
    (course(tmp_path) / "download.zip").write_bytes(content)
    with pytest.raises(BadInput, match=why):
        collected(tmp_path, tmp_path / "download.zip")


def test_a_download_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    archive = packed(course(tmp_path), {"ada/x.ipynb": BOOK * 100})
    archive.write_bytes(archive.read_bytes()[:-40])
    with pytest.raises(BadInput, match="again"):
        collected(tmp_path, archive)


def test_a_missing_or_empty_folder_is_refused(tmp_path: Path) -> None:
    course(tmp_path)
    (tmp_path / "empty").mkdir()
    for name, why in (("none.zip", "no file or folder"), ("empty", "holds no file")):
        with pytest.raises(BadInput, match=why):
            collected(tmp_path, tmp_path / name)


@pytest.mark.parametrize(
    "files", [{"zoe/x.ipynb": "other"}, {"submission_metadata.yml": "submission_9:\n  :submitters: []\n"}, {}]
)
def test_a_student_cannot_say_whose_the_work_of_others_is(tmp_path: Path, files: dict[str, str]) -> None:
    forged = "x:\n  :submitters:\n  - :email: pat1@uni.example\nzoe:\n  :submitters:\n  - :email: ada@uni.example\n"
    mine = {"ada/submission_metadata.yml": forged, "ada/x/x.ipynb": BOOK}
    done = collected(course(tmp_path), packed(tmp_path, mine | files))
    assert not [row for row in done.of(RowStatus.NEW) if row.person and row.person.id == "pat1"]
    assert "other" not in {path.read_text() for path in tmp_path.glob("submitted/ada/ps1/**/*.ipynb")}


def test_a_student_cannot_pack_a_time_among_folders_that_have_none(tmp_path: Path) -> None:
    forged = {"ada/ps1/timestamp.txt": "2026-10-01 00:00 UTC", "ada/ps1/x.ipynb": BOOK}
    collected(course(tmp_path), laid_out(tmp_path, forged | {"zoe/ps1/x.ipynb": BOOK}))
    assert "submitted/ada/ps1/x.ipynb" in tree(tmp_path) and "submitted/zoe/ps1/x.ipynb" in tree(tmp_path)
    assert "submitted/ada/ps1/timestamp.txt" not in tree(tmp_path)


LAUGHS = "".join(f"  l{n}: &l{n} [*l{n - 1}, *l{n - 1}, *l{n - 1}]\n" for n in range(1, 60))
MERGES = "".join(f"m{n}: &m{n} {{<<: [*m{n - 1}, *m{n - 1}], k{n}: 1}}\n" for n in range(1, 60))


def test_a_name_that_refers_to_itself_is_never_written_out(tmp_path: Path) -> None:
    submitters = "  :submitters:\n  - :name: *l59\n    :sid: *l59\n    :email: *l59\n"
    metadata = f"submission_1:\n  l0: &l0 [x]\n{LAUGHS}{submitters}"
    archive = packed(course(tmp_path), {"submission_metadata.yml": metadata, "submission_1/x.ipynb": BOOK})
    assert rows(collected(tmp_path, archive)) == {("not matched", "submission_1", "")}


@pytest.mark.parametrize(
    "metadata",
    [
        "[1, 2]",
        "a: b",
        "a: [",
        "&a [*a]: 1",
        "x: !!python/object/apply:os.system [false]",
        "a: " + "[" * 150_000,
        "m0: &m0 {k: 1}\n" + MERGES,
    ],
)
def test_gradescope_metadata_that_is_none_is_refused_and_runs_nothing(tmp_path: Path, metadata: str) -> None:
    archive = packed(course(tmp_path), {"submission_metadata.yml": metadata, "submission_1/x.ipynb": BOOK})
    with pytest.raises(BadInput, match="submission_metadata.yml"):
        collected(tmp_path, archive)


def test_a_link_in_submitted_is_not_written_through(tmp_path: Path) -> None:
    course(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "submitted").mkdir()
    (tmp_path / "submitted/ada").symlink_to(tmp_path / "elsewhere")
    done = collected(tmp_path, packed(tmp_path, {"ada/x.ipynb": BOOK, "zoe/x.ipynb": BOOK}))
    assert ["is a link" in row.note for row in done.of(RowStatus.LEFT_OUT)] == [True]
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert (tmp_path / "submitted/zoe/ps1/x.ipynb").is_file()
