"""Saves memory by putting the second view where the images were."""

EXERCISE = "nce-two-views"
MUST_FAIL = ["test_two_views_leave_the_images_alone"]


def two_views(images: Tensor, augment, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
    view1 = augment(images, generator)
    images.copy_(augment(images, generator))
    return view1, images
