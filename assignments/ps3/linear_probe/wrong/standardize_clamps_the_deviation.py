"""Clamps the deviation at 1e-8, far below the rounding of a float32 mean."""

EXERCISE = "probe-standardize"
MUST_FAIL = ["test_constant_features_of_any_size_become_small"]


def standardize(train: Tensor, test: Tensor) -> tuple[Tensor, Tensor]:
    mean, deviation = train.mean(dim=0), train.std(dim=0).clamp(min=1e-8)
    return (train - mean) / deviation, (test - mean) / deviation
