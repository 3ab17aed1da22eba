"""Makes the second view out of the first."""

EXERCISE = "nce-two-views"
MUST_FAIL = ["test_the_second_view_is_the_second_draw", "test_two_views_are_the_first_two_draws"]


def two_views(images: Tensor, augment, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
    view = augment(images, generator)
    return view, view.flip(-1)
