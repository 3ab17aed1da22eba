"""Divides by the deviation and leaves the mean."""

EXERCISE = "probe-standardize"
MUST_FAIL = ["test_each_feature_gets_mean_0_and_deviation_1", "test_test_images_use_the_training_statistics"]


def standardize(train: Tensor, test: Tensor) -> tuple[Tensor, Tensor]:
    exact = train.double()
    deviation = exact.std(dim=0) + 1e-6
    return (exact / deviation).to(train.dtype), (test.double() / deviation).to(test.dtype)
