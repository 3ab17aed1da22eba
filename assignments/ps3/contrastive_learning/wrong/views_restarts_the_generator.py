"""Sets the generator back to its seed before the second view."""

EXERCISE = "nce-two-views"
MUST_FAIL = ["test_two_views_differ", "test_the_second_view_is_the_second_draw"]


def two_views(images: Tensor, augment, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
    view1 = augment(images, generator)
    if generator is not None:
        generator.manual_seed(generator.initial_seed())
    else:
        torch.manual_seed(0)
    return view1, augment(images, generator)
