"""Earlier results: each that says something else is kept as it was, once, and can be trusted as far as its seal."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from autograder.course_folders import CourseFolders
from autograder.errors import BadInput
from autograder.results import Detail, Report, ResultFolder
from autograder.tests import marking
from kit.outcomes import OutcomeStatus


@pytest.fixture
def results(tmp_path: Path) -> ResultFolder:
    return ResultFolder(tmp_path / "results" / "tinyset", CourseFolders(tmp_path).state)


def write(results: ResultFolder, *reports: Report) -> None:
    for report in reports:
        detail = Detail("a test", OutcomeStatus.FAILED, f"seed {report.seed}", "")
        results.write(report, [detail], {"a.ipynb": {"cells": [report.seed]}})


def test_each_result_that_a_later_one_replaced_is_kept_with_its_details_and_its_seal(results: ResultFolder) -> None:
    write(results, *(marking.report("ada", seed=seed) for seed in (1, 2, 3)))
    assert results.number("ada") == 3
    assert [results.numbered("ada", number).seed for number in (1, 2, 3)] == [1, 2, 3]
    assert "seed 2" in results.earlier.details_path("ada", 2).read_text()
    assert results.all() == [results.read("ada")]
    count, size = results.earlier.size()
    assert count == 2 and size == sum(path.stat().st_size for path in results.earlier.folder.glob("ada/*"))


def test_a_result_that_repeats_the_one_before_takes_no_number(results: ResultFolder) -> None:
    first = marking.report("ada", notes=("a \ud800 note",))
    slower = tuple(dataclasses.replace(test, seconds=9.0) for test in first.tests)
    write(results, first, first, dataclasses.replace(first, tests=slower))
    assert results.number("ada") == 1 and not results.earlier.folder.exists()


def test_a_run_that_was_killed_between_the_copy_and_the_result_keeps_it_once(results: ResultFolder) -> None:
    write(results, marking.report("ada", seed=1))
    results.earlier.keep("ada", results.report_path("ada").read_bytes(), results.details_path("ada").read_bytes())
    write(results, marking.report("ada", seed=2))
    assert results.number("ada") == 2 and results.numbered("ada", 1).seed == 1


def test_a_damaged_result_is_kept_too_and_cannot_be_replayed(results: ResultFolder) -> None:
    write(results, marking.report("ada", seed=1))
    results.report_path("ada").write_text("{")
    write(results, marking.report("ada", seed=2))
    with pytest.raises(BadInput, match=r"ada/1\.json is damaged .*cannot be replayed"):
        results.numbered("ada", 1)
    assert results.numbered_unchecked("ada", 1) is None


def test_an_earlier_result_that_was_edited_or_is_of_another_student_is_refused(results: ResultFolder) -> None:
    write(results, marking.report("ada", seed=1), marking.report("ada", seed=2), marking.report("bob"))
    path = results.earlier.report_path("ada", 1)
    sealed = path.read_text()
    path.write_text(sealed.replace('"seed": 1,', '"seed": 7,'))
    with pytest.raises(BadInput, match="was changed after the grader wrote it"):
        results.numbered("ada", 1)
    path.write_text(results.report_path("bob").read_text())
    with pytest.raises(BadInput, match="is the result of 'bob'"):
        results.numbered("ada", 1)


@pytest.mark.parametrize("number", [0, 3, 99])
def test_a_number_that_there_is_not_names_those_there_are(results: ResultFolder, number: int) -> None:
    write(results, marking.report("ada", seed=1), marking.report("ada", seed=2))
    with pytest.raises(BadInput, match=f"ada has no result {number}: the numbers are 1 to 2"):
        results.numbered("ada", number)
