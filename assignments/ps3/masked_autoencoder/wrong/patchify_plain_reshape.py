"""Believes that a reshape alone cuts squares: takes runs of pixels instead."""

EXERCISE = "mae-patchify"
MUST_FAIL = [
    "test_patchify_takes_patches_left_to_right_then_down",
    "test_patchify_keeps_channels_together_inside_a_patch",
]


def patchify(images: Tensor, patch_size: int) -> Tensor:
    batch, channels, height, width = images.shape
    if height % patch_size or width % patch_size:
        raise ValueError(f"{height}x{width} images cannot be cut into patches of {patch_size}")
    rows, columns = height // patch_size, width // patch_size
    return images.reshape(batch, rows * columns, patch_size * patch_size * channels)
