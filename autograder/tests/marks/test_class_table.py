import csv
import io

import pytest
from rich.console import Console

from autograder.marks import gradebook
from autograder.marks.class_table import as_csv, table
from autograder.marks.standings import standings
from autograder.tests import marking
from autograder.tests.marks.test_gradebook import mark


def standing_of(tinyset, *reports):
    results = marking.store(tinyset.root, *reports)
    gradebook.write(tinyset, results)
    return lambda: standings(tinyset.manifest, results, tinyset.root / "gradebook.db")


def printed(tinyset, rows, width=80):
    output = io.StringIO()
    Console(width=width, file=output).print(table(tinyset.manifest, rows, width))
    return output.getvalue()


def lines(tinyset, rows, width=80):
    """First word of each line to the other words."""
    text = printed(tinyset, rows, width)
    return {words[0]: words[1:] for line in text.splitlines() if (words := line.strip().split(maxsplit=5))}


def test_a_screen_that_is_too_narrow_gets_a_column_a_problem(tinyset):
    rows = standing_of(
        tinyset,
        marking.report("ada", scale=1.0),
        marking.report("bob-of-a-long-name", scale=None),
        marking.report("cy"),
    )()
    text = printed(tinyset, rows, width=50)
    assert "…" not in text and max(map(len, text.splitlines())) <= 50
    assert "1=scaling" in text and "--csv" in text
    shown = lines(tinyset, rows, width=50)
    assert shown["ada"] == ["3", "3", "to", "be", "marked"]
    assert shown["bob-of-a-long-name"] == ["–", "2", "partly", "graded"]
    assert shown["points"] == ["6", "6"]


def test_a_mark_by_hand_is_starred_in_its_problem(tinyset):
    now = standing_of(tinyset, marking.report("ada", scale=1.0))
    mark(tinyset, "ada", "tiny-why", 1.0)
    assert lines(tinyset, now(), width=30)["ada"][:2] == ["4*", "4"]


def records(rows):
    return {row["student"]: row for row in csv.DictReader(io.StringIO(as_csv(rows)))}


def test_the_table_shows_scores_totals_and_medians(tinyset):
    rows = standing_of(tinyset, marking.report("ada", scale=1.0), marking.report("bob"), marking.report("cy"))()
    shown = lines(tinyset, rows)
    assert shown["ada"] == ["1", "2", "–", "3", "to be marked"]
    assert shown["median"][:4] == ["3", "2", "–", "5"]
    assert shown["points"][:4] == ["3", "2", "1", "6"]


def test_the_caption_names_the_columns(tinyset):
    text = printed(tinyset, standing_of(tinyset, marking.report("ada"))())
    assert "1=tiny-scale, 2=tiny-scaler, 3=tiny-why" in text


def test_what_is_not_graded_is_a_dash_and_counts_in_no_median(tinyset):
    rows = standing_of(
        tinyset, marking.report("ada", scale=None), marking.report("bob", scale=None, scaler=None), marking.report("cy")
    )()
    shown = lines(tinyset, rows)
    assert shown["ada"] == ["–", "2", "–", "2", "partly graded"]
    assert shown["bob"] == ["–", "–", "–", "–", "not graded"]
    assert shown["median"][0] == "3"


def test_a_mark_by_hand_counts_and_is_starred(tinyset):
    now = standing_of(tinyset, marking.report("ada", scale=1.0))
    mark(tinyset, "ada", "tiny-scale-check", 2.5)
    mark(tinyset, "ada", "tiny-why", 1.0, extra=0.25)
    assert lines(tinyset, now())["ada"] == ["2.5*", "2", "1.25*", "5.75", "complete"]


def test_the_export_leaves_fields_empty_where_there_is_no_result(tinyset):
    rows = standing_of(tinyset, marking.report("ada", scale=None), marking.report("bob"))()
    ada, bob = records(rows)["ada"], records(rows)["bob"]
    assert (ada["tiny-scale"], ada["tiny-scaler"], ada["total"], ada["reason"]) == ("", "2.0", "", "the worker ended")
    assert (bob["tiny-why"], bob["auto_score"], bob["total"], bob["max_total"]) == ("", "5.0", "5.0", "6.0")


def test_automatic_scores_come_from_results_and_marks_from_the_gradebook(tinyset):
    now = standing_of(tinyset, marking.report("ada"))
    mark(tinyset, "ada", "tiny-why", 1.0)
    marking.store(tinyset.root, marking.report("ada", scale=0.5))
    assert [records(now())["ada"][name] for name in ("tiny-scale", "tiny-why", "auto_score")] == ["0.5", "1.0", "2.5"]


def test_a_students_name_is_no_formula_in_a_spreadsheet(tinyset):
    rows = standing_of(tinyset, marking.report("=1+1"))()
    assert "'=1+1" in records(rows)


@pytest.mark.parametrize("name", ["[red]ada", "[link=x]"])
def test_a_students_name_is_no_markup(tinyset, name):
    assert name in printed(tinyset, standing_of(tinyset, marking.report(name))())
