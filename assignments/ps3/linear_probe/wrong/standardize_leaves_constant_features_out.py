"""Leaves constant features out, so that rows get shorter."""

EXERCISE = "probe-standardize"
MUST_FAIL = ["test_a_constant_feature_becomes_small", "test_constant_features_of_any_size_become_small"]


def standardize(train: Tensor, test: Tensor) -> tuple[Tensor, Tensor]:
    exact = train.double()
    varies = exact.std(dim=0) > 1e-6
    mean, deviation = exact.mean(dim=0)[varies], exact.std(dim=0)[varies]
    train_left, test_left = exact[:, varies], test.double()[:, varies]
    return ((train_left - mean) / deviation).to(train.dtype), ((test_left - mean) / deviation).to(test.dtype)
