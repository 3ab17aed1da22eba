"""Stacks the draws and takes them apart again."""

EXERCISE = "nce-two-views"


def two_views(images: Tensor, augment, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
    return torch.stack([augment(images, generator), augment(images, generator)]).unbind(0)
