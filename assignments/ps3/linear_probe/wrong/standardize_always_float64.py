"""Computes in float64 and forgets to come back."""

EXERCISE = "probe-standardize"
MUST_FAIL = ["test_each_feature_gets_mean_0_and_deviation_1", "test_a_constant_feature_becomes_small"]


def standardize(train: Tensor, test: Tensor) -> tuple[Tensor, Tensor]:
    exact = train.double()
    mean, deviation = exact.mean(dim=0), exact.std(dim=0) + 1e-6
    return ((exact - mean) / deviation), ((test.double() - mean) / deviation)
