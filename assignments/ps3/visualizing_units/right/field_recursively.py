"""First and last pixel along one direction, by recursion; a list of four."""

EXERCISE = "units-receptive-field"


def first_and_last(layers, first, last):
    if not layers:
        return first, last
    *below, (k, s, p) = layers
    return first_and_last(below, first * s - p, last * s - p + k - 1)


def receptive_field(layers: list[tuple[int, int, int]], row: int, column: int) -> tuple[int, int, int, int]:
    (top, bottom), (left, right) = (first_and_last(list(layers), place, place) for place in (row, column))
    return [top, left, bottom + 1, right + 1]
