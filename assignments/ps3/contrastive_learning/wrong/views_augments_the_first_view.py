"""Augments the first view once more instead of the images."""

EXERCISE = "nce-two-views"
MUST_FAIL = ["test_both_views_start_from_the_images", "test_two_views_are_the_first_two_draws"]


def two_views(images: Tensor, augment, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
    view1 = augment(images, generator)
    return view1, augment(view1, generator)
