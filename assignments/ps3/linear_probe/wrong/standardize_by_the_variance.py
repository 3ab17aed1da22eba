"""Divides by the variance."""

EXERCISE = "probe-standardize"
MUST_FAIL = [
    "test_each_feature_gets_mean_0_and_deviation_1",
    "test_standardize_agrees_with_a_loop",
    "test_small_and_large_features_get_deviation_1",
]


def standardize(train: Tensor, test: Tensor) -> tuple[Tensor, Tensor]:
    exact = train.double()
    mean, deviation = exact.mean(dim=0), exact.var(dim=0) + 1e-6
    return ((exact - mean) / deviation).to(train.dtype), ((test.double() - mean) / deviation).to(test.dtype)
