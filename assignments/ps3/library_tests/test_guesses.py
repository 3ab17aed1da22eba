"""Guesses as students type them: read where they can be, one line where not, never an exception."""

import math

import pytest

from ps3 import guesses, plots

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
ODD = [None, "", [], {}, ..., "0.4", "forty", 40, -3, 1e9, math.nan, math.inf, True, 1j, [1], [[1, 2], [3]], [None],
       {"a": 1}, {1, 2}, object, b"x", (0, 4), "a,b", range(3), len, ["cat", 7, None], [("cat", None)]]  # fmt: skip


@pytest.mark.parametrize(
    ("typed", "read"),
    [(0.4, 0.4), ("0.4", 0.4), (" .4 ", 0.4), ("0,4", 0.4), ((0, 4), 0.4), ([0.4], 0.4), ("40%", 0.4), ("40 %", 0.4),
     (40, 0.4), ("40", 0.4), (1, 1.0), (None, None), ("", None)],
)  # fmt: skip
def test_a_share_is_read_in_the_forms_that_people_type(typed, read):
    found = guesses.number(typed, 0, 1)
    assert found == read if read is None else found == pytest.approx(read)


def test_reading_a_percentage_as_a_share_is_said_aloud(capsys):
    assert guesses.number(40, 0, 1, called="guess_knn") == pytest.approx(0.4)
    assert capsys.readouterr().out == "guess_knn: 40 is read as 0.4\n"


@pytest.mark.parametrize("typed", ["forty", 140, -0.1, math.nan, True, [0.1, 0.2], {"a": 0.4}, object])
def test_what_is_no_share_gives_one_line_that_says_what_was_expected(typed, capsys):
    assert guesses.number(typed, 0, 1, called="guess_knn") is None
    out = capsys.readouterr().out
    assert out.startswith("guess_knn: ") and "a number from 0 to 1" in out and out.count("\n") == 1


def test_a_number_may_be_a_word_or_one_of_some_values(capsys):
    assert guesses.number("NaN", words=("nan",)) == "nan" and guesses.number("No end", words=("no end",)) == "no end"
    assert guesses.number("0.75", choices=(0.25, 0.75)) == 0.75 and guesses.number(75, 0, 1, choices=(0.75,)) == 0.75
    assert guesses.number(0.8, choices=(0.25, 0.75)) is None
    assert "expected one of 0.25, 0.75" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("car", "automobile"), ("Frog", "frog"), (" HORSE ", "horse"), ("plane", "airplane"), ("cats", "cat"),
     ("lorry", "truck"), ("boats", "ship"), (["deer"], "deer"), ('"dog"', "dog")],
)  # fmt: skip
def test_a_class_is_recognised_by_other_names_and_spellings(typed, meant):
    assert guesses.one_of(typed, CLASSES) == meant


def test_an_exact_choice_goes_before_another_name():
    assert guesses.one_of("car", ("car", "automobile")) == "car"


def test_seven_names_for_eight_count_as_seven(capsys):
    found = guesses.names(["frog"] * 6 + ["Car"], 8, CLASSES, called="guess_names")
    assert found == ["frog"] * 6 + ["automobile", None]
    assert "7 in place of 8 names" in capsys.readouterr().out


def test_names_in_one_text_and_unknown_ones_among_them(capsys):
    assert guesses.names("frog, car, unicorn", 3, CLASSES) == ["frog", "automobile", None]
    assert "'unicorn' cannot be read" in capsys.readouterr().out
    assert guesses.names([None] * 3, 3, CLASSES) == [None] * 3 and not capsys.readouterr().out


def test_pairs_may_be_a_flat_list_texts_or_half_filled(capsys):
    assert guesses.pairs([0, 3, 1, 2], 2, 3) == [(0, 3), (1, 2)]
    assert guesses.pairs([["0", "3"], (1, 2)], 2, 3) == [(0, 3), (1, 2)]
    assert guesses.pairs([(None, None), (1, 2)], 2, 3) == [(1, 2)] and not capsys.readouterr().out
    assert guesses.pairs([(0, 3), (1, None)], 2, 3) == [(0, 3)]
    assert guesses.pairs([(0, 3), (1, 1)], 2, 3) == [(0, 3)]
    assert guesses.pairs([(0, 99)], 1, 3) == []
    assert capsys.readouterr().out.count("two different numbers from 0 to 3") == 3


