"""Returns float32 whatever came in."""

EXERCISE = "probe-standardize"
MUST_FAIL = ["test_standardize_in_float64"]


def standardize(train: Tensor, test: Tensor) -> tuple[Tensor, Tensor]:
    exact = train.double()
    mean, deviation = exact.mean(dim=0), exact.std(dim=0) + 1e-6
    return ((exact - mean) / deviation).float(), ((test.double() - mean) / deviation).float()
