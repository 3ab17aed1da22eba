"""Public tests of Problem1."""

from kit import assert_equal, assert_raises, exercise

squares = exercise("squares")
sum_of_squares = exercise("sum_of_squares")


@squares(
    "Check that squares returns the correct output for several inputs",
    hint="Read once more: Part A (2 points).",
    weight=0.1,
)
def test_correct_squares(student):
    assert_equal(student.squares(11), [1, 4, 9, 16, 25, 36, 49, 64, 81, 100, 121], what="squares(11)", any_kind=True)


@squares("Check that squares raises an error for invalid inputs", hint="Read once more: Part A (2 points).", weight=0.1)
def test_squares_invalid_input(student):
    assert_raises(ValueError, lambda: student.squares(-4), what="squares(-4)")
    assert_equal(student.squares(11), [1, 4, 9, 16, 25, 36, 49, 64, 81, 100, 121], what="squares(11)", any_kind=True)


@sum_of_squares(
    "Check that sum_of_squares returns the correct answer for various inputs",
    hint="Read once more: Part B (1 point).",
    weight=0.05,
)
def test_correct_sum_of_squares(student):
    assert_equal(student.sum_of_squares(10), 385, what="sum_of_squares(10)", any_kind=True)
