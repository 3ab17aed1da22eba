"""Standardises the test images by their own mean and deviation."""

EXERCISE = "probe-standardize"
MUST_FAIL = [
    "test_test_images_use_the_training_statistics",
    "test_standardize_agrees_with_a_loop",
    "test_a_test_image_alone_is_treated_as_among_others",
]


def standardize(train: Tensor, test: Tensor) -> tuple[Tensor, Tensor]:
    results = []
    for part in (train.double(), test.double()):
        results.append((part - part.mean(dim=0)) / (part.std(dim=0, correction=0) + 1e-6))
    return results[0].to(train.dtype), results[1].to(test.dtype)
