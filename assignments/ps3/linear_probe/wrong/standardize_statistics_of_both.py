"""Takes mean and deviation over training and test images together."""

EXERCISE = "probe-standardize"
MUST_FAIL = [
    "test_test_images_use_the_training_statistics",
    "test_standardize_agrees_with_a_loop",
    "test_a_test_image_alone_is_treated_as_among_others",
]


def standardize(train: Tensor, test: Tensor) -> tuple[Tensor, Tensor]:
    exact = train.double()
    everything = torch.cat([exact, test.double()])
    mean, deviation = everything.mean(dim=0), everything.std(dim=0) + 1e-6
    return ((exact - mean) / deviation).to(train.dtype), ((test.double() - mean) / deviation).to(test.dtype)
