"""What becomes of the bulk downloads of Canvas, Moodle and Gradescope, and of folders as people make them."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from autograder.assignment.model import Assignment
from autograder.collecting.collect import RowStatus
from autograder.errors import BadInput
from autograder.tests import tiny
from autograder.tests.collecting.downloads import BOOK, ROSTER, collected, course, laid_out, packed, rows, tree
from autograder.tests.command_line import exit_code, run
from autograder.tests.roster.terms import hand_in

CANVAS = {
    "lovelaceada_4411_91_1_mae.ipynb": BOOK,
    "lovelaceada_4411_92_2_probe.ipynb": BOOK,
    "oneilzoeanne_LATE_4412_93_1_mae-2.ipynb": BOOK,
    "smithpat_4414_94_1_mae.ipynb": BOOK,
    "doejane_777_95_1_mae.ipynb": BOOK,
}
MOODLE = {
    "Ada Lovelace_8812_assignsubmission_file_/1_mae.ipynb": BOOK,
    "Zoë Anne O'Neil_8813_assignsubmission_file/sub/1_mae.ipynb": BOOK,
    "Pat Smith_8814_assignsubmission_file_/1_mae.ipynb": BOOK,
    "Ada Lovelace_8812_assignsubmission_onlinetext_/onlinetext.html": "<p>hello</p>",
}
METADATA = """\
---
submission_101:
  :submitters:
  - :name: Ada Lovelace
    :sid: '0012345'
    :email: ada@uni.example
  :created_at: 2026-10-09 10:00:00.123456000 Z
  :score: 3.0
submission_102:
  :submitters:
  - :name: Pat Smith
    :sid: '0012347'
    :email: pat1@uni.example
  - :name: Pat Smith
    :sid: '0012348'
    :email: pat2@uni.example
  :created_at: !ruby/object:ActiveSupport::TimeWithZone
    utc: 2026-10-11 00:00:00.000000000 Z
    zone: &1 !ruby/object:ActiveSupport::TimeZone
      name: Etc/UTC
    time: 2026-10-11 00:00:00.000000000 Z
submission_103:
  :submitters: []
  :created_at: 2026-10-11 00:00:00 Z
