"""Forgets to hand the generator on."""

EXERCISE = "nce-two-views"
MUST_FAIL = ["test_the_first_draw_is_view1", "test_two_views_pass_arguments_by_position"]


def two_views(images: Tensor, augment, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
    return augment(images), augment(images)
