"""The assertions that every test of an assignment is written with."""

import math
from collections.abc import Callable

import pytest
import torch

from kit.compare import CheckFailed, assert_raises, assert_same, expect_number, expect_tensor, expect_tuple
from kit.student import STUDENT_ERRORS, StudentCrashed, StudentError, StudentMissing, StudentTimeout
from kit.wire import WireError


def test_equal_tensors_pass() -> None:
    assert_same(torch.ones(2, 3), torch.ones(2, 3), what="ones")
    assert_same(torch.tensor([1, 2]), torch.tensor([1, 2]), what="ids")
    assert_same(torch.zeros(0, 3), torch.zeros(0, 3), what="nothing")


def test_a_difference_names_what_where_how_far_and_both_values() -> None:
    with pytest.raises(CheckFailed) as caught:
        assert_same(torch.tensor([[1.0, 2.0], [3.0, 9.0]]), torch.tensor([[1.0, 2.0], [3.0, 4.0]]), what="the result")
    text = "the result: off by 5 at index (1, 1): yours 9.0000, expected 4.0000; 1 of 4 values differ"
    assert str(caught.value) == text


def test_a_float64_answer_is_held_to_more_digits_than_a_float32_one() -> None:
    expected = torch.ones(2, dtype=torch.float64)
    with pytest.raises(CheckFailed):
        assert_same(expected + 1e-7, expected, what="x")
    assert_same(expected.float() + 1e-6, expected.float(), what="x")


def test_integers_must_agree_exactly_and_large_ones_are_told_apart() -> None:
    with pytest.raises(CheckFailed, match="yours 3, expected 2"):
        assert_same(torch.tensor([1, 3]), torch.tensor([1, 2]), what="ids")


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "got None"),
        ("text", "got a str"),
        ((torch.ones(2),), "got a tuple of 1"),
        (torch.ones(3), "expected shape (2,), got (3,)"),
        (torch.ones(2, dtype=torch.float64), "expected float32, got float64"),
        (torch.ones(2, dtype=torch.complex64), "expected float32, got complex64"),
        (torch.tensor([1.0, math.nan]), "1 of 2 values are NaN"),
        (torch.tensor([1.0, math.inf]), "1 of 2 values are NaN or infinite"),
        (torch.empty(2, device="meta"), "meta"),
    ],
)
def test_nonsense_fails_with_a_message(value: object, said: str) -> None:
    with pytest.raises(CheckFailed) as caught:
        assert_same(value, torch.ones(2), what="x")
    assert said in str(caught.value)


def test_an_open_dtype_accepts_any_float_but_no_integer() -> None:
    assert_same(torch.ones(2, dtype=torch.float64), torch.ones(2), what="mask", any_float=True)
    with pytest.raises(CheckFailed, match="floating"):
        assert_same(torch.ones(2, dtype=torch.int64), torch.ones(2), what="mask", any_float=True)


def test_the_same_infinity_is_no_difference_and_the_other_one_is() -> None:
    expected = torch.tensor([math.inf, 1.0])
    assert_same(torch.tensor([math.inf, 1.0]), expected, what="x")
    with pytest.raises(CheckFailed):
        assert_same(torch.tensor([-math.inf, 1.0]), expected, what="x")
    with pytest.raises(CheckFailed):
        assert_same(torch.tensor([2.0, 1.0]), expected, what="x")


def test_relative_tolerance_grows_with_the_expected_value() -> None:
    assert_same(torch.tensor([1000.5]), torch.tensor([1000.0]), what="x", rtol=1e-3)
    with pytest.raises(CheckFailed):
        assert_same(torch.tensor([1.5]), torch.tensor([1.0]), what="x", rtol=1e-3)


def test_a_hint_of_the_assertion_travels_with_it() -> None:
    with pytest.raises(CheckFailed) as caught:
        assert_same(torch.zeros(1), torch.ones(1), what="x", hint="think again")
    assert caught.value.hint == "think again"


def test_a_tuple_of_the_wrong_length_is_told() -> None:
    assert expect_tuple([1, 2], 2, what="x") == (1, 2)
    with pytest.raises(CheckFailed, match="expected 3 values, got 2"):
        expect_tuple((1, 2), 3, what="x")
    with pytest.raises(CheckFailed, match="got a tensor of shape"):
        expect_tuple(torch.ones(2), 2, what="x")


def test_a_number_is_a_plain_finite_number() -> None:
    assert expect_number(0.5, what="x") == 0.5
    for bad in (torch.tensor(0.5), True, 1, None, math.nan, "0.5"):
        with pytest.raises(CheckFailed):
            expect_number(bad, what="x")


def test_a_kind_of_dtype_is_enough_where_the_text_leaves_it_open() -> None:
    expect_tensor(torch.ones(1, dtype=torch.float16), what="x", dtype="floating")
    expect_tensor(torch.ones(1, dtype=torch.int32), what="x", dtype="integer")
    for bad in (torch.ones(1), torch.ones(1, dtype=torch.bool), torch.ones(1, dtype=torch.complex64)):
        with pytest.raises(CheckFailed):
            expect_tensor(bad, what="x", dtype="integer")


def test_an_expected_error_that_does_not_come_is_told() -> None:
    def refuse() -> None:
        raise ValueError("no")

    assert str(assert_raises(ValueError, refuse, what="x")) == "no"
    with pytest.raises(CheckFailed, match="expected a ValueError, but it returned None"):
        assert_raises(ValueError, lambda: None, what="x")


def raising(kind: str, text: str = "") -> Callable[[], None]:
    error = StudentMissing() if kind == "MissingName" else STUDENT_ERRORS[kind]()
    error.shown, error.text, error.line = kind, text, 10

    def call() -> None:
        raise error

    return call


def test_another_exception_than_the_expected_one_is_told_with_its_place() -> None:
    with pytest.raises(CheckFailed) as caught:
        assert_raises(ValueError, raising("AssertionError", "no"), what="x", hint="think again")
    assert str(caught.value) == "x: expected a ValueError, got AssertionError in your cell, line 10: no"
    assert caught.value.hint == "think again"


@pytest.mark.parametrize("kind", ["NotImplementedError", "NameError", "MissingName"])
def test_what_is_not_written_yet_passes_through(kind: str) -> None:
    with pytest.raises(StudentError) as caught:
        assert_raises(ValueError, raising(kind), what="x")
    assert caught.value.shown == kind


@pytest.mark.parametrize("error", [StudentTimeout("slow"), StudentCrashed("gone"), WireError("nonsense")])
def test_what_ends_the_far_side_passes_through(error: Exception) -> None:
    def call() -> None:
        raise error

    with pytest.raises(type(error)):
        assert_raises(ValueError, call, what="x")


def test_a_stub_does_not_count_as_the_expected_error() -> None:
    def stub() -> None:
        raise NotImplementedError("write this function")

    with pytest.raises(NotImplementedError):
        assert_raises(RuntimeError, stub, what="x")
