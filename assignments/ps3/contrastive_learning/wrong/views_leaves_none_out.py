"""Calls the augmentation without a second argument when there is no generator."""

EXERCISE = "nce-two-views"
MUST_FAIL = ["test_two_views_pass_arguments_by_position"]


def two_views(images: Tensor, augment, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
    more = () if generator is None else (generator,)
    return augment(images, *more), augment(images, *more)
