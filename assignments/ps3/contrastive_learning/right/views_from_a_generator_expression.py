"""One line, the same two calls."""

EXERCISE = "nce-two-views"


def two_views(images: Tensor, augment, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
    return tuple(augment(images, generator) for _ in range(2))
