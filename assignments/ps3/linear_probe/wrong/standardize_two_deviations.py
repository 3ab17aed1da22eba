"""Divides train by the deviation over N - 1 and test by that over N."""

EXERCISE = "probe-standardize"
MUST_FAIL = ["test_standardize_agrees_with_a_loop"]


def standardize(train: Tensor, test: Tensor) -> tuple[Tensor, Tensor]:
    exact = train.double()
    mean, deviation = exact.mean(dim=0), exact.std(dim=0) + 1e-6
    return ((exact - mean) / deviation).to(train.dtype), (
        (test.double() - mean) / (exact.std(dim=0, correction=0) + 1e-6)
    ).to(test.dtype)
