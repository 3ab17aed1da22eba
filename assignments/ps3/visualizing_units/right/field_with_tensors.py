"""Follows both corners as vectors; the answer holds whole floats."""

EXERCISE = "units-receptive-field"


def receptive_field(layers: list[tuple[int, int, int]], row: int, column: int) -> tuple[int, int, int, int]:
    low = torch.tensor([row, column], dtype=torch.float64)
    high = low.clone()
    for index in range(len(layers) - 1, -1, -1):
        kernel, stride, padding = layers[index]
        low, high = low * stride - padding, high * stride - padding + kernel - 1
    return (*low.tolist(), *(high + 1).tolist())
