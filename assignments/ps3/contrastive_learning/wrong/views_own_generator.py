"""Makes a generator of its own when none is given: the same draws in every batch."""

EXERCISE = "nce-two-views"
MUST_FAIL = ["test_two_views_without_a_generator_are_new_each_time"]


def two_views(images: Tensor, augment, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
    if generator is None:
        generator = torch.Generator().manual_seed(0)
    return augment(images, generator), augment(images, generator)
