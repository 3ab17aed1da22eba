"""What is kept can be trusted: a result that somebody changed, or wrote elsewhere, is not used."""

from __future__ import annotations

import json
import os
import shutil
import stat
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from autograder.course_folders import CourseFolders
from autograder.course_key import course_key, keyed_digest
from autograder.errors import BadInput
from autograder.results import Report, ResultFolder
from autograder.tests import marking, tiny

EDITS: dict[str, Callable[[dict[str, Any]], object]] = {
    "a score": lambda data: data["exercises"][0].update(score=0.5),
    "the sum": lambda data: data.update(auto_score=99),
    "a status": lambda data: data["tests"][1].update(status="failed"),
    "a title": lambda data: data["tests"][1].update(title="another one"),
    "a note": lambda data: data["notes"].append("handed in by ada"),
    "the stage": lambda data: data.update(stage="provisional"),
    "the seed": lambda data: data.update(seed=1),
    "the digest of a notebook": lambda data: data["files"].update({f"notebooks/ada/{tiny.NOTEBOOK}": "0" * 64}),
    "a file less": lambda data: data["files"].popitem(),
    "a test less": lambda data: data["tests"].pop(),
    "the seal": lambda data: data.update(seal=data["seal"][:-1] + "x"),
}


@pytest.fixture
def course(tmp_path: Path) -> CourseFolders:
    """A course with the results of ada and bob."""
    marking.without_gradebook(tmp_path)
    marking.store(tmp_path, marking.report("ada"), marking.report("bob", scale=1.0))
    return CourseFolders(tmp_path)


def results_of(course: CourseFolders) -> ResultFolder:
    return ResultFolder(course.results / tiny.NAME, course.state)


def edit(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n")


def why_not(course: CourseFolders, student: str = "ada") -> str:
    """Why this student's result is not used; it must not be, by anybody."""
    results = results_of(course)
    assert results.read(student) is None
    with pytest.raises(BadInput, match=f"{student}.json"):
        results.all()
    with pytest.raises(BadInput, match="autograder grade tinyset"):
        results.all([student])
    assert [report.student for report in results.all(["bob"])] == ["bob"] or student == "bob"
    (why,) = results.doubts([student]).values()
    return why


def test_what_the_grader_wrote_is_read_as_it_was_written(course: CourseFolders) -> None:
    results = results_of(course)
    assert results.doubts(["ada", "bob", "nobody"]) == {}
    report = results.read("ada")
    assert report is not None and report.exercises == marking.report("ada").exercises and results.is_whole(report)
    assert sorted(report.files) == ["details/ada.json", f"notebooks/ada/{tiny.NOTEBOOK}"]
    assert results.notebooks(report) == marking.notebooks(course.root)


@pytest.mark.parametrize("what", EDITS)
def test_a_result_that_was_edited_is_not_used(course: CourseFolders, what: str) -> None:
    edit(results_of(course).report_path("ada"), EDITS[what])
    assert "was changed after the grader wrote it" in why_not(course)


def test_another_order_and_other_spaces_are_no_change(course: CourseFolders) -> None:
    path = results_of(course).report_path("ada")
    path.write_text(json.dumps(dict(reversed(json.loads(path.read_text()).items()))))
    assert results_of(course).doubts(["ada"]) == {}


def test_a_result_without_a_seal_is_from_before_or_edited(course: CourseFolders) -> None:
    path = results_of(course).report_path("ada")
    edit(path, lambda data: data.pop("seal"))
    assert "has no seal: an earlier version of the grader wrote it" in why_not(course)
    path.write_text(marking.report("ada").to_json())
    assert "has no seal" in why_not(course)


@pytest.mark.parametrize("text", ["", "[]", "null", '{"schema": 1', "[" * 100_000, '{"schema": 2}', "\x00"])
def test_a_broken_result_is_not_used(course: CourseFolders, text: str) -> None:
    results_of(course).report_path("ada").write_text(text)
    assert "is damaged" in why_not(course)


def test_a_result_of_another_student_is_not_used(course: CourseFolders) -> None:
    results = results_of(course)
    shutil.copy(results.report_path("bob"), results.report_path("ada"))
    assert "is the result of 'bob'" in why_not(course)


@pytest.mark.parametrize("happens", ["replaced", "gone", "another course's result"])
def test_a_result_that_another_key_sealed_is_not_used(course: CourseFolders, tmp_path: Path, happens: str) -> None:
    if happens == "another course's result":
        elsewhere = ResultFolder(tmp_path / "elsewhere", tmp_path / "elsewhere" / ".autograder")
        elsewhere.write(marking.report("ada"), [], {})
        shutil.copy(elsewhere.report_path("ada"), results_of(course).report_path("ada"))
    elif happens == "replaced":
        (course.state / "key").write_bytes(os.urandom(32))
    else:
        (course.state / "key").unlink()
    assert "was sealed in another course" in results_of(course).doubts(["ada"])["ada"]
    assert results_of(course).read("ada") is None


@pytest.mark.parametrize(
    ("change", "word"),
    [(lambda path: path.write_text("{}"), "was changed"), (lambda path: path.unlink(), "is gone")],
)
@pytest.mark.parametrize("file", ["details/ada.json", f"notebooks/ada/{tiny.NOTEBOOK}"])
def test_details_and_notebooks_are_covered_too(
    course: CourseFolders, file: str, change: Callable[[Path], object], word: str
) -> None:
    results = results_of(course)
    report = results.read("ada")
    change(results.path / file)
    assert report is not None and not results.is_whole(report)
    (why,) = results.doubts(["ada", "bob"]).values()
    assert file in why and word in why
    if file.startswith("notebooks"):
        with pytest.raises(BadInput, match=f"{word}.*autograder grade tinyset --student ada"):
            results.notebooks(report)


def test_the_key_is_made_once_and_nobody_else_can_read_it(course: CourseFolders) -> None:
    key = course_key(course.state)
    assert course_key(course.state) == key and len(set(key)) > 8
    assert stat.S_IMODE((course.state / "key").stat().st_mode) == 0o600
    digests = {keyed_digest(course.state, use, data) for use in ("a", "b") for data in (b"", b"a", b"b")}
    assert len(digests) == 6 and not any(key.hex() in digest for digest in digests)


def test_processes_that_make_the_key_at_once_get_the_same_one(tmp_path: Path) -> None:
    with ProcessPoolExecutor(4) as pool:
        assert len(set(pool.map(course_key, [tmp_path / "state"] * 16))) == 1
    assert [path.name for path in (tmp_path / "state").iterdir()] == ["key"]


def test_a_damaged_key_is_named(course: CourseFolders) -> None:
    (course.state / "key").write_bytes(b"short")
    with pytest.raises(BadInput, match="key is damaged: restore it"):
        results_of(course).all()


def test_the_seal_is_no_part_of_the_report(course: CourseFolders) -> None:
    text = results_of(course).report_path("ada").read_text()
    assert '"seal": "' in text
    assert Report.from_json(text) == results_of(course).read("ada")
