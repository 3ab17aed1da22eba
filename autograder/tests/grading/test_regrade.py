"""The record of a regrade: what everyone had before it, also where it was stopped and is taken up again."""

from __future__ import annotations

import json

import pytest

from autograder.assignment.model import Assignment
from autograder.errors import BadInput
from autograder.grading import regrade
from autograder.grading.changes import ScoreChange
from autograder.tests import marking


def scores(changes: list[ScoreChange]) -> list[tuple[str, float | None, float | None]]:
    return [(change.student, change.before, change.now) for change in changes]


def test_a_stopped_regrade_that_is_repeated_compares_with_its_first_start(tinyset: Assignment) -> None:
    results = marking.store(tinyset.root, marking.report("ada"), marking.report("bob"), marking.report("cy"))
    begun, taken_up = regrade.begin(results, "a test was wrong", ["ada", "bob", "cy"])
    assert not taken_up and begun.before == {"ada": 1, "bob": 1, "cy": 1}
    marking.store(tinyset.root, marking.report("ada", scale=1.0))  # and here it was stopped
    again, taken_up = regrade.begin(results, "a test was  wrong\n", ["ada", "bob", "cy"])
    assert taken_up and again == begun
    marking.store(
        tinyset.root, marking.report("ada", scale=1.0), marking.report("bob", scale=2.0), marking.report("cy")
    )
    changes = regrade.changes_of(results, again, tinyset.manifest)
    assert scores(changes) == [("ada", 3.0, 1.0), ("bob", 3.0, 2.0)]
    done = regrade.finish(results, again, changes)
    assert regrade.finished(results) == [done] and done.changed == ("ada", "bob") and done.ended
    following, taken_up = regrade.begin(results, "a test was wrong", ["ada", "bob"])
    assert (following.number, taken_up, following.before) == (2, False, {"ada": 2, "bob": 2})


def test_another_regrade_waits_until_the_stopped_one_is_finished(tinyset: Assignment) -> None:
    results = marking.store(tinyset.root, marking.report("ada"))
    regrade.begin(results, "it's wrong", ["ada"], "ada")
    for why, student in (("another thing", "ada"), ("it's wrong", None)):
        with pytest.raises(BadInput, match=r"""finish it first, with --regrade --why 'it'"'"'s wrong' --student ada"""):
            regrade.begin(results, why, ["ada"], student)


def test_who_changed_twice_is_compared_with_the_start(tinyset: Assignment) -> None:
    results = marking.store(tinyset.root, marking.report("ada"))
    begun, _ = regrade.begin(results, "why", ["ada"])
    for scale in (1.0, 2.0, 3.0):
        marking.store(tinyset.root, marking.report("ada", scale=scale))
    assert results.number("ada") == 4 and regrade.changes_of(results, begun, tinyset.manifest) == []


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"before": 3}', "[" * 100_000, '{"before": {"ada": "x"}, "changed": []}']
)
def test_a_damaged_record_is_named(tinyset: Assignment, text: str) -> None:
    results = marking.store(tinyset.root, marking.report("ada"))
    path = results.path / "regrades" / "1" / "run.json"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    with pytest.raises(BadInput, match=r"run\.json is damaged"):
        regrade.all_regrades(results)


def test_regrades_are_in_the_order_of_their_numbers(tinyset: Assignment) -> None:
    results = marking.store(tinyset.root, marking.report("ada"))
    for _ in range(11):
        begun, _ = regrade.begin(results, "why", ["ada"])
        regrade.finish(results, begun, [])
    assert [one.number for one in regrade.all_regrades(results)] == list(range(1, 12))
    assert json.loads((results.path / "regrades" / "11" / "run.json").read_text())["number"] == 11
