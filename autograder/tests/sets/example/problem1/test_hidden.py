# kit-canary-6e62677261646572: not to be published
"""Hidden tests of Problem1."""

from kit import assert_equal, assert_raises, exercise

squares = exercise("squares")
sum_of_squares = exercise("sum_of_squares")


@squares(
    "Check that squares returns the correct output for several inputs",
    hint="Read once more: Part A (2 points).",
    weight=0.9,
)
def test_correct_squares_hidden(student):
    assert_equal(student.squares(1), [1], what="squares(1)", any_kind=True)
    assert_equal(student.squares(2), [1, 4], what="squares(2)", any_kind=True)
    assert_equal(student.squares(10), [1, 4, 9, 16, 25, 36, 49, 64, 81, 100], what="squares(10)", any_kind=True)


@squares("Check that squares raises an error for invalid inputs", hint="Read once more: Part A (2 points).", weight=0.9)
def test_squares_invalid_input_hidden(student):
    assert_raises(ValueError, lambda: student.squares(0), what="squares(0)")
    assert_equal(student.squares(10), [1, 4, 9, 16, 25, 36, 49, 64, 81, 100], what="squares(10)", any_kind=True)


@sum_of_squares(
    "Check that sum_of_squares returns the correct answer for various inputs",
    hint="Read once more: Part B (1 point).",
    weight=0.45,
)
def test_correct_sum_of_squares_hidden(student):
    assert_equal(student.sum_of_squares(1), 1, what="sum_of_squares(1)", any_kind=True)
    assert_equal(student.sum_of_squares(2), 5, what="sum_of_squares(2)", any_kind=True)
    assert_equal(student.sum_of_squares(11), 506, what="sum_of_squares(11)", any_kind=True)
