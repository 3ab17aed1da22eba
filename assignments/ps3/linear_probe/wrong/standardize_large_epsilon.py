"""Adds so much to the deviation that small features shrink."""

EXERCISE = "probe-standardize"
MUST_FAIL = ["test_small_and_large_features_get_deviation_1"]


def standardize(train: Tensor, test: Tensor) -> tuple[Tensor, Tensor]:
    exact = train.double()
    mean, deviation = exact.mean(dim=0), exact.std(dim=0) + 1e-2
    return ((exact - mean) / deviation).to(train.dtype), ((test.double() - mean) / deviation).to(test.dtype)