"""
GRADESCOPE = {
    "assignment_7_export/submission_metadata.yml": METADATA,
    "assignment_7_export/submission_101/1_mae.ipynb": BOOK,
    "assignment_7_export/submission_102/mine/1_mae.ipynb": BOOK,
    "assignment_7_export/submission_103/1_mae.ipynb": BOOK,
    "assignment_7_export/submission_104/1_mae.ipynb": BOOK,
}
PEOPLE = {
    "ada/1_mae.ipynb": BOOK,
    "Zoe Anne O'Neil - PS 1/1_mae.ipynb": BOOK,
    "0012347_final/1_mae.ipynb": BOOK,
    "pat2@uni.example_1_mae.ipynb": BOOK,
    "pat2@uni.example_2_probe.ipynb": BOOK,
    "Smith Pat/1_mae.ipynb": BOOK,
    "ada@elsewhere.example/1_mae.ipynb": BOOK,
    "Zoe Zapp/1_mae.ipynb": BOOK,
}


def names(root: Path, student: str) -> list[str]:
    folder = root / "submitted" / student / "ps1"
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("made", [packed, laid_out])
def test_canvas_files_go_by_number_and_name(tmp_path: Path, made: Callable[..., Path]) -> None:
    done = collected(course(tmp_path), made(tmp_path, CANVAS))
    assert rows(done) == {
        ("new attempt", "ada", "number"), ("new attempt", "zoe", "number"), ("new attempt", "pat2", "number"),
        ("not matched", "doejane_777", ""),
    }  # fmt: skip
    assert names(tmp_path, "ada") == ["1_mae.ipynb", "2_probe.ipynb"]
    assert "Canvas says LATE; no time in the download" in next(
        r.note for r in done.rows if r.person and r.person.id == "zoe"
    )


def test_late_is_said_of_the_attempt_that_canvas_calls_so_alone(tmp_path: Path) -> None:
    files = {"lovelaceada_4411_91_1_mae.ipynb": BOOK, "lovelaceada_LATE_4411_96_1_mae-1.ipynb": BOOK.replace("{", "{ ")}
    done = collected(course(tmp_path), packed(tmp_path, files))
    called = {row.called: "LATE" in row.note for row in done.rows if "attempt" in row.status}
    assert called == {"lovelaceada_4411": False, "lovelaceada_4411, handed in again (1)": True}


def test_a_number_of_somebody_else_is_not_believed(tmp_path: Path) -> None:
    done = collected(course(tmp_path), packed(tmp_path, {"lovelaceada_4412_91_x.ipynb": BOOK}))
    assert rows(done) == {("ambiguous", "lovelaceada_4412", "")} and tree(tmp_path) == {}
    assert "may be ada or zoe" in done.rows[0].note


def test_a_name_is_enough_and_said_where_canvas_numbers_are_not_known(tmp_path: Path) -> None:
    roster = "id,name\nada,Ada Lovelace\npat1,Pat Smith\npat2,Pat Smith\n"
    done = collected(course(tmp_path, roster=roster), packed(tmp_path, CANVAS))
    assert {("new attempt", "ada", "name"), ("ambiguous", "smithpat_4414", "")} <= rows(done)


def test_of_canvas_resubmissions_the_highest_number_counts(tmp_path: Path) -> None:
    first = packed(tmp_path, {"lovelaceada_4411_91_mae.ipynb": BOOK + " "}, "1.zip")
    second = packed(tmp_path, {"lovelaceada_4411_99_mae-1.ipynb": BOOK}, "2.zip")
    collected(course(tmp_path), second, first)
    assert sorted(path.name for path in (tmp_path / "attempts/ps1/ada").iterdir()) == ["attempt-0", "attempt-1"]
    assert (tmp_path / "submitted/ada/ps1/mae-1.ipynb").read_text() == BOOK


def test_moodle_folders_go_by_name_and_two_of_one_name_are_left(tmp_path: Path) -> None:
    done = collected(course(tmp_path), packed(tmp_path, MOODLE))
    assert rows(done) == {
        ("new attempt", "ada", "name"), ("new attempt", "zoe", "name"),
        ("ambiguous", "Pat Smith_8814_assignsubmission_file_", ""),
        ("left out", "Ada Lovelace_8812_assignsubmission_onlinetext_/onlinetext.html", ""),
    }  # fmt: skip
    assert names(tmp_path, "zoe") == ["sub/1_mae.ipynb"]


def test_gradescope_gives_times_and_groups(tmp_path: Path) -> None:
    done = collected(course(tmp_path), packed(tmp_path, GRADESCOPE))
    assert {("new attempt", name, "id") for name in ("ada", "pat1", "pat2")} <= rows(done)
    assert {
        ("not matched", "submission_103", ""),
        ("left out", "submission_104/1_mae.ipynb", ""),
    } <= rows(done)
    assert (tmp_path / "submitted/ada/ps1/timestamp.txt").read_text() == "2026-10-09 10:00:00.123456 UTC\n"
    assert (tmp_path / "submitted/pat2/ps1/timestamp.txt").read_text() == "2026-10-11 00:00:00.000000 UTC\n"


def test_folders_of_people_go_by_id_address_or_name(tmp_path: Path) -> None:
    done = collected(course(tmp_path), laid_out(tmp_path, PEOPLE))
    assert rows(done) == {
        ("new attempt", "ada", "id"), ("new attempt", "zoe", "name at the beginning"),
        ("new attempt", "pat1", "id at the beginning"), ("new attempt", "pat2", "id at the beginning"),
        ("ambiguous", "Smith Pat", ""), ("not matched", "ada@elsewhere.example", ""),
        ("not matched", "Zoe Zapp", ""),
    }  # fmt: skip
    assert names(tmp_path, "pat2") == ["pat2@uni.example_1_mae.ipynb", "pat2@uni.example_2_probe.ipynb"]


def test_nbgrader_folders_bring_their_time(tmp_path: Path) -> None:
    files = {"ada/ps1/x.ipynb": BOOK, "ada/ps1/timestamp.txt": "2026-10-09 10:00:00 CEST\n", "ada/ps2/y.ipynb": BOOK}
    done = collected(course(tmp_path), laid_out(tmp_path, files))
    assert ("left out", "ada/ps2/y.ipynb", "") in rows(done)
    assert names(tmp_path, "ada") == ["timestamp.txt", "x.ipynb"]


def test_a_student_cannot_date_the_work(tmp_path: Path) -> None:
    forged = {
        "lovelaceada_4411_91_timestamp.txt": "2026-10-01 00:00 UTC",
        "lovelaceada_4411_92_x.ipynb": BOOK,
    }  # fmt: skip
    done = collected(course(tmp_path), packed(tmp_path, forged))
    assert names(tmp_path, "ada") == ["x.ipynb"] and "timestamp.txt left out" in done.rows[0].note


def test_the_report_lists_everyone_and_is_no_formula(tmp_path: Path) -> None:
    collected(course(tmp_path), packed(tmp_path, CANVAS | {"=cmd()_1_2_x.ipynb": BOOK}))
    with (tmp_path / "attempts/ps1/collect-report.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert {"called": "'=cmd()_1", "status": "not matched"}.items() <= next(
        r for r in lines if "cmd" in r["called"]
    ).items()
    assert [row["student"] for row in lines if row["status"] == "nothing handed in"] == ["pat1"]


def test_files_beside_a_folder_of_the_assignment_are_kept(tmp_path: Path) -> None:
    collected(course(tmp_path), laid_out(tmp_path, {"ada/ps1/x.ipynb": BOOK, "ada/y.ipynb": BOOK, "zoe/x.ipynb": BOOK}))
    assert names(tmp_path, "ada") == ["ps1/x.ipynb", "y.ipynb"]


@pytest.mark.parametrize("files", [CANVAS, MOODLE, GRADESCOPE, PEOPLE])
def test_running_twice_changes_nothing(tmp_path: Path, files: dict[str, str]) -> None:
    archive = packed(course(tmp_path), files)
    collected(tmp_path, archive)
    before = tree(tmp_path)
    again = collected(tmp_path, archive, archive)
    assert tree(tmp_path) == before != {}
    assert not again.of(RowStatus.NEW, RowStatus.COUNTS)


def test_a_dry_run_writes_nothing_and_says_the_same(tmp_path: Path) -> None:
    archive = packed(course(tmp_path), GRADESCOPE)
    dry = rows(collected(tmp_path, archive, dry=True))
    assert not (tmp_path / "attempts").exists() and not (tmp_path / "submitted").exists()
    assert dry == rows(collected(tmp_path, archive))


def test_what_lies_in_submitted_is_kept_when_something_newer_counts(tmp_path: Path) -> None:
    course(tmp_path)
    old = hand_in(tmp_path, "ada", "ps1", "2026-10-01 12:00:00")
    (old / "old.ipynb").write_text(BOOK)
    done = collected(tmp_path, packed(tmp_path, GRADESCOPE))
    assert names(tmp_path, "ada") == ["1_mae.ipynb", "timestamp.txt"]
    assert (tmp_path / "attempts/ps1/ada/2026-10-01T120000Z/old.ipynb").read_text() == BOOK
    assert "2026-10-09T100000Z of 2" in next(row.note for row in done.of(RowStatus.COUNTS) if row.person)


def test_a_time_that_is_known_later_is_added_to_the_same_work(tmp_path: Path) -> None:
    course(tmp_path)
    collected(tmp_path, packed(tmp_path, {"lovelaceada_4411_91_x.ipynb": BOOK}, "canvas.zip"))
    files = {"submission_metadata.yml": METADATA, "submission_101/x.ipynb": BOOK}
    done = collected(tmp_path, packed(tmp_path, files))
    assert [path.name for path in (tmp_path / "attempts/ps1/ada").iterdir()] == ["2026-10-09T100000Z"]
    assert names(tmp_path, "ada") == ["timestamp.txt", "x.ipynb"]
    assert not done.of(RowStatus.UNDECIDED)


def test_a_time_written_into_submitted_is_that_of_the_attempt(tmp_path: Path) -> None:
    collected(course(tmp_path), packed(tmp_path, CANVAS))
    (tmp_path / "submitted/ada/ps1/timestamp.txt").write_text("2026-10-09 12:00:00 UTC")
    done = collected(tmp_path, packed(tmp_path, CANVAS))
    assert [path.name for path in (tmp_path / "attempts/ps1/ada").iterdir()] == ["2026-10-09T120000Z"]
    assert not [row for row in done.of(RowStatus.UNDECIDED) if row.person and row.person.id == "ada"]
    assert names(tmp_path, "ada") == ["1_mae.ipynb", "2_probe.ipynb", "timestamp.txt"]


def test_between_two_without_a_time_submitted_stays_and_that_is_said(tmp_path: Path) -> None:
    course(tmp_path)
    (hand_in(tmp_path, "ada", "ps1", None) / "old.ipynb").write_text(BOOK)
    done = collected(tmp_path, packed(tmp_path, GRADESCOPE))
    assert names(tmp_path, "ada") == ["old.ipynb"]
    (undecided,) = done.of(RowStatus.UNDECIDED)
    assert undecided.person is not None and "timestamp.txt" in undecided.note
    assert len(list((tmp_path / "attempts/ps1/ada").iterdir())) == 2


def test_an_extension_given_later_brings_another_attempt_into_submitted(tmp_path: Path) -> None:
    course(tmp_path, policy='attempts = "last on time"')
    for moment, text in (("2026-10-09 10:00:00 Z", "a"), ("2026-10-12 10:00:00 Z", "b")):
        metadata = METADATA.replace("2026-10-09 10:00:00.123456000 Z", moment)
        files = {"x/submission_metadata.yml": metadata, "x/submission_101/x.ipynb": text}
        collected(tmp_path, packed(tmp_path, files, f"{text}.zip"))
    submitted = tmp_path / "submitted/ada/ps1/x.ipynb"
    assert submitted.read_text() == "a"
    (tmp_path / "extensions.csv").write_text("student,assignment,days\nada,ps1,2\n")
    collected(tmp_path)
    assert submitted.read_text() == "b"


def test_a_course_without_a_roster_is_refused_with_the_way_to_one(tmp_path: Path) -> None:
    archive = packed(course(tmp_path), CANVAS)
    (tmp_path / "roster.csv").unlink()
    with pytest.raises(BadInput, match="no roster.csv.*Grades > Export"):
        collected(tmp_path, archive)


def test_what_a_person_mended_in_submitted_stays(tmp_path: Path) -> None:
    archive = packed(course(tmp_path), GRADESCOPE)
    collected(tmp_path, archive)
    mended = tmp_path / "submitted/ada/ps1/1_mae.ipynb"
    mended.write_text("mended")
    collected(tmp_path, archive)
    collected(tmp_path)
    assert mended.read_text() == "mended"
    later = METADATA.replace("2026-10-09 10:00:00.123456000 Z", "2026-10-10 10:00:00 Z")
    collected(
        tmp_path, packed(tmp_path, {"submission_metadata.yml": later, "submission_101/x.ipynb": "later"}, "2.zip")
    )
    assert names(tmp_path, "ada") == ["timestamp.txt", "x.ipynb"]
    assert b"mended" in tree(tmp_path).values()  # kept as an attempt


def test_a_run_that_was_killed_is_taken_up_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = packed(course(tmp_path), GRADESCOPE)
    collected(tmp_path, archive)
    whole = tree(tmp_path)
    shutil.rmtree(tmp_path / "submitted/ada/ps1")  # as between two renames
    (tmp_path / "attempts/ps1/pat1/.writing-x").mkdir()
    (tmp_path / "attempts/ps1/pat1/.writing-x/half").write_text("")
    collected(tmp_path, archive)
    assert {path: data for path, data in tree(tmp_path).items() if ".writing" not in path} == whole


def test_a_group_of_whom_one_handed_in_is_not_missing(tmp_path: Path) -> None:
    (course(tmp_path) / "groups.csv").write_text("group,student\n1,ada\n1,pat1\n")
    done = collected(tmp_path, packed(tmp_path, {"ada/x.ipynb": BOOK}))
    assert [row.person.id for row in done.of(RowStatus.MISSING) if row.person] == ["zoe", "pat2"]


def test_the_command_says_what_to_look_at_and_where_the_rest_stands(
    tinyset: Assignment, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tinyset.root
    monkeypatch.chdir(root)
    (root / "roster.csv").write_text(ROSTER)
    packed(root, CANVAS)
    dry = run("collect", tiny.NAME, "download.zip", "--dry-run")
    assert "Nothing was written (--dry-run)" in dry.output and not (root / "attempts").exists()
    done = run("collect", tiny.NAME, "download.zip")
    assert done.exit_code == 0, done.output
    assert "not matched: doejane_777" in done.output and "nothing handed in: pat1" in done.output
    assert "3 new attempts" in done.output and "collect-report.csv" in done.output
    assert exit_code(monkeypatch, "collect", tiny.NAME, "missing.zip") == 10
    assert exit_code(monkeypatch, "collect", "other", "download.zip") == 10
