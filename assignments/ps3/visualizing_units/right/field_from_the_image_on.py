"""Goes from the image on: the step between units, the size of what one sees, and where unit 0 begins."""

EXERCISE = "units-receptive-field"


def receptive_field(layers: list[tuple[int, int, int]], row: int, column: int) -> tuple[int, int, int, int]:
    step, size, start = 1, 1, 0
    for kernel, stride, padding in layers:
        start -= padding * step
        size += (kernel - 1) * step
        step *= stride
    top, left = start + row * step, start + column * step
    return top, left, top + size, left + size
