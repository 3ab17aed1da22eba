"""Prepares room for views as large as the images."""

EXERCISE = "nce-two-views"
MUST_FAIL = ["test_two_views_may_be_smaller_than_the_images"]


def two_views(images: Tensor, augment, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
    views = torch.empty(2, *images.shape, dtype=images.dtype, device=images.device)
    views[0] = augment(images, generator)
    views[1] = augment(images, generator)
    return views[0], views[1]
