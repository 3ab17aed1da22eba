"""Divides by a deviation of 0."""

EXERCISE = "probe-standardize"
MUST_FAIL = ["test_a_constant_feature_becomes_small", "test_constant_features_of_any_size_become_small"]


def standardize(train: Tensor, test: Tensor) -> tuple[Tensor, Tensor]:
    exact = train.double()
    mean, deviation = exact.mean(dim=0), exact.std(dim=0)
    return ((exact - mean) / deviation).to(train.dtype), ((test.double() - mean) / deviation).to(test.dtype)