def test_guesses_by_name_may_be_a_list_a_number_or_a_table_with_gaps(capsys):
    wanted = ("pixels", "random transformer", "MAE")
    assert guesses.by_name([0.3, "0.4", 50], wanted) == {"pixels": 0.3, "random transformer": 0.4, "MAE": 0.5}
    assert guesses.by_name({"mae": "0.5"}, wanted) == {"pixels": None, "random transformer": None, "MAE": 0.5}
    assert guesses.by_name(0.5, ("MAE",)) == {"MAE": 0.5}
    capsys.readouterr()
    assert guesses.by_name({"MEA": 0.5}, wanted) == dict.fromkeys(wanted)
    assert "there is no 'MEA' here, only pixels, random transformer, MAE" in capsys.readouterr().out


def test_two_of_some_names():
    assert guesses.two_of(("Cat", "car"), CLASSES) == ("cat", "automobile")
    assert guesses.two_of("cat, dog", CLASSES) == ("cat", "dog")
    assert guesses.two_of(("cat",), CLASSES) is None and guesses.two_of(("cat", "cat"), CLASSES) is None


def test_yes_and_no():
    assert [guesses.yes_or_no(typed) for typed in (True, "no", "False", "Yes", None)] == [
        True,
        False,
        False,
        True,
        None,
    ]


@pytest.mark.parametrize("typed", ODD, ids=repr)
def test_nothing_that_can_be_typed_stops_a_notebook(typed):
    guesses.number(typed, 0, 1, words=("nan",))
    guesses.one_of(typed, CLASSES)
    guesses.yes_or_no(typed)
    guesses.two_of(typed, CLASSES)
    assert len(guesses.names(typed, 8, CLASSES)) == 8 and len(guesses.numbers(typed, 4, 0, 63)) == 4
    assert list(guesses.by_name(typed, ("pixels", "MAE"))) == ["pixels", "MAE"]
    assert all(len(pair) == 2 for pair in guesses.pairs(typed, 6, 11))


@pytest.mark.parametrize("typed", ODD, ids=repr)
def test_no_guess_stops_a_figure(typed):
    plots.dots(["pixels", "MAE"], [0.3, 0.5], chance=0.1, guesses={"pixels": typed})
    plots.dots(["pixels", "MAE"], [0.3, 0.5], chance=0.1, guesses=typed)
    plots.curve([1, 2, 3], [3, 2, 1], guess=typed)
    plots.number_line({"yours": 1.0, "your guess": typed}, {"chance": 2.0})


@pytest.mark.parametrize(
    ("typed", "default", "high", "used"),
    [(5, 7, 7, 5), ("5", 7, 7, 5), (0, 7, 7, 0), (0.4, 0.25, 0.95, 0.4), ("0,4", 0.25, 0.95, 0.4),
     (40, 0.25, 0.95, 0.4), ("40 %", 0.25, 0.95, 0.4), ("False", True, 1, False), (False, True, 1, False),
     ("yes", False, 1, True)],
)  # fmt: skip
def test_a_setting_is_read_as_its_default_is_and_nothing_is_said(typed, default, high, used, capsys):
    found = guesses.setting(typed, default, 0, high)
    assert found == used and type(found) is type(used) and capsys.readouterr().out == ""


@pytest.mark.parametrize("default", [7, 0.25, True])
@pytest.mark.parametrize("typed", [thing for thing in ODD if thing not in ("0.4", True, (0, 4), [1], 40)] + [-2, 140])
def test_a_setting_that_cannot_be_used_gives_the_default_and_a_line_that_says_so(typed, default, capsys):
    assert guesses.setting(typed, default, 0, 7 if default == 7 else 0.3, called="photo") == default
    out = capsys.readouterr().out
    assert out.startswith("photo: ") and f"Here it is {default}." in out and out.count("\n") == 1
