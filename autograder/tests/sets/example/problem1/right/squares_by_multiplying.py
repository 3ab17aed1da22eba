"""Multiplies, one by one."""

EXERCISE = "squares"


def squares(n):
    if n <= 0:
        raise ValueError("n is too small")
    found = []
    for number in range(1, n + 1):
        found.append(number * number)
    return found
