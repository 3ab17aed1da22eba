"""Cuts the views off from the images."""

EXERCISE = "nce-two-views"
MUST_FAIL = ["test_gradients_pass_through_both_views"]


def two_views(images: Tensor, augment, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
    with torch.no_grad():
        return augment(images, generator), augment(images, generator)
