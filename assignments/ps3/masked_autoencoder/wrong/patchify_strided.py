"""Splits height and width the wrong way round: a patch is made of pixels far apart."""

EXERCISE = "mae-patchify"
MUST_FAIL = ["test_patchify_takes_patches_left_to_right_then_down", "test_patchify_agrees_with_a_slow_loop"]


def patchify(images: Tensor, patch_size: int) -> Tensor:
    batch, channels, height, width = images.shape
    if height % patch_size or width % patch_size:
        raise ValueError(f"{height}x{width} images cannot be cut into patches of {patch_size}")
    rows, columns = height // patch_size, width // patch_size
    x = images.reshape(batch, channels, patch_size, rows, patch_size, columns)
    x = x.permute(0, 3, 5, 2, 4, 1)
    return x.reshape(batch, rows * columns, patch_size * patch_size * channels)
