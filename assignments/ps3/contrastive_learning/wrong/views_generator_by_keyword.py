"""Counts on the augmentation calling its argument `generator`."""

EXERCISE = "nce-two-views"
MUST_FAIL = ["test_two_views_pass_arguments_by_position"]


def two_views(images: Tensor, augment, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
    return augment(images, generator=generator), augment(images, generator=generator)
