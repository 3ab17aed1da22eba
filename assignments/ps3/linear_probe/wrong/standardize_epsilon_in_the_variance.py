"""Adds 1e-5 to the variance, as BatchNorm does: small features shrink."""

EXERCISE = "probe-standardize"
MUST_FAIL = ["test_small_and_large_features_get_deviation_1"]


def standardize(train: Tensor, test: Tensor) -> tuple[Tensor, Tensor]:
    exact = train.double()
    mean, deviation = exact.mean(dim=0), (exact.var(dim=0) + 1e-5).sqrt()
    return ((exact - mean) / deviation).to(train.dtype), ((test.double() - mean) / deviation).to(test.dtype)
