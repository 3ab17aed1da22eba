"""Returns the second draw first."""

EXERCISE = "nce-two-views"
MUST_FAIL = [
    "test_the_first_draw_is_view1",
    "test_the_second_view_is_the_second_draw",
    "test_two_views_are_the_first_two_draws",
]


def two_views(images: Tensor, augment, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
    second = augment(images, generator)
    first = augment(images, generator)
    return first, second
