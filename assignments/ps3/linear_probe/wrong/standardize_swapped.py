"""Returns test before train."""

EXERCISE = "probe-standardize"
MUST_FAIL = [
    "test_each_feature_gets_mean_0_and_deviation_1",
    "test_test_images_use_the_training_statistics",
    "test_standardize_agrees_with_a_loop",
]


def standardize(train: Tensor, test: Tensor) -> tuple[Tensor, Tensor]:
    exact = train.double()
    mean, deviation = exact.mean(dim=0), exact.std(dim=0) + 1e-6
    return ((test.double() - mean) / deviation).to(test.dtype), ((exact - mean) / deviation).to(train.dtype)
