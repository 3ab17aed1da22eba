from __future__ import annotations

import csv
import io

import pytest

from autograder.csv_cells import harmless
from autograder.tests.hostile_words import WORDS, raw

SIGNS = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "﹦", "﹢", "﹣", "﹫", "−")
BEFORE = ("", " ", "\t", "\r", "\n", "x;", "x; ", "x,", "x|", "x\t", '"', "'", '";"', "\u00a0", "x;\n")


@pytest.mark.parametrize("sign", SIGNS)
@pytest.mark.parametrize("before", BEFORE)
def test_no_cell_begins_a_formula_whatever_separates_cells(sign: str, before: str) -> None:
    cell = harmless(f"{before}{sign}cmd|' /C calc'!A1")
    assert isinstance(cell, str)
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerow(["ada", cell, 1.5])
    for delimiter in ",;|\t":
        read = [part for row in csv.reader(io.StringIO(file.getvalue()), delimiter=delimiter) for part in row]
        assert not [part for part in read if part.lstrip(' \t\r\n\u00a0"').startswith(SIGNS)]


@pytest.mark.parametrize("value", [1, -1.5, 0.0, None, True, "-1.5", "+3", "1e-3", "-2.5E+10"])
def test_numbers_stay_numbers(value: object) -> None:
    assert harmless(value) is value


@pytest.mark.parametrize(
    "name", ["ada", "o'neill", "a-b", "x+y@example.org", "陈 小明", "Zoë", "s_01.2", "a=b", "12-34"]
)
def test_an_id_is_unchanged(name: str) -> None:
    assert harmless(name) == name


@pytest.mark.parametrize("value", ["-1.5;=1", "- 1", "-1.5-cmd()", "+1+1", "٣-1;=x", "-٣"])
def test_what_only_looks_like_a_number_is_none(value: str) -> None:
    assert harmless(value) != value


@pytest.mark.parametrize("word", WORDS.values(), ids=WORDS)
def test_a_cell_holds_nothing_that_nobody_sees(word: str) -> None:
    assert not raw(str(harmless(word)), lines=False)
