"""Moves each feature to the range from 0 to 1."""

EXERCISE = "probe-standardize"
MUST_FAIL = [
    "test_each_feature_gets_mean_0_and_deviation_1",
    "test_test_images_use_the_training_statistics",
    "test_standardize_agrees_with_a_loop",
]


def standardize(train: Tensor, test: Tensor) -> tuple[Tensor, Tensor]:
    exact = train.double()
    mean, deviation = exact.amin(dim=0), exact.amax(dim=0) - exact.amin(dim=0) + 1e-6
    return ((exact - mean) / deviation).to(train.dtype), ((test.double() - mean) / deviation).to(test.dtype)
