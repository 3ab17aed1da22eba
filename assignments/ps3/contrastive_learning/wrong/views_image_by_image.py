"""Calls the augmentation once for every image."""

EXERCISE = "nce-two-views"
MUST_FAIL = ["test_two_views_call_the_augmentation_twice"]


def two_views(images: Tensor, augment, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
    views = [torch.cat([augment(image[None], generator) for image in images]) for _ in range(2)]
    return views[0], views[1]
