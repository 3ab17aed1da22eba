"""Adds 1e-6 to the deviation but computes in float32, where the mean of 100.3 is rounded by more."""

EXERCISE = "probe-standardize"
MUST_FAIL = ["test_a_constant_feature_becomes_small", "test_constant_features_of_any_size_become_small"]


def standardize(train: Tensor, test: Tensor) -> tuple[Tensor, Tensor]:
    mean, deviation = train.mean(dim=0), train.std(dim=0) + 1e-6
    return (train - mean) / deviation, (test - mean) / deviation
