"""Stays in float32: takes the first row off, so that constant features are exactly 0 from then on."""

EXERCISE = "probe-standardize"


def standardize(train: Tensor, test: Tensor) -> tuple[Tensor, Tensor]:
    first = train[:1]
    moved = train - first
    mean, deviation = moved.mean(dim=0), moved.std(dim=0) + 1e-7
    return (moved - mean) / deviation, (test - first - mean) / deviation
