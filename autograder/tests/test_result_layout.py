"""Each assignment has its own folder of results; those of an earlier version are moved there once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from autograder.course_folders import CourseFolders
from autograder.result_layout import result_folder
from autograder.results import Detail, ResultFolder
from autograder.tests import marking, tiny
from kit.outcomes import OutcomeStatus

DETAIL = Detail("test", OutcomeStatus.FAILED, "text", "trace")
BOOK: dict[str, dict[str, Any]] = {"1_scaling.ipynb": {"cells": []}}


def everything(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A folder as an earlier version left it: two sets in one place, and a file of somebody's."""
    out = tmp_path / "results"
    for student, assignment in (("ada", tiny.NAME), ("bob", tiny.NAME), ("cy", "other")):
        ResultFolder(out, CourseFolders(tmp_path).state).write(
            marking.report(student, assignment=assignment), [DETAIL], BOOK
        )
    (out / "notes.json").write_text('["mine"]')
    (out / "damaged.json").write_text('{"schema": 1')
    return out


def in_their_folders(before: dict[str, bytes]) -> dict[str, bytes]:
    mine = ("ada", "bob")
    return {
        f"{tiny.NAME}/{path}" if any(name in path for name in mine) else path: data for path, data in before.items()
    }


def test_what_lies_there_from_before_is_moved_whole_with_a_word(old: Path) -> None:
    before, said = everything(old), list[str]()
    results = result_folder(old, tiny.NAME, CourseFolders(old.parent), said.append)
    assert everything(old) == in_their_folders(before)
    assert {report.student for report in results.all()} == {"ada", "bob"} and results.doubts(["ada"]) == {}
    assert said == [f"2 results of {tiny.NAME} moved from {old}/ to {old / tiny.NAME}/, this assignment's own folder"]


def test_it_is_moved_once(old: Path) -> None:
    result_folder(old, tiny.NAME, CourseFolders(old.parent))
    after, said = everything(old), list[str]()
    result_folder(old, tiny.NAME, CourseFolders(old.parent), said.append)
    assert said == [] and everything(old) == after


def test_each_set_moves_its_own(old: Path) -> None:
    result_folder(old, tiny.NAME, CourseFolders(old.parent))
    assert [report.student for report in result_folder(old, "other", CourseFolders(old.parent)).all()] == ["cy"]
    assert sorted(path.name for path in old.iterdir() if path.is_file()) == ["damaged.json", "notes.json"]


@pytest.mark.parametrize("renames", range(6))
def test_a_move_that_is_stopped_anywhere_is_taken_up_and_loses_nothing(
    old: Path, monkeypatch: pytest.MonkeyPatch, renames: int
) -> None:
    before, done, rename = everything(old), list[Path](), Path.rename

    def stopping(path: Path, target: Path) -> Path:
        if len(done) == renames:
            raise KeyboardInterrupt
        done.append(path)
        return rename(path, target)

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(Path, "rename", stopping)
        result_folder(old, tiny.NAME, CourseFolders(old.parent))
    assert sorted(everything(old).values()) == sorted(before.values())
    result_folder(old, tiny.NAME, CourseFolders(old.parent))
    assert everything(old) == in_their_folders(before)


def test_a_newer_result_is_not_overwritten_by_the_move(old: Path) -> None:
    results, said = ResultFolder(old / tiny.NAME, CourseFolders(old.parent).state), list[str]()
    results.write(marking.report("ada", scale=1.0), [DETAIL], BOOK)
    result_folder(old, tiny.NAME, CourseFolders(old.parent), said.append)
    assert json.loads((old / tiny.NAME / "ada.json").read_text())["auto_score"] == 3.0
    assert (old / "ada.json").exists() and "delete the former" in said[0]


def test_where_there_is_nothing_yet_nothing_is_made(tmp_path: Path) -> None:
    assert result_folder(tmp_path / "results", "ps3", CourseFolders(tmp_path)).path == tmp_path / "results" / "ps3"
    assert list(tmp_path.iterdir()) == []
