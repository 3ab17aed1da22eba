"""Writes into the caller's features."""

EXERCISE = "probe-standardize"
MUST_FAIL = ["test_standardize_agrees_with_a_loop", "test_standardize_in_float64"]


def standardize(train: Tensor, test: Tensor) -> tuple[Tensor, Tensor]:
    exact = train.double()
    mean, deviation = exact.mean(dim=0).to(train.dtype), (exact.std(dim=0) + 1e-6).to(train.dtype)
    small = deviation < 2e-6
    train.sub_(mean).div_(deviation).masked_fill_(small, 0.0)
    test.sub_(mean).div_(deviation)
    return train, test
