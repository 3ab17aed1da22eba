"""Augments once and returns the result twice."""

EXERCISE = "nce-two-views"
MUST_FAIL = ["test_two_views_differ", "test_the_second_view_is_the_second_draw"]


def two_views(images: Tensor, augment, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
    view = augment(images, generator)
    return view, view
