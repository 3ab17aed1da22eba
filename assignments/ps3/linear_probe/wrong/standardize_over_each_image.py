"""Gives each image mean 0 and deviation 1, in place of each feature."""

EXERCISE = "probe-standardize"
MUST_FAIL = ["test_each_feature_gets_mean_0_and_deviation_1"]


def standardize(train: Tensor, test: Tensor) -> tuple[Tensor, Tensor]:
    return tuple(
        ((part - part.mean(dim=1, keepdim=True)) / (part.std(dim=1, keepdim=True) + 1e-6)).to(part.dtype)
        for part in (train, test)
    )
